"""What the surfaces share: columns, devices, progress, tensors."""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from bgecpp import _secrets, errors

_warned: set[str] = set()
_MOST_WARNED = 1000  # messages that are kept: they may hold what callers gave
# What torch takes before the colon of a device's name.
_DEVICES = frozenset(
    "cpu cuda ipu xpu mkldnn opengl opencl ideep hip ve fpga maia xla lazy vulkan mps meta hpu mtia npu mlu musa "
    "privateuseone".split()
)


def warn_once(message: str) -> None:
    """A warning that one process gives once; it names the line outside of this package that led here."""
    if message in _warned:
        return
    if len(_warned) >= _MOST_WARNED:
        _warned.clear()
    _warned.add(message)
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "bgecpp":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def is_column(texts: Any) -> bool:
    """Whether the engine reads these texts in place: an Arrow array or stream, a column of pandas or Polars."""
    return hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__")


def on_cpu(device: Any) -> str:
    """"cpu", whatever was asked for; says once that another device is not used."""
    names = device if isinstance(device, (list, tuple)) else [device]
    for name in names:
        text = str(name) if name is not None else "cpu"
        if not text.lower().startswith("cpu"):
            warn_once(f"bgecpp computes on the CPU: device '{text}' is not used")
    return "cpu"


def on_cpu_by_torch(device: Any) -> str:
    """on_cpu() of what torch takes for a device: a name, a number, a torch.device, or a list of those. A name that is
    none of torch's is an InvalidArgument (which is also a RuntimeError, as torch's is)."""
    for name in device if isinstance(device, (list, tuple)) else [device]:
        kind = str(name).partition(":")[0]
        if isinstance(name, str) and not kind.isdecimal() and kind.lower() not in _DEVICES:
            raise errors.InvalidArgument(f"device: found {name!r}, expected 'cpu', 'cuda:0' or another of torch's names")
    return on_cpu(device)


def ignored(**settings: Any) -> None:
    """Says once of each argument that was given (is not None) that it has no effect here."""
    for name, value in settings.items():
        if value is not None:
            secret = name.rstrip("']").rpartition("'")[2] in _secrets.NAMES  # model_kwargs['token'] too
            shown = "..." if secret else repr(_secrets.without(value) if isinstance(value, dict) else value)
            warn_once(f"bgecpp ignores {name}={shown}: it has no meaning for its engine")


@contextlib.contextmanager
def progress_bar(show: bool, description: str, unit: int = 1) -> Iterator[Callable[[int, int], None] | None]:
    """Gives what Embedder.encode takes as `progress`: None, or a call that moves tqdm's bar, where
    tqdm is installed. The bar counts so many texts as one."""
    if not show:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        warn_once("bgecpp shows no progress bar: tqdm is not installed: pip install tqdm")
        yield None
        return
    bar = tqdm(desc=description, file=sys.stderr)

    def move(done: int, total: int) -> None:
        bar.total = -(-total // unit)
        bar.update((bar.total if done >= total else done // unit) - bar.n)

    with bar:
        yield move


_torch_is_absent = False


def loaded_torch() -> Any:
    """The torch module where something has imported it, or is importing it; else None."""
    if sys.modules.get("torch") is None:
        return None
    import torch  # waits where another thread is still importing it: half of it would be in sys.modules

    return torch


def torch_or_none() -> Any:
    """The torch module where it is imported or can be; None where it is not installed, which is looked up once."""
    global _torch_is_absent
    if _torch_is_absent and "torch" not in sys.modules:
        return None
    try:
        import torch

        return torch
    except ImportError as error:
        _torch_is_absent = error.name == "torch" and "torch" not in sys.modules
        return None


def unit(vectors: Any) -> Any:
    """Vectors, in the last direction, of length 1; zeros stay zeros (torch's normalize). float32."""
    import numpy as np

    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-12))


def info_of(engine: Any) -> dict[str, Any]:
    """The `info` of an Embedder or Reranker, which makes a new dict each time: here one for all. Not to be changed."""
    fields: dict[str, Any] = engine.__dict__
    found: dict[str, Any] | None = fields.get("_info")
    if found is None:
        found = fields["_info"] = engine.info
    return found
