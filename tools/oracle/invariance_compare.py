"""The same text alone, in any batch, in any order, with 1 or 2 threads: within 1e-6.

    python tools/oracle/invariance_compare.py [--bge PROGRAM]

Runs all-MiniLM-L6-v2 and a random bge-base over texts of very different lengths, in several orders, batch
sizes and thread counts; the reference is each text in a call of its own.
"""

import argparse
import sys

import numpy as np

import evaluation_sets
import engine
import random_models

TOLERANCE = 1e-6
ALONE = 40  # texts that are also embedded each in a process of its own


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    bge = parser.parse_args().bge
    mixed = evaluation_sets.scifact_corpus()[:200] + evaluation_sets.scifact_queries()[:200] + evaluation_sets.multilingual_lines(200)
    table = engine.Table("setting", "texts", "max abs", width=56)
    for name, model, texts in (
        ("minilm", engine.minilm_dir(), mixed),
        ("random base-en", random_models.make("base-en"), random_models.texts("base-en")),
    ):
        order = np.random.default_rng(1).permutation(len(texts))
        first, _ = engine.embed(bge, model, texts, "--threads", "1")
        for flags in ("--threads 2", "--threads 1 --batch-tokens 64", "--threads 2 --batch-tokens 700",
                      "--threads 2 --batch-tokens 16384"):
            found, _ = engine.embed(bge, model, texts, *flags.split())
            report(table, f"{name}: {flags}", first, found)
        found, _ = engine.embed(bge, model, [texts[i] for i in order], "--threads", "2")
        report(table, f"{name}: shuffled, --threads 2", first[order], found)
        some = order[:ALONE]
        for threads in ("1", "2"):
            alone = [engine.embed(bge, model, [texts[i]], "--threads", threads)[0][0] for i in some]
            report(table, f"{name}: alone, --threads {threads}", first[some], np.stack(alone))
    return table.exit_status()


def report(table, name, expected, found) -> None:
    worst = engine.max_abs(expected, found)
    table.row(name, len(found), worst, ok=worst <= TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
