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
import pkgutil
import sys
import warnings
from types import ModuleType
from typing import Any

# The real module's name, and ours. FlagEmbedding's own modules lie elsewhere than ours.
_STAND_INS = {
    "FlagEmbedding": "bgecpp.flag_embedding",
    "FlagEmbedding.inference": "bgecpp.flag_embedding",
    "FlagEmbedding.inference.auto_embedder": "bgecpp.flag_embedding._auto",
    "FlagEmbedding.inference.auto_reranker": "bgecpp.flag_embedding._auto",
    "FlagEmbedding.inference.embedder": "bgecpp.flag_embedding",
    "FlagEmbedding.inference.embedder.encoder_only": "bgecpp.flag_embedding",
    "FlagEmbedding.inference.embedder.encoder_only.base": "bgecpp.flag_embedding._embedder",
    "FlagEmbedding.inference.embedder.encoder_only.m3": "bgecpp.flag_embedding._m3",
    "FlagEmbedding.inference.embedder.model_mapping": "bgecpp.flag_embedding._auto",
    "FlagEmbedding.inference.reranker": "bgecpp.flag_embedding",
    "FlagEmbedding.inference.reranker.encoder_only": "bgecpp.flag_embedding",
    "FlagEmbedding.inference.reranker.encoder_only.base": "bgecpp.flag_embedding._reranker",
    "FlagEmbedding.inference.reranker.model_mapping": "bgecpp.flag_embedding._auto",
    "fastembed": "bgecpp.fastembed",
    "sentence_transformers": "bgecpp.sentence_transformers",
}
# Base classes that the real package's own classes need as they are: where it is installed ours are registered with
# them, else ours stand in.
_BASES = {
    "FlagEmbedding.abc": "bgecpp.flag_embedding",
    "FlagEmbedding.abc.inference": "bgecpp.flag_embedding",
    "FlagEmbedding.abc.inference.AbsEmbedder": "bgecpp.flag_embedding._abstract",
    "FlagEmbedding.abc.inference.AbsReranker": "bgecpp.flag_embedding._abstract",
}
# Modules that had the names of classes, which the real package keeps alive for those that import them so. They are
# there once the package is, or importing one would put it in the place of the class.
_OLD_NAMES = {
    "sentence_transformers.SentenceTransformer": "bgecpp.sentence_transformers.sentence_transformer.model",
    "sentence_transformers.cross_encoder.CrossEncoder": "bgecpp.sentence_transformers.cross_encoder.model",
    "sentence_transformers.sparse_encoder.SparseEncoder": "bgecpp.sentence_transformers.sparse_encoder.model",
}
# Of these packages each module of ours stands in for the one of the same name below it.
_MIRRORED = {"fastembed": "bgecpp.fastembed", "sentence_transformers": "bgecpp.sentence_transformers"}
# Packages whose modules can be imported only in the order in which the package itself imports them.
_IN_ORDER = frozenset({"fastembed"})


def _ours(name: str) -> str | None:
    """Our module for a real one's name; None where there is none."""
    if name in _STAND_INS:
        return _STAND_INS[name]
    if name in _BASES:
        return _BASES[name] if _real_spec("FlagEmbedding") is None else None
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


# A real module that is loaded beside its stand-in is imported under a name of its own: so importlib's locks, which see
# threads that wait for each other, are those of this import too. No other is held while a package's code runs.
_BESIDE = "beside bgecpp's "


def import_module(name: str) -> ModuleType:
    """As importlib's, but of two threads that import each other's modules one gets a module that is not complete yet,
    as by an import statement, where importlib's raises an error."""
    __import__(name)
    return sys.modules[name]


def _real_module(name: str) -> ModuleType:
    """The real module, loaded beside the stand-in that has its name. Raises ImportError."""
    if name not in _STAND_INS and not isinstance(sys.modules.get(name), _StandIn) and _ours(name) is None:
        return import_module(name)
    if not _installed():
        return import_module(name)
    # Points would name packages.
    return import_module(_BESIDE + name.replace(".", ":"))


class _LoaderBeside(importlib.abc.Loader):
    """Loads a real module, which keeps its own names."""

    def __init__(self, real: importlib.machinery.ModuleSpec) -> None:
        self._real = real

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return importlib.util.module_from_spec(self._real)

    def exec_module(self, module: ModuleType) -> None:
        assert self._real.loader is not None
        module.__spec__ = self._real
        # What import statements look at to wait until another thread has loaded a module.
        self._real._initializing = True  # type: ignore[attr-defined]
        try:
            self._real.loader.exec_module(module)
        finally:
            self._real._initializing = False  # type: ignore[attr-defined]


class _LoaderOfLoaded(importlib.abc.Loader):
    """Gives a module that has been loaded since it was asked for."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        pass


class _LoaderOfBase(importlib.abc.Loader):
    """Loads a real base class, of which ours are then subclasses."""

    def __init__(self, real: importlib.abc.Loader, class_name: str) -> None:
        self._real = real
        self._class_name = class_name

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        from bgecpp.flag_embedding import _abstract

        self._real.exec_module(module)
        getattr(module, self._class_name).register(getattr(_abstract, self._class_name))


def real_attribute(module: str, name: str) -> Any:
    """An attribute of the real module. Raises ImportError where it or the module is absent."""
    try:
        return getattr(_real_module(module), name)
    except AttributeError as error:
        raise ImportError(f"cannot import name '{name}' from '{module}'") from error


class _StandIn(ModuleType):
    """Ours under the real module's name; what it lacks is the real one's."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__" and hasattr(self.__dict__.get("_ours"), "__all__"):
            names = self._names_of_both(self.__dict__["_ours"])
            self.__dict__["__all__"] = names
            return names
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

    def _names_of_both(self, ours: ModuleType) -> list[str]:
        """What an import of * gives: the real package's names too, which loads it where it is installed."""
        try:
            real = list(getattr(_real_module(self.__name__), "__all__", ()))
        except ImportError:
            real = []
        return list(dict.fromkeys([*ours.__all__, *real]))

    def __dir__(self) -> list[str]:
        others = {module.name for module in pkgutil.iter_modules(self.__path__)}
        return sorted(set(super().__dir__()) | set(dir(self.__dict__["_ours"])) | others)


class _Loader(importlib.abc.Loader):
    def __init__(self, ours: str):
        self.ours = ours

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        ours = importlib.import_module(self.ours)
        module.__dict__["_ours"] = ours
        module.__doc__ = ours.__doc__
        # Where the code is that runs.
        module.__dict__["__file__"] = ours.__file__
        module.__dict__["__version__"] = getattr(ours, "__version__", None) or _version()
        for name, of in _OLD_NAMES.items():
            if name.partition(".")[0] == module.__name__ and name not in sys.modules:
                loader = _Loader(of)
                spec = importlib.machinery.ModuleSpec(name, loader, origin=f"bgecpp ({of})", is_package=True)
                sys.modules[name] = importlib.util.module_from_spec(spec)
                loader.exec_module(sys.modules[name])


def _version() -> str:
    from bgecpp import _core

    return str(_core.__version__)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.startswith(_BESIDE):
            return self._beside(fullname)
        if fullname.partition(".")[0] not in {name.partition(".")[0] for name in _STAND_INS}:
            return None
        ours = _ours(fullname)
        real = _real_spec(fullname)
        if ours is None:
            parent, _, name = fullname.rpartition(".")
            if parent == "FlagEmbedding.abc.inference" and fullname in _BASES and real is not None and real.loader:
                real.loader = _LoaderOfBase(real.loader, name)
                return real
            package = fullname.partition(".")[0]
            if package in _IN_ORDER and real is not None:
                try:
                    _real_module(package)
                except ImportError:
                    return None
                if fullname in sys.modules:
                    return importlib.machinery.ModuleSpec(fullname, _LoaderOfLoaded(), origin=real.origin)
            return self._by_the_package(fullname, path, target) if real is None and parent else None
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(ours), origin=f"bgecpp ({ours})")
        # A package: its other modules are the real one's, if that is installed.
        spec.submodule_search_locations = list(
            (real.submodule_search_locations if real is not None else None) or []
        )
        return spec

    def _by_the_package(self, fullname: str, path: Any, target: Any) -> importlib.machinery.ModuleSpec | None:
        """A module that has no file: sentence-transformers finds those that it has moved by a finder of its own."""
        package = fullname.partition(".")[0]
        if _real_spec(package) is None:
            return None
        try:
            _real_module(package)
        except ImportError:
            return None
        finders = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
        specs = (finder.find_spec(fullname, path, target) for finder in finders if hasattr(finder, "find_spec"))
        return next((spec for spec in specs if spec is not None), None)

    def _beside(self, fullname: str) -> importlib.machinery.ModuleSpec:
        name = fullname.removeprefix(_BESIDE).replace(":", ".")
        real = _real_spec(name)
        if real is None or real.loader is None:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return importlib.machinery.ModuleSpec(fullname, _LoaderBeside(real), origin=real.origin)


def _installed() -> bool:
    return any(isinstance(finder, _Finder) for finder in sys.meta_path)


def _is_of_packages(name: str) -> bool:
    return name.startswith(_BESIDE) or name.partition(".")[0] in ("FlagEmbedding", *_MIRRORED)


def install() -> None:
    """From now on those packages are this one's. One that is imported already keeps its real modules in
    what has imported it, of which a warning tells: call this first."""
    if _installed():
        return
    before = sorted(name for name in sys.modules if _is_of_packages(name) and "." not in name)
    if before:
        warnings.warn(
            f"bgecpp.install(): {', '.join(before)}: imported before: what has been taken from it stays its own: call install() first",
            RuntimeWarning,
            stacklevel=2,
        )
    for name in [name for name in sys.modules if _is_of_packages(name)]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Undoes install(): what is imported afterwards is the real package."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for name in [name for name, module in sys.modules.items() if isinstance(module, _StandIn)]:
        del sys.modules[name]
    for name in [name for name in sys.modules if _is_of_packages(name)]:
        del sys.modules[name]
