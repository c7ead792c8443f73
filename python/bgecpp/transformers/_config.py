"""config.json as attributes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bgecpp import _model_files


class Config:
    """The fields of a config.json as they stand there."""

    def __init__(self, fields: dict[str, Any], name_or_path: str) -> None:
        self.__dict__.update(fields)
        self.name_or_path = name_or_path
        self._fields = fields

    def to_dict(self) -> dict[str, Any]:
        return dict(self._fields)

    def get(self, name: str, default: Any = None) -> Any:
        return self._fields.get(name, default)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"config.json has no field {name}")

    def __repr__(self) -> str:
        return f"Config {json.dumps(self._fields, indent=2)}"


def read_config(directory: str, name_or_path: str) -> Config:
    fields = _model_files.read_json(directory, "config.json")
    if fields is None:
        raise OSError(f"{name_or_path}: no config.json in {directory}")
    return Config(fields, name_or_path)


class AutoConfig:
    """Reads a model directory's configuration."""

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> Config:
        """Of a directory, or of a name in the hub's cache: without its weights nothing is downloaded."""
        from bgecpp import _core

        name = str(pretrained_model_name_or_path)
        return read_config(name if os.path.isdir(name) else _core.model_directory(name), name)
