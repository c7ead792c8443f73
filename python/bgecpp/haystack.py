"""Haystack 2 components: embedders of texts and documents, and a ranker.

    from bgecpp.haystack import BgeDocumentEmbedder, BgeRanker, BgeTextEmbedder

Needs haystack-ai. Models are loaded by warm_up(), which run() calls.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_from_dict, default_to_dict

from bgecpp._core import Embedder, Reranker

__all__ = ["BgeDocumentEmbedder", "BgeRanker", "BgeTextEmbedder"]


def _engine_settings(settings: dict[str, Any]) -> dict[str, Any]:
    names = ("threads", "dtype", "max_length", "packed_cache")
    return {name: settings[name] for name in names} | {"download": not settings["local_files_only"]}


@component
class BgeTextEmbedder:
    """A query to its vector: the model's own query instruction in front, or `instruction` ("" puts nothing there)."""

    def __init__(
        self,
        model: str,
        *,
        instruction: str | None = None,
        normalize: bool = True,
        truncate_dim: int | None = None,
        threads: int = 0,
        dtype: str = "default",
        max_length: int | None = None,
        packed_cache: str = "",
        local_files_only: bool = False,
    ) -> None:
        self._settings = {name: value for name, value in locals().items() if name != "self"}
        self._embedder: Embedder | None = None

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = default_to_dict(self, **self._settings)
        return fields

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BgeTextEmbedder:
        made: BgeTextEmbedder = default_from_dict(cls, data)
        return made

    def warm_up(self) -> None:
        """Loads the model."""
        if self._embedder is None:
            self._embedder = Embedder(self._settings["model"], **_engine_settings(self._settings))

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """{"embedding": a list of floats, "meta": {"model": ...}}"""
        if not isinstance(text, str):
            raise TypeError("BgeTextEmbedder expects a str: BgeDocumentEmbedder is for documents")
        self.warm_up()
        assert self._embedder is not None
        vector = _encode(self._embedder, self._settings, text, "query")
        return {"embedding": vector.tolist(), "meta": {"model": self._settings["model"]}}

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        return await asyncio.to_thread(self.run, text)


@component
class BgeDocumentEmbedder:
    """Documents to the same with `embedding` set: of their content, behind the values of meta_fields_to_embed. Copies:
    the given ones stay as they are."""

    def __init__(
        self,
        model: str,
        *,
        instruction: str | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        normalize: bool = True,
        truncate_dim: int | None = None,
        threads: int = 0,
        dtype: str = "default",
        max_length: int | None = None,
        packed_cache: str = "",
        local_files_only: bool = False,
    ) -> None:
        self._settings = {name: value for name, value in locals().items() if name != "self"}
        self._embedder: Embedder | None = None

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = default_to_dict(self, **self._settings)
        return fields

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BgeDocumentEmbedder:
        made: BgeDocumentEmbedder = default_from_dict(cls, data)
        return made

    def warm_up(self) -> None:
        """Loads the model."""
        if self._embedder is None:
            self._embedder = Embedder(self._settings["model"], **_engine_settings(self._settings))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """{"documents": with embeddings, "meta": {"model": ...}}"""
        if not isinstance(documents, list) or any(not isinstance(d, Document) for d in documents):
            raise TypeError("BgeDocumentEmbedder expects a list of Documents: BgeTextEmbedder is for a str")
        self.warm_up()
        assert self._embedder is not None
        texts = [_text_of(d, self._settings["meta_fields_to_embed"], self._settings["embedding_separator"]) for d in documents]
        vectors = _encode(self._embedder, self._settings, texts, "document")
        embedded = [replace(d, embedding=v.tolist()) for d, v in zip(documents, vectors)]
        return {"documents": embedded, "meta": {"model": self._settings["model"]}}

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        return await asyncio.to_thread(self.run, documents)


@component
class BgeRanker:
    """Documents by the reranker's score for a query, best first, at most top_k, none below score_threshold. Of
    documents with the same id the one with the best score counts, as in Haystack's own rankers. scale_score: the
    sigmoid, else the logit."""

    def __init__(
        self,
        model: str,
        *,
        top_k: int = 10,
        scale_score: bool = True,
        score_threshold: float | None = None,
        meta_fields_to_embed: list[str] | None = None,
        embedding_separator: str = "\n",
        threads: int = 0,
        dtype: str = "default",
        max_length: int | None = None,
        packed_cache: str = "",
        local_files_only: bool = False,
    ) -> None:
        if top_k <= 0:
            raise ValueError(f"top_k must be > 0, but got {top_k}")
        self._settings = {name: value for name, value in locals().items() if name != "self"}
        self._reranker: Reranker | None = None

    def to_dict(self) -> dict[str, Any]:
        fields: dict[str, Any] = default_to_dict(self, **self._settings)
        return fields

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BgeRanker:
        made: BgeRanker = default_from_dict(cls, data)
        return made

    def warm_up(self) -> None:
        """Loads the model."""
        if self._reranker is None:
            self._reranker = Reranker(self._settings["model"], **_engine_settings(self._settings))

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
        assert self._reranker is not None
        scale = settings["scale_score"] if scale_score is None else scale_score
        threshold = settings["score_threshold"] if score_threshold is None else score_threshold
        best = {d.id: d for d in sorted(documents, key=lambda d: d.score if d.score is not None else float("-inf"))}
        unique = [best[id_] for id_ in dict.fromkeys(d.id for d in documents)]
        texts = [_text_of(d, settings["meta_fields_to_embed"], settings["embedding_separator"]) for d in unique]
        scores: Any = self._reranker.compute_score(query, texts, normalize=scale)
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


def _encode(embedder: Embedder, settings: dict[str, Any], texts: str | list[str], role: str) -> Any:
    instruction = settings["instruction"]
    how: dict[str, Any] = {"role": role} if instruction is None else {"instruction": instruction}
    return embedder.encode(texts, normalize=settings["normalize"], truncate_dim=settings["truncate_dim"], **how)


def _text_of(document: Document, fields: list[str] | None, separator: str) -> str:
    values = [str(document.meta[name]) for name in fields or [] if document.meta.get(name)]
    return separator.join([*values, document.content or ""])
