"""sentence-transformers' CrossEncoder on the engine."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

import numpy as np

from bgecpp import errors
from bgecpp._common import loaded_torch, on_cpu_by_torch, progress_bar, torch_or_none
from bgecpp.native import Reranker
from bgecpp.transformers._models import AutoModelForSequenceClassification

from .._arrays import Array, FloatArray, is_tensor, require_torch, to_numpy, to_tensor
from .._base import BaseModel, on_a_thread
from .._deprecated import dropped, renamed
from .._deprecated import logger as deprecations
from .._files import write_json
from .._options import shows_options

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("sentence_transformers.cross_encoder.model")

Activation = Callable[[Any], Any]


class Sigmoid:
    """1 / (1 + exp(-x)) of an array or a tensor: torch.nn.Sigmoid where torch is not imported."""

    def __call__(self, logits: Any) -> Any:
        if is_tensor(logits):
            return logits.sigmoid()
        # exp of what is negative alone: nothing overflows.
        small = np.exp(-np.abs(logits))
        return np.where(logits >= 0, 1 / (1 + small), small / (1 + small)).astype(logits.dtype)

    def __repr__(self) -> str:
        return "Sigmoid()"


class Identity:
    """What it is given: torch.nn.Identity where torch is not imported."""

    def __call__(self, logits: Any) -> Any:
        return logits

    def __repr__(self) -> str:
        return "Identity()"


class Tanh:
    """The hyperbolic tangent of an array or a tensor: torch.nn.Tanh where torch is not imported."""

    def __call__(self, logits: Any) -> Any:
        return logits.tanh() if is_tensor(logits) else np.tanh(logits)

    def __repr__(self) -> str:
        return "Tanh()"


_OURS = (Sigmoid, Identity, Tanh)
_KNOWN: dict[str, Activation] = {kind.__name__: kind() for kind in _OURS}


def _known(function: Any) -> str:
    """ "Sigmoid", "Identity" or "Tanh" for those of torch and ours; else ""."""
    kind = type(function)
    is_one = kind in _OURS or kind.__module__.startswith("torch.nn.modules")
    return kind.__name__ if is_one and kind.__name__ in _KNOWN else ""


_PAIRS_AT_ONCE = 32  # where methods of a subclass compute them


_NOT_OF_RANK = ("num_workers", "apply_softmax", "convert_to_numpy", "convert_to_tensor")
_OLD_PLACES = ("num_labels", "max_length", "activation_fn", "device")
_OLD_NAMES = {
    "model_name": "model_name_or_path",
    "default_activation_function": "activation_fn",
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "tokenizer_kwargs": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
}

_MAX_LENGTH = "The `max_length` property was renamed and is now deprecated. Use `max_seq_length`."


class CrossEncoder(BaseModel):
    """Scores of pairs of texts, by a sequence classifier of one label.

    model_name_or_path: a directory, or a name on the hub. threads, dtype, packed_cache: as SentenceTransformer.
    """

    default_huggingface_organization: ClassVar[str | None] = "cross-encoder"
    model_type: ClassVar[str] = "CrossEncoder"

    _reranker: Reranker
    _num_labels: ClassVar[int] = 1

    @shows_options
    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *args: Any,
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: Activation | None = None,
        keep_in_fp32_modules: list[str] | None = None,
        **options: Any,
    ) -> None:
        # By the places and the names that arguments once had.
        given: dict[str, Any] = {"num_labels": num_labels, "max_length": max_length, "activation_fn": activation_fn}
        given = {name: value for name, value in given.items() if value is not None}
        for place, value in zip(_OLD_PLACES, args):
            deprecations.warning(
                f"Passing `{place}` as a positional argument to CrossEncoder is deprecated: give `{place}={value!r}`."
            )
        given = {**dict(zip(_OLD_PLACES, args)), **options, **given}
        for old, new in _OLD_NAMES.items():
            value = renamed(given, old, new, "CrossEncoder")
            if given.get(new) is None and value is not None:
                given[new] = value
        if "classifier_dropout" in given:
            dropout = given.pop("classifier_dropout")
            deprecations.warning(
                "The CrossEncoder `classifier_dropout` argument is deprecated: "
                f"give `config_kwargs={{'classifier_dropout': {dropout}}}`."
            )
            given["config_kwargs"] = {**(given.get("config_kwargs") or {}), "classifier_dropout": dropout}
        labels, length = given.pop("num_labels", None), given.pop("max_length", None)
        labels = (given.get("config_kwargs") or {}).get("num_labels") if labels is None else labels
        if labels not in (None, 1):
            raise errors.Unsupported(f"CrossEncoder: num_labels: found {labels}: only models of one label are scored")
        self._activation_fn: Activation | None = given.pop("activation_fn", None)
        self.keep_in_fp32_modules = list(keep_in_fp32_modules or [])
        if length is not None:
            processor = given.get("processor_kwargs") or {}
            given["processor_kwargs"] = {**processor, "model_max_length": length}
        name = given.pop("model_name_or_path", None)
        super().__init__(model_name_or_path or name, **given)
        if self._activation_fn is None:
            self._activation_fn = self.get_default_activation_fn()

    # Loading.

    @property
    def _engine(self) -> Reranker:
        return self._reranker

    def _load(self, model: str, max_length: int | None = None) -> None:
        self._reranker = Reranker(model, pair_style="crossencoder", **self._options(max_length))

    def _make_transformers_model(self) -> Any:
        return AutoModelForSequenceClassification(self._reranker, self.model_path)

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """The features with scores (N, 1): the logits."""
        return self[0](input)

    def get_default_activation_fn(self) -> Activation:
        """What makes a score of a logit where nobody says otherwise: the directory's, else a sigmoid."""
        info = self._info
        return _KNOWN["Sigmoid" if info["activation_source"] == "default" else str(info["activation"]).capitalize()]

    @property
    def activation_fn(self) -> Any:
        """What makes a score of a logit; torch's own class where torch is imported."""
        name = _known(self._activation_fn)
        torch = loaded_torch()
        if name and torch is not None and type(self._activation_fn) in _OURS:
            return getattr(torch.nn, name)()
        return self._activation_fn

    @activation_fn.setter
    def activation_fn(self, value: Activation) -> None:
        self._activation_fn = value

    @property
    def default_activation_function(self) -> Any:
        """activation_fn, by the name that it once had: a DeprecationWarning."""
        warnings.warn(
            "The `default_activation_function` property was renamed and is now deprecated. Use `activation_fn`.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.activation_fn

    def set_activation_fn(self, activation_fn: Activation, set_default: bool = True) -> None:
        """Sets activation_fn."""
        self.activation_fn = activation_fn

    def set_keep_in_fp32_modules(self, module_names: list[str]) -> None:
        """Kept and not used: results are float32 anyway."""
        self.keep_in_fp32_modules = list(module_names)

    @property
    def num_labels(self) -> int:
        """1: models of more are refused when they are loaded."""
        return 1

    @property
    def model(self) -> Any:
        return self.transformers_model

    @property
    def max_length(self) -> int:
        """max_seq_length, by the name that it once had: a DeprecationWarning."""
        warnings.warn(_MAX_LENGTH, DeprecationWarning, stacklevel=2)
        return self.max_seq_length

    @max_length.setter
    def max_length(self, value: int) -> None:
        warnings.warn(_MAX_LENGTH, DeprecationWarning, stacklevel=2)
        self.max_seq_length = value

    def _model_config(self) -> dict[str, Any]:
        kind = type(self.activation_fn)
        name = _known(self._activation_fn)
        path = f"torch.nn.modules.{'linear' if name == 'Identity' else 'activation'}.{name}" if name else ""
        return {**super()._model_config(), "activation_fn": path or f"{kind.__module__}.{kind.__qualname__}"}

    def _save_settings(self, target: Path) -> None:
        if not self._has_modules:
            # As sentence-transformers saves them now: only a directory of modules has settings of its own.
            kind = "sentence_transformers.base.modules.transformer.Transformer"
            write_json(target / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": kind}])
            write_json(target / "sentence_bert_config.json", {"transformer_task": "sequence-classification"})
        super()._save_settings(target)

    # Scores.

    def is_singular_input(self, inputs: Any) -> bool:
        """Whether it is one pair, not several."""
        if isinstance(inputs, np.ndarray) and inputs.dtype.kind in ("U", "O", "T"):
            return inputs.size > 0 and inputs.ndim < 2
        if isinstance(inputs, (list, tuple)) or (hasattr(inputs, "__len__") and hasattr(inputs, "__getitem__")):
            return len(inputs) > 0 and isinstance(inputs[0], str)
        return not hasattr(inputs, "__iter__")

    @overload
    def predict(
        self,
        inputs: tuple[str, str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        apply_softmax: bool | None = False,
        *,
        device: Any = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
    ) -> np.float32: ...

    @overload
    def predict(
        self,
        inputs: list[tuple[str, str]] | list[list[str]],
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        apply_softmax: bool | None = False,
        *,
        device: Any = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
    ) -> FloatArray: ...

    @overload
    def predict(self, *args: Any, **kwargs: Any) -> Any: ...

    def predict(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """A score of one pair, or (N,) of several, float32.

        inputs: a pair of str, or a list (array, iterable) of pairs. prompt, prompt_name: text put in front of
        the first of each. activation_fn: instead of the model's; it gets the logits (N, 1) as a tensor where
        torch is installed, else as an array. apply_softmax: no effect with one label.
        convert_to_numpy: an array; convert_to_tensor: a tensor; neither: a list of tensors (numbers where
        torch is not installed). batch_size, chunk_size, pool, device: as SentenceTransformer.encode.
        """
        inputs, activation_fn = self._renamed(inputs, activation_fn, kwargs, "predict")
        self._check_batches(batch_size, chunk_size, pool is not None or isinstance(device, (list, tuple)))
        on_cpu_by_torch(device)
        single, pairs = self._pairs(inputs)
        if convert_to_tensor:
            require_torch("convert_to_tensor=True")
        if not pairs:
            if convert_to_tensor:
                return loaded_torch().tensor([])
            return np.array([]) if convert_to_numpy else []
        queries: Any = [pair[0] for pair in pairs]
        scores = self._scores(
            queries,
            [pair[1] for pair in pairs],
            self._resolve_prompt(prompt, prompt_name),
            activation_fn,
            show_progress_bar,
            kwargs,
            batch_size,
        )
        if not (convert_to_tensor or convert_to_numpy):
            scores = list(scores if torch_or_none() is None else to_tensor(scores))
        elif convert_to_tensor:
            scores = to_tensor(scores)
        return scores[0] if single else scores

    def _pairs(self, inputs: Any) -> tuple[bool, list[Any]]:
        """(whether one pair was given, the pairs). ValueError, naming the place, for what is no pair of str."""
        if isinstance(inputs, dict) or hasattr(inputs, "columns") or not hasattr(inputs, "__iter__"):
            raise ValueError(
                f"inputs: expected a pair of str or a list of pairs, found {type(inputs).__name__} {str(inputs)[:60]!r}"
            )
        single = not hasattr(inputs, "iloc") and self.is_singular_input(inputs)
        pairs = [inputs] if single else list(inputs)
        for place, pair in enumerate(pairs):
            is_pair = isinstance(pair, (list, tuple, np.ndarray)) and len(pair) == 2
            if not (is_pair and isinstance(pair[0], str) and isinstance(pair[1], str)):
                raise ValueError(f"inputs[{place}]: expected a pair of str, found {str(pair)[:60]!r}")
        return single, pairs

    def _scores(
        self,
        queries: str | list[str],
        passages: list[str],
        prompt: str | None,
        activation_fn: Activation | None,
        show_progress_bar: bool | None,
        kwargs: dict[str, Any],
        batch_size: int,
    ) -> Any:
        """(N,), float32. One query for all passages is tokenised once."""
        self._check_kwargs(kwargs, "predict")
        if self._overridden("preprocess", "forward", "__call__"):
            firsts = [queries] * len(passages) if isinstance(queries, str) else queries
            logits = self._logits_by_methods(list(zip(firsts, passages)), prompt, kwargs)
            return self._activated(logits, self._activation_fn if activation_fn is None else activation_fn)
        if show_progress_bar is None:
            show_progress_bar = logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
        if isinstance(queries, list) and len(queries) > 1 and all(query == queries[0] for query in queries):
            queries = queries[0]
        length = self._max_length(kwargs)
        if length is not None and length <= self._reranker.tokenizer.num_special_tokens(True) + 1:
            # Too short for the engine, which keeps a token of each text.
            logits = self._logits_of_tokens(queries, passages, prompt, length)
        else:
            with progress_bar(show_progress_bar, "Batches", batch_size) as progress:
                logits = self._reranker.compute_score(
                    queries, passages, normalize=False, max_length=length, instruction=prompt or "", progress=progress
                )
        return self._activated(logits, self._activation_fn if activation_fn is None else activation_fn)

    def _logits_by_methods(self, pairs: list[Any], prompt: str | None, kwargs: dict[str, Any]) -> FloatArray:
        """(N,), by preprocess and forward, which a subclass has made its own."""
        logits = []
        for begin in range(0, len(pairs), _PAIRS_AT_ONCE):
            batch = [list(pair) for pair in pairs[begin : begin + _PAIRS_AT_ONCE]]
            found = to_numpy(self(self.preprocess(batch, prompt=prompt, **kwargs), **kwargs)["scores"])
            logits.append(found.reshape(len(batch), -1)[:, 0].astype(np.float32))
        return np.concatenate(logits)

    def _logits_of_tokens(
        self, queries: str | list[str], passages: list[str], prompt: str | None, length: int
    ) -> FloatArray:
        firsts = [queries] * len(passages) if isinstance(queries, str) else queries
        tokens = self._reranker.tokenizer.encode(
            [(prompt or "") + query for query in firsts], passages, max_length=length
        )
        logits: FloatArray = self._reranker.logits(tokens["ids"], tokens["type_ids"], tokens["cu_seqlens"])[:, 0]
        return logits

    @staticmethod
    def _activated(logits: FloatArray, function: Any) -> Array:
        if name := _known(function):
            scores: Array = _KNOWN[name](logits)
            return scores
        columns: Any = logits[:, np.newaxis]
        # Functions of torch's bring it with them; others get what they get from sentence-transformers.
        if torch_or_none() is not None:
            columns = to_tensor(columns)
        found = to_numpy(function(columns))
        return found[:, 0] if found.ndim > 1 and found.shape[1] == 1 else found

    def rank(
        self,
        query: str | None = None,
        documents: Sequence[str] | None = None,
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Activation | None = None,
        device: Any = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> list[dict[str, Any]]:
        """The best top_k documents of a query (None: all), best first: {"corpus_id", "score"} each, and "text"
        with return_documents. Of equal scores the first."""
        _, activation_fn = self._renamed("", activation_fn, kwargs, "rank")
        if not isinstance(query, str):
            raise ValueError(f"rank(): query: expected a str, found {type(query).__name__} {str(query)[:60]!r}")
        if documents is None or not hasattr(documents, "__iter__") or isinstance(documents, dict) or hasattr(documents, "columns"):
            raise ValueError(f"rank(): documents: expected texts, found {type(documents).__name__}")
        self._check_batches(batch_size, chunk_size, pool is not None or isinstance(device, (list, tuple)))
        on_cpu_by_torch(device)
        texts = list(documents)
        if not texts:
            return []
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(f"documents[{place}]: expected a str, found {type(text).__name__} {str(text)[:60]!r}")
        if self._overridden("predict"):
            pairs, options = [[query, text] for text in texts], {"batch_size": batch_size, **kwargs}
            scores = self.predict(pairs, prompt_name, prompt, activation_fn=activation_fn, **options)
        else:
            prompt = self._resolve_prompt(prompt, prompt_name)
            scores = self._scores(query, texts, prompt, activation_fn, show_progress_bar, kwargs, batch_size)
        hits: list[dict[str, Any]] = []
        for place, score in enumerate(scores.tolist()):
            hit: dict[str, Any] = {"corpus_id": place, "score": score}
            if return_documents:
                hit["text"] = texts[place]
            hits.append(hit)
        return sorted(hits, key=lambda hit: -hit["score"])[:top_k]

    async def apredict(self, *args: Any, **kwargs: Any) -> Any:
        """predict, to be awaited: computed on another thread."""
        return await on_a_thread(self.predict, *args, **kwargs)

    async def arank(self, *args: Any, **kwargs: Any) -> Any:
        """rank, to be awaited."""
        return await on_a_thread(self.rank, *args, **kwargs)

    @staticmethod
    def _renamed(inputs: Any, activation_fn: Any, kwargs: dict[str, Any], method: str) -> tuple[Any, Any]:
        """Both, or what is given by the names that they once had; drops what once was an argument. Says so."""
        sentences = renamed(kwargs, "sentences", "inputs") if method == "predict" else None
        activation = renamed(kwargs, "activation_fct", "activation_fn")
        for name in ("num_workers",) if method == "predict" else _NOT_OF_RANK:
            dropped(kwargs, name, f"CrossEncoder.{method}")
        if inputs is None and sentences is None:
            raise ValueError(f"{method}(): inputs: expected a pair of str or a list of pairs, found None")
        return (sentences if inputs is None else inputs), activation_fn or activation
