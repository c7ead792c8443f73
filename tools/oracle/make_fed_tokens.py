"""Writes the token ids that sentence-transformers feeds tiny models for queries, documents and texts of no role.

    python tools/oracle/make_fed_tokens.py [--output tests/data]

golden/fed-tokens.json, about the models of the other generators, which it needs. Cases whose "move" names a folder have the
transformer's files there, as older directories have them in 0_Transformer, and as a Router may have them. The ids are those that
the first module of the route is called with, one text at a time, so that there is no padding; padding that expansion of queries makes
counts.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import sentence_transformers
import torch
import transformers
from sentence_transformers import MultiVectorEncoder, SentenceTransformer, SparseEncoder

import make_tiny_models as tiny
import reference

TEXTS = ["", "What is the effect of vitamin D on bone?", "!!! ... (50%)", "[MASK] a map [SEP] of [unused0] [Q] the [q] city",
         "The Water Of the RIVER", "the water of the river runs over stone, and by the city in the mountain. " * 4]
ROLES = ("query", "document", "none")
TRANSFORMER_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "sentence_bert_config.json")
CASES = [
    {"model": "tiny-bert", "kind": SentenceTransformer, "move": "0_Transformer"},
    {"model": "tiny-roberta", "kind": SentenceTransformer, "move": "0_Transformer",
     "write": {"sentence_bert_config.json": {"max_seq_length": 21, "do_lower_case": True}}},
    {"model": "tiny-splade", "kind": SparseEncoder},
    {"model": "tiny-doc-sparse", "kind": SparseEncoder},
    {"model": "tiny-doc-sparse", "kind": SparseEncoder, "move": "document_0_MLMTransformer"},
    {"model": "tiny-colbert", "kind": MultiVectorEncoder, "move": "0_Transformer"},
    {"model": "tiny-colbert-pylate", "kind": MultiVectorEncoder},
    {"model": "tiny-colbert-stanford", "kind": MultiVectorEncoder},
]


def move(where, folder):
    (where / folder).mkdir()
    for name in TRANSFORMER_FILES:
        if (where / name).exists():
            (where / name).rename(where / folder / name)
    if (where / "router_config.json").exists():
        router = json.loads((where / "router_config.json").read_text())
        router["types"][folder] = router["types"].pop("")
        router["structure"]["document"][0] = folder
        tiny.write_json(where / "router_config.json", router)
        return
    modules = json.loads((where / "modules.json").read_text())
    modules[0]["path"] = folder
    tiny.write_json(where / "modules.json", modules)


def fed(model, role, text):
    """The ids that the first module which computes is called with."""
    seen = []

    def hook(module, arguments):
        seen.append(arguments[0]["input_ids"][0].tolist())

    routes = getattr(model[0], "sub_modules", None)
    firsts = [model[0]] if routes is None else [route[0] for route in routes.values()]
    hooks = [module.register_forward_pre_hook(hook) for module in firsts]
    encode = {"query": model.encode_query, "document": model.encode_document, "none": model.encode}[role]
    # Ours passes over an empty prompt "document" for a passage prompt (docs/models.md).
    passage = model.prompts.get("passage") if role == "document" and not model.prompts.get("document") else None
    encode([text], **({"prompt": passage} if passage else {}))
    for handle in hooks:
        handle.remove()
    if len(seen) != 1:
        raise SystemExit(f"{role}: {len(seen)} calls of the first module")
    return seen[0]


def golden(data, case):
    with tempfile.TemporaryDirectory() as scratch:
        where = Path(scratch) / "model"
        shutil.copytree(data / "models" / case["model"], where)
        for path, value in case.get("write", {}).items():
            tiny.write_json(where / path, value)
        if "move" in case:
            move(where, case["move"])
        model = case["kind"](str(where), device="cpu")
        rows = [{"text": text} | {role: fed(model, role, text) for role in ROLES} for text in TEXTS]
    return {key: value for key, value in case.items() if key != "kind"} | {"texts": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    value = {"generator": "tools/oracle/make_fed_tokens.py",
             "versions": reference.versions() | {"sentence_transformers": sentence_transformers.__version__},
             "cases": [golden(output, case) for case in CASES]}
    path = output / "golden/fed-tokens.json"
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n", encoding="utf-8")
    print(path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
