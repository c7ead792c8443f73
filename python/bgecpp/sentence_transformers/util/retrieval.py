"""Searches among vectors in memory, on the library's own kernels.

Vectors are float32 in a tensor (CPU) or an array, and compared by cos_sim or dot_score: then neither
torch nor a matrix of all scores is needed, and of equal scores the lower index comes first. Anything
else (other score functions, float64, sparse tensors) is computed as it is given, in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any

import numpy as np

from bgecpp._common import progress_bar, torch_or_none
from bgecpp._core import search_vectors, vectors_above

from .._arrays import Array, FloatArray, as_unit_rows, is_tensor, to_float32_rows, to_numpy, unit_rows
from . import similarity
from .tensor import _convert_to_batch_tensor, _convert_to_tensor, _has_nan, normalize_embeddings

_BYTES_AT_ONCE = 8 << 20
_ROWS_TO_FIND_ONE = 64

ScoreFunction = Callable[[Any, Any], Any]
Hits = list[list[dict[str, int | float]]]


def _named(score_function: ScoreFunction) -> str:
    """ "cos_sim" or "dot_score" for those functions, ours or sentence-transformers' own; else ""."""
    if score_function in (similarity.cos_sim, similarity.pytorch_cos_sim):
        return "cos_sim"
    if score_function is similarity.dot_score:
        return "dot_score"
    if str(getattr(score_function, "__module__", "")).startswith("sentence_transformers.util"):
        name = str(getattr(score_function, "__name__", ""))
        return name if name in ("cos_sim", "dot_score") else ""
    return ""


def _is_native(*vectors: Any) -> bool:
    """Whether the native search computes in the precision that these have."""
    for one in vectors:
        if isinstance(one, (list, tuple)):
            if not one:
                return False
            one = one[0]
        if is_tensor(one):
            if one.is_sparse or not one.is_floating_point() or one.element_size() > 4 or one.device.type != "cpu":
                return False
        elif getattr(one, "dtype", None) not in (np.float16, np.float32):
            return False
    return True


def _at_least(least: int, **numbers: Any) -> None:
    for name, value in numbers.items():
        if not isinstance(value, Integral) or value < least:
            raise ValueError(f"{name}: expected an integer of at least {least}, found {value!r:.80}")


def _refuse_nan(**vectors: Any) -> None:
    for name, value in vectors.items():
        if _has_nan(value):
            raise ValueError(f"{name}: expected numbers, found NaN: no vector is near it")


def _blocks(vectors: Any, size: int) -> Iterator[tuple[int, Any]]:
    """Blocks of rows, each with the number of its first."""
    for begin in range(0, vectors.shape[0], size):
        end = min(begin + size, vectors.shape[0])
        if is_tensor(vectors) and vectors.is_sparse:
            torch = torch_or_none()
            yield begin, vectors.index_select(0, torch.arange(begin, end, device=vectors.device))
        else:
            yield begin, vectors[begin:end]


def _best(scores: Array, rows: Array, top_k: int) -> tuple[Array, Array]:
    """The best top_k of each line, best first; of equal ones those that stand before."""
    if scores.shape[1] > 4 * top_k > 0:
        kept = np.sort(np.argpartition(-scores, top_k - 1, axis=1)[:, :top_k], axis=1)
        # Ties at the edge: what argpartition took of them is not the first.
        edge = np.take_along_axis(scores, kept, 1).min(axis=1, keepdims=True)
        if np.all((scores >= edge).sum(axis=1) == top_k):
            scores, rows = np.take_along_axis(scores, kept, 1), np.take_along_axis(rows, kept, 1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)


def _search(
    queries: Any, corpus: Any, query_chunk_size: int, corpus_chunk_size: int, top_k: int, score_function: ScoreFunction
) -> list[tuple[Array, Array]]:
    """For blocks of queries one after another: scores and rows, both (block, min(top_k, N))."""
    name = _named(score_function)
    if name and _is_native(queries, corpus):
        return [_search_natively(to_float32_rows(queries), to_numpy(corpus), corpus_chunk_size, top_k, name == "cos_sim")]
    blocks = [block for _, block in _blocks(queries, query_chunk_size)]
    if name == "cos_sim":  # each vector divided by its length once, not with every block of the others
        blocks, score_function = list(map(_unit_rows, blocks)), similarity.dot_score
    found = [_nothing(block.shape[0]) for block in blocks]
    for begin, some_rows in _blocks(corpus, corpus_chunk_size):
        some_rows = _unit_rows(some_rows) if name == "cos_sim" else some_rows
        for place, block in enumerate(blocks):
            scores = to_numpy(score_function(block, some_rows))
            numbers = np.broadcast_to(np.arange(begin, begin + scores.shape[1]), scores.shape)
            found[place] = _joined(found[place], _best(scores, numbers, top_k), top_k)
    return found


def _unit_rows(vectors: Any) -> Any:
    """As cos_sim divides them."""
    return normalize_embeddings(_convert_to_batch_tensor(vectors))


def _nothing(num_queries: int) -> tuple[Array, Array]:
    """The scores and rows of a search that finds none."""
    return np.empty((num_queries, 0), np.float32), np.empty((num_queries, 0), np.int64)


def _joined(found: tuple[Array, Array], more: tuple[Array, Array], top_k: int) -> tuple[Array, Array]:
    """The best of both, of which the second are of later rows."""
    scores, rows = (np.concatenate([some, others], axis=1) for some, others in zip(found, more))
    return _best(scores, rows, top_k)


def _rows_at_once(corpus: Array, top_k: int) -> int:
    """How many rows are searched at once: all, where that takes no copy of them; else some megabytes of them, which stay
    in the caches, but many more than each query finds, as what the blocks find is joined."""
    if corpus.dtype == np.float32 and corpus.flags.c_contiguous:
        return max(len(corpus), 1)
    width = int(corpus.shape[1])
    return max(_BYTES_AT_ONCE // (4 * max(width, 1)), _ROWS_TO_FIND_ONE * top_k, 1)


def _search_natively(
    queries: FloatArray, corpus: Array, corpus_chunk_size: int, top_k: int, cosine: bool, refuse_nan: bool = False
) -> tuple[Array, Array]:
    if corpus.ndim == 1:
        corpus = corpus[np.newaxis]
    found: tuple[Array, Array] | None = None
    for begin, block in _blocks(corpus, min(corpus_chunk_size, _rows_at_once(corpus, top_k))):
        scores, numbers = search_vectors(queries, to_float32_rows(block), top_k, cosine=cosine, refuse_nan=refuse_nan)
        if begin:
            numbers += begin
        found = (scores, numbers) if found is None else _joined(found, (scores, numbers), top_k)
    return found or _nothing(len(queries))


def _search_numbers(queries: Any, corpus: Any, corpus_chunk_size: int, top_k: int, cosine: bool) -> tuple[Array, Array]:
    """_search_natively; ValueError, as _refuse_nan has it, for a corpus with NaN, which takes no pass of its own."""

    def search(refuse_nan: bool) -> tuple[Array, Array]:
        return _search_natively(
            to_float32_rows(queries), to_numpy(corpus), corpus_chunk_size, top_k, cosine, refuse_nan
        )

    if len(queries) > 0 and top_k > 0:
        try:
            return search(True)
        except ValueError:
            pass  # for NaN, for infinite values, which count as they did, or for another reason, which comes again
    _refuse_nan(corpus_embeddings=corpus)
    return search(False)


def semantic_search(
    query_embeddings: Any,
    corpus_embeddings: Any,
    query_chunk_size: int = 100,
    corpus_chunk_size: int = 500000,
    top_k: int = 10,
    score_function: ScoreFunction = similarity.cos_sim,
) -> Hits:
    """For each query (Q, D) or (D,) the best of the corpus (N, D), best first.

    A list of {"corpus_id": int, "score": float} for each query, min(top_k, N) long.
    """
    _at_least(1, query_chunk_size=query_chunk_size, corpus_chunk_size=corpus_chunk_size)
    _at_least(0, top_k=top_k)
    name = _named(score_function)
    native = bool(name) and _is_native(query_embeddings, corpus_embeddings)
    queries = query_embeddings if native else _convert_to_tensor(query_embeddings)
    corpus = corpus_embeddings if native else _convert_to_tensor(corpus_embeddings)
    if not native and queries.ndim == 1:
        queries = queries[None]
    if not native and is_tensor(corpus) and queries.device != corpus.device:
        queries = queries.to(corpus.device)
    if name:
        _refuse_nan(query_embeddings=queries)
    if native:
        found = [_search_numbers(queries, corpus, corpus_chunk_size, top_k, name == "cos_sim")]
    else:
        if name:
            _refuse_nan(corpus_embeddings=corpus)
        found = _search(queries, corpus, query_chunk_size, corpus_chunk_size, top_k, score_function)
    hits: Hits = []
    for scores, rows in found:
        for of_query, numbers in zip(scores.tolist(), rows.tolist()):
            hits.append([{"corpus_id": number, "score": score} for score, number in zip(of_query, numbers)])
    return hits


def information_retrieval(*args: Any, **kwargs: Any) -> Hits:
    """semantic_search, by the name that it once had."""
    return semantic_search(*args, **kwargs)


def paraphrase_mining(
    model: Any,
    sentences: list[str],
    show_progress_bar: bool = False,
    batch_size: int = 32,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100000,
    max_pairs: int = 500000,
    top_k: int = 100,
    score_function: ScoreFunction = similarity.cos_sim,
    truncate_dim: int | None = None,
    prompt_name: str | None = None,
    prompt: str | None = None,
) -> list[list[float | int]]:
    """The most similar pairs of sentences: see paraphrase_mining_embeddings."""
    embeddings = model.encode(
        sentences,
        show_progress_bar=show_progress_bar,
        batch_size=batch_size,
        convert_to_numpy=True,
        truncate_dim=truncate_dim,
        prompt_name=prompt_name,
        prompt=prompt,
    )
    if not _named(score_function):
        embeddings = _convert_to_tensor(embeddings)
    return paraphrase_mining_embeddings(
        embeddings, query_chunk_size, corpus_chunk_size, max_pairs, top_k, score_function
    )


def paraphrase_mining_embeddings(
    embeddings: Any,
    query_chunk_size: int = 5000,
    corpus_chunk_size: int = 100000,
    max_pairs: int = 500000,
    top_k: int = 100,
    score_function: ScoreFunction = similarity.cos_sim,
) -> list[list[float | int]]:
    """[score, i, j] with i < j, best first: each vector (N, D) with its top_k nearest others.

    At most max_pairs. A pair that both of its vectors name comes once.
    """
    _at_least(1, query_chunk_size=query_chunk_size, corpus_chunk_size=corpus_chunk_size)
    _at_least(0, top_k=top_k)
    count = len(embeddings)
    if count == 0:
        return []
    if not (_named(score_function) and _is_native(embeddings)):
        embeddings = _convert_to_tensor(embeddings)
        if _named(score_function) == "cos_sim":
            embeddings, score_function = _unit_rows(embeddings), similarity.dot_score
    elif _named(score_function) == "cos_sim":
        embeddings, score_function = as_unit_rows(to_float32_rows(embeddings)), similarity.dot_score
    else:
        embeddings = to_float32_rows(embeddings)
    scores = np.empty(0, np.float32)
    pairs = np.empty(0, np.int64)  # i * count + j
    first_query = 0
    for _, queries in _blocks(embeddings, query_chunk_size):
        for some_scores, rows in _search(
            queries, embeddings, query_chunk_size, corpus_chunk_size, top_k + 1, score_function
        ):
            numbers = np.arange(first_query, first_query + len(rows))[:, np.newaxis]
            first_query += len(rows)
            others = rows != numbers
            # Where a vector is not among its own nearest (copies of it are), one too many is left.
            others &= np.cumsum(others, axis=1) <= top_k
            found = (np.minimum(rows, numbers) * count + np.maximum(rows, numbers))[others]
            scores, pairs = _merged(scores, pairs, some_scores[others], found, max_pairs)
    firsts, seconds = np.divmod(pairs, count)
    return [[score, i, j] for score, i, j in zip(scores.tolist(), firsts.tolist(), seconds.tolist())]


def _merged(scores: Array, pairs: Array, more: Array, found: Array, max_pairs: int) -> tuple[Array, Array]:
    """The best max_pairs of both, best first, of equal ones the lower pair; each pair once."""
    if len(scores) == max_pairs > 0:
        far = more < scores[-1]
        more, found = more[~far], found[~far]
    scores = np.concatenate([scores, more])
    pairs = np.concatenate([pairs, found])
    _, firsts = np.unique(pairs, return_index=True)
    order = firsts[np.argsort(-scores[firsts], kind="stable")][:max_pairs]
    return scores[order], pairs[order]


def community_detection(
    embeddings: Any,
    threshold: float = 0.75,
    min_community_size: int = 10,
    batch_size: int = 1024,
    show_progress_bar: bool = False,
) -> list[list[int]]:
    """Groups of vectors (N, D) whose cosine with one of them is at least the threshold.

    Largest first, no vector in two; each begins with that one, then by falling cosine.
    """
    _at_least(1, batch_size=batch_size)
    if len(embeddings) == 0:
        return []
    native = _is_native(embeddings)
    vectors = embeddings if native else _convert_to_tensor(embeddings)
    rows = to_float32_rows(vectors) if native else vectors
    if rows.ndim == 1:
        rows = rows[None]
    if len(rows) < min_community_size:
        return []
    rows = as_unit_rows(rows) if native else normalize_embeddings(rows)

    communities: list[tuple[int, Array]] = []
    with progress_bar(show_progress_bar, "Finding clusters") as progress:
        for begin in range(0, len(rows), batch_size):
            for place, members in enumerate(_neighbours(rows[begin : begin + batch_size], rows, threshold, native)):
                if len(members) >= min_community_size:
                    communities.append((begin + place, members))
            if progress is not None:
                progress(min(begin + batch_size, len(rows)), len(rows))

    communities.sort(key=lambda community: len(community[1]), reverse=True)
    taken = np.zeros(len(rows), bool)
    unique: list[list[int]] = []
    for center, members in communities:
        if taken[center]:
            continue
        members = members[~taken[members]]
        if len(members) >= min_community_size:
            unique.append([center] + members[members != center].tolist())
            taken[unique[-1]] = True
    return sorted(unique, key=len, reverse=True)


def _neighbours(queries: Any, rows: Any, threshold: float, native: bool) -> Iterator[Array]:
    """For each query the rows of at least the threshold, as uint32, by falling score."""
    if native:
        indptr, numbers, _ = vectors_above(queries, rows, threshold)
        numbers = numbers.astype(np.uint32)
        for begin, end in zip(indptr[:-1].tolist(), indptr[1:].tolist()):
            yield numbers[begin:end]
        return
    scores = to_numpy(queries @ rows.T)
    for line in scores:
        above = np.flatnonzero(line >= np.float32(threshold))
        yield above[np.argsort(-line[above], kind="stable")].astype(np.uint32)
