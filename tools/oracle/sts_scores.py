"""Spearman correlation of `bge embed` cosines with human judgements, beside the scores that MTEB publishes.

    python tools/oracle/sts_scores.py --bge build/release/bge [--model DIR] [--shared DIR]
           [--tasks sts12,sts15,stsbenchmark] [--reference]

A task is a file of sentence pairs with a score each. Both sides are embedded as plain texts (no query, no
document: MTEB gives no prompt to a model that has none), and the rank correlation of their cosines with the
scores is shown x 100. STS12 and STS15 are MTEB's text, which went through SentEval's tokeniser.

--reference scores sentence-transformers' vectors (PyTorch, float32) instead: it validates the data and this
script, without bge. Without --model the model is all-MiniLM-L6-v2, for which the expected scores are known: the
exit status is then 1 where a score is off by more than its tolerance.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import evaluation_sets
import engine
import numpy as np
from scipy.stats import spearmanr


class Task(NamedTuple):
    file: str
    minilm: float | None = None  # Spearman x 100 of all-MiniLM-L6-v2 as MTEB publishes it
    tolerance: float = 0.05


TASKS = {
    # The text is MTEB's but for 0.3 % of its characters, hence the tolerance.
    "sts12": Task("sts12_16/STS12.test.senteval_tokenised.jsonl", 72.37, 0.2),
    "sts15": Task("sts12_16/STS15.test.senteval_tokenised.jsonl", 85.39),
    "stsbenchmark": Task("stsb_multi_mt/en/test.jsonl", 82.03),
}


def embed_with_torch(model: Path, texts: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu").encode(texts, normalize_embeddings=True)


def spearman_of_cosines(first: np.ndarray, second: np.ndarray, scores: list[float]) -> float:
    first, second = first.astype(np.float64), second.astype(np.float64)
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return 100 * float(spearmanr((first * second).sum(1) / norms, scores).statistic)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    engine.add_bge_argument(parser)
    parser.add_argument("--model", type=Path, help="a model directory (default: all-MiniLM-L6-v2)")
    parser.add_argument("--shared", type=Path, help="the developers' shared data (default: ../shared)")
    parser.add_argument("--tasks", default=",".join(TASKS), help="names with commas between")
    parser.add_argument("--reference", action="store_true", help="sentence-transformers instead of bge")
    arguments = parser.parse_args()
    model = arguments.model or engine.minilm_dir()
    data = (arguments.shared or evaluation_sets.shared_dir()) / "data"
    names = arguments.tasks.split(",")
    if unknown := [name for name in names if name not in TASKS]:
        parser.error(f"unknown tasks: {', '.join(unknown)}")

    table = engine.Table("task", "Spearman", "expected", "pairs", "seconds", width=16)
    for name in names:
        rows = evaluation_sets.read_jsonl(data / TASKS[name].file)
        texts = [row["sentence1"] for row in rows] + [row["sentence2"] for row in rows]
        started = time.monotonic()
        if arguments.reference:
            vectors = embed_with_torch(model, texts)
        else:
            vectors, _ = engine.embed(arguments.bge, model, texts)
        seconds = time.monotonic() - started
        score = spearman_of_cosines(vectors[: len(rows)], vectors[len(rows) :], [row["score"] for row in rows])
        expected = TASKS[name].minilm if arguments.model is None else None
        ok = expected is None or abs(score - expected) <= TASKS[name].tolerance
        shown = "-" if expected is None else f"{expected:.2f}"
        table.row(name, f"{score:.3f}", shown, len(rows), f"{seconds:.1f}", ok=ok)
    return table.exit_status()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (engine.EngineError, ValueError, OSError) as error:
        sys.exit(f"sts_scores: {error}")
