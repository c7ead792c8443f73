#!/usr/bin/env python3
"""Computes a model's fingerprint and space in Python, as docs/formats/identity.md defines them, and
compares them with those of `bge info`.

    python3 tools/oracle/identity.py --bge build/release/bge MODEL...

What the settings come to (pooling, lengths, instructions) is taken from `bge info --json`; the hashes and
the texts that are hashed are made here.
"""

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path

OTHER_MEMBERS = {
    "torch_dtype",
    "dtype",
    "quantization_config",
    "_name_or_path",
    "transformers_version",
    "quantized_from",
}


def hash_of(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def lines(folder, files):
    return "".join(f"{hash_of((folder / file).read_bytes())}  {file}\n" for file in sorted(files))


def text(value):
    return json.dumps(value, ensure_ascii=False)


def identify(folder, info):
    """(fingerprint, space) of a model whose transformer lies in `folder` itself."""
    files = set(info["files"])
    weights = {file for file in files if file.startswith(("model.safetensors", "pytorch_model", "model-0"))}
    config = json.loads((folder / "config.json").read_text())
    members = "".join(
        f"{text(key)}: {json.dumps(value, indent=2, ensure_ascii=False)}\n"
        for key, value in config.items()
        if key not in OTHER_MEMBERS
    )
    others = files - weights - {"config.json", "config_sentence_transformers.json"}
    original = config.get("quantized_from", {}).get("weights", hash_of(lines(folder, weights)))
    space = "bge-space 1\n"
    for name, value in (
        [("weights", original), ("config", hash_of(members)), ("files", hash_of(lines(folder, others)))]
        + [("module", module) for module in info["modules"]]
        + [("pooling", pooling) for pooling in info["pooling"]]
        + [
            ("include_prompt", str(info["include_prompt"]).lower()),
            ("normalizes", str(info["normalizes"]).lower()),
            ("similarity", info["similarity"]),
            ("dimension", str(info["dimension"])),
            ("max_length", str(info["max_length"])),
            ("query_instruction", info["query_instruction"]),
            ("document_instruction", info["document_instruction"]),
            ("heads", "".join(f"{head} " for head in info["heads"])),
            ("sparse", info["sparse_pooling"] + " " + info["sparse_activation"]),
        ]
    ):
        space += f"{name}: {text(value)}\n"
    return hash_of(lines(folder, files)), hash_of(space)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bge", default="build/release/bge")
    parser.add_argument("models", nargs="+", type=Path)
    arguments = parser.parse_args()
    failures = 0
    for model in arguments.models:
        output = subprocess.run([arguments.bge, "info", "--json", model], check=True, capture_output=True)
        info = json.loads(output.stdout)
        expected = identify(model, info)
        same = expected == (info["fingerprint"], info["space"])
        failures += not same
        print(f"{model}: {'as expected' if same else 'DIFFERENT'}: fingerprint {expected[0]} space {expected[1]}")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
