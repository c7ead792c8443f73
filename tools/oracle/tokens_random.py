"""Random texts and random tokenizer.json files for tokens_compare.py. Everything comes from seeds."""
import base64
import random
import struct
import unicodedata

LATIN = "abcdefghijklmnopqrstuvwxyz"
# Where normalisation, cutting and lower-casing have something to do.
INTERESTING = (
    "İıßſKÅΩΣςσǄǅǆŉǰΐẞﬁﬀﷺﷲ½²①Ⅷ㎏㍿ｶﾞ𝐀𝔸ﬃ\u0344\u0f73\u0f75\u0f81\u1e9b\u0323\u0340\u0341\u0374\u037e\u0387\u1fef\u2126\u212a\u212b"
    "한국어조합\u1100\u1161\u11a8\u11a7각\uac00\ud7a3\u3131中文字符龥豈更車\u2f800\U0002f800\U00020000\U0002a700\U0002b820\u3400ー々〇カガが"
    "\t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2000\u2001\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u2060\ufeff\x00\x01\x7f\x80\x9f\xad"
    "\ufffd\ufffe\uffff\ue000\U000f0000\U0010ffff\U000e0001\U000e0100"
    "\u0300\u0301\u0308\u0327\u0328\u0345\u0334\u0338\u05b0\u05b4\u064b\u0651\u0670\u093c\u094d\u0e38\u0e48\u0f71\u0f72\u0f74\u302a\u302e\u3099\u309a"
    "\u1b44\u1baa\ua953\u1d165\U0001d165\U0001d166\U0001d16d\U000110b9\U00011131\U00016ff0\u20dd\u20e0\u0903\u093e\u09be\u1037"
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿§¶·«»‐–—‘’“”…‰′″‹›※‼⁇、。〈〉「」！？٪؟।॥༄๏፡᙭᠆"
    "0123456789٠١٢३४५௧๑໒༣၄０１２ⅠⅡ²³¹½¾㊿𝟘𝟙𐒠"
    "😀👨\u200d👩\u200d👧🇩🇪❤\ufe0f"
)
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "[cls]", "[MASK", "MASK]", "[[MASK]]"]
BROKEN = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf0\x9f\x98", b"\xe2\x82", b"\xf4\x90\x80\x80", b"\x80",
          b"\xc3", b"\xf8\x88\x80\x80\x80", b"\xe0\x80\xaf", b"\xf0\x80\x80\x80", b"\xef\xbf", b"\xfe",
          b"\xed\xa0\xbd\xed\xb8\x80"]  # the last: a pair of surrogates, as CESU-8 has it
# What other tokenizers than BERT's keep whole, and what only looks so.
SPELLINGS = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", "<mask >", "<S>", "< s>", "<s", "<|endoftext|>", "<|padding|>", "<|im_start|>",
             "<extra_id_0>", "<extra_id_99>", "<extra_id_100>", "<0x0A>", "<0x00>", "<0xZZ>", "[unused0]", "[unused99]", "<bos>",
             "<start_of_turn>", "[INST]", "<<SYS>>", "\u2581", "\u0120", "\u010a"]
SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u180e\u2000\u2001\u2002\u2003\u2007\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"
# Parts of what is drawn as one picture.
EMOJI = ["\U0001f468", "\U0001f469", "\U0001f467", "\U0001f3fb", "\U0001f3ff", "\u2764", "\ufe0f", "\ufe0e", "\U0001f1e9", "\U0001f1ea",
         "\U0001f3f4", "\U000e0067", "\U000e007f", "1\ufe0f\u20e3", "\u2640", "\U0001f9d1", "\U0001f680", "\u00a9", "\U0001faf1"]
BLOCKS = [(0x20, 0x7f), (0xa0, 0x250), (0x250, 0x370), (0x370, 0x530), (0x590, 0x780), (0x900, 0xe80), (0xe00, 0x1100),
          (0x1100, 0x1200), (0x1e00, 0x2000), (0x2000, 0x2c00), (0x2e80, 0x3200), (0x3200, 0x3400), (0x4e00, 0x5000),
          (0xa000, 0xac00), (0xac00, 0xae00), (0xf900, 0xfb00), (0xfb00, 0x10000), (0x10000, 0x12000),
          (0x16000, 0x17000), (0x1d000, 0x1e000), (0x1e000, 0x20000), (0x2f800, 0x2fa20), (0xe0000, 0xe0200)]
# Marks of every class, those that BERT keeps among them.
MARKS = [c for c in range(0x300, 0x1f000) if unicodedata.combining(chr(c))] + [0x903, 0x93e, 0x20dd, 0x16ff0, 0x16ff1]


class Texts:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def character(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.30:
            return rng.choice(LATIN if rng.random() < 0.8 else LATIN.upper())
        if kind < 0.42:
            return " "
        if kind < 0.60:
            return rng.choice(INTERESTING)
        if kind < 0.68:
            return chr(rng.choice(MARKS))
        if kind < 0.90:
            low, high = rng.choice(BLOCKS)
            return chr(rng.randrange(low, high))
        c = rng.randrange(0x110000)
        return chr(c) if not 0xD800 <= c <= 0xDFFF else "\ufffd"

    def hostile(self):
        """A part that something in a tokenizer was made for, or breaks on."""
        rng = self.rng
        kind = rng.randrange(8)
        if kind == 0:  # joined pictures
            return "".join(rng.choice(EMOJI) + rng.choice(("", "\u200d", "\u200d", "\ufe0f\u200d")) for _ in range(rng.randrange(1, 7)))
        if kind == 1:  # white space of all kinds
            return "".join(rng.choice(SPACES) for _ in range(rng.choice((1, 2, 3, 8, 20))))
        if kind == 2:
            return rng.choice(SPELLINGS)
        if kind == 3:  # one character again and again
            return self.character() * rng.choice((2, 3, 5, 16, 64, 99, 100, 101, 300))
        if kind == 4:  # a stack of marks
            return self.character() + "".join(chr(rng.choice(MARKS)) for _ in range(rng.choice((1, 2, 4, 12, 40))))
        if kind == 5:  # controls, directions
            return "".join(chr(rng.choice((rng.randrange(0x20), rng.randrange(0x7f, 0xa0), rng.randrange(0x200b, 0x2010),
                                           rng.randrange(0x202a, 0x202f), rng.randrange(0x2060, 0x2070)))) for _ in range(rng.randrange(1, 6)))
        # words of one script
        low, high = rng.choice(BLOCKS)
        return " ".join("".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 9))) for _ in range(rng.randrange(1, 4)))

    def text(self, words=(), assigned=False):
        """A text as bytes, one time in eight with bytes that are not UTF-8. `assigned`: without characters that
        this Python's Unicode does not know (14.0 in 3.11)."""
        rng = self.rng
        parts = []
        for _ in range(rng.choice((0, 1, 2, 3, 5, 8, 13, 21, 34))):
            kind = rng.random()
            if kind < 0.08:
                parts.append(rng.choice(SPECIAL))
            elif kind < 0.5 and words:
                parts.append(rng.choice(words))
            elif kind < 0.55:
                parts.append(rng.choice(LATIN) * rng.choice((3, 50, 99, 100, 101, 130)))
            elif kind < 0.7:
                parts.append(self.hostile())
            else:
                parts.append("".join(self.character() for _ in range(rng.choice((1, 1, 2, 4, 8)))))
        text = "".join(parts)
        if assigned:
            text = "".join("x" if unicodedata.category(c) == "Cn" else c for c in text)
        data = text.encode("utf-8", "replace")
        if rng.random() < 0.125:
            for _ in range(rng.choice((1, 1, 2, 5))):
                at = rng.randrange(len(data) + 1)
                data = data[:at] + rng.choice(BROKEN) + data[at + rng.choice((0, 0, 1, 2)):]
        return data


WORDS = ["a", "b", "c", "e", "i", "x", "ab", "abc", "hello", "world", "un", "able", "the", "end", "é", "ä", "ß", "中", "文", "1", "2",
         "12", ".", ",", "-", "'", "_", "▁", "▁a", "İ", "i̇", "σ", "ς", "각", "ᄀ", "ᅡ", "\u0301", "\u0345", "don", "t", "s"]


# Pieces of XLM-R and T5, and what surrounds them.
PIECES = ["<mask>", " <mask>", "<s>", "</s>", "<pad>", "<unk>", "<extra_id_0>", "<mask", "▁▁", "▁the", " ", "  ", "   ", "ing", "haha",
          "的", "我们", "の", "ません", "และ", "ที่", "في", "ال", "और", "है", "क्ष", "не", "что", "ция"]


def charsmap(table):
    """A precompiled_charsmap of these strings: a double array in which each node's children lie in one block."""
    strings, values = b"", {}
    for key, value in table.items():
        values[key.encode()] = len(strings)
        strings += value.encode() + b"\0"
    units, taken = {0: 0}, {0}

    def place(node, prefix):
        below = [k for k in values if k.startswith(prefix) and len(k) > len(prefix)]
        labels = sorted({k[len(prefix)] for k in below})
        leaf = prefix in values
        if not labels and not leaf:
            return
        offset = next(o for o in range(256, 1 << 20)
                      if not any(node ^ o ^ label in taken for label in labels + [0] * leaf))
        units[node] |= offset << 10 | leaf << 8
        for label in labels + [0] * leaf:
            taken.add(node ^ offset ^ label)
        if leaf:
            units[node ^ offset] = 1 << 31 | values[prefix]
        for label in labels:
            units[node ^ offset ^ label] = label
        for label in labels:
            place(node ^ offset ^ label, prefix + bytes((label,)))

    place(0, b"")
    # Every step from a unit leads to a unit: upstream panics behind the end.
    most = max(u >> 10 for u in units.values() if u >> 31 == 0) | max(units) | 0xFF
    size = 1 << (most.bit_length() + 1)
    trie = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return struct.pack("<I", len(trie)) + trie + strings


MAPPED_FROM = ["a", "ab", "b", "é", "e\u0301", "\u0301", "ﬁ", "中", "  ", " ", "\r\n", "\n", "A", "İ", "i̇", "\u200d", "각", "ᄀ", "hell", ".", "中文",
               "٠", "\u00a0"]
MAPPED_TO = ["", "", "x", "yz", " ", "  ", "▁", "é\u0301", "a", "abc", "e", "中", "ﬁ"]


# For Split and Replace: words of known tokenizers, matches of nothing, looks behind and ahead, and every class.
REGEXES = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\s+", r" {2,}", r"a*", r"", r"b|a*", r"(?=a)", r"(?<=a)b|\b", r"^.", r"$", r"\Aa|b\z", r"[a-c]+?c", r"(a|b)\1", r"\w+|[^\w\s]+",
    r"[[:punct:]]+", r"[^[:punct:]a]+", r"[:punct:]", r"\d{1,3}(?=(?:\d{3})*\b)", r"(?i)HELLO", r"[^a]", r".", r"\n+", r"\p{Han}+", r"[aé中]", r"x{0}"]
# The Oniguruma that we link may know an older Unicode than the one in tokenizers.
OF_UNICODE = (r"\w", r"\b", r"\d", r"\p{Han}", "[:punct:]", "(?i)")
# Contractions, and what case folding adds; line ends; GPT-2's alphabet.
MORE_WORDS = ["'s", "'S", "'t", "'re", "'Ve", "'m", "'LL", "'d", "'ſ", "'", "''", "\r\n", "\n", "\n\n ", "\t", "  ", "   ", "Ġ", "Ġa", "Ġthe",
              "Ã", "©", "Ċ", "ĠĠ", "123", "1234", "½", "Ⅷ", "<0x41>", "</w>", "##a", "aab", "abab", "bca"]


def encode_byte_level(text):
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in visible]
    return "".join(chr(b) if b in visible else chr(256 + others.index(b)) for b in text.encode())


def unknown_fails(config):
    """Whether a word that the model does not know is an error."""
    model = config["model"]
    return model.get("unk_token") == "none" or model.get("unk_id", 0) is None


class Configurations:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def flag(self):
        return self.rng.random() < 0.5

    def maybe(self, value, probability=0.8):
        return value if self.rng.random() < probability else None

    def normalizer(self, depth=0):
        rng = self.rng
        kind = rng.choice(["Bert", "Bert", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "Replace",
                           "Replace", "ByteLevel", "Prepend", "Precompiled", "Precompiled", "Nmt", "Runs"] + ["Sequence"] * 4 * (depth < 2))
        if kind == "Precompiled":
            table = {k: rng.choice(MAPPED_TO) for k in rng.sample(MAPPED_FROM, rng.randrange(1, 9))}
            return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(table)).decode()}
        if kind == "Runs":
            return {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": rng.choice((" ", "▁", "", "ab", "  "))}
        if kind == "Bert":
            return {"type": "BertNormalizer", "clean_text": self.flag(), "handle_chinese_chars": self.flag(),
                    "strip_accents": rng.choice((None, True, False)), "lowercase": self.flag()}
        if kind == "Strip":
            return {"type": "Strip", "strip_left": self.flag(), "strip_right": self.flag()}
        if kind == "Replace" and self.flag():
            return {"type": "Replace", "pattern": {"Regex": rng.choice(REGEXES)}, "content": rng.choice(("", "b", "▁", "xy", " "))}
        if kind == "Replace":
            return {"type": "Replace", "pattern": {"String": rng.choice(("a", " ", "ab", "\u0301", "é", "  ", "aa", ".", "中"))},
                    "content": rng.choice(("", "b", "▁", "xyz", " ", "é\u0301", "a"))}
        if kind == "Prepend":
            return {"type": "Prepend", "prepend": rng.choice(("▁", "ab", " ", "é", "\u0301"))}
        if kind == "Sequence":
            return {"type": "Sequence", "normalizers": [self.normalizer(depth + 1) for _ in range(rng.randrange(4))]}
        return {"type": kind}

    def pre_tokenizer(self, depth=0):
        rng = self.rng
        kind = rng.choice(["BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "Metaspace", "Metaspace",
                           "CharDelimiterSplit", "UnicodeScripts", "FixedLength", "ByteLevel", "ByteLevel", "Split", "Split", "Split"]
                          + ["Sequence"] * 4 * (depth < 2))
        if kind == "Metaspace":
            return self.metaspace()
        if kind == "CharDelimiterSplit":
            return {"type": kind, "delimiter": rng.choice((" ", "a", "é", "中"))}
        if kind == "FixedLength":
            return {"type": kind, "length": rng.choice((1, 2, 5, 100))} if self.flag() else {"type": kind}
        if kind == "ByteLevel":
            result = {"type": kind, "add_prefix_space": self.flag(), "trim_offsets": self.flag(), "use_regex": self.flag()}
            if rng.random() < 0.3:
                del result["use_regex"]
            return result
        if kind == "Split":
            pattern = {"Regex": rng.choice(REGEXES)} if rng.random() < 0.8 else {"String": rng.choice((" ", "", "ab", ".", "a", "é"))}
            return {"type": kind, "pattern": pattern, "invert": self.flag(),
                    "behavior": rng.choice(("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"))}
        if kind == "Punctuation":
            result = {"type": kind, "behavior": rng.choice(("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"))}
            if rng.random() < 0.1:
                del result["behavior"]
            return result
        if kind == "Digits":
            return {"type": kind, "individual_digits": self.flag()}
        if kind == "Sequence":
            return {"type": kind, "pretokenizers": [self.pre_tokenizer(depth + 1) for _ in range(rng.randrange(4))]}
        return {"type": kind}

    def metaspace(self):
        """The same fields, as a pre-tokenizer and as a decoder."""
        rng = self.rng
        if rng.random() < 0.3:
            return {"type": "Metaspace", "replacement": "▁", "str_rep": "▁", "add_prefix_space": True}
        return {"type": "Metaspace", "replacement": rng.choice(("▁", "▁", "_", "a")),
                "prepend_scheme": rng.choice(("always", "first", "never")), "split": rng.random() < 0.7}

    def unigram(self):
        rng = self.rng
        pieces = ["[UNK]", "[CLS]", "[SEP]"] + rng.sample(WORDS, rng.randrange(8, len(WORDS)))
        pieces += ["▁" + w for w in rng.sample(WORDS, len(WORDS) // 3)] + ["▁", "the", "▁hell", "aa", "aab"]
        pieces += [f"<0x{b:02X}>" for b in rng.choice((range(256), range(0, 256, 2), ()))]
        if rng.random() < 0.3:
            pieces += rng.sample(pieces, 5) + [""]
        # Scores of which many sums are equal, or nearly so.
        score = rng.choice((lambda: -float(rng.randrange(1, 6)), lambda: -0.1 * rng.randrange(1, 80), lambda: -rng.random() * 15))
        result = {"type": "Unigram", "unk_id": rng.choice((0, 0, 0, 3, None)), "vocab": [[p, score()] for p in pieces]}
        return {**result, "byte_fallback": self.flag()} if rng.random() < 0.7 else result

    def bpe(self):
        """Characters, and merges of what is there at random, so that a token can be made in several ways."""
        rng = self.rng
        prefix, suffix = rng.choice((("", ""),) * 6 + (("##", ""), ("", "</w>"), ("##", "</w>"), ("é", "")))
        characters = list(dict.fromkeys("".join(rng.sample(WORDS, len(WORDS) // 2)) + "abĠ▁cé'12" + rng.choice(("", encode_byte_level("中é \n")))))
        if not prefix and not suffix and self.flag():
            characters = rng.sample(characters, len(characters) * 3 // 4)
        tokens = ["[UNK]", "[CLS]", "[SEP]"]
        for c in characters:
            tokens += [t for t in (c, prefix + c, c + suffix, prefix + c + suffix) if rng.random() < 0.9]
        tokens = list(dict.fromkeys(tokens))
        mergeable = [t for t in tokens if t[0] != "["] + (["[UNK]"] if rng.random() < 0.2 else [])
        merges = []
        for _ in range(rng.choice((0, 5, 40, 150))):
            left, right = rng.choice(mergeable[-40:] if self.flag() else mergeable), rng.choice(mergeable)
            if len(right.encode()) <= len(prefix.encode()) or (prefix and not right.startswith(prefix)) or " " in left + right:
                continue
            merged = left + right[len(prefix):]
            if len(merged) > 12:
                continue
            merges.append((left, right))
            tokens.append(merged)
            mergeable.append(merged)
        rng.shuffle(merges)
        bytes_known = rng.choice((0, 0, 128, 256))
        tokens = list(dict.fromkeys(tokens + [f"<0x{b:02X}>" for b in rng.sample(range(256), bytes_known)]))
        as_strings = rng.random() < 0.4
        model = {"type": "BPE", "dropout": rng.choice((None, None, 0.0)), "unk_token": rng.choice((None, "[UNK]", "[UNK]", "[UNK]", "none")),
                 "continuing_subword_prefix": prefix or rng.choice((None, "")), "end_of_word_suffix": suffix or rng.choice((None, "")),
                 "fuse_unk": self.flag(), "byte_fallback": self.flag(), "ignore_merges": rng.random() < 0.3,
                 "vocab": {t: i for i, t in enumerate(tokens)},
                 "merges": (["#version: 0.2"] * self.flag() + [f"{a} {b}" for a, b in merges]) if as_strings else merges}
        for field in ("dropout", "fuse_unk", "byte_fallback", "ignore_merges", "type"):
            if rng.random() < 0.1:
                del model[field]
        return model

    def model(self):
        return self.rng.choice((self.unigram, self.bpe, self.whole_words))()

    def whole_words(self):
        """WordPiece or WordLevel."""
        rng = self.rng
        chosen = rng.sample(WORDS, rng.randrange(8, len(WORDS)))
        if rng.random() < 0.6:
            prefix = rng.choice(("##", "##", "@", ""))
            tokens = ["[UNK]", "[CLS]", "[SEP]"] + chosen + [prefix + w for w in rng.sample(WORDS, len(WORDS) // 2)]
            return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": prefix,
                    "max_input_chars_per_word": rng.choice((100, 100, 5, 1, 0)),
                    "vocab": {t: i for i, t in enumerate(dict.fromkeys(tokens))}}
        return {"type": "WordLevel", "unk_token": "[UNK]",
                "vocab": {t: i * 3 for i, t in enumerate(dict.fromkeys(["[UNK]", "[CLS]", "[SEP]"] + chosen))}}

    def post_processor(self):
        rng = self.rng
        if rng.random() < 0.35:
            members = [m for m in (self.template(("[CLS]", "[SEP]", "none")), self.around(), self.byte_level(), self.byte_level()) if self.flag()]
            rng.shuffle(members)
            return {"type": "Sequence", "processors": members}
        return rng.choice((self.around, self.byte_level, self.template, self.template))()

    def byte_level(self):
        return {"type": "ByteLevel", "add_prefix_space": self.flag(), "trim_offsets": self.flag()}

    def around(self):
        result = {"type": self.rng.choice(("BertProcessing", "RobertaProcessing", "RobertaProcessing")), "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}
        for field in ("trim_offsets", "add_prefix_space"):
            if self.rng.random() < (0.9 if result["type"] == "RobertaProcessing" else 0.2):
                result[field] = self.flag()
        return result

    def template(self, names=("[CLS]", "[SEP]", "two")):
        rng = self.rng
        special = lambda: {"SpecialToken": {"id": rng.choice(names), "type_id": rng.randrange(3)}}
        sequence = lambda name: {"Sequence": {"id": name, "type_id": rng.randrange(3)}}
        single = [special() for _ in range(rng.randrange(3))] + [sequence("A")] + [special() for _ in range(rng.randrange(3))]
        pair = [special()] * rng.randrange(2) + [sequence("A"), special(), sequence("B")] + [special()] * rng.randrange(3)
        if rng.random() < 0.2:
            pair = [sequence("B"), special(), sequence("A")]
        # A template that holds a text twice, which tokenizers takes, is refused by ours: the memory that it costs
        # has no bound.
        tokens = {n: {"id": n, "ids": ids, "tokens": [n] * len(ids)} for n, ids in (("[CLS]", [1]), ("[SEP]", [2]), ("two", [7, 8]), ("none", []))}
        return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}

    def decoder(self, depth=0):
        rng = self.rng
        kind = rng.choice(["BPEDecoder", "ByteFallback", "ByteLevel", "CTC", "Fuse", "Metaspace", "Replace", "Replace", "Strip", "Strip",
                           "WordPiece"] + ["Sequence"] * 8 * (depth < 2))
        if kind == "BPEDecoder":
            return {"type": kind, "suffix": rng.choice(("</w>", "a", ""))}
        if kind == "ByteLevel":
            return {"type": kind, "add_prefix_space": self.flag(), "trim_offsets": self.flag()}
        if kind == "CTC":
            return {"type": kind, "pad_token": rng.choice(("a", "[UNK]", "")), "word_delimiter_token": rng.choice(("b", "|", "")), "cleanup": self.flag()}
        if kind == "Metaspace":
            return self.metaspace()
        if kind == "Replace":
            pattern = {"Regex": rng.choice(REGEXES)} if self.flag() else {"String": rng.choice(("▁", "a", "", "Ġ"))}
            return {"type": kind, "pattern": pattern, "content": rng.choice((" ", "", "b", "<0x41>"))}
        if kind == "Strip":
            return {"type": kind, "content": rng.choice(" a▁é"), "start": rng.choice((0, 1, 1, 3)), "stop": rng.choice((0, 0, 1))}
        if kind == "WordPiece":
            return {"type": kind, "prefix": rng.choice(("##", "a", "")), "cleanup": self.flag()}
        if kind == "Sequence":
            return {"type": kind, "decoders": [self.decoder(depth + 1) for _ in range(rng.randrange(5))]}
        return {"type": kind}

    def added_tokens(self):
        rng = self.rng
        contents = ["[MASK]", "[CLS]", "[SEP]", "<x>", "hello", "Hello", "ab", "abc", "HELLO world", " ", "é", "中", "..", "b c", "İx", "a\u0301", "Ġ", " a ", "\n"]
        return [{"id": 100 + i, "content": c, "single_word": self.rng.random() < 0.3, "lstrip": self.rng.random() < 0.3,
                 "rstrip": self.rng.random() < 0.3, "normalized": self.flag(), "special": self.flag()}
                for i, c in enumerate(rng.sample(contents, rng.randrange(7)))]

    def config(self):
        truncation = {"direction": self.rng.choice(("Left", "Right")), "max_length": 9, "strategy": "LongestFirst", "stride": 0}
        config = {"version": "1.0", "truncation": self.maybe(truncation, 0.5), "padding": None, "added_tokens": self.added_tokens(),
                  "normalizer": self.maybe(self.normalizer()), "pre_tokenizer": self.maybe(self.pre_tokenizer()),
                  "post_processor": self.maybe(self.post_processor()), "decoder": None, "model": self.model()}
        if config["model"].get("type") == "Unigram" and self.rng.random() < 0.6:
            config.update(self.sentencepiece())
        return config

    def sentencepiece(self):
        """A normalizer and a pre-tokenizer for which there is a fast path."""
        rng = self.rng
        table = {k: rng.choice(MAPPED_TO) for k in rng.sample(MAPPED_FROM, rng.randrange(1, 9))}
        steps = [{"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(table)).decode()}]
        if rng.random() < 0.3:
            steps.append({"type": "Strip", "strip_left": False, "strip_right": True})
        if rng.random() < 0.5:
            steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": rng.choice((" ", "▁", "", "ab", "  "))})
        normalizer = steps[0] if len(steps) == 1 else {"type": "Sequence", "normalizers": steps}
        metaspace = {"type": "Metaspace", "replacement": rng.choice(("▁", "▁", "_")), "prepend_scheme": "always", "split": True}
        if self.flag():
            return {"normalizer": normalizer, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]}}
        return {"normalizer": normalizer,
                "pre_tokenizer": {**metaspace, "prepend_scheme": rng.choice(("always", "first", "never"))}}

    def needs_old_unicode(self, config):
        """Whether a regular expression depends on the age of Unicode, so that ours may differ."""
        def patterns(value):
            if isinstance(value, dict):
                if "Regex" in value:
                    yield value["Regex"]
                value = list(value.values())
            if isinstance(value, list):
                for v in value:
                    yield from patterns(v)
        return any(part in p for p in patterns([config["normalizer"], config["pre_tokenizer"]]) for part in OF_UNICODE
                   if not p.startswith("(?i:"))

    def words(self, config):
        return WORDS + MORE_WORDS + [" "] * 6 + [t["content"] for t in config["added_tokens"]] * 3

    def truncations(self, pair):
        """(max_length, strategy, special tokens) to try. Lengths below the special tokens are not well defined."""
        rng = self.rng
        strategies = ("longest_first", "only_first", "only_second") if pair else ("longest_first", "only_first")
        yield None, "longest_first", self.flag()
        for _ in range(3):
            yield rng.choice((9, 10, 11, 12, 13, 16, 25)), rng.choice(strategies), self.flag()
        yield rng.randrange(9), rng.choice(strategies), False
