"""Runs the fuzz targets, one after another on each core, and says what they did.

    python tools/fuzz/fuzz.py [TARGET...] [--total N] [--jobs N] [--build build/fuzz] [--keep]
    python tools/fuzz/fuzz.py [TARGET...] --coverage [--missed] [--build build/fuzz-coverage]

A target starts from tests/fuzz/corpus/<target>, from seeds.py and from what earlier runs on this machine kept in
build/fuzz-corpus/<target>, and runs until it has executed N inputs, those of earlier runs included (tests/fuzz/tally.json has
the sums, and is committed). A finding is kept in build/fuzz-findings/ and ends its target; Ctrl-C ends all, and what they have done
until then counts. --keep copies into tests/fuzz/corpus what
is needed for the coverage reached, of every size, up to 24 kB and 100 files a target: it is what ctest repeats. --coverage repeats all
inputs in a build that counts, and shows the lines reached of the files that each target is about; --missed names the others.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import seeds

ROOT = Path(__file__).resolve().parents[2]
KEPT, CORPUS, FINDINGS = ROOT / "tests/fuzz/corpus", ROOT / "build/fuzz-corpus", ROOT / "build/fuzz-findings"
KEPT_BYTES, KEPT_FILES = 24 * 1024, 100
# Those of charsmap are left out.
STAGES = sorted(str(path.relative_to(ROOT / "src")) for kind in ("normalizer", "pre_tokenizer", "decoder", "post_processor")
                for path in (ROOT / "src/tokenizer" / kind).glob("*.cc") if path.stem != "precompiled")
# The files under src/ or apps/ whose lines a target is to reach, and the longest input that it is given.
TARGETS = {
    "cgroup": (["base/cpu_limits.cc"], 512),
    "charsmap": (["tokenizer/normalizer/precompiled.cc"], 2048),
    "hub_answers": (["hub/hub_answers.cc", "hub/url.cc"], 1024),
    "idf": (["engine/sparse_static_embedding.cc"], 512),
    "json": (["base/json.cc"], 1024),
    "known_models": (["engine/known_models.cc"], 512),
    "manifest": (["index/manifest.cc"], 2048),
    "model_config": (["engine/model_spec.cc", "engine/pooling_config.cc", "engine/multi_vector_spec.cc", "engine/module_list.cc",
                      "engine/module_chain.cc", "engine/sparse_modules.cc", "engine/prompts.cc", "engine/transformer_options.cc",
                      "encoder/bert_config.cc", "encoder/modernbert_config.cc", "encoder/config_fields.cc"], 3072),
    "npy": (["apps/npy_reader.cc"], 256),
    "records": (["apps/jsonl_reader.cc", "apps/lines_reader.cc", "apps/table_reader.cc"], 512),
    "regex": (["tokenizer/regex.cc"], 224),
    "reranker_config": (["engine/reranker_spec.cc"], 2048),
    "safetensors": (["weights/safetensors.cc", "weights/mapped_tensors.cc"], 1024),
    "segments": (["index/deleted_rows.cc", "index/mapped_segment.cc"], 2048),
    "sentencepiece": (["tokenizer/sentencepiece/model_file.cc", "tokenizer/sentencepiece/directory.cc",
                       "tokenizer/sentencepiece/tokenizer_class.cc", "tokenizer/sentencepiece/configured_tokens.cc",
                       "tokenizer/sentencepiece/unigram_classes.cc", "tokenizer/sentencepiece/bpe_classes.cc"], 2048),
    "shards": (["weights/sharded.cc"], 512),
    "tokenizer_json": (["tokenizer/tokenizer_json.cc", "tokenizer/added_vocabulary.cc", *STAGES], 3072),
    "tokenizer_model": (["tokenizer/model/bpe.cc", "tokenizer/model/unigram.cc", "tokenizer/model/vocabulary.cc",
                         "tokenizer/model/word_level.cc", "tokenizer/model/wordpiece.cc", "tokenizer/model/merge_table.cc"], 1536),
    "torch_file": (["weights/torch_file.cc", "weights/zip_archive.cc"], 8192),
    "torch_pickle": (["weights/torch_pickle.cc"], 2048),
    "utf8": (["tokenizer/utf8.cc"], 96),
    "vocab_txt": (["tokenizer/bert_directory.cc"], 2048),
}


INTERRUPTED = 72  # libFuzzer's exit status after SIGINT
# Inputs that one process executes: the tally grows, and memory shrinks, after each.
PROCESS_RUNS = 500_000
# Most of the time would go into remembering who allocated what, and into memory that is not used again for long. (A finding is
# replayed with the defaults; leaks are looked for once, among all inputs kept.)
ENVIRONMENT = {
    "ASAN_OPTIONS": "malloc_context_size=0:quarantine_size_mb=8:thread_local_quarantine_size_kb=64:max_malloc_fill_size=64:detect_leaks=0",
    # Files in memory.
    "TMPDIR": "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir(),
}


class Tally:
    """What all runs so far have done, on any machine: the file is committed."""

    def __init__(self):
        self.path, self.lock = ROOT / "tests/fuzz/tally.json", threading.Lock()

    def of(self, target):
        tally = json.loads(self.path.read_text()) if self.path.is_file() else {}
        return {"executions": 0, "cpu_seconds": 0.0, "findings": 0, "edges": 0} | tally.get(target, {})

    def add(self, target, executions, cpu_seconds, found, edges):
        with self.lock:
            tally = json.loads(self.path.read_text()) if self.path.is_file() else {}
            sums = self.of(target)
            sums["executions"] += executions
            sums["cpu_seconds"] = round(sums["cpu_seconds"] + cpu_seconds, 1)
            sums["findings"] += found
            sums["edges"] = edges or sums["edges"]  # it may have been interrupted before the first
            written = self.path.with_suffix(".new")
            written.write_text(json.dumps(tally | {target: sums}, indent=1) + "\n")
            written.replace(self.path)


class Running:
    """The processes of the targets, and whether Ctrl-C or SIGTERM has ended them."""

    def __init__(self):
        self.stopped, self.pids = False, set()

    def stop(self, *_):
        self.stopped = True
        for pid in list(self.pids):
            os.kill(pid, signal.SIGINT)


running = Running()


def run_target(target, build, arguments, environment):
    """(standard error, exit status, CPU seconds)"""
    dictionary = ROOT / "tests/fuzz" / f"{target}.dict"
    command = ["nice", "-n", "19", build / "tests/fuzz" / f"fuzz_{target}", *arguments, f"-max_len={TARGETS[target][1]}",
               "-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=1024", "-print_final_stats=1", "-close_fd_mask=1", "-reload=0",
               "-entropic=0",
               f"-artifact_prefix={FINDINGS}/{target}-", *([f"-dict={dictionary}"] if dictionary.is_file() else [])]
    # The files that a target leaves go with the folder.
    with (tempfile.TemporaryDirectory(dir=ENVIRONMENT["TMPDIR"]) as scratch,
          (FINDINGS / f"{target}.log").open("w+", errors="replace") as log):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=os.environ | environment | {"TMPDIR": scratch},
                                   process_group=0)
        running.pids.add(process.pid)
        if running.stopped:  # meanwhile
            process.send_signal(signal.SIGINT)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        running.pids.discard(process.pid)  # while it is ours
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if running.stopped and process.returncode == -signal.SIGINT:  # before it could be told
            process.returncode = INTERRUPTED
        log.seek(0)
        return log.read(), process.returncode, usage.ru_utime + usage.ru_stime


def number(name, log):
    return int((re.findall(rf"{name}:? *(\d+)", log) or [0])[-1])


def fuzz(target, build, total, tally):
    corpus, kept = CORPUS / target, KEPT / target
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(parents=True, exist_ok=True)
    folders = [corpus, *([kept] if kept.is_dir() else [])]
    found = False
    while not found and not running.stopped and (left := total - tally.of(target)["executions"]) > 0:
        log, status, seconds = run_target(target, build, [*folders, f"-runs={min(left, PROCESS_RUNS)}", "-detect_leaks=0"], ENVIRONMENT)
        found = status not in (0, INTERRUPTED)
        tally.add(target, number("number_of_executed_units", log), seconds, found, number("cov", log))
    if not found and not running.stopped:
        _, status, _ = run_target(target, build, [*folders, "-runs=0"], {"TMPDIR": ENVIRONMENT["TMPDIR"]})
        found = status not in (0, INTERRUPTED)
    sums = tally.of(target)
    return [target, f"{sums['executions']:,}", f"{sums['executions'] / max(sums['cpu_seconds'], 0.1):,.0f}", sums["edges"],
            len(list(corpus.iterdir())), f"FOUND (exit {status}, {FINDINGS}/{target}.log)" if found else str(sums["findings"])]


def keep(target, build):
    small = CORPUS.parent / "fuzz-small" / target
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    folders = [folder for folder in (KEPT / target, CORPUS / target) if folder.is_dir()]
    subprocess.run([build / "tests/fuzz" / f"fuzz_{target}", "-merge=1", f"-max_len={TARGETS[target][1]}", small, *folders],
                   capture_output=True, check=True, env=os.environ | ENVIRONMENT)
    (KEPT / target).mkdir(parents=True, exist_ok=True)
    # What was there stays: findings among it.
    there = {path.name: path.stat().st_size for path in (KEPT / target).iterdir()}
    left, files = KEPT_BYTES - sum(there.values()), KEPT_FILES - len(there)
    new = sorted((path for path in small.iterdir() if path.name[:12] not in there), key=lambda path: path.stat().st_size)
    # Small ones are refused early, large ones go far: some of each.
    step = next(step for step in range(1, len(new) + 2)
                if len(new[::step]) <= files and sum(path.stat().st_size for path in new[::step]) <= left or step > len(new))
    for path in new[::step]:
        shutil.copy(path, KEPT / target / path.name[:12])


def reached(target, build):
    """{file: {line: times}} of the files that the target is about."""
    program, profile = build / "tests/fuzz" / f"fuzz_{target}", build / f"{target}.profraw"
    folders = [str(folder) for folder in (KEPT / target, CORPUS / target) if folder.is_dir()]
    environment = os.environ | {"LLVM_PROFILE_FILE": str(profile), "TMPDIR": ENVIRONMENT["TMPDIR"]}
    subprocess.run([program, *folders], env=environment, stdout=subprocess.DEVNULL, check=True)
    data = profile.with_suffix(".profdata")
    subprocess.run(["llvm-profdata-14", "merge", "-sparse", profile, "-o", data], check=True)
    profile.unlink()
    report = subprocess.run(["llvm-cov-14", "export", "-format=lcov", program, f"-instr-profile={data}"], capture_output=True, text=True,
                            check=True)
    names = {name: name if name.startswith("apps/") else f"src/{name}" for name in TARGETS[target][0]}
    files, lines = {}, None
    for row in report.stdout.splitlines():
        kind, _, value = row.partition(":")
        if kind == "SF":
            # As the compiler was given it, or shortened by ccache.
            lines = next((files.setdefault(name, {}) for name, end in names.items() if value.endswith(f"/{end}")), None)
        elif kind == "DA" and lines is not None:
            number, times = value.split(",")[:2]
            lines[int(number)] = int(times)
    return files


def coverage(target, build, show_missed):
    rows, texts = [], []
    for name, lines in reached(target, build).items():
        missed = [number for number, times in lines.items() if times == 0]
        rows.append([target, name, str(len(lines)), str(len(missed)), f"{100 * (1 - len(missed) / len(lines)):.1f} %"])
        source = (ROOT / (name if name.startswith("apps/") else f"src/{name}")).read_text().splitlines()
        texts += [f"    {name}:{number}: {source[number - 1]}" for number in missed if show_missed]
    return rows, texts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--total", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--build", type=Path)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--missed", action="store_true", help="with --coverage: the lines that are not reached, too")
    options = parser.parse_args()
    targets = options.targets or list(TARGETS)
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"unknown target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    seeds.write(CORPUS)
    build = options.build or ROOT / ("build/fuzz-coverage" if options.coverage else "build/fuzz")
    if options.coverage:
        print("| target | file | lines | missed | reached |\n|---|---|---|---|---|")
        for target in targets:
            rows, missed = coverage(target, build, options.missed)
            for row in rows:
                print("| " + " | ".join(row) + " |", flush=True)
            print("\n".join(missed), end="\n" if missed else "")
        return 0
    print("| target | executions | a second of one CPU | edges | inputs kept | findings |\n|---|---|---|---|---|---|")
    found, tally = False, Tally()
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, running.stop)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = [pool.submit(fuzz, target, build, options.total, tally) for target in targets]
        for done in concurrent.futures.as_completed(jobs):
            row = done.result()
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
            found |= row[-1].startswith("FOUND")
    if options.keep:
        for target in targets:
            keep(target, build)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
