"""What bfloat16 and int8 cost in accuracy: all-MiniLM-L6-v2 against itself in float32.

    python tools/oracle/types_compare.py --bge build/release/bge [--types bf16,int8,quantized] [--poolings mean,cls]

For each type and pooling (the first token alone is BGE's): the worst cosine to float32 over the SciFact corpus
and its queries; SciFact's nDCG@10 and the STS scores less those of float32; and for queries of that type on
float32 documents the mean share of the ten best that is the same. A type that this CPU does not multiply is said
to be float32 and not compared; `quantized` is the directory that `bge quantize` writes, embeddings rounded to int8
too, in the type that it is computed in without --dtype. The exit status is 1 where a row is beyond its limit.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

import evaluation_sets
import engine
import retrieval_scores
import sts_scores


class Limit(NamedTuple):
    cosine: float
    score: float  # x 100
    overlap: float


LIMITS = {"bf16": Limit(0.9995, 0.1, 0.95), "int8": Limit(0.995, 0.3, 0.95),
          "quantized": Limit(0.995, 0.3, 0.95)}
STS = ("sts15", "stsbenchmark")


class Texts(NamedTuple):
    documents: list[str]
    document_ids: list[str]
    queries: list[str]
    query_ids: list[str]
    qrels: dict
    pairs: dict  # STS task: rows


def read_texts() -> Texts:
    data = evaluation_sets.shared_dir() / "data"
    folder = data / "scifact"
    qrels = retrieval_scores.read_qrels(folder / "qrels/test.tsv")
    documents = evaluation_sets.read_jsonl(folder / "corpus.jsonl")
    queries = [row for row in evaluation_sets.read_jsonl(folder / "queries.jsonl") if row["_id"] in qrels]
    return Texts([evaluation_sets.document_text(row) for row in documents], [row["_id"] for row in documents],
                 [row["text"] for row in queries], [row["_id"] for row in queries], qrels,
                 {name: evaluation_sets.read_jsonl(data / sts_scores.TASKS[name].file) for name in STS})


class Vectors(NamedTuple):
    documents: np.ndarray
    queries: np.ndarray
    pairs: dict


def embed(bge, model, texts: Texts, pooling: str, *flags: str) -> Vectors:
    def run(lines):
        return engine.embed(bge, model, lines, "--pooling", pooling, *flags)[0]

    pairs = {name: (run([row["sentence1"] for row in rows]), run([row["sentence2"] for row in rows]))
             for name, rows in texts.pairs.items()}
    return Vectors(run(texts.documents), run(texts.queries), pairs)


def ndcg(texts: Texts, queries: np.ndarray, documents: np.ndarray) -> float:
    run = {}
    for query, scores in zip(texts.query_ids, queries @ documents.T):
        best = np.argsort(-scores, kind="stable")[: retrieval_scores.TOP_K]
        run[query] = {texts.document_ids[i]: float(scores[i]) for i in best if texts.document_ids[i] != query}
    return retrieval_scores.ndcg_at_10(texts.qrels, run)


def overlap_at_10(exact: np.ndarray, other: np.ndarray, documents: np.ndarray) -> float:
    best = [np.argsort(-(vectors @ documents.T), axis=1, kind="stable")[:, :10] for vectors in (exact, other)]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*best)]))


def compare(table, name: str, texts: Texts, exact: Vectors, other: Vectors, limit: Limit) -> None:
    cosine = min(engine.min_cosine(exact.documents, other.documents), engine.min_cosine(exact.queries, other.queries))
    table.row(f"{name}: worst cosine", f"{cosine:.5f}", f">= {limit.cosine}", ok=cosine >= limit.cosine)
    scores = {"SciFact nDCG@10": [ndcg(texts, v.queries, v.documents) for v in (exact, other)]}
    for task, rows in texts.pairs.items():
        truth = [row["score"] for row in rows]
        scores[task] = [sts_scores.spearman_of_cosines(*v.pairs[task], truth) for v in (exact, other)]
    for task, (before, after) in scores.items():
        table.row(f"{name}: {task}", f"{after - before:+.3f}", f"within {limit.score}",
                  ok=abs(after - before) <= limit.score, note=f"{before:.3f} to {after:.3f}")
    overlap = overlap_at_10(exact.queries, other.queries, exact.documents)
    table.row(f"{name}: queries on float32", f"{overlap:.4f}", f">= {limit.overlap}", ok=overlap >= limit.overlap)


def effective_type(bge, model, dtype: str) -> str:
    command = [bge, "embed", "--model", model, "--dtype", dtype, "a"]
    warning = subprocess.run([str(c) for c in command], capture_output=True, text=True).stderr
    return "float32" if "computing in float32" in warning else dtype


def quantize(bge, model, out: Path) -> None:
    done = subprocess.run([str(bge), "quantize", str(model), str(out)], capture_output=True, text=True)
    if done.returncode:
        raise engine.EngineError(done.stderr.strip())
    print(done.stderr.strip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--types", default="bf16,int8,quantized")
    parser.add_argument("--poolings", default="mean,cls")
    arguments = parser.parse_args()
    model, texts = engine.minilm_dir(), read_texts()
    table = engine.Table("what", "found", "limit")
    types = arguments.types.split(",")
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        quantized = Path(scratch) / "all-MiniLM-L6-v2-int8"
        if "quantized" in types:
            quantize(arguments.bge, model, quantized)
        for pooling in arguments.poolings.split(","):
            exact = embed(arguments.bge, model, texts, pooling, "--dtype", "f32")
            for dtype in types:
                if dtype == "quantized":
                    other = embed(arguments.bge, quantized, texts, pooling)
                elif effective_type(arguments.bge, model, dtype) == "float32":
                    print(f"{dtype} {pooling}: this CPU computes it in float32: nothing to compare")
                    continue
                else:
                    other = embed(arguments.bge, model, texts, pooling, "--dtype", dtype)
                compare(table, f"{dtype} {pooling}", texts, exact, other, LIMITS[dtype])
    return table.exit_status()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except engine.EngineError as error:
        sys.exit(f"types_compare: {error}")
