"""LlamaIndex: embeddings, a node postprocessor and a retriever over an Index.

    from bgecpp.llama_index import BgeEmbedding, BgeIndexRetriever, BgeRerank

Needs llama-index-core. Models are loaded when an object is made; asynchronous methods compute on a thread.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from bgecpp import _drop_in, _index_space, _names
from bgecpp.native import Embedder, Index, Reranker

__all__ = ["BgeEmbedding", "BgeIndexRetriever", "BgeRerank"]


# Of HuggingFaceEmbedding and SentenceTransformerRerank: without effect here.
_ACCEPTED = ("device", "trust_remote_code", "show_progress_bar", "parallel_process", "target_devices", "use_fp16")

# What LlamaIndex puts in front of queries, by these names of models. (Of T5's, which the engine has not, it knows some too.)
_BGE = re.compile(r"BAAI/bge-(small|base|large)-(en|zh)(-v1\.5)?")
_QUERY = {
    "en": "Represent this question for searching relevant passages: ",
    "zh": "\u4e3a\u8fd9\u4e2a\u53e5\u5b50\u751f\u6210\u8868\u793a\u4ee5\u7528\u4e8e\u68c0\u7d22\u76f8\u5173\u6587\u7ae0\uff1a",
}


def _as_ours(settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments of LlamaIndex' own classes, by our names; those that neither side has are left for pydantic."""
    settings = dict(settings)
    _drop_in.accept(settings, *_ACCEPTED)
    return settings


class BgeEmbedding(BaseEmbedding):
    """Vectors as HuggingFaceEmbedding gives: of unit length, or with normalize False or None as the model's own modules
    make them. Queries and texts get the given instructions in front; without (None or "") queries of BAAI/bge-*-en and
    -zh models LlamaIndex' own, all others nothing. With own_prompts None is what the model's files or name say, and ""
    nothing. pooling: cls, mean and so on, None: the model's. embed_batch_size: texts that are computed together;
    LlamaIndex' 10 keep few cores busy."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    embed_batch_size: int = Field(default=256, gt=0, le=2048)
    query_instruction: str | None = Field(default=None)
    text_instruction: str | None = Field(default=None)
    own_prompts: bool = Field(default=False)
    normalize: bool | None = Field(default=True)
    truncate_dim: int | None = Field(default=None)
    pooling: str | None = Field(default=None)
    threads: int = Field(default=0)
    dtype: str = Field(default="default")
    max_length: int | None = Field(default=None)
    packed_cache: str = Field(default="")
    local_files_only: bool = Field(default=False)
    cache_folder: str | None = Field(default=None)
    revision: str | None = Field(default=None)

    _embedder: Embedder = PrivateAttr()

    def __init__(self, model_name: str | Path, *, token: str | bool | None = None, **kwargs: Any) -> None:
        """token: the hub's, in no copy and no pickle."""
        super().__init__(model_name=str(model_name), **_as_ours(kwargs))
        download = not self.local_files_only
        model = _names.located(
            model_name, cache_dir=self.cache_folder, token=token, revision=self.revision, download=download
        )
        self._embedder = Embedder(
            model,
            pooling=self.pooling,
            threads=self.threads,
            dtype=self.dtype,
            max_length=self.max_length,
            packed_cache=self.packed_cache,
            download=download,
        )

    @classmethod
    def class_name(cls) -> str:
        return "BgeEmbedding"

    def _encode(self, texts: str | list[str], role: str, instruction: str | None) -> Any:
        if not instruction and not self.own_prompts:
            bge = _BGE.fullmatch(self.model_name.partition("@")[0]) if role == "query" else None
            instruction = _QUERY[bge[2]] if bge else ""
        how: dict[str, Any] = {"role": role} if instruction is None else {"instruction": instruction}
        return self._vectors(texts, **how).tolist()

    def _vectors(self, texts: str | list[str], **how: Any) -> Any:
        normalize = _drop_in.normalize(self._embedder, self.normalize or None, self.truncate_dim)
        return self._embedder.encode(texts, normalize=normalize, truncate_dim=self.truncate_dim, **how)

    def _bare(self, text: str, max_length: int | None) -> Any:
        return self._vectors(text, instruction="", max_length=max_length)

    def _get_query_embedding(self, query: str) -> Embedding:
        return list(self._encode(_drop_in.text(query, "query"), "query", self.query_instruction))

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> Embedding:
        return list(self._encode(_drop_in.text(text, "text"), "document", self.text_instruction))

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return await asyncio.to_thread(self._get_text_embedding, text)

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return list(self._encode(_drop_in.texts(texts, "texts"), "document", self.text_instruction))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await asyncio.to_thread(self._get_text_embeddings, texts)


class BgeRerank(BaseNodePostprocessor):
    """The top_n nodes by the reranker's score, best first. keep_retrieval_score: the score that a node came with goes
    to metadata["retrieval_score"]. normalize: True the sigmoid, False the logit, None the model's."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    model: str = Field()
    top_n: int = Field(default=2)
    keep_retrieval_score: bool = Field(default=False)
    normalize: bool | None = Field(default=True)
    threads: int = Field(default=0)
    dtype: str = Field(default="default")
    max_length: int | None = Field(default=None)
    packed_cache: str = Field(default="")
    local_files_only: bool = Field(default=False)

    _reranker: Reranker = PrivateAttr()

    def __init__(self, model: str | Path, **kwargs: Any) -> None:
        super().__init__(**{"model": str(model), **_as_ours(kwargs)})
        self._reranker = Reranker(
            self.model,
            threads=self.threads,
            dtype=self.dtype,
            max_length=self.max_length,
            packed_cache=self.packed_cache,
            download=not self.local_files_only,
        )

    @classmethod
    def class_name(cls) -> str:
        return "BgeRerank"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        if query_bundle is None:
            raise ValueError("Missing query bundle in extra info.")
        if not nodes:
            return []
        texts = [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]
        scored: Any = self._reranker.compute_score(query_bundle.query_str, texts, normalize=self.normalize)
        for node, score in zip(nodes, scored.tolist()):
            if self.keep_retrieval_score:
                node.node.metadata["retrieval_score"] = node.score
            node.score = score
        return sorted(nodes, key=lambda node: -(node.score or 0.0))[: self.top_n]


class BgeIndexRetriever(BaseRetriever):
    """The rows of an index directory (`bge index`, IndexWriter) that are most similar to a query, as text nodes. What
    is committed to the index later is seen by the next query. InvalidArgument where the index remembers its model (`bge
    index build` does that), and embed_model is another."""

    def __init__(
        self, index: str | Path, embed_model: BaseEmbedding, similarity_top_k: int = 2, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._path = str(index)
        self._embed_model = embed_model
        self._index: Index = _index_space.opened(self._path, embed_model, embed_model.get_text_embedding)
        self._similarity_top_k = similarity_top_k

    def _search(self, vector: Embedding) -> list[NodeWithScore]:
        import numpy as np

        embed = self._embed_model.get_text_embedding
        self._index = _index_space.newest(self._index, self._path, self._embed_model, embed)
        (hits,) = self._index.search(np.asarray([vector], np.float32), self._similarity_top_k)
        return [NodeWithScore(node=TextNode(id_=hit["id"], text=hit["text"]), score=hit["score"]) for hit in hits]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        vector = query_bundle.embedding
        if vector is None:
            vector = self._embed_model.get_agg_embedding_from_queries(query_bundle.embedding_strs)
        return self._search(vector)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        vector = query_bundle.embedding
        if vector is None:
            vector = await self._embed_model.aget_agg_embedding_from_queries(query_bundle.embedding_strs)
        return await asyncio.to_thread(self._search, vector)
