"""Single tensors of a model directory's safetensors files, for the few that the engine does not compute with."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard

from bgecpp import _model_files, errors
from bgecpp._model_files import shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A header is JSON of some kilobytes; what says more is no model that we read (src/weights/safetensors.cc).
_MOST_HEADER_BYTES = 100_000_000
_FILE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_BYTES = {"F32": 4, "F16": 2, "BF16": 2}


def find_tensor(
    directory: str | Path, names: Iterable[str], file_name: str | None = None
) -> NDArray[np.float32] | None:
    """The first of these tensors, as float32 of its shape; None where this file, or model.safetensors, or the files
    that its index names, hold none. A name also stands for itself behind any prefix that ends in a point. CorruptData where a file is
    not what its format says."""
    names = list(names)
    for name_of_file in [file_name] if file_name else _files(Path(directory), names):
        path = Path(directory) / name_of_file
        with _model_files.open_file(directory, name_of_file) as file:
            size = os.fstat(file.fileno()).st_size
            header, start = _header(file, path, size)
            for name in names:
                for key, entry in header.items():
                    if stands_for(key, name):
                        return _tensor(file, path, key, entry, start, size)
    return None


def stands_for(key: str, name: str) -> bool:
    return key == name or key.endswith("." + name)


def _files(directory: Path, names: list[str]) -> list[str]:
    """Where these tensors may be: what no index names is no part of the model."""
    if (directory / _FILE).exists():
        return [_FILE]
    index = _model_files.read_json(directory, _INDEX)
    if index is None:
        return []
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict):
        raise _damaged(directory / _INDEX, "expected an object weight_map")
    files = [file for key, file in weight_map.items() if any(stands_for(key, name) for name in names)]
    for file in files:
        if not isinstance(file, str) or not file.endswith(".safetensors") or Path(file).name != file:
            raise _damaged(directory / _INDEX, f"found the file {file!r:.80}, expected the name of a .safetensors file")
        if not (directory / file).exists():
            raise _damaged(directory / _INDEX, f"it names {file}, which is not there")
    return list(dict.fromkeys(files))


def _damaged(path: Path, what: str) -> errors.CorruptData:
    return errors.CorruptData(f"damaged file: {shown(path)}: {shown(what)}: fetch the model again")


def _header(file: BinaryIO, path: Path, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(8), "little")
    if length > min(_MOST_HEADER_BYTES, size - 8):
        raise _damaged(path, f"its header says that it has {length} bytes")
    header = _model_files.parse_json(file.read(length), path)
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no object")
    header.pop("__metadata__", None)
    return header, 8 + length


def _tensor(file: BinaryIO, path: Path, name: str, entry: Any, start: int, size: int) -> NDArray[np.float32]:
    import numpy as np

    where = f"tensor {name:.200}"
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), fields.get("shape"), fields.get("data_offsets")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(shape) > 8 or len(offsets) != 2:
        raise _damaged(path, f"{where}: expected a shape and two data_offsets")
    begin, end = offsets
    if not begin <= end <= size - start:
        raise _damaged(path, f"{where}: its bytes lie outside of the file")
    if dtype not in _BYTES:
        raise errors.Unsupported(f"{path}: {where}: expected F32, F16 or BF16, found {dtype!r:.40}")
    if math.prod(shape) * _BYTES[dtype] != end - begin:
        raise _damaged(path, f"{where}: its shape {shape} of {dtype} does not fill {end - begin} bytes")
    file.seek(start + begin)
    data = file.read(end - begin)
    if len(data) != end - begin:
        raise _damaged(path, f"{where}: the file ends before it")
    if dtype == "BF16":
        values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(data, np.float32 if dtype == "F32" else np.float16).astype(np.float32)
    return values.reshape(shape)


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in value)
