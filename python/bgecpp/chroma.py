"""Chroma: an embedding function.

    collection = client.create_collection("c", embedding_function=BgeEmbeddingFunction(model=path))

Needs chromadb.
"""

from __future__ import annotations

from typing import Any

from chromadb.api.types import Documents, EmbeddingFunction, Embeddings
from chromadb.utils.embedding_functions import register_embedding_function

from bgecpp._core import Embedder

__all__ = ["BgeEmbeddingFunction"]


@register_embedding_function
class BgeEmbeddingFunction(EmbeddingFunction[Documents]):
    """Vectors of unit length unless normalize is False: documents with the model's own instruction for them, queries
    (in Chroma 1.1 and later) with that for queries, or with those that are given."""

    def __init__(
        self,
        model: str,
        query_instruction: str | None = None,
        document_instruction: str | None = None,
        normalize: bool = True,
        threads: int = 0,
        dtype: str = "default",
        packed_cache: str = "",
        local_files_only: bool = False,
    ) -> None:
        self._settings = {name: value for name, value in locals().items() if name != "self"}
        self._embedder = Embedder(
            model, threads=threads, dtype=dtype, packed_cache=packed_cache, download=not local_files_only
        )

    def __call__(self, input: Documents) -> Embeddings:
        """One float32 vector for each document."""
        return self._encode(input, "document", self._settings["document_instruction"])

    def embed_query(self, input: Documents) -> Embeddings:
        """One float32 vector for each query."""
        return self._encode(input, "query", self._settings["query_instruction"])

    def _encode(self, texts: Documents, role: str, instruction: Any) -> Embeddings:
        how: dict[str, Any] = {"role": role} if instruction is None else {"instruction": instruction}
        vectors: Any = self._embedder.encode(list(texts), normalize=bool(self._settings["normalize"]), **how)
        return list(vectors)

    @staticmethod
    def name() -> str:
        return "bgecpp"

    def default_space(self) -> Any:
        return "cosine"

    def supported_spaces(self) -> Any:
        return ["cosine", "l2", "ip"]

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> BgeEmbeddingFunction:
        return BgeEmbeddingFunction(**config)

    def get_config(self) -> dict[str, Any]:
        return dict(self._settings)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        if old_config.get("model") != new_config.get("model"):
            raise ValueError("The model of a collection cannot be changed: its vectors are that model's")
