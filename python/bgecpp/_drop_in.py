"""Arguments and vectors of the classes of frameworks that stand on sentence-transformers, as ours take and give them."""

from __future__ import annotations

from typing import Any

from bgecpp import _common, errors

# What changes no number here, or is always so.
_ACCEPTED = {
    "batch_size",
    "chunk_size",
    "convert_to_numpy",
    "convert_to_tensor",
    "device",
    "model_kwargs",
    "multi_process",
    "show_progress_bar",
    "tokenizer_kwargs",
    "trust_remote_code",
    "torch_dtype",
}


# What own_arguments() gives as it comes.
_OWN = (
    "truncate_dim", "prompt", "prompt_name", "prompts", "default_prompt_name", "revision", "threads",
    "local_files_only", "cache_folder", "token",
)  # fmt: skip


def normalize(embedder: Any, asked: bool | None, truncate_dim: int | None) -> bool:
    """Embedder.encode's `normalize` for what was asked: None, what the model's own modules do, as sentence-transformers
    without normalize_embeddings. Vectors that are cut are then not of length 1 again."""
    if asked is not None:
        return asked
    info = _common.info_of(embedder)
    cuts = truncate_dim is not None or embedder.output_dimension() != info["dimension"]
    return bool(info["normalizes"]) and not cuts


def texts(value: Any, name: str) -> list[str]:
    """A list of str; TypeError where it is one str, whose characters would be texts."""
    if isinstance(value, str):
        raise TypeError(f"{name}: expected a list of str, found a str")
    listed = list(value)
    for i, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{i}]: expected a str, found {type(text).__name__}")
    return listed


def text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a str, found {type(value).__name__}")
    return value


def renamed(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Arguments, by our names for those that a class of another package gives them. TypeError where one comes twice."""
    result = dict(values)
    for theirs, ours in names.items():
        if theirs not in result:
            continue
        value = result.pop(theirs)
        if ours in result:
            raise TypeError(f"{theirs} and {ours} are one argument: give one of them")
        result[ours] = value
    return result


def accept(values: dict[str, Any], *names: str) -> None:
    """Takes arguments out that have no effect here; `device` with a warning where it is no CPU."""
    for name in names:
        value = values.pop(name, None)
        if name == "device":
            _common.on_cpu(device_name(value))


def device_name(device: Any) -> str | None:
    """Of a str, a torch device or Haystack's ComponentDevice."""
    if device is None:
        return None
    name = getattr(device, "to_torch_str", None)
    return str(name() if callable(name) else device)


def own_arguments(class_name: str, model_kwargs: Any, encode_kwargs: Any) -> dict[str, Any]:
    """Of sentence-transformers' arguments in model_kwargs and encode_kwargs those that we have: truncate_dim, normalize
    (None where normalize_embeddings is False: the model's own modules decide), prompt, prompt_name, prompts,
    default_prompt_name, revision, threads, local_files_only, cache_folder, token. Unsupported for what would change
    vectors and is not read."""
    own: dict[str, Any] = {}
    for place, given in (("model_kwargs", model_kwargs), ("encode_kwargs", encode_kwargs)):
        given = dict(given or {})
        _common.on_cpu(device_name(given.get("device")))
        for name in _OWN:
            if name in given:
                own[name] = given.pop(name)
        if "normalize_embeddings" in given:
            own["normalize"] = True if given.pop("normalize_embeddings") else None
        left = {name: value for name, value in given.items() if name not in _ACCEPTED and value is not None}
        if left.get("precision") == "float32":
            left.pop("precision")
        if left:
            raise errors.Unsupported(
                f"{class_name}: {place}: {', '.join(sorted(left))}: not read here: use bgecpp.SentenceTransformer, which "
                "has all of sentence-transformers' arguments, or leave it out"
            )
    return own


def prompt_of(model: dict[str, Any], call: dict[str, Any]) -> dict[str, str]:
    """The prompt of sentence-transformers' encode, whose own arguments are `call`, of a model that was made with `model`
    (both own_arguments()): {"instruction": text}, {"prompt_name": a name that the model's files know}, or {}."""
    if call.get("prompt") is not None:
        return {"instruction": call["prompt"]}
    name = call.get("prompt_name")
    name = model.get("default_prompt_name") if name is None else name
    if name is None:
        return {}
    prompts = model.get("prompts") or {}
    return {"instruction": prompts[name]} if name in prompts else {"prompt_name": name}
