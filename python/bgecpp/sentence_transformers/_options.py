"""The options that the constructors of SentenceTransformer, SparseEncoder and CrossEncoder share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Options(TypedDict, total=False):
    """sentence-transformers' own, then the engine's: docs/python.md says which of them have no effect."""

    modules: Any
    device: Any
    prompts: dict[str, str] | None
    default_prompt_name: str | None
    cache_folder: str | None
    trust_remote_code: bool
    revision: str | None
    local_files_only: bool
    token: bool | str | None
    model_kwargs: dict[str, Any] | None
    processor_kwargs: dict[str, Any] | None
    tokenizer_kwargs: dict[str, Any] | None  # the name that processor_kwargs once had
    config_kwargs: dict[str, Any] | None
    model_card_data: Any
    backend: str
    threads: int
    dtype: str
    packed_cache: str


_DEFAULTS: Options = {
    "modules": None,
    "device": None,
    "prompts": None,
    "default_prompt_name": None,
    "cache_folder": None,
    "trust_remote_code": False,
    "revision": None,
    "local_files_only": False,
    "token": None,
    "model_kwargs": None,
    "processor_kwargs": None,
    "tokenizer_kwargs": None,
    "config_kwargs": None,
    "model_card_data": None,
    "backend": "torch",
    "threads": 0,
    "dtype": "default",
    "packed_cache": "",
}


def complete(class_name: str, given: Options) -> Options:
    """The given options and the defaults of the others. Raises TypeError for a name that is none."""
    for name in given:
        if name not in _DEFAULTS:
            raise TypeError(f"{class_name}() got an unexpected keyword argument '{name}'")
    return {**_DEFAULTS, **given}


def shows_options(function: _Function) -> _Function:
    """Puts the options into the signature that help() and frameworks read, in place of **options."""
    own = inspect.signature(function)
    types = {name: getattr(kind, "__forward_arg__", kind) for name, kind in Options.__annotations__.items()}
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=types[name])
        for name, default in _DEFAULTS.items()
    ]
    before = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    function.__signature__ = own.replace(parameters=[*before, *shared])  # type: ignore[attr-defined]
    return function
