#!/usr/bin/env python3
"""Writes src/tokenizer/unicode_tables.inc, or segmentation_tables.inc, by asking the pinned Hugging Face `tokenizers`
about every code point.

The tables are what `tokenizers` does, not what a Unicode version says: its normalisation, categories, lower
case and regular expressions come from four libraries of different Unicode ages. Run with the pinned release:

    pip install tokenizers==0.23.3
    tools/unicode/generate_tables.py src/tokenizer/unicode_tables.inc
    tools/unicode/generate_tables.py src/tokenizer/segmentation_tables.inc

With --check the file is compared instead of written.
"""
import argparse
import base64
import json
import struct
import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

PINNED = "0.23.3"
MAX = 0x110000
HANGUL = range(0xAC00, 0xAC00 + 11172)

# Bits of a code point's flags; src/tokenizer/unicode.h has the same.
WHITESPACE, PUNCTUATION, NUMERIC, WORD, CONTROL, NONSPACING, COMBINING, CHINESE = (1 << i for i in range(8))
# And of what a regular expression in tokenizer.json matches.
REGEX_CLASSES = (r"\p{L}", r"\p{N}", r"\s")


def scalars():
    return (c for c in range(MAX) if not 0xD800 <= c <= 0xDFFF)


def sweep_flags():
    flags = [0] * MAX
    bert = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    clean = normalizers.BertNormalizer(**{**bert, "clean_text": True})
    chinese = normalizers.BertNormalizer(**{**bert, "handle_chinese_chars": True})
    strip = normalizers.BertNormalizer(**{**bert, "strip_accents": True})
    accents = normalizers.StripAccents()
    nfd = normalizers.NFD()
    space = pre_tokenizers.WhitespaceSplit()
    words = pre_tokenizers.Whitespace()
    punctuation = pre_tokenizers.Punctuation()
    bert_split = pre_tokenizers.BertPreTokenizer()
    digits = pre_tokenizers.Digits(individual_digits=True)
    for c in scalars():
        ch = chr(c)
        text = "a" + ch + "b"
        f = 0
        is_space = len(space.pre_tokenize_str(text)) == 2
        if is_space:
            f |= WHITESPACE
        pieces = punctuation.pre_tokenize_str(text)
        if len(pieces) == 3:
            f |= PUNCTUATION
        assert len(bert_split.pre_tokenize_str(text)) == (2 if is_space else len(pieces)), hex(c)
        if not ch.isascii() or not ch.isdigit():
            if len(digits.pre_tokenize_str(text)) == 3:
                f |= NUMERIC
        else:
            f |= NUMERIC
        n = len(words.pre_tokenize_str(text))  # 1: \w, 2: \s, 3: neither
        if n == 1:
            f |= WORD
        assert (n == 2) == is_space, f"\\s and char::is_whitespace differ at {c:x}"
        cleaned = clean.normalize_str(text)
        if cleaned == "ab":
            f |= CONTROL
        else:
            assert cleaned == ("a b" if is_space else text), hex(c)
        if chinese.normalize_str(text) != text:
            assert chinese.normalize_str(text) == f"a {ch} b"
            f |= CHINESE
        if nfd.normalize_str(ch) == ch and strip.normalize_str(text) == "ab":
            f |= NONSPACING
        if accents.normalize_str(text) == "ab":
            f |= COMBINING
        flags[c] = f
    return flags


def sweep_regex_classes():
    """Bit i of a code point's value: the Oniguruma inside says that REGEX_CLASSES[i] matches it."""
    classes = [0] * MAX
    for bit, pattern in enumerate(REGEX_CLASSES):
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        for start in range(0, MAX, 4096):
            chunk = [c for c in range(start, start + 4096) if not 0xD800 <= c <= 0xDFFF]
            if not chunk:
                continue
            # Between digits or letters that do not match nothing is cut but what matches.
            apart = "a" if pattern == r"\p{N}" else "0"
            text = apart + apart.join(map(chr, chunk)) + apart
            for piece, (begin, end) in split.pre_tokenize_str(text):
                if end - begin == 1 and begin % 2 == 1:
                    classes[chunk[begin // 2]] |= 1 << bit
    return classes


def sweep_mappings():
    nfd, nfkd, lower = normalizers.NFD(), normalizers.NFKD(), normalizers.Lowercase()
    result = [{}, {}, {}]
    for c in scalars():
        ch = chr(c)
        for table, normalizer in zip(result, (nfd, nfkd, lower)):
            if c in HANGUL:
                continue  # decomposed by arithmetic; checked below
            mapped = normalizer.normalize_str(ch)
            if mapped != ch:
                table[c] = tuple(map(ord, mapped))
    for c in HANGUL:
        s = c - 0xAC00
        jamo = chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28)
        if s % 28:
            jamo += chr(0x11A7 + s % 28)
        assert nfd.normalize_str(chr(c)) == nfkd.normalize_str(chr(c)) == jamo
        assert normalizers.NFC().normalize_str(jamo) == chr(c)
        assert lower.normalize_str(chr(c)) == chr(c)
    return result


def sweep_combining_classes(nfd_map):
    """Canonical combining classes from how NFD reorders. Unicode's numbers are used for the classes, found by one
    representative each, which is checked against every other representative."""
    import unicodedata

    nfd = normalizers.NFD()

    def swaps(x, y):
        return x != y and nfd.normalize_str("a" + chr(x) + chr(y)) == "a" + chr(y) + chr(x)

    low, high = 0x334, 0x345  # classes 1 and 240, the lowest and the highest
    marks = [c for c in scalars() if c not in nfd_map and c not in HANGUL
             and c not in (low, high) and (swaps(c, low) or swaps(high, c))] + [low, high]
    representatives = {}
    for c in sorted(marks):
        value = unicodedata.combining(chr(c))
        if value and value not in representatives:
            representatives[value] = c
    ordered = sorted(representatives)
    for i, a in enumerate(ordered):
        for b in ordered[i + 1:]:
            assert swaps(representatives[b], representatives[a])
            assert not swaps(representatives[a], representatives[b])
    classes = {}
    for c in marks:
        lo, hi = 0, len(ordered) - 1
        while lo < hi:  # the first class that is not below c's
            mid = (lo + hi) // 2
            if swaps(c, representatives[ordered[mid]]):
                lo = mid + 1
            else:
                hi = mid
        value = ordered[lo]
        assert not swaps(c, representatives[value]) and not swaps(representatives[value], c), hex(c)
        classes[c] = value
    return classes


def sweep_compositions(nfd_map):
    nfc = normalizers.NFC()
    pairs = {}
    for c, decomposed in sorted(nfd_map.items()):
        if len(decomposed) < 2 or nfc.normalize_str(chr(c)) != chr(c):
            continue
        first = nfc.normalize_str("".join(map(chr, decomposed[:-1])))
        assert len(first) == 1, hex(c)
        assert nfc.normalize_str(first + chr(decomposed[-1])) == chr(c)
        pairs[(ord(first), decomposed[-1])] = c
    return pairs


def two_level(values, bits):
    """values[i] == blocks[index[i >> bits]][i & mask]."""
    size = 1 << bits
    blocks, index, seen = [], [], {}
    for start in range(0, len(values), size):
        block = tuple(values[start:start + size])
        if block not in seen:
            seen[block] = len(blocks)
            blocks.append(block)
        index.append(seen[block])
    return index, [v for block in blocks for v in block]


def c_array(ctype, name, values, width=118):
    lines, line = [], " "
    for v in values:
        item = f"{v},"
        if len(line) + len(item) > width:
            lines.append(line)
            line = " "
        line += item
    lines.append(line)
    return f"inline constexpr {ctype} {name}[{len(values)}] = {{\n" + "\n".join(lines) + "\n};\n"


def generate():
    flags = sweep_flags()
    nfd, nfkd, lower = sweep_mappings()
    classes = sweep_combining_classes(nfd)
    regex_classes = sweep_regex_classes()
    pairs = sweep_compositions(nfd)

    # A code point that changes has a record; record 0 is "nothing changes". Sequences lie in one pool, each behind
    # its length; offset 0 is "itself".
    pool, pool_at = [0], {}

    def place(sequence):
        if sequence is None:
            return 0
        if sequence not in pool_at:
            pool_at[sequence] = len(pool)
            pool.append(len(sequence))
            pool.extend(sequence)
        return pool_at[sequence]

    records, record_at, record_of = [(0, 0, 0, 0)], {(0, 0, 0, 0): 0}, [0] * MAX
    for c in sorted(set(nfd) | set(nfkd) | set(lower) | set(classes)):
        record = (place(nfd.get(c)), place(nfkd.get(c)), place(lower.get(c)), classes.get(c, 0))
        if record not in record_at:
            record_at[record] = len(records)
            records.append(record)
        record_of[c] = record_at[record]
    assert len(pool) < 65536 and len(records) < 65536

    flag_index, flag_blocks = two_level(flags, 7)
    record_index, record_blocks = two_level(record_of, 6)
    regex_index, regex_blocks = two_level(regex_classes, 7)
    assert max(flag_index) < 65536 and max(record_index) < 65536 and max(regex_index) < 256
    out = [
        f"// Generated by tools/unicode/generate_tables.py from tokenizers {tokenizers.__version__}. Do not edit.\n",
        "// clang-format off\n",
        c_array("uint16_t", "kFlagIndex", flag_index),
        c_array("uint8_t", "kFlagBlocks", flag_blocks),
        c_array("uint8_t", "kRegexIndex", regex_index),
        c_array("uint8_t", "kRegexBlocks", regex_blocks),
        c_array("uint16_t", "kRecordIndex", record_index),
        c_array("uint16_t", "kRecordBlocks", record_blocks),
        f"inline constexpr Record kRecords[{len(records)}] = {{\n"
        + "\n".join("  " + "".join("{%d,%d,%d,%d}," % r for r in records[i:i + 6]) for i in range(0, len(records), 6))
        + "\n};\n",
        c_array("uint32_t", "kPool", pool),
        "// Sorted by first, then second.\n",
        f"inline constexpr Composition kCompositions[{len(pairs)}] = {{\n"
        + "\n".join("  " + "".join("{%d,%d,%d}," % (a, b, pairs[a, b]) for a, b in chunk)
                    for chunk in [sorted(pairs)[i:i + 6] for i in range(0, len(pairs), 6)])
        + "\n};\n",
        "// clang-format on\n",
    ]
    print(f"{len(records)} records, pool {len(pool)}, {len(pairs)} compositions, {len(classes)} combining marks, "
          f"{len(flag_blocks)} + {len(record_blocks)} block values", file=sys.stderr)
    return "".join(out)


# Grapheme clusters (UAX 29). Only the Precompiled normalizer shows them: it looks a cluster of fewer than six bytes
# up as a whole, and what its shortest known prefix maps to takes the place of all of it. So where a mapped character
# T is followed by a mark N, N is gone, unless T belongs to the cluster in front of it, which is then too long.

# src/tokenizer/unicode.h has the same classes and bits.
(OTHER, CR, LF, CONTROL, EXTEND, ZWJ, SPACING_MARK, PREPEND, REGIONAL_INDICATOR, HANGUL_L, HANGUL_V, HANGUL_T, HANGUL_LV,
 HANGUL_LVT, PICTOGRAPHIC) = range(15)
CONSONANT, LINKER, CONJUNCT_EXTEND = 0x10, 0x20, 0x30


def charsmap(key, value):
    """A precompiled_charsmap that maps one string: a double array whose only path is the key."""
    units, node, taken = {}, 0, {0}
    for byte in key.encode():
        offset = next(o for o in range(256, 1 << 16, 256) if node ^ o ^ byte not in taken)
        units[node] = units.get(node, 0) | offset << 10
        node ^= offset ^ byte
        taken.add(node)
        units[node] = byte
    offset = next(o for o in range(256, 1 << 16, 256) if node ^ o not in taken)
    units[node] |= offset << 10 | 1 << 8
    units[node ^ offset] = 1 << 31
    trie = b"".join(struct.pack("<I", units.get(i, 0)) for i in range((max(units) | 255) + 1 + 256))
    return struct.pack("<I", len(trie)) + trie + value.encode() + b"\0"


def precompiled(key, value):
    return normalizers.Normalizer.from_str(json.dumps(
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(key, value)).decode()})) \
        if hasattr(normalizers.Normalizer, "from_str") else normalizers.Precompiled(charsmap(key, value))


def normalize_all(normalizer, texts):
    """Line feeds are clusters of their own, so that many texts take one call."""
    result = []
    for i in range(0, len(texts), 4096):
        part = texts[i:i + 4096]
        if any("\n" in t for t in part):
            result += [normalizer.normalize_str(t) for t in part]
        else:
            result += normalizer.normalize_str("\n".join(part)).split("\n")
    assert len(result) == len(texts)
    return result


def sweep_graphemes():
    mark, consonant, linker, joiner, picture = "\u0301", "\u0915", "\u094d", "\u200d", "\u00a9"
    codes = list(scalars())

    def joined(text, mapped):
        """The code points c for which the last character of text(c), which is `mapped`, joins what is in front."""
        normalizer = precompiled(mapped, "_")
        outputs = normalize_all(normalizer, [text(chr(c)) + mapped + mark for c in codes])
        return {c for c, out in zip(codes, outputs) if out.endswith(mark)}

    outputs = normalize_all(precompiled("A", "_"), ["A" + chr(c) for c in codes])
    extending = {c for c, out in zip(codes, outputs) if out == "_"}
    normalizer = precompiled(mark, "_")
    outputs = normalize_all(normalizer, [chr(c) + mark + "\u0302" for c in codes])
    controls = {c for c, out in zip(codes, outputs) if not out.endswith("\u0302")}
    pictographic = joined(lambda x: x + joiner, picture)
    extend = joined(lambda x: picture + x + joiner, picture) & extending
    prepend = joined(lambda x: x, "A")
    before_l = joined(lambda x: x, "\u1100") - prepend
    before_v = joined(lambda x: x, "\u1161") - prepend
    before_t = joined(lambda x: x, "\u11a8") - prepend
    consonants = joined(lambda x: x + linker, consonant)
    linkers = joined(lambda x: consonant + x, consonant) - prepend
    conjunct_extends = joined(lambda x: consonant + x + linker, consonant) & extending

    classes = [OTHER] * MAX
    for c in codes:
        if c == 0x0D:
            g = CR
        elif c == 0x0A:
            g = LF
        elif c == 0x200D:
            g = ZWJ
        elif c in controls:
            g = CONTROL
        elif c in extending:
            g = EXTEND if c in extend else SPACING_MARK
        elif c in prepend:
            g = PREPEND
        elif 0x1F1E6 <= c <= 0x1F1FF:
            g = REGIONAL_INDICATOR
        elif c in HANGUL:
            g = HANGUL_LVT if (c - 0xAC00) % 28 else HANGUL_LV
            assert (c in before_v) == (g == HANGUL_LV) and c in before_t and c not in before_l, hex(c)
        elif c in before_l:
            assert c in before_v and c not in before_t, hex(c)
            g = HANGUL_L
        elif c in before_v:
            assert c in before_t, hex(c)
            g = HANGUL_V
        elif c in before_t:
            g = HANGUL_T
        elif c in pictographic:
            g = PICTOGRAPHIC
        else:
            g = OTHER
        if g in (OTHER, CONTROL, SPACING_MARK):
            assert c not in pictographic, hex(c)
        if c in linkers:
            g |= LINKER
        elif c in conjunct_extends:
            g |= CONJUNCT_EXTEND
        elif c in consonants:
            g |= CONSONANT
        classes[c] = g
    return classes


def sweep_scripts():
    """Scripts as UnicodeScripts tells them apart, numbered as they come; 0 goes with any."""
    scripts = pre_tokenizers.UnicodeScripts()
    codes = [c for c in scalars() if scripts.pre_tokenize_str(chr(c))]
    result = [0] * MAX
    representatives = []
    for run, _ in scripts.pre_tokenize_str("".join(map(chr, codes))):
        for number, other in enumerate(representatives):
            if len(scripts.pre_tokenize_str(other + run[0])) == 1:
                break
        else:
            number = len(representatives)
            representatives.append(run[0])
        for ch in run:
            result[ord(ch)] = number + 1
    assert len(representatives) < 255
    return result


def generate_segmentation():
    graphemes, scripts = sweep_graphemes(), sweep_scripts()
    grapheme_index, grapheme_blocks = two_level(graphemes, 7)
    script_index, script_blocks = two_level(scripts, 7)
    assert max(grapheme_index) < 65536 and max(script_index) < 65536
    print(f"{len(grapheme_blocks)} + {len(script_blocks)} block values, {max(scripts)} scripts; "
          f"{[sum(1 for g in graphemes if g & 15 == k) for k in range(15)]} characters of the grapheme classes, "
          f"{[sum(1 for g in graphemes if g >> 4 == k) for k in (1, 2, 3)]} in conjuncts", file=sys.stderr)
    return "".join([
        f"// Generated by tools/unicode/generate_tables.py from tokenizers {tokenizers.__version__}. Do not edit.\n",
        "// clang-format off\n",
        c_array("uint16_t", "kGraphemeIndex", grapheme_index),
        c_array("uint8_t", "kGraphemeBlocks", grapheme_blocks),
        c_array("uint16_t", "kScriptIndex", script_index),
        c_array("uint8_t", "kScriptBlocks", script_blocks),
        "// clang-format on\n",
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed: the tables come from {PINNED}")
    text = generate_segmentation() if args.path.endswith("segmentation_tables.inc") else generate()
    if args.check:
        with open(args.path, encoding="utf-8") as f:
            if f.read() != text:
                sys.exit(f"{args.path} is not what tokenizers {PINNED} says: generate it again")
        return
    with open(args.path, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
