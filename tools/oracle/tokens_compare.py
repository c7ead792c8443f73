"""Token ids, type ids, offsets and special-token masks against Hugging Face `tokenizers` (0.23.3).

    python tools/oracle/tokens_compare.py --bge PROGRAM [--only corpus random stages decode] [--random N]

  corpus   every text under shared/data: BGE's English and Chinese tokenizers, XLM-R's and T5's, single and pair, 16,
           128, 512 tokens
  random   random Unicode of all planes, and bytes that are not UTF-8, through the same tokenizers, and through XLM-R's
           stages in the other forms that files have them in
  pieces   directories with SentencePiece files, or with XLM-R's tokenizer.json, against what transformers makes of them
  stages   random tokenizer.json files: every stage and flag that is supported, on random text
  decode   ids back to text

XLM-R is the tokenizer.json of --xlmr, or else made from the pruned SentencePiece file under shared/data. The exit status
is 1 where anything differs. Needs the target tokenizer_oracle_tool, built beside PROGRAM.
"""

import argparse
import csv
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RUST_BACKTRACE"] = "0"

import tokenizers  # noqa: E402
import tokens_random  # noqa: E402
from tokens_tool import PANIC, OurTokenizer, theirs, to_str  # noqa: E402

PINNED = "0.23.3"
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
MODELS = ("bge-small-en-v1.5", "bge-large-zh-v1.5")
PRUNED = SHARED / "tokenizers" / "xlm-roberta" / "pruned_32k_exact_scores" / "sentencepiece.bpe.model"
CHUNK = 2000


class Count:
    """Encodings compared and those that differ; prints the first few of these."""

    def __init__(self, name):
        self.name, self.total, self.different, self.panics = name, 0, 0, 0
        self.started = time.monotonic()

    def compare(self, texts, ours, expected, what):
        self.total += len(texts)
        for text, a, b in zip(texts, ours, expected):
            if b == PANIC:
                self.panics += 1
            elif a != b:
                self.different += 1
                if self.different <= 5:
                    print(f"  {what}: {text!r:.300}\n    ours   {show(a)}\n    theirs {show(b)}", flush=True)

    def report(self, extra=""):
        print(f"{self.name}: {self.total:,} encodings, {self.different:,} differences"
              f"{f', {self.panics:,} on which tokenizers panics' if self.panics else ''}"
              f" ({time.monotonic() - self.started:.0f} s){extra}", flush=True)
        return self.different


def show(result):
    if result is None:
        return "an error"
    names = ("ids", "types", "offsets", "mask")
    values = [list(memoryview(r).cast("I" if i < 3 else "B"))[:24] for i, r in enumerate(result)]
    return ", ".join(f"{n} {v}" for n, v in zip(names, values))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for v in value:
            yield from strings(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from strings(v)


def corpus_texts():
    """Every distinct text in the json, jsonl, tsv, csv, txt and inp files under shared/data, as bytes."""
    seen = {}
    csv.field_size_limit(1 << 30)
    for path in sorted(SHARED.rglob("*")):
        if not path.is_file():
            continue
        suffix = path.suffix
        if suffix == ".jsonl":
            found = [s for line in path.read_bytes().splitlines() if line.strip() for s in strings(json.loads(line))]
        elif suffix == ".json":
            try:
                found = strings(json.loads(path.read_bytes()))
            except ValueError:
                continue
        elif suffix in (".tsv", ".csv"):
            with open(path, encoding="utf-8", errors="surrogateescape", newline="") as f:
                if suffix == ".tsv":
                    found = [field for line in f for field in line.rstrip("\r\n").split("\t")]
                else:
                    found = [field for row in csv.reader(f) for field in row]
        elif suffix == ".txt":
            found = path.read_text(encoding="utf-8", errors="surrogateescape").split("\n")
        elif suffix == ".inp":
            found = path.read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
        else:
            continue
        for s in found:
            # Numbers are no texts, and there are very many of them.
            if s and not s.replace(".", "").replace("-", "").isdigit():
                seen.setdefault(s.encode("utf-8", "surrogatepass" if suffix == ".json" else "surrogateescape"))
    return list(seen)


def bert_models():
    return [(model, SHARED / "tokenizers" / model / "tokenizer.json") for model in MODELS]


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


def sentencepiece_models(args):
    models = []
    if directory := xlmr_directory(args):
        models.append(("XLM-R", directory / "tokenizer.json"))
    t5 = SHARED / "tokenizers" / "t5-small" / "tokenizer.json"
    return models + [("t5-small", t5)] * t5.exists()


def xlmr_variants(args):
    """XLM-R's stages as other files state them: names and paths of tokenizer.json files."""
    directory = xlmr_directory(args)
    if directory is None:
        return
    config = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    old = {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}
    split = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, old]}
    precompiled = config["normalizer"]
    runs = lambda content: {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content}
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    mask = {**config["added_tokens"][-1], "lstrip": True, "normalized": True}
    new = lambda scheme: {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True}
    for name, normalizers, pre_tokenizer, tokens in (
            ("old spelling", [precompiled], split, []),
            ("runs of spaces", [precompiled, runs(" ")], old, [mask]),
            ("stripped", [precompiled, strip, runs("▁")], new("first"), []),
            ("never", [precompiled], new("never"), [mask])):
        path = Path(args.work) / f"xlmr {name}" / "tokenizer.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        added = config["added_tokens"][:-1] + tokens if tokens else config["added_tokens"]
        path.write_text(json.dumps({**config, "normalizer": {"type": "Sequence", "normalizers": normalizers},
                                    "pre_tokenizer": pre_tokenizer, "added_tokens": added}), encoding="utf-8")
        yield f"XLM-R, {name}", path


def run_corpus(tool, args):
    texts = corpus_texts()[:: args.every]
    print(f"corpus: {len(texts):,} texts, {sum(map(len, texts)) / 1e6:.1f} MB", flush=True)
    different = 0
    for model, path in bert_models() + sentencepiece_models(args):
        if args.models and model not in args.models:
            continue
        reference = tokenizers.Tokenizer.from_file(str(path))
        ours = OurTokenizer(tool, path)
        for pair in (False, True):
            for max_length in (16, 128, 512):
                count = Count(f"corpus, {model}, {'pair' if pair else 'single'}, {max_length}")
                # tokenizers merges every part that a pair's first text overflows into with every part of its
                # second: whole books would take it hours. So texts of pairs are cut, at any byte.
                cut = [t[: 16 * max_length] for t in texts] if pair else texts
                inputs = list(zip(cut, cut[1:] + cut[:1])) if pair else texts
                for i in range(0, len(inputs), CHUNK):
                    part = inputs[i:i + CHUNK]
                    count.compare(part, ours.encode(part, max_length), theirs(reference, part, max_length), model)
                different += count.report()
        ours.close()
    return different


def run_random(tool, args):
    different = 0
    models = [(model, path, args.random // len(MODELS), ()) for model, path in bert_models()]
    pieces = tokens_random.WORDS + tokens_random.PIECES
    models += [(model, path, args.random, pieces) for model, path in sentencepiece_models(args)]
    models += [(model, path, args.random // 10, pieces) for model, path in xlmr_variants(args)]
    for model, path, strings_of_it, words in models:
        if args.models and model not in args.models:
            continue
        reference = tokenizers.Tokenizer.from_file(str(path))
        ours = OurTokenizer(tool, path)
        general = OurTokenizer(tool, path, "--general")
        count = Count(f"random, {model}")
        source = tokens_random.Texts(seed=len(model))
        for i in range(0, strings_of_it, CHUNK):
            part = [source.text(words) for _ in range(CHUNK)]
            expected = theirs(reference, part)
            count.compare(part, ours.encode(part), expected, f"{model}, fast path")
            ids_only = [e and (e[0], e[1], b"", b"") for e in expected]
            count.compare(part, ours.encode(part, offsets=False), ids_only, f"{model}, without offsets")
            if i % (8 * CHUNK) == 0:
                count.compare(part, general.encode(part), expected, f"{model}, general path")
            if (i // CHUNK) % 25 == 24:
                print(f"  {i + CHUNK:,} strings, {count.different:,} differences", flush=True)
        different += count.report(f", {strings_of_it:,} strings")
        ours.close()
        general.close()
    return different


def run_pieces(tool, args):
    """Directories, through transformers' AutoTokenizer."""
    from transformers import AutoTokenizer

    mask = {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False, "single_word": False,
            "normalized": True}
    tests = SHARED / "tokenizers" / "sentencepiece-tests"
    xlmr = args.xlmr / "sentencepiece.bpe.model" if args.xlmr else PRUNED
    t5 = {"tokenizer_class": "T5Tokenizer"}
    extra = {"additional_special_tokens": [f"<extra_id_{i}>" for i in range(100)], "extra_ids": 100}
    different = 0
    cases = [("XLM-R", xlmr, "sentencepiece.bpe.model", {"tokenizer_class": "XLMRobertaTokenizer"}),
             ("XLM-R with flags", xlmr, "sentencepiece.bpe.model",
              {"tokenizer_class": "XLMRobertaTokenizerFast", "mask_token": mask, "add_prefix_space": True}),
             ("XLM-R by its model_type", xlmr, "sentencepiece.bpe.model", None),
             ("T5", tests / "test_model.model", "spiece.model", t5),
             ("T5 with extra tokens", tests / "test_ja_model.model", "spiece.model", {**t5, **extra})]
    # The class puts its tokenizer together itself where there is a tokenizer.json too.
    cases += [(f"{name} as a directory", path, "tokenizer.json", {"tokenizer_class": "XLMRobertaTokenizer"})
              for name, path in list(xlmr_variants(args)) + sentencepiece_models(args)[:1] if "never" not in name]
    for name, model, file, config in cases:
        if not model.exists():
            continue
        directory = Path(args.work) / "pieces"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        shutil.copy(model, directory / file)
        if config is not None:
            (directory / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        else:
            (directory / "config.json").write_text(json.dumps({"model_type": "xlm-roberta"}), encoding="utf-8")
        reference = AutoTokenizer.from_pretrained(directory).backend_tokenizer
        ours = OurTokenizer(tool, directory)
        count = Count(f"pieces, {name}")
        source = tokens_random.Texts(seed=3)
        words = tokens_random.WORDS + tokens_random.PIECES
        for _ in range(0, args.random // 20, CHUNK):
            part = [source.text(words) for _ in range(CHUNK)]
            for inputs in (part, list(zip(part, part[1:] + part[:1]))):
                count.compare(inputs, ours.encode(inputs), theirs(reference, inputs), name)
        ours.close()
        different += count.report()
    return different


def well_defined(config, reference):
    """Upstream fails on, or chooses at random among, added tokens that normalise to nothing or to the same."""
    contents = [t["content"] for t in config["added_tokens"] if t["normalized"]]
    if reference.normalizer is not None:
        contents = [reference.normalizer.normalize_str(c) for c in contents]
    return all(contents) and len(set(contents)) == len(contents)


def shortened(config):
    return re.sub(r'"[A-Za-z0-9+/=]{100,}"', '"..."', json.dumps(config))


def run_stages(tool, args):
    count = Count("stages")
    refused = 0
    source = tokens_random.Texts(seed=7)
    configurations = tokens_random.Configurations(seed=11)
    path = Path(args.work) / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for n in range(args.stages):
        config = configurations.config()
        path.write_text(json.dumps(config), encoding="utf-8")
        try:
            reference = tokenizers.Tokenizer.from_file(str(path))
        except Exception:
            refused += 1
            continue
        if not well_defined(config, reference):
            refused += 1
            continue
        direction = (config["truncation"] or {}).get("direction", "Right").lower()
        reference.no_padding()
        ours = OurTokenizer(tool, path)
        general = OurTokenizer(tool, path, "--general") if config["model"].get("type") == "Unigram" else None
        words = configurations.words(config)
        singles = [source.text(words) for _ in range(40)]
        pairs = [(source.text(words), source.text(words)) for _ in range(20)]
        for texts in (singles, pairs):
            for max_length, strategy, special in configurations.truncations(isinstance(texts[0], tuple)):
                arguments = dict(max_length=max_length, strategy=strategy, special=special)
                expected = theirs(reference, texts, direction=direction, **arguments)
                for which in filter(None, (ours, general)):
                    got = which.encode(texts, **arguments)
                    # An unknown word behind the limit is an error only where that word is looked at.
                    both = [(t, a, b) for t, a, b in zip(texts, got, expected) if b is not None or max_length is None]
                    if both:
                        count.compare(*zip(*both), f"configuration {n} {config['model']['type']} {arguments} "
                                      f"{shortened({k: v for k, v in config.items() if k != 'model'})}")
        for which in filter(None, (ours, general)):
            if which.close()[0] != 0:
                print(f"  configuration {n}: the tool failed")
                count.different += 1
    return count.report(f", {args.stages - refused:,} configurations")


def run_decode(tool, args):
    count = Count("decode")
    import random

    rng = random.Random(5)
    for model, model_path in bert_models() + sentencepiece_models(args):
        config = json.loads(model_path.read_text(encoding="utf-8"))
        metaspace = {"type": "Metaspace", "replacement": "e", "prepend_scheme": "never", "split": False}
        for decoder in (config["decoder"], None, {"type": "WordPiece", "prefix": "@", "cleanup": False}, metaspace):
            config["decoder"] = decoder
            path = Path(args.work) / "tokenizer.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(config), encoding="utf-8")
            reference = tokenizers.Tokenizer.from_file(str(path))
            ours = OurTokenizer(tool, path)
            for _ in range(2000):
                ids = [rng.randrange(reference.get_vocab_size() + 5) for _ in range(rng.randrange(20))]
                skip = rng.random() < 0.5
                a, b = ours.decode(ids, skip), reference.decode(ids, skip_special_tokens=skip)
                count.total += 1
                if a != b:
                    count.different += 1
                    print(f"  {ids}: {a!r} for {b!r}")
            ours.close()
    return count.report()


SUITES = {"stages": run_stages, "decode": run_decode, "pieces": run_pieces, "random": run_random, "corpus": run_corpus}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bge", type=Path, help="the bge program; the tool is looked for in its build directory")
    parser.add_argument("--tool", type=Path, help="tokenizer_oracle_tool itself")
    parser.add_argument("--only", nargs="+", choices=sorted(SUITES))
    parser.add_argument("--random", type=int, default=1_000_000, help="random strings")
    parser.add_argument("--stages", type=int, default=400, help="random configurations")
    parser.add_argument("--xlmr", type=Path, help="a directory with XLM-R's tokenizer.json and sentencepiece.bpe.model")
    parser.add_argument("--models", nargs="+", help="of corpus and random, only these: XLM-R, t5-small, ...")
    parser.add_argument("--every", type=int, default=1, help="take every Nth text of the corpus")
    parser.add_argument("--work", default="build/tokens_compare", help="directory for the configurations")
    args = parser.parse_args()
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed: the judge is {PINNED}")
    tool = args.tool or (args.bge and args.bge.resolve().parent / "src/tokenizer/tokenizer_oracle_tool")
    if not tool or not tool.exists():
        sys.exit(f"no tool at {tool}: build the target tokenizer_oracle_tool")
    different = sum(SUITES[name](tool, args) for name in SUITES if not args.only or name in args.only)
    print(f"tokens: {different:,} differences" if different else "tokens: 0 differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
