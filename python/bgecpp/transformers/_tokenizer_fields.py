"""Fields of tokenizer_config.json and special_tokens_map.json, of the kinds that they should be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bgecpp import _model_files, errors

if TYPE_CHECKING:
    from pathlib import Path


def read_fields(path: Path) -> dict[str, Any]:
    """The object in a tokenizer's JSON file; {} where there is no such file. Errors as _model_files.read_json's."""
    return _model_files.read_json(path.parent, path.name, _model_files.MOST_TOKENIZER_BYTES) or {}


class TokenizerFields:
    """The fields of a JSON file, and what a caller gives instead. A null is as no field. CorruptData, or InvalidArgument for
    what the caller gave, where a field is of another kind than it should be."""

    def __init__(self, path: Path, given: dict[str, Any]) -> None:
        self._path = path
        self._given = given
        self.all = {**read_fields(path), **given}

    def bad(self, name: str, expected: str) -> errors.BgeError:
        found = f"{name}: found {self.all[name]!r:.80}, expected {expected}"
        if name in self._given:
            return errors.InvalidArgument(found)
        return errors.CorruptData(f"not what it should hold: {self._path}: {found}: fetch the model again")

    def integer(self, name: str, default: int, least: int, most: float) -> int:
        value = self.all.get(name)
        if value is None:
            return default
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf
        if not is_number or value != int(value) or not least <= value <= most:
            raise self.bad(name, f"an integer from {least} to {most}" if math.isfinite(most) else "an integer")
        return int(value)

    def side(self, name: str) -> str:
        value = self.all.get(name)
        if value not in (None, "left", "right"):
            raise self.bad(name, "'left' or 'right'")
        return value or "right"

    def token(self, name: str) -> str | None:
        value = self.all.get(name)
        return None if value is None else self._text(name, value, "a token: text, or an object with its content")

    def texts(self, name: str) -> list[str]:
        """Of an object, which names them, its values."""
        value = self.all.get(name) or []
        if not isinstance(value, (list, tuple, dict)):
            raise self.bad(name, "a list of texts")
        return [self._text(name, one, "a list of texts") for one in (value.values() if isinstance(value, dict) else value)]

    def _text(self, name: str, token: Any, expected: str) -> str:
        """A token as tokenizer_config.json has it, its text or an object with more about it; or tokenizers' AddedToken."""
        text = token.get("content") if isinstance(token, dict) else getattr(token, "content", token)
        try:
            if isinstance(text, str) and text.encode() is not None:
                return text
        except UnicodeEncodeError:  # half a character
            pass
        raise self.bad(name, expected)
