"""fastembed.LateInteractionTextEmbedding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bgecpp import _common, _tensors, _token_runs, errors
from bgecpp.fastembed import _catalogue, _model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_QUERY_MARKER_ID = 1
_BYTES_TOGETHER = 64 << 20  # of token vectors that are computed at once


class LateInteractionTextEmbedding(_model.Vectors):
    """A vector for each token, as FastEmbed makes them with ColBERT models: float32 (tokens, dim), of unit length.

    Queries are filled up to 32 vectors; longer ones have as many as they have tokens. Documents' punctuation has no
    vectors. By directory any ColBERT model and BGE-M3, whose roles read texts as its own files say. Arguments as
    _model.Model's.
    """

    _registry = _model.Registry(_catalogue.LATE_INTERACTION)
    _module = "fastembed.late_interaction.late_interaction_text_embedding"

    _projection: NDArray[np.float32] | None = None

    @classmethod
    def _load(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        from bgecpp.native import Embedder

        engine = _model.load(Embedder, path, **settings)
        if "colbert" not in engine.info["heads"]:
            raise errors.InvalidArgument(f"model {path}: it makes no vectors of tokens: use TextEmbedding")
        return engine

    def embed(
        self, documents: str | Iterable[str], batch_size: int = 256, parallel: int | None = None, **kwargs: Any
    ) -> Iterator[NDArray[np.float32]]:
        """For each document its tokens' vectors, (tokens, dim)."""
        for batch in self._batches(documents, batch_size):
            yield from self.model.encode_all(batch, dense=False, colbert=True, role="document")["colbert"]

    def passage_embed(self, texts: Iterable[str], **kwargs: Any) -> Iterator[NDArray[np.float32]]:
        yield from self.embed(texts, **kwargs)

    def query_embed(self, query: str | Iterable[str], **kwargs: Any) -> Iterator[NDArray[np.float32]]:
        """For each query its tokens' vectors, (32 or more, dim)."""
        for batch in self._batches(query, 256):
            vectors = self.model.encode_all(batch, dense=False, colbert=True, role="query")["colbert"]
            yield from self._whole(batch, vectors) if self._is_stanford() else vectors

    def _batches(self, texts: str | Iterable[str], size: int) -> Iterator[list[str]]:
        """As _model.batches(), cut to what has about _BYTES_TOGETHER of vectors."""
        info = _common.info_of(self.model)
        limit = int(info["max_length"])
        most_tokens = _BYTES_TOGETHER // (4 * int(info["colbert_dimension"]))
        for batch in _model.batches(_model.as_texts(texts), size):
            if len(batch) * limit <= most_tokens:
                yield batch
                continue
            bounds = self.model.tokenizer.encode(batch, max_length=limit)["cu_seqlens"]
            yield from (_model.part(batch, *run) for run in _token_runs.runs(bounds, most_tokens))

    def _whole(self, queries: list[str], vectors: list[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The vectors of queries, of which the model's own files cut some, as in Stanford's code, and FastEmbed none."""
        info = _common.info_of(self.model)
        tokens = self.model.tokenizer.encode(queries, max_length=int(info["max_length"]) - 1)
        bounds = tokens["cu_seqlens"].tolist()
        for begin, end, cut in zip(bounds, bounds[1:], vectors):
            is_whole = end - begin + 1 <= int(info["query_length"])
            yield cut if is_whole else self._vectors_of_tokens(tokens["ids"][begin:end])

    def _vectors_of_tokens(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        import numpy as np

        ids = np.insert(ids, 1, _QUERY_MARKER_ID).astype(np.int32)
        hidden = self.model.hidden_states(ids, None, np.array([0, len(ids)], np.int32))
        whole: NDArray[np.float32] = hidden @ self._projection_matrix().T
        whole = _common.unit(whole)
        return whole

    def _is_stanford(self) -> bool:
        info = _common.info_of(self.model)
        return info["architecture"] == "HF_ColBERT" and "modules.json" not in info["files"]

    def _projection_matrix(self) -> NDArray[np.float32]:
        if self._projection is None:
            self._projection = _tensors.find_tensor(self.model.info["path"], ["linear.weight"])
        if self._projection is None:
            raise errors.Unsupported(
                f"model {self.model_name}: a query of more than {self.model.info['query_length']} tokens needs "
                "linear.weight from model.safetensors, which is not there"
            )
        return self._projection

    def token_count(
        self,
        texts: str | Iterable[str],
        batch_size: int = 1024,
        is_doc: bool = True,
        include_extension: bool = False,
        **kwargs: Any,
    ) -> int:
        """Tokens of all texts, special ones included. include_extension: with markers, and with what queries
        (is_doc=False) are filled up with."""
        info = self.model.info
        fill = 0 if is_doc or not include_extension else int(info["query_length"]) - 1
        total = 0
        for batch in _model.batches(_model.as_texts(texts), batch_size):
            encoded = self.model.tokenizer.encode(batch, max_length=int(info["max_length"]) - 1)
            counts = encoded["cu_seqlens"][1:] - encoded["cu_seqlens"][:-1]
            total += sum(max(count, fill) + int(include_extension) for count in counts.tolist())
        return total
