"""sentence_transformers.evaluation, where it once was: the real package's sentence_transformer.evaluation."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    from ._real import attribute

    return attribute("sentence_transformer.evaluation", name)
