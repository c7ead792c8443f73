"""fastembed.rerank.cross_encoder.TextCrossEncoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from bgecpp import _pairs
from bgecpp.fastembed import _catalogue, _model
from bgecpp.fastembed.common.model_description import BaseModelDescription, ModelSource


class TextCrossEncoder(_model.Model):
    """Scores of a query and documents: logits, as FastEmbed gives them. Arguments as _model.Model's."""

    _registry = _model.Registry(_catalogue.CROSS_ENCODERS)

    _module = "fastembed.rerank.cross_encoder.text_cross_encoder"

    @classmethod
    def _load(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        from bgecpp.native import Reranker

        return _model.load(partial(Reranker, pair_style="crossencoder"), path, **settings)

    @classmethod
    def add_custom_model(
        cls,
        model: str,
        sources: ModelSource,
        model_file: str = "onnx/model.onnx",
        description: str = "",
        license: str = "",
        size_in_gb: float = 0.0,
        additional_files: list[str] | None = None,
    ) -> None:
        """A name of one's own: sources=ModelSource(hf=a name on the hub, or a directory)."""
        entry = BaseModelDescription(
            model, sources, model_file, description, license, size_in_gb, additional_files or []
        )
        cls._registry.add("CrossEncoderModel", entry)

    def rerank(self, query: str, documents: Iterable[str], batch_size: int = 64, **kwargs: Any) -> Iterator[float]:
        """A logit for each document, in order."""
        if not isinstance(query, str):
            raise TypeError(f"query: expected a str, found {type(query).__name__}: rerank_pairs() takes several")
        if documents is None:
            raise TypeError("documents: expected an iterable of str, found NoneType")
        for batch in _model.batches(documents, batch_size):
            yield from self.model.compute_score(query, batch, normalize=False).tolist()

    def rerank_pairs(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[float]:
        """A logit for each pair of query and document, in order. parallel: accepted, as for TextEmbedding."""
        for batch in _model.batches(_as_pairs(pairs), batch_size):
            queries, documents = [q for q, _ in batch], [d for _, d in batch]
            yield from self.model.compute_score(queries, documents, normalize=False).tolist()

    def token_count(self, pairs: Iterable[tuple[str, str]], batch_size: int = 1024, **kwargs: Any) -> int:
        """Tokens of all pairs together, special ones included, as they are cut."""
        limit = int(self.model.info["max_length"])
        total = 0
        for batch in _model.batches(_as_pairs(pairs), batch_size):
            queries, documents = [q for q, _ in batch], [d for _, d in batch]
            total += int(self.model.tokenizer.encode(queries, documents, max_length=limit)["cu_seqlens"][-1])
        return total


def _as_pairs(pairs: Any) -> Iterable[tuple[str, str]]:
    """FastEmbed takes one tuple of two texts for a list of it. TypeError, which names the place, of what is no pair."""
    if _pairs.is_pair(pairs) and isinstance(pairs, tuple):
        pairs = [pairs]
    checked = _checked(pairs)
    return list(checked) if isinstance(pairs, (list, tuple)) else checked


def _checked(pairs: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for place, pair in enumerate(pairs):
        if not _pairs.is_pair(pair):
            found = ", ".join(type(part).__name__ for part in pair) if isinstance(pair, (tuple, list)) else type(pair).__name__
            raise TypeError(f"pairs[{place}]: expected a pair of str, found {found or 'nothing'}")
        yield pair
