"""infinity_emb's engines: awaitable embedding and reranking, requests of many callers computed together.

    engine = AsyncEmbeddingEngine.from_args(EngineArgs(model_name_or_path=path))
    async with engine:
        embeddings, usage = await engine.embed(sentences=texts)
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any

from bgecpp import _common, _infinity_worker, errors
from bgecpp._dimensions import uncut
from bgecpp._infinity_types import (
    Device,
    Dtype,
    EmbeddingDtype,
    EngineArgs,
    InferenceEngine as InferenceEngine,
    MatryoshkaDimError,
    ModelNotDeployedError,
    OverloadStatus,
    PoolingMethod,
    RerankReturnType,
)
from bgecpp._infinity_worker import Worker

__all__ = [
    "AsyncEmbeddingEngine",
    "AsyncEngineArray",
    "EngineArgs",
    "MatryoshkaDimError",
    "ModelNotDeployedError",
    "OverloadStatus",
    "RerankReturnType",
    "SyncEngineArray",
]

# Of waiting requests, so many times batch_size texts are computed together.
_BATCHES_TOGETHER = 8
_QUEUE_SIZE = 32_000
_DTYPES = {"auto": "default", "float32": "f32", "float16": "default", "bfloat16": "bf16", "int8": "int8"}

# All that run, for forks and for the end of the process.
_arrays: weakref.WeakSet[SyncEngineArray] = weakref.WeakSet()
_loops: dict[asyncio.AbstractEventLoop, threading.Thread] = {}
# Tasks that end a loop.
_endings: weakref.WeakSet[asyncio.Task[None]] = weakref.WeakSet()
# Of parents: never used, nor closed, which would reach into the parent's.
_others_loops: list[asyncio.AbstractEventLoop] = []


def _after_fork() -> None:
    # Threads, and whoever held a lock, did not come along.
    _others_loops.extend(_loops)
    _loops.clear()
    _infinity_worker.renew_all()
    for array in list(_arrays):
        array._renew()


def _at_exit() -> None:
    # Before the interpreter goes: a thread that comes back from the engine to one that is gone ends the process badly.
    _infinity_worker.abandon_all()
    for loop, thread in list(_loops.items()):
        with contextlib.suppress(RuntimeError):  # it has just ended by itself
            loop.call_soon_threadsafe(_begin_end, loop, (), True)
        thread.join()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)


class AsyncEmbeddingEngine:
    """One model. Safe from several tasks, event loops and threads at once; requests that wait are computed together,
    and one that is cancelled before that is not computed."""

    def __init__(self, model_name_or_path: str | None = None, **kwargs: Any) -> None:
        if model_name_or_path is not None:
            kwargs["model_name_or_path"] = model_name_or_path
        self._engine_args = EngineArgs(**kwargs)
        self.running = False
        self._starting = threading.Lock()
        self._load()

    @classmethod
    def from_args(cls, engine_args: EngineArgs) -> AsyncEmbeddingEngine:
        return cls(**engine_args.to_dict())

    def _load(self) -> None:
        from bgecpp.native import Embedder, Reranker, is_reranker

        args = self._engine_args
        if args.device not in (Device.cpu, Device.auto):
            _common.on_cpu(Device(args.device).value)
        dtype = _DTYPES.get(Dtype(args.dtype).value)
        if dtype is None:
            raise errors.Unsupported(f"dtype: expected one of {', '.join(_DTYPES)}, found {Dtype(args.dtype).value}")
        if args.embedding_dtype in (EmbeddingDtype.int8, EmbeddingDtype.uint8):
            raise errors.Unsupported(
                "embedding_dtype: int8 and uint8 need ranges that infinity_emb downloads texts for: use float32 or "
                "binary, or quantize_embeddings of sentence-transformers with ranges of your own"
            )
        name = args.model_name_or_path + (f"@{args.revision}" if args.revision else "")
        settings: dict[str, Any] = {"threads": args.threads, "dtype": dtype, "packed_cache": args.packed_cache}
        self._engine: Any
        if is_reranker(name):
            self._engine = Reranker(name, pair_style="crossencoder", **settings)
            self._rerank = partial(_rerank, self._engine)
            self._capabilities = {"rerank"}
        else:
            pooling = PoolingMethod(args.pooling_method).value
            self._engine = Embedder(name, pooling=None if pooling == "auto" else pooling, **settings)
            self._embed = partial(_embed, self._engine, EmbeddingDtype(args.embedding_dtype))
            self._capabilities = {"embed"}

    def __str__(self) -> str:
        return f"AsyncEmbeddingEngine(running={self.running}, {self._engine_args})"

    async def astart(self) -> None:
        """Starts its thread; again does nothing."""
        with self._starting:
            if not self.running:
                compute = self._embed if "embed" in self._capabilities else self._rerank
                self._worker = Worker(compute, _BATCHES_TOGETHER * self._engine_args.batch_size)
                self._finalizer = weakref.finalize(self, self._worker.finish)
                self._finalizer.atexit = False
                self.running = True

    async def astop(self) -> None:
        """Ends once all that was asked for is done."""
        if self._finish():
            await asyncio.to_thread(self._worker.stop)

    def _finish(self) -> bool:
        """Whether it ran: then its thread ends once all that was asked for is done."""
        with self._starting:
            was_running, self.running = self.running, False
            if was_running:
                self._finalizer.detach()
                self._worker.finish()
            return was_running

    async def __aenter__(self) -> AsyncEmbeddingEngine:
        await self.astart()
        return self

    async def __aexit__(self, *args: object) -> None:
        await self.astop()

    @property
    def is_running(self) -> bool:
        return self.running

    @property
    def capabilities(self) -> set[str]:
        """{"embed"} or {"rerank"}."""
        return self._capabilities

    @property
    def engine_args(self) -> EngineArgs:
        return self._engine_args

    def overload_status(self) -> OverloadStatus:
        self._assert_running()
        waiting = self._worker.waiting()
        return OverloadStatus(waiting / _QUEUE_SIZE, waiting, 0)

    def is_overloaded(self) -> bool:
        self._assert_running()
        return self._worker.waiting() > _QUEUE_SIZE

    def _assert_running(self) -> None:
        if not self.running:
            raise ValueError(
                "didn't start `AsyncEmbeddingEngine`: recommended use is via AsyncContextManager `async with engine: ..`"
            )

    def _assert_able(self, what: str) -> None:
        self._assert_running()
        if what not in self._capabilities:
            raise ModelNotDeployedError(f"the loaded model cannot `{what}`. Options are {self._capabilities}.")

    async def embed(self, sentences: list[str], matryoshka_dim: int | None = None) -> tuple[list[Any], int]:
        """A vector for each text, float32 (dim,) of unit length, and the usage: characters, or with
        lengths_via_tokenize tokens without special ones. Of ColBERT models (tokens, dim) each."""
        self._assert_able("embed")
        texts = _checked(sentences)
        if not texts:
            return [], 0
        embeddings = await asyncio.wrap_future(self._worker.submit(texts))
        return self._cut(embeddings, matryoshka_dim), await self._usage(texts)

    async def rerank(
        self, *, query: str, docs: list[str], raw_scores: bool = False, top_n: int | None = None
    ) -> tuple[list[RerankReturnType], int]:
        """Documents by score, best first, and the usage. Scores are sigmoids, with raw_scores logits."""
        self._assert_able("rerank")
        _checked([query])
        docs = _checked(docs)
        stripped = query.strip()
        pairs = [(stripped, doc.strip()) for doc in docs]
        if not pairs:
            return [], 0
        scores = await asyncio.wrap_future(self._worker.submit(pairs))
        if not raw_scores:
            scores = _sigmoids(scores)
        ranked = [RerankReturnType(relevance_score=s, document=d, index=i) for i, (s, d) in enumerate(zip(scores, docs))]
        ranked.sort(key=lambda r: r.relevance_score, reverse=True)
        return ranked[:top_n] if top_n is not None and top_n > 0 else ranked, await self._usage(
            [query + doc for doc in docs]
        )

    async def classify(self, *, sentences: list[str], raw_scores: bool = False) -> tuple[list[Any], int]:
        """Not for the models that this engine reads."""
        self._assert_able("classify")
        raise AssertionError

    async def image_embed(self, *, images: list[Any], matryoshka_dim: int | None = None) -> tuple[list[Any], int]:
        """Not for the models that this engine reads."""
        self._assert_able("image_embed")
        raise AssertionError

    async def audio_embed(self, *, audios: list[Any], matryoshka_dim: int | None = None) -> tuple[list[Any], int]:
        """Not for the models that this engine reads."""
        self._assert_able("audio_embed")
        raise AssertionError

    async def _usage(self, texts: list[str]) -> int:
        if not self._engine_args.lengths_via_tokenize:
            return sum(map(len, texts))
        return await asyncio.to_thread(self._count_tokens, texts)

    def _count_tokens(self, texts: list[str]) -> int:
        limit = int(self._engine.info["max_length"])
        encoded = self._engine.tokenizer.encode(texts, add_special_tokens=False, max_length=limit)
        return int(encoded["cu_seqlens"][-1])

    def _cut(self, embeddings: list[Any], dimension: int | None) -> list[Any]:
        if not dimension:
            return embeddings
        length = embeddings[0].shape[-1]
        if not 1 <= dimension <= length:
            raise MatryoshkaDimError(
                f"matryoshka_dim={dimension} is not in a valid range. Select between 1 and {length}."
            )
        cut = [e[..., :dimension] for e in embeddings]
        if not self._engine_args.matryoshka_normalize or self._engine_args.embedding_dtype is not EmbeddingDtype.float32:
            return cut
        return [_common.unit(e) for e in cut]


# On the engine's thread.


def _embed(engine: Any, kind: EmbeddingDtype, texts: list[str]) -> Any:
    if "dense" not in engine.info["heads"]:
        return engine.encode_all(texts, dense=False, colbert=True)["colbert"]
    # Parity: neither the prompts of a directory are put before texts, nor its length of vectors cuts them.
    vectors = engine.encode(texts, instruction="", normalize=True, **uncut(engine))
    if kind is EmbeddingDtype.float32:
        return vectors
    import numpy as np

    bits = np.packbits(vectors > 0, axis=-1)
    return bits if kind is EmbeddingDtype.ubinary else (bits.astype(np.int16) - 128).astype(np.int8)


def _rerank(engine: Any, pairs: list[tuple[str, str]]) -> Any:
    queries, documents = [q for q, _ in pairs], [d for _, d in pairs]
    return engine.compute_score(queries, documents, normalize=False)


class AsyncEngineArray:
    """Several engines, by the names that their models are served under."""

    def __init__(self, engines: Iterable[AsyncEmbeddingEngine]) -> None:
        engines = list(engines)
        if not engines:
            raise ValueError("Engines cannot be empty")
        self.engines_dict = {engine.engine_args.served_model_name: engine for engine in engines}
        if len(self.engines_dict) != len(engines):
            raise ValueError("Engines must have unique model names")

    @classmethod
    def from_args(cls, engine_args_array: Iterable[EngineArgs]) -> AsyncEngineArray:
        return cls(AsyncEmbeddingEngine.from_args(args) for args in engine_args_array)

    def __iter__(self) -> Iterator[AsyncEmbeddingEngine]:
        return iter(self.engines_dict.values())

    def __getitem__(self, index_or_name: str | int) -> AsyncEmbeddingEngine:
        """By name or place; the only engine of an array by whatever name."""
        engines = list(self.engines_dict.values())
        if isinstance(index_or_name, int):
            return engines[index_or_name]
        if len(engines) == 1:
            return engines[0]
        if index_or_name not in self.engines_dict:
            raise IndexError(f"Engine for model name {index_or_name} not found. Available: {list(self.engines_dict)}")
        return self.engines_dict[index_or_name]

    async def astart(self) -> None:
        for engine in self:
            await engine.astart()

    async def astop(self) -> None:
        for engine in self:
            await engine.astop()

    def is_running(self) -> bool:
        return all(engine.is_running for engine in self)

    async def embed(
        self, *, model: str, sentences: list[str], matryoshka_dim: int | None = None
    ) -> tuple[list[Any], int]:
        return await self[model].embed(sentences, matryoshka_dim=matryoshka_dim)

    async def rerank(
        self, *, model: str, query: str, docs: list[str], raw_scores: bool = False, top_n: int | None = None
    ) -> tuple[list[RerankReturnType], int]:
        return await self[model].rerank(query=query, docs=docs, raw_scores=raw_scores, top_n=top_n)


class SyncEngineArray:
    """The same for callers without an event loop: methods return concurrent.futures.Future, of the texts as they are
    then. One that is dropped without stop() ends once all that was asked for is done; a forked child has threads of its
    own."""

    def __init__(self, _engine_args_array: Iterable[EngineArgs]) -> None:
        self.async_engine_array = AsyncEngineArray.from_args(_engine_args_array)
        self._stopped = False
        self._renew()
        _arrays.add(self)
        self._run(self.async_engine_array.astart()).result()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        # In a forked child: the parent's loop is not this one's to end.
        if (finalizer := self.__dict__.get("_finalizer")) is not None:
            finalizer.detach()

    @classmethod
    def from_args(cls, engine_args_array: Iterable[EngineArgs]) -> SyncEngineArray:
        return cls(engine_args_array)

    def _run(self, coroutine: Any) -> Future[Any]:
        with self._lock:
            if self._stopped:
                coroutine.close()
                raise ValueError("the engines were stopped: make a new SyncEngineArray")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=_run_loop, args=(self._loop,), name="bgecpp-infinity-loop", daemon=True
                )
                _loops[self._loop] = self._thread
                self._thread.start()
                self._finalizer = weakref.finalize(self, _end_loop, self._loop, self.async_engine_array)
                self._finalizer.atexit = False
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    @property
    def is_running(self) -> bool:
        return self.async_engine_array.is_running()

    def __iter__(self) -> Iterator[AsyncEmbeddingEngine]:
        return iter(self.async_engine_array)

    def stop(self) -> None:
        """Returns once all that was asked for is done."""
        with self._lock:
            self._stopped = True
            loop, self._loop = self._loop, None
        if loop is not None:
            self._finalizer()
            self._thread.join()
            for engine in self:
                engine._worker.stop()

    def embed(self, *, model: str, sentences: list[str], matryoshka_dim: int | None = None) -> Future[Any]:
        texts = _checked(sentences)
        return self._run(self.async_engine_array.embed(model=model, sentences=texts, matryoshka_dim=matryoshka_dim))

    def rerank(
        self, *, model: str, query: str, docs: list[str], raw_scores: bool = False, top_n: int | None = None
    ) -> Future[Any]:
        docs = _checked(docs)
        return self._run(
            self.async_engine_array.rerank(model=model, query=query, docs=docs, raw_scores=raw_scores, top_n=top_n)
        )


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        # At the end of the process no thread can be started, as this would; then there are none to wait for.
        with contextlib.suppress(RuntimeError):
            loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        _loops.pop(loop, None)
        loop.close()


def _end_loop(loop: asyncio.AbstractEventLoop, engines: AsyncEngineArray) -> None:
    """Ends engines and loop once all that was asked for is done; returns at once."""
    loop.call_soon_threadsafe(_begin_end, loop, engines, False)


def _begin_end(loop: asyncio.AbstractEventLoop, engines: Iterable[AsyncEmbeddingEngine], cancel: bool) -> None:
    _endings.add(loop.create_task(_end(loop, engines, cancel)))


async def _end(loop: asyncio.AbstractEventLoop, engines: Iterable[AsyncEmbeddingEngine], cancel: bool) -> None:
    for engine in engines:
        engine._finish()
    # Two of these may run, for the array's end and the process's: one that waited for the other would wait for itself.
    others = asyncio.all_tasks() - set(_endings)
    for task in others if cancel else ():
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    loop.stop()


def _checked(texts: Any) -> list[str]:
    if isinstance(texts, str):
        raise TypeError("expected a list of str, found a str")
    checked: list[str] = list(texts)
    for i, text in enumerate(checked):
        if not isinstance(text, str):
            raise TypeError(f"texts[{i}]: expected a str, found {type(text).__name__}")
    return checked


def _sigmoids(logits: list[Any]) -> list[Any]:
    import numpy as np

    values = np.asarray(logits, np.float32)
    # exp() of what is never positive: no overflow.
    small = np.exp(-np.abs(values))
    return list(np.where(values >= 0, 1 / (1 + small), small / (1 + small)))
