"""Texts in, unit vectors out: our speed beside the engines that users would pick instead.

    python tools/oracle/speed_compare.py [--bge build/release/bge] [--work short,mixed,long]
           [--engines torch,ort,ov,ct2] [--dtype f32|bf16|int8] [--texts N] [--threads N] [--json FILE]

Runs the developers' shared/bench/peers.py, engine by engine, on exactly the texts that it makes, and our
`bge bench` before, between and after them, so that a drift of the machine meets everyone. Each peer is
shown at its best batch size and number of streams; we have one setting, and our figure is the median of
those runs. Also measured: load to the first vector with warm files, and the peak of memory.

The exit status is 1 where we are slower than the best peer, the first vector takes 150 ms or more (of larger models
0.7 ms a MB of weights: bge-base 290), or the peak is over 1.25 x the weights + 64 MB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import evaluation_sets
import engine

MAX_LENGTH = 512
TEXTS = {"short": 1024, "mixed": 512, "long": 128}
ENGINES = {"f32": ["torch", "ort", "ov", "ct2"], "bf16": ["torch-bf16", "ov-bf16"], "int8": ["ort-int8", "ov-int8", "ct2-int8"]}


def peers_path() -> Path:
    return evaluation_sets.shared_dir() / "bench/peers.py"


def peers_texts(work: str, count: int) -> list[str]:
    """The texts of peers.py, from its own code."""
    code = peers_path().read_text().rsplit("\nmain()", 1)[0]
    scope = {"__file__": str(peers_path()), "__name__": "peers"}
    exec(compile(code, str(peers_path()), "exec"), scope)
    return scope["texts_for"](work, count)


def run_ours(bge: Path, model: Path, texts: Path, arguments) -> dict:
    command = [bge, "bench", "--model", model, "--work", texts, "--max-length", MAX_LENGTH, "--threads",
               arguments.threads, "--repeat", arguments.repeat, "--dtype", arguments.dtype, "--json"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def run_peer(name: str, model: Path, work: str, count: int, threads: int, batches: str) -> dict:
    command = [sys.executable, peers_path(), "--model", model, "--work", work, "--engines", name, "--n", count,
               "--threads", threads, "--max-length", MAX_LENGTH, "--pooling", "mean", "--batch", batches]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(work: str, arguments, model: Path, scratch: Path) -> list[str]:
    """Prints the table of one kind of texts; returns what missed its target."""
    count = arguments.texts or TEXTS[work]
    texts = scratch / f"{work}.jsonl"
    texts.write_text("".join(json.dumps({"text": t}) + "\n" for t in peers_texts(work, count)))
    engines = ENGINES[arguments.dtype] if arguments.engines is None else arguments.engines.split(",")
    engines = [name for name in engines if name]
    ours, peers = [], []
    for name in engines:
        ours.append(run_ours(arguments.bge, model, texts, arguments))
        peers.append(run_peer(name, model, work, count, arguments.threads, arguments.batch))
    ours.append(run_ours(arguments.bge, model, texts, arguments))
    median = {key: statistics.median(run[key] for run in ours)
              for key, value in ours[0].items() if isinstance(value, (int, float))}

    print(f"\n{work}: {count} texts, {int(median['tokens'])} tokens, {arguments.threads} threads")
    print(f"{'engine':<12}{'docs/s':>10}{'tokens/s':>10}{'query p50':>11}{'p99':>9}{'load':>10}{'memory':>9}  best at")
    for run in peers:
        if "error" in run:
            print(f"{run['engine']:<12}{run['error']}")
            continue
        print(f"{run['engine']:<12}{run['docs_per_s']:>10.1f}{run['tokens_per_s']:>10}{run['query_ms_p50']:>8.2f} ms"
              f"{run['query_ms_p99']:>6.2f} ms{run['load_s']:>8.2f} s{run['rss_mb']:>6} MB  {run['best']}")
    speeds = [run["docs_per_s"] for run in ours]
    print(f"{'bge':<12}{median['docs_per_s']:>10.1f}{median['tokens_per_s']:>10.0f}{median['query_ms_p50']:>8.2f} ms"
          f"{median['query_ms_p99']:>6.2f} ms{median['first_vector_ms'] / 1e3:>8.3f} s{median['peak_mb']:>6.0f} MB"
          f"  {len(ours)} runs, {min(speeds):.1f} to {max(speeds):.1f} docs/s")
    busy = [run["load"]["other_cpus"] or 0 for run in ours if run["load"]["loaded"]]
    if busy:
        print(f"LOADED: in {len(busy)} of our {len(ours)} runs others used up to {max(busy):.2f} CPUs")
    if arguments.json:
        with open(arguments.json, "a", encoding="utf-8") as file:
            for run in ours + peers:
                file.write(json.dumps(run | {"work": work}) + "\n")

    missed = []
    known = [run for run in peers if "docs_per_s" in run]
    if len(known) < len(engines):
        missed.append(f"{work}: a peer did not run")
    if known:
        best = max(known, key=lambda run: run["docs_per_s"])
        ratio = median["docs_per_s"] / best["docs_per_s"]
        print(f"bge is {ratio:.2f} times the best peer ({best['engine']})")
        if ratio < 1:
            missed.append(f"{work}: {ratio:.2f} times {best['engine']}")
    weights_mb = sum(f.stat().st_size for f in model.glob("*.safetensors")) / 2**20
    limit = 1.25 * weights_mb + 64
    first_vector_limit = max(150, 0.7 * weights_mb)
    print(f"first vector {median['first_vector_ms']:.0f} ms (limit {first_vector_limit:.0f}), peak memory"
          f" {median['peak_mb']:.0f} MB (limit {limit:.0f})")
    if median["first_vector_ms"] >= first_vector_limit:
        missed.append(f"{work}: first vector after {median['first_vector_ms']:.0f} ms")
    if work == "mixed" and median["peak_mb"] > limit:
        missed.append(f"{work}: peak memory {median['peak_mb']:.0f} MB")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--model", type=Path, help="a float32 model with mean pooling (default: all-MiniLM-L6-v2)")
    parser.add_argument("--work", default="short,mixed,long")
    parser.add_argument("--engines", help="default: all of the dtype")
    parser.add_argument("--dtype", choices=ENGINES, default="f32", help="in which we and the engines compute")
    parser.add_argument("--batch", default="8,32", help="batch sizes that each peer is tried with")
    parser.add_argument("--texts", type=int, help=f"how many (default: {TEXTS})")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", type=int, default=3, help="passes of each of our runs, the best counts")
    parser.add_argument("--json", type=Path, help="append every run to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bge-speed-") as scratch:
        model = (arguments.model or engine.minilm_dir()).resolve()
        # peers.py keeps its converted models under the folder's name: one that tells models apart.
        link = Path(scratch) / f"{model.parent.name}-{model.name}"
        link.symlink_to(model)
        model = link
        missed = [m for work in arguments.work.split(",") for m in compare(work, arguments, model, Path(scratch))]
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
