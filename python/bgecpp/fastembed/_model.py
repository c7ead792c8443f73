"""What FastEmbed's classes have in common here: names, devices, lengths, and reading texts batch by batch."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeGuard, TypeVar

from bgecpp import _common, _model_files, _names, errors, imports
from bgecpp.fastembed.common.model_description import BaseModelDescription
from bgecpp.fastembed.common.types import Device, OnnxProvider

T = TypeVar("T")
_Description = TypeVar("_Description", bound=BaseModelDescription)
# Of a list, so many texts are computed together: the engine sorts them by length.
_MOST_TOGETHER = 1024


class Tokenizing(Protocol):
    """What both engines are."""

    @property
    def tokenizer(self) -> Any: ...
    @property
    def info(self) -> dict[str, Any]: ...


_Engine = TypeVar("_Engine", bound=Tokenizing)


def real_class(path: str) -> Any | None:
    """A class of the real package by the module that defines it, where it is installed."""
    module, name = path.rsplit(".", 1)
    try:
        found = imports.real_attribute(module, name)
    except ImportError:
        return None
    return None if str(found.__module__).startswith("bgecpp") else found


def find(descriptions: Iterable[_Description], name: str) -> _Description | None:
    return next((d for d in descriptions if d.model.lower() == name.lower()), None)


def is_directory(name: str) -> bool:
    return os.path.isdir(name)


def location(
    name: str,
    description: BaseModelDescription | None,
    cache_dir: str | None,
    specific_model_path: str | None,
    download: bool,
) -> str:
    """The directory or hub name that the engine loads."""
    if specific_model_path is not None:
        return str(specific_model_path)
    if description is None:
        return name
    source = description.sources.hf
    if source is None:
        raise errors.Unsupported(
            f"model {name}: its source is an address ({description.sources.url}): give ModelSource(hf=...), a name on "
            "the hub or a directory, or specific_model_path"
        )
    folder = cache_dir if cache_dir is not None else os.environ.get("FASTEMBED_CACHE_PATH")
    return _names.located(source, cache_dir=folder, download=download)


def say_device(
    providers: Sequence[Any] | None, cuda: bool | Device, device_ids: list[int] | None, options: dict[str, Any]
) -> None:
    """Warnings, once each, about what has no meaning on this engine."""
    if cuda is True or cuda == Device.CUDA:
        _common.on_cpu("cuda")
    for provider in providers or []:
        name = provider if isinstance(provider, str) else provider[0]
        if name != "CPUExecutionProvider":
            _common.on_cpu(name)
    _common.ignored(device_ids=device_ids, **options)


# Their first position is behind that of the padding token.
_SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")


def token_limit(directory: str) -> int | None:
    """The tokens that FastEmbed cuts to, the smaller of two fields of tokenizer_config.json, but no more than the
    model has positions for; None where neither is said."""
    config = _model_files.read_json(directory, "tokenizer_config.json") or {}
    limits = [f for name in ("model_max_length", "max_length") if 0 < (f := _whole(config, name)) < 1 << 31]
    if not limits:
        return None
    model = _model_files.read_json(directory, "config.json") or {}
    shifted = model.get("model_type") in _SHIFTED_POSITIONS
    positions = _whole(model, "max_position_embeddings") - (_whole(model, "pad_token_id") + 1 if shifted else 0)
    return min([*limits, positions] if positions > 0 else limits)


def _whole(fields: dict[str, Any], name: str) -> int:
    """A field that is a whole number; 0 where it is not."""
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def load(make: Callable[..., _Engine], model: str, **settings: Any) -> _Engine:
    """The engine, cut to FastEmbed's length where the model's files say one: make() is Embedder or Reranker. A name
    of the hub says it only once it is loaded."""
    if is_directory(model):
        return make(model, max_length=token_limit(model), **settings)
    engine = make(model, **settings)
    limit = token_limit(engine.info["path"])
    if limit is None or limit == engine.info["max_length"]:
        return engine
    return make(model, max_length=limit, **settings)


def batches(texts: Iterable[T], size: int) -> Iterator[list[T]]:
    """Of a list, tuple or column, more than `size` at once, as results do not depend on it; of what yields its texts one
    by one, so many. A column's are columns, which the engine reads in place."""
    if size < 1:
        raise ValueError(f"batch_size must be >= 1, got {size}")
    if isinstance(texts, (list, tuple)) or _is_column(texts):
        size = max(size, _MOST_TOGETHER)
        yield from (part(texts, begin, begin + size) for begin in range(0, len(texts), size))
    else:
        iterator = iter(texts)
        while batch := list(islice(iterator, size)):
            yield batch


def _is_column(texts: Any) -> TypeGuard[Sized]:
    """Whether part() has a part of it that the engine reads: an Arrow array, a column of pandas or Polars."""
    return _common.is_column(texts) and hasattr(texts, "__len__") and (hasattr(texts, "slice") or hasattr(texts, "iloc"))


def part(texts: Any, begin: int, end: int) -> Any:
    """Those texts of a list, tuple or column."""
    if hasattr(texts, "slice"):
        return texts.slice(begin, end - begin)
    return getattr(texts, "iloc", texts)[begin:end]  # pandas' own [] may look for labels


def as_texts(texts: str | Iterable[str]) -> Iterable[str]:
    return [texts] if isinstance(texts, str) else texts


def count_tokens(engine: Tokenizing, texts: Iterable[str], limit: int) -> int:
    """Tokens of all texts, each cut to `limit`, special ones included."""
    encoded = engine.tokenizer.encode(texts, max_length=limit)
    return int(encoded["cu_seqlens"][-1])


class Lazy:
    """An engine that is loaded at once or when it is first used, by one thread."""

    def __init__(self, make: Callable[[], Any], lazy_load: bool) -> None:
        self._make = make
        self._engine: Any = None
        self._renew()
        if not lazy_load:
            self.get()

    def get(self) -> Any:
        with self._lock:
            if self._engine is None:
                self._engine = self._make()
            return self._engine

    def __getstate__(self) -> dict[str, Any]:
        return {"_make": self._make, "_engine": self._engine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._renew()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        _lazies.add(self)


_lazies: weakref.WeakSet[Lazy] = weakref.WeakSet()


def _after_fork() -> None:
    # The thread that held a lock did not come along: what it was loading is loaded again.
    for lazy in list(_lazies):
        lazy._renew()


os.register_at_fork(after_in_child=_after_fork)


def unsupported(class_name: str, model_name: str, known: Iterable[BaseModelDescription]) -> ValueError:
    """What FastEmbed raises for a name that it lacks, with what could be done."""
    names = ", ".join(d.model for d in known)
    return errors.InvalidArgument(
        f"Model {model_name} is not supported in {class_name}: bgecpp reads {names}, or any model directory; other "
        "models of FastEmbed need the package fastembed, to which this class then passes them"
    )


class ModelNotFound(errors.NotFound, ValueError):
    """What FastEmbed raises as a ValueError."""


class Registry:
    """Descriptions that a class knows, its own and those that were added."""

    def __init__(self, known: Iterable[BaseModelDescription]) -> None:
        self.known: list[Any] = list(known)

    def add(self, class_name: str, description: BaseModelDescription) -> None:
        if find(self.known, description.model) is not None:
            raise ValueError(
                f"Model {description.model} is already registered in {class_name}, if you still want to add this "
                "model, please use another model name"
            )
        self.known.append(description)


class Model:
    """What the four classes share. A name that is not ours makes an object of the real package instead.

    model_name: a name of FastEmbed's catalogue (list_supported_models), one that was added, or a model directory, which
        is read as its files say. Others go to the real package where it is installed.
    cache_dir (or $FASTEMBED_CACHE_PATH): a folder that is laid out as the hub's cache, into which a model that is not in
        it is downloaded; without it that is Hugging Face's cache.
    threads: 0 or None: one for each core. providers, cuda, device_ids: accepted; the engine computes on the CPU.
    lazy_load: load the model when it is first used.
    local_files_only: never download. specific_model_path: the directory of its weights.
    """

    _registry: Registry
    _module: str  # of the real class

    def __new__(cls, model_name: str | os.PathLike[str], *args: Any, **kwargs: Any) -> Any:
        model_name = os.fspath(model_name)
        if is_directory(model_name) or find(cls._registry.known, model_name) is not None:
            return super().__new__(cls)
        if (real := real_class(f"{cls._module}.{cls.__name__}")) is not None:
            return real(model_name, *args, **kwargs)
        raise unsupported(cls.__name__, model_name, cls._registry.known)

    def __getnewargs__(self) -> tuple[str]:
        return (self.model_name,)

    def __init__(
        self,
        model_name: str | os.PathLike[str],
        cache_dir: str | None = None,
        threads: int | None = None,
        providers: Sequence[OnnxProvider] | None = None,
        cuda: bool | Device = Device.AUTO,
        device_ids: list[int] | None = None,
        lazy_load: bool = False,
        *,
        local_files_only: bool = False,
        specific_model_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.model_name = model_name = os.fspath(model_name)
        self.cache_dir = cache_dir
        self.threads = threads
        say_device(providers, cuda, device_ids, kwargs)
        self._description = find(self._registry.known, model_name)
        settings = {"threads": threads or 0, "download": not local_files_only}
        with self._says_what_is_absent(model_name):
            path = location(model_name, self._description, cache_dir, specific_model_path, not local_files_only)
        self._lazy = Lazy(partial(self._loaded, path, model_name, settings), lazy_load)

    @staticmethod
    @contextmanager
    def _says_what_is_absent(model_name: str) -> Iterator[None]:
        try:
            yield
        except errors.NotFound as error:
            raise ModelNotFound(f"Could not load model {model_name} from any source: {error}") from error

    @classmethod
    def _loaded(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        with cls._says_what_is_absent(model_name):
            return cls._load(path, model_name, settings)

    @classmethod
    def _load(cls, path: str, model_name: str, settings: dict[str, Any]) -> Any:
        raise NotImplementedError

    @property
    def model(self) -> Any:
        """The engine: a bgecpp.Embedder or bgecpp.Reranker."""
        return self._lazy.get()

    @classmethod
    def list_supported_models(cls) -> list[dict[str, Any]]:
        """The models that this class reads, then the others of the real package where it is installed."""
        ours = [asdict(d) for d in cls._registry.known]
        real = real_class(f"{cls._module}.{cls.__name__}")
        others = [] if real is None else real.list_supported_models()
        return ours + [d for d in others if find(cls._registry.known, d["model"]) is None]


class Vectors(Model):
    """A Model whose vectors have one length."""

    @property
    def embedding_size(self) -> int:
        """Length of this model's vectors."""
        if self._description is not None:
            return int(self._description.dim)
        info = self.model.info
        return int(info["dimension"] or info["colbert_dimension"])

    @classmethod
    def get_embedding_size(cls, model_name: str) -> int:
        """Length of the vectors of a model of list_supported_models(); ValueError for others."""
        models = cls.list_supported_models()
        found = next((d for d in models if d["model"].lower() == model_name.lower()), None)
        if found is None:
            names = [d["model"] for d in models]
            raise ValueError(f"Embedding size for model {model_name} was None. Available model names: {names}")
        return int(found["dim"])
