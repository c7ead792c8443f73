"""sentence_transformers.sparse_encoder: the class; the rest is the real package's."""

from __future__ import annotations

from typing import Any

from .model import SparseEncoder

__all__ = ["SparseEncoder"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from .._real import attribute

    return attribute("sparse_encoder", name)
