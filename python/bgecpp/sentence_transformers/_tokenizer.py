"""The tokenizer of a loaded model: transformers', on the engine's own, whose limit is the model's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bgecpp import errors
from bgecpp._core import Tokenizer
from bgecpp.transformers._tokenizer import PreTrainedTokenizerFast


class ModelTokenizer(PreTrainedTokenizerFast):
    """`limit` gets and sets the number of tokens that truncation leaves."""

    def __init__(
        self, tokenizer: Tokenizer, directory: str, limit: tuple[Callable[[], int], Callable[[int], None]]
    ) -> None:
        self._get_limit, self._set_limit = limit
        super().__init__(directory, native=tokenizer)

    @property
    def model_max_length(self) -> int:
        return self._get_limit()

    @model_max_length.setter
    def model_max_length(self, value: int) -> None:
        self._set_limit(value)

    @property
    def truncation_side(self) -> str:
        return self._side

    @truncation_side.setter
    def truncation_side(self, value: str) -> None:
        if value != "right":
            raise errors.Unsupported(f"truncation_side: found {value!r}: texts are cut at their end only")
        self._side = value

    def __reduce__(self) -> tuple[Any, ...]:
        # Alone it has its limit, and what was set, as it is now.
        return _alone, (self.name_or_path, {**self._changed(), "model_max_length": self.model_max_length})


def _alone(directory: str, changed: dict[str, Any]) -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(directory)
    for name, value in changed.items():
        setattr(tokenizer, name, value)
    return tokenizer
