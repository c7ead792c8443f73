"""Sparse encoders at their full size against sentence-transformers' SparseEncoder, run live.

    python tools/oracle/splade_compare.py --bge PROGRAM [--only splade-base doc-sparse idf-alone] [--dtype f32] [--speed [TEXTS]]

Weights are random, in the published layouts (see splade_models.py). Limits: weights 2e-5, the same keys but where both weights are
below that, dot products of `bge score` 2e-5 x max(1, score). SparseEncoder computes one text at a time, so that no padding takes
part. The exit status is 1 where a limit is passed.

--dtype bf16, int8: how far rounding moves the vectors, without limits. --speed: seconds for so many abstracts and titles (512), ours in
each type and SparseEncoder's at its best batch size, both with loading left out; CPU seconds where the machine is not quiet.
"""

import argparse
import os
import statistics
import sys
import time

import numpy as np
import torch
import transformers

import engine
import evaluation_sets
import splade_models

LIMIT = 2e-5
LENGTHS = [1, 2, 3, 7, 15, 16, 17, 31, 33, 47, 48, 49, 63, 64, 65, 100, 127, 128, 129, 200, 255, 257, 384, 509, 510, 600]


def texts():
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(splade_models.make("splade-base") / "tokenizer.json"))
    source = " ".join(evaluation_sets.scifact_corpus()[:60])
    offsets = tokenizer.encode(source, add_special_tokens=False).offsets
    result, at = ["", " ", "?"], 0
    for length in LENGTHS:
        result.append(source[offsets[at][0]:offsets[at + length - 1][1]])
        at += length
    chinese = evaluation_sets.read_jsonl(evaluation_sets.shared_dir() / "data/xquad_retrieval/zh/corpus.jsonl")
    result += [evaluation_sets.document_text(row) for row in chinese[:12]]
    result += evaluation_sets.multilingual_lines(40)
    random = np.random.default_rng(9)
    for length in (5, 40, 300):
        result.append("".join(chr(c) for c in random.integers(33, 0x2fff, length)))
    return result + ["[CLS] [SEP] [MASK] [PAD] x", "cat " * 700]


def ours(bge, directory, lines, *flags):
    arrays = engine.embed_arrays(bge, directory, lines, *flags)
    vectors = np.zeros((len(lines), 30522), np.float32)
    for i in range(len(lines)):
        begin, end = arrays["sparse_offsets"][i:i + 2]
        vectors[i, arrays["sparse_token_ids"][begin:end]] = arrays["sparse_weights"][begin:end]
    return vectors


def compare(bge, name, dtype, table):
    from sentence_transformers import SparseEncoder
    directory = splade_models.make(name)
    model = SparseEncoder(str(directory), device="cpu", model_kwargs={"attn_implementation": "eager"})
    lines = texts()
    for role in ("query", "document"):
        theirs = np.stack([model.encode([t], task=role, convert_to_sparse_tensor=False, batch_size=1)[0].numpy() for t in lines])
        found = ours(bge, directory, lines, "--query" if role == "query" else "--passage", "--dtype", dtype)
        difference = engine.max_abs(found, theirs)
        # Keys that only one has, with a weight that counts.
        keys = int((((found == 0) != (theirs == 0)) & (np.maximum(found, theirs) > LIMIT)).sum())
        counts = (theirs != 0).sum(1)
        ok = dtype != "f32" or (difference < LIMIT and keys == 0)
        nonzero = counts > 0
        cosine = engine.min_cosine(found[nonzero], theirs[nonzero])
        kept = np.mean([np.isin(np.argsort(-t)[:20], np.argsort(-f)[:20]).mean() for f, t in zip(found, theirs) if (t != 0).sum() >= 20])
        table.row(f"{name}, {role}, {dtype}", len(lines), f"{counts.min()}-{counts.max()}", float(np.median(counts)), difference, keys, cosine,
                  float(kept), ok=ok)


def compare_scores(bge, name, dtype, table):
    """`bge score` of a query and a passage against SparseEncoder.similarity, both of the texts' roles."""
    from sentence_transformers import SparseEncoder
    directory = splade_models.make(name)
    model = SparseEncoder(str(directory), device="cpu", model_kwargs={"attn_implementation": "eager"})
    lines = texts()
    pairs = [(lines[i], lines[-1 - i]) for i in range(0, len(lines), 5)] + [(line, line) for line in lines[3:12:3]]
    worst, largest = 0.0, 0.0
    for query, passage in pairs:
        theirs = float(model.similarity(model.encode_query([query]), model.encode_document([passage])))
        found = engine.score(bge, directory, query, passage, "--dtype", dtype)["dot"]
        worst = max(worst, abs(found - theirs) / max(1.0, abs(theirs)))
        largest = max(largest, theirs)
    table.row(f"{name}, scores, {dtype}", len(pairs), "", largest, worst, 0, 1.0, 1.0, ok=dtype != "f32" or worst < LIMIT)


def timed(function):
    """Seconds on the clock, and of all threads, of programs that it ran too."""
    before, started = os.times(), time.monotonic()
    function()
    wall, after = time.monotonic() - started, os.times()
    return wall, sum(after[:4]) - sum(before[:4])


def speed(bge, name, count, threads, repeat=3):
    from sentence_transformers import SparseEncoder
    directory = splade_models.make(name)
    corpus = evaluation_sets.scifact_corpus()
    lines = [t if i % 2 else t[:90] for i, t in enumerate(corpus[:count])]
    print(f"{name}, {len(lines)} texts, {threads} threads")
    for dtype in ("f32", "bf16", "int8"):
        flags = ("--passage", "--dtype", dtype, "--threads", threads)
        runs = [timed(lambda part=part: ours(bge, directory, part, *flags)) for part in (lines[:1], lines) * repeat]
        wall, cpu = (statistics.median(r[i] for r in runs[1::2]) - statistics.median(r[i] for r in runs[::2]) for i in (0, 1))
        print(f"  bge {dtype:<10}{wall:8.2f} s {cpu:8.2f} CPU s  {len(lines) / wall:8.1f} texts/s", flush=True)
    torch.set_num_threads(threads)
    model = SparseEncoder(str(directory), device="cpu")
    wall, cpu = min(timed(lambda n=n: model.encode_document(lines, batch_size=n)) for n in (8, 16, 32))
    print(f"  SparseEncoder {wall:8.2f} s {cpu:8.2f} CPU s  {len(lines) / wall:8.1f} texts/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--only", nargs="+", default=splade_models.MODELS, choices=splade_models.MODELS, metavar="NAME")
    parser.add_argument("--dtype", default="f32", choices=["f32", "bf16", "int8"])
    parser.add_argument("--speed", nargs="?", type=int, const=512, metavar="TEXTS")
    parser.add_argument("--threads", type=int, default=2, help="of --speed")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    torch.set_grad_enabled(False)
    if arguments.speed:
        for name in arguments.only:
            speed(arguments.bge.resolve(), name, arguments.speed, arguments.threads)
        return 0
    table = engine.Table("model", "texts", "weights", "median", "max abs", "other keys", "min cosine", "top 20")
    for name in arguments.only:
        compare(arguments.bge.resolve(), name, arguments.dtype, table)
        compare_scores(arguments.bge.resolve(), name, arguments.dtype, table)
    return table.exit_status()


if __name__ == "__main__":
    sys.exit(main())
