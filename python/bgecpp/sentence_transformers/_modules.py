"""What a loaded model looks like from outside: its modules, as far as programs ask about them.

They describe what the engine computes; they compute nothing themselves. Those that have settings which
may be changed (max_seq_length, include_prompt) change the model that they belong to.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ._files import read_json

if TYPE_CHECKING:
    from ._base import BaseModel


class Module:
    """One of a model's modules."""

    def __init__(self, name: str = "", **settings: Any) -> None:
        self._name = name or type(self).__name__
        self.__dict__.update(settings)

    @property
    def forward_kwargs(self) -> set[str]:
        return set()

    def __repr__(self) -> str:
        return f"{self._name}()"


class Transformer(Module):
    """The encoder. auto_model.config has the fields of config.json."""

    def __init__(self, model: BaseModel, name: str = "Transformer") -> None:
        super().__init__(name)
        self._model = model

    @property
    def config(self) -> SimpleNamespace:
        return SimpleNamespace(**read_json(self._model.model_path, "config.json"))

    @property
    def auto_model(self) -> SimpleNamespace:
        return SimpleNamespace(config=self.config, device=self._model.device, dtype=self._model.dtype)

    @property
    def model(self) -> SimpleNamespace:
        return self.auto_model

    @property
    def tokenizer(self) -> Any:
        return self._model.tokenizer

    @property
    def processor(self) -> Any:
        return self._model.tokenizer

    @property
    def max_seq_length(self) -> int:
        return self._model.max_seq_length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self._model.max_seq_length = value

    modalities = ["text"]
    query_length = None
    document_length = None

    def get_embedding_dimension(self) -> int:
        return int(self._model._info["hidden_size"])

    def get_word_embedding_dimension(self) -> int:
        return self.get_embedding_dimension()

    def tokenize(self, texts: Any, **kwargs: Any) -> dict[str, Any]:
        return self._model.preprocess(texts, **kwargs)

    preprocess = tokenize


class Pooling(Module):
    """Token vectors to one. pooling_mode: a name, or a tuple of those that are joined."""

    def __init__(self, modes: list[str], dimension: int, include_prompt: bool) -> None:
        super().__init__("Pooling")
        self.pooling_mode: str | tuple[str, ...] = modes[0] if len(modes) == 1 else tuple(modes)
        self.embedding_dimension = self.word_embedding_dimension = dimension
        self.include_prompt = include_prompt
        self.pooling_output_dimension = len(modes) * dimension

    def get_embedding_dimension(self) -> int:
        return self.pooling_output_dimension

    get_sentence_embedding_dimension = get_embedding_dimension

    def get_pooling_mode_str(self) -> str:
        return self.pooling_mode if isinstance(self.pooling_mode, str) else "+".join(self.pooling_mode)

    def get_config_dict(self) -> dict[str, Any]:
        return {
            "embedding_dimension": self.embedding_dimension,
            "pooling_mode": self.pooling_mode,
            "include_prompt": self.include_prompt,
        }

    def __getattr__(self, name: str) -> bool:
        # The flags of older versions: pooling_mode_cls_token, pooling_mode_mean_tokens, ...
        flags = {
            "pooling_mode_cls_token": "cls",
            "pooling_mode_max_tokens": "max",
            "pooling_mode_mean_tokens": "mean",
            "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
            "pooling_mode_weightedmean_tokens": "weightedmean",
            "pooling_mode_lasttoken": "lasttoken",
        }
        if name not in flags:
            raise AttributeError(name)
        modes = (self.pooling_mode,) if isinstance(self.pooling_mode, str) else self.pooling_mode
        return flags[name] in modes

    def __repr__(self) -> str:
        return f"Pooling({self.get_config_dict()})"


class Normalize(Module):
    """Vectors to unit length."""


class SpladePooling(Module):
    """Logits of a masked-language model to one sparse vector."""

    chunk_size: int | None = None
