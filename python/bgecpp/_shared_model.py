"""One model for each process and setting, whoever asks for it: what workers of Spark and Ray use."""

from __future__ import annotations

import os
import threading
from typing import Any

from bgecpp import native

_models: dict[tuple[Any, ...], native.Embedder] = {}
_lock = threading.Lock()


def embedder(model: str, **settings: Any) -> native.Embedder:
    """The process' Embedder with these settings, loaded by the first call. A forked child shares its parent's."""
    key = (model, *sorted(settings.items()))
    with _lock:
        found = _models.get(key)
        if found is None:
            found = _models[key] = native.Embedder(model, **settings)
        return found


def _unlock() -> None:
    # The thread that held it did not come along.
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_unlock)
