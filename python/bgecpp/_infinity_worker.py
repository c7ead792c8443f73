"""The thread of an engine of infinity's: what many callers ask for is computed together."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any


@dataclass
class _Request:
    """Texts, or pairs, of one call; its future gets what the engine makes of them."""

    texts: list[Any]
    future: Future[list[Any]] = field(default_factory=Future)
    results: list[Any] = field(default_factory=list)  # of its first texts


class Worker:
    """One thread that takes whatever requests wait and computes them together; those of more texts in pieces, between
    which the others have their turn. It holds `compute` and no engine of callers, so that an engine that is dropped can
    end it. A forked child has a thread of its own, once it asks."""

    def __init__(self, compute: Any, most_texts: int) -> None:
        self._compute = compute
        self._most_texts = most_texts
        self._stopping = False
        self._abandoned = False
        self._renew()
        _all.add(self)

    def _renew(self) -> None:
        self._lock = threading.Lock()
        # None is the last. Finalizers put it there: no lock that this thread may hold guards a SimpleQueue.
        self._queue: SimpleQueue[_Request | None] = SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None

    def submit(self, texts: list[Any]) -> Future[list[Any]]:
        request = _Request(texts)
        with self._lock:
            if self._stopping:
                raise ValueError("the engine was stopped")
            self._waiting += len(texts)
            self._queue.put(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bgecpp-infinity", daemon=True)
                self._thread.start()
        return request.future

    def waiting(self) -> int:
        """Texts that wait."""
        with self._lock:
            return self._waiting

    def finish(self) -> None:
        """The thread ends once all that was asked for is done. For finalizers: takes no lock."""
        self._stopping = True
        self._queue.put(None)

    def stop(self) -> None:
        """Returns once all that was asked for is done."""
        with self._lock:
            self.finish()
            thread = self._thread
        if thread is not None:
            thread.join()

    def abandon(self) -> None:
        """Returns once what is being computed is done. What waits is cancelled."""
        self._abandoned = True
        self.stop()

    def _run(self) -> None:
        small: deque[_Request] = deque()
        large: deque[_Request] = deque()
        last = False
        while small or large or not last:
            last = self._receive(small, large) or last
            if self._abandoned:
                for request in (*small, *large):
                    request.future.cancel()
                small.clear()
                large.clear()
            if taken := self._take(small):
                self._answer(taken)
            del taken
            if large and self._answer_piece(large[0]):
                large.popleft()

    def _receive(self, small: deque[_Request], large: deque[_Request]) -> bool:
        """Puts what was asked for behind those that wait, or where there are none waits for it; whether it was the last."""
        is_idle = not small and not large
        last = False
        with contextlib.suppress(Empty):
            while (request := self._queue.get(block=is_idle)) is not None:
                (large if len(request.texts) > self._most_texts else small).append(request)
                is_idle = False
            last = True
        return last

    def _take(self, small: deque[_Request]) -> list[_Request]:
        """The first requests, as many as are computed together, but for cancelled ones."""
        taken: list[_Request] = []
        texts = 0
        while small and texts + len(small[0].texts) <= self._most_texts:
            taken.append(small.popleft())
            texts += len(taken[-1].texts)
        self._no_longer_waiting(texts)
        return [request for request in taken if request.future.set_running_or_notify_cancel()]

    def _no_longer_waiting(self, texts: int) -> None:
        with self._lock:
            self._waiting -= texts

    def _answer_piece(self, request: _Request) -> bool:
        """Computes the next texts of a large request, which may be cancelled until the last are; whether it is done."""
        begin = len(request.results)
        piece = request.texts[begin : begin + self._most_texts]
        left = len(request.texts) - begin - len(piece)
        if request.future.cancelled():
            self._no_longer_waiting(len(piece) + left)
            request.future.set_running_or_notify_cancel()
            return True
        self._no_longer_waiting(len(piece))
        try:
            request.results.extend(self._compute(piece))
        except BaseException as error:
            self._no_longer_waiting(left)
            if request.future.set_running_or_notify_cancel():
                request.future.set_exception(error)
            return True
        if left == 0 and request.future.set_running_or_notify_cancel():
            request.future.set_result(request.results)
        return left == 0

    def _answer(self, taken: list[_Request]) -> None:
        try:
            results = self._compute([text for request in taken for text in request.texts])
        except BaseException as error:
            # One request may be at fault for all: each again alone.
            if len(taken) == 1:
                taken[0].future.set_exception(error)
            else:
                for request in taken:
                    self._answer([request])
            return
        begin = 0
        for request in taken:
            part = results[begin : begin + len(request.texts)]
            # A row keeps all rows of its array alive: no caller keeps those of others.
            if len(taken) > 1 and hasattr(part, "copy"):
                part = part.copy()
            request.future.set_result(list(part))
            begin += len(request.texts)


_all: weakref.WeakSet[Worker] = weakref.WeakSet()


def renew_all() -> None:
    """In a forked child: threads, and whoever held a lock, did not come along."""
    for worker in list(_all):
        worker._renew()


def abandon_all() -> None:
    """At the end of the process."""
    for worker in list(_all):
        worker.abandon()
