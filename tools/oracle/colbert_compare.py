"""Token vectors and MaxSim scores of ColBERT models of full size against MultiVectorEncoder, run live.

    python tools/oracle/colbert_compare.py --bge PROGRAM [--only stanford-base ...]

stanford-base    BERT-base with 128 values a token, laid out as colbert-ir/colbertv2.0, random weights
answerai-small   the shape of answerdotai/answerai-colbert-small-v1 (384, 12 layers, 96 values), laid out as PyLate does
minilm           all-MiniLM-L6-v2 as it is with an identity for a projection, laid out as sentence-transformers does: real weights

Queries and documents of 1 to 512 tokens, of none, of punctuation, in several scripts; as queries, as documents and as neither.
Limits: as many vectors, each number of a vector to 2e-5, MaxSim scores, and those of `bge rerank`, to 2e-5 for each vector of the
query. MultiVectorEncoder
computes one text at a time, so that no padding takes part. The exit status is 1 where a limit is passed.
"""

import argparse
import json
import shutil
import string
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import engine
import evaluation_sets
import random_models
import random_weights
import reference

LIMIT = 2e-5
# layers, hidden, heads, ffn, values a token
SHAPES = {"stanford-base": (12, 768, 12, 3072, 128), "answerai-small": (12, 384, 12, 1536, 96)}
MODELS = [*SHAPES, "minilm"]
LENGTHS = [1, 2, 3, 5, 8, 15, 16, 29, 30, 31, 47, 64, 100, 127, 128, 129, 200, 256, 300, 384, 509, 510, 600]
SHORT = ["", " ", "!", "?!... (--)", "what is colbert?", "[MASK] and [unused0] in [PAD] text", "为这个句子生成表示：中国的首都是北京。",
         "🙂 👩‍👩‍👧‍👦 🇩🇪", "Ünïcödé cafés, naïve résumés", "الكتاب على الطاولة", "x" * 120]


def copy_tokenizer(where):
    source = evaluation_sets.shared_dir() / "data/tokenizers/bge-small-en-v1.5"
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (source / name).exists():
            shutil.copyfile(source / name, where / name)


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


def make(name):
    where = reference.cache_dir() / f"random-colbert-{name}-v1"
    if (where / "done").exists():
        return where
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    if name == "minilm":
        for file in engine.minilm_dir().iterdir():
            if file.is_file() and file.name not in ("modules.json", "config_sentence_transformers.json", "README.md"):
                shutil.copyfile(file, where / file.name)
        hidden = json.loads((where / "config.json").read_text())["hidden_size"]
        base = "sentence_transformers.base.modules"
        write(where / "modules.json", [
            {"idx": 0, "name": "0", "path": "", "type": f"{base}.transformer.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Dense", "type": f"{base}.dense.Dense"},
            {"idx": 2, "name": "2", "path": "2_MultiVectorMask",
             "type": "sentence_transformers.multi_vector_encoder.modules.multi_vector_mask.MultiVectorMask"},
            {"idx": 3, "name": "3", "path": "3_Normalize", "type": f"{base}.normalize.Normalize"}])
        write(where / "config_sentence_transformers.json", {"model_type": "MultiVectorEncoder", "prompts": {"query": "", "document": ""}})
        write(where / "sentence_bert_config.json", {"max_seq_length": 512, "document_length": 512, "query_length": 64,
                                                    "query_expansion": {"strategy": "min", "attend": True, "length": 24}})
        write(where / "1_Dense/config.json", {"in_features": hidden, "out_features": hidden, "bias": False, "module_input_name": "token_embeddings",
                                              "activation_function": "torch.nn.modules.linear.Identity"})
        save_file({"linear.weight": torch.eye(hidden)}, where / "1_Dense/model.safetensors")
        write(where / "2_MultiVectorMask/config.json", {"skiplist_words": list(string.punctuation), "skiplist_tasks": ["document"]})
        write(where / "3_Normalize/config.json", {"module_input_name": "token_embeddings"})
        (where / "done").touch()
        return where
    layers, hidden, heads, ffn, values = SHAPES[name]
    copy_tokenizer(where)
    config = transformers.BertConfig(vocab_size=30522, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                                     intermediate_size=ffn, max_position_embeddings=512)
    model = transformers.BertModel(config, add_pooling_layer=False)
    random_weights.fill(model, 41)
    head = torch.nn.Linear(hidden, values, bias=False)
    random_weights.fill(head, 42)
    head_weight = {"linear.weight": head.weight.detach().contiguous()}
    tensors = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    if name == "stanford-base":
        save_file({f"bert.{key}": tensor for key, tensor in tensors.items()} | head_weight, where / "model.safetensors", metadata={"format": "pt"})
        write(where / "config.json", config.to_dict() | {"architectures": ["HF_ColBERT"]})
        write(where / "artifact.metadata", {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "doc_maxlen": 512, "query_maxlen": 32,
                                            "mask_punctuation": True, "attend_to_mask_tokens": False, "dim": values, "similarity": "cosine"})
    else:
        save_file(tensors, where / "model.safetensors", metadata={"format": "pt"})
        write(where / "config.json", config.to_dict() | {"architectures": ["BertModel"]})
        write(where / "1_Dense/config.json", {"in_features": hidden, "out_features": values, "bias": False,
                                              "activation_function": "torch.nn.modules.linear.Identity"})
        save_file(head_weight, where / "1_Dense/model.safetensors")
        write(where / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                                       {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"}])
        write(where / "sentence_bert_config.json", {"max_seq_length": 511, "do_lower_case": False})
        write(where / "config_sentence_transformers.json", {
            "model_type": "ColBERT", "query_prefix": "[unused0]", "document_prefix": "[unused1]", "query_length": 32, "document_length": 511,
            "attend_to_expansion_tokens": True, "skiplist_words": list(string.punctuation), "do_query_expansion": True})
    (where / "done").touch()
    return where


def texts():
    source = " ".join(evaluation_sets.scifact_corpus()[:60])
    spans = reference.load_tokenizer(random_models.make("small-en"), 10**9).encode(source, add_special_tokens=False).offsets
    result, at = list(SHORT), 0
    for length in LENGTHS:
        result.append(source[spans[at][0]:spans[at + length - 1][1]])
        at += length + 1
    return result


def ours(bge, directory, lines, *flags):
    arrays = engine.embed_arrays(bge, directory, lines, *flags)
    offsets, vectors = arrays["colbert_offsets"], arrays["colbert_vecs"]
    return [vectors[begin:end] for begin, end in zip(offsets, offsets[1:])]


def compare(bge, directory, table, name):
    from sentence_transformers import MultiVectorEncoder
    model = MultiVectorEncoder(str(directory), device="cpu", model_kwargs={"attn_implementation": "eager"})
    lines, found, expected = texts(), {}, {}
    for role, flags, encode in (("query", ["--query"], model.encode_query), ("document", ["--passage"], model.encode_document), ("none", [], model.encode)):
        found[role] = ours(bge, directory, lines, *flags)
        expected[role] = [encode([line], convert_to_numpy=True)[0] for line in lines]
        worst = max((engine.max_abs(a, b) if a.size or b.size else 0.0) for a, b in zip(found[role], expected[role]))
        table.row(f"{name}, {role}: {sum(map(len, expected[role]))} vectors", worst, LIMIT, ok=worst < LIMIT)
    theirs = model.similarity([torch.from_numpy(v) for v in expected["query"]], [torch.from_numpy(v) for v in expected["document"]]).numpy()
    scores = np.array([[float((q @ d.T).max(1).sum()) for d in found["document"]] for q in found["query"]])
    worst = float((np.abs(scores - theirs) / np.array([[len(q)] for q in found["query"]])).max())
    table.row(f"{name}, {theirs.size} MaxSim scores, a vector", worst, LIMIT, ok=worst < LIMIT)
    # bge rerank reads the texts itself; pairs of one query lie apart, so that its groups of queries take part.
    counts = np.array([[len(q)] for q in found["query"]])
    pairs = [(query, passage) for passage in lines for query in lines]
    ranked = engine.rerank_pairs(bge, directory, pairs).reshape(len(lines), len(lines)).T
    # Upstream has no score for a text without vectors.
    known = np.isfinite(theirs) & (np.array([len(d) for d in found["document"]]) > 0)
    worst = float((np.abs(ranked - theirs) / counts)[known].max())
    table.row(f"{name}, {int(known.sum())} scores of bge rerank, a vector", worst, LIMIT, ok=worst < LIMIT)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    parser.add_argument("--only", nargs="+", default=MODELS, choices=MODELS, metavar="NAME")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    table = engine.Table("model", "largest", "limit", width=56)
    for name in arguments.only:
        compare(arguments.bge.resolve(), make(name), table, name)
    return table.exit_status()


if __name__ == "__main__":
    sys.exit(main())
