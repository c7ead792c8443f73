"""FlagModel: dense vectors of BERT-like models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp import _common, _pairs, _token_runs, native
from bgecpp._names import located

from ._abstract import (
    AbsEmbedder,
    Devices,
    InstructedColumn,
    for_engine,
    half_where_asked,
    own_settings,
    own_truncation,
    strs,
)
from ._compat import compat

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Modules of a sentence-transformers directory that FlagModel's own pooling and normalising stand for.
_PLAIN_MODULES = {"Transformer", "Pooling", "Normalize"}


class FlagModel(AbsEmbedder):
    """FlagEmbedding's FlagModel: a model's first token, or the mean of all, as a vector.

    Settings of its own beside the reference's: dtype ("f32", "bf16", "int8", "auto"), threads,
    packed_cache, as bgecpp.Embedder has them. use_fp16 (the default) and use_bf16 round the weights, as in the
    reference; on a CPU numbers are float32 all the same. Where dtype is given they do not.
    """

    DEFAULT_POOLING_METHOD = "cls"

    def __init__(
        self,
        model_name_or_path: str,
        normalize_embeddings: bool = True,
        use_fp16: bool = True,
        use_bf16: bool = False,
        query_instruction_for_retrieval: str | None = None,
        query_instruction_format: str = "{}{}",
        devices: Devices = None,
        pooling_method: str = "cls",
        trust_remote_code: bool = False,
        cache_dir: str | None = None,
        batch_size: int = 256,
        query_max_length: int = 512,
        passage_max_length: int = 512,
        convert_to_numpy: bool = True,
        truncate_dim: int | None = None,
        **kwargs: Any,
    ):
        if not self._pools_itself:
            _check_pooling(pooling_method)
        own = own_settings(kwargs, {"passage_instruction_for_retrieval", "passage_instruction_format"})
        super().__init__(
            model_name_or_path,
            normalize_embeddings=normalize_embeddings,
            use_fp16=use_fp16,
            use_bf16=use_bf16,
            query_instruction_for_retrieval=query_instruction_for_retrieval,
            query_instruction_format=query_instruction_format,
            devices=devices,
            batch_size=batch_size,
            query_max_length=query_max_length,
            passage_max_length=passage_max_length,
            convert_to_numpy=convert_to_numpy,
            truncate_dim=truncate_dim,
            **kwargs,
        )
        self.pooling_method = pooling_method
        pooling = "cls" if self._pools_itself else pooling_method
        model = located(self.model_name_or_path, cache_dir=cache_dir)
        self._engine = native.Embedder(model, pooling=pooling, round_weights=self._rounding(own), **own)
        plain = all(module in _PLAIN_MODULES for module in self._engine.info["modules"])
        # What the engine makes of texts are the reference's vectors with this pooling alone, which may be set later.
        self._engine_pooling = pooling if plain and own_truncation(self._engine) is None else None

    def encode_single_device(
        self,
        sentences: Any,
        batch_size: int = 256,
        max_length: int = 512,
        convert_to_numpy: bool = True,
        device: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """(D,) of a str, (N, D) of an iterable of str; NumPy, or a tensor without convert_to_numpy."""
        own_settings(kwargs, set())
        _common.on_cpu(device)
        if not isinstance(sentences, str) and len(sentences) == 0 and compat.refuse_empty_lists:
            raise IndexError("list index out of range")
        with _common.progress_bar(
            not isinstance(sentences, str) and len(sentences) >= batch_size, "Inference Embeddings"
        ) as progress:
            vectors = self._encode(sentences, self._length(max_length), progress)
        vectors = half_where_asked(vectors, self._half(device))
        if convert_to_numpy:
            return vectors
        torch = _common.torch_or_none()
        if torch is None:
            raise ImportError("convert_to_numpy=False gives a torch tensor: pip install torch")
        return torch.from_numpy(vectors)

    def _encode(self, sentences: Any, max_length: int, progress: Any) -> NDArray[Any]:
        vectors: NDArray[Any]
        pools_itself = self._pools_itself
        if not pools_itself:
            _check_pooling(self.pooling_method)
        has_pairs = _has_pairs(sentences)
        if has_pairs or pools_itself or self.pooling_method != self._engine_pooling:
            return self._encode_hidden_states(sentences, has_pairs, max_length, progress)
        settings = {**for_engine(sentences, self._engine), "max_length": max_length, "progress": progress}
        # Below 1 it leaves columns out from the end, which the engine refuses.
        if self.normalize_embeddings and (self.truncate_dim is None or self.truncate_dim >= 1):
            dimension = int(_common.info_of(self._engine)["dimension"])
            cut = None if self.truncate_dim is None else min(self.truncate_dim, dimension)
            vectors = self._engine.encode(normalize=True, truncate_dim=cut, **settings)
            return vectors
        vectors = self._engine.encode(normalize=False, **settings)[..., : self.truncate_dim]
        return _common.unit(vectors) if self.normalize_embeddings else vectors

    def pooling(self, last_hidden_state: Any, attention_mask: Any = None) -> Any:
        """pooling_method's vectors of `model`'s output: (B, L, H) and (B, L) to (B, H), arrays or tensors."""
        return pooled(last_hidden_state, attention_mask, self.pooling_method)

    @property
    def _pools_itself(self) -> bool:
        """Whether a subclass, or whoever changed this object, has another method in the place of pooling()."""
        return "pooling" in self.__dict__ or type(self).pooling is not FlagModel.pooling

    # What the engine does not do at once: pooling that was set later or is a subclass's own, pairs (each is read as the
    # model reads two texts, the longer one cut), and models with further modules (Dense ...) or a length of vectors of
    # their own, which the reference does not read.
    def _encode_hidden_states(
        self, sentences: Any, has_pairs: bool, max_length: int, progress: Any
    ) -> NDArray[np.float32]:
        single = isinstance(sentences, str)
        items = [sentences] if single else list(sentences if has_pairs else strs(sentences))
        if has_pairs:
            _pairs.check(items, "sentences")
        # Longest first: what lies together is padded little, and what does not fit is seen at once.
        lengths = np.array([len(item) if isinstance(item, str) else sum(map(len, item)) for item in items], np.int64)
        order = np.argsort(-lengths, kind="stable")
        vectors = np.zeros((len(items), int(_common.info_of(self._engine)["hidden_size"])), np.float32)
        for begin in range(0, len(items), _TEXTS_AT_ONCE):
            places = order[begin : begin + _TEXTS_AT_ONCE]
            batch = [items[place] for place in places]
            tokens = _pairs.encode(self._engine.tokenizer, batch, "sentences", max_length=max_length)
            rows = np.concatenate([self._pooled(part) for part in _token_runs.parts(tokens)])
            if begin == 0 and rows.shape[1] != vectors.shape[1]:
                vectors = np.zeros((len(items), rows.shape[1]), np.float32)
            vectors[places] = rows
            if progress is not None:
                progress(min(begin + _TEXTS_AT_ONCE, len(items)), len(items))
        vectors = vectors[:, : self.truncate_dim]
        if self.normalize_embeddings:
            vectors = _common.unit(vectors)
        return vectors[0] if single else vectors

    def _pooled(self, tokens: dict[str, NDArray[Any]]) -> NDArray[Any]:
        """(N, D) of tokenised texts."""
        bounds = tokens["cu_seqlens"]
        hidden: NDArray[np.float32] = self._engine.hidden_states(tokens["ids"], tokens["type_ids"], bounds)
        if not self._pools_itself and self.pooling_method == "cls":
            firsts: NDArray[Any] = hidden[bounds[:-1]]
            return firsts
        lengths = np.diff(bounds)
        if not self._pools_itself:
            means: NDArray[Any] = np.add.reduceat(hidden, bounds[:-1]) / lengths[:, None]
            return means
        mask = np.arange(lengths.max(initial=0)) < lengths[:, None]
        padded = np.zeros((*mask.shape, hidden.shape[1]), np.float32)
        padded[mask] = hidden
        shown = mask.astype(np.int64)
        torch = _common.torch_or_none()
        if torch is None:
            return np.asarray(self.pooling(padded, shown))
        found = self.pooling(torch.from_numpy(padded), torch.from_numpy(shown))
        return np.asarray(found.detach().numpy() if hasattr(found, "detach") else found)


def pooled(hidden: Any, mask: Any, method: str) -> Any:
    """As the reference: the first token's state, or the mean of those that the mask has."""
    _check_pooling(method)
    if method == "cls":
        return hidden[:, 0]
    weights = mask[..., None]
    weights = weights.to(hidden.dtype) if hasattr(weights, "to") else weights.astype(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


_TEXTS_AT_ONCE = 256  # tokenised; hidden states are in memory of as many as _token_runs.parts() has


def _is_pair(sentence: Any) -> bool:
    return isinstance(sentence, (tuple, list)) and len(sentence) == 2


def _has_pairs(sentences: Any) -> bool:
    if isinstance(sentences, (str, InstructedColumn)):
        return False
    # Columns of Arrow's strings hold none, and need no Python objects made of them; those of pandas' objects may.
    if _common.is_column(sentences) and str(getattr(sentences, "dtype", "")) != "object":
        return False
    kinds = set(map(type, sentences))
    return any(issubclass(kind, (tuple, list)) for kind in kinds) and any(map(_is_pair, sentences))


# The name in the module of the reference that defines it.
BaseEmbedder = FlagModel


def _check_pooling(method: str) -> None:
    """The reference's refusal, in its words."""
    if method not in ("cls", "mean"):
        raise NotImplementedError(f"pooling method {method} not implemented: give cls or mean")
