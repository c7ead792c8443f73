"""What the surface reads of a model directory beside what the native module tells: prompts, names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bgecpp import _copies, _model_files, errors

if TYPE_CHECKING:
    from pathlib import Path


def read_json(directory: str | os.PathLike[str], *names: str) -> dict[str, Any]:
    """The first of these files that there is, as a dict; {} where there is none. Errors as _model_files.read_json's."""
    for name in names:
        value = _model_files.read_json(directory, name)
        if value is not None:
            return value
    return {}


def module_folder(directory: str | os.PathLike[str], name: str) -> str:
    """Where modules.json of a model that was loaded has the first module of this class, as a path in the directory.
    NotFound where it has none."""
    path = os.path.join(directory, "modules.json")
    with _model_files.open_file(directory, "modules.json") as file:
        modules = _model_files.parse_json(file.read(_model_files.MOST_CONFIG_BYTES), path)
    for module in modules:
        if module["type"].rpartition(".")[2] == name:
            return str(module["path"])
    raise errors.NotFound(f"no module {name}: {path}: fetch the model again")


def write_json(path: Path, value: Any) -> None:
    """Writes a file, or leaves it as it was. Errors of _copies.json_bytes()."""
    _copies.write(path, _copies.json_bytes(value, path))


def position_limit(config: dict[str, Any]) -> int | None:
    """Tokens that the model has positions for, by its config.json."""
    limit = config.get("max_position_embeddings")
    if not isinstance(limit, int):
        return None
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        limit -= 2  # positions count from the padding token's id on
    return limit
