"""bgecpp.infinity: alone, and against infinity_emb."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bgecpp
from bgecpp.infinity import (
    AsyncEmbeddingEngine,
    AsyncEngineArray,
    EngineArgs,
    MatryoshkaDimError,
    ModelNotDeployedError,
    SyncEngineArray,
)

TEXTS = ["hello world", "a", "", "Hello, World! - it's here", "the cat sat on the mat " * 8]
LIMIT = 1e-5


def embedder(models: Path, **settings: Any) -> AsyncEmbeddingEngine:
    return AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=str(models / "tiny-bert"), **settings))


def test_embed_gives_vectors_and_usage(models: Path) -> None:
    async def run() -> None:
        engine = embedder(models, device="cpu", engine="torch")
        assert not engine.is_running and engine.capabilities == {"embed"}
        async with engine as same:
            assert same is engine and engine.is_running
            embeddings, usage = await engine.embed(sentences=TEXTS)
            assert isinstance(embeddings, list) and usage == sum(map(len, TEXTS))
            assert all(e.dtype == np.float32 and e.ndim == 1 for e in embeddings)
            expected = bgecpp.Embedder(str(models / "tiny-bert")).encode(TEXTS)
            assert np.abs(np.stack(embeddings) - expected).max() < 1e-6
            assert await engine.embed(sentences=[]) == ([], 0)
            assert engine.overload_status().queue_absolute == 0 and not engine.is_overloaded()
            with pytest.raises(ModelNotDeployedError):
                await engine.rerank(query="a", docs=["b"])
            with pytest.raises(TypeError, match=r"texts\[1\]"):
                await engine.embed(sentences=["a", 3])  # type: ignore[list-item]
        assert not engine.is_running
        with pytest.raises(ValueError, match="didn't start"):
            await engine.embed(sentences=TEXTS)
        await engine.astart()
        await engine.astart()
        assert len((await engine.embed(sentences=["again"]))[0]) == 1
        await engine.astop()
        await engine.astop()

    asyncio.run(run())


def test_concurrent_requests_are_computed_together(models: Path) -> None:
    async def run() -> None:
        engine = embedder(models, batch_size=64)
        calls: list[int] = []
        compute = engine._embed

        def counted(texts: list[str]) -> Any:
            calls.append(len(texts))
            return compute(texts)

        engine._embed = counted  # type: ignore[method-assign]
        async with engine:
            texts = [f"text number {i}" for i in range(200)]
            results = await asyncio.gather(*(engine.embed(sentences=[t]) for t in texts))
            expected = bgecpp.Embedder(str(models / "tiny-bert")).encode(texts)
            assert np.abs(np.stack([r[0][0] for r in results]) - expected).max() < 1e-6
        assert sum(calls) == 200 and len(calls) < 20

    asyncio.run(run())


def test_cancelled_requests_are_not_computed(models: Path) -> None:
    async def run() -> None:
        engine = embedder(models)
        seen: list[str] = []
        compute = engine._embed
        gate = __import__("threading").Event()

        def gated(texts: list[str]) -> Any:
            gate.wait()
            seen.extend(texts)
            return compute(texts)

        engine._embed = gated  # type: ignore[method-assign]
        async with engine:
            first = asyncio.create_task(engine.embed(sentences=["first"]))
            await asyncio.sleep(0.05)
            second = asyncio.create_task(engine.embed(sentences=["second"]))
            await asyncio.sleep(0.05)
            second.cancel()
            await asyncio.sleep(0)
            gate.set()
            await first
            with pytest.raises(asyncio.CancelledError):
                await second
        assert seen == ["first"]

    asyncio.run(run())


def test_a_large_request_is_computed_in_pieces(models: Path) -> None:
    """Between which those of others have their turn; what is wrong with it, or its end, is its caller's alone."""
    import threading

    async def run() -> None:
        engine = embedder(models, batch_size=1)
        seen: list[list[str]] = []
        compute = engine._embed
        gate = threading.Semaphore(0)

        def gated(texts: list[str]) -> Any:
            gate.acquire(timeout=10)
            seen.append(texts)
            if "bad" in texts:
                raise ValueError("bad text")
            return compute(texts)

        engine._embed = gated  # type: ignore[method-assign]
        texts = [f"text number {i}" for i in range(20)]
        expected = bgecpp.Embedder(str(models / "tiny-bert")).encode(texts)

        async def first_piece_of(texts: list[str]) -> tuple[Any, Any]:
            """Both requests, of which the second came while the first one's first piece was computed."""
            seen.clear()
            large = asyncio.create_task(engine.embed(sentences=texts))
            await until_there_wait(len(texts) - 8)
            small = asyncio.create_task(engine.embed(sentences=["query"]))
            await until_there_wait(len(texts) - 8 + 1)
            return large, small

        async def until_there_wait(count: int) -> None:
            await asyncio.sleep(0)
            for _ in range(500):
                if engine.overload_status().queue_absolute == count:
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(engine.overload_status())

        async with engine:
            large, small = await first_piece_of(texts)
            gate.release(2)
            assert len((await small)[0]) == 1 and not large.done()
            gate.release(2)
            assert np.abs(np.stack((await large)[0]) - expected).max() < 1e-6
            assert seen == [texts[:8], ["query"], texts[8:16], texts[16:]]
            await until_there_wait(0)

            large, small = await first_piece_of([*texts[:8], "bad", *texts[9:], *texts])
            gate.release(3)
            assert len((await small)[0]) == 1
            with pytest.raises(ValueError, match="bad text"):
                await large

            large, small = await first_piece_of(texts)
            large.cancel()
            with pytest.raises(asyncio.CancelledError):
                await large
            gate.release(3)
            assert len((await small)[0]) == 1
            assert len((await engine.embed(sentences=["the last"]))[0]) == 1
            assert seen == [texts[:8], ["query"], ["the last"]]
            await until_there_wait(0)

    asyncio.run(run())


def test_an_error_reaches_only_who_caused_it(models: Path) -> None:
    async def run() -> None:
        engine = embedder(models)
        compute = engine._embed

        def failing(texts: list[str]) -> Any:
            if "bad" in texts:
                raise ValueError("bad text")
            return compute(texts)

        engine._embed = failing  # type: ignore[method-assign]
        async with engine:
            good, bad = await asyncio.gather(
                engine.embed(sentences=["good"]), engine.embed(sentences=["bad"]), return_exceptions=True
            )
            assert isinstance(bad, ValueError) and not isinstance(good, BaseException)

    asyncio.run(run())


def test_cuts_types_and_token_counts(models: Path) -> None:
    async def run() -> None:
        async with embedder(models, lengths_via_tokenize=True) as engine:
            whole, usage = await engine.embed(sentences=TEXTS)
            counts = bgecpp.Tokenizer(str(models / "tiny-bert")).count_tokens(TEXTS)
            assert usage == sum(min(n - 2, 64) for n in counts)
            cut, _ = await engine.embed(sentences=TEXTS, matryoshka_dim=8)
            assert all(abs(np.linalg.norm(e) - 1) < 1e-6 and len(e) == 8 for e in cut)
            with pytest.raises(MatryoshkaDimError):
                await engine.embed(sentences=TEXTS, matryoshka_dim=1000)
        async with embedder(models, matryoshka_normalize=False) as engine:
            cut, _ = await engine.embed(sentences=TEXTS, matryoshka_dim=8)
            assert np.array_equal(cut[0], whole[0][:8])
        for kind, dtype in (("ubinary", np.uint8), ("binary", np.int8)):
            async with embedder(models, embedding_dtype=kind) as engine:
                bits, _ = await engine.embed(sentences=TEXTS)
                assert bits[0].dtype == dtype and bits[0].shape == (4,)
        with pytest.raises(NotImplementedError, match="need ranges"):
            embedder(models, embedding_dtype="int8")
        with pytest.raises(NotImplementedError, match="dtype"):
            embedder(models, dtype="fp8")

    asyncio.run(run())


def test_rerank(models: Path) -> None:
    async def run() -> None:
        path = str(models / "tiny-bert-reranker")
        engine = AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=path))
        assert engine.capabilities == {"rerank"}
        async with engine:
            ranked, usage = await engine.rerank(query="hello", docs=TEXTS)
            raw, _ = await engine.rerank(query="hello", docs=TEXTS, raw_scores=True, top_n=2)
        assert usage == sum(len("hello" + t) for t in TEXTS) and len(raw) == 2
        logits = bgecpp.Reranker(path, pair_style="crossencoder").compute_score(
            "hello", [t.strip() for t in TEXTS], normalize=False
        )
        order = np.argsort(-logits, kind="stable")
        assert [r.index for r in ranked] == order.tolist()
        assert [r.document for r in ranked] == [TEXTS[i] for i in order]
        assert np.allclose([r.relevance_score for r in ranked], 1 / (1 + np.exp(-logits[order])), atol=1e-6)
        assert np.allclose([r.relevance_score for r in raw], logits[order][:2], atol=1e-6)

    asyncio.run(run())


def test_arrays_of_engines(models: Path) -> None:
    args = [
        EngineArgs(model_name_or_path=str(models / "tiny-bert"), served_model_name="embed"),
        EngineArgs(model_name_or_path=str(models / "tiny-bert-reranker"), served_model_name="rank"),
    ]

    async def run() -> None:
        array = AsyncEngineArray.from_args(args)
        await array.astart()
        assert array.is_running() and array["embed"] is array[0]
        assert len((await array.embed(model="embed", sentences=["a"]))[0]) == 1
        assert len((await array.rerank(model="rank", query="a", docs=["b", "c"]))[0]) == 2
        with pytest.raises(IndexError):
            array["nothing"]
        await array.astop()

    asyncio.run(run())
    with pytest.raises(ValueError, match="unique"):
        AsyncEngineArray.from_args([args[0], args[0]])
    sync = SyncEngineArray.from_args(args)
    assert len(sync.embed(model="embed", sentences=["a", "b"]).result()[0]) == 2
    sync.stop()


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-bert-reranker"])
def test_is_infinity_embs(models: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("sentence_transformers")
    # Its server needs packages that its engine does not.
    server = types.ModuleType("infinity_emb.infinity_server")
    server.create_server = None  # type: ignore[attr-defined]
    sys.modules.setdefault("infinity_emb.infinity_server", server)
    theirs = pytest.importorskip("infinity_emb")
    # It fails where config.json names no architecture.
    path = shutil.copytree(models / name, tmp_path / name)
    config = json.loads((path / "config.json").read_text())
    config["architectures"] = config.get("architectures") or ["BertModel"]
    (path / "config.json").write_text(json.dumps(config))
    settings = {"model_name_or_path": str(path), "device": "cpu", "dtype": "float32", "model_warmup": False}

    async def run() -> None:
        their_engine = theirs.AsyncEmbeddingEngine.from_args(
            theirs.EngineArgs(**settings, engine="torch", bettertransformer=False)
        )
        engine = AsyncEmbeddingEngine.from_args(EngineArgs(**settings))
        await their_engine.astart()
        await engine.astart()
        try:
            if name == "tiny-bert":
                ours, usage = await engine.embed(sentences=TEXTS)
                expected, their_usage = await their_engine.embed(sentences=TEXTS)
                assert usage == their_usage and [e.dtype for e in ours] == [e.dtype for e in expected]
                assert np.abs(np.stack(ours) - np.stack(expected)).max() < LIMIT
            else:
                cases: list[dict[str, Any]] = [
                    {"query": "hello", "docs": TEXTS},
                    {"query": "hello", "docs": TEXTS, "raw_scores": True},
                    {"query": "hello", "docs": TEXTS, "top_n": 2},
                    {"query": "hello", "docs": TEXTS, "top_n": 100, "raw_scores": True},
                    {"query": "hello", "docs": ["the same", "another", "the same", " the same "]},  # ties
                    {"query": " hello  world ", "docs": ["one"]},
                    {"query": "", "docs": TEXTS},
                    {"query": "word " * 200, "docs": ["word " * 200, "sea"], "raw_scores": True},
                ]
                for case in cases:
                    ours, usage = await engine.rerank(**case)
                    expected, their_usage = await their_engine.rerank(**case)
                    assert usage == their_usage
                    # Of equal scores theirs come in the order of their last digits, which differ from CPU to CPU.
                    their_scores = {r.index: r.relevance_score for r in expected}
                    for mine, other in zip(ours, expected, strict=True):
                        assert mine.document == case["docs"][mine.index]
                        tie = abs(their_scores[mine.index] - other.relevance_score) < 1e-6
                        assert mine.index == other.index or tie, case
                    scores = [np.array([r.relevance_score for r in side]) for side in (ours, expected)]
                    assert np.abs(scores[0] - scores[1]).max() < LIMIT and scores[0].dtype == scores[1].dtype
                    assert type(ours[0].relevance_score) is type(expected[0].relevance_score)
        finally:
            await engine.astop()
            await their_engine.astop()

    asyncio.run(run())


# What a program does that ends, forks, or forgets.


def array(models: Path) -> SyncEngineArray:
    return SyncEngineArray.from_args([EngineArgs(model_name_or_path=str(models / "tiny-bert"), threads=1)])


def used() -> tuple[int, int]:
    import os
    import threading

    return threading.active_count(), len(os.listdir("/proc/self/fd"))


def wait_until(check: Any) -> None:
    import time

    end = time.monotonic() + 30
    while not check() and time.monotonic() < end:
        time.sleep(0.02)
    assert check()


def test_a_stopped_array_says_so(models: Path) -> None:
    engines = array(models)
    last = engines.embed(model="tiny-bert", sentences=TEXTS)
    engines.stop()
    assert len(last.result(timeout=30)[0]) == len(TEXTS)
    for ask in (
        lambda: engines.embed(model="tiny-bert", sentences=TEXTS),
        lambda: engines.rerank(model="tiny-bert", query="a", docs=["b"]),
    ):
        with pytest.raises(ValueError, match="were stopped"):
            ask()
    engines.stop()
    assert not engines.is_running


def test_what_is_asked_for_before_stop_comes_whole(models: Path) -> None:
    """Also where a part of the answer is counted on another thread, after the vectors."""
    arguments = EngineArgs(model_name_or_path=str(models / "tiny-bert"), lengths_via_tokenize=True, batch_size=1)
    engines = SyncEngineArray([arguments])
    futures = [engines.embed(model="a", sentences=[f"text {i}"] * 20) for i in range(20)]
    engines.stop()
    assert all(future.result(timeout=0)[1] > 0 for future in futures)


def test_arrays_and_engines_leave_nothing_behind(models: Path) -> None:
    import gc

    array(models).stop()
    before = used()
    for i in range(5):
        engines = array(models)
        future = engines.embed(model="a", sentences=TEXTS)
        if i % 2:
            engines.stop()
        # An array that is dropped answers what it was asked.
        del engines
        assert len(future.result(timeout=30)[0]) == len(TEXTS)

    async def forgotten() -> None:
        engine = embedder(models)
        await engine.astart()
        await engine.embed(sentences=TEXTS)

    asyncio.run(forgotten())
    gc.collect()
    wait_until(lambda: used() == before)


PROGRAM = """
import asyncio, os, sys, time
from bgecpp.infinity import AsyncEmbeddingEngine, EngineArgs, SyncEngineArray
arguments = EngineArgs(model_name_or_path=sys.argv[1], threads=1, batch_size=1)
engines = SyncEngineArray([arguments])
texts = ["some words %d " % i * 30 for i in range(64)]
"""


def run(models: Path, code: str) -> str:
    import subprocess

    command = [sys.executable, "-W", "error", "-c", PROGRAM + code, str(models / "tiny-bert")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stderr)
    return done.stdout


def test_a_forked_child_has_threads_of_its_own(models: Path) -> None:
    code = """
import warnings; warnings.simplefilter("ignore", DeprecationWarning)
expected = engines.embed(model="a", sentences=["a"]).result()[0][0]
engine = AsyncEmbeddingEngine.from_args(arguments)
asyncio.run(engine.astart())
child = os.fork()
if child == 0:
    status = 1
    try:
        found = engines.embed(model="a", sentences=["a"]).result(timeout=30)[0][0]
        again = asyncio.run(engine.embed(sentences=["a"]))[0][0]
        asyncio.run(engine.astop())
        engines.stop()
        status = 0 if (found == expected).all() and (again == expected).all() else 2
    finally:
        os._exit(status)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert (engines.embed(model="a", sentences=["a"]).result(timeout=30)[0][0] == expected).all()
engines.stop()
asyncio.run(engine.astop())
print("done")
"""
    assert run(models, code) == "done\n"


@pytest.mark.parametrize(
    "last",
    [
        "",
        "engines.stop()",
        "del engines",
        # Whose end, and the process's, the loop learns of at the same time.
        "engines._loop.call_soon_threadsafe(time.sleep, 0.5)\ndel engines",
        "sys.exit()",
    ],
)
def test_a_process_ends_while_texts_wait(models: Path, last: str) -> None:
    asked = "futures = [engines.embed(model='a', sentences=texts) for _ in range(40)]\ntime.sleep(0.05)\nprint('done')\n"
    assert run(models, asked + last) == "done\n"


def test_documents_may_be_a_generator_and_change_meanwhile(models: Path) -> None:
    async def rerank() -> None:
        arguments = EngineArgs(model_name_or_path=str(models / "tiny-bert-reranker"))
        async with AsyncEmbeddingEngine.from_args(arguments) as engine:
            expected = await engine.rerank(query="cat", docs=TEXTS)
            assert await engine.rerank(query="cat", docs=(t for t in TEXTS)) == expected  # type: ignore[arg-type]
            docs = list(TEXTS)
            asked = asyncio.ensure_future(engine.rerank(query="cat", docs=docs))
            await asyncio.sleep(0)
            docs.clear()
            assert await asked == expected

    asyncio.run(rerank())
    engines = SyncEngineArray([EngineArgs(model_name_or_path=str(models / "tiny-bert-reranker"))])
    docs = list(TEXTS)
    asked = engines.rerank(model="a", query="cat", docs=docs)
    docs[:] = ["other"] * len(docs)
    assert {r.document for r in asked.result()[0]} == set(TEXTS)
    with pytest.raises(TypeError, match="found a str"):
        engines.embed(model="a", sentences="abc")  # type: ignore[arg-type]
    engines.stop()


def test_rows_of_other_callers_are_not_kept(models: Path) -> None:
    async def embed() -> None:
        async with embedder(models) as engine:
            found = await asyncio.gather(*(engine.embed(sentences=[f"t{i}"]) for i in range(50)))
            sizes = {e[0].base.nbytes if e[0].base is not None else e[0].nbytes for e, _ in found}
            assert max(sizes) <= 2 * found[0][0][0].nbytes

    asyncio.run(embed())
