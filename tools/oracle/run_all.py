"""Runs every comparison with PyTorch and Hugging Face: what `./dev test --oracle` does.

    python tools/oracle/run_all.py --bge PROGRAM [NAME ...]
    python tools/oracle/run_all.py --list      what would run, and what cannot run here and why
    python tools/oracle/run_all.py --check     whether every comparison of this folder is a suite, and docs/parity.md names it

Each suite prints its own table; the exit status is 1 where one of them does not end with 0. A suite whose data or
packages are absent is left out, which is said at the end with the reason; it is a failure where the suite was named.
Those that are marked as long take an hour or so on two cores. Speed is not here: it needs a quiet machine (see
speed_compare.py).
"""

import argparse
import functools
import importlib.util
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import evaluation_sets

HERE = Path(__file__).resolve().parent
E5 = "multilingual-e5-small"


class Suite(NamedTuple):
    script: str
    arguments: tuple[str, ...] = ()
    data: tuple[str, ...] = ()  # folders of the shared data
    packages: tuple[str, ...] = ()  # beyond EVERY
    e5: bool = False  # needs the real multilingual-e5-small, which xlmr_models.py makes from a package
    xlmr: bool = False  # is given its directory as --xlmr, where it is here
    bge: bool = True  # takes --bge
    long: bool = False


EVERY = ("numpy", "torch", "transformers", "tokenizers", "safetensors")
FLAG = ("FlagEmbedding", "sentence_transformers")
# Quick ones first.
SUITES = {
    "tokens": Suite("tokens_compare.py", data=("tokenizers",), packages=("sentencepiece",), xlmr=True),
    "hub": Suite("hub_compare.py", packages=("huggingface_hub", "sentence_transformers")),
    "layouts": Suite("layouts_compare.py", packages=("sentence_transformers",)),
    "invariance": Suite("invariance_compare.py", data=("scifact",)),
    "sts": Suite("sts_scores.py", data=("sts12_16", "stsb_multi_mt"), packages=("scipy",)),
    "retrieval": Suite("retrieval_scores.py", data=("scifact", "xquad_retrieval"), packages=("pytrec_eval",)),
    "types": Suite("types_compare.py", data=("scifact", "sts12_16"), packages=("pytrec_eval", "scipy")),
    "splade": Suite("splade_compare.py", data=("scifact", "opensearch_sparse_idf"), packages=("sentence_transformers",)),
    "mpnet": Suite("mpnet_compare.py", data=("xquad_retrieval",)),
    "vectors": Suite("vectors_compare.py", data=("scifact", "golden_embeddings")),
    "vectors-e5": Suite("vectors_compare.py", ("--suite", "e5"), ("xquad_retrieval",), ("sentence_transformers",), e5=True),
    "colbert": Suite("colbert_compare.py", packages=("sentence_transformers",)),
    "heads-bf16": Suite("heads_compare.py", ("--type", "bf16"), ("bge-m3-heads", "xquad_retrieval"), e5=True),
    "heads-int8": Suite("heads_compare.py", ("--type", "int8"), ("bge-m3-heads", "xquad_retrieval"), e5=True),
    "retrieval-e5": Suite("retrieval_scores.py", ("--e5",), ("scifact", "xquad_retrieval"), ("pytrec_eval",), e5=True, long=True),
    "heads": Suite("heads_compare.py", (), ("bge-m3-heads", "xquad_retrieval"), FLAG, e5=True, long=True),
    "modernbert": Suite("modernbert_compare.py", (), ("xquad_retrieval",), FLAG, long=True),
    # Tunes the reranker where that has not been done.
    "rerank": Suite("rerank_scores.py", (), ("medquad/ir_split",), ("pytrec_eval", "datasets", "sentence_transformers"), long=True),
    # XLM-R's SentencePiece file alone, and the old spelling of its pre-tokenizer, on 1,000,000 random strings each.
    "tokens-xlmr": Suite("tokens_compare.py", ("--only", "pieces", "random", "--directories", "XLM-R", "--models", "XLM-R, old spelling", "--random", "1000000",
                         "--pieces", "1000000"),
                         ("tokenizers",), ("sentencepiece",), e5=True, xlmr=True, long=True),
    # In the environment of the Python module, with PYTHONPATH=python.
    "mteb": Suite("mteb_scores.py", (), ("scifact", "sts12_16"), ("mteb", "bgecpp"), bge=False),
}
ELSEWHERE = {"speed_compare.py": "speed, which needs a quiet machine"}


@functools.cache
def e5_directory() -> tuple[Path | None, str]:
    """multilingual-e5-small's directory, made where it is not there yet; or None and why there is none."""
    done = subprocess.run([sys.executable, HERE / "xlmr_models.py", E5], capture_output=True, text=True)
    if done.returncode == 0:
        return Path(done.stdout.splitlines()[-1]), ""
    return None, f"{E5} cannot be made: {(done.stderr.strip().splitlines() or ['no output'])[-1]}"


def shared_data() -> Path:
    """Where evaluation_sets.py reads, whether it is there or not."""
    return Path(os.environ.get("BGE_SHARED_DIR", evaluation_sets.REPOSITORY.parent / "shared")) / "data"


def lacks(suite: Suite) -> str:
    """What keeps a suite from running here; empty where nothing does."""
    for folder in suite.data:
        if not (shared_data() / folder).exists():
            return f"no {shared_data() / folder}"
    for package in (*EVERY, *suite.packages):
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed"
    return e5_directory()[1] if suite.e5 else ""


def command(suite: Suite, bge: Path) -> list:
    line = [sys.executable, HERE / suite.script, *(["--bge", bge] if suite.bge else []), *suite.arguments]
    if suite.xlmr:
        directory, why_not = e5_directory()
        if directory is None:
            print(f"XLM-R is the pruned file of the shared data: {why_not}", flush=True)
        else:
            line += ["--xlmr", directory]
    return line


def faults() -> list[str]:
    """Comparisons that no suite runs, suites whose script is gone, and suites that docs/parity.md does not name."""
    scripts = {path.name for pattern in ("*_compare.py", "*_scores.py") for path in HERE.glob(pattern)}
    listed = {suite.script for suite in SUITES.values()}
    found = [f"{name} is in no suite" for name in sorted(scripts - listed - ELSEWHERE.keys())]
    found += [f"{name} is in a suite, but not in the folder" for name in sorted((listed | ELSEWHERE.keys()) - scripts)]
    page = (HERE.parents[1] / "docs/parity.md").read_text(encoding="utf-8")
    named = re.search(r"run_all\.py --bge \S+ \[([^\]]*)\]", page)
    names = named.group(1).replace("|", " ").split() if named else []
    if set(names) != set(SUITES):
        found.append(f"docs/parity.md names other suites: {' '.join(sorted(set(names) ^ set(SUITES)))}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bge", type=Path, default=evaluation_sets.REPOSITORY / "build/release/bge", help="the built program")
    parser.add_argument("--list", action="store_true", help="print the suites and run none")
    parser.add_argument("--check", action="store_true", help="check that no comparison is missing, and run none")
    parser.add_argument("suites", nargs="*", metavar="NAME", help=f"some of: {' '.join(SUITES)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.suites) - set(SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}")
    failed = faults()
    for fault in failed:
        print(f"run_all: {fault}", file=sys.stderr)
    if arguments.check:
        print(f"{len(SUITES)} suites, {len(failed)} faults")
        return 1 if failed else 0
    skipped = {}
    for name in arguments.suites or SUITES:
        suite = SUITES[name]
        if arguments.list:
            reason = lacks(suite)
            print(f"{name:<14}{' '.join((suite.script, *suite.arguments))}{'  (long)' if suite.long else ''}{f'  cannot run here: {reason}' if reason else ''}")
            continue
        if reason := lacks(suite):
            print(f"\n--- {name}: left out: {reason}", flush=True)
            skipped[name] = reason
            continue
        print(f"\n--- {name}: {' '.join((suite.script, *suite.arguments))}", flush=True)
        started = time.monotonic()
        status = subprocess.run([str(part) for part in command(suite, arguments.bge.resolve())]).returncode
        print(f"--- {name}: {'ok' if status == 0 else 'FAILED'}, {time.monotonic() - started:.0f} s", flush=True)
        if status:
            failed.append(name)
    if arguments.list:
        return 1 if failed else 0
    failed += [f"{name} (left out)" for name in arguments.suites if name in skipped]
    print()
    for name, reason in skipped.items():
        print(f"left out: {name}: {reason}")
    print(f"failed: {', '.join(failed)}" if failed else f"all suites agree{' but for those left out' if skipped else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
