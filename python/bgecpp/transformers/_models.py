"""AutoModel and AutoModelForSequenceClassification on the engine."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bgecpp import _common, _names, _tensors, errors
from bgecpp.transformers._config import Config, read_config
from bgecpp.transformers._outputs import BaseModelOutputWithPooling, ModelOutput, SequenceClassifierOutput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Their positions count from the first place of a row, padding or not.
_POSITIONS_BY_PLACE = ("bert", "distilbert")
# What from_pretrained() takes and the engine decides itself.
_ACCEPTED = (
    "_commit_hash",
    "_fast_init",
    "_from_auto",
    "allow_all_kernels",
    "attn_implementation",
    "code_revision",
    "device_map",
    "device_mesh",
    "disable_mmap",
    "distributed_config",
    "dtype",
    "experts_implementation",
    "force_download",
    "from_flax",
    "from_tf",
    "fusion_config",
    "generation_config",
    "ignore_mismatched_sizes",
    "kernel_config",
    "low_cpu_mem_usage",
    "max_memory",
    "mirror",
    "offload_buffers",
    "offload_folder",
    "offload_state_dict",
    "proxies",
    "resume_download",
    "torch_dtype",
    "tp_plan",
    "tp_size",
    "tqdm_class",
    "trust_remote_code",
    "use_auth_token",
    "use_kernels",
    "use_safetensors",
    "weights_only",
)
# What would have it compute with other weights, or return more.
_REFUSED = {
    "adapter_kwargs": "the engine reads no adapters: merge them into the weights",
    "gguf_file": "the engine reads safetensors",
    "key_mapping": "the engine knows the names of weights",
    "load_in_4bit": "compute_dtype='int8' has the engine multiply in 8 bits",
    "load_in_8bit": "compute_dtype='int8' has the engine multiply in 8 bits",
    "output_loading_info": "the engine raises where weights are not what they should be",
    "quantization_config": "compute_dtype='int8' has the engine multiply in 8 bits",
    "state_dict": "the engine reads the directory's weights",
    "subfolder": "give the path of the folder",
    "variant": "the engine reads model.safetensors",
}
_OUTPUTS = ("output_attentions", "output_hidden_states")
# Fields of config.json that say nothing of what an encoder computes.
_OF_TRAINING = (
    "architectures",
    "finetuning_task",
    "gradient_checkpointing",
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
    "reference_compile",
    "torchscript",
    "use_cache",
)
_Self = TypeVar("_Self", bound="_Model")


class _Model:
    """What both kinds of models are: callable, on the CPU, in float32, for inference."""

    training = False
    _return_dict = True

    def __init__(self, engine: Any, name_or_path: str) -> None:
        self._engine = engine
        self.name_or_path = name_or_path
        self.config: Config = read_config(engine.info["encoder_path"], name_or_path)

    @property
    def device(self) -> Any:
        """torch.device("cpu") where torch is imported, else "cpu"."""
        torch = _common.loaded_torch()
        return "cpu" if torch is None else torch.device("cpu")

    @property
    def dtype(self) -> Any:
        torch = _common.loaded_torch()
        return "float32" if torch is None else torch.float32

    def eval(self: _Self) -> _Self:
        return self

    def train(self: _Self, mode: bool = True) -> _Self:
        if mode:
            raise errors.Unsupported("train(): this model is for inference")
        return self

    def to(self: _Self, *args: Any, **kwargs: Any) -> _Self:
        """Itself: a warning says once that another device is not used."""
        for value in (*args, kwargs.get("device")):
            if value is not None and "float" not in str(value):
                _common.on_cpu(value)
        return self

    def cuda(self: _Self, device: Any = None) -> _Self:
        return self.to("cuda")

    def cpu(self: _Self) -> _Self:
        return self

    def half(self: _Self) -> _Self:
        """Itself: dtype= of from_pretrained's engine decides what is multiplied."""
        return self

    bfloat16 = float = half

    def requires_grad_(self: _Self, requires_grad: bool = True) -> _Self:
        """Itself: no gradients are computed."""
        return self

    def num_parameters(self, **kwargs: Any) -> int:
        pooler = self.__dict__.get("_pooler") or ()
        return int(self._engine.info["num_parameters"]) + sum(int(part.size) for part in pooler)

    def _configure(self: _Self, config: Any, fields: dict[str, Any]) -> _Self:
        """With what from_pretrained() was given for config.json's, and fields of it. TypeError for what is no field,
        Unsupported for what the engine would have to compute by."""
        if isinstance(config, Config):
            self.config = copy.deepcopy(config)
        for name, value in fields.items():
            if name == "return_dict":
                self._return_dict = value is not False
            elif name not in _OF_TRAINING and "dropout" not in name:
                if not hasattr(self.config, name):
                    raise TypeError(f"{type(self).__name__}.from_pretrained() got an unexpected keyword argument {name!r}")
                if getattr(self.config, name) != value:
                    raise errors.Unsupported(
                        f"{name}: found {value!r:.80}, config.json has {getattr(self.config, name)!r:.80}: the engine computes by "
                        "that file: change it in a copy of the directory"
                    )
            elif value is not None:
                setattr(self.config, name, value)
        return self

    def _refuse_outputs(self, **asked: bool | None) -> None:
        """What a call asks for, or else a configuration that asks for more than config.json does."""
        if isinstance(self.config, Config):
            changed = {name: self.config.__dict__.get(name) for name in asked if not self.config.get(name)}
            asked = {name: changed.get(name) if value is None else value for name, value in asked.items()}
        _refuse(**asked)

    def _returned(self, output: ModelOutput, return_dict: bool | None) -> Any:
        return output.to_tuple() if (self._return_dict if return_dict is None else return_dict) is False else output

    def _sequences(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> _Packed:
        return _Packed(*checked_batch(input_ids, attention_mask, token_type_ids, self.config.get("model_type")))


def checked_batch(input_ids: Any, attention_mask: Any, token_type_ids: Any, model_type: Any) -> tuple[Any, Any, Any]:
    """A padded batch as arrays [B, L]: ids, where its mask has tokens, types or None. ValueError for what is of another kind
    or shape, InvalidArgument for ids that no model has, Unsupported for masks that the engine would take for others."""
    import numpy as np

    ids = _array(input_ids, "input_ids")
    shown = np.ones(ids.shape, bool) if attention_mask is None else _array(attention_mask, "attention_mask", ids.shape)
    if shown.dtype.kind == "f" and not np.isfinite(shown).all():
        raise ValueError("attention_mask: found NaN or an infinity, expected zeros and ones")
    mask = shown.astype(bool)
    _check(mask, model_type in _POSITIONS_BY_PLACE)
    return ids, mask, None if token_type_ids is None else _array(token_type_ids, "token_type_ids", ids.shape)


class _Packed:
    """Rows of a padded batch without their padding: what the engine takes."""

    def __init__(self, ids: Any, mask: Any, types: Any) -> None:
        import numpy as np

        self.mask: NDArray[np.bool_] = mask
        lengths = mask.sum(axis=1)
        self.filled: NDArray[np.bool_] = lengths > 0
        self.ids = np.ascontiguousarray(ids[mask], np.int32)
        self.types = None if types is None else np.ascontiguousarray(types[mask], np.int32)
        self.cu_seqlens = np.concatenate([[0], np.cumsum(lengths[self.filled])]).astype(np.int32)


def _check(mask: Any, positions_by_place: bool) -> None:
    """Refuses what the engine computes in another way than transformers would."""
    if mask.size == 0:
        return
    starts = mask & ~_shifted(mask)
    if (starts.sum(axis=1) > 1).any():
        row = int((starts.sum(axis=1) > 1).argmax())
        raise errors.Unsupported(f"attention_mask[{row}]: it has ones behind zeros that are behind ones")
    if positions_by_place and (~mask[:, 0] & mask.any(axis=1)).any():
        row = int((~mask[:, 0] & mask.any(axis=1)).argmax())
        raise errors.Unsupported(
            f"attention_mask[{row}]: padding on the left moves the positions of this model: pad on the right"
        )


def _shifted(mask: Any) -> Any:
    import numpy as np

    before = np.zeros_like(mask)
    before[:, 1:] = mask[:, :-1]
    return before


def as_numpy(value: Any) -> Any:
    """A tensor, an array or nested lists as an array."""
    import numpy as np

    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _array(value: Any, name: str, shape: tuple[int, ...] | None = None) -> Any:
    """A tensor, array or list of rows as an integer array [B, L]."""
    import numpy as np

    array = as_numpy(value)
    is_mask = name == "attention_mask"
    known = np.issubdtype(array.dtype, np.integer) or (is_mask and array.dtype.kind in "bf")
    if array.ndim != 2 or (array.size and not known):
        raise ValueError(f"{name}: expected integers [B, L], found {array.dtype} of shape {array.shape}")
    # The engine's are int32, where a wider one would wrap around.
    if array.size and not is_mask and not -(1 << 31) <= int(array.min()) <= int(array.max()) < 1 << 31:
        raise errors.InvalidArgument(
            f"{name}: outside the model's vocabulary: found {int(array.min())} to {int(array.max())}: use the tokenizer "
            "that belongs to the model"
        )
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, found {array.shape}")
    return array


def _like(array: Any, example: Any) -> Any:
    """An array as the caller's tensors are, on their device."""
    if not hasattr(example, "detach"):
        return array
    import torch

    return torch.from_numpy(array).to(example.device)


def _refuse(**settings: Any) -> None:
    for name, value in settings.items():
        if value is not None and value is not False:
            why = _REFUSED.get(name, "the engine gives the last layer's states")
            raise errors.Unsupported(f"{name} is not supported: {why}")


def _engine_settings(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What from_pretrained() passes to the engine: threads, packed_cache and compute_dtype are ours."""
    settings = {"threads": kwargs.pop("threads", 0), "packed_cache": kwargs.pop("packed_cache", "")}
    settings["dtype"] = kwargs.pop("compute_dtype", "default")
    settings["download"] = not kwargs.pop("local_files_only", False)
    for name in _ACCEPTED:
        kwargs.pop(name, None)
    _refuse(**{name: kwargs.pop(name, None) or None for name in (*_REFUSED, *_OUTPUTS)})
    _refuse(**{name: getattr(kwargs.get("config"), name, None) for name in _OUTPUTS})
    return settings


def _located(path: str | Path, kwargs: dict[str, Any]) -> str:
    place = {key: kwargs.pop(key, None) for key in ("cache_dir", "token", "revision")}
    return _names.located(path, download=not kwargs.get("local_files_only", False), **place)


class AutoModel(_Model):
    """An encoder: token ids to the hidden states of its last layer."""

    def __init__(self, engine: Any, name_or_path: str, add_pooling_layer: bool = True) -> None:
        super().__init__(engine, name_or_path)
        self._pooler: tuple[Any, Any] | None = None
        if add_pooling_layer and self.config.get("model_type") in ("bert", "xlm-roberta", "roberta", "camembert", "mpnet"):
            weight = _tensors.find_tensor(engine.info["encoder_path"], ["pooler.dense.weight"])
            bias = _tensors.find_tensor(engine.info["encoder_path"], ["pooler.dense.bias"])
            if weight is not None and bias is not None:
                width = int(engine.info["hidden_size"])
                if weight.shape != (width, width) or bias.shape != (width,):
                    raise errors.CorruptData(
                        f"damaged model: {engine.info['encoder_path']}: pooler.dense: expected weights [{width}, {width}] and "
                        f"biases [{width}], found {list(weight.shape)} and {list(bias.shape)}: fetch the model again"
                    )
                self._pooler = weight, bias

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> AutoModel:
        """A model directory or a name on the hub. threads, packed_cache, compute_dtype ("f32", "bf16", "int8") are the
        engine's; local_files_only, revision, cache_dir, token and add_pooling_layer are read, other arguments of
        transformers accepted, unless they would change what is computed. TypeError for what transformers has not."""
        from bgecpp.native import Embedder

        directory = _located(pretrained_model_name_or_path, kwargs)
        pooling_layer = bool(kwargs.pop("add_pooling_layer", True))
        engine = Embedder(directory, **_engine_settings(kwargs))
        if not engine.info["has_transformer"]:
            raise errors.Unsupported(f"AutoModel: {directory}: found no transformer: use a model that has one")
        return cls(engine, str(pretrained_model_name_or_path), pooling_layer)._configure(kwargs.pop("config", None), kwargs)

    def __call__(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        inputs_embeds: Any = None,
        return_dict: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """last_hidden_state [B, L, H] float32 and pooler_output [B, H] where model.safetensors has the layer. Where
        attention_mask is 0 the states are zeros (transformers' are whatever padding computes to)."""
        import numpy as np

        _refuse(position_ids=position_ids, inputs_embeds=inputs_embeds)
        self._refuse_outputs(output_attentions=output_attentions, output_hidden_states=output_hidden_states)
        packed = self._sequences(input_ids, attention_mask, token_type_ids)
        width = int(self._engine.info["hidden_size"])
        hidden = np.zeros((*packed.mask.shape, width), np.float32)
        if len(packed.ids):
            hidden[packed.mask] = self._engine.hidden_states(packed.ids, packed.types, packed.cu_seqlens)
        pooled = None
        if self._pooler is not None and hidden.shape[1]:
            weight, bias = self._pooler
            pooled = _like(np.tanh(hidden[:, 0] @ weight.T + bias), input_ids)
        output = BaseModelOutputWithPooling(last_hidden_state=_like(hidden, input_ids), pooler_output=pooled)
        return self._returned(output, return_dict)

    forward = __call__


class AutoModelForSequenceClassification(_Model):
    """A reranker: token ids of pairs to one logit each."""

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | Path, **kwargs: Any
    ) -> AutoModelForSequenceClassification:
        """As AutoModel.from_pretrained. Models of one label only."""
        labels = {"num_labels": kwargs.get("num_labels"), "id2label": kwargs.get("id2label")}
        for name, value in labels.items():
            if value is not None and (value if name == "num_labels" else len(value)) != 1:
                raise errors.Unsupported(f"{name}: found {value!r:.80}, expected one label: the engine scores, and has no classes")
        from bgecpp.native import Reranker

        directory = _located(pretrained_model_name_or_path, kwargs)
        model = cls(Reranker(directory, **_engine_settings(kwargs)), str(pretrained_model_name_or_path))
        return model._configure(kwargs.pop("config", None), kwargs)

    def __call__(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        return_dict: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """logits [B, 1] float32; of a row without tokens zero."""
        import numpy as np

        _refuse(position_ids=position_ids, inputs_embeds=inputs_embeds, labels=labels)
        self._refuse_outputs(output_attentions=output_attentions, output_hidden_states=output_hidden_states)
        packed = self._sequences(input_ids, attention_mask, token_type_ids)
        logits = np.zeros((len(packed.mask), 1), np.float32)
        if len(packed.ids):
            logits[packed.filled] = self._engine.logits(packed.ids, packed.types, packed.cu_seqlens)
        output = SequenceClassifierOutput(loss=None, logits=_like(logits, input_ids))
        return self._returned(output, return_dict)

    forward = __call__
