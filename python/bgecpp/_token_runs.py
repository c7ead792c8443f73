"""Texts in order, so many at once as have not too many tokens: what is made of each token is then in memory of few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_TOKENS = 16_384  # 64 MB of 1,024 numbers each


def runs(cu_seqlens: NDArray[Any], most_tokens: int) -> Iterator[tuple[int, int]]:
    """The first text and the one behind the last of each run; a text of more tokens is a run of its own."""
    begin, count = 0, len(cu_seqlens) - 1
    while begin < count:
        within = int(cu_seqlens.searchsorted(int(cu_seqlens[begin]) + most_tokens, "right")) - 1
        end = max(begin + 1, within)
        yield begin, end
        begin = end


def parts(encoded: dict[str, NDArray[Any]]) -> Iterator[dict[str, NDArray[Any]]]:
    """What Tokenizer.encode gave, run by run."""
    bounds = encoded["cu_seqlens"]
    for begin, end in runs(bounds, _MOST_TOKENS):
        part = {name: values[bounds[begin] : bounds[end]] for name, values in encoded.items()}
        yield {**part, "cu_seqlens": bounds[begin : end + 1] - bounds[begin]}
