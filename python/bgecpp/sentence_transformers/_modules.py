"""What a loaded model looks like from outside: its modules, as far as programs ask about them.

They describe what the engine computes, and encode() does not call them. Called with features (tokenize()'s, and what
the module before adds) an encoder, a pooling and a normalisation add theirs. Those that have settings which may be
changed (max_seq_length, include_prompt, pooling_mode) change the model that they belong to.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bgecpp import errors
from bgecpp.transformers._models import AutoModel

from ._arrays import to_numpy, to_tensor_or_array, unit_rows
from ._deprecated import TOKENIZE, log_once
from ._files import read_json
from ._pooling import pool_padded

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

    def get_config_dict(self) -> dict[str, Any]:
        return {}

    def __call__(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The features with what this module adds to them."""
        raise errors.Unsupported(f"{self._name}: it is computed within encode(), not alone")

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return self(features, **kwargs)

    def __repr__(self) -> str:
        config = self.get_config_dict()
        return f"{self._name}({config if config else ''})"


# What the encoder of a class does, by transformers' names: task, its output's name there, and here.
_TASKS = {
    "SentenceTransformer": ("feature-extraction", "last_hidden_state", "token_embeddings"),
    "CrossEncoder": ("sequence-classification", "logits", "scores"),
    "SparseEncoder": ("fill-mask", "logits", "token_embeddings"),
}


class Transformer(Module):
    """The encoder. auto_model is callable with ids; its config has the fields of config.json."""

    do_lower_case = False

    def __init__(self, model: BaseModel, name: str = "Transformer") -> None:
        super().__init__(name)
        self._model = model

    @property
    def config(self) -> Any:
        return self._model.config

    @property
    def auto_model(self) -> Any:
        return self._model.transformers_model

    @property
    def model(self) -> Any:
        return self.auto_model

    def get_config_dict(self) -> dict[str, Any]:
        task, output, name = _TASKS[self._model.model_type]
        return {
            "transformer_task": task,
            "modality_config": {"text": {"method": "forward", "method_output_name": output}},
            "module_output_name": name,
        }

    def __call__(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """With token_embeddings (N, L, H), zeros where the mask has them; a CrossEncoder's: scores (N, 1), logits."""
        _, output, name = _TASKS[self._model.model_type]
        inputs = {key: features[key] for key in ("input_ids", "attention_mask", "token_type_ids") if key in features}
        return {**features, name: self.auto_model(**inputs)[output]}

    def __repr__(self) -> str:
        if self._name != "Transformer":
            return f"{self._name}()"
        names = read_json(self._model.encoder_path, "config.json").get("architectures")
        name = str(names[0] if isinstance(names, list) and names else self._model._info["architecture"])
        if self._model.model_type == "SentenceTransformer":
            name = re.sub(r"For[A-Z]\w*$", "Model", name)  # of what has a head too the encoder is read
        return f"Transformer({dict(self.get_config_dict(), architecture=name)})"

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

    def preprocess(self, inputs: Any, **kwargs: Any) -> dict[str, Any]:
        return self._model.preprocess(inputs, **kwargs)

    def tokenize(self, texts: Any, **kwargs: Any) -> dict[str, Any]:
        """preprocess, by the name that it once had, which is logged."""
        log_once(TOKENIZE, logging.getLogger("sentence_transformers.base.modules.input_module"))
        return self.preprocess(texts, **kwargs)


class MaskedLM(AutoModel):
    """A SparseEncoder's encoder: the engine pools its logits without ever holding those of a text."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: Unsupported."""
        raise errors.Unsupported("SparseEncoder's auto_model: logits are pooled within encode(), not given out")

    forward = __call__


class Pooling(Module):
    """Token vectors to one. pooling_mode: a name, or a tuple of those that are joined; another may be set."""

    POOLING_MODES = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")

    def __init__(self, modes: list[str], dimension: int, include_prompt: bool) -> None:
        super().__init__("Pooling")
        self._engine_modes = tuple(modes)
        self._modes = self._engine_modes
        self.embedding_dimension = self.word_embedding_dimension = dimension
        self.include_prompt = include_prompt
        self.pooling_output_dimension = len(modes) * dimension

    @property
    def pooling_mode(self) -> str | tuple[str, ...]:
        return self._modes[0] if len(self._modes) == 1 else self._modes

    @pooling_mode.setter
    def pooling_mode(self, value: str | Sequence[str]) -> None:
        modes = (value,) if isinstance(value, str) else tuple(value)
        for mode in modes or (value,):
            if mode not in self.POOLING_MODES:
                raise ValueError(f"Invalid pooling mode: {mode!r}. Valid pooling modes are: {self.POOLING_MODES}.")
        self._modes = modes

    @property
    def modes(self) -> list[str]:
        """Names of what is joined."""
        return list(self._modes)

    @property
    def is_engines(self) -> bool:
        """Whether the modes are those that the engine was loaded with."""
        return self._modes == self._engine_modes

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

    def __call__(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """With sentence_embedding (N, D) of token_embeddings (N, L, H)."""
        left_out = 0 if self.include_prompt else int(features.get("prompt_length", 0))
        tokens, mask = to_numpy(features["token_embeddings"]), to_numpy(features["attention_mask"])
        vectors = pool_padded(tokens, mask, self.modes, left_out)
        return {**features, "sentence_embedding": to_tensor_or_array(vectors)}

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
        return flags[name] in self._modes


class Normalize(Module):
    """Vectors to unit length."""

    def get_config_dict(self) -> dict[str, Any]:
        return {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}

    def __call__(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """With sentence_embedding of unit length."""
        vectors = unit_rows(to_numpy(features["sentence_embedding"]))
        return {**features, "sentence_embedding": to_tensor_or_array(vectors)}


class SparseStaticEmbedding(Module):
    """Texts to a weight for each of their tokens, in a model that has nothing else."""

    def __init__(self, model: BaseModel) -> None:
        super().__init__()
        self._model = model
        self.frozen = bool(read_json(model.encoder_path, "config.json").get("frozen", False))
        self.num_dimensions = int(model._info["sparse_dimension"])

    @property
    def tokenizer(self) -> Any:
        return self._model.tokenizer

    @property
    def max_seq_length(self) -> int:
        return self._model.max_seq_length

    def get_config_dict(self) -> dict[str, Any]:
        return {"frozen": self.frozen}

    @property
    def modalities(self) -> list[str]:
        return ["text"]

    def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """The model's."""
        return self._model.preprocess(inputs, prompt, **kwargs)

    def get_embedding_dimension(self) -> int:
        return self.num_dimensions

    def __repr__(self) -> str:
        tokenizer = type(self.tokenizer).__name__
        return f"SparseStaticEmbedding({self.get_config_dict()}, dim={self.num_dimensions}, tokenizer={tokenizer})"


class SpladePooling(Module):
    """Logits of a masked-language model to one sparse vector."""

    chunk_size: int | None = None

    def __init__(self, strategy: str, activation: str, dimension: int) -> None:
        super().__init__("SpladePooling")
        self.pooling_strategy = strategy
        self.activation_function = activation
        self.embedding_dimension = dimension

    def get_config_dict(self) -> dict[str, Any]:
        return {
            "pooling_strategy": self.pooling_strategy,
            "activation_function": self.activation_function,
            "embedding_dimension": self.embedding_dimension,
        }
