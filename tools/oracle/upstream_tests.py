"""Runs sentence-transformers' own tests against bgecpp's classes.

    python tools/oracle/upstream_tests.py --source DIRECTORY [--keep DIRECTORY] [FILE ...]

DIRECTORY is a checkout of https://github.com/huggingface/sentence-transformers (or a bare clone), of about
the version that is installed. Nothing of it is copied into this repository. The tests run twice, in a
process each: with the real package, and with bgecpp under its name. Models of the hub are replaced by
random ones of the same shape, made here. What the real package does not pass that way (a download, a
value of trained weights) says nothing about ours. What it passes ours must too, except for the tests that
EXCLUDED names, each with its reason. Exit status 1 where it does not, or where a reason is not needed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import upstream_checkout
import upstream_models
from evaluation_sets import REPOSITORY

FILES = [
    "tests/base/test_model.py",
    "tests/sentence_transformer/test_model.py",
    "tests/sentence_transformer/test_compute_embeddings.py",
    "tests/sentence_transformer/test_multi_process.py",
    "tests/sentence_transformer/evaluation",
    "tests/cross_encoder/test_model.py",
    "tests/cross_encoder/test_multi_process.py",
    "tests/cross_encoder/evaluation",
    "tests/sparse_encoder/test_model.py",
    "tests/sparse_encoder/test_multi_process.py",
    "tests/util/test_quantization.py",
    "tests/util/test_retrieval.py",
    "tests/util/test_similarity.py",
    "tests/util/test_tensor.py",
    "tests/util/test_deprecated_import.py",
    "tests/util/test_import.py",
]

MODULES = "builds a model of torch modules, or looks into them: the engine reads directories"
INSIDES = "calls or replaces private parts of the implementation"
HUB = "uploads to the hub, or writes model cards: refused"
WORDING = "compares the wording of log lines and warnings"
OTHER_KINDS = "puts untrained layers on a model of another kind: refused"
# A pattern of test names -> why ours need not pass it.
EXCLUDED: list[tuple[str, str]] = [
    (r"push_to_hub|save_to_hub|model_card_save", HUB),
    (r"test_get_model_type_|test_load_module_class_from_ref|test_can_flatten|_routes_through_module_call", INSIDES),
    (r"test_gradient_checkpointing|test_save_with_safe_serialization_fallback|test_load_with_model_kwargs", INSIDES),
    (r"test_prompt_length_calculation|test_predict_batch_size_1|test_predict_low_precision_logits", INSIDES),
    (r"test_maxsim_\w*budget|test_maxsim_pairwise_\w+", INSIDES),
    (r"test_cache_folder_from_env|test_dtype_no_parameters|test_use_auth_token_warns|test_config_is_settable", MODULES),
    (r"test_load_local_without_normalize|test_transformers_model_property|test_splade_pooling_chunk_size", MODULES),
    (r"test_inference_free_splade$", MODULES),
    (
        r"test_load_logs_no_modules_json|test_tokenize_deprecation|test_logger_warning|test_rank_convert_kwargs_deprecated",
        WORDING,
    ),
    (r"::test_prompts$|::test_get_model_kwargs$|test_default_activation_fn$", WORDING),
    (r"test_preprocess_modality_error_messages", "images, audio and chat messages: only texts are read"),
    (r"test_unmet_requirements", "packages that a model's own code needs: none of it runs"),
    (
        r"test_load_logs_converting|test_conversion_|test_default_to_csr|test_csr_|test_load_activation_fn_from_kwargs|test_num_labels_fresh",
        OTHER_KINDS,
    ),
    (r"test_load_activation_fn_from_config_custom", "an activation of unknown code: refused"),
    (r"test_encode_numpy_2d_string_array", "pairs of texts in a sparse encoder"),
]


def run(package: str, tests: Path, models: Path, files: list[str]) -> dict[str, dict]:
    """Each test's outcome."""
    report = tests / f"report-{package}.jsonl"
    report.unlink(missing_ok=True)
    python_path = [
        str(Path(__file__).parent),
        str(REPOSITORY / "python"),
        str(tests),
        *filter(None, [os.environ.get("PYTHONPATH")]),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(python_path),
        "BGE_UPSTREAM_PACKAGE": package,
        "BGE_UPSTREAM_MODELS": str(models),
        "BGE_UPSTREAM_REPORT": str(report),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "2",
    }
    command = [sys.executable, "-m", "pytest", "-q", "--continue-on-collection-errors", "-p", "upstream_tests_plugin", "-p",
               "no:cacheprovider", "--rootdir", str(tests), *files]  # fmt: skip
    with open(tests / f"log-{package}.txt", "w", encoding="utf-8") as log:
        subprocess.run(command, cwd=tests, env=environment, stdout=log, stderr=subprocess.STDOUT)
    outcomes: dict[str, dict] = {}
    for line in report.read_text(encoding="utf-8").splitlines():
        result = json.loads(line)
        if outcomes.get(result["test"], {}).get("outcome") != "failed":
            outcomes[result["test"]] = result
    return outcomes


def reason(test: str) -> str | None:
    return next((why for pattern, why in EXCLUDED if re.search(pattern, test)), None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True, help="checkout or bare clone of sentence-transformers")
    parser.add_argument("--keep", type=Path, help="folder for tests, models, logs; what is there is used again")
    parser.add_argument("files", nargs="*", default=FILES)
    arguments = parser.parse_args()
    scratch = arguments.keep or Path(tempfile.mkdtemp(prefix="bge-upstream-"))
    scratch.mkdir(parents=True, exist_ok=True)
    if not (scratch / "tests").exists():
        upstream_checkout.export(arguments.source, "tests", scratch)
    models = scratch / "models"
    if not models.exists():
        models.mkdir()
        upstream_models.make_testing_models(models)

    # What the real package passes is asked once.
    kept = scratch / "outcomes-real.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    if missing := [file for file in arguments.files if file not in known]:
        found = run("real", scratch, models, missing)
        known |= {file: {t: r for t, r in found.items() if t.startswith(file)} for file in missing}
        upstream_models.write_json(kept, known)
    real = {test: result for file in arguments.files for test, result in known[file].items()}
    ours = run("bgecpp", scratch, models, arguments.files)

    counts: dict[str, Counter] = {}
    reasons: Counter = Counter()
    failures = []
    for test, result in sorted(real.items()):
        file = test.split("::")[0]
        count = counts.setdefault(file, Counter())
        count[f"real {result['outcome']}"] += 1
        if result["outcome"] != "passed":
            continue
        mine = ours.get(test, {"outcome": "failed", "message": "not collected"})
        why = reason(test)
        if mine["outcome"] == "passed":
            count["passed"] += 1
        elif why is not None:
            count["excluded"] += 1
            reasons[why] += 1
        else:
            count["FAILED"] += 1
            failures.append((test, mine["message"]))
    print(f"{'file':58} {'real passes':>11} {'ours pass':>9} {'excluded':>8} {'FAILED':>6}   (real fails, skips)")
    total: Counter = Counter()
    for file, count in counts.items():
        total += count
        print(f"{file:58} {count['real passed']:>11} {count['passed']:>9} {count['excluded']:>8} {count['FAILED']:>6}   "
              f"({count['real failed']}, {count['real skipped']})")  # fmt: skip
    print(f"{'all':58} {total['real passed']:>11} {total['passed']:>9} {total['excluded']:>8} {total['FAILED']:>6}   "
          f"({total['real failed']}, {total['real skipped']})")  # fmt: skip
    for why, number in reasons.most_common():
        print(f"  excluded {number:4}: {why}")
    for test, message in failures:
        print(f"FAILED {test}: {' '.join(message.split())[:220]}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
