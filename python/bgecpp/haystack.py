"""Haystack 2 components: embedders of texts and documents, and a ranker.

    from bgecpp.haystack import BgeDocumentEmbedder, BgeRanker, BgeTextEmbedder

Needs haystack-ai. Models are loaded by warm_up(), which run() calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from os import PathLike
from typing import Any, TypedDict, Unpack

from haystack import Document, component, default_from_dict, default_to_dict
from haystack.utils import Secret
from haystack.utils.auth import SecretType

from bgecpp import _drop_in, _names, _secrets
from bgecpp.native import Embedder, Reranker

__all__ = ["BgeDocumentEmbedder", "BgeRanker", "BgeTextEmbedder"]


class EngineOptions(TypedDict, total=False):
    """The engine's, which all components take: as Embedder's. local_files_only: never download. token: the hub's, a
    Secret or a str, which to_dict() leaves out; pickles do too, unless it is a Secret that names a variable of the
    environment. device and trust_remote_code, which Haystack's own components take, have no effect."""

    device: Any
    token: Any
    trust_remote_code: bool
    batch_size: int
    progress_bar: bool
    threads: int
    dtype: str
    max_length: int | None
    packed_cache: str
    local_files_only: bool


_ACCEPTED = ("device", "trust_remote_code", "batch_size", "progress_bar")
_DEFAULTS: EngineOptions = {
    "threads": 0,
    "dtype": "default",
    "max_length": None,
    "packed_cache": "",
    "local_files_only": False,
}


class EmbedderOptions(EngineOptions, total=False):
    """Of both embedders. prefix: the name that Haystack's own have for instruction; normalize_embeddings: theirs for
    normalize, False for None."""

    prefix: str
    normalize_embeddings: bool


def _as_ours(options: EmbedderOptions, instruction: str | None, normalize: bool | None) -> dict[str, Any]:
    """The two arguments that have two names each, by ours; they leave options."""
    given: dict[str, Any] = {name: options.pop(name) for name in ("prefix", "normalize_embeddings") if name in options}
    if given.get("normalize_embeddings") is False:
        given["normalize_embeddings"] = None
    ours = {"instruction": instruction, "normalize": normalize}
    named = {name: value for name, value in ours.items() if value is not None}
    return {**ours, **_drop_in.renamed({**named, **given}, {"prefix": "instruction", "normalize_embeddings": "normalize"})}


class _Component:
    """What the components share: an engine that is loaded when it is first needed, and fields from and to YAML."""

    _settings: dict[str, Any]
    _token: Any = None  # a Secret of the environment or a Held, until it was used; in no YAML
    _engine: Any = None

    def _set(self, given: EngineOptions, **settings: Any) -> None:
        options: dict[str, Any] = dict(given)
        _drop_in.accept(options, *_ACCEPTED)
        token = options.pop("token", None)
        named = token is None or (isinstance(token, Secret) and token.type is SecretType.ENV_VAR)
        self._token = token if named else _secrets.Held(token)
        settings["model"] = str(settings["model"])
        for name in options:
            if name not in _DEFAULTS:
                raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument '{name}'")
        self._settings = {**settings, **_DEFAULTS, **options}

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = default_to_dict(self, **self._settings)
        return fields

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Any:
        return default_from_dict(cls, data)

    def _load(self, engine_class: type[Embedder] | type[Reranker]) -> None:
        if self._engine is None:
            names = ("threads", "dtype", "max_length", "packed_cache")
            options = {name: self._settings[name] for name in (*names, "pooling") if name in self._settings}
            download = not self._settings["local_files_only"]
            token = self._token.value if isinstance(self._token, _secrets.Held) else self._token
            token = token.resolve_value() if isinstance(token, Secret) else token
            model = _names.located(self._settings["model"], token=token, download=download)
            self._engine = engine_class(model, download=download, **options)
            self._token = None

    def warm_up(self) -> None:
        """Loads the model."""
        self._load(Embedder)

    def _encode(self, texts: str | list[str], role: str) -> Any:
        self.warm_up()
        settings = self._settings
        instruction = settings["instruction"]
        how = {"role": role} if instruction is None else {"instruction": instruction}
        cut = settings["truncate_dim"]
        normalize = _drop_in.normalize(self._engine, settings["normalize"], cut)
        if suffix := settings["suffix"]:
            texts = texts + suffix if isinstance(texts, str) else [text + suffix for text in texts]
        return self._engine.encode(texts, normalize=normalize, truncate_dim=cut, **how)

    def _text_of(self, document: Document) -> str:
        fields = self._settings["meta_fields_to_embed"] or []
        values = [str(document.meta[name]) for name in fields if document.meta.get(name)]
        return str(self._settings["embedding_separator"]).join([*values, document.content or ""])


@component
class BgeTextEmbedder(_Component):
    """A query to its vector, as the model's own modules make it; normalize: True: of length 1, False: of none. The
    model's own query instruction is put in front, or `instruction` ("" puts nothing there), and `suffix` behind."""

    def __init__(
        self,
        model: str | PathLike[str],
        *,
        instruction: str | None = None,
        suffix: str = "",
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        pooling: str | None = None,
        **options: Unpack[EmbedderOptions],
    ) -> None:
        renamed = _as_ours(options, instruction, normalize)
        self._set(options, model=model, suffix=suffix, truncate_dim=truncate_dim, pooling=pooling, **renamed)

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """{"embedding": a list of floats, "meta": {"model": ...}}"""
        if not isinstance(text, str):
            raise TypeError("BgeTextEmbedder expects a str: BgeDocumentEmbedder is for documents")
        vector = self._encode(text, "query")
        return {"embedding": vector.tolist(), "meta": {"model": self._settings["model"]}}

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.run, text)


@component
class BgeDocumentEmbedder(_Component):
    """Documents to the same with `embedding` set: of their content, behind the values of meta_fields_to_embed. Copies:
    the given ones stay as they are."""

    def __init__(
        self,
        model: str | PathLike[str],
        *,
        instruction: str | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        suffix: str = "",
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        pooling: str | None = None,
        **options: Unpack[EmbedderOptions],
    ) -> None:
        renamed = _as_ours(options, instruction, normalize)
        self._set(
            options,
            model=model,
            meta_fields_to_embed=meta_fields_to_embed,
            embedding_separator=embedding_separator,
            suffix=suffix,
            truncate_dim=truncate_dim,
            pooling=pooling,
            **renamed,
        )

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """{"documents": with embeddings, "meta": {"model": ...}}"""
        if not isinstance(documents, list) or any(not isinstance(d, Document) for d in documents):
            raise TypeError("BgeDocumentEmbedder expects a list of Documents: BgeTextEmbedder is for a str")
        vectors = self._encode([self._text_of(d) for d in documents], "document")
        embedded = [replace(d, embedding=v) for d, v in zip(documents, vectors.tolist())]
        return {"documents": embedded, "meta": {"model": self._settings["model"]}}

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        return await asyncio.to_thread(self.run, documents)


@component
class BgeRanker(_Component):
    """Documents by the reranker's score for a query, best first, at most top_k, none below score_threshold. Of
    documents with the same id the one with the best score counts, as in Haystack's own rankers. scale_score: the
    sigmoid, else the logit."""

    def __init__(
        self,
        model: str | PathLike[str],
        *,
        top_k: int = 10,
        scale_score: bool = True,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        **options: Unpack[EngineOptions],
    ) -> None:
        if top_k <= 0:
            raise ValueError(f"top_k must be > 0, but got {top_k}")
        self._set(
            options,
            model=model,
            top_k=top_k,
            scale_score=scale_score,
            score_threshold=score_threshold,
            meta_fields_to_embed=meta_fields_to_embed,
            embedding_separator=embedding_separator,
        )

    def warm_up(self) -> None:
        """Loads the model."""
        self._load(Reranker)

    @component.output_types(documents=list[Document])
    def run(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        """{"documents": copies with `score` set, best first}"""
        settings = self._settings
        top_k = settings["top_k"] if top_k is None else top_k
        if top_k <= 0:
            raise ValueError(f"top_k must be > 0, but got {top_k}")
        if not documents:
            return {"documents": []}
        self.warm_up()
        scale = settings["scale_score"] if scale_score is None else scale_score
        threshold = settings["score_threshold"] if score_threshold is None else score_threshold
        best = {d.id: d for d in sorted(documents, key=lambda d: d.score if d.score is not None else float("-inf"))}
        unique = [best[id_] for id_ in dict.fromkeys(d.id for d in documents)]
        texts = [self._text_of(d) for d in unique]
        scores: Any = self._engine.compute_score(query, texts, normalize=scale)
        ranked = [replace(d, score=s) for d, s in zip(unique, scores.tolist()) if threshold is None or s >= threshold]
        ranked.sort(key=lambda d: -(d.score or 0.0))
        return {"documents": ranked[:top_k]}

    @component.output_types(documents=list[Document])
    async def run_async(
        self,
        query: str,
        documents: list[Document],
        top_k: int | None = None,
        scale_score: bool | None = None,
        score_threshold: float | None = None,
    ) -> dict[str, Any]:
        return await asyncio.to_thread(self.run, query, documents, top_k, scale_score, score_threshold)
