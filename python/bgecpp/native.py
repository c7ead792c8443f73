"""The native classes, with what is easier said in Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bgecpp import _core, errors
from bgecpp._signatures import python_function, python_methods

if TYPE_CHECKING:
    # A name on the hub or a folder: bytes and Path objects are read as os.fsdecode reads them.
    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


async def _on_a_thread(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The result of a call that reports its progress, computed on a thread, which ends at the next batch once the task
    that waits for it is cancelled."""
    import asyncio  # a third of what importing this package would take

    cancelled = False
    given = options.pop("progress", None)

    def progress(done: int, total: int) -> None:
        if cancelled:
            raise errors.Cancelled("cancelled: the task that waited for this call: nothing is missing to it")
        if given is not None:
            given(done, total)

    try:
        return await asyncio.to_thread(function, *arguments, progress=progress, **options)
    except asyncio.CancelledError:
        cancelled = True
        raise


@python_methods
class Embedder(_core.Embedder):
    __doc__ = _core.Embedder.__doc__

    if TYPE_CHECKING:

        def __init__(
            self,
            model: Path,
            *,
            threads: int = 0,
            pooling: str | None = None,
            max_length: int | None = None,
            dtype: str = "default",
            splade: bool = False,
            packed_cache: Path = "",
            download: bool = True,
            round_weights: str | None = None,
        ) -> None: ...

    async def aencode(self, texts: _core.Texts, **options: Any) -> Any:
        """encode(), to be awaited: computed on another thread."""
        return await _on_a_thread(self.encode, texts, **options)

    async def aencode_all(self, texts: _core.Texts, **options: Any) -> dict[str, Any]:
        """encode_all(), to be awaited."""
        result: dict[str, Any] = await _on_a_thread(self.encode_all, texts, **options)
        return result

    def __repr__(self) -> str:
        info = self.info
        return f"Embedder({info['name']!r}, {info['compute_type']}, dimension {info['dimension']})"


@python_methods
class Reranker(_core.Reranker):
    __doc__ = _core.Reranker.__doc__

    if TYPE_CHECKING:

        def __init__(
            self,
            model: Path,
            *,
            threads: int = 0,
            pair_style: str | None = None,
            max_length: int | None = None,
            dtype: str = "default",
            packed_cache: Path = "",
            download: bool = True,
        ) -> None: ...

    async def acompute_score(self, queries: _core.Texts, passages: _core.Texts, **options: Any) -> Any:
        """compute_score(), to be awaited: computed on another thread."""
        return await _on_a_thread(self.compute_score, queries, passages, **options)

    def __repr__(self) -> str:
        info = self.info
        return f"Reranker({info['name']!r}, {info['compute_type']}, {info['pair_style']})"


@python_methods
class Tokenizer(_core.Tokenizer):
    __doc__ = _core.Tokenizer.__doc__

    if TYPE_CHECKING:

        def __init__(self, model: Path) -> None: ...

    def __repr__(self) -> str:
        return f"Tokenizer(vocab_size={self.vocab_size})"


# Of both writers, which as nanobind's classes can have no base class of ours.
def _end_block(done: Callable[[], None], close: Callable[[], None], kind: object) -> None:
    try:
        if kind is None:
            done()
    finally:
        close()


@python_methods
class IndexWriter(_core.IndexWriter):
    __doc__ = f"{_core.IndexWriter.__doc__} A `with` block finishes it, or drops it where the block raises."

    def __enter__(self) -> IndexWriter:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        _end_block(self.finish, self.close, kind)


@python_methods
class IndexEditor(_core.IndexEditor):
    __doc__ = f"{_core.IndexEditor.__doc__} A `with` block commits at its end, and does not where it raises."

    def __enter__(self) -> IndexEditor:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        _end_block(self.commit, self.close, kind)


@python_methods
class Index(_core.Index):
    __doc__ = f"{_core.Index.__doc__} Pickled and copied by its path: the copy is the index as it is then."

    def __init__(self, path: Path) -> None:
        # Whole, for refresh() and copies: the working folder may change.
        self._path = os.path.abspath(os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else path
        _open(self, self._path)

    def refresh(self) -> Index | None:
        """The index as it is now, or None where it has not changed."""
        return None if super().refresh() is None else Index(self._path)

    def __reduce__(self) -> tuple[type[Index], tuple[str]]:
        return Index, (self._path,)

    def __repr__(self) -> str:
        return f"Index({self._path!r}, {len(self)} rows, dimension {self.info['dimension']})"


_open = python_function(_core.Index.__init__, "Index.__init__", __name__)


if TYPE_CHECKING:
    from bgecpp._core import colbert_score as colbert_score
    from bgecpp._core import max_sim as max_sim
    from bgecpp._core import search_vectors as search_vectors
    from bgecpp._core import vectors_above as vectors_above

    def is_reranker(model: Path) -> bool: ...
    def model_directory(
        model: Path,
        *,
        download: bool = False,
        cache_dir: Path | None = None,
        token: str | None = None,
        complete: bool = False,
    ) -> str: ...
    def quantize(model: Path, out: Path, dtype: str = "int8") -> dict[str, int]: ...

else:
    is_reranker = python_function(_core.is_reranker, "is_reranker", __name__)
    model_directory = python_function(_core.model_directory, "model_directory", __name__)
    quantize = python_function(_core.quantize, "quantize", __name__)
    colbert_score = python_function(_core.colbert_score, "colbert_score", __name__)
    max_sim = python_function(_core.max_sim, "max_sim", __name__)
    search_vectors = python_function(_core.search_vectors, "search_vectors", __name__)
    vectors_above = python_function(_core.vectors_above, "vectors_above", __name__)
