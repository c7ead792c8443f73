"""Writes tests/data/tokenizer/*.jsonl: small tokenizers, hard strings and what Hugging Face tokenizers 0.23.3 says.

    python tools/oracle/tokens_goldens.py tests/data/tokenizer

Each NAME.json is a tokenizer.json; NAME.jsonl has one case a line: the text as hexadecimal bytes ("a", and "b" for a
pair), the options, and ids, type_ids, offsets, special_tokens_mask; or "error": true where truncation is impossible.
"""
import json
import sys
from pathlib import Path

import tokenizers
import tokens_random
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


def case(a, b, options, result):
    line = {"a": a.hex(), **({"b": b.hex()} if b is not None else {}), **options}
    if result is None:
        return {**line, "error": True}
    ids, types, offsets, mask = (list(memoryview(r).cast("I" if i < 3 else "B")) for i, r in enumerate(result))
    return {**line, "ids": ids, "type_ids": types, "offsets": offsets, "special_tokens_mask": mask}


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed: the goldens come from {PINNED}")
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, config in configurations():
        (out / f"{name}.json").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
        reference = tokenizers.Tokenizer.from_file(str(out / f"{name}.json"))
        direction = (config["truncation"] or {"direction": "Right"})["direction"].lower()
        source = tokens_random.Texts(seed=3)
        texts = [t.encode() for t in HARD] + BROKEN + [source.text(tokens_random.WORDS)
                                                               for _ in range(25 if name.startswith("bert") else 8)]
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
