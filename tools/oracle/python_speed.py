"""What Python adds to the engine, and how fast its classes are beside those that they stand for.

    PYTHONPATH=python python tools/oracle/python_speed.py [--bge build/release/bge] [--work short] [--n 10000] [--dtype f32]
        [--rounds 11] [--queries] [--peers]

The texts are those of the developers' shared/bench/peers.py, the model is all-MiniLM-L6-v2. Shown: the time of
Embedder.encode beside the best passes of `bge bench` (before and after, so that a drift of the machine meets both); one
query on one thread and on two beside a C++ program that calls Embedder::Encode as often (tests/query_latency.cc, built
beside PROGRAM), each in a new process, --rounds times in turns; the time that `import bgecpp` adds to an interpreter; and
with --peers sentence-transformers on torch (where installed), given texts sorted by length. --queries: the queries alone.
A quiet machine is needed.
"""

import argparse
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
QUERY_TIMES = 500
# What tests/query_latency.cc does, in Python.
QUERY_PROGRAM = """
import statistics, sys, time
from bgecpp import Embedder
model, dtype, threads, times, text = sys.argv[1:]
embedder = Embedder(model, dtype=dtype, threads=int(threads))
found = []
for i in range(-int(times) // 5, int(times)):
    begin = time.perf_counter()
    embedder.encode(text)
    found.append(time.perf_counter() - begin)
print(statistics.median(found[int(times) // 5:]) * 1e3)
"""


def best(function, times: int) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        function()
        found.append(time.perf_counter() - begin)
    return min(found)


def bench(bge: str, model: Path, texts: Path, dtype: str) -> dict:
    command = [bge, "bench", "--model", model, "--work", texts, "--repeat", "5", "--dtype", dtype, "--json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def query_ms(command: list, model: Path, dtype: str, threads: int) -> float:
    command = [*command, model, dtype, threads, QUERY_TIMES, QUERY]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return float(done.stdout)


def show_queries(program: Path, model: Path, dtype: str, rounds: int) -> None:
    commands = {"Python": [sys.executable, "-c", QUERY_PROGRAM], "C++": [program]}
    for threads in (1, 2):
        pairs = []
        for turn in range(rounds):  # each goes first as often as the other
            order = sorted(commands, reverse=turn % 2 == 1)
            times = {name: query_ms(commands[name], model, dtype, threads) for name in order}
            pairs.append((times["Python"], times["C++"]))
        python, native = zip(*pairs)
        apart = sorted(a - b for a, b in pairs)
        print(f"one query, {dtype}, {threads} threads, {rounds} rounds in turns: Python {statistics.median(python):.3f} ms (least "
              f"{min(python):.3f}), C++ {statistics.median(native):.3f} (least {min(native):.3f}): of a pair {statistics.median(apart):+.3f} "
              f"(from {apart[0]:+.3f} to {apart[-1]:+.3f})")


def import_ms() -> float:
    """Of `import bgecpp` with its native module, on top of what the interpreter takes."""

    def run(program: str) -> float:
        return best(lambda: subprocess.run([sys.executable, "-c", program], check=True), 15)

    return (run("import bgecpp; bgecpp.Embedder") - run("pass")) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser()
    engine.add_bge_argument(parser)
    parser.add_argument("--work", default="short", choices=["short", "mixed", "long"])
    parser.add_argument("--n", type=int, default=10000)
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16", "int8"])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--queries", action="store_true")
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    from bgecpp import Embedder, SentenceTransformer

    model = engine.minilm_dir()
    native_query = arguments.bge.resolve().parent / "tests/query_latency"
    if not native_query.exists():
        sys.exit(f"no {native_query}: build the target query_latency")
    if arguments.queries:
        return show_queries(native_query, model, arguments.dtype, arguments.rounds)
    texts = [" ".join(text.split()) for text in peers_texts(arguments.work, arguments.n)]
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "texts.txt"
        lines.write_text("\n".join(texts) + "\n")
        first = bench(str(arguments.bge), model, lines, arguments.dtype)
        embedder = Embedder(str(model), dtype=arguments.dtype)
        embedder.encode(texts[:64])
        seconds = best(lambda: embedder.encode(texts), 5)
        second = bench(str(arguments.bge), model, lines, arguments.dtype)
    native = max(run["docs_per_s"] for run in (first, second))
    print(f"{len(texts)} texts ({arguments.work}, {arguments.dtype}): Python {len(texts) / seconds:.1f} documents/s, bge bench "
          f"{native:.1f}: {100 * (native * seconds / len(texts) - 1):+.1f} %")
    show_queries(native_query, model, arguments.dtype, arguments.rounds)
    print(f"import bgecpp adds {import_ms():.1f} ms")
    if not arguments.peers:
        return
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


if __name__ == "__main__":
    main()
