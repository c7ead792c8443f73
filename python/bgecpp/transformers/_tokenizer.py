"""PreTrainedTokenizerFast: text to ids as transformers' tokenizers make them, on the engine's tokenizer."""

from __future__ import annotations

import logging
import math
import os
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bgecpp import _copies, _pairs, _secrets, errors
from bgecpp.transformers import _values
from bgecpp.transformers._batch import BatchEncoding
from bgecpp.transformers._tokenizer_fields import ROLES as _ROLES
from bgecpp.transformers._tokenizer_fields import TokenizerFields, read_fields

if TYPE_CHECKING:
    from bgecpp._core import Tokenizer

_logger = logging.getLogger(__name__)
# What transformers has for no limit.
NO_LIMIT = int(1e30)
# Above it: none either. transformers has 1e20, which the engine cannot count to.
_LARGE = (1 << 63) - 1
_BERT = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
_XLM_R = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "mask_token": "<mask>",
}
# By the first part of the tokenizer's class, or the model's type: tokens that its files need not name.
_DEFAULTS = {"Bert": _BERT, "DistilBert": _BERT, "XLMRoberta": _XLM_R, "Roberta": _XLM_R, "Camembert": _XLM_R}
_BY_MODEL_TYPE = {
    "bert": "Bert",
    "distilbert": "DistilBert",
    "mpnet": "MPNet",
    "roberta": "Roberta",
    "xlm-roberta": "XLMRoberta",
}
_SIDES = ("padding_side", "truncation_side")
_STRATEGIES = ("longest_first", "only_first", "only_second", "do_not_truncate")
_PADDINGS = ("longest", "max_length", "do_not_pad")
# What a tokenizer may be made of, beside tokenizer_config.json.
_FILES = (
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
)


class PreTrainedTokenizerFast:
    """A tokenizer whose ids are made as its files say: sides, the limit, and what stands for padding may be set.
    Thread-safe, but for such settings.

    directory: where its files are, if name_or_path does not say it. native: the engine's, if a model has it already.
    """

    is_fast = True

    def __init__(
        self, name_or_path: str, *, directory: str | None = None, native: Tokenizer | None = None, **settings: Any
    ) -> None:
        from bgecpp import _core

        self.name_or_path = name_or_path
        self._settings = settings = _secrets.without(settings)
        if directory is None:
            directory = name_or_path if os.path.exists(name_or_path) else _core.model_directory(name_or_path)
        self._tokenizer = _core.Tokenizer(directory) if native is None else native
        self._directory = Path(directory)
        self._read_settings(self._directory, settings)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Any]:
        """For isinstance() in other packages: transformers' PreTrainedTokenizerBase, once that is loaded."""
        module = sys.modules.get("transformers.tokenization_utils_base")
        base: type[Any] = getattr(module, "PreTrainedTokenizerBase", type(self))
        return base

    def _read_settings(self, directory: Path, settings: dict[str, Any]) -> None:
        fields = TokenizerFields(directory / "tokenizer_config.json", settings)
        config = fields.all
        cls = str(config.get("tokenizer_class") or "")
        kind = cls.removesuffix("Fast").removesuffix("Tokenizer")
        if kind not in _DEFAULTS:
            model_type = read_fields(directory / "config.json").get("model_type")
            kind = kind if cls else _BY_MODEL_TYPE.get(str(model_type), "")
        defaults = _DEFAULTS.get(kind, {})
        self._roles = self._special_tokens(directory, fields, defaults)
        if settings:
            of_files = self._special_tokens(directory, TokenizerFields(directory / "tokenizer_config.json", {}), defaults)
            fields.refuse_other_ids(kind, of_files, self._is_special)
        types = ["token_type_ids"] if kind == "Bert" or cls in ("", "BertTokenizer") and self._is_bert(directory) else []
        self.model_input_names: list[str] = fields.texts("model_input_names") or ["input_ids", *types, "attention_mask"]
        self._limit = fields.integer("model_max_length", NO_LIMIT, -_LARGE, math.inf)
        self.padding_side: str = fields.side("padding_side")
        self.truncation_side: str = fields.side("truncation_side")
        self.clean_up_tokenization_spaces = bool(config.get("clean_up_tokenization_spaces", False))
        self.pad_token_type_id = fields.integer("pad_token_type_id", 0, 0, (1 << 31) - 1)
        self.extra_special_tokens: list[str] = fields.texts("extra_special_tokens")
        if not self.extra_special_tokens:
            self.extra_special_tokens = fields.texts("additional_special_tokens")
        self._warned = False
        self._read = self._now()

    def _now(self) -> dict[str, Any]:
        """What may be set."""
        sides = {side: getattr(self, side) for side in _SIDES}
        return {**dict.fromkeys(_ROLES), **self._roles, **sides, "model_max_length": self._limit}

    def _changed(self) -> dict[str, Any]:
        return {name: value for name, value in self._now().items() if value != self._read[name]}

    def _is_special(self, token: str) -> bool:
        found = self._tokenizer.token_to_id(token)
        return found is not None and self._tokenizer.is_special(found)

    def _knows(self, token: str) -> bool:
        is_utf8 = not any("\ud800" <= character <= "\udfff" for character in token)
        return is_utf8 and self._tokenizer.token_to_id(token) is not None

    @property
    def model_max_length(self) -> int:
        """Tokens of a text that truncation leaves, where a call says nothing else."""
        return self._limit

    @model_max_length.setter
    def model_max_length(self, value: int) -> None:
        self._limit = value

    @staticmethod
    def _is_bert(directory: Path) -> bool:
        return read_fields(directory / "config.json").get("model_type") == "bert"

    @staticmethod
    def _special_tokens(directory: Path, config: TokenizerFields, defaults: dict[str, str]) -> dict[str, str]:
        of_map = TokenizerFields(directory / "special_tokens_map.json", {})
        found: dict[str, str | None] = dict(defaults)
        for role in _ROLES:
            if role in config.all or role in of_map.all:
                found[role] = (config if role in config.all else of_map).token(role)
        return {role: token for role in _ROLES if (token := found.get(role)) is not None}

    # Tokens that have a role.

    def __getattr__(self, name: str) -> Any:
        role = name.removesuffix("_id")
        roles: dict[str, str] = self.__dict__.get("_roles", {})
        if role not in _ROLES:
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        token = roles.get(role)
        return token if token is None or role == name else self._tokenizer.token_to_id(token)

    def __setattr__(self, name: str, value: Any) -> None:
        role = name.removesuffix("_id")
        if name in _SIDES and value not in ("left", "right"):
            raise ValueError(f"{name}: found {value!r:.80}, expected 'left' or 'right'")
        if role not in _ROLES:
            object.__setattr__(self, name, value)
            return
        token = getattr(value, "content", value)
        if name != role:
            token = self._tokenizer.id_to_token(int(value)) if isinstance(value, Integral) and 0 <= int(value) < len(self) else None
        if value is not None and not (isinstance(token, str) and self._knows(token)):
            expected = "a token" if name == role else "an id"
            raise errors.InvalidArgument(f"{name}: found {value!r:.80}, expected {expected} of the vocabulary, or None")
        roles = {**self._roles, role: token}
        self._roles = {one: roles[one] for one in _ROLES if roles.get(one) is not None}

    @property
    def special_tokens_map(self) -> dict[str, str]:
        return dict(self._roles)

    @property
    def all_special_tokens(self) -> list[str]:
        return list(dict.fromkeys([*self._roles.values(), *self.extra_special_tokens]))

    @property
    def all_special_ids(self) -> list[int]:
        ids = self.convert_tokens_to_ids(self.all_special_tokens)
        assert isinstance(ids, list)
        return ids

    # The vocabulary.

    @cached_property
    def vocab_size(self) -> int:
        """Tokens of the base vocabulary, without those that were added."""
        vocab = read_fields(self._directory / "tokenizer.json").get("model", {}).get("vocab")
        return len(vocab) if vocab else int(self._tokenizer.vocab_size)

    def __len__(self) -> int:
        return int(self._tokenizer.vocab_size)

    def __bool__(self) -> bool:
        return True

    @cached_property
    def _vocab(self) -> dict[str, int]:
        tokens = ((self._tokenizer.id_to_token(i), i) for i in range(self._tokenizer.vocab_size))
        return {token: i for token, i in tokens if token is not None}

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id."""
        return dict(self._vocab)

    @property
    def vocab(self) -> dict[str, int]:
        return self.get_vocab()

    def convert_tokens_to_ids(self, tokens: str | Sequence[str]) -> int | list[int]:
        """The id of a token, or of each: the unknown token's where there is none, or None without such a token."""
        if isinstance(tokens, str):
            found: int = self._id(tokens)
            return found
        return [self._id(token) for token in tokens]

    def _id(self, token: str) -> Any:
        found = self._tokenizer.token_to_id(token)
        return self.unk_token_id if found is None else found

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id, or of each: None where there is none."""
        if isinstance(ids, int):
            return self._tokenizer.id_to_token(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self._tokenizer.id_to_token(int(i)) for i in ids if int(i) not in skipped]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text that tokens stand for. ValueError for what is no token of the vocabulary."""
        for token in tokens:
            if self._tokenizer.token_to_id(token) is None:
                raise ValueError(f"convert_tokens_to_string: {token!r} is not in the vocabulary")
        return str(self._tokenizer.decode([self._id(token) for token in tokens], False))

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        return int(self._tokenizer.num_special_tokens(pair))

    @property
    def max_len_single_sentence(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)

    # Text to ids.

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Of a text, or of a list of texts or pairs: lists of ids, or [B, L] int64 tensors with return_tensors.

        padding: True or "longest", "max_length", False. truncation: True or "longest_first", "only_first",
        "only_second", False. max_length: by default the model's. Refused: words that are split already, windows of
        long texts (stride, return_overflowing_tokens), cuts at the front.
        """
        if text is None:
            raise ValueError("You need to specify either `text` or `text_target`: text_target is not for encoders")
        if is_split_into_words or return_overflowing_tokens or kwargs.pop("split_special_tokens", False):
            raise errors.Unsupported(
                "is_split_into_words, return_overflowing_tokens and split_special_tokens are not supported: use the "
                "tokenizer of transformers, whose ids are the same"
            )
        if kwargs.pop("text_target", None) is not None:
            raise errors.Unsupported("text_target is for models that write text")
        batched = isinstance(text, (list, tuple))
        items = _values.as_batch(text, text_pair)
        pad, strategy, max_length = self._strategies(padding, truncation, max_length, pad_to_multiple_of, verbose)
        if strategy != "do_not_truncate" and self.truncation_side != "right":
            raise errors.Unsupported("truncation_side: only 'right' is supported")
        want_more = return_special_tokens_mask or return_offsets_mapping
        encoded: Any = _pairs.encode(
            self._tokenizer,
            items,
            "text",
            add_special_tokens=add_special_tokens,
            max_length=None if strategy == "do_not_truncate" else max_length,
            strategy="longest_first" if strategy == "do_not_truncate" else strategy,
            want_offsets=want_more,
        )
        bounds = encoded["cu_seqlens"].tolist()
        lengths = [b - a for a, b in zip(bounds, bounds[1:])]
        longest = max(lengths, default=0)
        self._say_too_long(longest, max_length, verbose)
        # Of all texts, one after another.
        flat: dict[str, Any] = {"input_ids": encoded["ids"]}
        if _values.wanted(return_token_type_ids, "token_type_ids", self.model_input_names):
            flat["token_type_ids"] = encoded["type_ids"]
        if _values.wanted(return_attention_mask, "attention_mask", self.model_input_names):
            flat["attention_mask"] = None
        if return_special_tokens_mask:
            flat["special_tokens_mask"] = encoded["special_tokens_mask"]
        if return_offsets_mapping:
            flat["offset_mapping"] = encoded["offsets"]
        length = 0
        if pad != "do_not_pad":
            length = _values.rounded((max_length if pad == "max_length" else longest) or 0, pad_to_multiple_of)
        side = self._side_of(padding_side)
        width = max(length, longest)
        data: dict[str, Any]
        if return_tensors is not None and lengths and (length == width or min(lengths) == width):
            data = self._padded_arrays(flat, lengths, width, side)
        else:
            data = {name: _values.lists(values, bounds) for name, values in flat.items()}
            if length:
                self._pad(data, length, side)
        if return_length:
            data["length"] = [len(row) for row in data["input_ids"]]
        padded = data["input_ids"]
        if not batched and return_tensors is None:
            data = {name: value if name == "length" else value[0] for name, value in data.items()}
        return BatchEncoding(
            data,
            lambda i: list(self.convert_ids_to_tokens(padded[i])),
            return_tensors,
            2 if _pairs.holds_pairs(items) else 1,
        )

    def _strategies(
        self,
        padding: bool | str,
        truncation: bool | str | None,
        max_length: int | None,
        multiple: int | None,
        verbose: bool = True,
    ) -> tuple[str, str, int | None]:
        """padding, truncation and max_length as transformers reads them together."""
        padding = getattr(padding, "value", padding)
        truncation = getattr(truncation, "value", truncation)
        if max_length is not None and padding is False and truncation is None:
            truncation = True
        if padding is True and max_length is not None and truncation in (None, False, "do_not_truncate") and verbose:
            warnings.warn(
                "`max_length` is ignored when `padding`=`True` and there is no truncation strategy. To pad to max "
                "length, use `padding='max_length'`.",
                stacklevel=3,
            )
        pad = {True: "longest", False: "do_not_pad"}[padding] if isinstance(padding, bool) else padding
        strategy = truncation or "do_not_truncate"
        strategy = "longest_first" if strategy is True else strategy
        if pad not in _PADDINGS:
            raise ValueError(f"padding: expected a bool or one of {_PADDINGS}, found {padding!r}")
        if strategy not in _STRATEGIES:
            raise ValueError(f"truncation: expected a bool or one of {_STRATEGIES}, found {truncation!r}")
        if max_length is None:
            limited = self.model_max_length <= _LARGE
            pad = "do_not_pad" if pad == "max_length" and not limited else pad
            strategy = strategy if limited else "do_not_truncate"
            if limited and (pad == "max_length" or strategy != "do_not_truncate"):
                max_length = self.model_max_length
        if pad != "do_not_pad" and self.pad_token_id is None:
            raise ValueError("Asking to pad but the tokenizer does not have a padding token: set pad_token to one of its tokens")
        cuts = strategy != "do_not_truncate" and max_length is not None
        if pad != "do_not_pad" and cuts and multiple is not None and max_length % multiple != 0:  # type: ignore[operator]
            raise ValueError(
                f"Truncation and padding are both activated but truncation length ({max_length}) is not a multiple of "
                f"pad_to_multiple_of ({multiple})."
            )
        return str(pad), str(strategy), max_length

    def _say_too_long(self, longest: int, max_length: int | None, verbose: bool) -> None:
        if max_length is None and longest > self.model_max_length and verbose and not self._warned:
            self._warned = True
            _logger.warning(
                "Token indices sequence length is longer than the specified maximum sequence length for this model "
                "(%d > %d)",
                longest,
                self.model_max_length,
            )

    def _side_of(self, padding_side: str | None) -> str:
        if padding_side not in (None, "left", "right"):
            raise ValueError(f"padding_side: found {padding_side!r:.80}, expected 'left' or 'right'")
        return padding_side or self.padding_side

    def _fills(self) -> dict[str, Any]:
        """What stands for padding."""
        return {
            "input_ids": self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "attention_mask": 0,
            "special_tokens_mask": 1,
            "offset_mapping": (0, 0),
        }

    def _padded_arrays(self, flat: dict[str, Any], lengths: list[int], width: int, side: str) -> dict[str, Any]:
        """int64 [B, width] of values of all texts, one after another, none of which is longer. Of None ones."""
        import numpy as np

        places, of_row = np.arange(width), np.array(lengths)[:, np.newaxis]
        is_token = places < of_row if side == "right" else places >= width - of_row
        fills: dict[str, Any] = {} if is_token.all() else self._fills()
        arrays: dict[str, Any] = {}
        for name, values in flat.items():
            if values is None:
                arrays[name] = is_token.astype(np.int64)
            else:
                arrays[name] = np.full((*is_token.shape, *values.shape[1:]), fills.get(name, 0), np.int64)
                arrays[name][is_token] = values
        return arrays

    def _pad(self, data: dict[str, Any], length: int, side: str) -> None:
        fill = self._fills()
        for name in data.keys() & fill.keys():
            for i, row in enumerate(data[name]):
                more = [fill[name]] * (length - len(row))
                data[name][i] = row + more if side == "right" else more + row

    def encode(
        self,
        text: str,
        text_pair: str | None = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """The ids of a text or pair."""
        encoded = self(text, text_pair, add_special_tokens, padding, truncation, max_length, **kwargs)
        return encoded["input_ids"]

    def tokenize(self, text: str, pair: str | None = None, add_special_tokens: bool = False, **kwargs: Any) -> list[str]:
        """The tokens of a text or pair, as the vocabulary spells them."""
        return self(text, pair, add_special_tokens, **kwargs).tokens()

    def pad(
        self,
        encoded_inputs: Any,
        padding: bool | str = True,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_attention_mask: bool | None = None,
        return_tensors: str | None = None,
        verbose: bool = True,
        **kwargs: Any,
    ) -> BatchEncoding:
        """Fills encodings (one, a list of them, or a batch) to one length."""
        if isinstance(encoded_inputs, (list, tuple)) and encoded_inputs and isinstance(encoded_inputs[0], Mapping):
            encoded_inputs = {name: [one[name] for one in encoded_inputs] for name in encoded_inputs[0]}
        if "input_ids" not in encoded_inputs:
            raise ValueError(
                "You should supply an encoding or a list of encodings to this method that includes input_ids, but you "
                f"provided {list(encoded_inputs)}"
            )
        kinds = {_values.tensor_kind(value) for value in encoded_inputs.values()} - {None}
        return_tensors = return_tensors or next(iter(kinds), None)
        data = {name: _values.as_lists(value) for name, value in encoded_inputs.items()}
        if not data["input_ids"]:
            return BatchEncoding({**data, "attention_mask": []} if return_attention_mask else data)
        batched = isinstance(data["input_ids"][0], list)
        if not batched:
            data = {name: [value] for name, value in data.items()}
        if _values.wanted(return_attention_mask, "attention_mask", self.model_input_names):
            data.setdefault("attention_mask", [[1] * len(row) for row in data["input_ids"]])
        pad, _, max_length = self._strategies(padding, None, max_length, None, verbose)
        if pad != "do_not_pad":
            length = max_length if pad == "max_length" else max(map(len, data["input_ids"]))
            self._pad(data, _values.rounded(length or 0, pad_to_multiple_of), self._side_of(padding_side))
        return BatchEncoding(data if batched else {n: v[0] for n, v in data.items()}, tensor_type=return_tensors)

    # Ids to text.

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """The text of ids; of a list of lists, or an array of two dimensions, a list of texts."""
        ids = _values.as_lists(token_ids["input_ids"] if isinstance(token_ids, Mapping) else token_ids)
        if isinstance(ids, list) and ids and isinstance(ids[0], list):
            return [self.decode(row, skip_special_tokens, clean_up_tokenization_spaces) for row in ids]
        text: str = self._tokenizer.decode([ids] if isinstance(ids, int) else ids, skip_special_tokens)
        clean = self.clean_up_tokenization_spaces if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        return self.clean_up_tokenization(text) if clean and not self._is_bpe else text

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """As decode(), always a list."""
        result = self.decode(sequences, skip_special_tokens, clean_up_tokenization_spaces)
        return [result] if isinstance(result, str) else list(result)

    @cached_property
    def _is_bpe(self) -> bool:
        return bool(read_fields(self._directory / "tokenizer.json").get("model", {}).get("type") == "BPE")

    @staticmethod
    def clean_up_tokenization(text: str) -> str:
        """No space before English punctuation and contractions."""
        for spaced in (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"):
            text = text.replace(spaced, "'" if spaced == " ' " else spaced[1:])
        return text

    @property
    def init_kwargs(self) -> dict[str, Any]:
        """The fields of tokenizer_config.json, and those that were given instead."""
        return {**_secrets.without(read_fields(self._directory / "tokenizer_config.json")), **self._settings}

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> tuple[str, ...]:
        """Copies the tokenizer's files, with what was set as it is now. Returns the paths that it wrote. A file
        is replaced or, where that fails, stays as it was. Errors of _copies.json_bytes() before anything is written."""
        now = {**self._changed(), "padding_side": self.padding_side, "truncation_side": self.truncation_side}
        limit = {} if self.model_max_length > _LARGE else {"model_max_length": self.model_max_length}
        settings = _copies.json_bytes({**self.init_kwargs, **now, **limit}, self._directory / "tokenizer_config.json")
        target = Path(save_directory)
        target.mkdir(parents=True, exist_ok=True)
        written = []
        for name in _FILES:
            source = self._directory / name
            if source.is_file():
                if not ((target / name).exists() and (target / name).samefile(source)):
                    with _copies.replacing(target / name) as temporary:
                        shutil.copyfile(source, temporary)
                written.append(str(target / name))
        _copies.write(target / "tokenizer_config.json", settings)
        return (str(target / "tokenizer_config.json"), *written)

    def __reduce__(self) -> tuple[Any, ...]:
        # Python's own compares the class with __class__.
        return _empty, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "name_or_path": self.name_or_path,
            "directory": str(self._directory),
            "settings": self._settings,
            "changed": self._changed(),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["name_or_path"], directory=state["directory"], **state["settings"])  # type: ignore[misc]
        for name, value in state.get("changed", {}).items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self._roles})"
        )


def _empty(cls: type[PreTrainedTokenizerFast]) -> PreTrainedTokenizerFast:
    return cls.__new__(cls)
