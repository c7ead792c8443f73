"""Fields of tokenizer_config.json and special_tokens_map.json, of the kinds that they should be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bgecpp import _model_files, errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_LISTS = ("extra_special_tokens", "additional_special_tokens")
# Fields that ids are made by; by the tokenizer's class, what they are where no file names them.
_OF_ALL = {"add_bos_token": False, "add_eos_token": False, "split_special_tokens": False}
_OF_BERT = {"do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True}
_OF_CLASS: dict[str, dict[str, Any]] = {
    "Bert": _OF_BERT,
    "DistilBert": _OF_BERT,
    "MPNet": _OF_BERT,
    "Roberta": {"add_prefix_space": False},
    "XLMRoberta": {"add_prefix_space": True},
}
_MAKE_IDS = (*_OF_ALL, *_OF_BERT, "add_prefix_space")
# Around texts, or in the place of what the vocabulary has not.
_IN_TEXTS = ("cls_token", "sep_token", "unk_token")
# What a tokenizer would be made of in place of the directory's files.
_OTHER_FILES = (
    "added_tokens_decoder",
    "gguf_file",
    "merges",
    "merges_file",
    "subfolder",
    "tokenizer_file",
    "tokenizer_object",
    "tokenizer_type",
    "vocab",
    "vocab_file",
)


def read_fields(path: Path) -> dict[str, Any]:
    """The object in a tokenizer's JSON file; {} where there is no such file. Errors as _model_files.read_json's."""
    return _model_files.read_json(path.parent, path.name, _model_files.MOST_TOKENIZER_BYTES) or {}


class TokenizerFields:
    """The fields of a JSON file, and what a caller gives instead. A null is as no field. CorruptData, or InvalidArgument for
    what the caller gave, where a field is of another kind than it should be."""

    def __init__(self, path: Path, given: dict[str, Any]) -> None:
        self._path = path
        self._given = given
        self._of_file = read_fields(path)
        self.all = {**self._of_file, **given}

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

    def refuse_other_ids(self, kind: str, roles: dict[str, str], is_special: Callable[[str], bool]) -> None:
        """Unsupported for what the caller gives that would change ids. kind: the tokenizer's class, as in _OF_CLASS. roles:
        the special tokens that the files name."""
        given = {name: value for name, value in self._given.items() if value is not None}
        named = {name: value for name, value in self._of_file.items() if value is not None}
        found = {**_OF_ALL, **_OF_CLASS.get(kind, {}), **named}
        for name in given.keys() & found.keys() & set(_MAKE_IDS):
            value = found["do_lower_case" if found[name] is None else name]
            if bool(given[name]) != bool(value):
                raise self._fixed(name, f"expected {value!r}, which is the files'")
        for name in given.keys() & set(ROLES):
            token = str(self.token(name))
            if token != roles.get(name) and (name in _IN_TEXTS or not is_special(token)):
                raise self._fixed(name, f"expected {roles.get(name)!r}, which is the files'")
        for name in given.keys() & set(_LISTS):
            for token in self.texts(name):
                if token not in named.get(name, ()) and not is_special(token):
                    raise self._fixed(name, f"expected special tokens of the vocabulary, which {token!r:.80} is not")
        if "add_special_tokens" in given:
            raise errors.Unsupported("add_special_tokens: it is no setting: give it to calls, tokenizer(text, add_special_tokens=...)")
        for name in _OTHER_FILES:
            if given.get(name):
                raise self._fixed(name, "expected none")

    def _fixed(self, name: str, expected: str) -> errors.BgeError:
        return errors.Unsupported(
            f"{name}: found {self._given[name]!r:.80}, {expected}: the engine makes ids by the files of {self._path.parent}: "
            "change those, in a copy"
        )

    def _text(self, name: str, token: Any, expected: str) -> str:
        """A token as tokenizer_config.json has it, its text or an object with more about it; or tokenizers' AddedToken."""
        text = token.get("content") if isinstance(token, dict) else getattr(token, "content", token)
        try:
            if isinstance(text, str) and text.encode() is not None:
                return text
        except UnicodeEncodeError:  # half a character
            pass
        raise self.bad(name, expected)
