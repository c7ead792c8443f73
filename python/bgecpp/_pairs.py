"""Lists of texts and of pairs of texts, which models read as one text each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def is_pair(item: Any) -> bool:
    return isinstance(item, (tuple, list)) and len(item) == 2 and all(isinstance(part, str) for part in item)


def holds_pairs(items: list[Any]) -> bool:
    """Whether any item is a tuple or list, which is looked up by their kinds: of a list of a million texts too."""
    return any(issubclass(kind, (tuple, list)) for kind in set(map(type, items)))


def check(items: list[Any], name: str) -> None:
    """TypeError, which names the place, of what is neither a text nor a pair."""
    for place, item in enumerate(items):
        if not isinstance(item, str) and not is_pair(item):
            found = f"a {type(item).__name__} of {len(item)}" if isinstance(item, (tuple, list)) else type(item).__name__
            raise TypeError(f"{name}[{place}]: expected a str or a pair of str, found {found}")


def with_prompt(items: list[Any], prompt: str) -> list[Any]:
    """Before each text, and before the first one of a pair."""
    return [prompt + item if isinstance(item, str) else (prompt + item[0], item[1]) for item in items]


def encode(tokenizer: Any, items: list[Any], name: str = "inputs", **settings: Any) -> dict[str, NDArray[Any]]:
    """Tokenizer.encode of texts and pairs, in their order."""
    encoded: dict[str, NDArray[Any]]
    if not holds_pairs(items):
        encoded = tokenizer.encode(items, **settings)
        return encoded
    check(items, name)
    alone = [i for i, item in enumerate(items) if isinstance(item, str)]
    pairs = [i for i, item in enumerate(items) if not isinstance(item, str)]
    firsts, seconds = ([items[i][k] for i in pairs] for k in (0, 1))
    encoded = tokenizer.encode(firsts, seconds, **settings)
    if alone:
        encoded = _merged([tokenizer.encode([items[i] for i in alone], **settings), encoded], [*alone, *pairs])
    return encoded


def _merged(parts: list[dict[str, NDArray[Any]]], places: list[int]) -> dict[str, NDArray[Any]]:
    """The rows of all parts, each at its place."""
    import numpy as np

    order = np.argsort(places)
    lengths = np.concatenate([np.diff(part["cu_seqlens"]) for part in parts])
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.concatenate([np.arange(bounds[n], bounds[n + 1]) for n in order])
    merged = {
        key: np.concatenate([part[key] for part in parts])[rows] for key in parts[0] if key != "cu_seqlens"
    }
    merged["cu_seqlens"] = np.concatenate([[0], np.cumsum(lengths[order])]).astype(parts[0]["cu_seqlens"].dtype)
    return merged
