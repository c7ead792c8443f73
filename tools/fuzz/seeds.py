"""First inputs of the fuzz targets, made of the files in tests/data: what a right file of each kind looks like.

    python tools/fuzz/seeds.py FOLDER     writes FOLDER/<target>/<name>
"""

import itertools
import json
import struct
import sys
from pathlib import Path

from config_seeds import MODEL_CONFIGS, SEPARATOR, encoder_seeds, model_seeds, sparse_seeds
from tokenizer_seeds import charsmap, tokenizer_models, tokenizer_seeds

DATA = Path(__file__).resolve().parents[2] / "tests" / "data"
MODELS = DATA / "models"


def read(path):
    return path.read_bytes() if path.is_file() else b""


def joined(folder, names):
    return SEPARATOR.join(read(folder / name) for name in names)


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, payload):
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def piece(text, score, kind):
    return field(1, field(1, text.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score) + field(3, kind))


def sentencepiece_model(model_type):
    pieces = piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3)
    for i, text in enumerate("▁ a b ▁a ab ▁ab é 中".split()):
        pieces += piece(text, -float(i + 1), 1)
    pieces += piece("<0x41>", 0, 6) + piece("<user>", 0, 4)
    trainer = field(3, model_type) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2) + field(45, b"<unk>")
    normalizer = field(1, b"nmt_nfkc") + field(2, charsmap()) + field(3, 1) + field(4, 1)
    return pieces + field(2, trainer) + field(3, normalizer)


def npy(descr, shape, data, version=1):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b" \n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


RERANKER_CONFIGS = ["config.json", "config_sentence_transformers.json", "sentence_bert_config.json", "modules.json",
                    "tokenizer_config.json"]


def hash_of(content):
    """HashOf of tests/fuzz/test_fuzz.h."""
    value = 0
    for byte in content:
        value = (value * 31 + byte) & 0xFFFFFFFF
    return (value * 2654435761 & 0xFFFFFFFF) >> 16


def regex_kind(content):
    """As tests/fuzz/regex.cc: what it makes long of an input."""
    return hash_of(content) % 1024


def seeds():
    yield "safetensors", "small", safetensors(
        {"w": ("F32", [2, 2], bytes(16)), "h": ("F16", [2], b"\0\x3c\0\x7c"), "b": ("BF16", [1], b"\x80\x3f"),
         "q": ("I8", [2, 1], b"\1\2"), "q_scale": ("F32", [2], struct.pack("<ff", 0.5, 0.25)), "n": ("I64", [], bytes(8))},
        {"format": "pt"})
    whole = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    for name, header, size in [
            ("overlap", {"a": whole, "b": whole | {"data_offsets": [4, 12]}}, 12), ("hole", {"a": whole, "b": whole | {"data_offsets": [12, 20]}}, 20),
            ("five", {"a": whole | {"shape": [1, 1, 1, 1, 2]}}, 8), ("metadata", {"__metadata__": {"a": "b"}, "w": whole}, 8)]:
        text = json.dumps(header).encode()
        yield "safetensors", name, struct.pack("<Q", len(text)) + text + bytes(size)
    twice = b'{"a": %s, "a": %s}' % ((json.dumps(whole).encode(),) * 2)
    yield "safetensors", "twice", struct.pack("<Q", len(twice)) + twice + bytes(8)
    yield "shards", "twice", b'{"weight_map": {"a": "a.safetensors", "a": "b.safetensors"}}'
    for path in sorted((MODELS / "parts").glob("*.safetensors")):
        yield "safetensors", path.stem, read(path)
    yield "shards", "two", json.dumps(
        {"metadata": {"total_size": 32}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}).encode()
    yield "shards", "elsewhere", json.dumps({"weight_map": {"a": "../a.safetensors", "c": "/etc/passwd"}}).encode()
    for path in sorted(DATA.glob("torch/*")):
        if path.is_file() and path.stat().st_size < 20000:
            content = read(path)
            yield "torch_file", path.name, content
            at = content.find(b"\x80\x02")
            if at >= 0:
                yield "torch_pickle", path.name, content[at:at + 4000]
    for path in sorted(DATA.glob("tokenizer/*.json")):
        content = read(path)
        yield "tokenizer_json", path.stem, content
        model = json.loads(content)["model"]
        yield "tokenizer_model", path.stem, json.dumps(model, ensure_ascii=False).encode() + SEPARATOR + b"Hello abc"
    bpe = {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3, "<0x41>": 4}, "unk_token": "<unk>", "byte_fallback": True}
    yield "tokenizer_model", "bpe-strings", json.dumps(bpe | {"merges": ["a b"]}).encode()
    yield "tokenizer_model", "bpe-pairs", json.dumps(
        bpe | {"merges": [["a", "b"]], "continuing_subword_prefix": "#", "end_of_word_suffix": "_", "fuse_unk": True,
               "ignore_merges": True, "dropout": None}).encode()
    yield "tokenizer_model", "unigram", json.dumps(
        {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1.5], ["ab", -2], ["b", -3]], "byte_fallback": False}).encode()
    yield "tokenizer_model", "words", json.dumps({"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"}).encode()
    for name, file, text in tokenizer_seeds():
        yield "tokenizer_json", name, json.dumps(file, ensure_ascii=False).encode() + SEPARATOR + text.encode()
    for name, model in tokenizer_models():
        yield "tokenizer_model", name, json.dumps(model).encode() + SEPARATOR + b"abcdabcdabcdabcdabcdabcdabcdabcd A" + b"abcd" * 17
    vocabulary = "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "hello", ",", "!", "中"]).encode()
    config = json.dumps({"do_lower_case": True, "tokenizer_class": "BertTokenizer", "cls_token": "[CLS]",
                         "added_tokens_decoder": {"4": {"content": "[MASK]", "lstrip": True, "special": True}}}).encode()
    yield "vocab_txt", "small", SEPARATOR.join([vocabulary, config, b'{"sep_token": {"content": "[SEP]"}}', b'{"<x>": 11}'])
    for i, (kind, more) in enumerate([({"tokenizer_class": "BertTokenizerFast", "strip_accents": False}, {}), ({}, {"model_type": "bert"}),
                                      ({"tokenizer_class": "BertTokenizer", "unk_token": "a", "additional_special_tokens": ["<y>"]}, {})]):
        file = next(file for name, file, _ in tokenizer_seeds() if name == "stages-4-WordPiece")
        yield "vocab_txt", f"both-{i}", SEPARATOR.join([b"", json.dumps(kind).encode(), b"", b"", "hello é ab".encode(),
                                                        json.dumps(file, ensure_ascii=False).encode(), json.dumps(more).encode()])
    yield "vocab_txt", "empty", SEPARATOR.join([b"", config])
    yield "vocab_txt", "crlf", SEPARATOR.join([vocabulary.replace(b"\n", b"\r\n"), config, b"", b"", b"text a"])
    for name_byte, name in enumerate(["XLMRobertaTokenizer", "T5Tokenizer", "LlamaTokenizer", "AlbertTokenizer", "GemmaTokenizer", ""]):
        for model_type in (1, 2):
            settings = json.dumps({"tokenizer_class": name, "legacy": False, "add_bos_token": True} if name else {}).encode()
            yield "sentencepiece", f"{name or 'none'}-{model_type}", (
                bytes([name_byte % 4]) + settings + SEPARATOR + sentencepiece_model(model_type))
    beside = [json.dumps(value).encode() for value in [
        {"mask_token": {"content": "<mask>", "lstrip": True}, "unk_token": "<unk>", "additional_special_tokens": ["<x>", "<y>"]},
        {"<z>": 12, "<mask>": 11}, {"model_type": "xlm-roberta"}]]
    for i, settings in enumerate([
            {"tokenizer_class": "XLMRobertaTokenizer", "added_tokens_decoder": {"0": {"content": "<s>", "special": True}}},
            {"tokenizer_class": "T5Tokenizer", "extra_ids": 3, "eos_token": "</s>"}, {"tokenizer_class": "CamembertTokenizer"},
            {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False, "bos_token": "<s>"}, {}]):
        for model_type in (1, 2):
            yield "sentencepiece", f"beside-{i}-{model_type}", (
                bytes([4 + i % 4]) + SEPARATOR.join([json.dumps(settings).encode(), *beside, sentencepiece_model(model_type)]))
    for model_type in (3, 4):
        yield "sentencepiece", f"type-{model_type}", b"\0{}" + SEPARATOR + sentencepiece_model(model_type)
    yield "charsmap", "one", charsmap()
    for i, pattern in enumerate([r"\s+", r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+",
                                 r"(?<=a)b(?!c)|[[:alpha:]&&[^x]]", r"(a|b)*?\1", "a{2,5}+", r"(?=aa\K)b", r"(?=a\K)", "zzz"]):
        content = pattern.encode() + SEPARATOR + "Hello's aab  中 12345\n".encode()
        yield "regex", str(i), content
        # The pattern repeated to what is accepted, and to more; the text repeated.
        for name, wanted in (("many", 1), ("more", 513), ("long", 0)):
            yield "regex", f"{i}-{name}", next(c for n in itertools.count() if regex_kind(c := content + b"%d" % n) == wanted)
    for folder in sorted(MODELS.iterdir()):
        if (folder / "config.json").is_file():
            yield "model_config", folder.name, joined(folder, MODEL_CONFIGS)
            yield "reranker_config", folder.name, joined(folder, RERANKER_CONFIGS)
            yield "json", folder.name, read(folder / "config.json")
    for name, content in [*encoder_seeds(), *model_seeds(), *sparse_seeds()]:
        yield "model_config", name, content
    for size in range(8):
        for text in ("null", "[]", "300", "1e3", '"\\b"', "{}"):
            yield "json", f"{text.strip(chr(34))[:4].strip(chr(92))}-{size}".replace('"', ""), text.encode() + b" " * size
    yield "json", "all", '{"a": [1, -2.5e3, true, null, "\\ud83d\\ude00é\\n"], "b": {"": NaN, "x": 12345678901234567890}}'.encode()
    for i, (idf, text) in enumerate([({"a": 1.5, "b": 2, "x": 0.25}, b"a b a zz"), ({"a": 1e39}, b"a"), ({"a": "1"}, b"a"), ([1], b""),
                                     ({"[UNK]": -1, "c": 0}, b"c d"), ({"?": 1}, b"c e f")]):
        yield "idf", str(i), json.dumps(idf).encode() + SEPARATOR + text
    # The text's hash says which of the target's readings one gets.
    for dtype, shape, data in (("F32", [4], struct.pack("<4f", 1.5, 0, -2, 3)), ("F16", [4], bytes(8)), ("F32", [2, 2], bytes(16)), ("F32", [3], bytes(12))):
        for reading in range(8):
            text = next(c for n in itertools.count() if hash_of(c := b"a b zz %d" % n) % 8 == reading)
            yield "idf", f"{dtype}-{len(shape)}-{shape[0]}-{reading}", safetensors({"weight": (dtype, shape, data)}) + SEPARATOR + text
    config = {"model_type": "bert", "hidden_size": 384, "num_hidden_layers": 12, "vocab_size": 30522, "architectures": ["BertModel"]}
    for i, (readme, more, name) in enumerate([
            ("---\ntags:\n- mteb\nmodel-index:\n- name: bge-small-en-v1.5\n  results: []\n---\n# Title", {}, "BAAI/bge-small-en-v1.5"),
            ("---\nbase_model: 'BAAI/bge-small-en'\n---", {}, "/models/models--BAAI--bge-m3/snapshots/" + "0" * 40),
            ("---\r\nbase_model:\r\n- sentence-transformers/all-MiniLM-L6-v2\r\n---\r\n", {"num_hidden_layers": 6}, "x/checkpoint-12"),
            ("", {"_name_or_path": "intfloat/e5-small-v2"}, "BAAI_bge-base-en"),
            ("---\n---", {"_name_or_path": "/models/checkpoint-5", "architectures": None}, ""),
            ("no front matter", {"_name_or_path": "bert-base-uncased"}, "../a//b/"),
            ("---\nbase_model: microsoft/MiniLM-L12-H384-uncased\n---", {"model_type": "bert", "architectures": ["NomicBertModel"]}, "b")]):
        yield "known_models", str(i), SEPARATOR.join([readme.encode(), json.dumps(config | more).encode(), name.encode()])
    yield "utf8", "mixed", "a é 中 😀 e\u0301 ﬁ ㌀ ".encode() + b"\xc3\x28\xed\xa0\x80\xf5"
    for kind, text in enumerate([b"one\r\n\ntwo", b'{"_id": "1", "title": "t", "text": "a\\n"}\n\n{"text": "b", "text_pair": "c"}\n',
                                 b'_id,text,title\n1,"a ""b""\nc",t\r\n2,d,\n', b"1\ta\tb\n2\tc\td"]):
        for flags in (0, 4, 8, 16, 32):
            yield "records", f"{kind}-{flags}", bytes([kind | flags]) + text
    yield "npy", "floats", npy("<f4", (2, 3), bytes(24))
    yield "npy", "halves", npy("<f2", (1, 2), bytes(4), 2)
    yield "npy", "doubles", npy("<f8", (2, 1), bytes(16))
    digest = "0" * 64
    files = ",\n        ".join(f'"{name}": {{"bytes": {size}, "sha256": "{digest}"}}' for name, size in
                               [("vectors", 48), ("ids", 9), ("id_offsets", 32), ("texts", 120), ("text_offsets", 32)])
    head = '{\n  "format": "bge-index",\n  "version": %s,\n  "kind": "flat",\n  "dtype": "float32",\n  "metric": "inner_product",\n'
    rest = ('  "dimension": 4,\n  "model": "m",\n  "metadata": {},\n  "segments": [\n    {\n      "name": "segment-0123456789abcdef",\n'
            f'      "count": 3,\n      "files": {{\n        {files}\n      }}')
    deleted = f',\n      "deleted": {{"name": "deleted-0123456789abcdef", "count": 1, "bytes": 1, "sha256": "{digest}"}}'
    yield "manifest", "version-1", (head % "1" + rest + "\n    }\n  ],\n").encode()
    yield "manifest", "version-2", (head % "2" + '  "generation": 3,\n  "rows_added": 4,\n' + rest + deleted + "\n    }\n  ],\n").encode()
    segment = rest[rest.index("    {\n") :] + "\n    }"
    both = rest + "\n    },\n" + segment + "\n  ],\n"
    yield "manifest", "two-alike", (head % "2" + '  "generation": 3,\n  "rows_added": 8,\n' + both).encode()
    yield "manifest", "two", (head % "2" + '  "generation": 3,\n  "rows_added": 8,\n' + both.replace("abcdef", "abcdee", 1)).encode()
    yield "manifest", "two-of-version-1", (head % "1" + both).encode()
    yield "manifest", "metadata", (head % "1" + rest.replace('"metadata": {}', '"metadata": {"a": "b", "c": "d"}') + "\n    }\n  ],\n").encode()
    yield "manifest", "checksum", (head % "1" + rest + '\n    }\n  ],\n  "checksum": "' + digest + '"\n}\n').encode()
    for i, name in enumerate(["segment-0123456789abcdef.ids", "segment-0123456789abcdef.deleted-0123456789abcdef",
                              "manifest.json.tmp-12", "lock", "segment-0."]):
        yield "manifest", f"name-{i}", name.encode()
    commit = "0123456789012345678901234567890123456789"
    listing = {"sha": commit, "siblings": [{"rfilename": name} for name in ("config.json", "1_Pooling/config.json", "../x", "a\\b")]}
    yield "hub_answers", "listing", b"\0" + json.dumps(listing).encode()
    lines = [f"x-repo-commit:{commit}", f'x-linked-etag:"{"ab" * 32}"', "x-linked-size:12", "location:https://cdn.example/x",
             f'etag:W/"{"cd" * 20}"', "content-length:12"]
    yield "hub_answers", "metadata", b"\1" + SEPARATOR.join(line.encode() for line in lines)
    for i, text in enumerate(["12", "bytes 100-199/200", "bytes 0-1/*", "120", "Wed, 21 Oct 2026 07:28:00 GMT"]):
        yield "hub_answers", f"header-{i}", b"\2" + text.encode()
    for i, text in enumerate(["https://a.example:8080/b?c=d#e", "http://[::1]/x", "//host/x", "/a/../b"]):
        yield "hub_answers", f"url-{i}", b"\3" + text.encode()
    offsets = lambda *values: b"".join(struct.pack("<Q", value) for value in values)
    yield "segments", "two", b"\2\1" + struct.pack("<4f", 1, 0, 0.5, 2) + offsets(0, 1, 2) + offsets(0, 1, 2) + b"\2" + b"abcd"
    yield "segments", "empty", b"\0\0" + offsets(0) + offsets(0)
    yield "segments", "nine", b"\x09\2" + struct.pack("<18f", *range(18)) + offsets(*range(10)) + offsets(*range(10)) + b"\3\0" + b"abcdefghiABCDEFGHI"
    yield "segments", "seventy", b"\x84\2" + bytes(66 * 8) + offsets(*range(67)) + offsets(*range(67)) + b"\3" + bytes(8) + bytes(range(48, 114)) * 2
    for i, damage in enumerate([8, 16, 32, 64]):
        yield "segments", f"damaged-{i}", (
            bytes([2, 1 | damage]) + struct.pack("<4f", 1, 0, 0.5, 2) + offsets(0, 1, 2) + offsets(0, 1, 2) + b"\2abcd")
    yield "npy", "fortran", npy("<f4", (2, 3), bytes(24)).replace(b"False", b"True ")
    yield "npy", "no-shape", npy("<f4", (2, 3), bytes(24)).replace(b"shape", b"shepa")
    yield "cgroup", "escaped", SEPARATOR.join([
        b"30 23 0:26 / /sys/fs/c\\147roup rw,nosuid - cgroup2 cgroup2 rw\n", b"0::/a\n", b"150000 100000\n", b"max 100000\n"])
    yield "records", "id", b"\1" + b'{"_id": 1.5, "text": "a"}\n'
    yield "records", "note", bytes([2 | 4 | 64]) + b'a,b,c\n1,2,3\n'
    yield "records", "quotes", bytes([2 | 64]) + b'text\n"' + b"x" * 200 + b"\n"
    yield "cgroup", "v2", SEPARATOR.join([
        b"30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n", b"0::/a\n", b"150000 100000\n", b"max 100000\n"])
    yield "cgroup", "v1", SEPARATOR.join([
        b"31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n", b"4:cpu,cpuacct:/\n", b"", b"", b"50000\n", b"100000\n"])


def write(folder):
    count = 0
    for target, name, content in seeds():
        path = Path(folder) / target / name.replace("/", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        count += 1
    return count


if __name__ == "__main__":
    print(write(sys.argv[1]), "inputs")
