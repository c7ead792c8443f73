"""Chroma: an embedding function.

    collection = client.create_collection("c", embedding_function=BgeEmbeddingFunction(model=path))

Needs chromadb.
"""

from __future__ import annotations

from os import PathLike
from typing import Any

from chromadb.api.types import Documents, EmbeddingFunction, Embeddings
from chromadb.utils.embedding_functions import register_embedding_function

from bgecpp import _drop_in, _names
from bgecpp.native import Embedder

__all__ = ["BgeEmbeddingFunction"]


# What a collection remembers.
_SETTINGS: dict[str, Any] = {
    "model": None,
    "query_instruction": None,
    "document_instruction": None,
    "normalize": None,
    "threads": 0,
    "dtype": "default",
    "packed_cache": "",
    "local_files_only": False,
    "truncate_dim": None,
    "pooling": None,
    "cache_folder": None,
    "revision": None,
}


@register_embedding_function
class BgeEmbeddingFunction(EmbeddingFunction[Documents]):
    """Vectors as the model's own modules make them, as SentenceTransformerEmbeddingFunction gives (normalize: True: of
    length 1, False: of none): documents with the model's own instruction for them, queries (in Chroma 1.1 and later)
    with that for queries, or with those that are given. model_name, device, normalize_embeddings, cache_folder, revision,
    token and local_files_only are that class's; a collection does not remember the token."""

    def __init__(
        self,
        model: str | PathLike[str] | None = None,
        query_instruction: str | None = None,
        document_instruction: str | None = None,
        normalize: bool | None = None,
        threads: int = 0,
        dtype: str = "default",
        packed_cache: str = "",
        local_files_only: bool = False,
        truncate_dim: int | None = None,
        pooling: str | None = None,
        **theirs: Any,
    ) -> None:
        own = {name: value for name, value in locals().items() if name not in ("self", "theirs") and value is not None}
        if theirs.get("normalize_embeddings") is False:
            theirs.pop("normalize_embeddings")
        own = _drop_in.renamed({**theirs, **own}, {"model_name": "model", "normalize_embeddings": "normalize"})
        _drop_in.accept(own, "device", "trust_remote_code")
        token = own.pop("token", None)
        if "model" not in own:
            raise TypeError("BgeEmbeddingFunction: no model: give model, a directory or a name on the hub")
        own["model"] = str(own["model"])
        if unknown := sorted(own.keys() - _SETTINGS.keys()):
            raise TypeError(f"BgeEmbeddingFunction: it has no argument {', '.join(unknown)}")
        self._settings = {**_SETTINGS, **own}
        self._embedder = Embedder(
            _names.located(
                self._settings["model"],
                cache_dir=self._settings["cache_folder"],
                token=token,
                revision=self._settings["revision"],
                download=not local_files_only,
            ),
            pooling=pooling,
            threads=threads,
            dtype=dtype,
            packed_cache=packed_cache,
            download=not local_files_only,
        )

    def __call__(self, input: Documents) -> Embeddings:
        """One float32 vector for each document."""
        return self._encode(input, "document", self._settings["document_instruction"])

    def embed_query(self, input: Documents) -> Embeddings:
        """One float32 vector for each query."""
        return self._encode(input, "query", self._settings["query_instruction"])

    def _encode(self, texts: Documents, role: str, instruction: Any) -> Embeddings:
        how: dict[str, Any] = {"role": role} if instruction is None else {"instruction": instruction}
        cut = self._settings["truncate_dim"]
        normalize = _drop_in.normalize(self._embedder, self._settings["normalize"], cut)
        listed = _drop_in.texts(texts, "input")
        vectors: Any = self._embedder.encode(listed, normalize=normalize, truncate_dim=cut, **how)
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
        if any(old_config.get(name) != new_config.get(name) for name in ("model", "revision")):
            raise ValueError("The model of a collection cannot be changed: its vectors are that model's")
