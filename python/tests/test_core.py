"""bgecpp's own classes: inputs, outputs, threads, signals, processes."""

import asyncio
import gc
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import bgecpp
from bgecpp import Embedder, Index, IndexEditor, IndexWriter, Reranker, Tokenizer
from conftest import ROOT

TEXTS = ["What is BGE?", "a b c", "", "x" * 3000, "Ünïcode 中文 😀", "What is BGE?"]


@pytest.fixture(scope="module")
def model(models):
    return Embedder(str(models / "tiny-bert"))


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-roberta", "tiny-modernbert"])
def test_vectors_are_the_golden_ones(models, name):
    golden = json.loads((models.parent / f"golden/{name}.json").read_text())
    case = next(case for case in golden["cases"] if case["name"] == "as_committed")
    texts = golden["texts"][case["texts"]]
    expected = np.array(case["vectors"], np.float32)
    found = Embedder(str(models / name)).encode(texts)
    assert found.shape == expected.shape and len(texts) > 5
    assert np.abs(found - expected).max() < golden["tolerance"]


def test_shapes_and_types(model):
    dimension = model.info["dimension"]
    one = model.encode(TEXTS[0])
    assert one.shape == (dimension,) and one.dtype == np.float32
    many = model.encode(TEXTS)
    assert many.shape == (len(TEXTS), dimension) and many.flags.c_contiguous
    assert np.array_equal(many[0], many[5])
    assert np.abs(many[0] - one).max() < 1e-6
    assert np.allclose(np.linalg.norm(many, axis=1), 1, atol=1e-6)
    assert model.encode([]).shape == (0, dimension)
    for container in (tuple, iter, lambda t: np.array(t, dtype=object), lambda t: dict.fromkeys(t)):
        assert np.abs(model.encode(container(TEXTS[:5])) - many[:5]).max() < 1e-6


@pytest.mark.parametrize(
    "bad, message",
    [(["a", 3], r"texts\[1\]: expected a str, found int"), (5, "found int"), (b"x", "found bytes"),
     (["a", None], r"texts\[1\]: expected a str, found NoneType"), ([b"a"], r"texts\[0\]: .* found bytes")],
)
def test_wrong_inputs_name_their_place(model, bad, message):
    with pytest.raises(TypeError, match=message):
        model.encode(bad)


def test_lone_surrogates_are_replaced(model):
    assert np.array_equal(model.encode("a \ud800 b"), model.encode("a \ufffd b"))


def test_texts_stay_as_small_as_they_were(model):
    texts = [chr(0x4E00 + i) * 50 for i in range(3)] + ["é" * 50, "\ud800" * 50, "ascii"]
    before = [sys.getsizeof(text) for text in texts]
    model.encode(texts)
    model.encode(texts[0])
    model.tokenizer.encode(texts)
    assert [sys.getsizeof(text) for text in texts] == before


def test_errors_are_the_built_in_ones_too(model, tmp_path):
    with pytest.raises(ValueError, match="truncate_dim out of range"):
        model.encode("a", truncate_dim=10**6)
    with pytest.raises(LookupError, match="no such model directory"):
        Embedder(str(tmp_path / "absent"))
    with pytest.raises(bgecpp.BgeError) as caught:
        Embedder(str(tmp_path / "absent"))
    assert caught.value.code == "not_found"
    with pytest.raises(ValueError, match="role"):
        model.encode("a", role="passage")
    with pytest.raises(ValueError, match="pooling: expected"):
        Embedder(model.info["path"], pooling="first")
    with pytest.raises(ValueError, match="dtype: expected"):
        Embedder(model.info["path"], dtype="f64")


def test_out_is_filled_in_place(model):
    out = np.full((2, model.info["dimension"]), np.nan, np.float32)
    result = model.encode(TEXTS[:2], out=out)
    assert np.shares_memory(result, out)
    assert np.array_equal(out, model.encode(TEXTS[:2]))
    with pytest.raises(ValueError, match=r"out: expected shape \(2, "):
        model.encode(TEXTS[:2], out=np.zeros((3, 4), np.float32))


def test_statistics_count_truncated_texts(model):
    vectors, stats = model.encode(["a " * 5000, "b"], return_stats=True)
    assert stats["texts"] == 2 and stats["truncated_texts"] == 1
    assert stats["max_length"] == model.info["max_length"]


def test_progress_is_called_and_may_stop_the_work(model):
    calls = []
    model.encode(["a", "b"] * 50, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1][0] == calls[-1][1] == 100

    def stop(done, total):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        model.encode([f"text {i}" for i in range(20000)], progress=stop)


def test_all_kinds_of_one_pass(models):
    m3 = Embedder(str(models / "tiny-m3"))
    found = m3.encode_all(TEXTS, dense=True, sparse=True, colbert=True)
    indptr, ids, weights = found["sparse"]
    assert found["dense"].shape[0] == len(TEXTS) == len(found["colbert"]) == len(indptr) - 1
    assert len(ids) == len(weights) == indptr[-1] and ids.dtype == np.int32
    assert all(vectors.shape[1] == m3.info["colbert_dimension"] for vectors in found["colbert"])
    assert found["stats"]["texts"] == len(TEXTS)
    with pytest.raises(NotImplementedError):
        Embedder(str(models / "tiny-bert")).encode_all(TEXTS, sparse=True)


def test_hidden_states_pool_to_the_vectors(model):
    tokens = model.tokenizer.encode(TEXTS[:3], max_length=model.info["max_length"])
    hidden = model.hidden_states(tokens["ids"], tokens["type_ids"], tokens["cu_seqlens"])
    assert hidden.shape == (len(tokens["ids"]), model.info["hidden_size"])
    begin = tokens["cu_seqlens"][:-1]
    pooled = hidden[begin] if model.info["poolings"] == ["cls"] else (
        np.add.reduceat(hidden, begin) / np.diff(tokens["cu_seqlens"])[:, None])
    pooled = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    assert np.abs(pooled - model.encode(TEXTS[:3])).max() < 1e-5


@pytest.mark.parametrize(
    "ids, offsets, message",
    [([1, 2], [0, 1], "cu_seqlens does not cover"), ([1, 2], [], "cu_seqlens does not cover"),
     ([1, 2], [0, 0, 2], "length that the model does not take"), ([1, 2], [0, 3, 2], "does not take"),
     ([1, -1], [0, 2], "outside the model's vocabulary"), ([1, 2**31 - 1], [0, 2], "outside the model's vocabulary"),
     ([1] * 100000, [0, 100000], "length that the model does not take")],
)
def test_hidden_states_refuses_bad_tokens(model, ids, offsets, message):
    with pytest.raises(ValueError, match=message):
        model.hidden_states(np.array(ids, np.int32), None, np.array(offsets, np.int32))


def test_token_types_are_checked(model):
    ids = np.array([1, 2], np.int32)
    with pytest.raises(ValueError, match="not as many token types"):
        model.hidden_states(ids, np.array([0], np.int32), np.array([0, 2], np.int32))
    with pytest.raises(ValueError, match="token type out of range"):
        model.hidden_states(ids, np.array([0, 7], np.int32), np.array([0, 2], np.int32))


def test_tokenizer(models):
    tokenizer = Tokenizer(str(models / "tiny-bert"))
    found = tokenizer.encode(["a b", "c"], want_offsets=True)
    assert found["cu_seqlens"].tolist()[-1] == len(found["ids"]) == len(found["offsets"])
    assert found["special_tokens_mask"][0] == 1
    assert tokenizer.count_tokens(["a b", "c"]) == np.diff(found["cu_seqlens"]).tolist()
    token = tokenizer.id_to_token(int(found["ids"][0]))
    assert tokenizer.token_to_id(token) == found["ids"][0] and tokenizer.token_to_id("no such token") is None
    assert tokenizer.is_special(int(found["ids"][0])) and tokenizer.vocab_size > 0
    pair = tokenizer.encode(["a"], ["b"])
    assert 1 in pair["type_ids"] and tokenizer.num_special_tokens(True) == 3
    with pytest.raises(ValueError, match="pairs: found 2, expected 1"):
        tokenizer.encode(["a"], ["b", "c"])
    assert pickle.loads(pickle.dumps(tokenizer)).vocab_size == tokenizer.vocab_size


def test_reranker(models):
    reranker = Reranker(str(models / "tiny-reranker"))
    queries, passages = ["q one", "q two"], ["p", "another passage"]
    scores = reranker.compute_score(queries, passages)
    assert scores.shape == (2,) and scores.dtype == np.float32
    assert np.abs(reranker.compute_score("q one", passages)[0] - scores[0]) < 1e-6
    sigmoid = reranker.compute_score(queries, passages, normalize=True)
    logits = reranker.compute_score(queries, passages, normalize=False)
    assert np.abs(sigmoid - 1 / (1 + np.exp(-logits))).max() < 1e-6
    with pytest.raises(ValueError, match="passages: found 1 for 2 queries"):
        reranker.compute_score(queries, ["p"])
    tokens = reranker.tokenizer.encode(queries, passages)
    found = reranker.logits(tokens["ids"], tokens["type_ids"], tokens["cu_seqlens"])
    assert found.shape == (2, 1) and np.abs(found[:, 0] - logits).max() < 1e-5
    assert np.array_equal(pickle.loads(pickle.dumps(reranker)).compute_score(queries, passages), scores)


def test_pickle_keeps_options(models):
    model = Embedder(str(models / "tiny-bert"), pooling="mean", threads=1, dtype="f32", max_length=16)
    again = pickle.loads(pickle.dumps(model))
    assert again.info == model.info
    assert np.array_equal(again.encode(TEXTS), model.encode(TEXTS))


def test_quantized_directory(models, tmp_path):
    stats = bgecpp.quantize(str(models / "tiny-bert"), str(tmp_path / "int8"), "int8")
    assert stats["bytes_after"] < stats["bytes_before"]
    assert Embedder(str(tmp_path / "int8")).info["weights_dtype"] == "int8"
    with pytest.raises(ValueError, match="dtype: expected"):
        bgecpp.quantize(str(models / "tiny-bert"), str(tmp_path / "x"), "f64")


def test_index(model, tmp_path):
    path = str(tmp_path / "index")
    writer = IndexWriter(path, model.info["dimension"], model="tiny", metadata={"k": "v"})
    writer.add(["a", "b"], ["first", "second"], model.encode(["first", "second"]))
    with pytest.raises(ValueError, match="found 1 ids, 1 texts and 2 vectors"):
        writer.add(["c"], ["third"], model.encode(["third", "fourth"]))
    writer.finish()
    index = Index(path)
    assert len(index) == 2 and index.info["metadata"] == {"k": "v"}
    hits = index.search(model.encode(["first"]), top_k=1)[0]
    assert hits[0]["id"] == "a" and hits[0]["text"] == "first" and abs(hits[0]["score"] - 1) < 1e-5
    editor = IndexEditor(path)
    assert "a" in editor and editor.delete(["a", "none"]) == 1
    editor.add(["c"], ["third"], model.encode(["third"]))
    editor.commit()
    newer = index.refresh()
    assert newer is not None and len(newer) == 2 and len(index) == 2
    newer.verify()
    del writer, editor


@pytest.mark.parametrize("kind", ["str", "path", "bytes", "not UTF-8"])
def test_an_index_at_any_kind_of_path(tmp_path, kind):
    plain = tmp_path / "index"
    path = {"str": str(plain), "path": plain, "bytes": os.fsencode(plain), "not UTF-8": os.fsencode(tmp_path) + b"/\xff"}[kind]
    vectors = np.eye(2, 4, dtype=np.float32)
    writer = IndexWriter(path, 4)
    writer.add(["a", "b"], ["first", "second"], vectors)
    try:
        writer.finish()
    except OSError as error:
        if kind != "not UTF-8":
            raise
        pytest.skip(f"a file system without such names: {error}")
    editor = IndexEditor(path)
    assert editor.delete(["a"]) == 1
    editor.commit()
    assert [hit["id"] for hit in Index(path).search(vectors)[1]] == ["b"]
    assert os.path.isdir(path)
    with pytest.raises(TypeError, match=r"Index\(\): path: expected a path, found int"):
        Index(3)


def test_many_threads_share_one_model(model):
    expected = model.encode(TEXTS)
    faults = []

    def work():
        for _ in range(50):
            if np.abs(model.encode(TEXTS) - expected).max() > 1e-6:
                faults.append("differs")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


def test_asyncio_goes_on_meanwhile(models):
    model = Embedder(str(models / "tiny-bert"))

    async def both():
        ticks = 0
        task = asyncio.ensure_future(model.aencode([f"text {i}" for i in range(20000)]))
        while not task.done():
            await asyncio.sleep(0.002)
            ticks += 1
        return (await task).shape[0], ticks

    rows, ticks = asyncio.run(both())
    assert rows == 20000 and ticks > 1


def test_interrupt_ends_a_long_encode(models):
    program = (
        "import os, signal, sys, threading, time\n"
        "from bgecpp import Embedder\n"
        f"model = Embedder({str(models / 'tiny-bert')!r})\n"
        "texts = ['some words %d ' % i * 60 for i in range(200000)]\n"
        "threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "begin = time.monotonic()\n"
        "try:\n"
        "    model.encode(texts)\n"
        "    print('finished')\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', time.monotonic() - begin < 3)\n"
        "print(model.encode(['again']).shape[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["interrupted", "True", "1"], done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_computes_too(model):
    expected = model.encode(TEXTS)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = np.abs(model.encode(TEXTS) - expected).max() < 1e-6
            os.write(write, b"1" if same else b"0")
        finally:
            os._exit(0)
    signal.alarm(30)
    assert os.read(read, 1) == b"1"
    signal.alarm(0)
    os.waitpid(child, 0)


def test_memory_is_flat(model):
    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096

    def encode():
        for i in range(2000):
            model.encode([f"text number {i}", "another"])

    encode()
    gc.collect()
    before = resident()
    encode()
    gc.collect()
    assert resident() - before < 2 << 20


def test_import_is_light():
    program = "import sys, bgecpp; bgecpp.Embedder; print('numpy' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_beside_torch_in_both_orders(models):
    pytest.importorskip("torch", reason="torch is not installed: nothing to be imported beside")
    for first, second in (("torch", "bgecpp"), ("bgecpp", "torch")):
        program = (
            f"import {first}, {second}\n"
            f"model = bgecpp.Embedder({str(models / 'tiny-bert')!r})\n"
            "a = torch.ones(300, 300) @ torch.ones(300, 300)\n"
            "print(model.encode(['a'] * 50).shape[0], int(a[0, 0]))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
        assert done.stdout.split() == ["50", "300"], done.stderr


def test_arrow_texts_are_read_in_place(model):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    expected = model.encode(TEXTS)
    array = arrow.array(TEXTS)
    kinds = [array, array.cast(arrow.large_string()), arrow.chunked_array([array[:2], array[2:]]),
             arrow.chunked_array([], arrow.string()), arrow.concat_arrays([arrow.array(["zz"]), array])[1:]]
    if hasattr(arrow, "string_view"):
        kinds.append(array.cast(arrow.string_view()))
    for kind in kinds:
        found = model.encode(kind)
        assert found.shape[0] == len(kind)
        if len(kind):
            assert np.abs(found - expected).max() < 1e-6
    with pytest.raises(ValueError, match=r"texts\[1\]: null"):
        model.encode(arrow.array(["a", None]))
    with pytest.raises(TypeError, match="texts: expected Arrow data of type string"):
        model.encode(arrow.array([1, 2]))


def test_a_query_costs_little_over_the_engine(model):
    begin = time.perf_counter()
    for _ in range(300):
        model.encode("a short query")
    assert (time.perf_counter() - begin) / 300 < 0.05  # a bound for loaded machines; bench has the figure


def test_a_cancelled_task_stops_computing(model):
    import asyncio
    import threading
    import time

    texts = ["some words of a text " * 20] * 20_000
    reported = []

    async def run():
        task = asyncio.ensure_future(model.aencode(texts, progress=lambda done, total: reported.append(done)))
        while not reported:
            await asyncio.sleep(0.001)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return time.monotonic()
        raise AssertionError("it was not cancelled")

    before = threading.active_count()
    cancelled = asyncio.run(run())
    # asyncio.run() waits for the thread, which has ended at its next batch.
    assert time.monotonic() - cancelled < 5 and reported[-1] < len(texts) and threading.active_count() == before

    async def whole():
        return await model.aencode(texts[:5], progress=lambda done, total: reported.append(total))

    assert len(asyncio.run(whole())) == 5 and reported[-1] == 5


def test_bindings_keep_to_the_stable_abi():
    """One module is for Python 3.12 and later: it may not see what Python's objects are made of. (Python 3.11 cannot build
    it: `./dev wheel python3.12` does.)"""
    fields = re.compile(r"->\s*(?:tp|ob|nb|sq|mp|am|bf)_\w+")
    sources = sorted((ROOT / "python/bindings").glob("*.[ch]*"))
    assert sources
    found = [f"{path.name}: {match[0]}" for path in sources for match in fields.finditer(path.read_text())]
    assert not found, found
