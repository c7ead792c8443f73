"""Callers that change what they gave meanwhile, give what lies about itself, fork, or end in the middle."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from bgecpp import Embedder, Index, IndexEditor, IndexWriter, Reranker, errors


def rows(count, first=0, dimension=4):
    names = [str(first + i) for i in range(count)]
    return names, names, np.random.default_rng(first).standard_normal((count, dimension)).astype(np.float32)


@pytest.mark.parametrize("changed", ["ids", "cu_seqlens"])
@pytest.mark.parametrize("kind", ["embedder", "reranker"])
def test_sequences_that_change_during_the_call(models, kind, changed):
    count, length = 4000, 32
    arrays = {"ids": np.full(count * length, 5, np.int32), "cu_seqlens": np.arange(0, count * length + 1, length, dtype=np.int32)}
    good = arrays[changed].copy()
    call = Embedder(str(models / "tiny-bert"), threads=1).hidden_states if kind == "embedder" else \
        Reranker(str(models / "tiny-bert-reranker"), threads=1).logits
    stop = threading.Event()

    def change():
        while not stop.is_set():
            arrays[changed][-1000:-1] = 1_500_000_000
            time.sleep(0.005)
            arrays[changed][:] = good
            time.sleep(0.005)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(10):
            try:
                call(arrays["ids"], None, arrays["cu_seqlens"])
            except errors.InvalidArgument:
                pass  # what was there when it looked
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("kind", [IndexWriter, IndexEditor])
def test_threads_that_write_one_index(tmp_path, kind):
    path = str(tmp_path / "index")
    if kind is IndexWriter:
        writer = IndexWriter(path, 4)
        expected = 4 * 20 * 50
    else:
        first = IndexWriter(path, 4)
        first.add(*rows(1, first=1_000_000))
        first.finish()
        writer = IndexEditor(path)
        expected = 4 * 20 * 50 + 1

    def add(thread):
        for part in range(20):
            writer.add(*rows(50, first=thread * 100_000 + part * 50))

    threads = [threading.Thread(target=add, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(writer) == expected
    writer.finish() if kind is IndexWriter else writer.commit()
    index = Index(path)
    index.verify()
    assert len(index) == expected
    for position in range(0, expected, 97):
        assert index.id(position) == index.text(position)


def test_a_forked_child_leaves_the_writer_alone(tmp_path):
    path = str(tmp_path / "index")
    writer = IndexWriter(path, 4)
    writer.add(*rows(3))
    child = os.fork()
    if child == 0:
        try:
            writer.add(*rows(1, first=10))
        except errors.InvalidArgument:
            del writer
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    writer.add(*rows(1, first=3))
    writer.finish()
    assert len(Index(path)) == 4


def test_queries_of_another_dimension(tmp_path):
    path = str(tmp_path / "index")
    writer = IndexWriter(path, 4)
    writer.add(*rows(3))
    writer.finish()
    index = Index(path)
    for shape in ((3, 8), (2, 2), (4, 1)):
        with pytest.raises(ValueError, match="expected the index's 4"):
            index.search(np.ones(shape, np.float32))
    assert [len(index.search(np.ones((n, 4), np.float32))) for n in (0, 1, 300)] == [0, 1, 300]


def test_an_output_that_is_not_filled_is_refused(models):
    embedder = Embedder(str(models / "tiny-bert"))
    read_only = np.zeros((2, 32), np.float32)
    read_only.flags.writeable = False
    for out in (np.zeros((2, 32)), np.zeros((2, 32), np.float16), np.zeros((2, 32), np.float32, order="F"),
                np.zeros((2, 64), np.float32)[:, ::2], read_only, 5):
        with pytest.raises(TypeError, match="out: expected a writable array of float32"):
            embedder.encode(["a", "b"], out=out)
    out = np.zeros((2, 32), np.float32)
    assert embedder.encode(["a", "b"], out=out) is out
    np.testing.assert_array_equal(out, embedder.encode(["a", "b"]))


def test_what_an_iterable_raises_leaves_as_it_is(models):
    def texts():
        yield "a"
        raise TypeError("of the generator")

    with pytest.raises(TypeError, match="of the generator"):
        Embedder(str(models / "tiny-bert")).encode(texts())


def run(program, *arguments):
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("call", ["m.encode(texts)", "m.tokenizer.encode(texts)", "m.encode(texts, progress=lambda d, t: None)"])
def test_daemon_threads_at_the_end_of_the_process(models, call):
    done = run(
        "import sys, threading, time\n"
        "from bgecpp import Embedder\n"
        "m = Embedder(sys.argv[1], threads=2)\n"
        "texts = ['some words %d ' % i * 40 for i in range(2000)]\n"
        "def work():\n"
        f"    while True: {call}\n"
        "for _ in range(2): threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.3)\n"
        "print('ended')\n", str(models / "tiny-bert"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


@pytest.mark.parametrize("name", ["__iter__", "__arrow_c_stream__", "__arrow_c_array__", "__fspath__"])
def test_daemon_threads_in_the_callers_own_code_at_the_end(models, name):
    """In a call of ours that calls back: the thread ends the process neither by a crash nor by std::terminate."""
    call = "_core.Index(texts)" if name == "__fspath__" else "m.encode(texts)"
    done = run(
        "import sys, threading, time\n"
        "from bgecpp import Embedder, _core\n"
        "m = Embedder(sys.argv[1], threads=1)\n"
        "class Texts:\n"
        f"    def {name}(self, *arguments):\n"
        "        while True: time.sleep(0.01)\n"
        "texts = Texts()\n"
        f"threading.Thread(target=lambda: {call}, daemon=True).start()\n"
        "time.sleep(0.2)\n"
        "print('ended')\n", str(models / "tiny-bert"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


@pytest.mark.parametrize("column", ["pyarrow.chunked_array([['hello', 'b']] * 3)", "pandas.Series(['hello', 'b'], dtype='string[pyarrow]')"])
def test_daemon_threads_with_columns_at_the_end(models, column):
    pytest.importorskip(column.partition(".")[0])
    pytest.importorskip("pyarrow")
    for _ in range(4):  # each may end anywhere
        done = run(
            "import sys, threading, time\n"
            f"import {column.partition('.')[0]}\n"
            "from bgecpp import Embedder\n"
            "m = Embedder(sys.argv[1], threads=1)\n"
            f"texts = {column}\n"
            "def work():\n"
            "    while True: m.encode(texts)\n"
            "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
            "time.sleep(0.15)\n"
            "print('ended')\n", str(models / "tiny-bert"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


def test_an_arrow_array_is_taken_from_its_capsule(models):
    """Whoever imports the capsule during the call does not take the texts away."""
    pyarrow = pytest.importorskip("pyarrow")
    embedder = Embedder(str(models / "tiny-bert"), threads=1)
    texts = pyarrow.array(["hello", "more words"] * 200)

    class Column:
        def __init__(self):
            self.pair = texts.__arrow_c_array__()

        def __arrow_c_array__(self, requested_schema=None):
            return self.pair

    column, imported = Column(), []

    def progress(done, total):
        try:
            imported.append(pyarrow.Array._import_from_c_capsule(*column.pair))
        except pyarrow.ArrowInvalid:
            imported.append(None)

    found = embedder.encode(column, progress=progress)
    np.testing.assert_array_equal(found, embedder.encode(texts))
    assert imported and not any(imported)
    with pytest.raises(ValueError, match="taken already"):
        embedder.encode(column)


def test_ctrl_c_stays_ctrl_c_where_the_call_fails(models):
    done = run(
        "import os, signal, sys, threading\n"
        "from bgecpp import Embedder\n"
        "found = set()\n"
        "for i in range(40):\n"
        "    timer = threading.Timer(i % 8 / 4000, os.kill, (os.getpid(), signal.SIGINT))\n"
        "    try:\n"
        "        timer.start()\n"
        "        try:\n"
        "            while True:\n"
        "                try: Embedder(sys.argv[1], threads=1, max_length=10**9)\n"
        "                except ValueError: pass\n"
        "        except Exception as e: found.add(repr(e))\n"
        "    except KeyboardInterrupt: pass\n"
        "    timer.join()\n"
        "print(found)\n", str(models / "tiny-bert"))
    assert (done.returncode, done.stdout) == (0, "set()\n"), done.stderr


def test_ctrl_c_ends_a_search(tmp_path, request):
    # A shell's background jobs ignore it.
    request.addfinalizer(functools.partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    path = str(tmp_path / "index")
    writer = IndexWriter(path, 256)
    names, _, vectors = rows(20000, dimension=256)
    writer.add(names, names, vectors)
    writer.finish()
    index = Index(path)
    queries = np.ones((100000, 256), np.float32)
    begin = time.monotonic()
    index.search(queries[:2000], top_k=1, threads=1)
    whole = 50 * (time.monotonic() - begin)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        index.search(queries, top_k=1, threads=1)
    assert time.monotonic() - begin < 1 + whole / 4


def test_errors_without_file_descriptors(models):
    done = run(
        "import os, resource, sys\n"
        "from bgecpp import Embedder\n"
        "m = Embedder(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (os.dup(0), 4096))\n"
        "try: m.encode('a', max_length=-1)\n"
        "except ValueError as e: print(type(e).__name__)\n", str(models / "tiny-bert"))
    assert (done.returncode, done.stdout) == (0, "InvalidArgument\n"), done.stderr
