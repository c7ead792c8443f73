"""First inputs of the fuzz targets of tokenizer.json: every stage, and models right and wrong."""

import base64
import struct


def charsmap():
    """A double array that maps "A" to "a": the root, its one child, a value."""
    units = [0] * 260
    base = 1
    units[0] = base << 10
    child = base ^ ord("A")
    units[child] = 1 << 8 | ord("A") | (child ^ 200) << 10
    units[200] = 1 << 31
    trie = b"".join(struct.pack("<I", unit) for unit in units)
    return struct.pack("<I", len(trie)) + trie + b"a\0"


def added(content, number, **flags):
    return {"id": number, "content": content} | dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized", "special"], False) | flags


def tokenizer_seeds():
    vocab = {"[UNK]": 0, "a": 1, "b": 2, "##b": 3, "h": 4, "▁": 5, "[CLS]": 6, "[SEP]": 7}
    words = {"type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    tokens = [added("<a>", 8, single_word=True, special=True), added("<b c>", 9, lstrip=True, rstrip=True, normalized=True), added("é ", 10),
              added("aa", 11, rstrip=True), added("a", 1, single_word=True)]
    pieces = [["<unk>", 0], ["▁a", -1.5], ["b", -1e-30], ["▁", -3], ["<0x41>", -4]]
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": pieces}
    text = " x<a> <a>y aé  <b c>  é  aa aab b中"
    part = lambda kind, **more: {"type": kind} | more
    processors = [
        part("TemplateProcessing", single=[{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             pair=[{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
             special_tokens={"[CLS]": {"id": "[CLS]", "ids": [6], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [7], "tokens": ["[SEP]"]}}),
        part("BertProcessing", cls=["[CLS]", 6], sep=["[SEP]", 7]),
        part("RobertaProcessing", cls=["[CLS]", 6], sep=["[SEP]", 7], trim_offsets=True, add_prefix_space=True),
        part("Sequence", processors=[part("ByteLevel", trim_offsets=True, add_prefix_space=True, use_regex=True)])]
    normalizers = [
        part("Precompiled", precompiled_charsmap=base64.b64encode(charsmap()).decode()), part("Nmt"), part("ByteLevel"), part("NFKC"),
        part("BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True), part("StripAccents"),
        part("Sequence", normalizers=[part("Replace", pattern={"String": "a"}, content="bb"), part("Replace", pattern={"Regex": "b+"}, content=""),
                                      part("Prepend", prepend="▁"), part("Strip", strip_left=True, strip_right=True), part("Lowercase")])]
    splits = [
        part("Metaspace", replacement="▁", prepend_scheme="first", split=True), part("CharDelimiterSplit", delimiter=" "),
        part("FixedLength", length=3), part("UnicodeScripts"), part("Digits", individual_digits=True), part("Punctuation", behavior="Contiguous"),
        part("Sequence", pretokenizers=[part("WhitespaceSplit"), part("Split", pattern={"Regex": "\\w"}, behavior="MergedWithNext", invert=True)]),
        part("ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True), part("BertPreTokenizer"), part("Whitespace")]
    decoders = [
        part("BPEDecoder", suffix="</w>"), part("CTC", pad_token="a", word_delimiter_token="b", cleanup=True),
        part("Metaspace", replacement="▁", prepend_scheme="always", split=True), part("WordPiece", prefix="##", cleanup=True),
        part("ByteLevel", add_prefix_space=True, trim_offsets=True, use_regex=True),
        part("Sequence", decoders=[part("ByteFallback"), part("Fuse"), part("Strip", content=" ", start=1, stop=1),
                                   part("Replace", pattern={"String": "▁"}, content=" ")])]
    most = max(map(len, (processors, normalizers, splits, decoders)))
    for i in range(most):
        for model in (words, unigram):
            file = {"version": "1.0", "added_tokens": tokens, "normalizer": normalizers[i % len(normalizers)],
                    "pre_tokenizer": splits[i % len(splits)],
                    "model": model, "post_processor": processors[i % len(processors)], "decoder": decoders[i % len(decoders)],
                    "truncation": {"direction": "Left"} if i % 2 else None}
            yield f"stages-{i}-{model['type']}", file, text
    plain = {"version": "1.0", "added_tokens": tokens, "model": words}
    yield "plain", plain, text
    yield "many-bytes", plain | {"added_tokens": [added("x" * 5000, 8)]}, text
    yield "no-id", plain | {"added_tokens": [added("x", 2**31 - 1), added("y", 5)]}, text
    yield "direction", plain | {"truncation": {"direction": "x"}}, text
    yield "version", plain | {"version": "2"}, text


def tokenizer_models():
    bpe = {"type": "BPE", "vocab": {chr(97 + i): i for i in range(6)} | {"ab": 6, "cd": 7, "abcd": 8, "a</w>": 9}, "merges": ["a b", "c d", "ab cd"]}
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5e-30], ["ab", -2.25e25], ["b", -3]]}
    yield "bpe-long", bpe | {"unk_token": "a"}
    yield "bpe-ignore", bpe | {"ignore_merges": True, "vocab": bpe["vocab"] | {"abcd" * 8: 10}, "unk_token": None}
    yield "bpe-suffix", bpe | {"end_of_word_suffix": "</w>", "continuing_subword_prefix": "#" * 40}
    yield "bpe-dropout", bpe | {"dropout": 2}
    yield "bpe-three", bpe | {"merges": [["a", "b"], ["a", "b", "c"]]}
    yield "bpe-one", bpe | {"merges": ["ab"]}
    yield "unigram-far", unigram | {"unk_id": 9}
    yield "unigram-infinite", unigram | {"vocab": [["a", float("-inf")]]}
    yield "unigram-other", unigram | {"vocab": [["a"], 3]}
    yield "unigram-bare", {"unk_id": 0, "vocab": unigram["vocab"], "byte_fallback": True}
    yield "unigram-none", unigram | {"unk_id": None}
    yield "words-long", {"type": "WordPiece", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                         "max_input_chars_per_word": 20000}
    yield "word-level", {"type": "WordLevel", "vocab": {"abcd" * 17: 0, "[UNK]": 1}, "unk_token": "[UNK]"}
