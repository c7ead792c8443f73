"""The suite golden of tokens_compare.py: what other projects made of texts with tokenizers that are here."""

import json
from pathlib import Path

import sentencepiece_models
import tokenizers
from tokens_files import SHARED, metaspace, runs_replaced, tokenizer_file
from tokens_tool import Count, OurTokenizer

# transformers.js' names of tokenizers that are here, or whose stages are put around a vocabulary that is.
GOLDEN = {
    "Xenova/bge-reranker-base": "XLM-R, runs of spaces", "Xenova/multilingual-e5-small": "XLM-R, runs of spaces",
    "Xenova/paraphrase-multilingual-mpnet-base-v2": "XLM-R", "Xenova/paraphrase-multilingual-MiniLM-L12-v2": "XLM-R",
    "Xenova/bert-base-uncased": "bge-small-en-v1.5", "Xenova/bge-base-zh-v1.5": "bge-large-zh-v1.5",
    "Xenova/bge-small-zh-v1.5": "bge-large-zh-v1.5, cased", "Xenova/all-distilroberta-v1": "roberta-base",
    "Xenova/t5-small": "t5-small", "google-t5/t5-small": "t5-small", "Xenova/t5-tokenizer-new": "t5-small, runs of spaces",
    "Xenova/all-mpnet-base-v2": "MPNet", "Xenova/LaMini-Flan-T5-783M": "t5-small, Metaspace alone", "Xenova/llama-tokenizer": "Llama 2, legacy"}


def golden_path(name, args):
    """The tokenizer.json of a name in GOLDEN; None where there is nothing to make it from."""
    if name == "Llama 2, legacy":
        return legacy_llama_file(args)
    base, _, variant = name.partition(", ")
    if base == "XLM-R" and not args.xlmr:
        return None  # the pruned file is another vocabulary
    if base == "XLM-R" or not variant:
        return tokenizer_file(name, args)
    path = tokenizer_file(base, args)
    if path is None:
        return None
    config = json.loads(path.read_text(encoding="utf-8"))
    if variant == "cased":
        config["normalizer"]["lowercase"] = False
    else:
        config["pre_tokenizer"] = metaspace("always")
        if variant == "runs of spaces":
            config["pre_tokenizer"] = metaspace("first")
            config["normalizer"] = {"type": "Sequence", "normalizers": [config["normalizer"], runs_replaced("▁")]}
    path = Path(args.work) / name / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def legacy_llama_file(args):
    """The stages of llama2/tokenizer.json around the pieces that llama.cpp has: that copy has lost merges of spaces.

    Merges rank by the score, as there, and not by the id, as where transformers 5.23 loads the file alone."""
    from transformers import AutoTokenizer
    from transformers.convert_slow_tokenizer import import_protobuf
    from transformers.tokenization_utils_base import generate_merges

    work = Path(args.work) / "Llama 2, legacy"
    model = sentencepiece_models.models(work / "models", SHARED / "tokenizers").get("llama2")
    if model is None:
        return None
    sentencepiece_models.write_directory(work / "pieces", model, {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}, None, {})
    config = json.loads(AutoTokenizer.from_pretrained(work / "pieces").backend_tokenizer.to_str())
    proto = import_protobuf().ModelProto()
    proto.ParseFromString(model.read_bytes())
    config["model"]["merges"] = generate_merges(config["model"]["vocab"], [(p.piece, p.score) for p in proto.pieces])
    config["pre_tokenizer"] = None
    config["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    path = work / "tokenizer.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def run(tool, args):
    """What other projects made of texts: transformers.js (ids and decoded texts), llama.cpp (ids without special tokens).

    Where the reference itself says something else of a tokenizer, that is counted apart."""
    count = Count("golden")
    elsewhere = 0

    def check(what, ours, reference, expected):
        nonlocal elsewhere
        if reference != expected:
            elsewhere += 1
            print(f"  {what:.100}\n    the reference itself has {reference!r:.200}\n    and not {expected!r:.200}", flush=True)
        # Ours is the reference's in any case.
        count.total += 1
        if ours != reference:
            count.different += 1
            print(f"  {what}\n    ours   {ours}\n    theirs {reference}", flush=True)

    def check_ids(model, ours, reference, text, expected, special, second=None):
        inputs = [text.encode()] if second is None else [(text.encode(), second.encode())]
        got = list(memoryview(ours.encode(inputs, special=special, offsets=False)[0][0]).cast("I"))
        check(f"{model}: {text!r}", got, reference.encode(text, second, add_special_tokens=special).ids, expected)

    goldens = json.loads((SHARED / "tokenizers/golden/transformersjs_tokenization_vectors.json").read_text(encoding="utf-8"))
    here = {name: path for name, model in GOLDEN.items() if (path := golden_path(model, args))}
    for name, path in here.items():
        ours, reference = OurTokenizer(tool, path), tokenizers.Tokenizer.from_file(str(path))
        reference.no_padding()
        for case in goldens[name]["cases"].values():
            check_ids(name, ours, reference, case["text"], case["ids"], True, case.get("text_pair"))
            check(f"{name}: {case['ids']}", ours.decode(case["ids"], False),
                  reference.decode(case["ids"], skip_special_tokens=False), case["decoded"])
        ours.close()
    print(f"golden: {len(here)} of {len(goldens)} entries; no vocabulary here for {', '.join(n for n in goldens if n not in here)}", flush=True)
    for vocabulary, model in (("llama-spm", "Llama 2, legacy"), ("bert-bge", "bge-small-en-v1.5")):
        path = golden_path(model, args)
        ours, reference = OurTokenizer(tool, path), tokenizers.Tokenizer.from_file(str(path))
        reference.no_padding()
        base = SHARED / "tokenizers/llama.cpp" / f"ggml-vocab-{vocabulary}.gguf"
        texts = Path(f"{base}.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
        for text, line in zip(texts, Path(f"{base}.out").read_text().splitlines()):
            check_ids(vocabulary, ours, reference, text, [int(i) for i in line.split()], False)
        ours.close()
    return count.report(f", {elsewhere} on which the reference says something else")
