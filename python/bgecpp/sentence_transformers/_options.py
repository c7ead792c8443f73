"""The options that the constructors of SentenceTransformer, SparseEncoder and CrossEncoder share."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

from bgecpp import _model_files
from bgecpp._common import warn_once

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


def compute_dtype(options: Options) -> str:
    """The engine's dtype: the caller's, or where it is left open what the `backend` computes in that is asked for.
    OpenVINO multiplies bfloat16 where the CPU can, unless ov_config says otherwise, and a file_name of an int8 model
    means int8, with a warning. ValueError for an ov_config that is none."""
    model_kwargs = options["model_kwargs"] or {}
    exact = options["backend"] != "openvino" or _is_exact(model_kwargs.get("ov_config"))
    chosen = options["dtype"]
    if chosen != "default":
        return chosen
    if tells_compute_dtype("file_name", options):
        name = model_kwargs["file_name"]
        warn_once(f"bgecpp: {name!r} asks for int8, which bgecpp makes of the model's weights itself (dtype='int8')")
        return "int8"
    return chosen if exact else "auto"


def warn_of_bfloat16(options: Options, compute_type: str) -> None:
    """Says so where compute_dtype() has chosen bfloat16, given what the loaded model computes in."""
    if options["backend"] == "openvino" and options["dtype"] == "default" and compute_type == "bfloat16":
        warn_once(
            "bgecpp: OpenVINO computes in bfloat16 where the CPU can, and so this does (dtype='auto'): "
            "dtype='f32', or ov_config={'INFERENCE_PRECISION_HINT': 'f32'}, gives the numbers of torch"
        )


def tells_compute_dtype(name: str, options: Options) -> bool:
    """Whether compute_dtype() goes by this one of model_kwargs."""
    if options["dtype"] != "default":
        return False
    if name == "file_name":
        value = (options["model_kwargs"] or {}).get(name)
        return options["backend"] != "torch" and isinstance(value, str) and "int8" in value
    return name == "ov_config" and options["backend"] == "openvino"


def _is_exact(ov_config: Any) -> bool:
    """Whether OpenVINO's settings, a dict or the name of a JSON file of one, ask for float32. ValueError for others."""
    if ov_config is None:
        return False
    settings = ov_config
    if isinstance(ov_config, (str, os.PathLike)) and os.path.isfile(ov_config):
        with open(ov_config, "rb") as file:
            try:
                settings = _model_files.parse_json(file.read(_model_files.MOST_CONFIG_BYTES), ov_config)
            except ValueError:  # which speaks of a damaged model
                settings = None
    if not isinstance(settings, dict):
        raise ValueError(f"ov_config: found {ov_config!r:.80}, expected a dict, or the path of a JSON file that holds one")
    # Of its own objects too: "<Type: 'float32'>", "ExecutionMode.ACCURACY".
    last_words = {str(name): re.findall(r"\w+", str(value).lower())[-1:] for name, value in settings.items()}
    precision = last_words.get("INFERENCE_PRECISION_HINT")
    if precision is not None:
        return precision in (["f32"], ["fp32"], ["float32"], ["dynamic"], ["undefined"])
    return last_words.get("EXECUTION_MODE_HINT") == ["accuracy"]


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
