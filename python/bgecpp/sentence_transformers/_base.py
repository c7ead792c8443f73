"""What SentenceTransformer, SparseEncoder and CrossEncoder share: loading, prompts, lengths, inputs."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Unpack, cast

import numpy as np

from bgecpp import _pairs, _secrets, errors
from bgecpp._common import ignored, info_of, is_column, on_cpu_by_torch
from bgecpp._names import located
from bgecpp.transformers._config import Config
from bgecpp.transformers._models import AutoModel
from bgecpp.transformers._tokenizer import NO_LIMIT

from ._arrays import is_tensor
from ._card import ModelCardData
from ._deprecated import TOKENIZE, log_once, renamed
from ._files import position_limit, read_json
from ._modules import Module, Transformer
from ._options import Options, complete, compute_dtype, shows_options, tells_compute_dtype, warn_of_bfloat16
from ._saving import Saved
from ._tokenizer import ModelTokenizer
from ._torch_names import TorchNames, dtype_name

logger = logging.getLogger("sentence_transformers.base.model")

# The engine's length of texts where there is no limit.
_UNLIMITED = 1 << 40
# Of a call's processing_kwargs: max_length counts in encode(), the others have no meaning for texts alone.
_NOT_OF_TEXTS = frozenset(("max_length", "padding", "padding_side", "pad_to_multiple_of", "return_tensors"))
_PROCESSING_KEYS = frozenset(("audio", "chat_template", "common", "image", "text", "video"))


# Names on the hub that are no organisation's: the encoders that papers published, of the families that are read.
_WITHOUT_ORGANIZATION = frozenset(
    f"{family}-{variant}"
    for family, variants in {
        "bert-base": "cased chinese german-cased german-dbmdz-cased german-dbmdz-uncased multilingual-cased "
        "multilingual-uncased uncased cased-finetuned-mrpc",
        "bert-large": "cased uncased cased-whole-word-masking uncased-whole-word-masking "
        "cased-whole-word-masking-finetuned-squad uncased-whole-word-masking-finetuned-squad",
        "camembert": "base",
        "distilbert-base": "cased cased-distilled-squad german-cased multilingual-cased uncased uncased-distilled-squad "
        "uncased-finetuned-sst-2-english",
        "distilroberta": "base",
        "roberta": "base base-openai-detector large large-mnli large-openai-detector",
        "xlm-roberta": "base large large-finetuned-conll02-dutch large-finetuned-conll02-spanish "
        "large-finetuned-conll03-english large-finetuned-conll03-german",
    }.items()
    for variant in variants.split()
)


class ModelConfig(Config):
    """It is made from keywords, as transformers' are: type(config)(**config.to_dict())."""

    def __init__(self, /, **fields: Any) -> None:
        super().__init__(fields, str(fields.get("_name_or_path", "")))


class BaseModel(TorchNames, Saved):
    """A loaded model. Its methods may be called from several threads at once; settings (prompts,
    max_seq_length, ...) are the caller's to keep still meanwhile. Copies share the engine; it is pickled
    by the model's path."""

    default_huggingface_organization: ClassVar[str | None] = None
    model_type: ClassVar[str] = ""
    _default_prompts: ClassVar[dict[str, str | None]] = {}
    _text_kwargs: ClassVar[tuple[str, ...]] = ("task", "processing_kwargs")
    # Of config_kwargs: those that are read, or repeat what is so anyway.
    _config_names: ClassVar[tuple[str, ...]] = (
        "cache_dir", "dtype", "local_files_only", "num_labels", "revision", "token", "torch_dtype", "trust_remote_code"
    )  # fmt: skip

    # Of model_kwargs, likewise.
    _model_names: ClassVar[tuple[str, ...]] = (
        "cache_dir", "device_map", "dtype", "local_files_only", "revision", "token", "torch_dtype", "trust_remote_code"
    )  # fmt: skip

    # Of processor_kwargs: model_max_length is read, the others say where files come from.
    _processor_names: ClassVar[tuple[str, ...]] = (
        "cache_dir", "local_files_only", "model_max_length", "revision", "token", "trust_remote_code", "use_fast"
    )  # fmt: skip

    model_path: str
    encoder_path: str
    prompts: dict[str, Any]  # str; None while a model is loaded: open
    default_prompt_name: str | None

    @shows_options
    def __init__(
        self, model_name_or_path: str | os.PathLike[str] | None = None, **options: Unpack[Options]
    ) -> None:
        if "tokenizer_kwargs" in options:
            old = renamed(options, "tokenizer_kwargs", "processor_kwargs")  # type: ignore[arg-type]
            options["processor_kwargs"] = options.get("processor_kwargs") or old
        given = complete(type(self).__name__, options)
        modules, backend, model_kwargs = given["modules"], given["backend"], given["model_kwargs"]
        if modules is not None and len(modules) == 0 and not model_name_or_path:
            raise ValueError(f"{type(self).__name__}: An empty modules list was passed, and no model")
        if modules is not None and not model_name_or_path:
            raise errors.Unsupported(
                f"{type(self).__name__}: modules made of torch: the engine reads models from directories: "
                "save them with sentence-transformers, and give the path"
            )
        if not model_name_or_path:
            raise ValueError(
                f"{type(self).__name__}: model_name_or_path: found {model_name_or_path!r}, expected a model"
            )
        if modules is not None:
            logger.warning("A model and modules were given: the `modules` argument is ignored.")
        if backend not in ("torch", "onnx", "openvino"):
            raise ValueError(f"Unsupported backend {backend!r}. Backend should be 'torch', 'onnx', or 'openvino'.")
        self._device_name = on_cpu_by_torch(given["device"])
        self.backend = backend
        self.trust_remote_code = given["trust_remote_code"]
        self.model_card_data = given["model_card_data"] or ModelCardData(model_id=str(model_name_or_path))
        self._model_kwargs = _secrets.without(model_kwargs)
        self._processor_kwargs = _secrets.without(given["processor_kwargs"])
        self._engine_options = {
            "threads": given["threads"],
            "dtype": compute_dtype(given),
            "packed_cache": given["packed_cache"],
            "download": not given["local_files_only"],
        }
        ignored(
            **{
                name: value
                for name, value in (model_kwargs or {}).items()
                if name not in self._model_names
                and not tells_compute_dtype(name, given)
            }
        )
        ignored(
            **{
                f"processor_kwargs[{name!r}]": value
                for name, value in (given["processor_kwargs"] or {}).items()
                if name not in self._processor_names
            }
        )
        on_cpu_by_torch(self._model_kwargs.get("device_map") if self._model_kwargs.get("device_map") != "auto" else None)
        self._max_seq_length: int | None = None
        self._set_config: Any = None  # a configuration that the caller has set
        # What is made when it is asked for. It refers to this very object: copies make their own.
        self._lazy: dict[str, Any] = {}
        self._modules: dict[str, Module] = {}
        self._load(self._resolved(str(model_name_or_path), given))
        warn_of_bfloat16(given, str(self._info["compute_type"]))
        self.model_path = str(self._info["path"])
        self.encoder_path = str(self._info["encoder_path"])
        self._has_modules = os.path.isfile(os.path.join(self.model_path, "modules.json"))
        if self._has_modules:
            logger.info(f"Loading {self.model_type} model from {self.model_path}.")
        else:
            logger.info(f"No modules.json found for {self.model_path}: a {self.model_type} of its encoder.")
        self._config_kwargs = _secrets.without(given["config_kwargs"])
        ignored(
            **{
                f"config_kwargs[{name!r}]": value
                for name, value in (given["config_kwargs"] or {}).items()
                if name not in self._config_names
            }
        )
        self._dtype = self._resolved_dtype()

        self.prompts = {**self._default_prompts, **(given["prompts"] or {})}
        self.default_prompt_name = given["default_prompt_name"]
        settings = read_json(self.model_path, "config_sentence_transformers.json") if self._has_modules else {}
        if settings.get("model_type", "SentenceTransformer") == self.model_type:
            self._parse_model_config(settings)
        self.prompts = {name: text or "" for name, text in self.prompts.items()}
        if self.default_prompt_name is not None and self.default_prompt_name not in self.prompts:
            raise ValueError(
                f"Default prompt name '{self.default_prompt_name}' not found in the configured prompts "
                f"dictionary with keys {list(self.prompts)!r}."
            )
        if "model_max_length" in self._processor_kwargs:
            self.max_seq_length = int(self._processor_kwargs["model_max_length"])
        self._modules = {str(i): module for i, module in enumerate(self._make_modules())}

    # What subclasses have of their own.

    @property
    def _engine(self) -> Any:
        """The native object."""
        raise NotImplementedError

    def _load(self, model: str, max_length: int | None = None) -> None:
        raise NotImplementedError

    def _make_modules(self) -> list[Module]:
        return [Transformer(self)]

    def _parse_model_config(self, settings: dict[str, Any]) -> None:
        """Takes from config_sentence_transformers.json what the caller has left open."""
        for name, text in (settings.get("prompts") or {}).items():
            if self.prompts.get(name) is None:
                self.prompts[name] = text
        if self.default_prompt_name is None:
            self.default_prompt_name = settings.get("default_prompt_name")

    def _model_config(self) -> dict[str, Any]:
        return {
            "model_type": self.model_type,
            "prompts": self.prompts,
            "default_prompt_name": self.default_prompt_name,
        }

    # Loading.

    @property
    def _info(self) -> dict[str, Any]:
        return info_of(self._engine)

    def _options(self, max_length: int | None) -> dict[str, Any]:
        return {**self._engine_options, "max_length": max_length}

    def _resolved(self, name: str, given: Options) -> str:
        """What the native module takes: a directory, or a name on the hub."""
        if os.path.isdir(name):
            return name
        if os.path.isfile(name):
            raise NotADirectoryError(
                f"{name} is a file, not a directory: give the model's directory, or its name on the hub"
            )
        if name.count("/") > 1 or os.path.isabs(name):
            raise FileNotFoundError(f"Path {name} not found")
        organization = self.default_huggingface_organization
        if "/" not in name and organization is not None and name.lower() not in _WITHOUT_ORGANIZATION:
            name = f"{organization}/{name}"
        return located(
            name,
            cache_dir=given["cache_folder"] or os.environ.get("SENTENCE_TRANSFORMERS_HOME") or None,
            token=given["token"],
            revision=given["revision"],
            download=not given["local_files_only"],
        )

    def _resolved_dtype(self) -> str:
        """float32, float16 or bfloat16: what results are given in. They are computed as the engine's dtype says."""
        for settings in (self._model_kwargs, self._config_kwargs):
            for key in ("dtype", "torch_dtype"):
                asked = settings.get(key)
                if asked is not None and asked != "auto":
                    return dtype_name(asked)
        config = read_json(self.encoder_path, "config.json")
        saved = config.get("dtype") or config.get("torch_dtype")
        if saved is None:
            saved = self._info["weights_dtype"]
        return saved if saved in ("float16", "bfloat16") else "float32"

    # Lengths.

    @property
    def _is_limited(self) -> bool:
        return bool(self._info["max_length"] < _UNLIMITED)

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text, special tokens included, beyond which it is cut. May be set, up to the positions
        that the model has. 10^30, as in transformers, where nobody limits them."""
        if self._max_seq_length is not None:
            return self._max_seq_length
        return int(self._info["max_length"]) if self._is_limited else NO_LIMIT

    @max_seq_length.setter
    def max_seq_length(self, value: int | None) -> None:
        if value is not None and value > self._info["max_length"]:
            limit = position_limit(read_json(self.encoder_path, "config.json"))
            wanted = min(value, _UNLIMITED if limit is None else limit)
            if wanted > self._info["max_length"]:
                self._load(self._info["path"], wanted)
                self._lazy.pop("model", None)  # it has the engine as it was
        self._max_seq_length = value

    def get_max_seq_length(self) -> int:
        """max_seq_length."""
        return self.max_seq_length

    def _fixed_processing(self) -> dict[str, Any]:
        """Arguments of the tokenizer that no call changes."""
        return {}

    @staticmethod
    def _processing(kwargs: dict[str, Any]) -> dict[str, Any]:
        """A call's own arguments of the tokenizer: those of all inputs, which count first, and those of texts."""
        given = kwargs.get("processing_kwargs") or {}
        parts = {"processing_kwargs": given}
        if isinstance(given, Mapping):
            parts |= {f"processing_kwargs[{key!r}]": given.get(key) or {} for key in ("text", "common")}
        for name, value in parts.items():
            if not isinstance(value, Mapping):
                raise TypeError(f"{name}: expected a dict, found {type(value).__name__} {str(value)[:60]!r}")
        if unknown := set(given) - _PROCESSING_KEYS:
            log_once(
                f"Unknown keys in per-call `processing_kwargs`: {sorted(map(str, unknown))}, expected some of "
                f"{sorted(_PROCESSING_KEYS)}. They are ignored.",
                logging.getLogger("sentence_transformers.base.modules.transformer"),
            )
        return {**(given.get("text") or {}), **(given.get("common") or {})}

    def _max_length(self, kwargs: dict[str, Any]) -> int | None:
        """What a call's texts are cut to; None: the engine's own limit."""
        processing = self._processing(kwargs)
        asked = processing.get("max_length", self._max_seq_length)
        if "max_length" in processing and asked is not None and not isinstance(asked, Integral):
            raise TypeError(f"processing_kwargs: max_length: expected an int, found {asked!r:.80}")
        return None if asked is None else min(int(asked), int(self._info["max_length"]))

    # Prompts and inputs.

    def _resolve_prompt(self, prompt: str | None, prompt_name: str | None) -> str | None:
        if prompt is not None:
            if prompt and not isinstance(prompt, str):
                raise TypeError(f"prompt: expected a str, found {type(prompt).__name__} {str(prompt)[:60]!r}")
            if prompt_name is not None:
                logger.warning("Both `prompt` and `prompt_name` were given: `prompt_name` is not used.")
            return prompt
        if prompt_name is not None:
            if prompt_name not in self.prompts:
                raise ValueError(
                    f"Prompt name '{prompt_name}' not found in the configured prompts dictionary "
                    f"with keys {list(self.prompts)!r}."
                )
            prompt = self.prompts[prompt_name]
        elif self.default_prompt_name is not None:
            prompt = self.prompts.get(self.default_prompt_name)
        return prompt

    def _check_kwargs(self, kwargs: dict[str, Any], method: str) -> None:
        if unused := set(kwargs) - {*self._text_kwargs, *self.get_model_kwargs()}:
            raise ValueError(
                f"{type(self).__name__}.{method}() has been called with additional keyword arguments that this model "
                f"does not use: {sorted(unused)}. See get_model_kwargs() for those that it has."
            )
        if not self._overridden("preprocess", "forward", "__call__"):  # else preprocess() has them
            for name, value in self._processing(kwargs).items():
                if name not in _NOT_OF_TEXTS and (name, value) != ("truncation", True):
                    ignored(**{f"processing_kwargs: {name}": value})

    def is_singular_input(self, inputs: Any) -> bool:
        """Whether sentence-transformers takes it for one input, not several: all but lists, tuples, arrays of
        str and columns of datasets. (encode takes other iterables of texts too.)"""
        if isinstance(inputs, list) and inputs and isinstance(inputs[0], dict) and "role" in inputs[0]:
            return True  # a conversation
        if isinstance(inputs, (list, tuple)) or type(inputs).__module__.startswith("datasets."):
            return False
        return not (isinstance(inputs, np.ndarray) and inputs.ndim >= 1 and inputs.dtype.kind in ("U", "O", "T"))

    def _listed(self, inputs: Any) -> tuple[Any, bool]:
        """(texts, whether one was given): a list, or an Arrow array as it is."""
        if hasattr(inputs, "columns"):
            raise TypeError(
                f"inputs: found a table ({type(inputs).__name__}), expected texts: give one of its columns, table['text']"
            )
        if is_column(inputs):
            return inputs, False
        if isinstance(inputs, np.ndarray) and inputs.ndim:
            return self._plain_texts(inputs.tolist()), False
        if isinstance(inputs, list) and not self.is_singular_input(inputs):
            return self._plain_texts(inputs), False
        if isinstance(inputs, dict):
            return self._plain_texts([inputs]), True
        if isinstance(inputs, (str, bytes, list, np.ndarray)) or is_tensor(inputs) or not hasattr(inputs, "__iter__"):
            return [str(inputs) if isinstance(inputs, (np.ndarray, np.str_)) else inputs], True
        return self._plain_texts(list(inputs)), False

    @staticmethod
    def _plain_texts(inputs: list[Any]) -> list[Any]:
        """The same where {"text": "..."} is the text itself. Other modalities are no inputs here."""
        if not any(issubclass(kind, dict) for kind in set(map(type, inputs))):
            return inputs
        texts = []
        for place, item in enumerate(inputs):
            if isinstance(item, dict):
                if set(item) != {"text"}:
                    raise ValueError(f"inputs[{place}]: found a dict of {sorted(map(str, item))}, expected one of 'text'")
                item = item["text"]
            texts.append(item)
        return texts

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The features that preprocess() made, with what the model's modules add."""
        raise NotImplementedError

    def __call__(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """forward()."""
        return self.forward(input, **kwargs)

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """The model's input: input_ids, token_type_ids (of models that have them) and attention_mask, each
        (N, L) int64, padded to the longest; modality and, of a prompt, prompt_length. Tensors where torch is
        installed, else arrays. A BatchEncoding; of no inputs, {}."""
        if not len(inputs):
            return {}
        from bgecpp._common import torch_or_none

        texts = [inputs] if isinstance(inputs, str) else self._plain_texts(list(inputs))
        _pairs.check(texts, "inputs")
        if prompt:
            texts = _pairs.with_prompt(texts, prompt)
        settings: dict[str, Any] = {
            "padding": True,
            "truncation": True,
            "return_tensors": "np" if torch_or_none() is None else "pt",
            **self._processing(kwargs),
            **self._fixed_processing(),
            "max_length": self._max_length(kwargs),
        }
        features = self.tokenizer(texts, **settings)
        features["modality"] = "text"
        if prompt:
            features["prompt_length"] = self._prompt_length(prompt, self._max_length(kwargs))
        return cast("dict[str, Any]", features)  # by its name there too

    def tokenize(self, texts: Sequence[Any], **kwargs: Any) -> dict[str, Any]:
        """preprocess, by the name that it once had, which is logged."""
        log_once(TOKENIZE, logger)
        return self.preprocess(texts, **kwargs)

    def _prompt_length(self, prompt: str, max_length: int | None) -> int:
        """Tokens of the prompt, without the special token that ends a text."""
        ids = self._engine.tokenizer.encode([prompt], max_length=max_length)["ids"]
        return len(ids) - int(len(ids) > 0 and self._engine.tokenizer.is_special(int(ids[-1])))

    @property
    def tokenizer(self) -> ModelTokenizer:
        """Callable as transformers' tokenizers are: always the same object. Its padding_side counts in tokenize() and
        preprocess(); encode() and the like have no padding."""

        def limit(value: int) -> None:
            self.max_seq_length = value

        if "tokenizer" not in self._lazy:
            made = ModelTokenizer(self._engine.tokenizer, self.encoder_path, (lambda: self.max_seq_length, limit))
            self._lazy.setdefault("tokenizer", made)
        tokenizer: ModelTokenizer = self._lazy["tokenizer"]
        return tokenizer

    @tokenizer.setter
    def tokenizer(self, value: Any) -> None:
        if value is self.tokenizer:
            return
        raise errors.Unsupported(f"{type(self).__name__}: another tokenizer: the engine has the model's own: leave it")

    @property
    def processor(self) -> ModelTokenizer:
        return self.tokenizer

    @property
    def modalities(self) -> list[str]:
        return ["text"]

    def supports(self, modality: Any) -> bool:
        """Whether a modality is among `modalities`, or is a tuple of such that a message can hold."""
        known = self.modalities
        parts = isinstance(modality, tuple) and "message" in known and all(part in known for part in modality)
        return modality in known or parts

    def get_model_kwargs(self) -> list[str]:
        """Keyword arguments that encode or predict takes for this model beside its own."""
        return []

    @property
    def config(self) -> Any:
        """The fields of config.json. Another may be set: it is given back, copied and pickled with the model, and changes
        nothing that is computed or saved."""
        if self._set_config is not None:
            return self._set_config
        if "config" not in self._lazy:
            fields = {**read_json(self.encoder_path, "config.json"), **self._config_kwargs}
            labels = fields.get("id2label")
            fields.setdefault("num_labels", len(labels) if labels and isinstance(labels, dict) else self._num_labels)
            fields["_name_or_path"] = self.model_path
            self._lazy["config"] = ModelConfig(**fields)
        return self._lazy["config"]

    @config.setter
    def config(self, value: Any) -> None:
        self._set_config = value
        self.transformers_model.config = value

    _num_labels: ClassVar[int] = 2  # where config.json does not say: transformers' own

    @property
    def transformers_model(self) -> Any:
        """bgecpp.transformers' model on the same engine: called with ids, it gives the hidden states."""
        if "model" not in self._lazy:
            model = self._make_transformers_model()
            model.config = self.config
            self._lazy["model"] = model
        return self._lazy["model"]

    def _make_transformers_model(self) -> Any:
        return AutoModel(self._engine, self.model_path)

    def get_backend(self) -> str:
        """What was asked for. The engine is the same."""
        return self.backend

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lazy": {}}

    def _overridden(self, *names: str) -> bool:
        """Whether a subclass (or whoever changed the class or this object) has another method in place of one of these."""
        return any(
            name in self.__dict__ or not getattr(type(self), name).__module__.startswith("bgecpp.sentence_transformers.")
            for name in names
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        other = copy.copy(self)
        memo[id(self)] = other
        shared = id(self._engine)
        for name, value in other.__dict__.items():
            if id(value) != shared:
                other.__dict__[name] = copy.deepcopy(value, memo)
        return other

    # Pools, which the engine's threads make needless.

    def start_multi_process_pool(self, target_devices: list[str] | None = None) -> dict[str, Any]:
        """A pool of no processes: what is given one runs on the engine's threads."""
        on_cpu_by_torch(target_devices)
        return {"input": None, "output": None, "processes": []}

    @staticmethod
    def stop_multi_process_pool(pool: dict[str, Any]) -> None:
        """Nothing to stop."""

    @staticmethod
    def _check_batches(batch_size: int, chunk_size: int | None, pooled: bool) -> None:
        for name, value in {"batch_size": batch_size, "chunk_size": chunk_size if pooled else None}.items():
            if not isinstance(value, Integral) and (name, value) != ("chunk_size", None):
                raise TypeError(f"{name}: expected an int, found {type(value).__name__} {value!r:.60}")
        if batch_size <= 0:
            raise ValueError(f"batch_size must be a positive integer, got {batch_size}.")
        if pooled and chunk_size is not None and chunk_size <= 0:
            raise ValueError(f"chunk_size must be a positive integer, got {chunk_size}.")

    def fit(self, *args: Any, **kwargs: Any) -> None:
        """Refused: Unsupported."""
        raise errors.Unsupported(f"{type(self).__name__}.fit: this is inference: train with sentence-transformers")

    def evaluate(self, evaluator: Any, output_path: str | None = None) -> Any:
        """evaluator(self, output_path)."""
        if output_path is not None:
            os.makedirs(output_path, exist_ok=True)
        return evaluator(self, output_path)


async def on_a_thread(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    import asyncio  # which takes as long as the rest of this package

    return await asyncio.to_thread(function, *args, **kwargs)


class AwaitedEncoding:
    """The methods of a model that encodes, to be awaited."""

    if TYPE_CHECKING:
        encode: Callable[..., Any]
        encode_query: Callable[..., Any]
        encode_document: Callable[..., Any]

    async def aencode(self, *args: Any, **kwargs: Any) -> Any:
        """encode, to be awaited: computed on another thread."""
        return await on_a_thread(self.encode, *args, **kwargs)

    async def aencode_query(self, *args: Any, **kwargs: Any) -> Any:
        """encode_query, to be awaited."""
        return await on_a_thread(self.encode_query, *args, **kwargs)

    async def aencode_document(self, *args: Any, **kwargs: Any) -> Any:
        """encode_document, to be awaited."""
        return await on_a_thread(self.encode_document, *args, **kwargs)
