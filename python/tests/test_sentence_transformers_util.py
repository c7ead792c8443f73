"""bgecpp.sentence_transformers.util: searches and mining of vectors, against brute force."""

import numpy as np
import pytest

from bgecpp.sentence_transformers import util


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
