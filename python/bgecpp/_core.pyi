"""Types of the native module; test_types.py compares its names and arguments with it."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Integers = NDArray[np.integer[Any]]
#: A str, an iterable of str, or an Arrow array or stream of strings.
Texts = Any
Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Progress = Callable[[int, int], object] | None
Role = Literal["query", "document"] | None

__version__: str

class Tokenizer:
    def __init__(self, model: str) -> None: ...
    def encode(
        self,
        texts: Texts,
        pairs: Texts | None = None,
        *,
        add_special_tokens: bool = True,
        max_length: int | None = None,
        strategy: str = "longest_first",
        want_offsets: bool = False,
    ) -> dict[str, Any]: ...
    def count_tokens(self, texts: Texts) -> list[int]: ...
    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str: ...
    def token_to_id(self, token: str) -> int | None: ...
    def id_to_token(self, id: int) -> str | None: ...
    def is_special(self, id: int) -> bool: ...
    def num_special_tokens(self, pair: bool = False) -> int: ...
    @property
    def vocab_size(self) -> int: ...

class Embedder:
    def __init__(
        self,
        model: str,
        *,
        threads: int = 0,
        pooling: str | None = None,
        max_length: int | None = None,
        dtype: str = "default",
        splade: bool = False,
        packed_cache: str = "",
        download: bool = True,
        round_weights: str | None = None,
    ) -> None: ...
    @overload
    def encode(
        self,
        texts: Texts,
        *,
        role: Role = None,
        instruction: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        max_length: int | None = None,
        truncate_dim: int | None = None,
        batch_tokens: int = 0,
        progress: Progress = None,
        out: Float32 | None = None,
        return_stats: Literal[False] = False,
    ) -> Float32: ...
    @overload
    def encode(
        self,
        texts: Texts,
        *,
        role: Role = None,
        instruction: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        max_length: int | None = None,
        truncate_dim: int | None = None,
        batch_tokens: int = 0,
        progress: Progress = None,
        out: Float32 | None = None,
        return_stats: Literal[True],
    ) -> tuple[Float32, dict[str, int]]: ...
    def encode_all(
        self,
        texts: Texts,
        *,
        dense: bool = True,
        sparse: bool = False,
        colbert: bool = False,
        role: Role = None,
        instruction: str | None = None,
        prompt_name: str | None = None,
        normalize: bool | None = None,
        max_length: int | None = None,
        truncate_dim: int | None = None,
        max_active_dims: int | None = None,
        batch_tokens: int = 0,
        progress: Progress = None,
    ) -> dict[str, Any]: ...
    def hidden_states(self, ids: Integers, type_ids: Integers | None, cu_seqlens: Integers) -> Float32: ...
    def output_dimension(self, truncate_dim: int | None = None) -> int: ...
    @property
    def info(self) -> dict[str, Any]: ...
    @property
    def tokenizer(self) -> Tokenizer: ...

class Reranker:
    def __init__(
        self,
        model: str,
        *,
        threads: int = 0,
        pair_style: str | None = None,
        max_length: int | None = None,
        dtype: str = "default",
        packed_cache: str = "",
        download: bool = True,
    ) -> None: ...
    def compute_score(
        self,
        queries: Texts,
        passages: Texts,
        *,
        normalize: bool | None = None,
        max_length: int | None = None,
        query_max_length: int | None = None,
        instruction: str | None = None,
        best_window: bool = False,
        batch_tokens: int = 0,
        progress: Progress = None,
    ) -> Float32: ...
    def logits(self, ids: Integers, type_ids: Integers | None, cu_seqlens: Integers) -> Float32: ...
    @property
    def info(self) -> dict[str, Any]: ...
    @property
    def tokenizer(self) -> Tokenizer: ...

class IndexWriter:
    def __init__(
        self, path: Path, dimension: int, model: str = "", metadata: Mapping[str, str] = {}
    ) -> None: ...
    def add(self, ids: Texts, texts: Texts, vectors: Float32) -> None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...

class IndexEditor:
    def __init__(self, path: Path) -> None: ...
    def add(self, ids: Texts, texts: Texts, vectors: Float32, replace: bool = False) -> None: ...
    def delete(self, ids: Texts) -> int: ...
    def commit(self) -> None: ...
    def compact(self) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...
    def __contains__(self, id: str) -> bool: ...

class Index:
    def __init__(self, path: Path) -> None: ...
    def search(self, queries: Float32, top_k: int = 10, threads: int = 0) -> list[list[dict[str, Any]]]: ...
    def verify(self) -> None: ...
    def refresh(self) -> Index | None: ...
    @property
    def info(self) -> dict[str, Any]: ...
    def __len__(self) -> int: ...
    def id(self, position: int) -> str: ...
    def text(self, position: int) -> str: ...

def colbert_score(query: Float32, passage: Float32, clamp: bool = False) -> float: ...
def max_sim(query: Float32, passage: Float32) -> float: ...
def search_vectors(
    queries: Float32,
    rows: Float32,
    top_k: int = 10,
    *,
    cosine: bool = False,
    refuse_nan: bool = False,
    threads: int = 0,
    progress: Progress = None,
) -> tuple[Float32, NDArray[np.int64]]: ...
def vectors_above(
    queries: Float32, rows: Float32, threshold: float, *, threads: int = 0, progress: Progress = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], Float32]: ...
def is_reranker(model: str) -> bool: ...
def model_directory(
    model: str,
    *,
    download: bool = False,
    cache_dir: str | None = None,
    token: str | None = None,
    complete: bool = False,
) -> str: ...
def can_download() -> bool: ...
def quantize(model: str, out: str, dtype: str = "int8") -> dict[str, int]: ...
