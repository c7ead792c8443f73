"""Similarities of vectors: all pairs of two sets, or row by row.

Tensors where torch is installed, as sentence-transformers has them; NumPy arrays where it is not.
Of distances the negative, so that more is always more similar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import numpy as np

from bgecpp._common import torch_or_none

from .._arrays import Array, to_float, to_float_rows, unit_rows
from .._sparse import SparseVectors
from .tensor import _convert_to_batch_tensor, _convert_to_float_tensor, normalize_embeddings

Similarity = Callable[..., Any]


def _dense(a: Any) -> Any:
    return a.to_dense() if a.is_sparse else a


def _rows(a: Any) -> Array:
    """Without torch: (N, D) of whatever a caller has."""
    if isinstance(a, (list, tuple)) and a and isinstance(a[0], SparseVectors):
        a = np.stack([row.toarray() for row in a])
    return to_float_rows(a)


def cos_sim(a: Any, b: Any) -> Any:
    """Cosines of all pairs: (N, M) for a (N, D) and b (M, D)."""
    if torch_or_none() is None:
        return unit_rows(_rows(a)) @ unit_rows(_rows(b)).T
    return dot_score(
        normalize_embeddings(_convert_to_batch_tensor(a)), normalize_embeddings(_convert_to_batch_tensor(b))
    )


def pytorch_cos_sim(a: Any, b: Any) -> Any:
    """cos_sim, by the name that it once had."""
    return cos_sim(a, b)


def dot_score(a: Any, b: Any) -> Any:
    """Inner products of all pairs: (N, M) for a (N, D) and b (M, D)."""
    torch = torch_or_none()
    if torch is None:
        return _rows(a) @ _rows(b).T
    a, b = _convert_to_batch_tensor(a), _convert_to_batch_tensor(b)
    return _dense(torch.mm(a, b.transpose(0, 1)))


def pairwise_cos_sim(a: Any, b: Any) -> Any:
    """Cosines row by row: (N,) for a and b (N, D)."""
    if torch_or_none() is None:
        return pairwise_dot_score(unit_rows(to_float(a)), unit_rows(to_float(b)))
    return pairwise_dot_score(
        normalize_embeddings(_convert_to_float_tensor(a)), normalize_embeddings(_convert_to_float_tensor(b))
    )


def pairwise_dot_score(a: Any, b: Any) -> Any:
    """Inner products row by row: (N,) for a and b (N, D)."""
    if torch_or_none() is None:
        return (to_float(a) * to_float(b)).sum(axis=-1)
    return _dense((_convert_to_float_tensor(a) * _convert_to_float_tensor(b)).sum(dim=-1))


# Rows of sparse vectors that are made dense at once: 32 MB of a vocabulary of 30,000.
_SPARSE_ROWS = 256


def _negative_distances(a: Any, b: Any, p: float) -> Any:
    """-cdist(a, b), dense, of tensors either of which may be sparse."""
    torch = torch_or_none()
    if not a.is_sparse and not b.is_sparse:
        return -torch.cdist(a, b, p=p)

    def blocks(vectors: Any) -> Any:
        for begin in range(0, vectors.shape[0], _SPARSE_ROWS):
            end = min(begin + _SPARSE_ROWS, vectors.shape[0])
            yield _dense(vectors.index_select(0, torch.arange(begin, end, device=vectors.device)))

    return torch.cat([-torch.cat([torch.cdist(x, y, p=p) for y in blocks(b)], dim=1) for x in blocks(a)])


def _slices(count: int, step: int) -> Iterator[slice]:
    return (slice(begin, begin + step) for begin in range(0, count, step))


def _sums(of: np.ufunc, rows: Array, others: Array) -> Array:
    """of(others - row).sum(axis=-1) for each row, in a buffer that stays in the cache."""
    dimension = max(1, others.shape[1])
    sums = np.empty((len(rows), len(others)), np.result_type(rows, others))
    step = max(1, 100_000 // dimension)
    buffer = np.empty((min(step, len(others)), others.shape[1]), sums.dtype)
    for theirs in _slices(len(others), step):
        block = others[theirs]
        differences = buffer[: len(block)]
        for row, found in zip(rows, sums[:, theirs]):
            np.subtract(block, row, out=differences)
            of(differences, out=differences).sum(axis=-1, out=found)
    return sums


def _distances(rows: Array, others: Array) -> Array:
    """Euclidean distances of all pairs. Of float32 by products, which float64 holds far more exactly than float32 the
    result; but not of vectors so near that the difference of their products says little, nor of infinite ones, nor of few
    rows, for which `others` would not be worth converting."""
    if np.result_type(rows, others) != np.float32 or len(rows) < 16:
        squares = _sums(np.square, rows, others)
        return np.sqrt(squares, out=squares)
    distances = np.empty((len(rows), len(others)), np.float32)
    step = min(max(1, (1 << 20) // max(1, others.shape[1])), 1024)
    for ours in _slices(len(rows), step):
        a = rows[ours].astype(np.float64)
        for theirs in _slices(len(others), step):
            b = others[theirs].astype(np.float64)
            with np.errstate(invalid="ignore"):
                lengths = np.einsum("nd,nd->n", a, a)[:, np.newaxis] + np.einsum("nd,nd->n", b, b)
                squares = lengths - 2 * (a @ b.T)
                near = ~(squares > 1e-6 * lengths)
            for i in np.flatnonzero(near.any(axis=1)):
                squares[i, near[i]] = _sums(np.square, rows[ours][i : i + 1], others[theirs][near[i]])[0]
            distances[ours, theirs] = np.sqrt(squares, out=squares)
    return distances


def manhattan_sim(a: Any, b: Any) -> Any:
    """Negative Manhattan distances of all pairs: (N, M)."""
    if torch_or_none() is None:
        distances = _sums(np.abs, _rows(a), _rows(b))
        return np.negative(distances, out=distances)
    return _negative_distances(_convert_to_batch_tensor(a), _convert_to_batch_tensor(b), 1.0)


def euclidean_sim(a: Any, b: Any) -> Any:
    """Negative Euclidean distances of all pairs: (N, M)."""
    if torch_or_none() is None:
        distances = _distances(_rows(a), _rows(b))
        return np.negative(distances, out=distances)
    return _negative_distances(_convert_to_batch_tensor(a), _convert_to_batch_tensor(b), 2.0)


def _differences(a: Any, b: Any) -> Any:
    if torch_or_none() is None:
        return to_float(a) - to_float(b)
    return _dense(_convert_to_float_tensor(a)) - _dense(_convert_to_float_tensor(b))


def pairwise_manhattan_sim(a: Any, b: Any) -> Any:
    """Negative Manhattan distances row by row: (N,)."""
    return -abs(_differences(a, b)).sum(-1)


def pairwise_euclidean_sim(a: Any, b: Any) -> Any:
    """Negative Euclidean distances row by row: (N,)."""
    differences = _differences(a, b)
    torch = torch_or_none()
    if torch is None:
        return -np.sqrt(np.square(differences).sum(axis=-1))
    return -torch.linalg.vector_norm(
        differences.float() if not differences.is_floating_point() else differences, dim=-1
    )


def pairwise_angle_sim(x: Any, y: Any) -> Any:
    """AnglE's similarity row by row: (N,). Li and Li 2023, https://arxiv.org/abs/2309.12871.

    The halves of a vector are the real and imaginary parts of complex numbers. What is compared is the
    angle of their quotient: the absolute sum of its real and imaginary parts, for unit lengths.
    """
    torch = torch_or_none()
    if torch is None:
        x, y = unit_rows(to_float(x)), unit_rows(to_float(y))
        if x.shape[1] % 2:
            x, y = (np.pad(v, ((0, 0), (0, 1))) for v in (x, y))
    else:
        x, y = (normalize_embeddings(_dense(_convert_to_float_tensor(v))) for v in (x, y))
        if x.shape[1] % 2:
            x, y = (torch.nn.functional.pad(v, (0, 1)) for v in (x, y))
    half = x.shape[1] // 2
    real = (x * y).sum(-1)
    imaginary = (x[:, half:] * y[:, :half] - x[:, :half] * y[:, half:]).sum(-1)
    return abs(real + imaginary)


class SimilarityFunction(Enum):
    """The similarities by name. DOT is DOT_PRODUCT."""

    COSINE = "cosine"
    DOT_PRODUCT = "dot"
    DOT = "dot"  # noqa: PIE796
    EUCLIDEAN = "euclidean"
    MANHATTAN = "manhattan"
    MAXSIM = "maxsim"
    MEAN_MAXSIM = "meanmaxsim"

    @staticmethod
    def to_similarity_fn(similarity_function: str | SimilarityFunction) -> Similarity:
        """The function of all pairs. ValueError for other names."""
        return _function_of(similarity_function, 0)

    @staticmethod
    def to_similarity_pairwise_fn(similarity_function: str | SimilarityFunction) -> Similarity:
        """The function of rows one by one. ValueError for other names."""
        return _function_of(similarity_function, 1)

    @staticmethod
    def possible_values() -> list[str]:
        return [member.value for member in SimilarityFunction]


_FUNCTIONS: dict[SimilarityFunction, tuple[Similarity, Similarity]] = {
    SimilarityFunction.COSINE: (cos_sim, pairwise_cos_sim),
    SimilarityFunction.DOT_PRODUCT: (dot_score, pairwise_dot_score),
    SimilarityFunction.EUCLIDEAN: (euclidean_sim, pairwise_euclidean_sim),
    SimilarityFunction.MANHATTAN: (manhattan_sim, pairwise_manhattan_sim),
}


def _function_of(name: str | SimilarityFunction, place: int) -> Similarity:
    value = getattr(name, "value", name)  # sentence-transformers' own enumeration too
    try:
        member = SimilarityFunction(value)
    except ValueError:
        raise ValueError(
            f"The provided function {name} is not supported. "
            f"Use one of the supported values: {SimilarityFunction.possible_values()}."
        ) from None
    if member in _FUNCTIONS:
        return _FUNCTIONS[member][place]
    from .._real import attribute

    names = {SimilarityFunction.MAXSIM: "maxsim", SimilarityFunction.MEAN_MAXSIM: "mean_maxsim"}
    function: Similarity = attribute("util", names[member] + ("_pairwise" if place else ""))
    return function
