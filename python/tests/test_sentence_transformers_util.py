"""bgecpp.sentence_transformers.util: searches and mining of vectors, against brute force."""

import tracemalloc

import numpy as np
import pytest

from bgecpp import search_vectors
from bgecpp.sentence_transformers import util
from bgecpp.sentence_transformers.util import normalize_embeddings, retrieval


def test_ties_come_in_order_and_blocks_change_nothing():
    random = np.random.default_rng(2)
    rows = np.repeat(random.normal(size=(50, 16)).astype(np.float32), 3, axis=0)
    queries = random.normal(size=(11, 16)).astype(np.float32)
    expected = util.semantic_search(queries, rows, top_k=20)
    for corpus_chunk, query_chunk in ((7, 3), (150, 1), (1, 100), (149, 11)):
        found = util.semantic_search(queries, rows, query_chunk, corpus_chunk, 20)
        assert [[hit["corpus_id"] for hit in hits] for hits in found] == [
            [hit["corpus_id"] for hit in hits] for hits in expected
        ]
    for hits in expected:
        scores = [(-hit["score"], hit["corpus_id"]) for hit in hits]
        assert scores == sorted(scores)
    # Another score function takes the way of blocks of scores.
    other = util.semantic_search(queries, rows, top_k=20, score_function=lambda a, b: util.cos_sim(a, b))
    np.testing.assert_allclose(
        [[hit["score"] for hit in hits] for hits in other],
        [[hit["score"] for hit in hits] for hits in expected],
        atol=1e-6,
    )
    # And float64 keeps its precision.
    double = util.semantic_search(queries.astype(float), rows.astype(float), top_k=1)
    exact = max(
        float(np.dot(queries[0].astype(float), row) / np.linalg.norm(queries[0].astype(float)) / np.linalg.norm(row))
        for row in rows.astype(float)
    )
    assert double[0][0]["score"] == pytest.approx(exact, abs=1e-14)


def test_searches_of_nothing():
    rows = np.zeros((0, 4), np.float32)
    query = np.ones((2, 4), np.float32)
    assert util.semantic_search(query, rows) == [[], []]
    assert util.semantic_search(rows, query) == []
    assert util.paraphrase_mining_embeddings(rows) == []
    assert util.community_detection(rows) == []
    assert util.community_detection(query, min_community_size=10) == []
    assert util.semantic_search(query[0], query)[0][0]["score"] == pytest.approx(1)
    assert len(util.semantic_search(query, query, top_k=100)[0]) == 2
    with pytest.raises(ValueError, match="vectors of 4 and of 5"):
        util.semantic_search(query, np.ones((2, 5), np.float32))


def test_paraphrases_by_brute_force():
    random = np.random.default_rng(3)
    rows = random.normal(size=(120, 8)).astype(np.float32)
    rows[60:70] = rows[:10]
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    scores = unit @ unit.T
    found = util.paraphrase_mining_embeddings(rows, top_k=4, query_chunk_size=13)
    expected = set()
    for i in range(len(rows)):
        near = [j for j in np.argsort(-scores[i], kind="stable") if j != i][:4]
        expected |= {(min(i, j), max(i, j)) for j in near}
    assert {(i, j) for _, i, j in found} == expected
    assert len(found) == len(expected)
    np.testing.assert_allclose([s for s, _, _ in found], [scores[i, j] for _, i, j in found], atol=1e-6)
    assert [s for s, _, _ in found] == sorted((s for s, _, _ in found), reverse=True)


def test_blocks_of_copies_change_nothing(monkeypatch):
    random = np.random.default_rng(4)
    rows = random.normal(size=(400, 16)).astype(np.float32)
    rows[100:200] /= np.linalg.norm(rows[100:200], axis=1, keepdims=True)
    rows[300:] = rows[:100]
    rows[250] = 0
    queries = random.normal(size=(5, 16)).astype(np.float32)
    for corpus in (rows, rows.astype(np.float16), np.asfortranarray(rows)):
        for function in (util.cos_sim, util.dot_score):
            whole = util.semantic_search(queries, corpus, top_k=3, score_function=function)
            with monkeypatch.context() as patch:
                patch.setattr(retrieval, "_BYTES_AT_ONCE", 100)
                patch.setattr(retrieval, "_ROWS_TO_FIND_ONE", 2)
                assert util.semantic_search(queries, corpus, top_k=3, score_function=function) == whole
    found = util.semantic_search(rows[:1], rows, top_k=400)[0]
    exact = (rows @ rows[0]) / np.maximum(np.linalg.norm(rows, axis=1), 1e-12) / np.linalg.norm(rows[0])
    np.testing.assert_allclose([hit["score"] for hit in found], [exact[hit["corpus_id"]] for hit in found], atol=1e-6)


def test_cosines_of_any_lengths_are_those_of_divided_rows():
    random = np.random.default_rng(8)
    rows = (random.normal(size=(5000, 48)) * 10.0 ** random.integers(-6, 7, size=(5000, 1))).astype(np.float32)
    rows[1000:2000] /= np.linalg.norm(rows[1000:2000], axis=1, keepdims=True)
    rows[7], rows[8], rows[9] = 0, 3e30, 1e-30  # no length, a square that is infinite, a length below 1e-12
    rows[4000:4500], rows[4500:] = rows[:500], 2 * rows[500:1000]
    queries = random.normal(size=(3, 48)).astype(np.float32)
    found = util.semantic_search(queries, rows, top_k=5000)
    with np.errstate(over="ignore"):
        lengths = np.maximum(np.sqrt(np.square(rows).sum(axis=1)), np.float32(1e-12))
    unit = queries.astype(float) / np.linalg.norm(queries.astype(float), axis=1, keepdims=True)
    exact = unit @ (rows / lengths[:, np.newaxis]).astype(float).T
    for hits, expected in zip(found, exact):
        numbers = [hit["corpus_id"] for hit in hits]
        scores = [hit["score"] for hit in hits]
        assert sorted(numbers) == list(range(5000))
        np.testing.assert_allclose(scores, expected[numbers], atol=3e-7)
        assert [(-score, number) for score, number in zip(scores, numbers)] == sorted(
            (-score, number) for score, number in zip(scores, numbers)
        )
        of = dict(zip(numbers, scores))
        # A copy of a row, and its double, are as near.
        assert all(of[i] == of[i + 4000] for i in range(1000))


@pytest.mark.parametrize("function", [util.cos_sim, util.dot_score])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_infinite_values_are_far_and_nan_is_refused(function, dtype, monkeypatch):
    rows = np.random.default_rng(9).normal(size=(300, 8)).astype(dtype)
    queries = np.zeros((1, 8), dtype)
    queries[0, 0] = 1
    rows[200, 3] = np.inf  # its score is NaN, which counts as -infinity
    monkeypatch.setattr(retrieval, "_BYTES_AT_ONCE", 1000)
    found = util.semantic_search(queries, rows, top_k=300, score_function=function)[0]
    assert [found[-1]["corpus_id"], found[-1]["score"]] == [200, -np.inf]
    assert np.isfinite([hit["score"] for hit in found[:-1]]).all()
    rows[299, 7] = np.nan
    for asked, top_k in ((queries, 1), (queries, 0), (queries[:0], 1)):
        with pytest.raises(ValueError, match="^corpus_embeddings: expected numbers, found NaN"):
            util.semantic_search(asked, rows, top_k=top_k, score_function=function)
    with pytest.raises(ValueError, match="^corpus_embeddings: expected numbers, found NaN"):
        util.semantic_search(np.ones((1, 9), dtype), rows, score_function=function)


def test_a_corpus_is_searched_as_it_is(monkeypatch):
    calls = []

    def search(queries, rows, *args, **kwargs):
        calls.append(rows)
        return search_vectors(queries, rows, *args, **kwargs)

    monkeypatch.setattr(retrieval, "search_vectors", search)
    rows = np.random.default_rng(10).normal(size=(50_000, 64)).astype(np.float32)
    for function in (util.cos_sim, util.dot_score):
        calls.clear()
        util.semantic_search(rows[:2], rows, score_function=function)
        assert len(calls) == 1 and np.shares_memory(calls[0], rows)


@pytest.mark.parametrize("search", ["semantic_search", "paraphrase_mining_embeddings"])
def test_vectors_of_float64_are_divided_once(search, monkeypatch):
    rows = np.random.default_rng(11).normal(size=(70, 6))
    found = {}
    for chunk in (1000, 9):
        divided = []

        def normalize(vectors):
            divided.append(len(vectors))
            return normalize_embeddings(vectors)

        monkeypatch.setattr(retrieval, "normalize_embeddings", normalize)
        if search == "semantic_search":
            found[chunk] = util.semantic_search(rows[:25], rows, chunk, chunk, 5)
            assert sum(divided) == 95
        else:
            found[chunk] = util.paraphrase_mining_embeddings(rows, chunk, chunk, top_k=5)
            assert sum(divided) == 70
    if search == "semantic_search":
        own = util.semantic_search(rows[:25], rows, top_k=5, score_function=lambda a, b: util.cos_sim(a, b))
        for some in found.values():
            assert [[hit["corpus_id"] for hit in hits] for hits in some] == [
                [hit["corpus_id"] for hit in hits] for hits in own
            ]
            for hits, expected in zip(some, own):
                np.testing.assert_allclose([h["score"] for h in hits], [h["score"] for h in expected], atol=1e-14)
    else:
        own = util.paraphrase_mining_embeddings(rows, top_k=5, score_function=lambda a, b: util.cos_sim(a, b))
        for some in found.values():
            np.testing.assert_allclose(some, own, atol=1e-14)


def test_a_search_keeps_what_it_is_given_and_copies_little():
    random = np.random.default_rng(5)
    rows = random.normal(size=(60_000, 256)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    before = rows[:3].copy()
    for corpus in (rows, unit):
        tracemalloc.start()
        util.semantic_search(rows[:2], corpus, top_k=5)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 1 << 20
    assert (rows[:3] == before).all()


@pytest.mark.parametrize("max_pairs", [1, 7, 50, 10**6])
def test_the_best_pairs_of_all_blocks(max_pairs):
    random = np.random.default_rng(6)
    rows = random.integers(-2, 3, size=(90, 4)).astype(np.float32)  # with many equal scores
    found = util.paraphrase_mining_embeddings(
        rows, query_chunk_size=11, top_k=90, max_pairs=max_pairs, score_function=util.dot_score
    )
    scores = rows @ rows.T
    expected = sorted((-float(scores[i, j]), i, j) for i in range(90) for j in range(i + 1, 90))[:max_pairs]
    assert found == [[-score, i, j] for score, i, j in expected]


def test_quantization_of_many_rows():
    vectors = np.random.default_rng(7).normal(size=(2500, 8)).astype(np.float32)
    least, greatest = vectors.min(axis=0), vectors.max(axis=0)
    steps = np.clip(np.floor((vectors - least) / ((greatest - least) / 255)), 0, 255)
    assert (util.quantize_embeddings(vectors, "uint8") == steps.astype(np.uint8)).all()
    assert (util.quantize_embeddings(vectors, "int8") == (steps - 128).astype(np.int8)).all()
    one = util.quantize_embeddings(vectors[3], "int8", ranges=np.stack([least, greatest]))
    assert (one == (steps[3] - 128).astype(np.int8)).all()
