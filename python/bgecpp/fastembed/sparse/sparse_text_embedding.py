"""fastembed.SparseTextEmbedding."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from bgecpp import _common, errors
from bgecpp.fastembed import _catalogue, _model
from bgecpp.fastembed.sparse.sparse_embedding_base import SparseEmbedding

_MISSPELT = "prithvida/splade_pp_en_v1"


class SparseTextEmbedding(_model.Model):
    """Weights of the vocabulary's words, as FastEmbed makes them: SPLADE++ by name; by directory any SPLADE model,
    BGE-M3, and sparse encoders whose queries have weights of their own. Arguments as _model.Model's."""

    _registry = _model.Registry(_catalogue.SPARSE)
    _module = "fastembed.sparse.sparse_text_embedding"

    def __init__(self, model_name: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        if os.fspath(model_name).lower() == _MISSPELT:
            warnings.warn(
                "the name is prithivida/Splade_PP_en_v1: FastEmbed will drop the other spelling",
                DeprecationWarning,
                stacklevel=2,
            )
        super().__init__(model_name, *args, **kwargs)

    @classmethod
    def _load(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        from bgecpp.native import Embedder

        splade = _model.find(cls._registry.known, model_name) is not None
        engine = _model.load(partial(Embedder, splade=splade), path, **settings)
        if "sparse" not in engine.info["heads"]:
            raise errors.InvalidArgument(f"model {path}: it makes no sparse vectors: use TextEmbedding")
        return engine

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[SparseEmbedding]:
        """A SparseEmbedding for each document, in order."""
        yield from self._embed(documents, "document", batch_size)

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterator[SparseEmbedding]:
        yield from self.embed(texts, **kwargs)

    def query_embed(self, query: str | Iterable[str], batch_size: int = 256, **kwargs: Any) -> Iterator[SparseEmbedding]:
        yield from self._embed(query, "query", batch_size)

    def _embed(self, texts: str | Iterable[str], role: str, batch_size: int) -> Iterator[SparseEmbedding]:
        import numpy as np

        for batch in _model.batches(_model.as_texts(texts), batch_size):
            # FastEmbed puts no prompt in front, but a Router's route depends on the role.
            roles = {"role": role} if _common.info_of(self.model)["query_weights"] else {"instruction": ""}
            indptr, ids, weights = self.model.encode_all(batch, dense=False, sparse=True, **roles)["sparse"]
            # FastEmbed's are of these types.
            ids, weights = ids.astype(np.int64), weights.astype(np.float64)
            for begin, end in zip(indptr[:-1].tolist(), indptr[1:].tolist()):
                yield SparseEmbedding(values=weights[begin:end], indices=ids[begin:end])

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts together, special ones included, as they are cut."""
        limit = int(self.model.info["max_length"])
        return sum(_model.count_tokens(self.model, b, limit) for b in _model.batches(_model.as_texts(texts), batch_size))
