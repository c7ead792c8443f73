"""Token ids, type ids, offsets and special-token masks against Hugging Face `tokenizers` (0.23.3).

    python tools/oracle/tokens_compare.py --bge PROGRAM [--only corpus random pieces stages decode merges golden]
                                           [--models NAME ...] [--random N] [--xlmr DIRECTORY]

  corpus   every text under shared/data: BGE's English and Chinese tokenizers, RoBERTa's, Llama 2's, Mistral's, XLM-R's and
           T5's, single and pair, 16, 128, 512 tokens
  random   random Unicode of all planes, and bytes that are not UTF-8, through the same tokenizers, and through XLM-R's
           stages in the other forms that files have them in; ModernBERT's and MPNet's stages with another's vocabulary
  pieces   directories with SentencePiece files, or with XLM-R's tokenizer.json, against what transformers makes of them
  bpe      the same for files of type BPE (Llama's, Mistral's, Gemma's): --bpe random texts a directory, single and pair,
           cut and whole, and back to text; with --corpus the texts of the corpus too
  stages   random tokenizer.json files: every stage and flag that is supported, on random text
  decode   ids back to text, with these tokenizers' decoders and random ones
  merges   the merges that a SentencePiece file's pieces stand for, against transformers'
  golden   what other projects say about these tokenizers: transformers.js, llama.cpp
  pairs    pairs of the corpus's texts, XLM-R's and T5's tokenizers, cut to 512 tokens by each strategy

XLM-R is the tokenizer.json of --xlmr (what xlmr_models.py prints of multilingual-e5-small), or else made from the pruned
SentencePiece file under shared/data, which has 32,000 of its pieces. The exit status is 1 where anything differs. Needs the target tokenizer_oracle_tool, built beside PROGRAM.
"""

import argparse
import csv
import json
import os
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RUST_BACKTRACE"] = "0"

import sentencepiece_models  # noqa: E402
import tokenizers  # noqa: E402
import tokens_published  # noqa: E402
import tokens_random  # noqa: E402
from tokens_files import MODELS, PRUNED, SHARED, STAGES, VARIANTS, files, tokenizer_file  # noqa: E402
from tokens_tool import PANIC, Count, OurTokenizer, theirs, to_str  # noqa: E402

PINNED = "0.23.3"
CHUNK = 2000
# Random strings for each tokenizer, where --random says nothing.
RANDOM = {"XLM-R": 1_000_000}
RANDOM_OF_OTHERS = 100_000


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


def run_corpus(tool, args):
    texts = corpus_texts()[:: args.every]
    print(f"corpus: {len(texts):,} texts, {sum(map(len, texts)) / 1e6:.1f} MB", flush=True)
    different = 0
    for model, path in files(MODELS, args):
        reference = tokenizers.Tokenizer.from_file(str(path))
        ours = OurTokenizer(tool, path)
        for pair in sorted(name == "pair" for name in set(args.inputs)):
            for max_length in args.lengths:
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
    for model, path in files((*MODELS, *VARIANTS, *STAGES), args):
        words = () if model.startswith("bge-") else tokens_random.WORDS + tokens_random.PIECES + tokens_random.MORE_WORDS
        reference = tokenizers.Tokenizer.from_file(str(path))
        ours = OurTokenizer(tool, path)
        general = OurTokenizer(tool, path, "--general")
        count = Count(f"random, {model}")
        source = tokens_random.Texts(seed=len(model))
        total = args.random if args.random is not None else RANDOM.get(model, RANDOM_OF_OTHERS)
        for i in range(0, total, CHUNK):
            part = [source.text(words) for _ in range(min(CHUNK, total - i))]
            expected = theirs(reference, part)
            count.compare(part, ours.encode(part), expected, f"{model}, fast path")
            ids_only = [e and (e[0], e[1], b"", b"") for e in expected]
            count.compare(part, ours.encode(part, offsets=False), ids_only, f"{model}, without offsets")
            if i % (8 * CHUNK) == 0:
                count.compare(part, general.encode(part), expected, f"{model}, general path")
            if (i // CHUNK) % 25 == 24:
                print(f"  {i + len(part):,} strings, {count.different:,} differences", flush=True)
        different += count.report(f", {total:,} strings")
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
              for name in ("XLM-R", *VARIANTS) if name != "XLM-R, never" and (path := tokenizer_file(name, args))]
    for name, model, file, config in cases:
        if not model.exists() or (args.directories and name not in args.directories):
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
        for i in range(0, args.pieces, CHUNK):
            part = [source.text(words) for _ in range(min(CHUNK, args.pieces - i))]
            for inputs in (part, list(zip(part, part[1:] + part[:1]))):
                count.compare(inputs, ours.encode(inputs), theirs(reference, inputs), name)
        ours.close()
        different += count.report()
    return different


def run_bpe(tool, args):
    """Directories with a SentencePiece file of type BPE, through transformers' AutoTokenizer."""
    from transformers import AutoTokenizer

    work = Path(args.work) / "bpe"
    models = sentencepiece_models.models(work / "models", SHARED / "tokenizers")
    texts = corpus_texts()[:: args.every] if args.corpus else []
    different = 0
    for name, kind, *files in sentencepiece_models.DIRECTORIES:
        if kind not in models or (args.directories and name not in args.directories):
            continue
        directory = work / "directory"
        sentencepiece_models.write_directory(directory, models[kind], *files)
        loaded = AutoTokenizer.from_pretrained(directory)
        reference, direction = loaded.backend_tokenizer, loaded.truncation_side
        ours = OurTokenizer(tool, directory)
        count = Count(f"bpe, {name}")
        back = Count(f"bpe, {name}, back to text")
        source = tokens_random.Texts(seed=len(name))
        words = tokens_random.WORDS + tokens_random.PIECES + tokens_random.MORE_WORDS + sentencepiece_models.WORDS

        def check(inputs, **options):
            expected = theirs(reference, inputs, direction=direction, **options)
            count.compare(inputs, ours.encode(inputs, **options), expected, f"{name} {options}")
            return expected

        for i in range(0, args.bpe, CHUNK):
            part = [source.text(words) for _ in range(CHUNK)]
            pairs = list(zip(part, part[1:] + part[:1]))
            expected = check(part)
            check(pairs)
            check(pairs[: CHUNK // 4], max_length=12, strategy=("longest_first", "only_first", "only_second")[i // CHUNK % 3])
            for result in expected[:: 20]:
                ids = list(memoryview(result[0]).cast("I")) if result not in (None, PANIC) else []
                for skip in (False, True):
                    back.total += 1
                    back.different += ours.decode(ids, skip) != reference.decode(ids, skip_special_tokens=skip)
        for i in range(0, len(texts), CHUNK):
            check(texts[i:i + CHUNK], max_length=512)
        ours.close()
        different += count.report() + (back.report() if back.total else 0)
    return different


def well_defined(config, reference):
    """Upstream fails on, or chooses at random among, added tokens that normalise to nothing or to the same."""
    contents = [t["content"] for t in config["added_tokens"] if t["normalized"]]
    if reference.normalizer is not None:
        contents = [reference.normalizer.normalize_str(c) for c in contents]
    return all(contents) and len(set(contents)) == len(contents)


def shortened(config):
    return re.sub(r'"[A-Za-z0-9+/=]{100,}"', '"..."', json.dumps(config))


def stage_kinds(value):
    """The types of all stages in a configuration."""
    found = set()
    if isinstance(value, dict):
        found |= {value["type"]} if isinstance(value.get("type"), str) else set()
        value = list(value.values())
    for member in value if isinstance(value, list) else []:
        found |= stage_kinds(member)
    return found


def run_stages(tool, args):
    count = Count("stages")
    refused = 0
    tried, compared, reasons = set(), set(), Counter()
    source = tokens_random.Texts(seed=7)
    configurations = tokens_random.Configurations(seed=11)
    path = Path(args.work) / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for n in range(args.stages):
        config = configurations.config()
        path.write_text(json.dumps(config), encoding="utf-8")
        kinds = stage_kinds({name: stage for name, stage in config.items() if name != "added_tokens"})
        tried |= kinds
        reason = "added tokens that normalize to nothing or to the same"
        try:
            reference = tokenizers.Tokenizer.from_file(str(path))
            defined = well_defined(config, reference)
        except BaseException as error:  # a panic is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            defined, reason = False, str(error)
        if not defined:
            refused += 1
            reasons[reason] += 1
            continue
        compared |= kinds
        direction = (config["truncation"] or {}).get("direction", "Right").lower()
        reference.no_padding()
        ours = OurTokenizer(tool, path)
        general = OurTokenizer(tool, path, "--general") if config["model"].get("type") == "Unigram" else None
        words = configurations.words(config)
        old = configurations.needs_old_unicode(config)
        singles = [source.text(words, old) for _ in range(40)]
        pairs = [(source.text(words, old), source.text(words, old)) for _ in range(20)]
        for texts in (singles, pairs):
            for max_length, strategy, special in configurations.truncations(isinstance(texts[0], tuple)):
                arguments = dict(max_length=max_length, strategy=strategy, special=special)
                expected = theirs(reference, texts, direction=direction, **arguments)
                for which in filter(None, (ours, general)):
                    got = which.encode(texts, **arguments)
                    # An unknown word behind the limit is an error only where that word is looked at.
                    both = [(t, a, b) for t, a, b in zip(texts, got, expected)
                            if b is not None or max_length is None or not tokens_random.unknown_fails(config)]
                    if both:
                        count.compare(*zip(*both), f"configuration {n} {config['model'].get('type')} {arguments} "
                                      f"{shortened({k: v for k, v in config.items() if k != 'model'})}")
        for which in filter(None, (ours, general)):
            if which.close()[0] != 0:
                print(f"  configuration {n}: the tool failed")
                count.different += 1
    for reason, times in reasons.most_common(8):
        print(f"  upstream refuses {times} configurations: {reason[:200]}")
    if args.stages >= 400 and tried != compared:
        print(f"  never compared, since upstream refuses every configuration with them: {sorted(tried - compared)}")
        count.different += 1
    return count.report(f", {args.stages - refused:,} configurations")


def decoded(reference, ids, skip):
    try:
        return reference.decode(ids, skip_special_tokens=skip)
    except BaseException as error:  # a panic is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return PANIC


def run_decode(tool, args):
    count = Count("decode")
    import random

    rng = random.Random(5)
    configurations = tokens_random.Configurations(seed=13)
    path = Path(args.work) / "tokenizer.json"
    path.parent.mkdir(parents=True, exist_ok=True)

    def check(config, rounds):
        path.write_text(json.dumps(config), encoding="utf-8")
        reference = tokenizers.Tokenizer.from_file(str(path))
        ours = OurTokenizer(tool, path)
        for _ in range(rounds):
            ids = [rng.randrange(reference.get_vocab_size() + 5) for _ in range(rng.randrange(20))]
            if rng.random() < 0.3:  # repeated tokens, and bytes that make a character
                ids = [i for i in ids for _ in range(rng.randrange(1, 3))]
            skip = rng.random() < 0.5
            expected = decoded(reference, ids, skip)
            if expected == PANIC:
                count.panics += 1
                continue
            got = ours.decode(ids, skip)
            count.total += 1
            if got != expected:
                count.different += 1
                if count.different <= 5:
                    print(f"  {config['decoder']} {ids}: {got!r} for {expected!r}", flush=True)
        ours.close()

    metaspace = {"type": "Metaspace", "replacement": "e", "prepend_scheme": "never", "split": False}
    for model, model_path in files(MODELS, args):
        config = json.loads(model_path.read_text(encoding="utf-8"))
        for decoder in (config["decoder"], None, {"type": "WordPiece", "prefix": "@", "cleanup": False}, metaspace):
            config["decoder"] = decoder
            check(config, 2000)
    for _ in range(args.stages):
        config = configurations.config()
        config["decoder"] = configurations.decoder()
        try:
            path.write_text(json.dumps(config), encoding="utf-8")
            if not well_defined(config, tokenizers.Tokenizer.from_file(str(path))):
                continue
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            continue
        check(config, 100)
    return count.report()


def run_merges(tool, args):
    from transformers.convert_slow_tokenizer import import_protobuf
    from transformers.tokenization_utils_base import generate_merges

    count = Count("merges")
    ours = OurTokenizer(tool, SHARED / "tokenizers" / MODELS[0] / "tokenizer.json")
    for name in ("mistral-7b-v0.1/tokenizer.model", "sentencepiece-tests/test_model.model",
                 "sentencepiece-tests/test_ja_model.model"):
        proto = import_protobuf().ModelProto()
        proto.ParseFromString((SHARED / "tokenizers" / name).read_bytes())
        pieces = [(p.piece, p.score) for p in proto.pieces]
        ids = {piece: i for i, (piece, _) in enumerate(pieces)}
        for by_score in (False, True):
            expected = generate_merges(ids, pieces if by_score else None)
            got = ours.merges(pieces, by_score)
            count.total += max(len(got), len(expected))
            count.different += sum(a != b for a, b in zip(got, expected)) + abs(len(got) - len(expected))
    ours.close()
    return count.report()


def run_pairs(tool, args):
    """Pairs of texts cut to 512 tokens, by each strategy. Pairs of fewer bytes than that lose nothing, and are compared once."""
    texts = [t[: 16 * 512] for t in corpus_texts()[:: args.every]]
    pairs = list(zip(texts, texts[1:] + texts[:1]))
    longer = [p for p in pairs if len(p[0]) + len(p[1]) > 500]
    print(f"pairs: {len(pairs):,}, of which {len(longer):,} may have more than 512 tokens", flush=True)
    different = 0
    for model, path in files(("XLM-R", "t5-small"), args):
        reference = tokenizers.Tokenizer.from_file(str(path))
        reference.no_padding()
        ours = OurTokenizer(tool, path)
        for strategy in ("longest_first", "only_first", "only_second"):
            inputs = pairs if strategy == "longest_first" else longer
            count = Count(f"pairs, {model}, {strategy}")
            errors = 0
            for i in range(0, len(inputs), CHUNK):
                part = inputs[i:i + CHUNK]
                expected = theirs(reference, part, 512, strategy)
                errors += expected.count(None)
                count.compare(part, ours.encode(part, 512, strategy), expected, f"{model} {strategy}")
            different += count.report(f", {errors:,} cannot be cut so" if errors else "")
        ours.close()
    return different


SUITES = {"stages": run_stages, "decode": run_decode, "pieces": run_pieces, "bpe": run_bpe, "merges": run_merges,
          "golden": tokens_published.run, "pairs": run_pairs, "random": run_random, "corpus": run_corpus}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bge", type=Path, help="the bge program; the tool is looked for in its build directory")
    parser.add_argument("--tool", type=Path, help="tokenizer_oracle_tool itself")
    parser.add_argument("--only", nargs="+", choices=sorted(SUITES))
    parser.add_argument("--random", type=int, metavar="N", help="random strings for each tokenizer "
                        f"({', '.join(f'{model}: {n:,}' for model, n in RANDOM.items())}; others: {RANDOM_OF_OTHERS:,})")
    parser.add_argument("--pieces", type=int, default=50_000, help="random texts for each directory of the suite pieces, single and pair")
    parser.add_argument("--stages", type=int, default=400, help="random configurations")
    parser.add_argument("--xlmr", type=Path, help="a directory with XLM-R's tokenizer.json and sentencepiece.bpe.model")
    parser.add_argument("--models", nargs="+", choices=(*MODELS, *VARIANTS, *STAGES), default=(*MODELS, *VARIANTS, *STAGES),
                        help="of corpus, random and decode, only these")
    parser.add_argument("--inputs", nargs="+", choices=("single", "pair"), default=("single", "pair"), help="of the suite corpus, only these")
    parser.add_argument("--lengths", nargs="+", type=int, default=(16, 128, 512), help="tokens that the suite corpus cuts to")
    parser.add_argument("--every", type=int, default=1, help="take every Nth text of the corpus")
    parser.add_argument("--bpe", type=int, default=20_000, help="random texts for each directory of the suite bpe")
    parser.add_argument("--corpus", action="store_true", help="of the suite bpe, the texts of the corpus too")
    parser.add_argument("--directories", nargs="+", help="of the suites bpe and pieces, only these")
    parser.add_argument("--work", default="build/tokens_compare", help="directory for the configurations")
    args = parser.parse_args()
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed: the judge is {PINNED}")
    tool = args.tool or (args.bge and args.bge.resolve().parent / "src/tokenizer/tokenizer_oracle_tool")
    if not tool or not tool.exists():
        sys.exit(f"no tool at {tool}: build the target tokenizer_oracle_tool")
    if args.xlmr is None:
        print("XLM-R: the pruned file of 32,000 pieces; --xlmr gives the real one", flush=True)
    different = sum(SUITES[name](tool, args) for name in SUITES if not args.only or name in args.only)
    print(f"tokens: {different:,} differences" if different else "tokens: 0 differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
