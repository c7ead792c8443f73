"""MPNet at its full size against transformers, run live.

    python tools/oracle/mpnet_compare.py --bge PROGRAM [--types]

The shape of all-mpnet-base-v2 and multi-qa-mpnet-base with random weights, in their layout; the vocabulary is BERT's, with MPNet's five
tokens around it, as theirs is. Vectors of texts of 2 to 512 tokens, of the first token and of the mean, against transformers in
float32 with eager attention (limit 1e-5). With --types, ours in bfloat16 and int8 beside ours in float32: cosines. The exit status is
1 where a limit is passed.
"""

import argparse
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import engine
import evaluation_sets
import make_tiny_models as tiny
import modernbert_compare
import reference
import tiny_mpnet

POSITIONS = 512


def make() -> Path:
    """The directory of the model; made where it is not there yet."""
    where = reference.cache_dir() / "random-mpnet-base-v1"
    if (where / "done").exists():
        return where
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    words = (evaluation_sets.shared_dir() / "data/tokenizers/bge-small-en-v1.5/vocab.txt").read_text(encoding="utf-8").splitlines()
    size = tiny_mpnet.write_tokenizer(where, words, POSITIONS)
    config = transformers.MPNetConfig(vocab_size=size, max_position_embeddings=POSITIONS + 2, layer_norm_eps=1e-5)
    model = transformers.MPNetModel(config, add_pooling_layer=False)
    tiny_mpnet.fill(model, 43)
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, where / "model.safetensors", metadata={"format": "pt"})
    tiny.write_config(where, config, "MPNetForMaskedLM", architectures=["MPNetForMaskedLM"], torch_dtype="float32")
    tiny.old_modules(where, "Pooling", "Normalize")
    tiny.old_pooling(where, config.hidden_size, "mean_tokens")
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": POSITIONS, "do_lower_case": False})
    (where / "done").touch()
    return where


def compare_types(bge: Path, table) -> None:
    texts = modernbert_compare.texts_of(make(), POSITIONS)
    for pooling in ("cls", "mean"):
        exact, _ = engine.embed(bge, make(), texts, "--pooling", pooling)
        for dtype in ("bf16", "int8"):
            found, seconds = engine.embed(bge, make(), texts, "--pooling", pooling, "--dtype", dtype)
            cosines = (exact * found).sum(axis=1)
            table.row(f"{dtype}, {pooling}", len(texts), engine.max_abs(exact, found), float(1 - cosines.min()), round(seconds, 1), ok=True,
                      note=f"mean cosine {cosines.mean():.5f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--types", action="store_true")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    table = engine.Table("model", "count", "max abs", "1 - cosine", "seconds")
    modernbert_compare.compare_vectors(arguments.bge, table, "mpnet-base", make(), POSITIONS)
    if arguments.types:
        compare_types(arguments.bge, table)
    return table.exit_status()


if __name__ == "__main__":
    sys.exit(main())
