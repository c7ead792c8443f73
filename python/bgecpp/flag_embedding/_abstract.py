"""What FlagEmbedding's embedders and rerankers have in common: AbsEmbedder and AbsReranker."""

from __future__ import annotations

import os
from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp import _common, _core, _model_files, _secrets, errors

from ._compat import compat

if TYPE_CHECKING:
    from numpy.typing import NDArray

Devices = str | int | Sequence[str] | Sequence[int] | None

# Arguments of models and calls that the reference hands to transformers, where they change how a batch
# is padded or a model is found, never a number.
_WITHOUT_EFFECT = {
    "pad_to_multiple_of",
    "padding",
    "return_tensors",
    "return_token_type_ids",
    "trust_remote_code",
    "local_files_only",
    "attn_implementation",
    "use_dataloader",
    "num_workers",
}
# What this engine takes beside the reference's arguments.
_OWN = {"dtype", "threads", "packed_cache"}


def own_settings(kwargs: dict[str, Any], known: set[str]) -> dict[str, Any]:
    """The engine's own settings among the keyword arguments; warns of those that nothing knows."""
    for name in kwargs:
        if name not in _OWN and name not in known and name not in _WITHOUT_EFFECT:
            _common.warn_once(f"bgecpp does not know the argument {name}: it has no effect")
    return {name: kwargs[name] for name in _OWN if name in kwargs}


def target_devices(devices: Devices) -> list[str]:
    """FlagEmbedding's names of devices. What is computed is computed on the CPU, and said once."""
    if devices is None:
        return ["cpu"]
    several = [devices] if isinstance(devices, (str, int)) and not isinstance(devices, bool) else devices
    if not isinstance(several, Sequence) or not several or not all(isinstance(d, (str, int)) for d in several):
        raise ValueError("devices: expected a str, an int, or a list of either")
    names = [d if isinstance(d, str) else f"cuda:{d}" for d in several]
    _common.on_cpu(names)
    return names


def detailed_instruct(instruction_format: str, instruction: str, sentence: str) -> str:
    """The format filled with both; a backslash and an n typed on a command line are a new line."""
    return instruction_format.replace("\\n", "\n").format(instruction, sentence)


def as_list(texts: Any, name: str = "sentences", of: str = "a str or an iterable of str") -> Any:
    """What can be iterated twice, as it is; a generator as a list."""
    if not hasattr(texts, "__iter__") and not _common.is_column(texts):
        raise TypeError(f"{name}: expected {of}, found {type(texts).__name__}")
    return texts if isinstance(texts, (str, Sequence)) or hasattr(texts, "__len__") else list(texts)


def strs(texts: Iterable[Any]) -> Iterator[str]:
    """The texts; refuses what is none by its place, as the engine does."""
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            text = text.as_py() if hasattr(text, "as_py") else text  # of pyarrow
            if _common.is_column(texts) and (text is None or type(text).__name__ == "NAType" or text != text):
                raise errors.InvalidArgument(f"texts[{place}]: null: drop or fill such rows first")
            if not isinstance(text, str):
                raise TypeError(f"texts[{place}]: expected a str, found {type(text).__name__}")
        yield text


class InstructedColumn:
    """A column of Arrow's with an instruction before each text. The engine is given both as they are; who iterates over
    this gets strs."""

    def __init__(self, column: Any, instruction: str, form: str) -> None:
        self.column, self.instruction, self.form = column, instruction, form

    def __len__(self) -> int:
        return len(self.column)

    def __iter__(self) -> Iterator[str]:
        return (self.form.format(self.instruction, text) for text in strs(self.column))


def with_instruction(texts: Any, instruction: str | None, instruction_format: str | None) -> Any:
    if instruction is None:
        return texts
    form = ("{}{}" if instruction_format is None else instruction_format).replace("\\n", "\n")
    if isinstance(texts, str):
        return form.format(instruction, texts)
    if _common.is_column(texts):
        return InstructedColumn(texts, instruction, form)
    if form == "{}{}" and isinstance(instruction, str):
        return [instruction + text for text in strs(texts)]
    return [form.format(instruction, text) for text in strs(texts)]


def for_engine(texts: Any, engine: _core.Embedder) -> dict[str, Any]:
    """The texts and what the engine is to put before each: of its own accord nothing, since the directory's prompts are
    sentence-transformers'."""
    # Where it left an instruction's tokens out of a mean, as some directories ask, the text must hold it.
    if isinstance(texts, InstructedColumn) and texts.form == "{}{}" and _common.info_of(engine)["include_prompt"]:
        return {"texts": texts.column, "instruction": str(texts.instruction)}
    return {"texts": texts, "instruction": ""}


async def on_executor(call: Callable[[], Any]) -> Any:
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, call)


def half_where_asked(array: NDArray[Any], half: bool) -> NDArray[Any]:
    return array.astype(np.float16) if half else array


def own_truncation(model: _core.Embedder) -> int | None:
    """The length of vectors that the directory asks sentence-transformers for; the reference does not read it."""
    settings = _model_files.read_json(model.info["path"], "config_sentence_transformers.json") or {}
    found: int | None = settings.get("truncate_dim")
    return found


class _Base(ABC):
    target_devices: list[str]
    kwargs: dict[str, Any]
    pool: Any = None
    model_name_or_path: str
    _engine: Any
    # The engine as transformers has models and tokenizers: made when they are asked for, and in no pickle.
    _model: Any = None
    _tokenizer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        made = ("_tokenizer", "_model") if self._has_engine else ()
        return {name: value for name, value in self.__dict__.items() if name not in made}

    @property
    def _has_engine(self) -> bool:
        """Not of a subclass of the abstract classes that computes by itself: its model and tokenizer are its own."""
        return "_engine" in self.__dict__

    @property
    def model(self) -> Any:
        """As transformers' AutoModel, or AutoModelForSequenceClassification, on the same engine: batches of token ids to
        hidden states, or logits."""
        if self._model is None and self._has_engine:
            self._model = self._make_model()
        return self._model

    @model.setter
    def model(self, value: Any) -> None:
        self._set_own("_model", value)

    def _make_model(self) -> Any:
        raise NotImplementedError

    @property
    def tokenizer(self) -> Any:
        """As transformers' AutoTokenizer: encode, decode, and calls."""
        if self._tokenizer is None and self._has_engine:
            from bgecpp.transformers import AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(self._engine.info["encoder_path"])
        return self._tokenizer

    @tokenizer.setter
    def tokenizer(self, value: Any) -> None:
        self._set_own("_tokenizer", value)

    def _set_own(self, name: str, value: Any) -> None:
        if self._has_engine and value is not getattr(self, name):
            raise errors.Unsupported(
                f"{type(self).__name__}: another {name[1:]}: the engine computes with the directory's: save it as a "
                "directory, and load that; or make a subclass of AbsEmbedder or AbsReranker"
            )
        setattr(self, name, value)

    @staticmethod
    def get_target_devices(devices: Devices) -> list[str]:
        return target_devices(devices)

    @staticmethod
    def get_detailed_instruct(instruction_format: str, instruction: str, sentence: str) -> str:
        return detailed_instruct(instruction_format, instruction, sentence)

    # One engine uses all cores: there are no processes to start. What is asked of a pool is done here.
    def start_multi_process_pool(self, process_target_func: Callable[..., Any] | None = None) -> dict[str, Any]:
        return {"input": None, "output": None, "processes": []}

    @staticmethod
    def stop_multi_process_pool(pool: dict[str, Any]) -> None:
        pass

    def stop_self_pool(self) -> None:
        self.pool = None


class AbsEmbedder(_Base):
    """FlagEmbedding's base of embedders. Safe from many threads; pickled by the model's path."""

    _engine: _core.Embedder

    def __init__(
        self,
        model_name_or_path: str,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: str | None = None,
        query_instruction_format: str = "{}{}",
        devices: Devices = None,
        batch_size: int = 256,
        query_max_length: int = 512,
        passage_max_length: int = 512,
        convert_to_numpy: bool = True,
        truncate_dim: int | None = None,
        **kwargs: Any,
    ):
        self.model_name_or_path = os.fspath(model_name_or_path)
        self.normalize_embeddings = normalize_embeddings
        self.use_fp16 = use_fp16
        self.use_bf16 = use_bf16
        self.query_instruction_for_retrieval = query_instruction_for_retrieval
        self.query_instruction_format = query_instruction_format
        self.target_devices = target_devices(devices)
        self.batch_size = batch_size
        self.query_max_length = query_max_length
        self.passage_max_length = passage_max_length
        self.convert_to_numpy = convert_to_numpy
        self.truncate_dim = truncate_dim
        self.kwargs = _secrets.without(kwargs)
        for name, value in self.kwargs.items():
            setattr(self, name, value)

    def _make_model(self) -> Any:
        from bgecpp.transformers import AutoModel

        return AutoModel(self._engine, self.model_name_or_path)

    def _rounding(self, own: dict[str, Any]) -> str | None:
        """What the reference rounds weights to as it loads them, on a CPU too; nothing where our dtype says what is multiplied."""
        if "dtype" in own:
            return None
        return "bf16" if self.use_bf16 else "f16" if self.use_fp16 else None

    def _half(self, device: str | None) -> bool:
        # The reference computes and returns float16 on accelerators alone.
        name = self.target_devices[0] if device is None else str(device)
        return self.use_fp16 and not self.use_bf16 and not name.startswith("cpu")

    def _length(self, max_length: int) -> int:
        # The reference fails in the model where that is beyond its positions.
        return min(max_length, int(_common.info_of(self._engine)["max_positions"]))

    def encode_queries(
        self,
        queries: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        convert_to_numpy: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode() with the query instruction, if there is one; max_length: query_max_length."""
        return self.encode(
            queries,
            batch_size=batch_size,
            max_length=self.query_max_length if max_length is None else max_length,
            convert_to_numpy=convert_to_numpy,
            instruction=self.query_instruction_for_retrieval,
            instruction_format=self.query_instruction_format,
            **kwargs,
        )

    def encode_corpus(
        self,
        corpus: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        convert_to_numpy: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode() with the passage instruction that the constructor was given, if it was."""
        return self.encode(
            corpus,
            batch_size=batch_size,
            max_length=max_length,
            convert_to_numpy=convert_to_numpy,
            instruction=self.kwargs.get("passage_instruction_for_retrieval"),
            instruction_format=self.kwargs.get("passage_instruction_format", "{}{}"),
            **kwargs,
        )

    def encode(
        self,
        sentences: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        convert_to_numpy: bool | None = None,
        instruction: str | None = None,
        instruction_format: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Vectors of a str, or of an iterable of str; max_length: passage_max_length."""
        return self.encode_single_device(
            with_instruction(as_list(sentences), instruction, instruction_format),
            batch_size=self.batch_size if batch_size is None else batch_size,
            max_length=self.passage_max_length if max_length is None else max_length,
            convert_to_numpy=self.convert_to_numpy if convert_to_numpy is None else convert_to_numpy,
            device=self.target_devices[0],
            **kwargs,
        )

    def encode_single_device(self, sentences: Any, batch_size: int = 256, max_length: int = 512, **kwargs: Any) -> Any:
        raise NotImplementedError

    def encode_multi_process(self, sentences: Any, pool: dict[str, Any], **kwargs: Any) -> Any:
        """What the reference does in processes is done here, on all cores. The defaults are encode_single_device's, which
        its processes call: max_length is 512, and no instruction is put before the texts."""
        return self.encode_single_device(as_list(sentences), **kwargs)

    async def aencode(self, sentences: Any, **kwargs: Any) -> Any:
        """encode() on a thread of the running loop's executor."""
        return await on_executor(lambda: self.encode(sentences, **kwargs))

    async def aencode_queries(self, queries: Any, **kwargs: Any) -> Any:
        """encode_queries() on a thread of the running loop's executor."""
        return await on_executor(lambda: self.encode_queries(queries, **kwargs))

    async def aencode_corpus(self, corpus: Any, **kwargs: Any) -> Any:
        """encode_corpus() on a thread of the running loop's executor."""
        return await on_executor(lambda: self.encode_corpus(corpus, **kwargs))


def two_texts(pair: Any, place: int) -> list[str]:
    # Parity: of more than two the reference takes the first two.
    if isinstance(pair, (str, bytes, dict)) or not hasattr(pair, "__getitem__") or len(pair) < 2:
        raise errors.InvalidArgument(f"sentence_pairs[{place}]: expected a query and a passage, found {pair!r:.80}")
    if not isinstance(pair[0], str) or not isinstance(pair[1], str):
        found = f"{type(pair[0]).__name__} and {type(pair[1]).__name__}"
        raise TypeError(f"sentence_pairs[{place}]: expected two texts, found {found}")
    return [pair[0], pair[1]]


class AbsReranker(_Base):
    """FlagEmbedding's base of rerankers. Safe from many threads; pickled by the model's path."""

    _engine: _core.Reranker

    def __init__(
        self,
        model_name_or_path: str,
        use_fp16: bool = False,
        query_instruction_for_rerank: str | None = None,
        query_instruction_format: str = "{}{}",
        passage_instruction_for_rerank: str | None = None,
        passage_instruction_format: str = "{}{}",
        devices: Devices = None,
        batch_size: int = 128,
        query_max_length: int | None = None,
        max_length: int = 512,
        normalize: bool = False,
        **kwargs: Any,
    ):
        self.model_name_or_path = os.fspath(model_name_or_path)
        self.use_fp16 = use_fp16
        self.query_instruction_for_rerank = query_instruction_for_rerank
        self.query_instruction_format = query_instruction_format
        self.passage_instruction_for_rerank = passage_instruction_for_rerank
        self.passage_instruction_format = passage_instruction_format
        self.target_devices = target_devices(devices)
        self.batch_size = batch_size
        self.query_max_length = query_max_length
        self.max_length = max_length
        self.normalize = normalize
        self.kwargs = _secrets.without(kwargs)
        for name, value in self.kwargs.items():
            setattr(self, name, value)

    def _make_model(self) -> Any:
        from bgecpp.transformers import AutoModelForSequenceClassification

        return AutoModelForSequenceClassification(self._engine, self.model_name_or_path)

    def get_detailed_inputs(self, sentence_pairs: Iterable[Sequence[str]]) -> list[list[str]]:
        """The pairs with their instructions."""
        pairs = [two_texts(pair, i) for i, pair in enumerate(sentence_pairs)]
        for place, instruction, form in (
            (0, self.query_instruction_for_rerank, self.query_instruction_format),
            (1, self.passage_instruction_for_rerank, self.passage_instruction_format),
        ):
            if instruction is not None:
                texts = with_instruction([pair[place] for pair in pairs], instruction, form)
                for pair, text in zip(pairs, texts):
                    pair[place] = text
        return pairs

    def compute_score(self, sentence_pairs: Any, **kwargs: Any) -> Any:
        """Scores of pairs (query, passage), or of one pair: a list in either case."""
        pairs = as_list(sentence_pairs, "sentence_pairs", "pairs of str")
        if len(pairs) == 0:
            if compat.refuse_empty_lists:
                raise IndexError("list index out of range")
            return []
        if isinstance(pairs[0], str):
            pairs = [pairs]
        pairs = self.get_detailed_inputs(pairs)
        if len(self.target_devices) > 1 and compat.array_of_several_devices:
            return self.encode_multi_process(pairs, {}, **kwargs)
        return self.compute_score_single_gpu(pairs, device=self.target_devices[0], **kwargs)

    def compute_score_single_gpu(self, sentence_pairs: list[list[str]], **kwargs: Any) -> list[float]:
        raise NotImplementedError

    def encode_multi_process(self, sentence_pairs: Any, pool: dict[str, Any], **kwargs: Any) -> NDArray[np.float64]:
        """What the reference does in processes is done here, on all cores: scores of pairs as they are, an array (N,)."""
        return np.array(self.compute_score_single_gpu(sentence_pairs, **kwargs), np.float64)

    async def acompute_score(self, sentence_pairs: Any, **kwargs: Any) -> Any:
        """compute_score() on a thread of the running loop's executor."""
        return await on_executor(lambda: self.compute_score(sentence_pairs, **kwargs))
