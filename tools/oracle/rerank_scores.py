"""`bge search --rerank` on MedQuAD's test questions: torch's scores and order, and a better nDCG@10 than the dense run.

    python tools/oracle/rerank_scores.py --bge PROGRAM [--questions 300] [--depth 20] [--whole]

The dense model is MiniLM, the reranker that of tune_reranker.py. Every ninth question, 300 of them, with 20 passages each is a sample;
--whole takes every question of the test set with 100 passages each, which costs torch hours. The exit status is 1 where a logit
differs from torch's by 1e-5 or more, an order differs that such a difference does not explain, or nDCG@10 does not rise.
"""

import argparse
import collections
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytrec_eval
import torch

import engine
import evaluation_sets
import tune_reranker

LIMIT = 1e-5


def run(bge, *arguments):
    done = subprocess.run([str(a) for a in (bge, *arguments)], capture_output=True, text=True)
    if done.returncode:
        raise engine.EngineError(done.stderr.strip())
    return done.stdout


def read_run(text):
    ranked = collections.defaultdict(list)
    for line in text.splitlines():
        query, _, document, _, score, _ = line.split()
        ranked[query].append((document, float(score)))
    return ranked


def ndcg(qrels, ranked):
    # Of equal scores the order of the run counts, not that of the ids.
    scores = {q: {d: -float(i) for i, (d, _) in enumerate(hits)} for q, hits in ranked.items()}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"})
    return 100 * np.mean([r["ndcg_cut_10"] for r in evaluator.evaluate(scores).values()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--whole", action="store_true", help="all of the test set's questions, 100 passages each")
    arguments = parser.parse_args()
    if arguments.whole:
        arguments.depth = 100
    bge = arguments.bge.resolve()
    reranker = tune_reranker.make(bge)
    queries = evaluation_sets.read_jsonl(tune_reranker.medquad() / "queries.jsonl")
    if not arguments.whole:
        queries = queries[::9][:arguments.questions]
    kept = {q["_id"] for q in queries}
    qrels = collections.defaultdict(dict)
    with open(tune_reranker.medquad() / "qrels/test.tsv") as file:
        for row in csv.reader(file, delimiter="\t"):
            if row[0] in kept:
                qrels[row[0]][row[1]] = int(row[2])
    texts = {d["_id"]: evaluation_sets.document_text(d) for d in tune_reranker.corpus()}
    by_id = {q["_id"]: q["text"] for q in queries}
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        index, source = Path(scratch) / "index", Path(scratch) / "queries.tsv"
        source.write_text("_id\ttext\n" + "".join(f"{q['_id']}\t{q['text']}\n" for q in queries), encoding="utf-8")
        run(bge, "index", "build", index, "--model", engine.minilm_dir(), "--input", tune_reranker.medquad() / "corpus.jsonl")
        search = ("search", index, "--queries", source, "--output-format", "trec")
        dense = read_run(run(bge, *search, "--top-k", arguments.depth))
        reranked = read_run(run(bge, *search, "--rerank", reranker, "--rerank-depth", arguments.depth, "--top-k", arguments.depth))

    from sentence_transformers import CrossEncoder
    model = CrossEncoder(str(reranker), device="cpu", model_kwargs={"attn_implementation": "eager"})
    worst, largest, swapped = 0.0, 0.0, 0
    for query, hits in reranked.items():
        assert {d for d, _ in hits} == {d for d, _ in dense[query]}
        theirs = model.predict([(by_id[query], texts[d]) for d, _ in hits], batch_size=8)
        ours = np.array([s for _, s in hits])
        worst, largest = max(worst, float(np.abs(ours - theirs).max())), max(largest, float(np.abs(theirs).max()))
        swapped += int((np.diff(theirs) > 2 * LIMIT).any())
    before, after = ndcg(qrels, dense), ndcg(qrels, reranked)
    print(f"{len(reranked)} questions, {arguments.depth} passages each: largest difference of a score {worst:.1e} "
          f"(limit {LIMIT:.0e}; {worst / largest:.1e} of the largest), "
          f"{swapped} orders that differ; nDCG@10 {before:.2f} dense, {after:.2f} reranked")
    return 0 if worst < LIMIT and not swapped and after > before else 1


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    sys.exit(main())
