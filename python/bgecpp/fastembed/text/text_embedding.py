"""fastembed.TextEmbedding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from bgecpp import errors
from bgecpp._dimensions import uncut
from bgecpp.fastembed import _catalogue, _model
from bgecpp.fastembed.common.model_description import DenseModelDescription, ModelSource, PoolingType

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DEFAULT = "BAAI/bge-small-en-v1.5"
_POOLINGS = {PoolingType.CLS: "cls", PoolingType.MEAN: "mean", PoolingType.LAST_TOKEN: "lasttoken"}


class TextEmbedding(_model.Vectors):
    """One vector a text, as FastEmbed makes it: float32 of shape (dim,). Arguments as _model.Model's."""

    _registry = _model.Registry(_catalogue.DENSE)
    _module = "fastembed.text.text_embedding"
    _pooled = dict(_catalogue.POOLED)

    def __new__(cls, model_name: str | os.PathLike[str] = _DEFAULT, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls, model_name, *args, **kwargs)

    def __init__(self, model_name: str | os.PathLike[str] = _DEFAULT, *args: Any, **kwargs: Any) -> None:
        super().__init__(model_name, *args, **kwargs)
        pooled = self._pooled.get(self.model_name.lower())
        self._normalization = pooled is None or pooled.normalization

    @classmethod
    def _load(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        from bgecpp.native import Embedder

        pooled = cls._pooled.get(model_name.lower())
        pooling = None if pooled is None else _POOLINGS.get(pooled.pooling)
        return _model.load(partial(Embedder, pooling=pooling), path, **settings)

    @classmethod
    def add_custom_model(
        cls,
        model: str,
        pooling: PoolingType,
        normalization: bool,
        sources: ModelSource,
        dim: int,
        model_file: str = "onnx/model.onnx",
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: list[str] | None = None,
        output_name: str | None = None,
    ) -> None:
        """A name of one's own: sources=ModelSource(hf=a name on the hub, or a directory). model_file and output_name
        are ONNX's: accepted."""
        if PoolingType(pooling.upper()) is PoolingType.DISABLED:
            raise errors.Unsupported("pooling: DISABLED takes the vector that an ONNX graph has pooled: name the pooling")
        entry = DenseModelDescription(
            model, sources, model_file, description, license, size_in_gb, additional_files or [], dim
        )
        cls._registry.add("TextEmbedding", entry)
        cls._pooled[model.lower()] = _catalogue.Pooled(PoolingType(pooling.upper()), normalization)

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NDArray[np.float32]]:
        """A vector for each document, in order, each (dim,). batch_size: how many documents of a generator are read
        before their vectors come. parallel: accepted; the engine's threads compute one batch together."""
        # FastEmbed reads neither prompts nor lengths of vectors of a directory.
        how = {"instruction": "", "normalize": self._normalization, **uncut(self.model)}
        for batch in _model.batches(_model.as_texts(documents), batch_size):
            yield from self.model.encode(batch, **how)

    def query_embed(self, query: str | Iterable[str], **kwargs: Any) -> Iterator[NDArray[np.float32]]:
        """As embed(): FastEmbed puts no instruction in front of queries."""
        yield from self.embed(query, **kwargs)

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterator[NDArray[np.float32]]:
        yield from self.embed(texts, **kwargs)

    def token_count(self, texts: str | Iterable[str], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all texts together, special ones included, as they are cut."""
        limit = int(self.model.info["max_length"])
        return sum(_model.count_tokens(self.model, b, limit) for b in _model.batches(_model.as_texts(texts), batch_size))
