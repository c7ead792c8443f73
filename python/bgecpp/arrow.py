"""Arrow in, Arrow out: columns of strings to columns of vectors, without Python objects between."""

from __future__ import annotations

from typing import Any

import numpy as np

from bgecpp import _core


def encode(model: _core.Embedder, texts: Any, **options: Any) -> Any:
    """A pyarrow FixedSizeListArray of float32, a vector for each string of `texts`: a pyarrow Array or ChunkedArray,
    a Polars Series, or whatever bgecpp takes as texts. Options are those of Embedder.encode. Neither the strings nor
    the vectors are copied.

    Nulls are refused: fill or drop them first (pyarrow.compute.fill_null)."""
    return fixed_size_list(model.encode([texts] if isinstance(texts, str) else texts, **options))


def fixed_size_list(vectors: np.ndarray[Any, np.dtype[Any]]) -> Any:
    """(N, D) as a pyarrow FixedSizeListArray of N lists of D, which shares its memory."""
    import pyarrow

    flat = pyarrow.array(np.ascontiguousarray(vectors).reshape(-1))
    return pyarrow.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def vectors(column: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """(N, D) of a FixedSizeListArray, or of a ChunkedArray of them; one chunk is not copied."""
    chunks = getattr(column, "chunks", [column])
    arrays = [chunk.flatten().to_numpy(zero_copy_only=False).reshape(len(chunk), -1) for chunk in chunks]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
