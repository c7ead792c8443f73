"""LangChain: embeddings, a document compressor, a cross-encoder and a retriever over an Index.

    from bgecpp.langchain import BgeEmbeddings, BgeIndexRetriever, BgeReranker

Needs langchain-core. Models are loaded when an object is made; asynchronous methods compute on a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import BaseModel, ConfigDict, PrivateAttr

from bgecpp._core import Embedder, Index, Reranker

__all__ = ["BgeCrossEncoder", "BgeEmbeddings", "BgeIndexRetriever", "BgeReranker"]


class _Settings(BaseModel):
    """model: a directory or a name on the hub. threads: 0: one for each core. dtype: default, auto, f32, bf16, int8."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid")

    model: str
    threads: int = 0
    dtype: str = "default"
    max_length: int | None = None
    packed_cache: str = ""
    local_files_only: bool = False

    def _engine_settings(self) -> dict[str, Any]:
        return {
            "threads": self.threads,
            "dtype": self.dtype,
            "max_length": self.max_length,
            "packed_cache": self.packed_cache,
            "download": not self.local_files_only,
        }


class BgeEmbeddings(_Settings, Embeddings):
    """Vectors of unit length unless normalize is False. Queries get query_instruction in front, or what the model's
    own files or name say; documents document_instruction, or what those say. "" puts nothing there."""

    query_instruction: str | None = None
    document_instruction: str | None = None
    normalize: bool = True
    truncate_dim: int | None = None

    _embedder: Embedder = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._embedder = Embedder(self.model, **self._engine_settings())

    def _encode(self, texts: str | list[str], role: str, instruction: str | None) -> Any:
        how: dict[str, Any] = {"role": role} if instruction is None else {"instruction": instruction}
        vectors: Any = self._embedder.encode(
            texts, normalize=self.normalize, truncate_dim=self.truncate_dim, **how
        )
        return vectors.tolist()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return list(self._encode(list(texts), "document", self.document_instruction))

    def embed_query(self, text: str) -> list[float]:
        return list(self._encode(text, "query", self.query_instruction))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.to_thread(self.embed_query, text)


class BgeReranker(BaseDocumentCompressor):
    """The top_n documents (all with None) by the reranker's score, best first, which metadata["relevance_score"] then
    has: of copies, the given ones stay as they are. normalize: True the sigmoid, False the logit, None the model's."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid", arbitrary_types_allowed=True)

    model: str
    top_n: int | None = 3
    normalize: bool | None = True
    threads: int = 0
    dtype: str = "default"
    max_length: int | None = None
    packed_cache: str = ""
    local_files_only: bool = False

    _reranker: Reranker = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._reranker = Reranker(
            self.model,
            threads=self.threads,
            dtype=self.dtype,
            max_length=self.max_length,
            packed_cache=self.packed_cache,
            download=not self.local_files_only,
        )

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        if not documents:
            return []
        texts = [document.page_content for document in documents]
        scored: Any = self._reranker.compute_score(query, texts, normalize=self.normalize)
        scores: list[float] = scored.tolist()
        ranked = sorted(range(len(texts)), key=lambda i: -scores[i])
        return [
            documents[i].model_copy(update={"metadata": {**documents[i].metadata, "relevance_score": scores[i]}})
            for i in ranked[: self.top_n]
        ]

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return await asyncio.to_thread(self.compress_documents, documents, query, callbacks)


class BgeCrossEncoder(_Settings, BaseCrossEncoder):
    """Scores of pairs, for LangChain's CrossEncoderReranker. normalize as BgeReranker's."""

    normalize: bool | None = None

    _reranker: Reranker = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._reranker = Reranker(self.model, **self._engine_settings())

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        queries, texts = [q for q, _ in text_pairs], [t for _, t in text_pairs]
        scored: Any = self._reranker.compute_score(queries, texts, normalize=self.normalize)
        return list(scored.tolist())


class BgeIndexRetriever(BaseRetriever):
    """The k rows of an index directory (`bge index`, IndexWriter) that are most similar to a query: their texts, with
    "id" and "score" in the metadata. What is committed to the index later is seen by the next query."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: str | Path
    embeddings: Embeddings
    k: int = 4

    _opened: Index = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._opened = Index(str(self.index))

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        import numpy as np

        self._opened = self._opened.refresh() or self._opened
        vector = np.asarray([self.embeddings.embed_query(query)], np.float32)
        (hits,) = self._opened.search(vector, int(kwargs.get("k", self.k)))
        return [
            Document(id=hit["id"], page_content=hit["text"], metadata={"id": hit["id"], "score": hit["score"]})
            for hit in hits
        ]
