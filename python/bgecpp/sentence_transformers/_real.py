"""The real sentence-transformers, for what is not here: training, evaluation, other modules."""

from __future__ import annotations

import threading
from typing import Any

_NAME = "sentence_transformers"
# What a thread is looking for: the real package's own hooks ask the stand-in, which asks here again.
_asked = threading.local()


def attribute(module: str, name: str) -> Any:
    """`name` of the real sentence_transformers.`module`, which may be a module itself. AttributeError where
    there is none, or the real package is not installed."""
    full = f"{_NAME}.{module}" if module else _NAME
    names: set[str] = _asked.__dict__.setdefault("names", set())
    place = f"{full}.{name}"
    if place in names:
        raise AttributeError(f"module '{full}' has no attribute '{name}'")
    names.add(place)
    try:
        return _found(full, name)
    finally:
        names.discard(place)


def _found(full: str, name: str) -> Any:
    from bgecpp.imports import import_module, real_attribute

    try:
        return real_attribute(full, name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != _NAME:
            raise
        raise AttributeError(
            f"bgecpp's {full} has no '{name}', and sentence-transformers, which may have it, is not installed"
        ) from None
    except ImportError:
        pass
    try:
        return import_module(f"{full}.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith(full):
            raise
        raise AttributeError(f"module '{full}' has no attribute '{name}'") from None
