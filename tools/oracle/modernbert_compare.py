"""ModernBERT at its full size against transformers, FlagReranker and CrossEncoder, run live.

    python tools/oracle/modernbert_compare.py --bge PROGRAM [--only modernbert-base gte-reranker-modernbert-base ...] [--longest 8192]

Weights are random, in the published layouts (modernbert_models.py). Vectors of texts of 2 to 8192 tokens, of the first token and
of the mean, against transformers in float32 with eager attention (limit 1e-5; 8192 tokens take torch 10 GB); scores of pairs
against both as heads_compare.py has them. The exit status is 1 where a limit is passed.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch
import transformers

import engine
import heads_compare
import modernbert_models
import reference

LIMIT = 1e-5
# Whole sequences, special tokens included: around the window, blocks of keys and queries, and lanes.
LENGTHS = [2, 3, 9, 16, 17, 33, 64, 65, 66, 67, 96, 128, 129, 130, 191, 256, 383, 384, 385, 448, 449, 511, 512, 513, 640, 768,
           769, 1024, 1025, 2048, 4096, 8192]


def texts_of(model: Path, longest: int) -> list[str]:
    """One of every length, cut out of real ones."""
    source = " ".join(heads_compare.documents("en") + heads_compare.documents("de") + heads_compare.documents("zh"))
    tokenizer = reference.load_tokenizer(model, 10**9)
    spans = tokenizer.encode(source, add_special_tokens=False).offsets
    texts, at = [], 0
    for length in LENGTHS:
        if length <= longest:
            texts.append(source[spans[at][0]:spans[at + max(length - 3, 0)][1]] if length > 2 else "")
            at += 11
    return texts


def torch_vectors(model: Path, ids: list[list[int]]) -> dict[str, np.ndarray]:
    """Of the first token and of the mean, each text by itself."""
    encoder = transformers.AutoModel.from_pretrained(model, dtype=torch.float32, attn_implementation="eager", local_files_only=True).eval()
    vectors = {"cls": [], "mean": []}
    with torch.inference_mode():
        for row in ids:
            hidden = encoder(input_ids=torch.tensor([row])).last_hidden_state[0]
            for pooling, pooled in (("cls", hidden[0]), ("mean", hidden.mean(dim=0))):
                vectors[pooling].append(torch.nn.functional.normalize(pooled, dim=0).numpy())
    return {pooling: np.stack(rows) for pooling, rows in vectors.items()}


def compare_vectors(bge: Path, table, name: str, model: Path, longest: int) -> None:
    texts = texts_of(model, longest)
    tokenizer = reference.load_tokenizer(model, longest)
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]
    for pooling, expected in torch_vectors(model, ids).items():
        found, seconds = engine.embed(bge, model, texts, "--pooling", pooling)
        worst = engine.max_abs(expected, found)
        row = int(np.abs(expected - found).max(axis=1).argmax())
        table.row(f"{name}, {pooling}", len(texts), worst, 1 - engine.min_cosine(expected, found), round(seconds, 1),
                  ok=worst < LIMIT, note=f"up to {max(map(len, ids))} tokens; worst at {len(ids[row])}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--only", nargs="*", default=list(modernbert_models.SHAPES))
    parser.add_argument("--longest", type=int, default=modernbert_models.POSITIONS)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(2)
    table = engine.Table("model", "count", "max abs", "1 - cosine", "seconds")
    ok = True
    for name in arguments.only:
        if "reranker" in name:
            ok &= heads_compare.compare_reranker(arguments.bge.resolve(), modernbert_models.make(name))
        else:
            compare_vectors(arguments.bge, table, name, modernbert_models.make(name), arguments.longest)
    return 0 if ok and not table.failures else 1


if __name__ == "__main__":
    sys.exit(main())
