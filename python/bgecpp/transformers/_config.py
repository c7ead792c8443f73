"""config.json as attributes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from bgecpp import _common, _copies, _model_files, errors


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
_DTYPES = ("bfloat16", "float16", "float32", "float64")
_MOST_LABELS = 1 << 20


class Config:
    """The fields of a config.json, and transformers' own defaults. Labels are counted by int, as there. A field with the
    name of something that the class has is in to_dict() and get() alone. CorruptData for labels that are none."""

    def __init__(self, fields: dict[str, Any], name_or_path: str) -> None:
        _check_labels(fields, name_or_path)
        labels, count = fields.get("id2label"), fields.get("num_labels")
        if labels is not None and count not in (None, len(labels)):  # the number counts, as in transformers
            fields = {name: value for name, value in fields.items() if name not in ("id2label", "label2id")}
            labels = None
        if labels and all(str(key).isdecimal() for key in labels):
            fields = {**fields, "id2label": {int(key): label for key, label in labels.items()}}
        taken = {*dir(type(self)), *(name for name in ("id2label", "label2id") if fields.get(name) is None)}
        # Two underscores: what copy, pickle and others look for in any object.
        self.__dict__.update({name: value for name, value in fields.items() if name not in taken and name[:2] != "__"})
        self._name_or_path = name_or_path
        self._fields = fields

    def to_dict(self) -> dict[str, Any]:
        """The fields of config.json, and what was set since."""
        labels = {"num_labels": self.num_labels} if self._fields.get("num_labels") is not None else {}
        return {**self._fields, **labels, **{name: value for name, value in self.__dict__.items() if name[:1] != "_"}}

    def to_json_string(self, use_diff: bool = True) -> str:
        """to_dict() as a config.json. use_diff has no effect: defaults that the file does not name are not written."""
        fields = {name: value for name, value in self.to_dict().items() if name != "_name_or_path"}
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"

    def save_pretrained(self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any) -> None:
        """Writes config.json, whole or not at all, into the directory, which is made where it is not there."""
        if push_to_hub:
            raise errors.Unsupported("save_pretrained: push_to_hub: nothing is sent to the hub: use huggingface_hub's upload_folder")
        text = self.to_json_string()
        directory = Path(save_directory)
        directory.mkdir(parents=True, exist_ok=True)
        _copies.write(directory / "config.json", text.encode())

    @property
    def name_or_path(self) -> str:
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value: str) -> None:
        self._name_or_path = str(value)

    @property
    def num_labels(self) -> int:
        labels = self.__dict__.get("id2label")
        if labels is not None:
            return len(labels)
        count = self._fields.get("num_labels")
        return 2 if count is None else int(count)

    @num_labels.setter
    def num_labels(self, value: int) -> None:
        if value != self.num_labels:
            self._fields = {name: old for name, old in self._fields.items() if name != "num_labels"}
            self.id2label = {i: f"LABEL_{i}" for i in range(value)}
            self.label2id = {label: i for i, label in self.id2label.items()}

    @property
    def dtype(self) -> Any:
        """That of the weights in the file: a torch.dtype where torch is imported, else its name; None where it is not named."""
        name = self._fields.get("dtype") or self._fields.get("torch_dtype")
        torch = _common.loaded_torch()
        return name if torch is None or name not in _DTYPES else getattr(torch, name)

    @dtype.setter
    def dtype(self, value: Any) -> None:
        name = None if value is None else str(value).removeprefix("torch.")
        self._fields = {**{key: old for key, old in self._fields.items() if key != "torch_dtype"}, "dtype": name}

    torch_dtype = dtype

    def get(self, name: str, default: Any = None) -> Any:
        return self._fields.get(name, default)

    def __getattr__(self, name: str) -> Any:
        if name in _DEFAULTS:
            return _DEFAULTS[name]
        if name in ("id2label", "label2id"):
            labels = self.__dict__.get("id2label") or {i: f"LABEL_{i}" for i in range(self.num_labels)}
            return labels if name == "id2label" else {str(label): i for i, label in labels.items()}
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
        """Of a directory, or of a name in the hub's cache or cache_dir: without its weights nothing is downloaded. Other
        arguments are set, where they are fields, and ignored, where they are not."""
        from bgecpp import _core, _names

        name = str(pretrained_model_name_or_path)
        model = _names.located(
            name, cache_dir=kwargs.get("cache_dir"), revision=kwargs.get("revision"), download=False
        )
        config = read_config(model if os.path.isdir(model) else _core.model_directory(model), name)
        for key, value in kwargs.items():
            is_method = callable(getattr(Config, key, None))
            if key in ("cache_dir", "revision", "token") or key[:1] == "_" or is_method or not hasattr(config, key):
                continue
            if key not in ("dtype", "torch_dtype") or value != "auto":
                setattr(config, key, value)
        return config
