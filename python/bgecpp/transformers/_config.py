"""config.json as attributes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bgecpp import _model_files


# Of transformers' PretrainedConfig, where config.json has no such field.
_DEFAULTS = {
    "add_cross_attention": False,
    "is_decoder": False,
    "is_encoder_decoder": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "problem_type": None,
    "return_dict": True,
}


class Config:
    """The fields of a config.json, and transformers' own defaults. Labels are counted by int, as there."""

    def __init__(self, fields: dict[str, Any], name_or_path: str) -> None:
        labels = fields.get("id2label")
        if isinstance(labels, dict) and all(str(key).isdecimal() for key in labels):
            fields = {**fields, "id2label": {int(key): label for key, label in labels.items()}}
        self.__dict__.update(fields)
        self.name_or_path = name_or_path
        self._fields = fields

    def to_dict(self) -> dict[str, Any]:
        return dict(self._fields)

    def get(self, name: str, default: Any = None) -> Any:
        return self._fields.get(name, default)

    def __getattr__(self, name: str) -> Any:
        if name in _DEFAULTS:
            return _DEFAULTS[name]
        if name in ("id2label", "label2id"):
            labels = [f"LABEL_{i}" for i in range(self.__dict__.get("num_labels", 2))]
            return dict(enumerate(labels)) if name == "id2label" else {label: i for i, label in enumerate(labels)}
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
        """Of a directory, or of a name in the hub's cache or cache_dir: without its weights nothing is downloaded."""
        from bgecpp import _core, _names

        name = str(pretrained_model_name_or_path)
        model = _names.located(
            name, cache_dir=kwargs.get("cache_dir"), revision=kwargs.get("revision"), download=False
        )
        return read_config(model if os.path.isdir(model) else _core.model_directory(model), name)
