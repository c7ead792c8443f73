"""Tensors and arrays of vectors: conversions, lengths, cuts.

Each function takes torch's tensors, NumPy arrays and lists. Where torch is installed what comes out
is a tensor wherever sentence-transformers gives one; where it is not, a NumPy array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bgecpp._common import torch_or_none

from .._arrays import Array, is_tensor, to_float, to_float_rows, to_numpy, unit_rows


def _convert_to_tensor(a: Any) -> Any:
    """A tensor of a tensor, an array, a list of either, or numbers. Sparse ones become float32."""
    torch = torch_or_none()
    if torch is None:
        return to_numpy(a)
    if isinstance(a, list) and a and all(is_tensor(row) for row in a):
        if all(row.is_sparse for row in a):
            return torch.stack([row.coalesce().to(torch.float32) for row in a])
        return torch.stack(a)
    if not is_tensor(a):
        array = np.stack(a) if isinstance(a, list) and a and isinstance(a[0], np.ndarray) else a
        if isinstance(array, np.ndarray) and array.flags.writeable and array.dtype.kind in "fiub":
            a = torch.from_numpy(array)
        else:
            a = torch.tensor(array)
    return a.to(torch.float32) if a.is_sparse else a


def _convert_to_float_tensor(a: Any) -> Any:
    """The same; floating-point numbers of fewer than 32 bits become float32."""
    torch = torch_or_none()
    if torch is None:
        return to_float(a)
    a = _convert_to_tensor(a)
    return a.float() if a.is_floating_point() and a.element_size() < 4 else a


def _has_nan(a: Any) -> bool:
    """Whether a NaN is in a tensor, an array, or a list of either. Makes no array of their size."""
    if isinstance(a, (list, tuple)):
        return any(map(_has_nan, a))
    if is_tensor(a):
        values = a.coalesce().values() if a.is_sparse else a
        return bool(values.numel() and values.is_floating_point() and values.min().isnan())
    return isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size > 0 and bool(np.isnan(a.min()))


def _convert_to_batch(a: Any) -> Any:
    """(D,) becomes (1, D)."""
    return a[None] if a.ndim == 1 else a


def _convert_to_batch_tensor(a: Any) -> Any:
    """As _convert_to_float_tensor, with a row for each vector."""
    if torch_or_none() is None:
        return to_float_rows(a)
    a = _convert_to_float_tensor(a)
    return a.unsqueeze(0) if a.dim() == 1 else a


def normalize_embeddings(embeddings: Any) -> Any:
    """Vectors of unit length, in the shape given; a tensor of a tensor, an array of an array."""
    if not is_tensor(embeddings):
        return unit_rows(to_float(embeddings))
    torch = torch_or_none()
    if not embeddings.is_sparse:
        return torch.nn.functional.normalize(embeddings, p=2, dim=-1)
    embeddings = embeddings.coalesce()
    values = embeddings.values()
    wide = values.float() if values.element_size() < 4 else values
    if embeddings.dim() == 1:
        lengths = wide.norm().clamp(min=1e-12)
    else:
        rows = embeddings.indices()[0]
        squares = wide.new_zeros(embeddings.shape[0]).index_add(0, rows, wide * wide)
        lengths = squares.sqrt()[rows]
        lengths = torch.where(lengths > 0, lengths, torch.ones_like(lengths))
    return torch.sparse_coo_tensor(
        embeddings.indices(), (wide / lengths).to(values.dtype), embeddings.shape, is_coalesced=True, check_invariants=False
    )


def truncate_embeddings(embeddings: Any, truncate_dim: int | None) -> Any:
    """The first `truncate_dim` values of each vector; None: all."""
    return embeddings[..., :truncate_dim]


def select_max_active_dims(embeddings: Any, max_active_dims: int | None) -> Any:
    """A copy with all but the `max_active_dims` largest magnitudes of each vector set to zero."""
    if max_active_dims is None:
        return embeddings
    if max_active_dims <= 0:
        raise ValueError(f"max_active_dims must be a positive integer, got {max_active_dims}.")
    embeddings = _convert_to_tensor(embeddings)
    count = min(max_active_dims, embeddings.shape[-1])
    torch = torch_or_none()
    if torch is None:
        kept = np.argsort(-np.abs(embeddings), axis=-1, kind="stable")[..., :count]
        selected = np.zeros_like(embeddings)
        np.put_along_axis(selected, kept, np.take_along_axis(embeddings, kept, -1), -1)
        return selected
    kept = torch.topk(embeddings.abs(), count, dim=-1).indices
    return torch.zeros_like(embeddings).scatter(-1, kept, embeddings.gather(-1, kept))


def batch_to_device(batch: dict[str, Any], target_device: Any) -> dict[str, Any]:
    """The dict, with its tensors on that device."""
    for key, value in batch.items():
        if is_tensor(value):
            batch[key] = value.to(target_device)
    return batch


def _move_tensors_to_cpu(value: Any) -> Any:
    """The same lists, tuples and dicts with their tensors on the CPU."""
    if is_tensor(value):
        return value.cpu()
    if isinstance(value, dict):
        return {key: _move_tensors_to_cpu(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_move_tensors_to_cpu(item) for item in value)
    return value


def _tensor_to_numpy(tensor: Any) -> Array:
    """An array; bfloat16, which NumPy lacks, becomes float32."""
    return to_numpy(tensor)


def to_scipy_coo(x: Any) -> Any:
    """scipy.sparse.coo_matrix of a sparse tensor (N, D)."""
    from scipy.sparse import coo_matrix

    x = x.coalesce()
    rows, columns = x.indices().cpu().numpy()
    return coo_matrix((to_numpy(x.values()), (rows, columns)), shape=tuple(x.shape))


def compute_count_vector(embeddings: Any) -> Any:
    """How many of the vectors have a value other than zero in each dimension: (D,), int32."""
    torch = torch_or_none()
    if torch is None or not is_tensor(embeddings):
        array = to_numpy(embeddings)
        if array.ndim not in (1, 2):
            raise ValueError(f"Expected 1D or 2D tensor, got {array.ndim}D")
        return (array != 0).reshape(-1, array.shape[-1]).sum(axis=0).astype(np.int32)
    if embeddings.dim() not in (1, 2):
        raise ValueError(f"Expected 1D or 2D tensor, got {embeddings.dim()}D")
    sparse = (embeddings if embeddings.is_sparse else embeddings.to_sparse()).coalesce()
    return torch.bincount(sparse.indices()[-1], minlength=embeddings.shape[-1]).int()
