"""The real sentence-transformers, for what is not here: training, evaluation, other modules.

It may be asked for while this package stands in for it in sys.modules: then it is imported from its own
folder, under its own name, beside ours.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_NAME = "sentence_transformers"
_lock = threading.RLock()
_real: dict[str, ModuleType] = {}


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.startswith("bgecpp.")


def _modules() -> dict[str, ModuleType]:
    return {name: m for name, m in sys.modules.items() if name == _NAME or name.startswith(_NAME + ".")}


@contextlib.contextmanager
def _without_ours() -> Iterator[None]:
    """sys.modules as if this package had never stood in for the real one."""
    ours = {name: module for name, module in _modules().items() if _is_ours(module)}
    finders = [f for f in sys.meta_path if getattr(f, "stands_in_for", "") == _NAME or type(f).__module__.startswith("bgecpp.")]
    for name in ours:
        del sys.modules[name]
    for finder in finders:
        sys.meta_path.remove(finder)
    sys.modules.update(_real)
    try:
        yield
    finally:
        _real.update({name: module for name, module in _modules().items() if not _is_ours(module)})
        sys.meta_path[:0] = finders
        sys.modules.update(ours)


def module(name: str = "") -> ModuleType:
    """The real sentence_transformers, or sentence_transformers.`name`. ImportError where it is absent."""
    full = f"{_NAME}.{name}" if name else _NAME
    with _lock, _without_ours():
        if importlib.util.find_spec(_NAME) is None:
            raise ImportError(
                f"bgecpp has no {full}, and sentence-transformers, which has, is not installed: "
                "pip install sentence-transformers"
            )
        return importlib.import_module(full)


def attribute(module_name: str, name: str) -> Any:
    """`name` of the real module, which may be a module itself. AttributeError where there is none."""
    place = f"{_NAME}.{module_name}" if module_name else _NAME
    try:
        real = module(module_name)
    except ImportError as error:
        raise AttributeError(f"bgecpp's {place} has no attribute '{name}', and the real one cannot be used: {error}") from error
    if hasattr(real, name):
        return getattr(real, name)
    try:
        return module(f"{module_name}.{name}" if module_name else name)
    except ImportError:
        raise AttributeError(f"module '{place}' has no attribute '{name}'") from None
