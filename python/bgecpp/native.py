"""The native classes, with what is easier said in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bgecpp import _core, errors
from bgecpp._signatures import python_function, python_methods

if TYPE_CHECKING:
    import os

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


if TYPE_CHECKING:

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
