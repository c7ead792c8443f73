"""The native classes, with what is easier said in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bgecpp import _core, errors


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


class Embedder(_core.Embedder):
    __doc__ = _core.Embedder.__doc__

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


class Reranker(_core.Reranker):
    __doc__ = _core.Reranker.__doc__

    async def acompute_score(self, queries: _core.Texts, passages: _core.Texts, **options: Any) -> Any:
        """compute_score(), to be awaited: computed on another thread."""
        return await _on_a_thread(self.compute_score, queries, passages, **options)

    def __repr__(self) -> str:
        info = self.info
        return f"Reranker({info['name']!r}, {info['compute_type']}, {info['pair_style']})"
