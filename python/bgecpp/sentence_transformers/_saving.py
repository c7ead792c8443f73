"""Saving a model: its directory, with the settings as they are now."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from bgecpp import errors
from bgecpp._copies import copy_folder

from ._files import read_json, write_json

if TYPE_CHECKING:
    from pathlib import Path

# The version of sentence-transformers whose behaviour is followed.
FOLLOWED_VERSION = "6.2.0"


class Saved:
    """The part of BaseModel that writes directories."""

    _optional_settings: ClassVar[tuple[str, ...]] = ()  # of _model_config, which it leaves out where they are None
    model_path: str
    encoder_path: str
    _max_seq_length: int | None
    _dtype: str

    @property
    def _info(self) -> dict[str, Any]:
        raise NotImplementedError

    def _model_config(self) -> dict[str, Any]:
        """What config_sentence_transformers.json says of the model."""
        raise NotImplementedError

    def save(
        self,
        path: str | os.PathLike[str] | None,
        model_name: str | None = None,
        create_model_card: bool = True,
        train_datasets: list[str] | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """Copies the model's directory, with the settings as they are now: prompts, lengths, similarity, the dtype of
        results. Without create_model_card no README.md is written; one that is there stays. Files are replaced, so that a
        model that is loaded from there goes on as it was. Errors of copy_folder() and, of text that cannot be written,
        json_bytes()."""
        if path is None:
            return
        if not os.fspath(path):
            raise FileNotFoundError(f"{type(self).__name__}.save: path: found '', expected a folder")
        from pathlib import Path

        target, source = Path(path), Path(self.model_path)
        if not (target.exists() and target.samefile(source)):
            copy_folder(source, target, () if create_model_card else ("README.md",))
        self._save_settings(target)

    def _save_settings(self, target: Path) -> None:
        settings = read_json(target, "config_sentence_transformers.json")
        settings.setdefault("__version__", {"sentence_transformers": FOLLOWED_VERSION})
        for name in self._optional_settings:
            settings.pop(name, None)
        write_json(target / "config_sentence_transformers.json", {**settings, **self._model_config()})
        encoder = target / os.path.relpath(self.encoder_path, self.model_path)
        self._save_dtype(encoder)
        if self._max_seq_length is not None:
            names = [entry.name for entry in encoder.glob("sentence_*_config.json")] or ["sentence_bert_config.json"]
            for name in names:
                write_json(encoder / name, {**read_json(encoder, name), "max_seq_length": self._max_seq_length})
            tokenizer = read_json(encoder, "tokenizer_config.json")
            if "model_max_length" in tokenizer:
                write_json(encoder / "tokenizer_config.json", {**tokenizer, "model_max_length": self._max_seq_length})

    def _save_dtype(self, encoder: Path) -> None:
        """The dtype of results, in config.json, where it is not what the directory has already. The weights are copied
        as they are. encoder: the folder of that file."""
        config = read_json(encoder, "config.json")
        saved = config.pop("torch_dtype", None)
        saved = config.get("dtype") or saved or self._info["weights_dtype"]
        if self._dtype != (saved if saved in ("float16", "bfloat16") else "float32"):
            write_json(encoder / "config.json", {**config, "dtype": self._dtype})

    def save_pretrained(
        self,
        path: str | os.PathLike[str],
        model_name: str | None = None,
        create_model_card: bool = True,
        train_datasets: list[str] | None = None,
        safe_serialization: bool = True,
    ) -> None:
        """save()."""
        self.save(path, model_name, create_model_card, train_datasets, safe_serialization)

    def push_to_hub(self, *args: Any, **kwargs: Any) -> str:
        """Refused: Unsupported."""
        raise errors.Unsupported(
            f"{type(self).__name__}.push_to_hub: bgecpp uploads nothing: save() the model, and use huggingface_hub"
        )

    save_to_hub = push_to_hub
