"""Random models of every BGE shape, with the real BGE tokenizers, kept beside the cached vectors.

    python tools/oracle/random_models.py [SHAPE ...]     writes them and prints their directories
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import evaluation_sets
import random_weights
import reference

# layers, hidden, heads, ffn, vocabulary, directory of the tokenizer in the shared data
SHAPES = {
    "small-en": (12, 384, 12, 1536, 30522, "bge-small-en-v1.5"),
    "base-en": (12, 768, 12, 3072, 30522, "bge-small-en-v1.5"),
    "large-en": (24, 1024, 16, 4096, 30522, "bge-small-en-v1.5"),
    "small-zh": (4, 512, 8, 2048, 21128, "bge-large-zh-v1.5"),
    "base-zh": (12, 768, 12, 3072, 21128, "bge-large-zh-v1.5"),
    "large-zh": (24, 1024, 16, 4096, 21128, "bge-large-zh-v1.5"),
}
MAX_LENGTH = 512
# Whole sequences, special tokens included; around the sizes where blocks and lanes end.
LENGTHS = [2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 47, 48, 63, 64, 65, 96, 100, 127, 128, 129, 191,
           192, 193, 255, 256, 257, 320, 383, 384, 385, 448, 500, 510, 511, 512, 600]


def make(shape: str) -> Path:
    """The directory of the model; made where it is not there yet (a minute for the large ones)."""
    where = reference.cache_dir() / f"random-bge-{shape}-v1"
    if (where / "done").exists():
        return where
    layers, hidden, heads, ffn, vocab, tokenizer = SHAPES[shape]
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(evaluation_sets.shared_dir() / "data/tokenizers" / tokenizer, where, copy_function=shutil.copyfile)
    where.chmod(0o755)
    for path in where.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    config = transformers.BertConfig(
        vocab_size=vocab, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=ffn, max_position_embeddings=MAX_LENGTH)
    model = transformers.BertModel(config, add_pooling_layer=False)
    random_weights.fill(model, sum(map(ord, shape)))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()},
              where / "model.safetensors", metadata={"format": "pt"})
    changes = {"vocab_size": vocab, "hidden_size": hidden, "num_hidden_layers": layers,
               "num_attention_heads": heads, "intermediate_size": ffn, "max_position_embeddings": MAX_LENGTH}
    path = where / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=1))
    path = where / "1_Pooling/config.json"
    path.write_text(json.dumps({"word_embedding_dimension": hidden, "pooling_mode_cls_token": True}))
    path = where / "sentence_bert_config.json"
    path.write_text(json.dumps({"max_seq_length": MAX_LENGTH, "do_lower_case": True}))
    (where / "done").touch()
    return where


def texts(shape: str) -> list[str]:
    """A text of every length in LENGTHS (to a token or two), cut out of real ones; the last is truncated."""
    language = shape.rsplit("-", 1)[1]
    source = " ".join(evaluation_sets.scifact_corpus()[:400]) if language == "en" else "".join(
        evaluation_sets.document_text(row)
        for row in evaluation_sets.read_jsonl(evaluation_sets.shared_dir() / "data/xquad_retrieval/zh/corpus.jsonl"))
    tokenizer = reference.load_tokenizer(make(shape), 10**9)
    spans = tokenizer.encode(source, add_special_tokens=False).offsets
    result, position = [], 0
    for length in LENGTHS:
        begin, end = spans[position][0], spans[position + length - 3][1] if length > 2 else spans[position][0]
        result.append(source[begin:end])
        position += length + 1
    return result


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in sys.argv[1:] or SHAPES:
        print(make(name))
