"""install(): `import FlagEmbedding`, `sentence_transformers` and `fastembed` give this package's classes.

A stand-in takes the name of each package, and of those of its modules that this package has. What it lacks
comes from the real package where that is installed: attributes of the same module, and all other modules,
which are found in the real package's folder.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any

# The real module's name, and ours.
_STAND_INS = {
    "FlagEmbedding": "bgecpp.flag_embedding",
    "FlagEmbedding.inference": "bgecpp.flag_embedding",
    "fastembed": "bgecpp.fastembed",
    "sentence_transformers": "bgecpp.sentence_transformers",
}
# Of these packages each module of ours stands in for the one of the same name below it.
_MIRRORED = {"fastembed": "bgecpp.fastembed", "sentence_transformers": "bgecpp.sentence_transformers"}


def _ours(name: str) -> str | None:
    """Our module for a real one's name; None where there is none."""
    if name in _STAND_INS:
        return _STAND_INS[name]
    package, _, rest = name.partition(".")
    mirror = _MIRRORED.get(package)
    if mirror is None or any(part.startswith("_") for part in rest.split(".")):
        return None
    candidate = f"{mirror}.{rest}"
    try:
        return candidate if importlib.util.find_spec(candidate) is not None else None
    except ModuleNotFoundError:
        return None


def _real_spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Of the real module, which is found but not loaded; None where it is not installed."""
    parent, _, _ = name.rpartition(".")
    if not parent:
        return importlib.machinery.PathFinder.find_spec(name)
    above = _real_spec(parent)
    if above is None or above.submodule_search_locations is None:
        return None
    return importlib.machinery.PathFinder.find_spec(name, list(above.submodule_search_locations))


_real_modules: dict[str, ModuleType] = {}
_loading = threading.RLock()


def _real_module(name: str) -> ModuleType:
    """The real module, loaded beside the stand-in that has its name. Raises ImportError."""
    with _loading:
        if name not in _STAND_INS and not isinstance(sys.modules.get(name), _StandIn) and _ours(name) is None:
            return importlib.import_module(name)
        if not _installed():
            return importlib.import_module(name)
        module = _real_modules.get(name)
        if module is None:
            spec = _real_spec(name)
            if spec is None or spec.loader is None:
                raise ModuleNotFoundError(f"No module named '{name}'", name=name)
            module = importlib.util.module_from_spec(spec)
            _real_modules[name] = module
            try:
                spec.loader.exec_module(module)
            except BaseException:
                del _real_modules[name]
                raise
        return module


def real_attribute(module: str, name: str) -> Any:
    """An attribute of the real module. Raises ImportError where it or the module is absent."""
    try:
        return getattr(_real_module(module), name)
    except AttributeError as error:
        raise ImportError(f"cannot import name '{name}' from '{module}'") from error


class _StandIn(ModuleType):
    """Ours under the real module's name; what it lacks is the real one's."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        ours: ModuleType = self.__dict__["_ours"]
        try:
            value = getattr(ours, name)
        except AttributeError:
            try:
                value = real_attribute(self.__name__, name)
            except ModuleNotFoundError as error:
                if error.name is not None and not error.name.startswith(self.__name__.partition(".")[0]):
                    raise
                raise AttributeError(
                    f"bgecpp's stand-in for '{self.__name__}' has no '{name}', and the real package is not installed"
                ) from None
            except ImportError as error:
                raise AttributeError(str(error)) from error
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return sorted(set(super().__dir__()) | set(dir(self.__dict__["_ours"])))


class _Loader(importlib.abc.Loader):
    def __init__(self, ours: str):
        self.ours = ours

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        ours = importlib.import_module(self.ours)
        module.__dict__["_ours"] = ours
        module.__doc__ = ours.__doc__
        if hasattr(ours, "__all__"):
            module.__dict__["__all__"] = list(ours.__all__)
        module.__dict__["__version__"] = getattr(ours, "__version__", None) or _version()


def _version() -> str:
    from bgecpp import _core

    return str(_core.__version__)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in {name.partition(".")[0] for name in _STAND_INS}:
            return None
        ours = _ours(fullname)
        if ours is None:
            return None
        real = _real_spec(fullname)
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(ours), origin=f"bgecpp ({ours})")
        # A package: its other modules are the real one's, if that is installed.
        spec.submodule_search_locations = list(
            (real.submodule_search_locations if real is not None else None) or []
        )
        return spec


def _installed() -> bool:
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def install() -> None:
    """From now on those packages are this one's. One that is imported already keeps its real modules in
    what has imported it: call this first."""
    if _installed():
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in ("FlagEmbedding", *_MIRRORED)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Undoes install(): what is imported afterwards is the real package."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
        del sys.modules[name]
    for name in [name for name in sys.modules if name.partition(".")[0] in ("FlagEmbedding", *_MIRRORED)]:
        del sys.modules[name]
    _real_modules.clear()
