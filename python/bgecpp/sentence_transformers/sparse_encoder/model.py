"""sentence-transformers' SparseEncoder on the engine: SPLADE, and models whose queries, or all texts, have
weights of their own."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any, ClassVar, Unpack

import numpy as np

from bgecpp import errors
from bgecpp._common import on_cpu_by_torch, progress_bar, torch_or_none
from bgecpp.native import Embedder

from .._arrays import is_tensor, to_numpy, to_tensor
from .._base import AwaitedEncoding, BaseModel
from .._files import read_json
from .._modules import MaskedLM, Module, SparseStaticEmbedding, SpladePooling, Transformer
from .._options import Options, shows_options
from .._sparse import SparseVectors
from ..sentence_transformer.model import OLD_DIMENSION, _renamed
from ..util.similarity import SimilarityFunction

logger = logging.getLogger("sentence_transformers.sparse_encoder.model")


class SparseEncoder(AwaitedEncoding, BaseModel):
    """Texts to sparse vectors, a weight for each token of the vocabulary.

    Where torch is installed they are its sparse tensors (COO), as sentence-transformers' are. Where it is
    not: SparseVectors (CSR), or NumPy arrays with convert_to_sparse_tensor=False.
    """

    default_huggingface_organization: ClassVar[str | None] = "sparse-encoder"
    model_type: ClassVar[str] = "SparseEncoder"
    _default_prompts: ClassVar[dict[str, str | None]] = {"query": None, "document": None}
    SUPPORTED_SIMILARITY_FN_NAMES: ClassVar[tuple[str, ...]] = ("cosine", "dot", "euclidean", "manhattan")

    _optional_settings: ClassVar[tuple[str, ...]] = ("max_active_dims",)

    _embedder: Embedder

    @shows_options
    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *,
        similarity_fn_name: str | SimilarityFunction | None = None,
        max_active_dims: int | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.similarity_fn_name = similarity_fn_name
        self.max_active_dims = max_active_dims
        super().__init__(model_name_or_path, **options)
        limit = self.max_active_dims
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0):
            raise ValueError(f"max_active_dims must be a positive integer, got {limit}.")

    # Loading.

    @property
    def _engine(self) -> Embedder:
        return self._embedder

    def _load(self, model: str, max_length: int | None = None) -> None:
        refusal = (
            f"SparseEncoder: {model} makes no sparse vectors (sentence-transformers puts an untrained layer on top "
            "of it): use a SPLADE model"
        )
        try:
            embedder = Embedder(model, splade=True, **self._options(max_length))
        except errors.InvalidArgument as error:
            if "no SPLADE model" in str(error):
                raise errors.Unsupported(refusal) from error
            raise
        if "sparse" not in embedder.info["heads"]:
            raise errors.Unsupported(refusal)
        self._embedder = embedder

    def _make_modules(self) -> list[Module]:
        names = self._info["modules"]
        if self._is_static:
            return [SparseStaticEmbedding(self)]
        if names == ["Router"]:
            return [Module("Router")]
        return [Transformer(self, names[0] if names else "Transformer"), self._make_pooling()]

    @property
    def _is_static(self) -> bool:
        """Whether there is no transformer."""
        return not self._info["has_transformer"]

    def _make_pooling(self) -> SpladePooling:
        config = read_json(os.path.join(self.model_path, "1_SpladePooling"), "config.json")
        activation = str(config.get("activation_function", "relu"))
        return SpladePooling(self._info["sparse_pooling"], activation, int(self._info["sparse_dimension"]))

    def _parse_model_config(self, settings: dict[str, Any]) -> None:
        super()._parse_model_config(settings)
        saved = settings.get("similarity_fn_name")
        if self._similarity_fn_name is None and saved in self.SUPPORTED_SIMILARITY_FN_NAMES:
            self.similarity_fn_name = saved
        if self.max_active_dims is None:
            self.max_active_dims = settings.get("max_active_dims")

    def _model_config(self) -> dict[str, Any]:
        config = {**super()._model_config(), "similarity_fn_name": self._similarity_fn_name}
        if self.max_active_dims is not None:
            config["max_active_dims"] = self.max_active_dims
        return config

    def _make_transformers_model(self) -> Any:
        return MaskedLM(self._embedder, self.model_path)

    @property
    def transformers_model(self) -> Any:
        """bgecpp.transformers' model on the same engine; None without a transformer."""
        return None if self._is_static else super().transformers_model

    @property
    def config(self) -> Any:
        """The fields of config.json; None without a transformer."""
        return None if self._is_static else super().config

    @config.setter
    def config(self, value: Any) -> None:
        if self._is_static:
            raise AttributeError("config: the model has no transformer whose config it could be")
        BaseModel.config.__set__(self, value)  # type: ignore[attr-defined]

    def preprocess(self, inputs: Any, prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """As SentenceTransformer.preprocess; without a transformer no special tokens, and the tokenizer's fields alone."""
        features = super().preprocess(inputs, prompt, **kwargs)
        if self._is_static:
            for key in ("modality", "prompt_length"):
                features.pop(key, None)
        return features

    def _fixed_processing(self) -> dict[str, Any]:
        return {"add_special_tokens": False} if self._is_static else {}

    def forward(self, input: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Refused: Unsupported."""
        raise errors.Unsupported("SparseEncoder: it takes texts, not ids: call encode()")

    def get_model_kwargs(self) -> list[str]:
        """["task", "modality"] of models with a route for each."""
        return ["task", "modality"] if self._info["modules"] == ["Router"] else []

    # Encoding.

    def encode(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Sparse vectors of one text (V,), or of several (N, V), float32.

        convert_to_tensor=False: a list of (V,). convert_to_sparse_tensor=False: dense ones.
        max_active_dims: the so many weights that are largest in magnitude; instead of the model's own limit.
        prompt, prompt_name: as SentenceTransformer.encode. batch_size, chunk_size, pool, device,
        save_to_cpu: accepted, without effect.
        """
        inputs = _renamed(inputs, kwargs)
        if self._overridden("preprocess", "forward", "__call__"):
            raise errors.Unsupported(
                f"{type(self).__name__} has a preprocess or forward of its own: SparseEncoder takes texts, not ids: change "
                "the texts before encode()"
            )
        self._check_batches(batch_size, chunk_size, pool is not None or isinstance(device, (list, tuple)))
        self._check_kwargs(kwargs, "encode")
        on_cpu_by_torch(device)
        if show_progress_bar is None:
            show_progress_bar = logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
        prompt = self._resolve_prompt(prompt, prompt_name)
        limit = max_active_dims if max_active_dims is not None else self.max_active_dims
        if limit is not None and limit <= 0:
            raise ValueError(f"max_active_dims must be a positive integer, got {limit}.")
        texts, single = self._listed(inputs)
        if len(texts) == 0:
            if not convert_to_tensor:
                return []
            torch = torch_or_none()
            if torch is None:
                return np.array([], np.float32)
            return torch.tensor([]).to_sparse() if convert_to_sparse_tensor else torch.tensor([])
        task = kwargs.get("task")
        with progress_bar(show_progress_bar, "Batches", batch_size) as progress:
            found = self._embedder.encode_all(
                texts,
                dense=False,
                sparse=True,
                role=task if task in ("query", "document") else None,
                instruction=prompt or "",
                max_length=self._max_length(kwargs),
                max_active_dims=limit,
                progress=progress,
            )
        indptr, columns, weights = found["sparse"]
        vectors = SparseVectors(weights, columns, indptr, (len(indptr) - 1, int(self._info["sparse_dimension"])))
        if convert_to_tensor and not single:
            return self._converted(vectors, convert_to_sparse_tensor)
        if not convert_to_sparse_tensor:
            rows = list(self._converted(vectors, False))
        else:
            # Each by itself: torch looks for a row of a sparse tensor in all of its weights.
            rows = [self._converted(vector, True) for vector in vectors]
        return rows[0] if single else rows

    def encode_query(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode, by the route for queries where there is one, with the prompt "query" where none is given."""
        if prompt_name is None and prompt is None and "query" in self.prompts:
            prompt_name = "query"
        return self.encode(
            inputs=_renamed(inputs, kwargs),
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            convert_to_tensor=convert_to_tensor,
            convert_to_sparse_tensor=convert_to_sparse_tensor,
            save_to_cpu=save_to_cpu,
            device=device,
            max_active_dims=max_active_dims,
            pool=pool,
            chunk_size=chunk_size,
            **{"task": "query", **kwargs},
        )

    def encode_document(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        convert_to_tensor: bool = True,
        convert_to_sparse_tensor: bool = True,
        save_to_cpu: bool = False,
        device: Any = None,
        max_active_dims: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode, by the route for documents where there is one, with the first of the prompts "document",
        "passage" and "corpus" where none is given."""
        if prompt_name is None and prompt is None:
            prompt_name = next((n for n in ("document", "passage", "corpus") if n in self.prompts), None)
        return self.encode(
            inputs=_renamed(inputs, kwargs),
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            convert_to_tensor=convert_to_tensor,
            convert_to_sparse_tensor=convert_to_sparse_tensor,
            save_to_cpu=save_to_cpu,
            device=device,
            max_active_dims=max_active_dims,
            pool=pool,
            chunk_size=chunk_size,
            **{"task": "document", **kwargs},
        )

    @staticmethod
    def _converted(vectors: SparseVectors, sparse: bool) -> Any:
        torch = torch_or_none()
        if torch is None:
            return vectors if sparse else vectors.toarray()
        if not sparse:
            return to_tensor(vectors.toarray())
        columns = vectors.indices.astype(np.int64)
        rows = [np.repeat(np.arange(len(vectors)), np.diff(vectors.indptr))] if vectors.ndim == 2 else []
        indices = torch.from_numpy(np.stack([*rows, columns]))
        return torch.sparse_coo_tensor(indices, to_tensor(vectors.data), vectors.shape, is_coalesced=True, check_invariants=False)

    # Similarities.

    @property
    def similarity_fn_name(self) -> str | None:
        """cosine, dot, euclidean or manhattan; dot where nothing says otherwise."""
        if self._similarity_fn_name is None:
            self.similarity_fn_name = "dot"
        return self._similarity_fn_name

    @similarity_fn_name.setter
    def similarity_fn_name(self, value: str | SimilarityFunction | None) -> None:
        name = getattr(value, "value", value)
        if name is not None and name not in self.SUPPORTED_SIMILARITY_FN_NAMES:
            raise ValueError(
                f"{type(self).__name__} only supports similarity_fn_name in {self.SUPPORTED_SIMILARITY_FN_NAMES}, "
                f"got {name!r}. Models of token vectors: MultiVectorEncoder, bgecpp.Embedder."
            )
        self._similarity_fn_name: str | None = name

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """(N, M) of vectors (N, V) and (M, V), by similarity_fn_name; a tensor where torch is installed."""
        return SimilarityFunction.to_similarity_fn(str(self.similarity_fn_name))(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """(N,) of vectors (N, V) and (N, V), row by row."""
        return SimilarityFunction.to_similarity_pairwise_fn(str(self.similarity_fn_name))(embeddings1, embeddings2)

    # What a vector says.

    def get_embedding_dimension(self) -> int:
        """V."""
        return int(self._info["sparse_dimension"])

    def get_sentence_embedding_dimension(self) -> int:
        """get_embedding_dimension(), by the name that it once had: a FutureWarning."""
        warnings.warn(OLD_DIMENSION, FutureWarning, stacklevel=2)
        return self.get_embedding_dimension()

    def set_pooling_include_prompt(self, include_prompt: bool) -> None:
        """Nothing: SPLADE's pooling has no such setting."""

    @property
    def splade_pooling_chunk_size(self) -> int | None:
        """Kept and not used: the engine's pooling needs no memory for logits of whole texts."""
        return next((m.chunk_size for m in self if isinstance(m, SpladePooling)), None)

    @splade_pooling_chunk_size.setter
    def splade_pooling_chunk_size(self, value: int | None) -> None:
        for module in self:
            if isinstance(module, SpladePooling):
                module.chunk_size = value

    @staticmethod
    def sparsity(embeddings: Any) -> dict[str, float]:
        """active_dims: weights other than zero of a vector, the mean over (N, V); sparsity_ratio: the share that
        is zero."""
        if isinstance(embeddings, SparseVectors):
            rows, dimension = (1 if embeddings.ndim == 1 else embeddings.shape[0]), embeddings.shape[-1]
            active = int(np.count_nonzero(embeddings.data))
        elif is_tensor(embeddings) or isinstance(embeddings, np.ndarray):
            if embeddings.ndim not in (1, 2):
                raise ValueError(f"Expected a 1D or 2D tensor, got {embeddings.ndim}D.")
            rows, dimension = (1 if embeddings.ndim == 1 else embeddings.shape[0]), embeddings.shape[-1]
            values = embeddings.coalesce().values() if is_tensor(embeddings) and embeddings.is_sparse else embeddings
            active = int((values != 0).sum())
        else:
            raise TypeError(f"Embeddings must be a torch.Tensor, found {type(embeddings).__name__}")
        if rows == 0 or dimension == 0:
            return {"active_dims": 0.0, "sparsity_ratio": 1.0}
        return {"active_dims": active / rows, "sparsity_ratio": 1.0 - active / rows / dimension}

    @staticmethod
    def intersection(embeddings_1: Any, embeddings_2: Any) -> Any:
        """Products of the weights that both have, where they are above zero: (V,) of (V,) and (V,), (N, V) of
        (V,) and (N, V). Sparse."""
        if embeddings_1.ndim != 1:
            raise ValueError(f"Expected 1D tensor for embeddings_1, but got {embeddings_1.shape} shape.")
        if embeddings_2.ndim not in (1, 2):
            raise ValueError(f"Expected 1D or 2D tensor for embeddings_2, but got {embeddings_2.shape} shape.")
        if embeddings_1.shape[-1] != embeddings_2.shape[-1]:
            raise ValueError(
                f"Vocab dimension mismatch: embeddings_1 has {embeddings_1.shape[-1]}, "
                f"embeddings_2 has {embeddings_2.shape[-1]}."
            )
        weights = to_numpy(embeddings_1)
        if is_tensor(embeddings_2):
            sparse = (embeddings_2 if embeddings_2.is_sparse else embeddings_2.to_sparse()).coalesce()
            indices = sparse.indices()
            products = sparse.values() * to_tensor(np.ascontiguousarray(weights)).to(sparse.device)[indices[-1]]
            kept = products > 0
            torch = torch_or_none()
            return torch.sparse_coo_tensor(indices[:, kept], products[kept], sparse.shape, is_coalesced=True, check_invariants=False)
        others = _sparse(embeddings_2)
        products = others.data * weights[others.indices]
        kept = products > 0
        indptr = np.concatenate([[0], np.cumsum(kept)])[others.indptr]
        return SparseVectors(products[kept], others.indices[kept], indptr, others.shape)

    def decode(self, embeddings: Any, top_k: int | None = None) -> list[Any]:
        """(token, weight) of the weights other than zero, by falling weight, at most top_k: a list for (V,), a
        list of lists for (N, V)."""
        if top_k is not None and top_k <= 0:
            raise ValueError(f"top_k must be a positive integer, got {top_k}.")
        if not (is_tensor(embeddings) or isinstance(embeddings, (SparseVectors, np.ndarray))):
            raise TypeError(f"Expected torch.Tensor, got {type(embeddings)}")
        if embeddings.ndim not in (1, 2):
            raise ValueError(f"Input tensor must be 1D or 2D, got {embeddings.ndim}D.")
        vectors = _sparse(embeddings)
        tokenizer = self._embedder.tokenizer
        lists = []
        for begin, end in zip(vectors.indptr[:-1].tolist(), vectors.indptr[1:].tolist()):
            weights = vectors.data[begin:end]
            order = np.argsort(-weights, kind="stable")[:top_k]
            ids = vectors.indices[begin:end][order].tolist()
            lists.append([(tokenizer.id_to_token(i), weight) for i, weight in zip(ids, weights[order].tolist())])
        return lists[0] if embeddings.ndim == 1 else lists


def _sparse(vectors: Any) -> SparseVectors:
    """The same as SparseVectors, whatever they are."""
    if isinstance(vectors, SparseVectors):
        return vectors
    if is_tensor(vectors) and vectors.is_sparse:
        vectors = vectors.coalesce()
        places = vectors.indices().cpu().numpy()
        data = to_numpy(vectors.values())
        rows = places[0] if len(places) == 2 else np.zeros(len(data), np.int64)
        shape = tuple(vectors.shape)
    else:
        dense = to_numpy(vectors)
        shape = dense.shape
        rows, columns = np.nonzero(dense.reshape(-1, shape[-1]))
        data = dense.reshape(-1, shape[-1])[rows, columns]
        places = np.stack([rows, columns])
    count = shape[0] if len(shape) == 2 else 1
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))])
    return SparseVectors(data, places[-1], indptr, shape)
