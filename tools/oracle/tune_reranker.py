"""A reranker with real meaning, made here: MiniLM tuned as a cross-encoder on MedQuAD's training split with sentence-transformers.

    python tools/oracle/tune_reranker.py --bge PROGRAM       writes it beside the cached vectors and prints its directory

For each of 3,000 questions its answer (1), one of the answers that the dense model ranks 3rd to 30th (0), and a random one (0); one
epoch, seeded. Half an hour on two cores. The negatives come from `bge embed`, which is what makes them hard.
"""

import argparse
import random
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers

import engine
import evaluation_sets
import reference

QUESTIONS = 3000
MAX_LENGTH = 160
SEED = 20261128


def medquad() -> Path:
    return evaluation_sets.shared_dir() / "data/medquad/ir_split"


def corpus() -> list[dict]:
    return evaluation_sets.read_jsonl(medquad() / "corpus.jsonl")


def training_pairs(bge: Path) -> list[tuple[str, str, float]]:
    draw = random.Random(SEED)
    documents = corpus()
    texts = {d["_id"]: evaluation_sets.document_text(d) for d in documents}
    ids = [d["_id"] for d in documents]
    rows = draw.sample(evaluation_sets.read_jsonl(medquad() / "train.jsonl"), QUESTIONS)
    model = engine.minilm_dir()
    vectors, _ = engine.embed(bge, model, [texts[i][:1500] for i in ids], "--dtype", "auto", "--max-length", "128")
    queries, _ = engine.embed(bge, model, [r["query"] for r in rows], "--dtype", "auto")
    pairs = []
    for row, query in zip(rows, queries):
        ranked = np.argsort(-(vectors @ query))[:40]
        hard = [ids[i] for i in ranked[2:30] if ids[i] not in row["pos"]]
        chosen = [(draw.choice(row["pos"]), 1.0), (draw.choice(hard), 0.0), (draw.choice(ids), 0.0)]
        pairs += [(row["query"], texts[i], label) for i, label in chosen]
    draw.shuffle(pairs)
    return pairs


def make(bge: Path) -> Path:
    where = reference.cache_dir() / "minilm-medquad-reranker-v1"
    if (where / "done").exists():
        return where
    from datasets import Dataset
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    pairs = training_pairs(bge)
    transformers.set_seed(SEED)
    torch.set_num_threads(2)
    model = CrossEncoder(str(engine.minilm_dir()), num_labels=1, max_length=MAX_LENGTH, device="cpu")
    data = Dataset.from_dict({"query": [q for q, _, _ in pairs], "passage": [p for _, p, _ in pairs], "label": [l for _, _, l in pairs]})
    scratch = where.with_suffix(".training")
    settings = CrossEncoderTrainingArguments(
        output_dir=str(scratch), num_train_epochs=1, per_device_train_batch_size=16, learning_rate=5e-5, warmup_steps=50,
        seed=SEED, save_strategy="no", report_to=[], use_cpu=True, logging_steps=50)
    loss = BinaryCrossEntropyLoss(model, pos_weight=torch.tensor(2.0))
    CrossEncoderTrainer(model=model, args=settings, train_dataset=data, loss=loss).train()
    shutil.rmtree(where, ignore_errors=True)
    model.save_pretrained(str(where))
    shutil.rmtree(scratch, ignore_errors=True)
    (where / "done").touch()
    return where


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    print(make(parser.parse_args().bge.resolve()))
