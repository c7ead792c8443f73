"""The tokenizer of a loaded model: transformers', on the engine's own, whose limit is the model's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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

    def __reduce__(self) -> tuple[Any, ...]:
        # Alone it has its limit as it is now.
        return _alone, (self.name_or_path, self.model_max_length)


def _alone(directory: str, limit: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(directory, model_max_length=limit)
