"""NumPy arrays and torch's tensors: which of them go in and come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp._common import loaded_torch, torch_or_none

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    FloatArray = npt.NDArray[np.float32]
else:
    Array = FloatArray = Any  # numpy.typing takes a while to load


def require_torch(argument: str) -> Any:
    """The torch module; ImportError, naming the argument that asks for it, where it is not installed."""
    torch = torch_or_none()
    if torch is None:
        raise ImportError(f"{argument} needs torch, which is not installed: pip install torch, or leave it out")
    return torch


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor. Does not import torch."""
    torch = loaded_torch()
    return torch is not None and isinstance(value, torch.Tensor)


def to_tensor(array: Array) -> Any:
    """A torch tensor of the array, over the same memory where torch allows it."""
    torch = require_torch("convert_to_tensor")
    return torch.from_numpy(array) if array.flags.writeable else torch.tensor(array)


def to_tensor_or_array(array: Array) -> Any:
    """A torch tensor where torch is installed, else the array."""
    return array if torch_or_none() is None else to_tensor(array)


def to_numpy(value: Any) -> Array:
    """An array of an array, a tensor (bfloat16 becomes float32), or a list of either."""
    if is_tensor(value):
        value = value.detach()
        if value.is_sparse:
            value = value.to_dense()
        if value.dtype == loaded_torch().bfloat16:
            value = value.float()
        return np.asarray(value.cpu().numpy())
    if isinstance(value, (list, tuple)) and value and is_tensor(value[0]):
        return np.stack([to_numpy(row) for row in value])
    return np.asarray(value)


def to_float(value: Any) -> Array:
    """The same as floating-point numbers of at least 32 bits."""
    array = to_numpy(value)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def to_float_rows(value: Any) -> Array:
    """The same with a row for each vector: (N, D), of a single vector (1, D)."""
    array = to_float(value)
    return array[np.newaxis] if array.ndim == 1 else array


def to_float32_rows(value: Any) -> FloatArray:
    """The same, C-contiguous float32, as the native functions take it."""
    return np.ascontiguousarray(to_float_rows(value), dtype=np.float32)


def unit_rows(rows: Array) -> Array:
    """Each row divided by its length; rows of zeros stay. As torch's normalize: at least 1e-12."""
    squares = np.einsum("...i,...i->...", rows, rows)
    lengths = np.maximum(np.sqrt(squares), 1e-12).astype(rows.dtype)
    return np.asarray(rows / lengths[..., np.newaxis])


# A float32 vector that was divided by its length has a square this near to 1: dividing it again changes no more than the
# last digits of its products.
_UNIT = 1e-6


def as_unit_rows(rows: FloatArray) -> FloatArray:
    """unit_rows() of (N, D), but a row of unit length stays as it is, and so does the array where all are."""
    squares = np.einsum("ni,ni->n", rows, rows)
    others = np.abs(squares - 1) > _UNIT
    if not others.any():
        return rows
    lengths = np.where(others, np.maximum(np.sqrt(squares), np.float32(1e-12)), np.float32(1))
    return np.asarray(rows / lengths[:, np.newaxis])
