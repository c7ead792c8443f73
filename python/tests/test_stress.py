"""Eight threads on shared models while others load, free, copy and fail; memory over many calls.

BGE_STRESS_SECONDS=120 makes it long, BGE_STRESS_CALLS=1000000 counts calls for memory: the test python_stress of
`./dev test --all` sets both.
"""

import gc
import os
import pickle
import threading
import time

import numpy as np
import pytest

from bgecpp import BGEM3FlagModel, Embedder, Reranker, SentenceTransformer

SECONDS = float(os.environ.get("BGE_STRESS_SECONDS", "2"))
CALLS = int(os.environ.get("BGE_STRESS_CALLS", "20000"))
TEXTS = [f"text number {i} with {'many ' * (i % 17)}words" for i in range(64)]


def resident() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_eight_threads(models):
    bert, m3 = Embedder(str(models / "tiny-bert")), Embedder(str(models / "tiny-m3"))
    reranker = Reranker(str(models / "tiny-reranker"))
    sentences, flag_m3 = SentenceTransformer(str(models / "tiny-bert")), BGEM3FlagModel(str(models / "tiny-m3"))
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    vectors = bert.encode(TEXTS)
    flag = flag_m3.encode(TEXTS, **kinds)
    sparse = m3.encode_all(TEXTS, dense=True, sparse=True, colbert=True)
    scores = reranker.compute_score("a query", TEXTS)
    end = time.monotonic() + SECONDS
    faults: list[str] = []
    done = [0] * 8

    def near(a, b):
        return np.abs(a - b).max() < 1e-6

    def work(number: int) -> None:
        random = np.random.default_rng(number)
        try:
            while time.monotonic() < end and not faults:
                chosen = random.integers(0, len(TEXTS), 1 + random.integers(0, 12))
                texts = [TEXTS[i] for i in chosen]
                kind = random.integers(0, 10)
                if kind == 0:
                    assert near(bert.encode(texts), vectors[chosen]), "encode"
                elif kind == 1:
                    found = m3.encode_all(texts, dense=True, sparse=True, colbert=True)
                    assert near(found["dense"], sparse["dense"][chosen]), "dense"
                    assert near(found["colbert"][0], sparse["colbert"][chosen[0]]), "colbert"
                elif kind == 2:
                    assert near(reranker.compute_score("a query", texts), scores[chosen]), "score"
                elif kind == 3:
                    assert near(Embedder(str(models / "tiny-bert"), threads=1).encode(texts), vectors[chosen]), "load"
                elif kind == 4:
                    assert near(pickle.loads(pickle.dumps(bert)).encode(texts), vectors[chosen]), "pickle"
                elif kind == 5:
                    try:
                        bert.encode([*texts, 5])
                    except TypeError:
                        pass
                elif kind == 6:
                    assert near(sentences.encode(texts), vectors[chosen]), "SentenceTransformer"
                    tokens = sentences.encode(texts, output_value="token_embeddings")
                    assert len(tokens) == len(texts), "token_embeddings"
                elif kind == 7:
                    found = flag_m3.encode(texts, **kinds)
                    assert near(found["dense_vecs"], flag["dense_vecs"][chosen]), "BGEM3FlagModel"
                    for i, text in enumerate(chosen):
                        assert found["lexical_weights"][i].keys() == flag["lexical_weights"][text].keys(), "lexical weights"
                        assert near(found["colbert_vecs"][i], flag["colbert_vecs"][text]), "colbert vectors"
                elif kind == 8:
                    again = pickle.loads(pickle.dumps(sentences))
                    assert near(again.encode(texts), vectors[chosen]), "pickled SentenceTransformer"
                else:
                    assert len(bert.tokenizer.encode(texts)["ids"]) > 0
                done[number] += 1
        except BaseException as error:
            faults.append(f"thread {number}: {error!r}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults
    assert all(count > 0 for count in done), done
    print(f"{sum(done)} calls of 8 threads in {SECONDS:g} s")


# What a call does, of each class.
CALLED = {
    "Embedder": (Embedder, "tiny-bert", {}),
    "SentenceTransformer": (SentenceTransformer, "tiny-bert", {}),
    "BGEM3FlagModel": (BGEM3FlagModel, "tiny-m3", {"return_sparse": True, "return_colbert_vecs": True}),
}


@pytest.mark.parametrize("name", CALLED)
def test_memory_over_many_calls(models, name):
    cls, folder, arguments = CALLED[name]
    model = cls(str(models / folder), threads=1)
    for text in TEXTS * 20:
        model.encode(text, **arguments)
    gc.collect()
    before = resident()
    for i in range(CALLS):
        model.encode(TEXTS[i % len(TEXTS)], **arguments)
    gc.collect()
    grown = resident() - before
    print(f"{CALLS} calls of {name}: {grown} bytes more")
    assert grown < 1 << 20
