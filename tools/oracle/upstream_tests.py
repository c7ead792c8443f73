"""Runs sentence-transformers' own tests against bgecpp's classes.

    python tools/oracle/upstream_tests.py --source DIRECTORY [--keep DIRECTORY] [FILE ...]

DIRECTORY is a checkout of https://github.com/huggingface/sentence-transformers (or a bare clone), of about
the version that is installed. Nothing of it is copied into this repository. The tests run twice, in a
process each: with the real package, and with bgecpp under its name. Models of the hub are replaced by
random ones of the same shape, made here. What the real package does not pass that way (a download, a
value of trained weights) says nothing about ours. What it passes ours must too, except for the tests that
EXCLUDED names, each with its reason. FILES are the files that run, NOT_RUN the others, each with its reason.
Exit status 1 where ours does not pass, where a reason is not needed (ours passes, or there is no such test
or file), or where a file of tests is in neither list.
"""

import argparse
import json
import os
import re
import shutil
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
    "tests/base/test_model_type_subclass.py",
    "tests/base/modules/test_dense.py",
    "tests/base/modules/test_input_module.py",
    "tests/base/modules/test_router.py",
    "tests/base/modules/test_transformer.py",
    "tests/sentence_transformer/test_model.py",
    "tests/sentence_transformer/test_compute_embeddings.py",
    "tests/sentence_transformer/test_multi_process.py",
    "tests/sentence_transformer/evaluation",
    "tests/sentence_transformer/modules",
    "tests/cross_encoder/test_model.py",
    "tests/cross_encoder/test_multi_process.py",
    "tests/cross_encoder/evaluation",
    "tests/sparse_encoder/test_model.py",
    "tests/sparse_encoder/test_multi_process.py",
    "tests/sparse_encoder/test_reciprocal_rank_fusion.py",
    "tests/sparse_encoder/modules",
    "tests/util/test_decorators.py",
    "tests/util/test_deprecated_import.py",
    "tests/util/test_hard_negatives.py",
    "tests/util/test_import.py",
    "tests/util/test_misc.py",
    "tests/util/test_quantization.py",
    "tests/util/test_retrieval.py",
    "tests/util/test_similarity.py",
    "tests/util/test_tensor.py",
]

DOWNLOADS = "each test downloads a trained model, or one of another architecture"
TRAINING = "training: losses, trainers, samplers, collators, arguments"
CARDS = "model cards, which are not written here"
BACKENDS = "exports to ONNX and OpenVINO, which are not installed here"
MULTI_VECTOR = "MultiVectorEncoder, which is the real package's own"
PRIVATE = "functions of the real package's own that ours do not call: modalities, devices, versions, downloads, data sets"
# Other files and folders of tests -> why they do not run.
NOT_RUN: dict[str, str] = {
    "tests/base/modules/transformer": DOWNLOADS,
    "tests/base/samplers": TRAINING,
    "tests/base/test_data_collator.py": TRAINING,
    "tests/base/test_modality.py": PRIVATE,
    "tests/base/test_model_card.py": CARDS,
    "tests/base/test_trainer.py": TRAINING,
    "tests/cross_encoder/losses": TRAINING,
    "tests/cross_encoder/test_backends.py": BACKENDS,
    "tests/cross_encoder/test_model_card.py": CARDS,
    "tests/cross_encoder/test_pretrained.py": DOWNLOADS,
    "tests/cross_encoder/test_train_stsb.py": TRAINING,
    "tests/cross_encoder/test_trainer.py": TRAINING,
    "tests/multi_vector_encoder": MULTI_VECTOR,
    "tests/sentence_transformer/losses": TRAINING,
    "tests/sentence_transformer/test_backends.py": BACKENDS,
    "tests/sentence_transformer/test_custom_models.py": DOWNLOADS,
    "tests/sentence_transformer/test_image_embeddings.py": DOWNLOADS,
    "tests/sentence_transformer/test_model_card.py": CARDS,
    "tests/sentence_transformer/test_model_card_data.py": CARDS,
    "tests/sentence_transformer/test_pretrained.py": DOWNLOADS,
    "tests/sentence_transformer/test_pretrained_stsb.py": DOWNLOADS,
    "tests/sentence_transformer/test_train_stsb.py": TRAINING,
    "tests/sentence_transformer/test_trainer.py": TRAINING,
    "tests/sentence_transformer/test_training_args.py": TRAINING,
    "tests/sparse_encoder/losses": TRAINING,
    "tests/sparse_encoder/test_backends.py": BACKENDS,
    "tests/sparse_encoder/test_model_card.py": CARDS,
    "tests/sparse_encoder/test_opensearch_models.py": DOWNLOADS,
    "tests/sparse_encoder/test_pretrained.py": DOWNLOADS,
    "tests/sparse_encoder/test_search_engines.py": "clients of search engines, and their servers",
    "tests/sparse_encoder/test_train_stsb.py": TRAINING,
    "tests/sparse_encoder/test_trainer.py": TRAINING,
    "tests/util/test_dataset.py": PRIVATE,
    "tests/util/test_environment.py": PRIVATE,
    "tests/util/test_file_io.py": PRIVATE,
}

# Names on the hub -> our folders, in a cache of the hub's layout: what torch modules and tokenizers load.
CACHED = {
    "google-bert/bert-base-uncased": "all-MiniLM-L6-v2",
    "sentence-transformers-testing/stsb-bert-tiny-safetensors": "stsb-bert-tiny",
}

MODULES = "builds a model of torch modules, or looks into them: the engine reads directories"
INSIDES = "calls or replaces private parts of the implementation"
HUB = "uploads to the hub, or writes model cards: refused"
WORDING = "compares the wording of log lines and errors"
OTHER_KINDS = "puts untrained layers on a model of another kind: refused"
TEXTS_ONLY = "images, audio and chat messages: only texts are read"
# A pattern of test names -> why ours need not pass it.
EXCLUDED: list[tuple[str, str]] = [
    (r"push_to_hub|save_to_hub|model_card_save", HUB),
    (r"test_get_model_type_|test_load_module_class_from_ref|test_can_flatten|_routes_through_module_call", INSIDES),
    (r"test_gradient_checkpointing|test_save_with_safe_serialization_fallback|test_load_with_model_kwargs", INSIDES),
    (r"test_prompt_length_calculation|test_model_type_override_takes_precedence|test_non_faiss_batched_search_matches", INSIDES),
    (r"test_maxsim_budget_bounds_|test_maxsim_pairwise_(never_pads_|budget_counts_)", INSIDES),
    (r"test_cache_folder_from_env|test_dtype_no_parameters|test_use_auth_token_warns", MODULES),
    (r"test_config_returns_none_when|test_config_setter_on_model_without", MODULES),
    (r"test_third_party_module_with|test_private_load_with", MODULES),
    (r"test_load_local_without_normalize|transformers_model_property|test_splade_pooling_chunk_size", MODULES),
    (r"_without_transformer(\[|$)|test_num_labels_(from_dense|ignores_dense)|test_sparse_static_embedding_save_load", MODULES),
    (r"test_inference_free_splade$|::test_get_model_kwargs$|test_dense_load_and_save_in_other_precisions", MODULES),
    (r"test_router_(max_seq_length_edges|encode$|task_not_|backwards_|save_load|with_trainer|module_forward_kwargs)", MODULES),
    (r"test_router_(load_with_|as_middle_|route_mappings_|resolve_route_error_|save_with_safe_|forwards_on_)", MODULES),
    (r"test_document_length_applies|_expansion_|test_retrieval_task_warns", MULTI_VECTOR),
    (r"TestSerialization::(?!test_(processing_kwargs_save|unpad_inputs_save|get_config_dict$|repr$))", MODULES),
    (r"TestLoadInitKwargs::test_merges_|TestTransformerSaveLoadRoundtrip::", MODULES),
    (r"TestGetEmbeddingDimension::(?!test_standard_)|TestForward::(?!test_kwargs_forward_keeps_)", MODULES),
    (r"(TestModalityInference|TestGetProcessorAttributes|TestGetPromptLength|TestCallProcessor)::", INSIDES),
    (r"processing_kwargs_does_not_mutate_instance", MODULES),
    (r"test_preprocess_modality_error_messages|unsupported_modality|TestProcessChatMessages::", TEXTS_ONLY),
    (r"test_load_logs_no_modules_json|_(transformer|encoder)/test_model\.py::test_prompts$", WORDING),
    (r"test_unmet_requirements", "packages that a model's own code needs: none of it runs"),
    (r"test_load_logs_converting|test_conversion_|test_default_to_csr|test_csr_", OTHER_KINDS),
    (r"test_load_activation_fn_from_kwargs|test_num_labels_fresh", OTHER_KINDS),
    (r"test_load_activation_fn_from_config_custom", "an activation of unknown code: refused"),
    (r"sparse_encoder/.*test_encode_numpy_2d_string_array", "pairs of texts in a sparse encoder"),
]


def make_cache(models: Path, cache: Path) -> None:
    """CACHED as huggingface_hub keeps it."""
    commit = "0" * 40
    for name, folder in CACHED.items():
        place = cache / f"models--{name.replace('/', '--')}"
        shutil.copytree(models / folder, place / "snapshots" / commit)
        (place / "refs").mkdir()
        (place / "refs/main").write_text(commit)


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
        "HF_HUB_CACHE": str(tests / "hub"),
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


def holds(entry: str, file: str) -> bool:
    return file == entry or file.startswith(f"{entry}/")


def faults_of_lists(scratch: Path) -> list[str]:
    """What is wrong with FILES and NOT_RUN; prints the latter with the number of test functions."""
    functions = {
        str(path.relative_to(scratch)): len(re.findall(r"^\s*(?:async )?def test_", path.read_text(encoding="utf-8"), re.M))
        for path in sorted((scratch / "tests").rglob("test_*.py"))
    }
    faults = [f"{file}: neither in FILES nor in NOT_RUN" for file in functions
              if not any(holds(entry, file) for entry in (*FILES, *NOT_RUN))]  # fmt: skip
    faults += [f"{file}: in FILES and in NOT_RUN" for file in functions
               if any(holds(e, file) for e in FILES) and any(holds(e, file) for e in NOT_RUN)]  # fmt: skip
    faults += [f"{entry}: listed, and not there" for entry in (*FILES, *NOT_RUN)
               if not any(holds(entry, file) for file in functions)]  # fmt: skip
    print(f"{'files that do not run':58} {'test functions':>14}   why")
    for entry, why in NOT_RUN.items():
        print(f"{entry:58} {sum(n for file, n in functions.items() if holds(entry, file)):>14}   {why}")
    left = sum(n for file, n in functions.items() if any(holds(entry, file) for entry in NOT_RUN))
    print(f"{'all':58} {left:>14}   of {sum(functions.values())}\n")
    return faults


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
    if not (scratch / "hub").exists():
        make_cache(models, scratch / "hub")
    faults = faults_of_lists(scratch)

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
    unused = {pattern for pattern, _ in EXCLUDED} if set(arguments.files) >= set(FILES) else set()
    for test, result in sorted(real.items()):
        file = test.split("::")[0]
        count = counts.setdefault(file, Counter())
        count[f"real {result['outcome']}"] += 1
        if result["outcome"] != "passed":
            continue
        mine = ours.get(test, {"outcome": "failed", "message": "not collected"})
        why = reason(test)
        unused -= {pattern for pattern, _ in EXCLUDED if re.search(pattern, test)}
        if mine["outcome"] == "passed":
            count["passed"] += 1
            if why is not None:
                faults.append(f"{test}: excluded, and passes")
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
    for fault in [*faults, *(f"{pattern}: excludes no test that the real package passes" for pattern in sorted(unused))]:
        print(f"FAULT {fault}")
    return 1 if failures or faults or unused else 0


if __name__ == "__main__":
    sys.exit(main())
