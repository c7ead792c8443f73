"""The tokenizers that tokens_compare.py compares: which there are, and a tokenizer.json of each.

Some are under shared/data as they were published; others are made of what there is of them, in args.work. `args` are
tokens_compare.py's: xlmr, models and work count here.
"""

import json
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
MODELS = ("bge-small-en-v1.5", "bge-large-zh-v1.5", "roberta-base", "llama2", "mistral-7b-v0.1", "XLM-R", "t5-small")
PRUNED = SHARED / "tokenizers" / "xlm-roberta" / "pruned_32k_exact_scores" / "sentencepiece.bpe.model"


def metaspace(scheme):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}


def runs_replaced(content):
    return {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content}


OLD_METASPACE = {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}
OTHER_MASK = {"lstrip": True, "normalized": True}
# XLM-R's stages as other files state them: normalizers behind its own, the pre-tokenizer, what <mask> has.
VARIANTS = {
    "XLM-R, old spelling": ([], {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, OLD_METASPACE]}, {}),
    "XLM-R, runs of spaces": ([runs_replaced(" ")], OLD_METASPACE, OTHER_MASK),
    "XLM-R, stripped": ([{"type": "Strip", "strip_left": False, "strip_right": True}, runs_replaced("▁")], metaspace("first"), {}),
    "XLM-R, never": ([], metaspace("never"), OTHER_MASK),
}


# Stages as these models publish them, around a vocabulary that is here: RoBERTa's, BERT's.
STAGES = ("ModernBERT", "MPNet")


def stages_file(model, args):
    import modernbert_models
    import tiny_mpnet

    made = Path(args.work) / model / "tokenizer.json"
    made.parent.mkdir(parents=True, exist_ok=True)
    if model == "ModernBERT":
        value = modernbert_models.tokenizer_json()
    else:
        words = (SHARED / "tokenizers/bge-small-en-v1.5/vocab.txt").read_text(encoding="utf-8").splitlines()
        value = tiny_mpnet.tokenizer_json(tiny_mpnet.vocabulary(words))
    made.write_text(json.dumps(value), encoding="utf-8")
    return made


def tokenizer_file(model, args):
    """The tokenizer.json of a model, or one made of what there is of it; None where there is nothing."""
    if model in STAGES:
        return stages_file(model, args) if SHARED.exists() else None
    if model in VARIANTS:
        return xlmr_variant(model, args)
    if model == "XLM-R":
        directory = xlmr_directory(args)
        return directory and directory / "tokenizer.json"
    directory = SHARED / "tokenizers" / model
    made = Path(args.work) / model / "tokenizer.json"
    if model == "mistral-7b-v0.1":
        return mistral_file(directory / "tokenizer.model", made)
    path = directory / "tokenizer.json"
    if not path.exists():
        return None
    if model != "llama2":
        return path
    # Lines of spaces alone in this copy were two tokens once; tokenizers refuses them, as we do.
    config = json.loads(path.read_text(encoding="utf-8"))
    config["model"]["merges"] = [m for m in config["model"]["merges"] if m.count(" ") == 1]
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_text(json.dumps(config), encoding="utf-8")
    return made


def mistral_file(pieces, made):
    """As transformers writes it."""
    if not pieces.exists():
        return None
    from transformers import LlamaTokenizer

    source = made.parent / "pieces"
    source.mkdir(parents=True, exist_ok=True)
    shutil.copy(pieces, source)
    LlamaTokenizer.from_pretrained(source).save_pretrained(made.parent)
    return made


def xlmr_directory(args):
    """A directory with XLM-R's tokenizer.json; None where there is nothing to make it from."""
    if args.xlmr:
        return args.xlmr
    if not PRUNED.exists():
        return None
    from transformers import AutoTokenizer

    directory = Path(args.work) / "xlmr"
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "tokenizer.json").exists():
        shutil.copy(PRUNED, directory)
        (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "XLMRobertaTokenizer"}))
        AutoTokenizer.from_pretrained(directory).backend_tokenizer.save(str(directory / "tokenizer.json"))
    return directory


def xlmr_variant(name, args):
    directory = xlmr_directory(args)
    if directory is None:
        return None
    config = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    normalizers, config["pre_tokenizer"], mask = VARIANTS[name]
    config["normalizer"] = {"type": "Sequence", "normalizers": [config["normalizer"], *normalizers]}
    config["added_tokens"][-1].update(mask)
    path = Path(args.work) / name / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def files(models, args):
    """Of these models those that were asked for and are here, and their tokenizer.json."""
    for model in models:
        if model not in args.models:
            continue
        path = tokenizer_file(model, args)
        if path is None:
            print(f"{model}: there is no such tokenizer here", flush=True)
        else:
            yield model, path
