"""torch.nn.Module's names, as far as inference uses them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from bgecpp._common import loaded_torch, on_cpu_by_torch

from ._modules import Module

_logger = logging.getLogger("sentence_transformers.base.model")


class Cpu(str):
    """The device where torch is not imported: "cpu"."""

    type = "cpu"


def dtype_name(dtype: Any) -> str:
    """ "float32", "float16" or "bfloat16" of whatever names it. float64 is float32 here."""
    name = str(dtype).replace("torch.", "")
    name = {"half": "float16", "float": "float32", "double": "float32", "float64": "float32"}.get(name, name)
    if name not in ("float32", "float16", "bfloat16"):
        raise ValueError(f"dtype: expected float32, float16 or bfloat16, found {dtype!r}")
    return name


class TorchNames:
    """The part of BaseModel that callers know of torch's modules: devices, dtypes, children."""

    _dtype: str  # of results: float32, float16 or bfloat16
    _modules: dict[str, Module]

    @property
    def device(self) -> Any:
        """torch.device("cpu") where torch is imported, else "cpu"."""
        torch = loaded_torch()
        return Cpu("cpu") if torch is None else torch.device("cpu")

    @property
    def _target_device(self) -> Any:
        _logger.warning(f"`{type(self).__name__}._target_device` has been deprecated: use `device`.")
        return self.device

    @_target_device.setter
    def _target_device(self, device: Any) -> None:
        _logger.warning(f"`{type(self).__name__}._target_device` has been deprecated: use `to(device)`.")
        self.to(device)

    @property
    def dtype(self) -> Any:
        """Of results: torch's dtype where it is imported, else NumPy's."""
        torch = loaded_torch()
        if torch is not None:
            return getattr(torch, self._dtype)
        return np.dtype("float32" if self._dtype == "bfloat16" else self._dtype)

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Itself. A dtype is what results are then given in; a device other than the CPU is not used."""
        for value in (*args, *kwargs.values()):
            text = str(value)
            if text.startswith("torch.") or (isinstance(value, str) and "float" in text):
                self._dtype = dtype_name(value)
            elif isinstance(value, (str, int)) and not isinstance(value, bool):
                on_cpu_by_torch(value)
            elif hasattr(value, "type"):
                on_cpu_by_torch(value)
        return self

    def cpu(self) -> Any:
        return self

    def cuda(self, device: Any = None) -> Any:
        return self.to("cuda" if device is None else device)

    def half(self) -> Any:
        """Itself; results are then float16."""
        return self.to("float16")

    def bfloat16(self) -> Any:
        return self.to("bfloat16")

    def float(self) -> Any:
        """Itself; results are then float32."""
        return self.to("float32")

    def double(self) -> Any:
        """float()."""
        return self.to("float32")

    def eval(self) -> Any:
        return self

    def train(self, mode: bool = True) -> Any:
        """Itself. It stays as it is: there is no dropout here."""
        return self

    training = False

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        return self

    def share_memory(self) -> Any:
        return self

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the engine is compiled."""

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """None: the weights are the engine's."""
        return iter(())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return iter(self._modules.items())

    def children(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        return iter((self, *self._modules.values()))

    def _first_module(self) -> Module:
        return self[0]

    def _last_module(self) -> Module:
        return self[-1]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, place: int) -> Module:
        return list(self._modules.values())[place]

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        lines = "".join(f"  ({name}): {module!r}\n" for name, module in self._modules.items())
        return f"{type(self).__name__}(\n{lines})"
