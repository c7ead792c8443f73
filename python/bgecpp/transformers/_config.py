"""config.json as attributes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bgecpp import _model_files, errors


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
_MOST_LABELS = 1 << 20


class Config:
    """The fields of a config.json, and transformers' own defaults. Labels are counted by int, as there. A field with the
    name of something that the class has is in to_dict() and get() alone. CorruptData for labels that are none."""

    def __init__(self, fields: dict[str, Any], name_or_path: str) -> None:
        _check_labels(fields, name_or_path)
        labels = fields.get("id2label")
        if labels and all(str(key).isdecimal() for key in labels):
            fields = {**fields, "id2label": {int(key): label for key, label in labels.items()}}
        taken = {*dir(type(self)), *(name for name in ("id2label", "label2id") if fields.get(name) is None)}
        # Two underscores: what copy, pickle and others look for in any object.
        self.__dict__.update({name: value for name, value in fields.items() if name not in taken and name[:2] != "__"})
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
            count = self.__dict__.get("num_labels")
            labels = [f"LABEL_{i}" for i in range(2 if count is None else count)]
            return dict(enumerate(labels)) if name == "id2label" else {label: i for i, label in enumerate(labels)}
        raise AttributeError(f"config.json has no field {name}")

    def __repr__(self) -> str:
        return f"Config {json.dumps(self._fields, indent=2)}"


def _check_labels(fields: dict[str, Any], name_or_path: str) -> None:
    """A null is as no field, as in transformers."""

    def check(name: str, is_right: bool, expected: str) -> None:
        if fields.get(name) is not None and not is_right:
            raise errors.CorruptData(
                f"labels that are none: {name_or_path}: config.json: {name}: found {fields[name]!r:.80}, expected {expected}: "
                "fetch the model again"
            )

    count = fields.get("num_labels")
    is_int = isinstance(count, int) and not isinstance(count, bool)
    check("num_labels", is_int and 0 <= int(count or 0) <= _MOST_LABELS, f"an integer from 0 to {_MOST_LABELS}")
    for name in ("id2label", "label2id"):
        check(name, isinstance(fields.get(name), dict), "an object")
    # Of more digits Python makes no int.
    check("id2label", all(len(str(key)) <= 20 for key in fields.get("id2label") or ()), "numbers with their labels")


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
