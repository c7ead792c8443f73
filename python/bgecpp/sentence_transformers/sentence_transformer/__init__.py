"""sentence_transformers.sentence_transformer: the class; the rest is the real package's."""

from __future__ import annotations

from typing import Any

from .model import SentenceTransformer

__all__ = ["SentenceTransformer"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from .._real import attribute

    return attribute("sentence_transformer", name)
