"""Writes tiny random models of token vectors (ColBERT) in three layouts, and MultiVectorEncoder's vectors and scores for them.

    python tools/oracle/make_tiny_colbert.py [--output tests/data] [MODEL ...]

tiny-colbert            as sentence-transformers 6 saves a MultiVectorEncoder: Transformer, two Dense, MultiVectorMask, Normalize
tiny-colbert-pylate     as PyLate saves one: [Q] and [D] are added tokens, everything else is in config_sentence_transformers.json
tiny-colbert-stanford   as colbert-ir/colbertv2.0 is: HF_ColBERT, artifact.metadata, linear.weight beside the encoder's weights
tiny-colbert-modernbert ModernBERT, saved by sentence-transformers 6: what queries are filled up with reaches beyond its windows

Golden files beside those of make_tiny_models.py. Each holds cases: files that are written over the directory's ("write"; null:
the file is removed), and for every text its vectors as a query, as a document and as neither (encode_query, encode_document,
encode). sentence-transformers computes one text at a time in float32 with eager attention, but for ModernBERT: there a token that
sees no other gets nothing from torch's fused attention, which is what sentence-transformers uses unless it is told otherwise.
"""

import argparse
import json
import shutil
import string
import tempfile
from pathlib import Path

import sentence_transformers
import torch
import transformers
from safetensors.torch import save_file
from sentence_transformers import MultiVectorEncoder

import make_tiny_models as tiny
import random_weights
import reference
import tiny_modernbert

TEXTS = ["", "What is the effect of vitamin D on bone?", "!!! ... (50%)", "[MASK] a map [SEP] of [unused0] [Q] the [q] city",
         "中国的首都是北京 🙂", "the water of the river runs over stone, and by the city in the mountain. " * 4]
QUERY, DOCUMENT = "[unused0]", "[unused1]"


def write_tokenizer(where, *, markers=(), added=(), max_length=48):
    """The tokenizer of make_tiny_models.py with more words, or with tokens added as Tokenizer.add_tokens adds them."""
    vocab = tiny.vocabulary(tiny.SPECIAL)[:5] + list(markers) + tiny.vocabulary(tiny.SPECIAL)[5:]
    value = tiny.tokenizer_json(vocab, tiny.SPECIAL)
    value["added_tokens"] += [{"id": len(vocab) + i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                               "normalized": True, "special": False} for i, token in enumerate(added)]
    tiny.write_json(where / "tokenizer.json", value)
    config = {f"{name}_token": token for name, token in zip(("pad", "unk", "cls", "sep", "mask"), tiny.SPECIAL)}
    config |= {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True,
               "model_max_length": max_length}
    tiny.write_json(where / "tokenizer_config.json", config)
    return len(vocab) + len(added)


def bert(vocab_size, seed):
    config = transformers.BertConfig(vocab_size=vocab_size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                                     max_position_embeddings=64)
    model = transformers.BertModel(config, add_pooling_layer=False)
    random_weights.fill(model, seed)
    return model


def dense(inputs, outputs, seed, **settings):
    from sentence_transformers.base.modules.dense import Dense
    module = Dense(inputs, outputs, module_input_name="token_embeddings", **settings)
    random_weights.fill(module, seed)
    return module


def modernbert(vocab_size, seed):
    config = tiny_modernbert.config(vocab_size, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=12,
                                    max_position_embeddings=64, local_attention=6, pad_token_id=0, bos_token_id=2, cls_token_id=2,
                                    eos_token_id=3, sep_token_id=3)
    model = transformers.ModernBertModel(config)
    random_weights.fill(model, seed)
    return model


def save_modernbert(where):
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        model = modernbert(write_tokenizer(source, added=()), 38)
        model.save_pretrained(source)
        transformer = Transformer(str(source), document_length=40, query_expansion={"strategy": "fixed", "attend": False, "length": 24})
    encoder = MultiVectorEncoder(modules=[transformer, dense(16, 4, 39, bias=False, activation_function=torch.nn.Identity()),
                                          MultiVectorMask(skiplist_words=[]), Normalize(module_input_name="token_embeddings")], device="cpu")
    encoder.save_pretrained(str(where), create_model_card=False)
    (where / "README.md").unlink(missing_ok=True)


def save_native(where):
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch)
        model = bert(write_tokenizer(source, added=()), 31)
        model.save_pretrained(source)
        transformer = Transformer(str(source), document_length=40, query_expansion={"strategy": "fixed", "attend": False, "length": 12})
    first = dense(16, 12, 32, bias=True, activation_function=torch.nn.GELU(), use_residual=True)
    second = dense(12, 4, 33, bias=False, activation_function=torch.nn.Identity())
    encoder = MultiVectorEncoder(modules=[transformer, first, second, MultiVectorMask(skiplist_words=[".", ",", "!", "of", "absent"]),
                                          Normalize(module_input_name="token_embeddings")],
                                 prompts={"query": "search: ", "document": ""}, device="cpu")
    encoder.save_pretrained(str(where), create_model_card=False)
    (where / "README.md").unlink(missing_ok=True)


def save_pylate(where):
    model = bert(write_tokenizer(where, added=("[Q] ", "[D] ")), 34)
    model.save_pretrained(where)
    head = torch.nn.Linear(16, 4, bias=False)
    random_weights.fill(head, 35)
    (where / "1_Dense").mkdir()
    save_file({"linear.weight": head.weight.detach().contiguous()}, where / "1_Dense/model.safetensors", metadata={"format": "pt"})
    tiny.write_json(where / "1_Dense/config.json", {"in_features": 16, "out_features": 4, "bias": False,
                                                    "activation_function": "torch.nn.modules.linear.Identity", "use_residual": False})
    tiny.write_json(where / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"}])
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": 44, "do_lower_case": False})
    tiny.write_json(where / "config_sentence_transformers.json", PYLATE)


PYLATE = {"__version__": {"sentence_transformers": "4.0.2", "transformers": "4.48.2", "pytorch": "2.6.0"}, "prompts": {},
          "default_prompt_name": None, "similarity_fn_name": "MaxSim", "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 16,
          "document_length": 40, "attend_to_expansion_tokens": False, "skiplist_words": list(string.punctuation), "do_query_expansion": True}


def save_stanford(where):
    model = bert(write_tokenizer(where, markers=(QUERY, DOCUMENT), max_length=64), 36)
    head = torch.nn.Linear(16, 4, bias=False)
    random_weights.fill(head, 37)
    tensors = {f"bert.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors | {"linear.weight": head.weight.detach().contiguous()}, where / "model.safetensors", metadata={"format": "pt"})
    tiny.write_json(where / "config.json", model.config.to_dict() | {"architectures": ["HF_ColBERT"]})
    tiny.write_json(where / "artifact.metadata", STANFORD)


# The fields of colbert-ir/colbertv2.0's that say how texts are read, and a few of the many others.
STANFORD = {"query_token_id": QUERY, "doc_token_id": DOCUMENT, "query_token": "[Q]", "doc_token": "[D]", "ncells": None, "similarity": "cosine",
            "dim": 4, "doc_maxlen": 40, "mask_punctuation": True, "query_maxlen": 16, "attend_to_mask_tokens": False, "interaction": "colbert",
            "nbits": 1, "checkpoint": "somewhere/colbert.dnn"}

TRANSFORMER = {"query_length": None, "document_length": 30}
CASES = {
    "tiny-colbert": [
        {"name": "as saved"},
        {"name": "min, attended, own token, skiplist for both", "write": {
            "sentence_bert_config.json": TRANSFORMER | {"query_length": 20, "query_expansion": {
                "strategy": "min", "attend": True, "token": "vector", "length": 9}},
            "3_MultiVectorMask/config.json": {"skiplist_words": [".", "vector", "?", "[UNK]"], "skiplist_tasks": ["query", "document"],
                                              "keep_only_token_ids": None}}},
        {"name": "min, not attended", "write": {"sentence_bert_config.json": TRANSFORMER | {
            "query_expansion": {"strategy": "min", "attend": False, "length": 9}}}},
        {"name": "no expansion, some tokens alone, a default prompt", "write": {
            "sentence_bert_config.json": TRANSFORMER | {"query_length": 10, "query_expansion": None, "max_seq_length": 33},
            "config_sentence_transformers.json": {"model_type": "MultiVectorEncoder", "prompts": {"query": "why ", "other": "model: "},
                                                  "default_prompt_name": "other", "similarity_fn_name": "meanmaxsim"},
            "3_MultiVectorMask/config.json": {"skiplist_words": [], "skiplist_tasks": "document",
                                              "keep_only_token_ids": [2, 3, 36, 37, 50, 51, 52, 200, 201, 202, 203, 204, 205, 206]}}},
    ],
    "tiny-colbert-modernbert": [
        {"name": "as saved", "attention": "sdpa"},
        {"name": "attended", "attention": "sdpa", "write": {"sentence_bert_config.json": {"document_length": 40, "query_expansion": {
            "strategy": "fixed", "attend": True, "length": 24}}}},
    ],
    "tiny-colbert-pylate": [
        {"name": "as saved"},
        {"name": "attended", "write": {"config_sentence_transformers.json": PYLATE | {"attend_to_expansion_tokens": True, "model_type": "ColBERT",
                                                                                      "skiplist_words": ["the", "?"]}}},
        {"name": "no expansion, no skiplist, prompts", "write": {"config_sentence_transformers.json": PYLATE | {
            "do_query_expansion": False, "skiplist_words": [], "model_type": "ColBERT", "prompts": {"query": "[Q] what ", "document": "a text: "}}}},
        {"name": "few fields", "write": {"config_sentence_transformers.json": {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "read: "}}},
    ],
    "tiny-colbert-stanford": [
        {"name": "as saved"},
        {"name": "attended, punctuation kept", "write": {"artifact.metadata": STANFORD | {"attend_to_mask_tokens": True, "mask_punctuation": False,
                                                                                          "query_maxlen": 24}}},
        {"name": "without artifact.metadata", "write": {"artifact.metadata": None}},
        {"name": "markers that the vocabulary lacks", "write": {"artifact.metadata": STANFORD | {"query_token_id": "[Q]", "doc_token_id": "[D]"}}},
    ],
}


def numbers(values):
    return [float(f"{float(x):.6g}") for x in values]


def golden(directory, case):
    case = dict(case)
    attention = case.pop("attention", "eager")
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch) / "model"
        shutil.copytree(directory, where)
        for path, value in case.get("write", {}).items():
            (where / path).unlink() if value is None else tiny.write_json(where / path, value)
        model = MultiVectorEncoder(str(where), device="cpu", model_kwargs={"attn_implementation": attention})
        roles = {"query": model.encode_query, "document": model.encode_document, "none": model.encode}
        rows, vectors = [], {}
        for text in TEXTS:
            row = {"text": text}
            for role, encode in roles.items():
                vectors[role, text] = encode([text])
                row[role] = [numbers(vector) for vector in vectors[role, text][0]]
            rows.append(row)
        scores = [[float(f"{float(model.similarity(vectors['query', query], vectors['document', text])):.7g}") for text in TEXTS]
                  for query in TEXTS]
    return case | {"similarity": model.similarity_fn_name, "texts": rows, "scores": scores}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="all where none is given")
    arguments = parser.parse_args()
    output = arguments.output
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    versions = reference.versions() | {"sentence_transformers": sentence_transformers.__version__}
    for name, save in (("tiny-colbert", save_native), ("tiny-colbert-pylate", save_pylate), ("tiny-colbert-stanford", save_stanford),
                       ("tiny-colbert-modernbert", save_modernbert)):
        if arguments.models and name not in arguments.models:
            continue
        where = output / "models" / name
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        save(where)
        for path in where.rglob("*.safetensors"):
            path.chmod(0o644)
        value = {"model": name, "generator": "tools/oracle/make_tiny_colbert.py", "versions": versions,
                 "cases": [golden(where, case) for case in CASES[name]]}
        path = output / "golden" / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n", encoding="utf-8")
        print(name, sum(f.stat().st_size for f in where.rglob("*") if f.is_file()), "bytes, golden", path.stat().st_size)


if __name__ == "__main__":
    main()
