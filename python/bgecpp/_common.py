"""What the surfaces share: devices, progress, tensors."""

import contextlib
import sys
import warnings

_warned: set[str] = set()


def warn_once(message: str, stacklevel: int = 3) -> None:
    """A warning that one process gives once, wherever it comes from."""
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, stacklevel=stacklevel + 1)


def on_cpu(device) -> str:
    """"cpu", whatever was asked for; says once that another device is not used."""
    names = device if isinstance(device, (list, tuple)) else [device]
    for name in names:
        text = str(name) if name is not None else "cpu"
        if not text.startswith("cpu"):
            warn_once(f"bgecpp computes on the CPU: device '{text}' is not used")
    return "cpu"


def ignored(**settings) -> None:
    """Says once of each argument that was given (is not None) that it has no effect here."""
    for name, value in settings.items():
        if value is not None:
            warn_once(f"bgecpp ignores {name}={value!r}: it has no meaning for its engine")


@contextlib.contextmanager
def progress_bar(show: bool, description: str):
    """Gives what Embedder.encode takes as `progress`: None, or a call that moves tqdm's bar, where
    tqdm is installed."""
    if not show:
        yield None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    bar = tqdm(desc=description, file=sys.stderr)

    def move(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        yield move


def torch_or_none():
    """The torch module where it is imported or can be; None where it is not installed."""
    try:
        import torch

        return torch
    except ImportError:
        return None
