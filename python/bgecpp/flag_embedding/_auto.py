"""FlagAutoModel and FlagAutoReranker: the class that a model's name asks for.

The tables are FlagEmbedding's (inference/embedder/model_mapping.py, inference/reranker/model_mapping.py): which
class, pooling and format of instructions each model has.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import Any, NamedTuple

from bgecpp.errors import Unsupported

from ._abstract import AbsEmbedder, AbsReranker, Devices
from ._embedder import FlagModel
from ._m3 import BGEM3FlagModel
from ._reranker import FlagReranker


class EmbedderModelClass(Enum):
    ENCODER_ONLY_BASE = "encoder-only-base"
    ENCODER_ONLY_M3 = "encoder-only-m3"
    DECODER_ONLY_BASE = "decoder-only-base"
    DECODER_ONLY_ICL = "decoder-only-icl"
    DECODER_ONLY_PSEUDO_MOE = "decoder-only-pseudo_moe"


class RerankerModelClass(Enum):
    ENCODER_ONLY_BASE = "encoder-only-base"
    DECODER_ONLY_BASE = "decoder-only-base"
    DECODER_ONLY_LAYERWISE = "decoder-only-layerwise"
    DECODER_ONLY_LIGHTWEIGHT = "decoder-only-lightweight"


# Of classes that are not ours: the names that the real package has for them.
_DECODER_EMBEDDERS = {
    EmbedderModelClass.DECODER_ONLY_BASE: "FlagLLMModel",
    EmbedderModelClass.DECODER_ONLY_ICL: "FlagICLModel",
    EmbedderModelClass.DECODER_ONLY_PSEUDO_MOE: "FlagPseudoMoEModel",
}
_DECODER_RERANKERS = {
    RerankerModelClass.DECODER_ONLY_BASE: "FlagLLMReranker",
    RerankerModelClass.DECODER_ONLY_LAYERWISE: "LayerWiseFlagLLMReranker",
    RerankerModelClass.DECODER_ONLY_LIGHTWEIGHT: "LightWeightFlagLLMReranker",
}


class _Config(NamedTuple):
    model_class: EmbedderModelClass
    pooling_method: str
    query_instruction_format: str = "{}{}"


_BASE, _M3 = EmbedderModelClass.ENCODER_ONLY_BASE, EmbedderModelClass.ENCODER_ONLY_M3
_LLM, _ICL = EmbedderModelClass.DECODER_ONLY_BASE, EmbedderModelClass.DECODER_ONLY_ICL
_TAGS, _LINES, _LINES_NO_BLANK = "<instruct>{}\n<query>{}", "Instruct: {}\nQuery: {}", "Instruct: {}\nQuery:{}"


def _names(pattern: str, **parts: tuple[str, ...]) -> list[str]:
    names = [pattern]
    for key, values in parts.items():
        names = [name.replace("{" + key + "}", value) for name in names for value in values]
    return names


_SIZES = ("large", "base", "small")
_EMBEDDERS: dict[str, _Config] = {
    "bge-m3": _Config(_M3, "cls"),
    "bge-reasoner-embed-qwen3-8b-0923": _Config(_LLM, "last_token", _LINES),
    "bge-code-v1": _Config(_LLM, "last_token", _TAGS),
    "bge-en-icl": _Config(_ICL, "last_token", _TAGS),
    "bge-multilingual-gemma2": _Config(_LLM, "last_token", _TAGS),
    "multilingual-e5-large-instruct": _Config(_BASE, "mean", _LINES),
    "e5-mistral-7b-instruct": _Config(_LLM, "last_token", _LINES),
    "bce-embedding-base_v1": _Config(_BASE, "cls"),
    **{
        name: _Config(_BASE, "cls")
        for name in [
            *_names("bge-{size}-{lang}{version}", size=_SIZES, lang=("en", "zh"), version=("-v1.5", "")),
            *_names("gte-{size}-en-v1.5", size=("large", "base")),
            *_names("gte-{size}-zh", size=_SIZES),
            "gte-multilingual-base",
        ]
    },
    **{
        name: _Config(_BASE, "mean")
        for name in [
            *_names("e5-{size}{version}", size=_SIZES, version=("-v2", "")),
            *_names("multilingual-e5-{size}", size=_SIZES),
            *_names("gte-{size}", size=_SIZES),
        ]
    },
    **{
        name: _Config(_LLM, "last_token", _LINES_NO_BLANK)
        for name in _names("Qwen3-Embedding-{size}", size=("0.6B", "4B", "8B"))
    },
    **{
        name: _Config(_LLM, "last_token", _LINES)
        for name in [
            *_names("gte-{base}-instruct", base=("Qwen2-7B", "Qwen2-1.5B", "Qwen1.5-7B")),
            "SFR-Embedding-2_R",
            "SFR-Embedding-Mistral",
            "Linq-Embed-Mistral",
        ]
    },
}

_RERANKERS: dict[str, RerankerModelClass] = {
    **{
        name: RerankerModelClass.ENCODER_ONLY_BASE
        for name in [
            "bge-reranker-base",
            "bge-reranker-large",
            "bge-reranker-v2-m3",
            "jina-reranker-v2-base-multilingual",
            "gte-multilingual-reranker-base",
            "bce-reranker-base_v1",
            "jina-reranker-v1-turbo-en",
        ]
    },
    "bge-reranker-v2-gemma": RerankerModelClass.DECODER_ONLY_BASE,
    "bge-reranker-v2-minicpm-layerwise": RerankerModelClass.DECODER_ONLY_LAYERWISE,
    "bge-reranker-v2.5-gemma2-lightweight": RerankerModelClass.DECODER_ONLY_LIGHTWEIGHT,
}


def _model_name(model_name_or_path: str) -> str:
    path = os.fspath(model_name_or_path).rstrip("/")
    name = os.path.basename(path)
    if name.startswith("checkpoint-"):
        name = os.path.basename(os.path.dirname(path))
    return name.split("@")[0]


def _unknown(kind: str, name: str, known: Any) -> ValueError:
    return ValueError(f"{kind} '{name}' is not in the table of models: give model_class, or one of {', '.join(known)}")


def real_class(name: str) -> Any:
    """A class of the installed FlagEmbedding, for models that this engine does not compute."""
    from bgecpp.imports import real_attribute

    try:
        # By the module that defines them: those above it are stood in for.
        kind = "reranker" if name.endswith("Reranker") else "embedder"
        return real_attribute(f"FlagEmbedding.inference.{kind}.decoder_only", name)
    except ImportError as error:
        raise Unsupported(
            f"{name}: bgecpp has no decoder models yet, and FlagEmbedding is not installed ({error}): "
            "pip install FlagEmbedding, or use an encoder model"
        ) from error


class FlagAutoModel:
    """FlagEmbedding's FlagAutoModel."""

    def __init__(self) -> None:
        raise EnvironmentError("FlagAutoModel: call FlagAutoModel.from_finetuned(model_name_or_path)")

    @classmethod
    def from_finetuned(
        cls,
        model_name_or_path: str,
        model_class: str | EmbedderModelClass | None = None,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: str | None = None,
        devices: Devices = None,
        pooling_method: str | None = None,
        trust_remote_code: bool | None = None,
        query_instruction_format: str | None = None,
        truncate_dim: int | None = None,
        **kwargs: Any,
    ) -> AbsEmbedder:
        """The embedder for a model: by its name's place in the table, or by `model_class`."""
        if model_class is not None:
            kind = EmbedderModelClass(model_class.value if isinstance(model_class, Enum) else model_class)
            config = _Config(kind, "last_token" if kind in _DECODER_EMBEDDERS else "cls")
        else:
            name = _model_name(model_name_or_path)
            if name not in _EMBEDDERS:
                raise _unknown("model", name, _EMBEDDERS)
            config = _EMBEDDERS[name]
        made: Any
        if config.model_class in _DECODER_EMBEDDERS:
            made = real_class(_DECODER_EMBEDDERS[config.model_class])
        else:
            made = BGEM3FlagModel if config.model_class is _M3 else FlagModel
        result: AbsEmbedder = made(
            model_name_or_path,
            normalize_embeddings=normalize_embeddings,
            use_fp16=use_fp16,
            use_bf16=use_bf16,
            query_instruction_for_retrieval=query_instruction_for_retrieval,
            query_instruction_format=query_instruction_format or config.query_instruction_format,
            devices=devices,
            pooling_method=pooling_method or config.pooling_method,
            trust_remote_code=bool(trust_remote_code),
            truncate_dim=truncate_dim,
            **kwargs,
        )
        return result


class FlagAutoReranker:
    """FlagEmbedding's FlagAutoReranker."""

    def __init__(self) -> None:
        raise EnvironmentError("FlagAutoReranker: call FlagAutoReranker.from_finetuned(model_name_or_path)")

    @classmethod
    def from_finetuned(
        cls,
        model_name_or_path: str,
        model_class: str | RerankerModelClass | None = None,
        use_fp16: bool = False,
        trust_remote_code: bool | None = None,
        **kwargs: Any,
    ) -> AbsReranker:
        """The reranker for a model: by its name's place in the table, or by `model_class`."""
        if model_class is not None:
            kind = RerankerModelClass(model_class.value if isinstance(model_class, Enum) else model_class)
        else:
            name = _model_name(model_name_or_path)
            if name not in _RERANKERS:
                raise _unknown("reranker", name, _RERANKERS)
            kind = _RERANKERS[name]
        made: Any = real_class(_DECODER_RERANKERS[kind]) if kind in _DECODER_RERANKERS else FlagReranker
        result: AbsReranker = made(
            model_name_or_path, use_fp16=use_fp16, trust_remote_code=bool(trust_remote_code), **kwargs
        )
        return result
