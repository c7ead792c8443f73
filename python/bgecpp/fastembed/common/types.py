"""Names of fastembed.common.types."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    NumpyArray: TypeAlias = NDArray[np.float32]
else:
    NumpyArray = Any


class Device(str, Enum):
    CPU = "cpu"
    CUDA = "cuda"
    AUTO = "auto"


PathInput: TypeAlias = str | Path
ImageInput: TypeAlias = str | Path | Any
OnnxProvider: TypeAlias = str | tuple[str, dict[Any, Any]]
