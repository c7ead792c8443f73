"""Single tensors of a model directory's safetensors files, for the few that the engine does not compute with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A header is JSON of some kilobytes; what says more is no model that we read.
_MOST_HEADER_BYTES = 100 << 20


def find_tensor(directory: str | Path, names: Iterable[str]) -> NDArray[np.float32] | None:
    """The first of these tensors, as float32 of its shape; None where no file holds one. A name also stands for
    itself behind any prefix that ends in a point."""
    for path in _files(Path(directory)):
        header, start = _header(path)
        for name in names:
            for key, entry in header.items():
                if key == name or key.endswith("." + name):
                    return _read(path, key, entry, start)
    return None


def _files(directory: Path) -> list[Path]:
    single = directory / "model.safetensors"
    return [single] if single.exists() else sorted(directory.glob("model-*.safetensors"))


def _header(path: Path) -> tuple[dict[str, Any], int]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > min(_MOST_HEADER_BYTES, path.stat().st_size):
            raise ValueError(f"{path}: its header says that it has {size} bytes: the file is damaged")
        header: dict[str, Any] = json.loads(file.read(size))
    header.pop("__metadata__", None)
    return header, 8 + size


def _read(path: Path, name: str, entry: dict[str, Any], start: int) -> NDArray[np.float32]:
    import numpy as np

    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= path.stat().st_size - start:
        raise ValueError(f"{path}: tensor {name}: its bytes lie outside of the file: it is damaged")
    with path.open("rb") as file:
        file.seek(start + begin)
        data = file.read(end - begin)
    if entry["dtype"] == "BF16":
        values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    elif entry["dtype"] in ("F32", "F16"):
        values = np.frombuffer(data, np.float32 if entry["dtype"] == "F32" else np.float16).astype(np.float32)
    else:
        raise ValueError(f"{path}: tensor {name}: expected F32, F16 or BF16, found {entry['dtype']}")
    return values.reshape(entry["shape"])
