"""The tokenizer of a loaded model, with the calls of transformers' that programs make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bgecpp._core import Tokenizer

from ._arrays import loaded_torch, require_torch, to_tensor
from ._files import has_token_types, read_json

_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class BatchEncoding(dict[str, Any]):
    """A dict whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device: Any) -> BatchEncoding:
        """Itself, its tensors on that device."""
        for name, value in self.items():
            if hasattr(value, "to"):
                self[name] = value.to(device)
        return self


class ModelTokenizer:
    """text to ids and back. `limit` gets and sets the number of tokens that truncation leaves."""

    padding_side = "right"
    truncation_side = "right"
    is_fast = True

    def __init__(
        self, tokenizer: Tokenizer, directory: str, limit: tuple[Callable[[], int], Callable[[int], None]]
    ) -> None:
        self._native = tokenizer
        self._limit = limit
        self.name_or_path = directory
        self.model_input_names = (
            ["input_ids", "token_type_ids", "attention_mask"]
            if has_token_types(directory)
            else ["input_ids", "attention_mask"]
        )
        settings = {**read_json(directory, "special_tokens_map.json"), **read_json(directory, "tokenizer_config.json")}
        self.special_tokens_map: dict[str, str] = {}
        for name in _SPECIAL:
            token = settings.get(name)
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str) and tokenizer.token_to_id(token) is not None:
                self.special_tokens_map[name] = token

    # What it is.

    @property
    def model_max_length(self) -> int:
        return self._limit[0]()

    @model_max_length.setter
    def model_max_length(self, value: int) -> None:
        self._limit[1](value)

    @property
    def vocab_size(self) -> int:
        return int(self._native.vocab_size)

    def __len__(self) -> int:
        return self.vocab_size

    def get_vocab(self) -> dict[str, int]:
        """Each token's id."""
        tokens = ((self._native.id_to_token(i), i) for i in range(self.vocab_size))
        return {token: i for token, i in tokens if token is not None}

    @property
    def all_special_tokens(self) -> list[str]:
        return list(dict.fromkeys(self.special_tokens_map.values()))

    @property
    def all_special_ids(self) -> list[int]:
        return [self.convert_tokens_to_ids(token) for token in self.all_special_tokens]

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        return int(self._native.num_special_tokens(pair))

    def __getattr__(self, name: str) -> Any:
        # pad_token, pad_token_id and the like: None of those that the model lacks.
        if name in _SPECIAL:
            return self.special_tokens_map.get(name)
        if name.endswith("_token_id") and name[:-3] in _SPECIAL:
            token = self.special_tokens_map.get(name[:-3])
            return None if token is None else self.convert_tokens_to_ids(token)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    # Ids and tokens.

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """A token of an id, a list of tokens of a list."""
        if isinstance(ids, (int, np.integer)):
            return self._native.id_to_token(int(ids))
        tokens = [
            self._native.id_to_token(int(i))
            for i in ids
            if not (skip_special_tokens and self._native.is_special(int(i)))
        ]
        return tokens

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """An id of a token, a list of ids of a list; the unknown token's of those that it lacks."""
        if not isinstance(tokens, str):
            return [self.convert_tokens_to_ids(token) for token in tokens]
        found = self._native.token_to_id(tokens)
        return self.unk_token_id if found is None and tokens != self.special_tokens_map.get("unk_token") else found

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False, **_: Any) -> list[str]:
        """The text's tokens."""
        return list(self.convert_ids_to_tokens(self.encode(text, pair, add_special_tokens=add_special_tokens)))

    def encode(self, text: str, text_pair: str | None = None, **kwargs: Any) -> Any:
        """The ids of one text or pair."""
        return self(text, text_pair, **kwargs)["input_ids"]

    def decode(self, token_ids: Any, skip_special_tokens: bool = False, **_: Any) -> str:
        """The text of ids."""
        ids = [token_ids] if isinstance(token_ids, (int, np.integer)) else token_ids
        return str(self._native.decode([int(i) for i in ids], skip_special_tokens))

    def batch_decode(self, sequences: Any, skip_special_tokens: bool = False, **_: Any) -> list[str]:
        return [self.decode(ids, skip_special_tokens) for ids in sequences]

    def __call__(
        self,
        text: str | Sequence[str] | Sequence[Sequence[str]],
        text_pair: str | Sequence[str] | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = False,
        max_length: int | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_length: bool = False,
        **_: Any,
    ) -> BatchEncoding:
        """input_ids, token_type_ids (of models that have them) and attention_mask.

        Lists, of one text or of a list for each; padded and as (N, L) int64 with return_tensors "np" or
        "pt".
        """
        single = isinstance(text, str)
        texts: Any = [text] if single else list(text)
        pairs: Any = [text_pair] if isinstance(text_pair, str) else text_pair
        if not single and texts and not isinstance(texts[0], str):
            texts, pairs = [pair[0] for pair in texts], [pair[1] for pair in texts]
        strategy = truncation if isinstance(truncation, str) else "longest_first"
        cut = bool(truncation) and truncation != "do_not_truncate"
        limit = (max_length or self.model_max_length) if cut else None
        found = self._native.encode(
            texts,
            list(pairs) if pairs is not None else None,
            add_special_tokens=add_special_tokens,
            max_length=limit,
            strategy=strategy,
        )
        bounds = found["cu_seqlens"]
        lengths = np.diff(bounds)
        width = 0
        if padding == "max_length":
            width = max_length or self.model_max_length
        elif padding in (True, "longest"):
            width = int(lengths.max(initial=0))
        columns: dict[str, list[list[int]]] = {}
        fills = {"input_ids": self.pad_token_id or 0, "token_type_ids": 0, "attention_mask": 0}
        for name in self.model_input_names:
            if name == "token_type_ids" and return_token_type_ids is False:
                continue
            if name == "attention_mask" and return_attention_mask is False:
                continue
            values = {"input_ids": found["ids"], "token_type_ids": found["type_ids"]}.get(name)
            rows = []
            for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist()):
                row = [1] * (end - begin) if values is None else values[begin:end].tolist()
                rows.append(row + [fills[name]] * (width - len(row)))
            columns[name] = rows
        if return_length:
            columns["length"] = [[length] for length in lengths.tolist()]
        return _encoding(columns, single, return_tensors)


def _encoding(columns: dict[str, list[list[int]]], single: bool, return_tensors: str | None) -> BatchEncoding:
    if return_tensors is None:
        return BatchEncoding({name: rows[0] if single else rows for name, rows in columns.items()})
    kind = getattr(return_tensors, "value", return_tensors)
    if kind not in ("pt", "np"):
        raise ValueError(f"return_tensors: expected None, 'np' or 'pt', found {return_tensors!r}")
    if kind == "pt":
        require_torch("return_tensors='pt'")
    for rows in columns.values():
        if len({len(row) for row in rows}) > 1:
            raise ValueError("Unable to create tensor: the texts have different lengths. Give padding=True.")
    arrays = {name: np.array(rows, np.int64) for name, rows in columns.items()}
    return BatchEncoding({name: to_tensor(a) if kind == "pt" and loaded_torch() else a for name, a in arrays.items()})
