"""Runs the fuzz targets, one after another on each core, and says what they did.

    python tools/fuzz/fuzz.py [TARGET...] [--runs N] [--jobs N] [--build build/fuzz] [--keep]
    python tools/fuzz/fuzz.py [TARGET...] --coverage [--build build/fuzz-coverage]

A target starts from tests/fuzz/corpus/<target>, from seeds.py and from what earlier runs on this machine kept in
build/fuzz-corpus/<target>. A finding is kept in build/fuzz-findings/ and ends its target. --keep copies into tests/fuzz/corpus what
is needed for the coverage reached, the smallest inputs first, up to 24 kB a target: it is what ctest repeats. --coverage repeats all
inputs in a build that counts, and shows the lines reached of the files that each target is about.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import seeds

ROOT = Path(__file__).resolve().parents[2]
KEPT, CORPUS, FINDINGS = ROOT / "tests/fuzz/corpus", ROOT / "build/fuzz-corpus", ROOT / "build/fuzz-findings"
KEPT_BYTES = 24 * 1024
# The files under src/ or apps/ whose lines a target is to reach, and the longest input that it is given.
TARGETS = {
    "cgroup": (["base/cpu_limits.cc"], 2048),
    "charsmap": (["tokenizer/normalizer/precompiled.cc"], 4096),
    "hub_answers": (["hub/hub_answers.cc", "hub/url.cc"], 4096),
    "json": (["base/json.cc"], 4096),
    "manifest": (["index/manifest.cc"], 4096),
    "model_config": (["engine/model_spec.cc", "engine/pooling_config.cc", "engine/multi_vector_spec.cc", "encoder/bert_config.cc",
                      "encoder/modernbert_config.cc", "encoder/config_fields.cc"], 8192),
    "npy": (["apps/npy_reader.cc"], 512),
    "records": (["apps/jsonl_reader.cc", "apps/lines_reader.cc", "apps/table_reader.cc"], 2048),
    "regex": (["tokenizer/regex.cc"], 512),
    "reranker_config": (["engine/reranker_spec.cc"], 4096),
    "safetensors": (["weights/safetensors.cc", "weights/mapped_tensors.cc"], 4096),
    "segments": (["index/deleted_rows.cc", "index/mapped_segment.cc"], 1024),
    "sentencepiece": (["tokenizer/sentencepiece/model_file.cc", "tokenizer/sentencepiece/directory.cc"], 4096),
    "shards": (["weights/sharded.cc"], 2048),
    "tokenizer_json": (["tokenizer/tokenizer_json.cc", "tokenizer/added_vocabulary.cc"], 8192),
    "tokenizer_model": (["tokenizer/model/bpe.cc", "tokenizer/model/unigram.cc", "tokenizer/model/vocabulary.cc",
                         "tokenizer/model/word_level.cc", "tokenizer/model/wordpiece.cc", "tokenizer/model/merge_table.cc"], 4096),
    "torch_file": (["weights/torch_file.cc", "weights/zip_archive.cc"], 8192),
    "torch_pickle": (["weights/torch_pickle.cc"], 2048),
    "utf8": (["tokenizer/utf8.cc"], 512),
    "vocab_txt": (["tokenizer/bert_directory.cc"], 4096),
}


def fuzz(target, build, runs):
    corpus, kept = CORPUS / target, KEPT / target
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    dictionary = ROOT / "tests/fuzz" / f"{target}.dict"
    command = [build / "tests/fuzz" / f"fuzz_{target}", corpus, *([kept] if kept.is_dir() else []), f"-runs={runs}",
               f"-max_len={TARGETS[target][1]}", "-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-print_final_stats=1",
               "-close_fd_mask=1", f"-artifact_prefix={FINDINGS}/{target}-", *([f"-dict={dictionary}"] if dictionary.is_file() else [])]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    (FINDINGS / f"{target}.log").write_text(done.stderr)
    number = lambda name: int((re.findall(rf"{name}: *(\d+)", done.stderr) or [0])[-1])
    edges = (re.findall(r"cov: (\d+)", done.stderr) or ["0"])[-1]
    return [target, f"{number('number_of_executed_units'):,}", f"{number('average_exec_per_sec'):,}", edges,
            len(list(corpus.iterdir())), "0" if done.returncode == 0 else f"FOUND (exit {done.returncode}, {FINDINGS}/{target}.log)"]


def keep(target, build):
    small = CORPUS.parent / "fuzz-small" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    folders = [folder for folder in (KEPT / target, CORPUS / target) if folder.is_dir()]
    subprocess.run([build / "tests/fuzz" / f"fuzz_{target}", "-merge=1", f"-max_len={TARGETS[target][1]}", small, *folders],
                   capture_output=True, check=True)
    (KEPT / target).mkdir(parents=True, exist_ok=True)
    # What was there stays: findings among it.
    left = KEPT_BYTES - sum(path.stat().st_size for path in (KEPT / target).iterdir())
    for path in sorted(small.iterdir(), key=lambda path: path.stat().st_size):
        left -= path.stat().st_size
        if left < 0:
            break
        shutil.copy(path, KEPT / target / path.name[:12])


def coverage(target, build):
    program, profile = build / "tests/fuzz" / f"fuzz_{target}", build / f"{target}.profraw"
    folders = [str(folder) for folder in (KEPT / target, CORPUS / target) if folder.is_dir()]
    subprocess.run([program, *folders], env=os.environ | {"LLVM_PROFILE_FILE": str(profile)}, stdout=subprocess.DEVNULL, check=True)
    data = profile.with_suffix(".profdata")
    subprocess.run(["llvm-profdata-14", "merge", "-sparse", profile, "-o", data], check=True)
    files = [ROOT / (name if name.startswith("apps/") else f"src/{name}") for name in TARGETS[target][0]]
    report = subprocess.run(["llvm-cov-14", "report", program, f"-instr-profile={data}", *files], capture_output=True, text=True, check=True)
    profile.unlink()
    rows = []
    for line in report.stdout.splitlines():
        # File, then regions, functions and lines: each a count, how many are missed, and the share reached.
        words = line.split()
        if len(words) >= 10 and (words[0].endswith(".cc") or words[0] == "TOTAL"):
            rows.append([target, words[0].split("/src/")[-1], words[7], words[8], words[9]])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--runs", type=int, default=10_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--build", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"unknown target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    seeds.write(CORPUS)
    build = options.build or ROOT / ("build/fuzz-coverage" if options.coverage else "build/fuzz")
    if options.coverage:
        print("| target | file | lines | missed | reached |\n|---|---|---|---|---|")
        for target in targets:
            for row in coverage(target, build):
                print("| " + " | ".join(row) + " |", flush=True)
        return 0
    print("| target | executions | a second | edges | inputs kept | findings |\n|---|---|---|---|---|---|")
    found = False
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = [pool.submit(fuzz, target, build, options.runs) for target in targets]
        for done in concurrent.futures.as_completed(running):
            row = done.result()
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
            found |= row[-1] != "0"
    if options.keep:
        for target in targets:
            keep(target, build)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
