"""What Python adds to the engine, and how fast its classes are beside those that they stand for.

    PYTHONPATH=python python tools/oracle/python_speed.py [--bge build/release/bge] [--work short] [--n 10000] [--dtype f32]
        [--rounds 200] [--queries] [--peers] [--check]

The texts are those of the developers' shared/bench/peers.py, the model is all-MiniLM-L6-v2. Shown: the time of
Embedder.encode beside that of `bge bench`, the best of as many passes each, in turns, so that a drift of the machine
meets both; one query on one thread and on two beside C++ that calls Embedder::Encode as often (tests/query_latency.cc, a
shared library built beside PROGRAM, in this process), --rounds times in turns, both loaded anew now and then; the time
that `import bgecpp` adds to an interpreter; and with --peers sentence-transformers on torch (where installed), given
texts sorted by length. --queries: the queries alone.
--check: the exit status is 1 where encode takes over 3 % longer than `bge bench`, a query over 0.1 ms longer (the median of
the differences, of every line), or the import 80 ms or more. A quiet machine is needed.
"""

import argparse
import ctypes
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import engine
from speed_compare import peers_texts

QUERY = "what is the best way to embed a short query"  # 12 tokens with the special ones
QUERY_TIMES = 20  # calls of one turn: short, so that a drift of the machine meets both
LOADS = 8  # of both: where the system puts weights, on huge pages or not, is luck, and 0.2 ms
TURNS, PASSES = 3, 3  # over all texts, of the program and of Python
# What Python may add: docs/python.md.
MOST_PERCENT = 3.0
MOST_QUERY_MS = 0.1
MOST_IMPORT_MS = 80.0


def best(function, times: int) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return min(found)


def bench(bge: str, model: Path, texts: Path, dtype: str) -> dict:
    command = [bge, "bench", "--model", model, "--work", texts, "--repeat", str(PASSES), "--dtype", dtype, "--json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def median_ms(function, times: int) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return statistics.median(found) * 1e3


def native_queries(library: Path):
    """The functions of tests/query_latency.cc."""
    native = ctypes.CDLL(str(library))
    native.query_latency_load.restype = ctypes.c_void_p
    native.query_latency_load.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    native.query_latency_free.restype = None
    native.query_latency_free.argtypes = [ctypes.c_void_p]
    native.query_latency_run.restype = ctypes.c_double
    native.query_latency_run.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64]
    return native


def query_turns(native, model: Path, dtype: str, threads: int, rounds: int, native_first: bool) -> list[tuple[float, float]]:
    """Of C++ and of Python, each with a model loaded for this call; native_first: whose is loaded first."""
    from bgecpp import Embedder

    def load_native():
        return native.query_latency_load(str(model).encode(), {"f32": 2, "bf16": 3, "int8": 4}[dtype], threads)

    loaded = load_native() if native_first else None
    embedder = Embedder(str(model), dtype=dtype, threads=threads)
    loaded = loaded or load_native()

    def turn(name: str) -> float:
        if name == "C++":
            return native.query_latency_run(loaded, QUERY.encode(), QUERY_TIMES)
        return median_ms(lambda: embedder.encode(QUERY), QUERY_TIMES)

    turn("C++"), turn("Python")
    found = []
    for place in range(rounds):  # each goes first as often as the other
        times = {name: turn(name) for name in sorted(("C++", "Python"), reverse=place % 2 == 1)}
        found.append((times["C++"], times["Python"]))
    native.query_latency_free(loaded)
    return found


def show_queries(library: Path, model: Path, dtype: str, rounds: int) -> list[str]:
    """Prints them; what Python adds too much."""
    native = native_queries(library)
    faults = []
    for threads in (1, 2):
        on = f"{threads} thread{'s' * (threads > 1)}"
        times = [pair for load in range(LOADS)
                 for pair in query_turns(native, model, dtype, threads, -(-rounds // LOADS), load % 2 == 0)]
        shown = ", ".join(f"{name} {statistics.median(found):.3f} ms (least {min(found):.3f})"
                          for name, found in zip(("C++", "Python"), zip(*times)))
        apart = [python - cpp for cpp, python in times]
        quarters = statistics.quantiles(apart, n=4)
        print(f"one query, {dtype}, {on}, {len(apart)} turns of {QUERY_TIMES}, {LOADS} loads: {shown}: "
              f"{statistics.median(apart):+.3f} ms a turn (half of them {quarters[0]:+.3f} to {quarters[2]:+.3f})", flush=True)
        if statistics.median(apart) > MOST_QUERY_MS:
            faults.append(f"one query on {on}: {statistics.median(apart):.3f} ms more, above {MOST_QUERY_MS:g}")
    return faults


def import_ms() -> float:
    """Of `import bgecpp` with its native module, on top of what the interpreter takes."""

    def run(program: str) -> float:
        return best(lambda: subprocess.run([sys.executable, "-c", program], check=True), 15)

    return (run("import bgecpp; bgecpp.Embedder") - run("pass")) * 1e3


def verdict(faults: list[str], check: bool) -> int:
    """The exit status."""
    for fault in faults if check else []:
        print(f"FAILED {fault}")
    return 1 if faults and check else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--work", default="short", choices=["short", "mixed", "long"])
    parser.add_argument("--n", type=int, default=10000)
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16", "int8"])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--queries", action="store_true")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    from bgecpp import Embedder, SentenceTransformer

    model = engine.minilm_dir()
    native_query = arguments.bge.resolve().parent / "tests/libquery_latency.so"
    if not native_query.exists():
        sys.exit(f"no {native_query}: build the target query_latency")
    if arguments.queries:
        return verdict(show_queries(native_query, model, arguments.dtype, arguments.rounds), arguments.check)
    texts = [" ".join(text.split()) for text in peers_texts(arguments.work, arguments.n)]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "texts.txt"
        lines.write_text("\n".join(texts) + "\n")
        embedder = Embedder(str(model), dtype=arguments.dtype)
        embedder.encode(texts[:64])
        native, ours = 0.0, 0.0
        for _ in range(TURNS):
            native = max(native, bench(str(arguments.bge), model, lines, arguments.dtype)["docs_per_s"])
            ours = max(ours, len(texts) / best(lambda: embedder.encode(texts), PASSES))
    percent = 100 * (native / ours - 1)
    print(f"{len(texts)} texts ({arguments.work}, {arguments.dtype}), the best of {TURNS} x {PASSES} passes each: Python {ours:.1f} documents/s, "
          f"bge bench {native:.1f}: {percent:+.1f} %", flush=True)
    faults = [f"encode: {percent:.1f} % more than bge bench, above {MOST_PERCENT:g}"] if percent > MOST_PERCENT else []
    faults += show_queries(native_query, model, arguments.dtype, arguments.rounds)
    added = import_ms()
    print(f"import bgecpp adds {added:.1f} ms")
    if added >= MOST_IMPORT_MS:
        faults.append(f"import bgecpp: {added:.1f} ms, expected less than {MOST_IMPORT_MS:g}")
    if not arguments.peers:
        return verdict(faults, arguments.check)
    ours = SentenceTransformer(str(model), dtype=arguments.dtype)
    shown = {"bgecpp.SentenceTransformer": best(lambda: ours.encode(texts), 3)}
    ordered = sorted(texts, key=len, reverse=True)
    if importlib.util.find_spec("sentence_transformers"):
        from sentence_transformers import SentenceTransformer as Real

        real = Real(str(model), device="cpu")
        real.encode(ordered[:64])
        shown["sentence-transformers, torch"] = min(
            best(lambda size=size: real.encode(ordered, batch_size=size), 1) for size in (16, 32, 64))
    for name, time_s in shown.items():
        print(f"{name}: {len(texts) / time_s:.1f} documents/s, {time_s / shown['bgecpp.SentenceTransformer']:.2f} times our time")
    return verdict(faults, arguments.check)


if __name__ == "__main__":
    sys.exit(main())
