"""What bgecpp.infinity's engines are made with and answer with: infinity_emb's settings, returned types and exceptions."""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, field, replace
from numbers import Integral
from typing import Any


class _Named(str, enum.Enum):
    pass


class InferenceEngine(_Named):
    torch = "torch"
    ctranslate2 = "ctranslate2"
    optimum = "optimum"
    neuron = "neuron"
    debugengine = "debugengine"


class Device(_Named):
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"
    tensorrt = "tensorrt"
    xla = "xla"
    auto = "auto"


class Dtype(_Named):
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    int8 = "int8"
    fp8 = "fp8"
    auto = "auto"


class EmbeddingDtype(_Named):
    float32 = "float32"
    int8 = "int8"
    uint8 = "uint8"
    binary = "binary"
    ubinary = "ubinary"


class PoolingMethod(_Named):
    mean = "mean"
    cls = "cls"
    auto = "auto"


class ModelNotDeployedError(Exception):
    """The model does not do what was asked for."""


class MatryoshkaDimError(Exception):
    """A cut that is not from 1 to the vectors' length."""


@dataclass(kw_only=True)
class RerankReturnType:
    relevance_score: float
    document: str
    index: int


@dataclass
class OverloadStatus:
    queue_fraction: float
    queue_absolute: int
    results_absolute: int


@dataclass(frozen=True, kw_only=True)
class EngineArgs:
    """Settings of an engine, with infinity_emb's names.

    Read: model_name_or_path (a directory or a name on the hub), revision, batch_size (an eighth of the texts that are
    computed together), dtype (float32, bfloat16, int8; float16 and auto: the engine's default), pooling_method,
    embedding_dtype (float32, binary, ubinary), lengths_via_tokenize, served_model_name. Ours: threads, packed_cache,
    matryoshka_normalize (False: vectors that are cut are not of unit length, as infinity_emb gives them). The others
    are accepted.
    """

    model_name_or_path: str = "michaelfeil/bge-small-en-v1.5"
    batch_size: int = 32
    revision: str | None = None
    trust_remote_code: bool = True
    engine: InferenceEngine | str = InferenceEngine.torch
    model_warmup: bool = True
    vector_disk_cache_path: str | bool = ""
    device: Device | str | None = Device.auto
    device_id: list[int] | str = field(default_factory=list)
    compile: bool = False
    bettertransformer: bool = True
    dtype: Dtype | str = Dtype.auto
    pooling_method: PoolingMethod | str = PoolingMethod.auto
    lengths_via_tokenize: bool = False
    embedding_dtype: EmbeddingDtype | str = EmbeddingDtype.float32
    served_model_name: str = ""
    onnx_disable_optimize: bool = False
    onnx_do_not_prefer_quantized: bool = False
    threads: int = 0
    packed_cache: str = ""
    matryoshka_normalize: bool = True

    def __post_init__(self) -> None:
        kinds = {
            "engine": InferenceEngine,
            "device": Device,
            "dtype": Dtype,
            "pooling_method": PoolingMethod,
            "embedding_dtype": EmbeddingDtype,
        }
        for name, kind in kinds.items():
            value = getattr(self, name)
            member = kind.__members__.get("auto" if value is None else str(getattr(value, "value", value)))
            if member is None:
                raise ValueError(f"{name}: expected one of {', '.join(kind.__members__)}, found {value!r:.80}")
            object.__setattr__(self, name, member)
        if not self.served_model_name:
            short = "/".join(self.model_name_or_path.split("/")[-2:])
            object.__setattr__(self, "served_model_name", short)
        if not self.revision:
            object.__setattr__(self, "revision", None)
        if not isinstance(self.batch_size, Integral):
            raise TypeError(f"batch_size: expected an int, found {type(self.batch_size).__name__} {self.batch_size!r:.60}")
        if self.batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, found {self.batch_size}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def copy(self) -> EngineArgs:
        return replace(self)
