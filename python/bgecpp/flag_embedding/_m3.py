"""BGEM3FlagModel: dense, lexical and ColBERT vectors from one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from bgecpp import _common, _core, native
from bgecpp._names import located

from ._abstract import (
    AbsEmbedder,
    Devices,
    as_list,
    for_engine,
    half_where_asked,
    on_executor,
    own_settings,
    own_truncation,
    two_texts,
    with_instruction,
)
from ._compat import compat

if TYPE_CHECKING:
    from numpy.typing import NDArray

LexicalWeights = dict[str, float]


class BGEM3FlagModel(AbsEmbedder):
    """FlagEmbedding's BGEM3FlagModel. Its own settings beside the reference's: as FlagModel."""

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
        colbert_dim: int = -1,
        batch_size: int = 256,
        query_max_length: int = 512,
        passage_max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        truncate_dim: int | None = None,
        **kwargs: Any,
    ):
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
            return_dense=return_dense,
            return_sparse=return_sparse,
            return_colbert_vecs=return_colbert_vecs,
            truncate_dim=truncate_dim,
            **kwargs,
        )
        self.pooling_method = pooling_method
        self.return_dense = return_dense
        self.return_sparse = return_sparse
        self.return_colbert_vecs = return_colbert_vecs
        self._weights_rounded_to = self._rounding(own)
        model = located(self.model_name_or_path, cache_dir=cache_dir)
        self._engine = native.Embedder(
            model, pooling=pooling_method, round_weights=self._weights_rounded_to, **own
        )
        self._cuts_itself = own_truncation(self._engine) is not None
        if colbert_dim > 0 and self._engine.info["colbert_dimension"] not in (0, colbert_dim):
            raise ValueError(
                f"colbert_dim: found {colbert_dim}, the model's is {self._engine.info['colbert_dimension']}"
            )

    def _make_model(self) -> Any:
        from ._m3_model import M3ModelForInference

        normalize = self.normalize_embeddings
        return M3ModelForInference(
            self._engine, self.model_name_or_path, self.tokenizer, self.pooling_method, normalize, self._weights_rounded_to
        )

    def encode_queries(  # type: ignore[override]
        self,
        queries: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        return_dense: bool | None = None,
        return_sparse: bool | None = None,
        return_colbert_vecs: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """encode() with the query instruction, if there is one; max_length: query_max_length."""
        kinds: dict[str, Any] = {
            "return_dense": return_dense,
            "return_sparse": return_sparse,
            "return_colbert_vecs": return_colbert_vecs,
        }
        result: dict[str, Any] = super().encode_queries(queries, batch_size, max_length, **kinds, **kwargs)
        return result

    def encode_corpus(  # type: ignore[override]
        self,
        corpus: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        return_dense: bool | None = None,
        return_sparse: bool | None = None,
        return_colbert_vecs: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """encode() with the passage instruction that the constructor was given, if it was."""
        kinds: dict[str, Any] = {
            "return_dense": return_dense,
            "return_sparse": return_sparse,
            "return_colbert_vecs": return_colbert_vecs,
        }
        result: dict[str, Any] = super().encode_corpus(corpus, batch_size, max_length, **kinds, **kwargs)
        return result

    def encode(  # type: ignore[override]
        self,
        sentences: Any,
        batch_size: int | None = None,
        max_length: int | None = None,
        return_dense: bool | None = None,
        return_sparse: bool | None = None,
        return_colbert_vecs: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """encode_single_device(), whose kinds of vectors are by default the constructor's; max_length: passage_max_length."""
        kinds: dict[str, Any] = {
            "return_dense": self.return_dense if return_dense is None else return_dense,
            "return_sparse": self.return_sparse if return_sparse is None else return_sparse,
            "return_colbert_vecs": self.return_colbert_vecs if return_colbert_vecs is None else return_colbert_vecs,
        }
        result: dict[str, Any] = super().encode(sentences, batch_size, max_length, **kinds, **kwargs)
        return result

    def encode_single_device(
        self,
        sentences: Any,
        batch_size: int = 256,
        max_length: int = 512,
        return_dense: bool = True,
        return_sparse: bool = False,
        return_colbert_vecs: bool = False,
        device: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """{"dense_vecs": (N, D), "lexical_weights": N dicts of token ids as str and their weights,
        "colbert_vecs": N arrays (tokens, D)}, None for what is not asked for; of a str each without the
        N. What the constructor was asked for does not count here, as in the reference."""
        kwargs.pop("convert_to_numpy", None)
        own_settings(kwargs, set())
        _common.on_cpu(device)
        dense, sparse, colbert = bool(return_dense), bool(return_sparse), bool(return_colbert_vecs)
        result: dict[str, Any] = {"dense_vecs": None, "lexical_weights": None, "colbert_vecs": None}
        single = isinstance(sentences, str)
        texts = [sentences] if single else sentences
        if len(texts) == 0 and compat.refuse_empty_lists:
            raise IndexError("list index out of range")
        if not dense and not sparse and not colbert:
            # As the reference says it.
            raise AssertionError(
                "Must choose one or more from `return_colbert_vecs`, `return_sparse`, `return_dense` to set `True`!"
            )
        length = self._length(max_length)
        with _common.progress_bar(len(texts) >= batch_size, "Inference Embeddings") as progress:
            found = self._encode_all(texts, length, dense, sparse, colbert, progress)
        if dense:
            vectors = half_where_asked(found["dense"], self._half(device))
            result["dense_vecs"] = vectors[0] if single else vectors
        if sparse:
            weights = self._lexical_weights(texts, length, found["sparse"], self._half(device))
            result["lexical_weights"] = weights[0] if single else weights
        if colbert:
            vectors = found["colbert"]
            result["colbert_vecs"] = vectors[0] if single else vectors
        return result

    def _encode_all(
        self, texts: Any, length: int, dense: bool, sparse: bool, colbert: bool, progress: Any = None, cut: bool = True
    ) -> dict[str, Any]:
        vectors = dense or colbert
        return self._engine.encode_all(
            **for_engine(texts, self._engine),
            dense=bool(dense),
            sparse=bool(sparse),
            colbert=bool(colbert),
            max_length=length,
            normalize=bool(self.normalize_embeddings) if vectors else None,
            truncate_dim=self._columns(cut) if vectors else None,
            progress=progress,
        )

    def _columns(self, cut: bool) -> int | None:
        """How many columns of the vectors are asked for: none, where that is all."""
        dimension = int(_common.info_of(self._engine)["dimension"])
        if cut and self.truncate_dim is not None:
            return min(self.truncate_dim, dimension)
        return dimension if self._cuts_itself else None

    # In the order in which the tokens come in the text, as the reference has them.
    def _lexical_weights(self, texts: Any, length: int, sparse: Any, half: bool) -> list[LexicalWeights]:
        indptr, ids, weights = sparse
        tokens = self._engine.tokenizer.encode(texts, max_length=length)
        numbers: Any = np.ndarray.tolist
        if compat.numpy_lexical_weights:
            numbers, weights = list, half_where_asked(weights, half)
        names: dict[int, str] = {}  # texts have most of their tokens in common
        result: list[LexicalWeights] = []
        bounds, token_bounds = indptr.tolist(), tokens["cu_seqlens"].tolist()
        for begin, end, first, behind in zip(bounds, bounds[1:], token_bounds, token_bounds[1:]):
            of_id = dict(zip(ids[begin:end].tolist(), numbers(weights[begin:end])))
            found: defaultdict[str, float] = defaultdict(int)
            for token in dict.fromkeys(tokens["ids"][first:behind].tolist()):
                weight = of_id.get(token)
                if weight:  # rounded to float16 it may be 0, which the reference leaves out
                    name = names.get(token)
                    if name is None:
                        name = names[token] = str(token)
                    found[name] = weight
            result.append(found)
        return result

    def convert_id_to_token(
        self, lexical_weights: LexicalWeights | list[LexicalWeights]
    ) -> LexicalWeights | list[LexicalWeights]:
        """The same with the tokens' texts for their ids: a dict of a dict, a list of a list. Texts are without SentencePiece's
        mark of a word's beginning, as in the reference (tokenizer.convert_ids_to_tokens has it)."""
        single = isinstance(lexical_weights, dict)
        items: list[LexicalWeights] = [lexical_weights] if isinstance(lexical_weights, dict) else lexical_weights
        tokenizer = self._engine.tokenizer
        result: list[LexicalWeights] = []
        for item in items:
            named: LexicalWeights = {}
            for token_id, weight in item.items():
                token = tokenizer.decode([int(token_id)], False)
                if not compat.last_weight_of_equal_tokens and token in named:
                    weight = max(weight, named[token])
                named[token] = weight
            result.append(named)
        unwrap = single or (compat.unwrap_single_token_lists and len(result) == 1)
        return result[0] if unwrap else result

    def compute_lexical_matching_score(
        self,
        lexical_weights_1: LexicalWeights | list[LexicalWeights],
        lexical_weights_2: LexicalWeights | list[LexicalWeights],
    ) -> float | NDArray[Any]:
        """The sum over shared tokens of the products of their weights; of two lists all of them,
        (len(1), len(2))."""
        if isinstance(lexical_weights_1, dict) and isinstance(lexical_weights_2, dict):
            return _lexical_score(lexical_weights_1, lexical_weights_2)
        if isinstance(lexical_weights_1, list) and isinstance(lexical_weights_2, list):
            return _lexical_scores(lexical_weights_1, lexical_weights_2)
        raise ValueError("lexical_weights: expected two dicts or two lists of dicts")

    def colbert_score(self, q_reps: NDArray[Any], p_reps: NDArray[Any]) -> Any:
        """The mean over the query's vectors of the largest product with one of the passage's: a torch
        scalar, as the reference's, of the arrays' dtype; a float where torch is not installed."""
        queries, passages = np.asarray(q_reps), np.asarray(p_reps)
        score = _core.colbert_score(queries.astype(np.float32, copy=False), passages.astype(np.float32, copy=False))
        torch = _common.torch_or_none()
        if torch is None:
            return score
        kind = np.result_type(queries, passages)
        return torch.from_numpy(np.array(score, kind if np.issubdtype(kind, np.floating) else np.float32))

    def compute_score(
        self,
        sentence_pairs: Any,
        batch_size: int | None = None,
        max_query_length: int | None = None,
        max_passage_length: int | None = None,
        weights_for_different_modes: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Lists of scores by "colbert", "sparse", "dense", "sparse+dense" and "colbert+sparse+dense" of
        pairs, or of one pair its scores. weights: dense, sparse, colbert. The texts are those of encode_queries and
        encode_corpus: with their instructions, if there are any."""
        return self.compute_score_single_device(
            self._with_instructions(as_list(sentence_pairs, "sentence_pairs", "pairs of str")),
            batch_size=self.batch_size if batch_size is None else batch_size,
            max_query_length=self.query_max_length if max_query_length is None else max_query_length,
            max_passage_length=self.passage_max_length if max_passage_length is None else max_passage_length,
            weights_for_different_modes=weights_for_different_modes,
            device=self.target_devices[0],
            **kwargs,
        )

    def _with_instructions(self, pairs: Any) -> Any:
        query, passage = self.query_instruction_for_retrieval, self.kwargs.get("passage_instruction_for_retrieval")
        if (query is None and passage is None) or compat.scores_without_instructions or len(pairs) == 0:
            return pairs
        single = isinstance(pairs[0], str)
        several = [pairs] if single else pairs
        queries = with_instruction([pair[0] for pair in several], query, self.query_instruction_format)
        form = self.kwargs.get("passage_instruction_format", "{}{}")
        passages = with_instruction([pair[1] for pair in several], passage, form)
        found = list(zip(queries, passages))
        return found[0] if single else found

    async def acompute_score(self, sentence_pairs: Any, **kwargs: Any) -> Any:
        """compute_score() on a thread of the running loop's executor."""
        return await on_executor(lambda: self.compute_score(sentence_pairs, **kwargs))

    def compute_score_single_device(
        self,
        sentence_pairs: Any,
        batch_size: int = 256,
        max_query_length: int = 512,
        max_passage_length: int = 512,
        weights_for_different_modes: Sequence[float] | None = None,
        device: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """compute_score() of the texts as they are, with lengths of its own. Each distinct text is computed once."""
        own_settings(kwargs, set())
        _common.on_cpu(device)
        pairs = as_list(sentence_pairs, "sentence_pairs", "pairs of str")
        if len(pairs) == 0:
            return []
        single = isinstance(pairs[0], str)
        if single:
            pairs = [pairs]
        pairs = [two_texts(pair, place) for place, pair in enumerate(pairs)]
        weights = [1.0, 1.0, 1.0] if weights_for_different_modes is None else list(weights_for_different_modes)
        if len(weights) != 3:
            raise ValueError(f"weights_for_different_modes: expected 3 (dense, sparse, colbert), found {len(weights)}")
        if not all(isinstance(weight, Real) and np.isfinite(weight) for weight in weights) or not any(weights):
            raise ValueError(f"weights_for_different_modes: expected numbers, not all of them 0, found {weights!r:.80}")
        query_length, passage_length = self._length(max_query_length), self._length(max_passage_length)
        scores = np.zeros((3, len(pairs)), np.float32)  # colbert, sparse, dense
        window = 256  # pairs whose vectors are in memory together
        with _common.progress_bar(len(pairs) >= batch_size, "Compute Scores", batch_size) as progress:
            for begin in range(0, len(pairs), window):
                part = pairs[begin : begin + window]
                queries = _Vectors(self, [pair[0] for pair in part], query_length)
                passages = _Vectors(self, [pair[1] for pair in part], passage_length)
                for n in range(len(part)):
                    scores[:, begin + n] = queries.scores(n, passages, n)
                if progress is not None:
                    progress(begin + len(part), len(pairs))
        colbert, sparse, dense = scores
        with np.errstate(divide="ignore", invalid="ignore"):  # weights that sum to zero: as torch, without a word
            named = {
                "colbert": colbert,
                "sparse": sparse,
                "dense": dense,
                "sparse+dense": (sparse * weights[1] + dense * weights[0]) / (weights[0] + weights[1]),
                "colbert+sparse+dense": (colbert * weights[2] + sparse * weights[1] + dense * weights[0]) / sum(weights),
            }
        if single:
            return {name: float(values[0]) for name, values in named.items()}
        return {name: values.tolist() for name, values in named.items()}

    def compute_score_multi_process(self, sentence_pairs: Any, pool: dict[str, Any], **kwargs: Any) -> Any:
        """What the reference does in processes is done here, on all cores. The defaults are compute_score_single_device's,
        which its processes call."""
        return self.compute_score_single_device(sentence_pairs, **kwargs)


def _lexical_score(a: LexicalWeights, b: LexicalWeights) -> float:
    score: float = 0
    for token, weight in a.items():
        if token in b:
            score += weight * b[token]
    return score


def _lexical_scores(a: list[LexicalWeights], b: list[LexicalWeights]) -> NDArray[Any]:
    """_lexical_score() of all pairs, to the last bit: a token's products with all of b that have it are added together."""
    is_worth_it = len(a) >= 16 and len(b) >= 100
    if not is_worth_it or any({*map(type, weights.values())} - {float} for weights in (*a, *b)):
        return np.array([[_lexical_score(x, y) for y in b] for x in a])
    wanted = set[str]().union(*a)
    collected: defaultdict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    for place, weights in enumerate(b):
        for token in weights.keys() & wanted:
            places, values = collected[token]
            places.append(place)
            values.append(weights[token])
    columns = {token: (np.array(places), np.array(values)) for token, (places, values) in collected.items()}
    scores = np.zeros((len(a), len(b)))
    with np.errstate(all="ignore"):  # as Python's floats
        for row, weights in zip(scores, a):
            for token, weight in weights.items():
                if token in columns:
                    found, factors = columns[token]
                    row[found] += weight * factors
    return scores if columns else scores.astype(int)  # as the sums of no products


class _Vectors:
    """All three kinds of some texts, for scores; equal ones are computed once by the engine."""

    def __init__(self, model: BGEM3FlagModel, texts: list[str], length: int):
        found = model._encode_all(texts, length, True, True, True, cut=not compat.scores_of_whole_vectors)
        self.dense = found["dense"]
        self.colbert = found["colbert"]
        self.indptr, self.ids, self.weights = found["sparse"]

    def scores(self, n: int, other: _Vectors, m: int) -> tuple[float, float, float]:
        mine = slice(self.indptr[n], self.indptr[n + 1])
        theirs = slice(other.indptr[m], other.indptr[m + 1])
        _, a, b = np.intersect1d(self.ids[mine], other.ids[theirs], assume_unique=True, return_indices=True)
        sparse = float(self.weights[mine][a] @ other.weights[theirs][b])
        colbert = _core.colbert_score(self.colbert[n], other.colbert[m], compat.clamp_colbert_scores)
        return colbert, sparse, float(self.dense[n] @ other.dense[m])


# The name in the module of the reference that defines it.
M3Embedder = BGEM3FlagModel
