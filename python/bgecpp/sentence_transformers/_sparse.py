"""Sparse vectors where torch is not installed: what SparseEncoder.encode then returns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._arrays import Array


class SparseVectors:
    """Rows of numbers that are mostly zero (CSR).

    shape: (N, D), or (D,) for a single one. indptr (N + 1,), int64: row i has entries
    indptr[i]:indptr[i + 1] of indices (its columns, ascending) and data (float32). scipy.sparse
    takes them as they are: csr_array((v.data, v.indices, v.indptr), v.shape).
    """

    def __init__(self, data: Array, indices: Array, indptr: Array, shape: tuple[int, ...]) -> None:
        self.data = data
        self.indices = indices
        self.indptr = indptr
        self.shape = shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nnz(self) -> int:
        return len(self.data)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, row: int) -> SparseVectors:
        """Row `row`, of shape (D,)."""
        if self.ndim != 2:
            raise TypeError("a single sparse vector has no rows")
        if not -len(self) <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        begin, end = self.indptr[row % len(self)], self.indptr[row % len(self) + 1]
        return SparseVectors(
            self.data[begin:end], self.indices[begin:end], np.array([0, end - begin]), (self.shape[1],)
        )

    def __iter__(self) -> Iterator[SparseVectors]:
        return (self[row] for row in range(len(self)))

    def toarray(self) -> Array:
        """The numbers with their zeros, of this shape."""
        dense = np.zeros((len(self.indptr) - 1, self.shape[-1]), self.data.dtype)
        rows = np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))
        dense[rows, self.indices] = self.data
        return dense.reshape(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.toarray().astype(dtype) if dtype is not None else self.toarray()

    def __repr__(self) -> str:
        return f"SparseVectors(shape={self.shape}, nnz={self.nnz})"
