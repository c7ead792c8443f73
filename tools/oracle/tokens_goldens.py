"""Writes tests/data/tokenizer/*.jsonl: small tokenizers, hard strings and what Hugging Face tokenizers 0.23.3 says.

    python tools/oracle/tokens_goldens.py tests/data/tokenizer [NAME ...]

With names, those files alone whose names begin with one: the random texts of the others are those of an earlier tokens_random.py.
Each NAME.json is a tokenizer.json; NAME.jsonl has one case a line: the text as hexadecimal bytes ("a", and "b" for a
pair), the options, and ids, type_ids, offsets, special_tokens_mask; or "error": true where truncation is impossible.
sentencepiece_bpe.model and sentencepiece_unigram.model are SentencePiece files, and sentencepiece_bpe_NAME.jsonl and
sentencepiece_unigram_NAME.jsonl what transformers makes of them: the first line has the name of the file in its directory,
where it is not tokenizer.model, and the files that lie beside it.
"""
import base64
import json
import shutil
import sys
from pathlib import Path

import sentencepiece
import sentencepiece_models
import tokenizers
import tokens_random
import transformers
from sentencepiece import sentencepiece_model_pb2
from tokens_tool import PANIC, theirs

PINNED = "0.23.3"
HARD = ["", " ", "\t\r\n", "Hello, world!", "hello unable WORLD", "İstanbul ΑΣ ΣΑΣ ŉ ǅ", "e\u0301é E\u0327\u0301 a\u0345\u0301", "中文字符,mixed中a",
        "한국어 각\uac01", "don't stop—now…", "[CLS] a [MASK] [MASK]b", "a" * 100, "a" * 101, "x\u302a\u0301y x\u0301\u302ay", "\ufb01\ufb03 ½ Ⅷ ﷺ",
        "\ufeff\u200bzero\u200dwidth", "a\x00b\x7fc\x85d", "豈更 \U0002f800", "١٢٣ 123 ²", "\u1e9b\u0323 \u0344", "１２ Ａｂｃ ｶﾞ", "😀👩\u200d👧 ok", "\u0301\u0300 start",
        "a\u3000b\u2028c\u00a0d", "the end."]
BROKEN = [b"ab\xffcd", b"\xed\xa0\x80x", b"\xf0\x9f\x98", b"\xe2\x82 \xe2\x28\xa1", b"\xc0\xafa\x80b", b"\xf4\x90\x80\x80 end"]
VOCAB = (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + tokens_random.WORDS + ["x", "y", "z", "d", "o", "n", "s", "st", "!", "…", "—", "mixed", "stop"]
         + ["##" + w for w in ("a", "b", "c", "e", "s", "t", "ll", "ing", "able", "ed", "é", "字", "2", "3", "1", "o", "h", "l", "n", "d")])


def base(**changes):
    config = {"version": "1.0", "truncation": None, "padding": None,
              "added_tokens": [{"id": i, "content": c, "single_word": False, "lstrip": c == "[MASK]", "rstrip": False,
                                "normalized": False, "special": True} for i, c in enumerate(VOCAB[:5])],
              "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                             "strip_accents": None, "lowercase": True},
              "pre_tokenizer": {"type": "BertPreTokenizer"},
              "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
              "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
              "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                        "max_input_chars_per_word": 100, "vocab": {t: i for i, t in enumerate(dict.fromkeys(VOCAB))}}}
    config.update(changes)
    return config


def bpe(characters, words, **changes):
    """Merges that build the words from the left, and tokens for all of it."""
    tokens, merges = list(characters), []
    for word in words:
        for i in range(1, len(word)):
            merge = (word[:i], word[i])
            if merge not in merges:
                merges.append(merge)
                tokens.append(word[:i + 1])
    vocab = {t: i for i, t in enumerate(dict.fromkeys(VOCAB[:5] + tokens))}
    return {"type": "BPE", "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
            "byte_fallback": False, "ignore_merges": False, "vocab": vocab, "merges": merges, **changes}


def byte_level(**changes):
    alphabet = tokens_random.encode_byte_level("".join(map(chr, range(128))))
    alphabet = list(dict.fromkeys(alphabet + "".join(map(chr, range(0xA1, 0x144))).replace("\xad", "")))
    words = map(tokens_random.encode_byte_level, (" hello", "hello", " the", " a", " end", "'s", "  ", "中", " 中文", "é", "12", " unable", "stop"))
    return base(**{"normalizer": None, "model": bpe(alphabet, words), "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True},
                   "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                   "post_processor": {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": True,
                                      "add_prefix_space": True}, **changes})


# Characters that become others, more or none; a step that ends inside of a character of several bytes.
CHARSMAP = {"Ａ": "A", "ｂ": "b", "１": "1", "ﬁ": "fi", "½": "1/2", "e\u0301": "é", "\u3000": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\r": " ",
            "\u200d": "", "\u200b": " ", "豈": "更", "ﷺ": "صلى الله", "Ⅷ": "VIII", "…": "...", "ｶﾞ": "ガ", "  ": " "}


def unigram(*tokens, **changes):
    """Pieces of which a text can be cut in several ways, some with equal sums; with <0x..> for every byte but one."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *tokens, "▁"] + ["▁" + w for w in ("hello", "the", "un", "a", "end", "中")]
    pieces += ["hel", "lo", "l", "he", "able", "un", "ab", "le", "the", "th", "en", "d", "nd", "中", "文", "中文", "字符", "é", "1", "12", "/", "2", ".", "...", ",",
               "!", "fi", "x", "aa", "aaaa", "ガ", "더", "각", "😀", "VI", "II", "صل", "\u0301"] + list("abcehiolstuAM")
    vocab = [[p, 0.0] for p in pieces[:4 + len(tokens)]]
    vocab += [[p, -2.0 - (7 * i % 31) / 4] for i, p in enumerate(dict.fromkeys(pieces[4 + len(tokens):]))]
    return {"type": "Unigram", "unk_id": 3, "vocab": vocab + [[f"<0x{b:02X}>", -9.0] for b in range(256) if b != 0x85], "byte_fallback": False, **changes}


def special_added(*contents, **flags):
    return [{"id": i, "content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}
            for i, c in contents]


def template(single, pair):
    """Of "<s> $A </s>" and the like."""
    def steps(text):
        return [{"Sequence": {"id": t[1], "type_id": 0}} if t[0] == "$" else {"SpecialToken": {"id": t, "type_id": 0}} for t in text.split()]
    return {"type": "TemplateProcessing", "single": steps(single), "pair": steps(pair),
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("<s>", 0), ("</s>", 2)) if t in single + pair}}


def unigram_configurations():
    """XLM-R's and T5's stages in both spellings of Metaspace, bytes for unknown characters, and Nmt."""
    old = {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}
    charsmap = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(tokens_random.charsmap(CHARSMAP)).decode()}
    runs = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    around = template("<s> $A </s>", "<s> $A </s> </s> $B </s>")
    tokens = special_added((0, "<s>"), (1, "<pad>"), (2, "</s>"), (3, "<unk>"))

    def metaspace(scheme, **changes):
        return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": True, **changes}

    yield "unigram_xlmr", base(
        normalizer={"type": "Sequence", "normalizers": [charsmap, runs]}, decoder=old, post_processor=around, model=unigram("<mask>"),
        pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, old]},
        added_tokens=tokens + special_added((4, "<mask>"), lstrip=True))
    yield "unigram_xlmr_new", base(
        normalizer=charsmap, decoder=metaspace("first"), post_processor=around, model=unigram("<mask>", byte_fallback=True),
        pre_tokenizer=metaspace("first"), added_tokens=tokens + special_added((4, "<mask>"), lstrip=True, normalized=True))
    yield "unigram_t5", base(
        normalizer={"type": "Sequence", "normalizers": [{"type": "Nmt"}, {"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
        decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace("always", split=False)]}, pre_tokenizer=metaspace("always", split=False),
        post_processor=template("$A </s>", "$A </s> $B </s>"), model=unigram("<extra_id_1>", "<extra_id_0>", byte_fallback=True),
        added_tokens=tokens + special_added((4, "<extra_id_1>"), (5, "<extra_id_0>")))


def configurations():
    yield "bert", base()
    yield "bert_cased", base(normalizer={"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": False,
                                         "strip_accents": False, "lowercase": False})
    level = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": base()["model"]["vocab"]}
    normalized = [{"id": 200, "content": "Hello", "single_word": True, "lstrip": True, "rstrip": True, "normalized": True, "special": False}]
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form.lower(), base(normalizer={"type": "Sequence", "normalizers": [{"type": form}, {"type": "Lowercase"}]},
                                 pre_tokenizer={"type": "Whitespace"}, model=level, added_tokens=normalized)
    yield "cuts", base(normalizer={"type": "Sequence", "normalizers": [
        {"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Replace", "pattern": {"String": "é"}, "content": "e"},
        {"type": "Prepend", "prepend": "▁"}, {"type": "StripAccents"}]}, pre_tokenizer={"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": True},
            {"type": "Punctuation", "behavior": "MergedWithNext"}]}, truncation={
                "direction": "Left", "max_length": 512, "strategy": "LongestFirst", "stride": 0})


    yield "byte_level", byte_level()
    # As Qwen2's and Llama 3's.
    around = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
              "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
              "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", 2), ("[SEP]", 3))}}
    trim = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    yield "split", byte_level(normalizer={"type": "NFC"}, post_processor={"type": "Sequence", "processors": [trim, around]}, pre_tokenizer={
        "type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": tokens_random.REGEXES[1]}, "behavior": "Isolated", "invert": False},
            {"type": "Split", "pattern": {"Regex": "[0-9a-c]{2}"}, "behavior": "MergedWithPrevious", "invert": False}, trim]})
    # As Llama 2's.
    letters = [*"▁abcdehilnostu.,é中"] + [f"<0x{b:02X}>" for b in range(256) if b != 0x85]
    yield "llama", base(pre_tokenizer=None, post_processor=around, normalizer={"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}, model=bpe(
            letters, ("▁hello", "▁the", "▁a", "▁end", "▁▁", "un", "able", "▁unable"), unk_token="[UNK]", fuse_unk=True, byte_fallback=True),
        decoder={"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                                  {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})


def case(a, b, options, result):
    line = {"a": a.hex(), **({"b": b.hex()} if b is not None else {}), **options}
    if result is None:
        return {**line, "error": True}
    ids, types, offsets, mask = (list(memoryview(r).cast("I" if i < 3 else "B")) for i, r in enumerate(result))
    return {**line, "ids": ids, "type_ids": types, "offsets": offsets, "special_tokens_mask": mask}


# The files beside the one model file.
CLASSES = {
    "alone": {},
    "llama": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "legacy": False},
              "config.json": {"model_type": "llama"}},
    "llama_legacy": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "add_eos_token": True, "legacy": True,
                                               "unk_token": None, "pad_token": "<pad>", "truncation_side": "left"}},
    "mistral": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True}, "config.json": {"model_type": "mistral"}},
    "code_llama": {"tokenizer_config.json": {"tokenizer_class": "CodeLlamaTokenizer", "add_prefix_space": False}},
    "gemma": {"tokenizer_config.json": {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True, "bos_token": "<s>", "eos_token": "</s>",
                                        "pad_token": "<unk>", "mask_token": None}, "config.json": {"model_type": "gemma"}},
    "decoder": {"tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast", "added_tokens_decoder": sentencepiece_models.DECODER, "image_token": "<image>",
        "extra_special_tokens": ["<x>", sentencepiece_models.added("ing", lstrip=True)], "add_eos_token": True},
        "special_tokens_map.json": {"pad_token": "<pad>"}},
    "map": {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "bos_token": "the", "add_bos_token": True},
            "special_tokens_map.json": {"bos_token": {"content": "<x>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False},
                                        "extra_special_tokens": ["<far>", {"content": "<image>", "rstrip": True}]},
            "added_tokens.json": {"<renamed>": 501, "new": 500, "<far>": 502}},
}


# The same for a file of type UNIGRAM: its name in the directory, and the files beside it.
MASK = sentencepiece_models.added("<mask>", lstrip=True, normalized=True)
UNIGRAM_CLASSES = {
    "xlmr": ("sentencepiece.bpe.model", {"tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512},
                                         "config.json": {"model_type": "xlm-roberta"}}),
    "xlmr_flags": ("sentencepiece.bpe.model", {"tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizerFast", "mask_token": MASK,
                                                                        "truncation_side": "left"}}),
    "t5": ("spiece.model", {"tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 3,
                                                      "additional_special_tokens": [f"<extra_id_{i}>" for i in range(3)]}}),
}


def sentencepiece_goldens(out, wanted):
    """What AutoTokenizer makes of two small SentencePiece files, by the class that lies beside them; first the files, then texts."""
    if wanted("sentencepiece_bpe"):
        bpe_goldens(out)
    if wanted("sentencepiece_unigram"):
        unigram_goldens(out)


def bpe_goldens(out):
    model = sentencepiece_models.train(out / "sentencepiece_bpe.model", sentencepiece_models.seeded_sentences(600), 420,
                                       **{**sentencepiece_models.LLAMA, "user_defined_symbols": ["<user>", "▁▁"]})
    for name, files in CLASSES.items():
        of_directory(out, f"sentencepiece_bpe_{name}", model, None, files)


def unigram_goldens(out):
    # A character map of a few lines: that of nmt_nfkc has 240 kB.
    rules = out / "rules.tsv"
    rules.write_text("".join("\t".join(" ".join(f"{ord(c):X}" for c in part) for part in rule) + "\n" for rule in CHARSMAP.items()))
    model = sentencepiece_models.train(
        out / "sentencepiece_unigram.model", sentencepiece_models.seeded_sentences(600), 380, model_type="unigram",
        normalization_rule_tsv=str(rules), user_defined_symbols=["<user>"])
    rules.unlink()
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.read_bytes())
    proto.normalizer_spec.ClearField("normalization_rule_tsv")  # a path of this machine
    model.write_bytes(proto.SerializeToString())
    for name, (file, files) in UNIGRAM_CLASSES.items():
        of_directory(out, f"sentencepiece_unigram_{name}", model, file, files)


def of_directory(out, golden, model, file, files):
    versions = {"transformers": transformers.__version__, "tokenizers": PINNED, "sentencepiece": sentencepiece.__version__}
    directory = out / "directory"
    sentencepiece_models.write_directory(directory, model, None, None, files)
    if file is not None:
        (directory / "tokenizer.model").rename(directory / file)
    loaded = transformers.AutoTokenizer.from_pretrained(directory)
    shutil.rmtree(directory)
    source = tokens_random.Texts(seed=4)
    texts = [t.encode() for t in HARD[1::2] + ["lower  <user>the <s>lowest</s>", "▁<PRE> a▁b ▁▁c <pad>",
                                          "new ing <x>the  <far> <image> <renamed>a  \x06"]] + BROKEN[::2] + [
        source.text(sentencepiece_models.WORDS)[:200] for _ in range(4)]
    if file is not None:  # a UNIGRAM file's
        texts += [t.encode() for t in (" the <mask> a<mask>", "<extra_id_0> <extra_id_2>x <unk>", "Ａｂ１ e\u0301 ½ the ")]
    lines = [{"versions": versions, **({} if file is None else {"file": file}), "files": files}]
    for inputs, options in ((texts, {}), (list(zip(texts[::5], texts[1::5])), {}), (list(zip(texts[::5], texts[1::5])), {"max_length": 9})):
        for text, result in zip(inputs, theirs(loaded.backend_tokenizer, inputs, direction=loaded.truncation_side, **options)):
            a, b = text if isinstance(text, tuple) else (text, None)
            line = case(a, b, options, result)
            if b is None:
                line["decoded"] = loaded.backend_tokenizer.decode(line["ids"], skip_special_tokens=True)
            lines.append(line)
    (out / f"{golden}.jsonl").write_text(
        "".join(json.dumps(line, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed: the goldens come from {PINNED}")
    out, names = Path(sys.argv[1]), tuple(sys.argv[2:])

    def wanted(name):
        return not names or name.startswith(names)

    out.mkdir(parents=True, exist_ok=True)
    sentencepiece_goldens(out, wanted)
    for name, config in (*configurations(), *unigram_configurations()):
        if not wanted(name):
            continue
        (out / f"{name}.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        reference = tokenizers.Tokenizer.from_file(str(out / f"{name}.json"))
        direction = (config["truncation"] or {"direction": "Right"})["direction"].lower()
        source = tokens_random.Texts(seed=3)
        texts = [t.encode() for t in HARD] + BROKEN + [source.text(tokens_random.WORDS)
                                                               for _ in range(25 if name.startswith("bert") else 8)]
        if name.startswith("unigram"):  # files of a few kB
            texts = [text[:80] for text in texts] + [t.encode() for t in ("  the <mask> a<mask>", "<extra_id_0>x <unk>  end", "ＡｂＡ１ ﬁ x\u3000\u00a0 ﷺ")]
        lines = []
        # How tokens are cut off is the same after every normalizer.
        lengths = ({"max_length": 8}, {"max_length": 5, "special": False}) if name in ("bert", "cuts") else ()
        for options in ({}, *lengths):
            singles = texts if not options else texts[::4]
            pairs = list(zip(texts[::4], texts[5::4]))
            for inputs in (singles, pairs):
                for strategy in ("longest_first", "only_first", "only_second"):
                    if (not options or inputs is singles) and strategy != "longest_first":
                        continue
                    arguments = {**options, **({} if strategy == "longest_first" else {"strategy": strategy})}
                    for text, result in zip(inputs, theirs(reference, inputs, direction=direction, **arguments)):
                        if result != PANIC:
                            a, b = text if isinstance(text, tuple) else (text, None)
                            lines.append(json.dumps(case(a, b, arguments, result), separators=(",", ":")))
        (out / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
