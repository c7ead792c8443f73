"""What is said of names that sentence-transformers once had: as there, a line of the log or a warning of Python's."""

from __future__ import annotations

import functools
import logging
from typing import Any

# As there, the log of old arguments is that of its decorators.
logger = logging.getLogger("sentence_transformers.util.decorators")
TOKENIZE = "The `tokenize` method is deprecated: use `preprocess`."


@functools.lru_cache(maxsize=1000)
def _first(log: logging.Logger, message: str) -> None:
    log.warning(message)


def log_once(message: str, log: logging.Logger = logger) -> None:
    """A line that one process logs once. Where transformers is loaded its `warning_once` remembers which were."""
    once: Any = getattr(log, "warning_once", None)
    if once is None:
        _first(log, message)
    else:
        once(message)


def renamed(kwargs: dict[str, Any], old: str, new: str, owner: str = "") -> Any:
    """Takes the old name's value out of the arguments, and says so; None where it was not given."""
    if old in kwargs:
        log_once(f"The {owner + ' ' if owner else ''}`{old}` argument was renamed and is now deprecated: use `{new}`.")
    return kwargs.pop(old, None)


def dropped(kwargs: dict[str, Any], name: str, method: str) -> None:
    """Takes what is no argument any more out of them, and says so."""
    if name in kwargs:
        log_once(f"The {method} `{name}` argument is deprecated and has no effect.")
    kwargs.pop(name, None)
