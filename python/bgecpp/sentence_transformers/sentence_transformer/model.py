"""sentence-transformers' SentenceTransformer on the engine."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Unpack, overload

import numpy as np

from bgecpp import errors
from bgecpp._common import loaded_torch, on_cpu_by_torch, progress_bar, torch_or_none, warn_once
from bgecpp._dimensions import whole_dimension
from bgecpp._pairs import holds_pairs
from bgecpp.native import Embedder

from .._arrays import Array, FloatArray, is_tensor, require_torch, to_numpy, to_tensor, unit_rows
from .._base import AwaitedEncoding
from .._deprecated import renamed
from .._files import module_folder, write_json
from .._modules import Module, Normalize, Pooling, Transformer
from .._options import Options, shows_options
from ..util.quantization import quantize_embeddings
from ..util.similarity import SimilarityFunction
from ._tokens import METHODS, TokenModel, length_of

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("sentence_transformers.sentence_transformer.model")

OLD_DIMENSION = "The `get_sentence_embedding_dimension` method has been renamed to `get_embedding_dimension`."
_PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")


class SentenceTransformer(AwaitedEncoding, TokenModel):
    """Texts to dense vectors.

    model_name_or_path: a directory, or a name on the hub. threads: 0, one for each physical core.
    dtype: what linear layers multiply: default, auto, f32, bf16 or int8. packed_cache: as Embedder's. All
    else is as sentence-transformers has it; docs/python.md lists what has no effect here.
    """

    default_huggingface_organization: ClassVar[str | None] = "sentence-transformers"
    model_type: ClassVar[str] = "SentenceTransformer"
    _default_prompts: ClassVar[dict[str, str | None]] = {"query": None, "document": None}
    SUPPORTED_SIMILARITY_FN_NAMES: ClassVar[tuple[str, ...]] = ("cosine", "dot", "euclidean", "manhattan")

    _optional_settings: ClassVar[tuple[str, ...]] = ("truncate_dim",)

    _dimension: int  # of vectors that nothing cuts

    @shows_options
    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str] | None = None,
        *,
        similarity_fn_name: str | SimilarityFunction | None = None,
        truncate_dim: int | None = None,
        use_auth_token: bool | str | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.similarity_fn_name = similarity_fn_name
        self.truncate_dim = truncate_dim
        if use_auth_token is not None:
            warnings.warn("The `use_auth_token` argument is deprecated. Use `token`.", FutureWarning, stacklevel=2)
            if options.get("token") is not None:
                raise ValueError("Both `token` and `use_auth_token` were given: give `token`")
            options["token"] = use_auth_token
        super().__init__(model_name_or_path, **options)

    # Loading.

    @property
    def _engine(self) -> Embedder:
        return self._embedder

    def _load(self, model: str, max_length: int | None = None) -> None:
        embedder = Embedder(model, **self._options(max_length))
        if not os.path.isfile(os.path.join(embedder.info["path"], "modules.json")) and embedder.info["poolings"] != [
            "mean"
        ]:
            # Directories that name no modules are pooled by the mean, whatever the model was made for.
            warn_once(
                f"No modules.json in {embedder.info['path']}: as with sentence-transformers, its token vectors are "
                "averaged. BGE models made for another pooling come with modules.json; or use bgecpp.Embedder."
            )
            embedder = Embedder(embedder.info["path"], pooling="mean", **self._options(max_length))
        if "dense" not in embedder.info["heads"]:
            raise errors.Unsupported(
                f"SentenceTransformer: {embedder.info['name']} has no dense vectors: use SparseEncoder or bgecpp.Embedder"
            )
        self._embedder = embedder
        self._dimension = whole_dimension(embedder)

    def _make_modules(self) -> list[Module]:
        info = self._info
        modules: list[Module] = []
        for name in info["modules"]:
            if not modules:
                modules.append(Transformer(self))
            elif name == "Pooling":
                modules.append(Pooling(info["poolings"], info["hidden_size"], info["include_prompt"]))
            elif name == "Normalize":
                modules.append(Normalize())
            else:
                modules.append(Module(name))
        return modules

    def _parse_model_config(self, settings: dict[str, Any]) -> None:
        super()._parse_model_config(settings)
        saved = settings.get("similarity_fn_name")
        if self._similarity_fn_name is None and saved in self.SUPPORTED_SIMILARITY_FN_NAMES:
            self.similarity_fn_name = saved
        if self.truncate_dim is None:
            self.truncate_dim = settings.get("truncate_dim")

    def _model_config(self) -> dict[str, Any]:
        config = {**super()._model_config(), "similarity_fn_name": self.similarity_fn_name}
        if self.truncate_dim is not None:
            config["truncate_dim"] = self.truncate_dim
        return config

    def _save_settings(self, target: Path) -> None:
        super()._save_settings(target)
        pooling = self._pooling()
        as_it_was = pooling is None or (pooling.is_engines and pooling.include_prompt == self._info["include_prompt"])
        if pooling is None or (self._has_modules and as_it_was):
            return
        if not self._has_modules:
            # What the directory is taken for must stay so when it is loaded again.
            package = "sentence_transformers.models"
            write_json(
                target / "modules.json",
                [
                    {"idx": 0, "name": "0", "path": "", "type": f"{package}.Transformer"},
                    {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{package}.Pooling"},
                ],
            )
        folder = target / module_folder(target, "Pooling")
        folder.mkdir(exist_ok=True)
        write_json(folder / "config.json", pooling.get_config_dict())

    # Encoding.

    @overload
    def encode(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        precision: str | None = "float32",
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
    ) -> Array: ...

    @overload
    def encode(self, *args: Any, **kwargs: Any) -> Any: ...

    def encode(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Vectors of one text (D,), or of several (N, D): float32, or the model's own dtype.

        inputs: a str; a list, tuple, array, Arrow array or other iterable of str; pairs of str.
        prompt, prompt_name: text put in front, or its key in `prompts`.
        output_value: "sentence_embedding"; "token_embeddings": a tensor (tokens, H) for each text; None: a dict
        of all that the model made of each text.
        precision: float32, int8, uint8, binary or ubinary: see util.quantize_embeddings.
        convert_to_numpy: an array; convert_to_tensor: a tensor; neither: a list of tensors (of arrays where
        torch is not installed).
        normalize_embeddings: unit length, after the cut to truncate_dim values.
        batch_size, chunk_size, pool, device: accepted; the engine makes its own batches on its own threads.
        """
        inputs = _renamed(inputs, kwargs)
        self._check_batches(batch_size, chunk_size, pool is not None or isinstance(device, (list, tuple)))
        self._check_kwargs(kwargs, "encode")
        on_cpu_by_torch(device)
        if precision is not None and precision not in _PRECISIONS:
            raise ValueError(f"Precision {precision!r} is not supported, must be one of {set(_PRECISIONS)}")
        if output_value not in ("sentence_embedding", "token_embeddings", None):
            raise ValueError(
                f"output_value: expected 'sentence_embedding', 'token_embeddings' or None, found {output_value!r}"
            )
        if show_progress_bar is None:
            show_progress_bar = logger.getEffectiveLevel() in (logging.INFO, logging.DEBUG)
        prompt = self._resolve_prompt(prompt, prompt_name)
        texts, single = self._listed(inputs)
        dim = truncate_dim if truncate_dim is not None else self.truncate_dim
        length = self._max_length(kwargs)

        by_methods = self._overridden(*METHODS)
        if output_value == "token_embeddings" and not by_methods:
            tokens = [self._as_tensor(rows) for rows in self._token_vectors(texts, prompt, length)]
            return tokens[0] if single else tokens
        if output_value == "token_embeddings":
            items = self._features_of(texts, prompt, dim, batch_size, kwargs)
            tokens = [item["token_embeddings"][: length_of(item["attention_mask"])] for item in items]
            return tokens[0] if single else tokens
        if output_value is None:
            items = self._features_of(texts, prompt, dim, batch_size, kwargs)
            return items[0] if single else items

        if convert_to_tensor:
            require_torch("convert_to_tensor=True")
        if len(texts) == 0:
            if convert_to_tensor:
                return loaded_torch().tensor([])
            return np.array([]) if convert_to_numpy else []
        if isinstance(texts, list) and is_tensor(texts[0]):
            raise TypeError("inputs: expected texts, found a tensor")
        with progress_bar(show_progress_bar, "Batches", batch_size) as progress:
            vectors: Any
            if by_methods:
                items = self._features_of(texts, prompt, dim, batch_size, kwargs)
                vectors = np.stack([to_numpy(item["sentence_embedding"]).astype(np.float32) for item in items])
                vectors = unit_rows(vectors) if normalize_embeddings else vectors
            else:
                vectors = self._vectors(texts, prompt, normalize_embeddings, dim, length, progress)
        if precision not in (None, "float32"):
            vectors = quantize_embeddings(vectors, str(precision))
            result: Any = vectors
            if not convert_to_numpy or convert_to_tensor:
                result = to_tensor(vectors) if torch_or_none() is not None else vectors
        elif convert_to_tensor or not convert_to_numpy:
            result = self._as_tensor(vectors)
        else:
            result = vectors.astype(np.float16) if self._dtype == "float16" else vectors
        if not convert_to_tensor and not convert_to_numpy:
            result = list(result)
        return result[0] if single else result

    @overload
    def encode_query(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        precision: str | None = "float32",
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
    ) -> Array: ...

    @overload
    def encode_query(self, *args: Any, **kwargs: Any) -> Any: ...

    def encode_query(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode, with the prompt "query" where none is given."""
        if prompt_name is None and prompt is None and "query" in self.prompts:
            prompt_name = "query"
        return self.encode(
            inputs=_renamed(inputs, kwargs),
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            output_value=output_value,
            precision=precision,
            convert_to_numpy=convert_to_numpy,
            convert_to_tensor=convert_to_tensor,
            device=device,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            pool=pool,
            chunk_size=chunk_size,
            **{"task": "query", **kwargs},
        )

    @overload
    def encode_document(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        *,
        precision: str | None = "float32",
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
    ) -> Array: ...

    @overload
    def encode_document(self, *args: Any, **kwargs: Any) -> Any: ...

    def encode_document(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: dict[str, Any] | None = None,
        chunk_size: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """encode, with the first of the prompts "document", "passage" and "corpus" where none is given."""
        if prompt_name is None and prompt is None:
            prompt_name = next((n for n in ("document", "passage", "corpus") if n in self.prompts), None)
        return self.encode(
            inputs=_renamed(inputs, kwargs),
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            output_value=output_value,
            precision=precision,
            convert_to_numpy=convert_to_numpy,
            convert_to_tensor=convert_to_tensor,
            device=device,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            pool=pool,
            chunk_size=chunk_size,
            **{"task": "document", **kwargs},
        )

    def encode_multi_process(
        self,
        sentences: list[str],
        pool: dict[str, Any] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        chunk_size: int | None = None,
        show_progress_bar: bool | None = None,
        precision: str = "float32",
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
    ) -> Array:
        """encode. A DeprecationWarning: encode takes the same."""
        warnings.warn("The `encode_multi_process` method has been deprecated. Use `encode`.", DeprecationWarning, stacklevel=2)
        vectors: Array = self.encode(
            sentences,
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            show_progress_bar=show_progress_bar,
            precision=precision,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            chunk_size=chunk_size,
            pool=pool,
        )
        return vectors

    def _vectors(
        self,
        texts: Any,
        prompt: str | None,
        normalize: bool,
        dim: int | None,
        max_length: int | None,
        progress: Any = None,
    ) -> FloatArray:
        """(N, D), float32."""
        pooling = self._pooling()
        include_prompt = pooling is None or pooling.include_prompt == self._info["include_prompt"]
        of_tokens = not include_prompt and bool(prompt) or pooling is not None and not pooling.is_engines
        whole = self._dimension
        if dim is not None and dim < 0:
            dim = max(0, whole + dim)  # as there: without the so many last
        if of_tokens or isinstance(texts, list) and holds_pairs(texts):
            vectors = self._vectors_of_tokens(texts, prompt, max_length)[:, :dim]
            return unit_rows(vectors) if normalize else vectors
        # The engine cuts, then normalises. A model's own Normalize comes before the cut. No cut is said too: a length in
        # the directory's settings is truncate_dim's, which may have been changed since.
        cut = dim if normalize and dim is not None and 0 < dim < whole else None
        vectors = self._embedder.encode(
            texts,
            instruction=prompt or "",
            normalize=bool(normalize) or self._ends_normalized,
            truncate_dim=whole if cut is None else cut,
            max_length=max_length,
            progress=progress,
        )
        if dim is None or cut is not None:
            return vectors
        return np.ascontiguousarray(vectors[:, :dim])

    # Similarities.

    @property
    def similarity_fn_name(self) -> str | None:
        """cosine, dot, euclidean or manhattan; cosine where nothing says otherwise."""
        if self._similarity_fn_name is None:
            self.similarity_fn_name = "cosine"
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
        """(N, M) of vectors (N, D) and (M, D), by similarity_fn_name; a tensor where torch is installed."""
        return SimilarityFunction.to_similarity_fn(str(self.similarity_fn_name))(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """(N,) of vectors (N, D) and (N, D), row by row."""
        return SimilarityFunction.to_similarity_pairwise_fn(str(self.similarity_fn_name))(embeddings1, embeddings2)

    # Dimensions.

    def get_embedding_dimension(self) -> int:
        """Values of a vector that encode returns, truncate_dim heeded."""
        dimension = self._dimension
        return dimension if self.truncate_dim is None else min(dimension, self.truncate_dim)

    def get_sentence_embedding_dimension(self) -> int:
        """get_embedding_dimension(), by the name that it once had: a FutureWarning."""
        warnings.warn(OLD_DIMENSION, FutureWarning, stacklevel=2)
        return self.get_embedding_dimension()

    @contextlib.contextmanager
    def truncate_embeddings(self, truncate_dim: int | None) -> Iterator[None]:
        """Within it vectors have the first truncate_dim values; None: all."""
        before = self.truncate_dim
        self.truncate_dim = truncate_dim
        try:
            yield
        finally:
            self.truncate_dim = before

    def truncate_sentence_embeddings(self, truncate_dim: int | None) -> contextlib.AbstractContextManager[None]:
        """truncate_embeddings, by the name that it once had: a FutureWarning."""
        warnings.warn(
            "The `truncate_sentence_embeddings` method has been renamed to `truncate_embeddings`.", FutureWarning, stacklevel=2
        )
        return self.truncate_embeddings(truncate_dim)

    def set_pooling_include_prompt(self, include_prompt: bool) -> None:
        """Whether the tokens of a prompt count in the pooling."""
        for module in self:
            if isinstance(module, Pooling):
                module.include_prompt = include_prompt
                break

    @staticmethod
    def load(input_path: str) -> SentenceTransformer:
        """SentenceTransformer(input_path). A DeprecationWarning."""
        warnings.warn(
            "SentenceTransformer.load(...) is deprecated. Use SentenceTransformer(...).", DeprecationWarning, stacklevel=2
        )
        return SentenceTransformer(input_path)


def _renamed(inputs: Any, kwargs: dict[str, Any]) -> Any:
    """`inputs`, or what is given by its old name, `sentences`, which is then said."""
    if "sentences" not in kwargs:
        if inputs is None:
            raise TypeError("encode(): inputs: expected texts, found None")
        return inputs
    sentences = renamed(kwargs, "sentences", "inputs")
    return sentences if inputs is None else inputs
