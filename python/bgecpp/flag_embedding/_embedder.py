"""FlagModel: dense vectors of BERT-like models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp import _common, _core

from ._abstract import (
    AbsEmbedder,
    Devices,
    InstructedColumn,
    for_engine,
    half_where_asked,
    is_column,
    own_settings,
    own_truncation,
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
        self._engine = _core.Embedder(
            self.model_name_or_path, pooling=pooling_method, round_weights=self._rounding(own), **own
        )
        plain = all(module in _PLAIN_MODULES for module in self._engine.info["modules"])
        # What the engine makes of texts are the reference's vectors with this pooling alone, which may be set later.
        self._engine_pooling = pooling_method if plain and own_truncation(self._engine) is None else None

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
        _check_pooling(self.pooling_method)
        if _has_pairs(sentences):
            return self._encode_pairs(sentences, max_length)
        if self.pooling_method != self._engine_pooling:
            return self._encode_hidden_states(sentences, None, max_length)
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

    def _encode_pairs(self, sentences: Any, max_length: int) -> NDArray[Any]:
        """Of pairs, or texts and pairs: each as the model reads two texts, the longer one cut."""
        alone = [i for i, sentence in enumerate(sentences) if not _is_pair(sentence)]
        pairs = [i for i, sentence in enumerate(sentences) if _is_pair(sentence)]
        firsts, seconds = ([sentences[i][k] for i in pairs] for k in (0, 1))
        parts = [self._encode_hidden_states(firsts, seconds, max_length)]
        if alone:
            parts.append(self._encode([sentences[i] for i in alone], max_length, None))
        vectors: NDArray[Any] = np.concatenate(parts)[np.argsort([*pairs, *alone])]
        return vectors

    # What the engine does not do at once: pooling that was set later, pairs, and models with further modules (Dense ...)
    # or a length of vectors of their own, which the reference does not read.
    def _encode_hidden_states(self, sentences: Any, seconds: list[str] | None, max_length: int) -> NDArray[Any]:
        single = isinstance(sentences, str)
        tokens = self._engine.tokenizer.encode(sentences, seconds, max_length=max_length)
        offsets = tokens["cu_seqlens"]
        hidden = self._engine.hidden_states(tokens["ids"], tokens["type_ids"], offsets)
        if len(offsets) == 1:
            vectors: NDArray[Any] = np.zeros((0, hidden.shape[1]), np.float32)
        elif self.pooling_method == "cls":
            vectors = hidden[offsets[:-1]]
        else:
            vectors = np.add.reduceat(hidden, offsets[:-1]) / np.diff(offsets)[:, None]
        vectors = np.asarray(vectors[:, : self.truncate_dim], np.float32)
        if self.normalize_embeddings:
            vectors = _common.unit(vectors)
        return vectors[0] if single else vectors


def pooled(hidden: Any, mask: Any, method: str) -> Any:
    """As the reference: the first token's state, or the mean of those that the mask has."""
    _check_pooling(method)
    if method == "cls":
        return hidden[:, 0]
    weights = mask[..., None]
    weights = weights.to(hidden.dtype) if hasattr(weights, "to") else weights.astype(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def _is_pair(sentence: Any) -> bool:
    return isinstance(sentence, (tuple, list)) and len(sentence) == 2


def _has_pairs(sentences: Any) -> bool:
    if isinstance(sentences, (str, InstructedColumn)):
        return False
    # Columns of Arrow's strings hold none, and need no Python objects made of them; those of pandas' objects may.
    if is_column(sentences) and str(getattr(sentences, "dtype", "")) != "object":
        return False
    kinds = set(map(type, sentences))
    return any(issubclass(kind, (tuple, list)) for kind in kinds) and any(map(_is_pair, sentences))


# The name in the module of the reference that defines it.
BaseEmbedder = FlagModel


def _check_pooling(method: str) -> None:
    """The reference's refusal, in its words."""
    if method not in ("cls", "mean"):
        raise NotImplementedError(f"pooling method {method} not implemented: give cls or mean")
