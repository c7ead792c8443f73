"""Downloads by huggingface_hub, for a library that was built without libcurl. The bindings call it."""

from __future__ import annotations

import os

from bgecpp import _core, errors

# What any model may consist of. Of weights in several formats the hub's own client would fetch all.
_PATTERNS = ["*.json", "*.txt", "*.model", "*.metadata", "*.safetensors", "*.bin", "*.pt"]
_NOT = ["onnx/*", "openvino/*", "*/onnx/*", "training_args.bin", "optimizer.*", "flax_*", "tf_*", "rust_*"]


def located(model: str, cache_dir: str | None = None, token: str | None = None) -> str:
    """The model as it was given, where that is a directory; its snapshot in the cache; else the one that huggingface_hub
    has downloaded. Raises Unsupported where that is not installed. cache_dir and token as _core.model_directory's."""
    if os.path.isdir(model):
        return model
    try:
        return _core.model_directory(model, cache_dir=cache_dir)
    except errors.NotFound as error:
        if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "on", "yes", "true"):
            raise
        absent = error
    try:
        import huggingface_hub
    except ImportError:
        raise errors.Unsupported(
            f"{model} is not in the Hugging Face cache, and this build of bgecpp downloads nothing: it was built without "
            "libcurl. Install huggingface_hub, with which it then downloads, or fetch the model with `hf download "
            f"{model}`, or give a directory"
        ) from absent
    repository, _, revision = model.partition("@")
    sent = False if token == "" else token  # which it has for none
    files = huggingface_hub.HfApi(token=sent).list_repo_files(repository, revision=revision or None)
    safe = any(file.endswith(".safetensors") for file in files)
    ignored = [*_NOT, *(["pytorch_model*.bin", "*/pytorch_model*.bin"] if safe else [])]
    return str(
        huggingface_hub.snapshot_download(
            repository,
            revision=revision or None,
            cache_dir=cache_dir,
            token=sent,
            allow_patterns=_PATTERNS,
            ignore_patterns=ignored,
        )
    )
