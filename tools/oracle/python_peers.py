"""bgecpp's SentenceTransformer beside the Python classes that users would pick instead, in one run.

    python tools/oracle/python_peers.py --ours PYTHON --peers PYTHON [--bge build/release/bge] [--dtype f32|bf16|int8]
           [--work short,mixed,long] [--engines torch,onnx,openvino,fastembed] [--batch 8,32] [--threads 2] [--check]

--ours is an interpreter that has bgecpp (with PYTHONPATH=python, or an installed wheel), --peers one that has
`sentence-transformers[onnx,openvino]` and fastembed; they may be the same. The model is all-MiniLM-L6-v2, cut at 256
tokens as it says itself, and the texts are those of the developers' shared/bench/peers.py. Each engine runs in a
process of its own, which makes what it needs (exported graphs; int8 as sentence-transformers' documentation
quantizes it: ONNX for AVX512-VNNI, OpenVINO with its activations calibrated on texts of the same kind; OpenVINO computes
float32 models in bfloat16 where the CPU has it unless it is told not to, so that it is what --dtype bf16 compares with), warms up, and
is timed on all texts, the best of two passes at the best of --batch. All get the texts sorted by length but ours, which
sorts them itself. Ours is measured before, between and after the others: shown is the median, and the cosine of every
engine to float32 as the check that it did the work.

--check: the exit status is 1 where ours is less than 1.5 times as fast as the best of the others and below 90 per cent of the
roof too (with attention). The roof is that of `bge bench` on the same texts beside each of our runs, the median of what it says
at our class's speed. A peer that could not be measured is a failure as well: name those that are to be in --engines.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENGINES = {"f32": ["torch", "onnx", "openvino", "fastembed"], "bf16": ["openvino"], "int8": ["onnx", "openvino"]}
COUNTS = {"short": 1024, "mixed": 512, "long": 128}
MAX_LENGTH = 256
LEAST_TIMES = 1.5
LEAST_PERCENT = 90.0  # of the roof


def onnx_model(model: Path, folder: Path, dtype: str):
    from sentence_transformers import SentenceTransformer, export_dynamic_quantized_onnx_model

    exported = SentenceTransformer(str(model), backend="onnx", device="cpu")
    exported.save_pretrained(str(folder / "onnx"))
    if dtype == "f32":
        return exported
    export_dynamic_quantized_onnx_model(exported, "avx512_vnni", str(folder / "onnx"))
    return SentenceTransformer(str(folder / "onnx"), backend="onnx", device="cpu",
                               model_kwargs={"file_name": "model_qint8_avx512_vnni.onnx"})


def openvino_model(model: Path, folder: Path, dtype: str, calibration: list[str]):
    from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model

    settings = {"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}} if dtype == "f32" else {}
    exported = SentenceTransformer(str(model), backend="openvino", device="cpu", model_kwargs=settings)
    if dtype != "int8":
        return exported
    exported.save_pretrained(str(folder / "openvino"))
    from optimum.intel import OVQuantizationConfig

    texts = folder / "texts"
    texts.mkdir()
    (texts / "train.jsonl").write_text("".join(json.dumps({"sentence": text}) + "\n" for text in calibration))
    export_static_quantized_openvino_model(exported, OVQuantizationConfig(num_samples=len(calibration)), str(folder / "openvino"),
                                           dataset_name=str(texts), dataset_config_name="default", dataset_split="train",
                                           column_name="sentence")
    return SentenceTransformer(str(folder / "openvino"), backend="openvino", device="cpu",
                               model_kwargs={"file_name": "openvino_model_qint8_quantized.xml"})


def fastembed_encode(model: Path, folder: Path, threads: int):
    from fastembed import TextEmbedding

    # FastEmbed's own entry of the model, its files from our folder.
    exported = folder / "fastembed"
    exported.mkdir()
    onnx_model(model, folder, "f32")
    shutil.copy(next((folder / "onnx").rglob("model.onnx")), exported / "model.onnx")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (model / name).exists():
            shutil.copy(model / name, exported / name)
    entry = next(m for m in TextEmbedding.list_supported_models() if m["model"].endswith("all-MiniLM-L6-v2"))
    (exported / entry["model_file"]).parent.mkdir(exist_ok=True)
    if not (exported / entry["model_file"]).exists():
        shutil.copy(exported / "model.onnx", exported / entry["model_file"])
    embedding = TextEmbedding(entry["model"], specific_model_path=str(exported), threads=threads)
    return lambda texts, batch: list(embedding.embed(texts, batch_size=batch))


def work(arguments) -> None:
    """In the engine's own process: prepares it, times it, prints one JSON line."""
    import numpy as np

    request = json.loads(sys.stdin.read())
    texts, model = request["texts"], Path(request["model"])
    calibration = request["calibration"]
    if arguments.engine == "bgecpp":
        from bgecpp import SentenceTransformer

        ours = SentenceTransformer(str(model), dtype=arguments.dtype, threads=arguments.threads)
        encode = lambda texts, batch: ours.encode(texts)  # noqa: E731
        batches = [0]
    else:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
        batches = [int(b) for b in arguments.batch.split(",")]
        folder = Path(request["folder"])
        if arguments.engine == "fastembed":
            encode = fastembed_encode(model, folder, arguments.threads)
        else:
            if arguments.engine == "torch":
                from sentence_transformers import SentenceTransformer

                peer = SentenceTransformer(str(model), device="cpu")
            elif arguments.engine == "onnx":
                peer = onnx_model(model, folder, arguments.dtype)
            else:
                peer = openvino_model(model, folder, arguments.dtype, calibration)
            encode = lambda texts, batch: peer.encode(texts, batch_size=batch, normalize_embeddings=True)  # noqa: E731
        texts = sorted(texts, key=len, reverse=True)
    encode(texts[: len(texts) // 4], batches[0])
    seconds = {}
    for batch in batches:
        for _ in range(3 if arguments.engine == "bgecpp" else 2):
            begin = time.perf_counter()
            vectors = encode(texts, batch)
            seconds[batch] = min(time.perf_counter() - begin, seconds.get(batch, 1e9))
    vectors = np.asarray(vectors, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(request["vectors"], vectors[sorted(range(len(texts)), key=lambda i: texts[i])])
    best = min(seconds, key=seconds.get)
    print(json.dumps({"docs_per_s": len(texts) / seconds[best], "batch": best}))


def run(python: str, engine_name: str, arguments, request: dict) -> dict:
    command = [python, __file__, "--engine", engine_name, "--dtype", arguments.dtype, "--batch", arguments.batch,
               "--threads", str(arguments.threads)]
    with tempfile.TemporaryDirectory() as folder:
        vectors = Path(folder) / "vectors.npy"
        done = subprocess.run(command, input=json.dumps({**request, "folder": folder, "vectors": str(vectors)}),
                              capture_output=True, text=True)
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
        import numpy as np

        return {**json.loads(done.stdout.strip().splitlines()[-1]), "vectors": np.load(vectors)}


def roof_percent(texts: list[str], model: Path, arguments) -> float:
    """Per cent of the roof for each document a second, by the program's own measurement."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "texts.jsonl"
        work.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        command = [arguments.bge, "bench", "--model", model, "--work", work, "--max-length", MAX_LENGTH, "--dtype", arguments.dtype,
                   "--threads", arguments.threads, "--queries", 10, "--json"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found = json.loads(done.stdout)
    return found["roof_percent_with_attention"] / found["docs_per_s"]


def fault(name: str, speed: float, peers: dict[str, dict], percent: float) -> str | None:
    """What is not as --check asks for, of one cell."""
    if failed := [peer for peer, found in peers.items() if "error" in found]:
        return f"{name}: {', '.join(failed)} could not be measured"
    best = max(peers, key=lambda peer: peers[peer]["docs_per_s"])
    times = speed / peers[best]["docs_per_s"]
    if times >= LEAST_TIMES or percent >= LEAST_PERCENT:
        return None
    return f"{name}: {times:.2f} times {best}, less than {LEAST_TIMES:g}, and {percent:.1f} % of the roof, less than {LEAST_PERCENT:g}"


def main() -> int | None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", help=argparse.SUPPRESS)  # of the process that is measured
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--dtype", default="f32", choices=list(ENGINES))
    parser.add_argument("--work", default="short,mixed,long")
    parser.add_argument("--engines")
    parser.add_argument("--batch", default="8,32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bge", type=Path, default=Path(__file__).resolve().parents[2] / "build/release/bge")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.engine:
        return work(arguments)
    import engine
    import numpy as np
    from speed_compare import peers_texts

    model = engine.minilm_dir()
    names = arguments.engines.split(",") if arguments.engines else ENGINES[arguments.dtype]
    exact = argparse.Namespace(**{**vars(arguments), "dtype": "f32"})
    faults = []
    for kind in arguments.work.split(","):
        texts = peers_texts(kind, COUNTS[kind])
        request = {"texts": texts, "model": str(model), "calibration": peers_texts(kind, COUNTS[kind] + 64)[-64:]}
        reference = run(arguments.ours, "bgecpp", exact, request)
        ours, peers, percents = [], {}, []
        for name in [*names, None]:
            ours.append(run(arguments.ours, "bgecpp", arguments, request))
            if arguments.check:
                percents.append(roof_percent(texts, model, arguments))
            if name is not None:
                peers[name] = run(arguments.peers, name, arguments, request)
        for found in (reference, *ours):
            if "error" in found:
                sys.exit(f"bgecpp: {found['error']}")
        speed = statistics.median(found["docs_per_s"] for found in ours)
        worst = {"bgecpp": ours[0], **peers}
        worst = {name: float((found["vectors"] * reference["vectors"]).sum(axis=1).min()) for name, found in worst.items() if "vectors" in found}
        print(f"{kind}, {arguments.dtype}: bgecpp {speed:.1f} documents/s (of {len(ours)} runs {min(o['docs_per_s'] for o in ours):.1f} to "
              f"{max(o['docs_per_s'] for o in ours):.1f}); cosine to float32 {worst['bgecpp']:.6f} at worst", flush=True)
        for name, found in peers.items():
            if "error" in found:
                print(f"  {name}: {found['error']}")
                continue
            print(f"  {name}: {found['docs_per_s']:.1f} documents/s in batches of {found['batch']}, ours {speed / found['docs_per_s']:.2f} "
                  f"times; cosine to float32 {worst[name]:.6f} at worst", flush=True)
        if arguments.check:
            percent = statistics.median(percents) * speed
            print(f"  {percent:.1f} % of the roof", flush=True)
            faults.append(fault(f"{kind}, {arguments.dtype}", speed, peers, percent))
    for found in filter(None, faults):
        print(f"FAILED {found}")
    return 1 if any(faults) else 0


if __name__ == "__main__":
    sys.exit(main())
