"""BGEM3FlagModel.model: FlagEmbedding's module of an encoder and its heads, from token ids."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp import _common, _model_files, _tensors, errors
from bgecpp.transformers import AutoModel
from bgecpp.transformers._models import _like, _Model, as_numpy

from ._embedder import pooled

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Linear:
    """A layer of a head: weight (outputs, inputs) and bias (outputs,), as NumPy arrays or, called with a tensor, tensors."""

    def __init__(self, directory: str, name: str, rounding: str | None = None) -> None:
        self.weight, self.bias = (_rounded(part, rounding) for part in _read_layer(Path(directory), name))
        self.out_features, self.in_features = self.weight.shape

    def __call__(self, hidden: Any) -> Any:
        return _like(as_numpy(hidden) @ self.weight.T + self.bias, hidden)


def _rounded(values: NDArray[np.float32], rounding: str | None) -> NDArray[np.float32]:
    """As Embedder(round_weights=…) does it: the nearest numbers of the type, ties to even."""
    if rounding == "f16":
        return values.astype(np.float16).astype(np.float32)
    if rounding == "bf16":
        bits = values.view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)
    return values


def _read_layer(directory: Path, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """weight and bias of NAME.safetensors or, where there is none, NAME.pt: as src/heads/token_linear.cc finds them."""
    if (directory / f"{name}.safetensors").exists():
        found = [_tensors.find_tensor(directory, [key], f"{name}.safetensors") for key in ("weight", "bias")]
    elif (directory / f"{name}.pt").exists():
        found = _read_torch(directory, f"{name}.pt", ["weight", "bias"])
    else:
        raise errors.Unsupported(f"{directory}: it has no {name}.safetensors or {name}.pt")
    weight, bias = found
    if weight is None or bias is None or weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise errors.CorruptData(
            f"damaged file: {directory}: {name}: expected weight [outputs, inputs] and bias [outputs], found "
            f"{[None if part is None else list(part.shape) for part in found]}: fetch the model again"
        )
    return weight, bias


def _read_torch(directory: Path, file_name: str, names: list[str]) -> list[NDArray[np.float32] | None]:
    """These tensors of a file of torch.save; nothing in it is run."""
    torch = _common.torch_or_none()
    if torch is None:
        raise errors.Unsupported(f"{directory}: {file_name}: its weights are read by torch: pip install torch")

    def array(tensor: Any) -> NDArray[np.float32]:
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():  # the same numbers again and again
            raise ValueError(f"a tensor of {tensor.numel()} numbers does not fit its storage")
        values: NDArray[np.float32] = tensor.float().numpy()
        return values

    with _model_files.open_file(directory, file_name) as file:
        try:
            tensors = torch.load(file, map_location="cpu", weights_only=True)
            found = [next((t for key, t in tensors.items() if _tensors.stands_for(str(key), name)), None) for name in names]
            return [None if tensor is None else array(tensor) for tensor in found]
        except Exception as error:  # of many kinds, as the bytes are
            why = _model_files.shown(f"{error!s:.200}")
            raise errors.CorruptData(f"damaged file: {directory}: {file_name}: {why}: fetch the model again") from None


class M3ModelForInference(_Model):
    """Batches of token ids, as BGEM3FlagModel.tokenizer makes them, to vectors. `model` is the encoder alone."""

    temperature = 1.0
    unified_finetuning = True

    def __init__(
        self, engine: Any, name_or_path: str, tokenizer: Any, pooling_method: str, normalize: bool, rounding: str | None
    ) -> None:
        super().__init__(engine, name_or_path)
        self.model = AutoModel(engine, name_or_path)
        self.tokenizer = tokenizer
        self.vocab_size = self.config.vocab_size
        self.sentence_pooling_method = pooling_method
        self.normalize_embeddings = normalize
        self._rounding = rounding
        self._layers: dict[str, Linear] = {}

    # The engine has its own copy of these: they are read when they are first asked for.
    def _layer(self, name: str) -> Linear:
        if name not in self._layers:
            self._layers[name] = Linear(self._engine.info["encoder_path"], name, self._rounding)
        return self._layers[name]

    @property
    def sparse_linear(self) -> Linear:
        return self._layer("sparse_linear")

    @property
    def colbert_linear(self) -> Linear:
        return self._layer("colbert_linear")

    def __call__(
        self,
        text_input: Any = None,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        return_sparse_embedding: bool = False,
        truncate_dim: int | None = None,
    ) -> dict[str, Any]:
        """{"dense_vecs": (B, D), "sparse_vecs": (B, L, 1) or, of whole vocabularies, (B, V), "colbert_vecs": (B, L-1, D)}:
        those that are asked for, float32, arrays or tensors as the ids are. Behind a text's end they are zeros (the
        reference's sparse weights are whatever padding computes to)."""
        # As the reference says it.
        assert return_dense or return_sparse or return_colbert_vecs, (
            "Must choose one or more from `return_colbert_vecs`, `return_sparse`, `return_dense` to set `True`!"
        )
        ids, mask = as_numpy(text_input["input_ids"]), as_numpy(text_input["attention_mask"])
        hidden = as_numpy(self.model(ids, mask).last_hidden_state)
        output: dict[str, Any] = {}
        if return_dense:
            output["dense_vecs"] = self._unit(pooled(hidden, mask, self.sentence_pooling_method)[..., :truncate_dim])
        if return_sparse:
            output["sparse_vecs"] = self._sparse(hidden, ids, mask, return_sparse_embedding)
        if return_colbert_vecs:
            vectors = self.colbert_linear(hidden[:, 1:]) * mask[:, 1:, None].astype(np.float32)
            output["colbert_vecs"] = self._unit(vectors[..., :truncate_dim])
        return {name: _like(np.ascontiguousarray(value), text_input["input_ids"]) for name, value in output.items()}

    forward = __call__

    def _sparse(
        self, hidden: NDArray[np.float32], ids: NDArray[Any], mask: NDArray[Any], of_vocabulary: bool
    ) -> NDArray[np.float32]:
        weights: NDArray[np.float32] = np.maximum(self.sparse_linear(hidden), 0) * mask[..., None].astype(np.float32)
        if not of_vocabulary:
            return weights
        vectors = np.zeros((len(ids), self.vocab_size), np.float32)
        np.maximum.at(vectors, (np.arange(len(ids))[:, None], ids), weights[..., 0])
        names = ("cls_token_id", "eos_token_id", "pad_token_id", "unk_token_id")
        vectors[:, [getattr(self.tokenizer, name) for name in names]] = 0
        return vectors

    def _unit(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return _common.unit(vectors) if self.normalize_embeddings else vectors

    def compute_dense_score(self, q_reps: Any, p_reps: Any) -> Any:
        """Products of rows: (Q, D) and (P, D) to (Q, P)."""
        return _like(as_numpy(q_reps) @ as_numpy(p_reps).T / self.temperature, q_reps)

    compute_sparse_score = compute_dense_score

    def compute_colbert_score(self, q_reps: Any, p_reps: Any, q_mask: Any = None) -> Any:
        """The mean over a query's tokens of the largest product with a passage's: (Q, P) of (Q, L, D) and (P, M, D)."""
        queries, passages, mask = as_numpy(q_reps), as_numpy(p_reps), as_numpy(q_mask)
        best = np.stack([(queries @ passage.T).max(axis=-1).sum(axis=-1) for passage in passages], axis=1)
        return _like((best / mask[:, 1:].sum(axis=-1, keepdims=True) / self.temperature).astype(np.float32), q_reps)

    def compute_score(
        self,
        q_reps: Any,
        p_reps: Any,
        q_mask: Any,
        dense_weight: float = 1.0,
        sparse_weight: float = 0.3,
        colbert_weight: float = 1.0,
    ) -> Any:
        """Parity: the reference hands the same vectors to all three, of which it has never one that suits them all."""
        raise errors.Unsupported("compute_score: call compute_dense_score, compute_sparse_score and compute_colbert_score")
