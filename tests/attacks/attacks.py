"""Model directories, indexes and texts from a stranger who means ill: what bge says to each.

    python attacks.py BGE MODELS DOCUMENT [--write]

BGE is the program, MODELS tests/data/models. Each attack is a copy of a tiny model, or another input, with one thing wrong. The
program runs on it with little memory, little time, and a secret beside the directory; it must end with one line on standard error and
status 1, and neither the secret nor a file that the attack wants made may show up. DOCUMENT (docs/security.md) has the table of the
errors; it must be what the program says, and --write makes it so.
"""

import base64
import hashlib
import json
import os
import pickle
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MEMORY = 640 << 20  # address space of a run: the program maps 150 MB to begin with
SECONDS = 20
SECRET = "hunter2-the-secret"
BEGIN, END = "<!-- attacks: made by tests/attacks/attacks.py -->", "<!-- end of attacks -->"

ATTACKS = []


def attack(title, model="tiny-bert", command=("embed", "--model", "{dir}", "a")):
    def add(function):
        ATTACKS.append((title, model, command, function))
        return function

    return add


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def change_header(directory, change):
    path = directory / "model.safetensors"
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    change(header)
    path.write_bytes(safetensors(header, content[8 + size :]))


def change_json(path, change):
    value = json.loads(path.read_text())
    changed = change(value)
    path.write_text(json.dumps(value if changed is None else changed))


WORDS = "embeddings.word_embeddings.weight"


# --- weights ---


@attack("safetensors: a header of 2^63 bytes")
def _(d):
    (d / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 63) + b"{}")


@attack("safetensors: a header larger than the file")
def _(d):
    (d / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 20) + b"{}")


@attack("safetensors: a header of a million open brackets")
def _(d):
    (d / "model.safetensors").write_bytes(safetensors(b'{"a":' + b"[" * 1_000_000))


@attack("safetensors: a tensor of 2^62 rows")
def _(d):
    change_header(d, lambda h: h[WORDS].update(shape=[1 << 62, 32]))


@attack("safetensors: dimensions whose product overflows to the right size")
def _(d):
    change_header(d, lambda h: h[WORDS].update(shape=[288 + (1 << 59), 32]))


@attack("safetensors: data behind the end of the file")
def _(d):
    change_header(d, lambda h: h[WORDS].update(data_offsets=[1 << 40, (1 << 40) + 36864]))


@attack("safetensors: a negative offset")
def _(d):
    change_header(d, lambda h: h[WORDS].update(data_offsets=[-8, 36856]))


@attack("safetensors: two tensors of the same bytes")
def _(d):
    def overlap(header):
        names = [name for name in header if name.endswith("LayerNorm.weight")]
        header[names[1]]["data_offsets"] = header[names[0]]["data_offsets"]

    change_header(d, overlap)


@attack("safetensors: a dtype that does not exist")
def _(d):
    change_header(d, lambda h: h[WORDS].update(dtype="F99"))


@attack("safetensors: weights that are not finite")
def _(d):
    path = d / "model.safetensors"
    content = bytearray(path.read_bytes())
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    begin = 8 + size + header["embeddings.LayerNorm.weight"]["data_offsets"][0]
    content[begin : begin + 4] = struct.pack("<f", float("nan"))
    path.write_bytes(content)


@attack("shards: a name with .. in it", "tiny-bert-bf16")
def _(d):
    change_json(d / "model.safetensors.index.json", lambda v: v["weight_map"].update({WORDS: "../secret.safetensors"}))


@attack("shards: an absolute name", "tiny-bert-bf16")
def _(d):
    change_json(d / "model.safetensors.index.json", lambda v: v["weight_map"].update({WORDS: str(d.parent / "secret.safetensors")}))


@attack("shards: a shard that is missing", "tiny-bert-bf16")
def _(d):
    (d / "model-00002-of-00003.safetensors").unlink()


def torch_zip(d, content, name="archive/data.pkl"):
    (d / "model.safetensors").unlink()
    with zipfile.ZipFile(d / "pytorch_model.bin", "w") as archive:
        archive.writestr(name, content)
        archive.writestr("archive/version", "3\n")


@attack("torch: a pickle that runs a command")
def _(d):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {d.parent}/executed",)

    torch_zip(d, pickle.dumps(Evil(), protocol=2))


@attack("torch: a pickle that asks eval")
def _(d):
    torch_zip(d, b"\x80\x02cbuiltins\neval\nX\x05\x00\x00\x001+1+1\x85R.")


@attack("torch: a pickle of a million open lists")
def _(d):
    torch_zip(d, b"\x80\x02" + b"]" * 1_000_000 + b".")


@attack("torch: a string of 4 GB that is not there")
def _(d):
    torch_zip(d, b"\x80\x02X\xff\xff\xff\xffabc.")


@attack("torch: memo entries by the billion")
def _(d):
    torch_zip(d, b"\x80\x02}r\xff\xff\xff\x7f.")


@attack("torch: one tensor of 64 dimensions and a long storage under two hundred thousand keys")
def _(d):
    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value

    numbers = b"(" + b"K\x01" * 64 + b"t"
    storage = b"(" + text(b"storage") + b"ctorch\nFloatStorage\n" + text(b"s" * 4096) + text(b"cpu") + b"K\x01tQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + numbers + numbers + b"tR"
    names = text(b"n" * 4096) + b"q\x01"
    torch_zip(d, b"\x80\x02" + tensor + b"q\x000" + names + b"0}(" + b"h\x01h\x00" * 199_000 + b"u.")


@attack("torch: an archive without a pickle")
def _(d):
    torch_zip(d, b"x", "archive/other")


@attack("torch: a compressed member")
def _(d):
    (d / "model.safetensors").unlink()
    with zipfile.ZipFile(d / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 50_000_000)


# --- configuration ---


@attack("config.json: 2 GB of hidden size")
def _(d):
    change_json(d / "config.json", lambda v: v.update(hidden_size=1 << 31))


@attack("config.json: a billion layers")
def _(d):
    change_json(d / "config.json", lambda v: v.update(num_hidden_layers=10**9))


@attack("config.json: heads that do not divide the hidden size")
def _(d):
    change_json(d / "config.json", lambda v: v.update(num_attention_heads=5))


@attack("config.json: a vocabulary of 10^12")
def _(d):
    change_json(d / "config.json", lambda v: v.update(vocab_size=10**12))


@attack("config.json: a hundred thousand brackets")
def _(d):
    (d / "config.json").write_text('{"model_type":' + "[" * 100_000)


@attack("config.json: a number where a text should be, with control characters in its key")
def _(d):
    change_json(d / "config.json", lambda v: v.update({"model_type": 7, "\x1b[2J\x07": 1}))


@attack("config.json: code in auto_map (trust_remote_code)")
def _(d):
    change_json(d / "config.json", lambda v: v.update(model_type="evil", auto_map={"AutoModel": "modeling_evil.EvilModel"}))
    (d / "modeling_evil.py").write_text(f"import os\nos.system('touch {d.parent}/executed')\n")


@attack("modules.json: a module in a folder outside")
def _(d):
    change_json(d / "modules.json", lambda v: v[1].update(path="../outside"))


@attack("modules.json: a class of its own")
def _(d):
    change_json(d / "modules.json", lambda v: v[1].update(type="evil_module.Evil"))


@attack("modules.json: a million modules")
def _(d):
    entry = {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
    change_json(d / "modules.json", lambda v: v + [entry] * 100_000)


@attack("a FIFO instead of config.json: reading it would wait for ever")
def _(d):
    (d / "config.json").unlink()
    os.mkfifo(d / "config.json")


@attack("a link from config.json to a file outside")
def _(d):
    (d / "config.json").unlink()
    (d / "config.json").symlink_to(d.parent / "secret.json")


@attack("a link from vocab.txt to a file outside", "tiny-bert-f16", ("tokenize", "--model", "{dir}", SECRET))
def _(d):
    (d / "vocab.txt").unlink()
    (d / "vocab.txt").symlink_to(d.parent / "secret.txt")


@attack("a link from model.safetensors to itself")
def _(d):
    (d / "model.safetensors").unlink()
    (d / "model.safetensors").symlink_to("model.safetensors")


@attack("a link from tokenizer.json to /dev/zero, which never ends")
def _(d):
    (d / "tokenizer.json").unlink()
    (d / "tokenizer.json").symlink_to("/dev/zero")


# --- tokenizers ---


@attack("tokenizer.json: a word whose id is beyond the embeddings", command=("embed", "--model", "{dir}", "evilword"))
def _(d):
    change_json(d / "tokenizer.json", lambda v: v["model"]["vocab"].update({"evilword": (1 << 31) - 1}))


@attack("tokenizer.json: an id of 2^40")
def _(d):
    change_json(d / "tokenizer.json", lambda v: v["model"]["vocab"].update({"evilword": 1 << 40}))


@attack("tokenizer.json: a regular expression that takes exponential time")
def _(d):
    def change(v):
        v["pre_tokenizer"] = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}

    change_json(d / "tokenizer.json", change)


ATTACKS[-1] = (ATTACKS[-1][0], ATTACKS[-1][1], ("embed", "--model", "{dir}", "a" * 5000 + "b"), ATTACKS[-1][3])


@attack("tokenizer.json: a normaliser that doubles a text a hundred times", command=("embed", "--model", "{dir}", "aaaa"))
def _(d):
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    change_json(d / "tokenizer.json", lambda v: v.update(normalizer={"type": "Sequence", "normalizers": [double] * 100}))


@attack("tokenizer.json: ByteLevel, which doubles a letter like é, sixty times", command=("embed", "--model", "{dir}", "é"))
def _(d):
    stages = {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}] * 60}
    change_json(d / "tokenizer.json", lambda v: v.update(normalizer=stages))


@attack("tokenizer.json: a regular expression that takes long at each of four thousand places",
        command=("embed", "--model", "{dir}", "the quick brown fox jumps over the dog. " * 100))
def _(d):
    pattern = {"Regex": "[a-z .]{0,50}" * 4 + "(?!.)"}
    split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
    change_json(d / "tokenizer.json", lambda v: v.update(pre_tokenizer=split))


@attack("tokenizer.json: a normaliser inside itself ten thousand times")
def _(d):
    text = '{"type":"Sequence","normalizers":[' * 10_000 + "]}" * 10_000
    content = json.loads((d / "tokenizer.json").read_text())
    content["normalizer"] = "HERE"
    (d / "tokenizer.json").write_text(json.dumps(content).replace('"HERE"', text))


@attack("tokenizer.json: special tokens without an id in the vocabulary's range")
def _(d):
    change_json(d / "tokenizer.json", lambda v: v["added_tokens"].append(
        {"id": -5, "content": "[EVIL]", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}))


@attack("SentencePiece: a length that runs out of the file", "tiny-m3")
def _(d):
    (d / "tokenizer.json").unlink()
    (d / "sentencepiece.bpe.model").write_bytes(b"\x0a\xff\xff\xff\xff\x0f<unk>")


@attack("tokenizer.json: a charsmap of 4 GB that is not there", "tiny-m3")
def _(d):
    charsmap = base64.b64encode(b"\xff\xff\xff\xff" + bytes(8)).decode()
    change_json(d / "tokenizer.json", lambda v: v.update(normalizer={"type": "Precompiled", "precompiled_charsmap": charsmap}))


# --- texts and indexes ---


@attack("texts: a JSON line of 65 MB", command=("embed", "--model", "{dir}", "--input", "{dir}/texts.jsonl"))
def _(d):
    (d / "texts.jsonl").write_text('{"text": "' + "a" * (65 << 20) + '"}\n')


@attack("texts: a hundred thousand brackets", command=("embed", "--model", "{dir}", "--input", "{dir}/texts.jsonl"))
def _(d):
    (d / "texts.jsonl").write_text('{"text": ' + "[" * 100_000 + "\n")


def build_index(d, bge, index=None, texts=b"a\nb\n"):
    subprocess.run([bge, "index", "build", index or d / "index", "--model", d, "--input", "-"], input=texts, check=True, capture_output=True)


@attack("index: a vectors file that was cut", command=("search", "{dir}/index", "a"))
def _(d, bge):
    build_index(d, bge)
    [vectors] = (d / "index").glob("*.vectors")
    vectors.write_bytes(vectors.read_bytes()[:-64])


@attack("index: a manifest changed by hand", command=("search", "{dir}/index", "a"))
def _(d, bge):
    build_index(d, bge)
    path = d / "index/manifest.json"
    path.write_text(path.read_text().replace('"dimension": 32', '"dimension": 33554432'))


@attack("index: texts that are a link to a file outside, of the size that is expected", command=("search", "{dir}/../index", "a"))
def _(d, bge):
    secret = d.parent / "secret.txt"
    # Beside the model, whose own links are looked at. One text, then a link to a file as long.
    text = "a" * secret.stat().st_size
    build_index(d, bge, d.parent / "index", text.encode() + b"\n")
    [texts] = (d.parent / "index").glob("*.texts")
    assert texts.stat().st_size == secret.stat().st_size
    texts.unlink()
    texts.symlink_to(secret)


@attack("index: a manifest that is a link to a file outside", command=("search", "{dir}/../index", "a"))
def _(d, bge):
    build_index(d, bge, d.parent / "index")
    path = d.parent / "index/manifest.json"
    path.rename(d.parent / "manifest.json")
    path.symlink_to(d.parent / "manifest.json")


def sign(path, manifest):
    text = json.dumps({**manifest, "checksum": ""}, indent=2).removesuffix('"\n}')
    path.write_text(text + hashlib.sha256(text.encode()).hexdigest() + '"\n}\n')


@attack("index: vectors that are no numbers, with the checksum that they should have", command=("search", "{dir}/index", "a"))
def _(d, bge):
    build_index(d, bge)
    [vectors] = (d / "index").glob("*.vectors")
    vectors.write_bytes(b"\xff" * vectors.stat().st_size)
    path = d / "index/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["segments"][0]["files"]["vectors"]["sha256"] = hashlib.sha256(vectors.read_bytes()).hexdigest()
    sign(path, manifest)


@attack("index: a manifest of 2^36 rows, and no files", command=("search", "{dir}/index", "a"))
def _(d, bge):
    build_index(d, bge)
    for file in (d / "index").glob("segment-*"):
        file.unlink()
    path = d / "index/manifest.json"
    manifest = json.loads(path.read_text())
    [segment] = manifest["segments"]
    count = segment["count"] = 1 << 36
    for name, size in ("vectors", count * 32 * 4), ("id_offsets", count * 8 + 8), ("text_offsets", count * 8 + 8):
        segment["files"][name]["bytes"] = size
    sign(path, manifest)


def limits():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(bge, models, title, model, command, function):
    """The error, with the directory as DIR; a fault of the program as a text that begins with FAULT."""
    with tempfile.TemporaryDirectory() as temporary:
        # The length of the path must not show in the messages.
        base = Path(temporary).resolve()
        directory = base / "model"
        shutil.copytree(models / model, directory)
        (base / "secret.txt").write_text(f"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n{SECRET}\n")
        (base / "secret.json").write_text(json.dumps({"model_type": SECRET}))
        (base / "secret.safetensors").write_bytes(safetensors({SECRET: {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}))
        (base / "outside").mkdir()
        (base / "outside/config.json").write_text(json.dumps({SECRET: True}))
        function(*([directory, bge] if function.__code__.co_argcount == 2 else [directory]))
        words = [word.replace("{dir}", str(directory)) for word in command]
        environment = {"HOME": temporary, "LC_ALL": "C", "PATH": os.environ["PATH"]}
        try:
            done = subprocess.run([bge, *words], capture_output=True, timeout=SECONDS, env=environment, cwd=base, preexec_fn=limits,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return f"FAULT: still running after {SECONDS} s"
        error = done.stderr.decode(errors="replace")
        lines = [line for line in error.splitlines() if "warning:" not in line]
        if (base / "executed").exists():
            return "FAULT: code of the attacker ran"
        if SECRET in error.replace(f" {SECRET}", "") or (SECRET in done.stdout.decode(errors="replace") and SECRET not in words):
            return f"FAULT: the secret shows up: {error[:300]}"
        if done.returncode != 1 or len(lines) != 1 or not lines[0].startswith("bge: error: "):
            return f"FAULT: exit status {done.returncode}: {error[:400]!r} {done.stdout[:100]!r}"
        if re.search(r"[^\x20-\x7e\u00a0-\uffff]", lines[0]):
            return f"FAULT: control characters: {lines[0]!r}"
        return lines[0].removeprefix("bge: error: ").replace(str(directory), "DIR").replace(str(base), "OUTSIDE")


def main():
    bge, models, document = (Path(word).resolve() for word in sys.argv[1:4])
    rows, faults = [], 0
    for title, model, command, function in ATTACKS:
        said = run(bge, models, title, model, command, function)
        if said.startswith("FAULT"):
            faults += 1
            print(f"{title}: {said}")
        said = re.sub(r"segment-[0-9a-f]{16}", "segment-…", said)
        said = re.sub(r"\b[0-9a-f]{64}\b", "…", said)
        rows.append(f"| {title} | {said.replace('|', chr(92) + '|')} |")
    table = "| attack | what bge says |\n|---|---|\n" + "\n".join(rows) + "\n"
    text = document.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN) + 1, text.index(END)
    if "--write" in sys.argv:
        document.write_text(text[:begin] + table + text[end:])
    elif text[begin:end] != table:
        faults += 1
        for old, new in zip(text[begin:end].splitlines(), table.splitlines()):
            if old != new:
                print(f"{document.name} says\n  {old}\nthe program\n  {new}")
        print(f"{document.name} is not what the program says: python tests/attacks/attacks.py BGE MODELS DOCUMENT --write")
    print(f"{len(rows)} attacks, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
