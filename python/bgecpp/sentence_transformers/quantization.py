"""sentence_transformers.quantization: where util.quantization once was."""

from __future__ import annotations

from typing import Any

from .util import quantization as _quantization
from .util.quantization import quantize_embeddings

__all__ = ["quantize_embeddings"]


def __getattr__(name: str) -> Any:
    return getattr(_quantization, name)
