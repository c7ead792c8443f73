"""What callers give a tokenizer and get from it: texts, pairs, lists of ids, arrays and tensors."""

from __future__ import annotations

from typing import Any


def as_batch(text: Any, text_pair: Any) -> list[Any]:
    """Texts and pairs. As in transformers, an empty second text is none where there is one text."""
    if isinstance(text, str):
        if text_pair is not None and not isinstance(text_pair, str):
            raise TypeError("text_pair: expected a str, as text is one")
        return [(text, text_pair)] if text_pair else [text]
    if not isinstance(text, (list, tuple)):
        raise ValueError(f"text input must be of type `str` or a list of it, found {type(text).__name__}")
    if isinstance(text_pair, str):
        raise TypeError("text_pair: expected a list of as many texts as `text`, as that is one")
    if text_pair is not None:
        if len(text) != len(text_pair):
            raise ValueError(
                f"batch length of `text`: {len(text)} does not match batch length of `text_pair`: {len(text_pair)}."
            )
        return list(zip(text, text_pair))
    return list(text)


def wanted(asked: bool | None, name: str, names: list[str]) -> bool:
    return name in names if asked is None else asked


def lists(values: Any, bounds: list[int]) -> list[list[Any]]:
    """Those of each text, of an array of all; of None ones."""
    if values is None:
        return [[1] * (b - a) for a, b in zip(bounds, bounds[1:])]
    listed = values.tolist() if values.ndim == 1 else list(zip(*(column.tolist() for column in values.T)))
    return [listed[a:b] for a, b in zip(bounds, bounds[1:])]


def rounded(length: int, multiple: int | None) -> int:
    return length if not multiple else -(-length // multiple) * multiple


def tensor_kind(value: Any) -> str | None:
    first = value[0] if isinstance(value, (list, tuple)) and len(value) else value
    module = type(first).__module__.partition(".")[0]
    return {"numpy": "np", "torch": "pt"}.get(module)


def as_lists(value: Any) -> Any:
    """Arrays and tensors as lists of ints."""
    if isinstance(value, (list, tuple)):
        return [as_lists(v) for v in value] if value and not isinstance(value[0], int) else list(value)
    return value.tolist() if hasattr(value, "tolist") else value
