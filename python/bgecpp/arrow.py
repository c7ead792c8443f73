"""Arrow in, Arrow out: columns of strings to columns of vectors, without Python objects between."""

from __future__ import annotations

from typing import Any

import numpy as np

from bgecpp import _core, errors


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
    """(N, D) of an array of lists that are all of D numbers, or of a ChunkedArray of them; one chunk of a
    FixedSizeListArray is not copied. ValueError, which names the row, for a null, a null in a list, or a list of another
    length: no row of the result is another's."""
    import pyarrow

    numbers = getattr(column.type, "value_type", None)
    if numbers is None or not (pyarrow.types.is_floating(numbers) or pyarrow.types.is_integer(numbers)):
        raise TypeError(f"expected a column of lists of numbers, found {column.type}")
    arrays = []
    rows = 0
    for chunk in getattr(column, "chunks", [column]):
        arrays.append(_vectors(chunk, rows))
        rows += len(chunk)
    # A chunk without rows may not say how long they are.
    arrays = [array for array in arrays if len(array)] or arrays[:1]
    if not arrays:
        size = max(getattr(column.type, "list_size", 0), 0)
        return np.zeros((0, size), numbers.to_pandas_dtype())
    first = arrays[0].shape[1]
    rows = 0
    for array in arrays:
        if array.shape[1] != first:
            raise errors.InvalidArgument(f"row {rows}: expected a list of {first} numbers, found {array.shape[1]}")
        rows += len(array)
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _vectors(chunk: Any, before: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Of one chunk, which `before` rows of its column precede."""
    if chunk.null_count:
        row = int(np.argmax(chunk.is_null().to_numpy(zero_copy_only=False)))
        raise errors.InvalidArgument(f"row {before + row}: found a null: drop it first")
    size = getattr(chunk.type, "list_size", -1)
    if size < 0:
        lengths = np.asarray(chunk.value_lengths().to_numpy(zero_copy_only=False))
        size = int(lengths[0]) if len(lengths) else 0
        if (lengths != size).any():
            row = int(np.argmax(lengths != size))
            raise errors.InvalidArgument(
                f"row {before + row}: expected a list of {size} numbers as row {before} has, found {lengths[row]}"
            )
    flat = chunk.flatten()
    if flat.null_count:
        row = int(np.argmax(flat.is_null().to_numpy(zero_copy_only=False))) // size
        raise errors.InvalidArgument(f"row {before + row}: found a null among its numbers: drop it first")
    numbers: np.ndarray[Any, np.dtype[Any]] = flat.to_numpy(zero_copy_only=False)
    return numbers.reshape(len(chunk), size)
