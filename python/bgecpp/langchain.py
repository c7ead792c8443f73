"""LangChain: embeddings, a document compressor, a cross-encoder and a retriever over an Index.

    from bgecpp.langchain import BgeEmbeddings, BgeIndexRetriever, BgeReranker

Needs langchain-core. Models are loaded when an object is made; asynchronous methods compute on a thread.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from bgecpp import _common, _drop_in, _index_space, _names, _secrets
from bgecpp.native import Embedder, Index, Reranker
from bgecpp.sentence_transformers.cross_encoder.model import CrossEncoder, Identity, Sigmoid

__all__ = ["BgeCrossEncoder", "BgeEmbeddings", "BgeIndexRetriever", "BgeReranker", "HuggingFaceBgeEmbeddings"]

# What langchain-community's class puts in front of queries.
_BGE_QUERY_EN = "Represent this question for searching relevant passages: "
_BGE_QUERY_ZH = "\u4e3a\u8fd9\u4e2a\u53e5\u5b50\u751f\u6210\u8868\u793a\u4ee5\u7528\u4e8e\u68c0\u7d22\u76f8\u5173\u6587\u7ae0\uff1a"


class _Settings(BaseModel):
    """model: a directory or a name on the hub. threads: 0: one for each core. dtype: default, auto, f32, bf16, int8.
    cache_folder: where names are looked up and downloaded to instead of Hugging Face's cache; token: the hub's, not kept.
    model_name, device, model_kwargs, encode_kwargs and so on, which LangChain's own classes take, are read or refused."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid", hide_input_in_errors=True)

    model: str
    revision: str | None = None
    cache_folder: str | None = None
    token: str | bool | None = Field(default=None, repr=False, exclude=True)
    threads: int = 0
    dtype: str = "default"
    max_length: int | None = None
    packed_cache: str = ""
    local_files_only: bool = False

    @model_validator(mode="before")
    @classmethod
    def _as_ours(cls, values: Any) -> Any:
        return _as_ours(cls.__name__, values) if isinstance(values, dict) else values

    @property
    def model_name(self) -> str:
        """model, by the name that LangChain's own classes have for it."""
        return self.model

    def _taken_token(self) -> str | bool | None:
        token, self.token = self.token, None
        return token

    def _located(self) -> str:
        return _names.located(
            self.model,
            cache_dir=self.cache_folder,
            token=self._taken_token(),
            revision=self.revision,
            download=not self.local_files_only,
        )

    def _engine_settings(self) -> dict[str, Any]:
        return {
            "threads": self.threads,
            "dtype": self.dtype,
            "max_length": self.max_length,
            "packed_cache": self.packed_cache,
            "download": not self.local_files_only,
        }


def _as_ours(class_name: str, values: dict[str, Any]) -> dict[str, Any]:
    """What langchain-huggingface's and langchain-community's classes take, by our names."""
    values = _drop_in.renamed(values, {"model_name": "model"})
    own = _drop_in.own_arguments(class_name, values.pop("model_kwargs", None), values.pop("encode_kwargs", None))
    queries = values.pop("query_encode_kwargs", None)
    query = own if not queries else _drop_in.own_arguments(class_name, None, queries)
    if query.get("normalize") != own.get("normalize") or query.get("truncate_dim") != own.get("truncate_dim"):
        raise ValueError(f"{class_name}: query_encode_kwargs: expected vectors of the kind that encode_kwargs asks for")
    for kind, given in (("query", query), ("document", own)):
        prompt = _drop_in.prompt_of(own, given)
        for name, value in prompt.items():
            values.setdefault(f"{kind}_{name}", value)
    if "model" in values:
        values["model"] = os.fspath(values["model"])
    for name in ("normalize", "truncate_dim", "threads", "local_files_only", "cache_folder", "revision", "token"):
        if name in own:
            values.setdefault(name, own[name])
    _drop_in.accept(values, "device", "multi_process", "show_progress")
    return values


def _one_line(text: str) -> str:
    """As LangChain's own classes read it: of a model whose tokens hold line ends, other vectors."""
    return text.replace("\n", " ")


class BgeEmbeddings(_Settings, Embeddings):
    """Vectors as the model's own modules make them, as HuggingFaceEmbeddings gives; normalize: True: of length 1, False:
    of none. Queries get query_instruction in front, or the model's own prompt of query_prompt_name, or what its files or
    name say; documents document_instruction, or document_prompt_name's, or what those say. "" puts nothing there. Line
    ends in texts are spaces, as there. pooling: cls, mean and so on, None: the model's."""

    query_instruction: str | None = None
    query_prompt_name: str | None = None
    document_instruction: str | None = None
    document_prompt_name: str | None = None
    normalize: bool | None = None
    truncate_dim: int | None = None
    pooling: str | None = None

    _embedder: Embedder = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._embedder = Embedder(self._located(), pooling=self.pooling, **self._engine_settings())

    def _encode(self, texts: str | list[str], role: str, instruction: str | None, prompt_name: str | None) -> Any:
        how: dict[str, Any] = {"role": role}
        if instruction is not None:
            how = {"instruction": instruction}
        elif prompt_name is not None:
            how = {"prompt_name": prompt_name}
        return self._vectors(texts, **how).tolist()

    def _vectors(self, texts: str | list[str], **how: Any) -> Any:
        normalize = _drop_in.normalize(self._embedder, self.normalize, self.truncate_dim)
        return self._embedder.encode(texts, normalize=normalize, truncate_dim=self.truncate_dim, **how)

    def _bare(self, text: str, max_length: int | None) -> Any:
        return self._vectors(text, instruction="", max_length=max_length)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        lines = [_one_line(text) for text in _drop_in.texts(texts, "texts")]
        return list(self._encode(lines, "document", self.document_instruction, self.document_prompt_name))

    def embed_query(self, text: str) -> list[float]:
        line = _one_line(_drop_in.text(text, "text"))
        return list(self._encode(line, "query", self.query_instruction, self.query_prompt_name))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.to_thread(self.embed_query, text)


class HuggingFaceBgeEmbeddings(BaseModel, Embeddings):
    """langchain-community's class of this name, so that a program changes its import alone. model_kwargs: device,
    revision, token (which is not kept), truncate_dim, prompts, default_prompt_name and threads are read; encode_kwargs:
    normalize_embeddings, prompt, prompt_name, truncate_dim; others that would change vectors are refused. Line ends in
    texts are spaces, as there."""

    model_config = ConfigDict(protected_namespaces=(), extra="forbid", hide_input_in_errors=True)

    model_name: str = "BAAI/bge-large-en"
    cache_folder: str | None = None
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    encode_kwargs: dict[str, Any] = Field(default_factory=dict)
    query_instruction: str = _BGE_QUERY_EN
    embed_instruction: str = ""
    show_progress: bool = False

    _embedder: Embedder = PrivateAttr()
    _options: dict[str, Any] = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self.show_progress = bool(self.encode_kwargs.get("show_progress_bar", self.show_progress))
        own = _drop_in.own_arguments(type(self).__name__, self.model_kwargs, self.encode_kwargs)
        self.model_kwargs, self.encode_kwargs = _secrets.without(self.model_kwargs), _secrets.without(self.encode_kwargs)
        download = not own.get("local_files_only", False)
        cache = self.cache_folder or own.get("cache_folder")
        name = _names.located(
            self.model_name, cache_dir=cache, token=own.get("token"), revision=own.get("revision"), download=download
        )
        self._embedder = Embedder(name, threads=own.get("threads", 0), download=download)
        cut = own.get("truncate_dim")
        normalize = _drop_in.normalize(self._embedder, own.get("normalize"), cut)
        self._options = {"normalize": normalize, "truncate_dim": cut, **_drop_in.prompt_of(own, own)}
        if "-zh" in self.model_name and "query_instruction" not in self.model_fields_set:
            self.query_instruction = _BGE_QUERY_ZH

    def _encode(self, texts: str | list[str]) -> Any:
        with _common.progress_bar(self.show_progress, "bgecpp") as progress:
            vectors: Any = self._embedder.encode(texts, progress=progress, **self._options)
        return vectors.tolist()

    def _bare(self, text: str, max_length: int | None) -> Any:
        how = {name: self._options[name] for name in ("normalize", "truncate_dim")}
        return self._embedder.encode(text, instruction="", max_length=max_length, **how)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        texts = _drop_in.texts(texts, "texts")
        return list(self._encode([self.embed_instruction + _one_line(text) for text in texts]))

    def embed_query(self, text: str) -> list[float]:
        text = _drop_in.text(text, "text")
        return list(self._encode(self.query_instruction + _one_line(text)))

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return await asyncio.to_thread(self.embed_documents, texts)

    async def aembed_query(self, text: str) -> list[float]:
        return await asyncio.to_thread(self.embed_query, text)


class BgeReranker(_Settings, BaseDocumentCompressor):
    """The top_n documents (all with None) by the reranker's score, best first, which metadata["relevance_score"] then
    has: of copies, the given ones stay as they are. normalize: True the sigmoid, False the logit, None the model's."""

    top_n: int | None = 3
    normalize: bool | None = True

    _reranker: Reranker = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        self._reranker = Reranker(self._located(), **self._engine_settings())

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
    """Scores of pairs, for LangChain's CrossEncoderReranker, as HuggingFaceCrossEncoder gives them. normalize: True the
    sigmoid, False the logit, None what the model's files say, of sentence-transformers' models mostly the sigmoid."""

    normalize: bool | None = None

    _model: CrossEncoder = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        settings = self._engine_settings()
        settings["local_files_only"] = not settings.pop("download")
        place: dict[str, Any] = {"cache_folder": self.cache_folder, "token": self._taken_token(), "revision": self.revision}
        self._model = CrossEncoder(self.model, **place, **settings)

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        if not text_pairs:
            return []
        activation: Any = None
        if self.normalize is not None:
            activation = Sigmoid() if self.normalize else Identity()
        scores: Any = self._model.predict(list(text_pairs), activation_fn=activation)
        return list(scores.tolist())


class BgeIndexRetriever(BaseRetriever):
    """The k rows of an index directory (`bge index`, IndexWriter) that are most similar to a query: their texts, with
    "id" and "score" in the metadata. What is committed to the index later is seen by the next query. InvalidArgument
    where the index remembers its model (`bge index build` does that), and the embeddings are of another."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: str | Path
    embeddings: Embeddings
    k: int = 4

    _opened: Index = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        # Not in model_post_init, whose errors pydantic makes its own of.
        self._opened = _index_space.opened(self.index, self.embeddings, self._embed_document)

    def _embed_document(self, text: str) -> list[float]:
        (vector,) = self.embeddings.embed_documents([text])
        return list(vector)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        import numpy as np

        self._opened = _index_space.newest(self._opened, self.index, self.embeddings, self._embed_document)
        vector = np.asarray([self.embeddings.embed_query(query)], np.float32)
        (hits,) = self._opened.search(vector, int(kwargs.get("k", self.k)))
        return [
            Document(id=hit["id"], page_content=hit["text"], metadata={"id": hit["id"], "score": hit["score"]})
            for hit in hits
        ]
