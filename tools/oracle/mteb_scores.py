"""MTEB's own evaluation through bgecpp.mteb, on the shared data, beside the scores that MTEB publishes.

    PYTHONPATH=python python tools/oracle/mteb_scores.py [--model DIR] [--tasks SciFact,STS15]

Needs mteb 2 and the built package (python/). Tasks, scores and their rounding are mteb's; only their data is read from
the shared folder instead of the hub. Without --model it is all-MiniLM-L6-v2: the exit status is then 1 where a score is
off by more than its tolerance.
"""

import argparse
import sys
import time
from pathlib import Path

import engine
import evaluation_sets
import mteb
from datasets import Dataset

from bgecpp.mteb import BgeEncoder

# main score x 100 of all-MiniLM-L6-v2 as MTEB publishes it, and how far off it may be (see sts_scores.py).
EXPECTED = {"SciFact": (64.51, 0.02), "STS12": (72.37, 0.2), "STS15": (85.39, 0.05), "STSBenchmark": (82.03, 0.05)}
STS_FILES = {
    "STS12": "sts12_16/STS12.test.senteval_tokenised.jsonl",
    "STS15": "sts12_16/STS15.test.senteval_tokenised.jsonl",
    "STSBenchmark": "stsb_multi_mt/en/test.jsonl",
}


def retrieval_data(folder: Path) -> dict:
    rows = evaluation_sets.read_jsonl(folder / "corpus.jsonl")
    corpus = [{"id": row["_id"], "title": row.get("title", ""), "text": row["text"]} for row in rows]
    judged: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels/test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")
        judged.setdefault(query, {})[document] = int(score)
    rows = evaluation_sets.read_jsonl(folder / "queries.jsonl")
    queries = [{"id": row["_id"], "text": row["text"]} for row in rows if row["_id"] in judged]
    return {
        "corpus": Dataset.from_list(corpus),
        "queries": Dataset.from_list(queries),
        "relevant_docs": judged,
        "top_ranked": None,
    }


def load(name: str, data: Path) -> mteb.AbsTask:
    task = mteb.get_task(name)
    if name == "SciFact":
        task.dataset = {"default": {"test": retrieval_data(data / "scifact")}}
    else:
        rows = evaluation_sets.read_jsonl(data / STS_FILES[name])
        keys = ("sentence1", "sentence2", "score")
        task.dataset = {"test": Dataset.from_list([{key: row[key] for key in keys} for row in rows])}
    task.data_loaded = True
    return task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--tasks", default=",".join(EXPECTED))
    arguments = parser.parse_args()
    model = BgeEncoder(arguments.model or engine.minilm_dir())
    off = False
    for name in arguments.tasks.split(","):
        task = load(name, evaluation_sets.shared_dir() / "data")
        started = time.monotonic()
        result = mteb.evaluate(model, [task], cache=None, show_progress_bar=False)
        score = 100 * result.task_results[0].get_score(["test"])
        expected, tolerance = EXPECTED[name]
        note = ""
        if arguments.model is None:
            off |= abs(score - expected) > tolerance
            note = f", published {expected:.2f} +- {tolerance}"
        print(f"{name:14} {score:6.2f}{note}  ({time.monotonic() - started:.0f} s)", flush=True)
    sys.exit(1 if off else 0)


if __name__ == "__main__":
    main()
