"""Speed of BGE-M3 and of a reranker beside the engines that users would pick instead, on the same texts, in one run.

    python tools/oracle/xlmr_speed.py m3|reranker [--bge PROGRAM] [--dtypes f32,bf16,int8] [--engines ...] [--works long] [--threads 2]

m3: bge-m3's dense vectors of mixed texts and of documents of 4096 tokens, and of the mixed texts all three heads, where an engine
has them; full size, random weights, the real heads. reranker: bge-reranker-base, 100 passages of 120 tokens for one query.

Every engine runs in a process of its own, loaded before the clock starts, with texts in and vectors or scores out, its tokenizer
included, sorted by length, at its best batch size. Ours is timed before, between and after them and its median counts. The ratios at
the end are ours to the best peer's of the same type. Exports are kept in the folder of the cached vectors (bge-m3: 12 GB).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import engine
import evaluation_sets
import reference
import xlmr_models

MIXED, LONG, LONG_TOKENS = 96, 3, 4096
PASSAGES, PASSAGE_TOKENS = 100, 120
BATCHES = {"mixed": (8, 32), "heads": (8, 32), "long": (1, 2), "pairs": (8, 32)}
M3 = {"f32": ["flag", "st", "ort", "ov", "lite"], "bf16": ["flag-bf16", "st-bf16", "ov-bf16"], "int8": ["ort-int8", "lite-int8"]}
RERANKER = {"f32": ["flag", "st", "ort", "ov"], "bf16": ["flag-bf16", "st-bf16", "ov-bf16"], "int8": ["ort-int8"]}
MODELS = {"m3": "bge-m3", "reranker": "bge-reranker-base"}
CALIBRATION_TEXTS = 4  # of bge-m3-lite's int8: its weights are random here, so only the graph matters


def tokenizer(directory):
    from tokenizers import Tokenizer
    return Tokenizer.from_file(str(directory / "tokenizer.json"))


def make_work(of, directory):
    """{name: texts or [query, passages, two times as many others]}."""
    rows = evaluation_sets.read_jsonl(next((evaluation_sets.shared_dir() / "data/scifact").rglob("corpus.jsonl")))
    documents = [evaluation_sets.document_text(row) for row in rows]
    source = " ".join(documents[:400])
    offsets = tokenizer(directory).encode(source, add_special_tokens=False).offsets

    def piece(index, length):
        return source[offsets[index * length][0]:offsets[index * length + length - 1][1]]

    if of == "reranker":
        pieces = [piece(i, PASSAGE_TOKENS) for i in range(3 * PASSAGES)]
        return {"pairs": ["does vitamin d protect bone density in older women", pieces[:PASSAGES], pieces[PASSAGES:]]}
    sentences = [s.strip() for d in documents for s in d.split(". ") if len(s) > 20]
    mixed = [documents[i] if i % 8 == 0 else sentences[i] for i in range(MIXED)]
    return {"mixed": mixed, "long": [piece(i, LONG_TOKENS - 2) for i in range(LONG)]}


# Exports.

def exports(of) -> Path:
    where = reference.cache_dir() / f"onnx-{MODELS[of]}"
    where.mkdir(parents=True, exist_ok=True)
    return where


def export(of, directory) -> Path:
    """model.onnx with model.onnx_data, named as bge-m3-lite wants them."""
    target = exports(of) / "model.onnx"
    if target.exists():
        return target
    import onnx
    import torch
    import transformers
    kind = transformers.AutoModel if of == "m3" else transformers.AutoModelForSequenceClassification
    model = kind.from_pretrained(str(directory), attn_implementation="eager", dtype=torch.float32).eval()

    class Outputs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask):
            out = self.model(input_ids=input_ids, attention_mask=attention_mask)
            return out.last_hidden_state if of == "m3" else out.logits

    ids = torch.full((2, 9), 5, dtype=torch.long)
    axes = {name: {0: "b", 1: "s"} for name in ("input_ids", "attention_mask", "token_embeddings")}
    with tempfile.TemporaryDirectory(dir=exports(of)) as scratch:
        first = Path(scratch) / "model.onnx"
        torch.onnx.export(Outputs(), (ids, torch.ones_like(ids)), str(first), input_names=["input_ids", "attention_mask"],
                          output_names=["token_embeddings"], opset_version=14, dynamo=False, dynamic_axes=axes)
        whole = onnx.load(str(first))
    onnx.save_model(whole, str(target), save_as_external_data=True, all_tensors_to_one_file=True, location="model.onnx_data", size_threshold=1024)
    return target


def fused(of, directory) -> Path:
    """What ONNX Runtime's own optimizer makes of it."""
    source = export(of, directory)
    target = exports(of) / "plain.onnx"
    if not target.exists():
        from onnxruntime.transformers import optimizer
        config = json.loads((directory / "config.json").read_text())
        made = optimizer.optimize_model(str(source), model_type="bert", num_heads=config["num_attention_heads"], hidden_size=config["hidden_size"], opt_level=0)
        assert made.get_fused_operator_statistics()["Attention"] == config["num_hidden_layers"], made.get_fused_operator_statistics()
        made.save_model_to_file(str(target), use_external_data_format=True)
    return target


def quantized(of, directory) -> Path:
    source = fused(of, directory)
    target = exports(of) / "plain.int8.onnx"
    if not target.exists():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8, per_channel=True, use_external_data_format=True,
                         extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return target


def lite(directory, precision):
    """bge-m3-lite's embedder on our directory instead of the one that it would download."""
    from bge_m3_lite import fuse, hub, quantize
    from bge_m3_lite.embedder import BGEM3Embedder
    source = export("m3", directory)
    model = source.with_name("model_fused.onnx")
    if not model.exists():
        fuse.fuse(source)
    spm = xlmr_models.make(xlmr_models.E5) / "sentencepiece.bpe.model"
    if precision == "int8":
        model = source.with_name("model_int8.onnx")
        if not model.exists():
            texts = quantize.load_calibration_texts()[:CALIBRATION_TEXTS]
            quantize.quantize(source.with_name("model_fused.onnx"), model, tokenizer_path=spm, calibration_texts=texts)
    files = {"sentencepiece.bpe.model": spm} | {f"{h}_linear.pt": evaluation_sets.shared_dir() / f"data/bge-m3-heads/{h}_linear.pt" for h in ("sparse", "colbert")}
    hub.ensure_files = lambda *_, **__: files
    return BGEM3Embedder(model_path=model, num_threads=int(os.environ["OMP_NUM_THREADS"]), spin=True, quiet=True)


# Engines: name -> f(batch of texts, work).

def normalized(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def session(name, of, directory, threads):
    """f(ids, mask) of ONNX Runtime or OpenVINO."""
    if name.startswith("ort"):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        path = quantized(of, directory) if name == "ort-int8" else fused(of, directory)
        made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda ids, mask: made.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    import openvino
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if name == "ov-bf16" else "f32"}
    request = core.compile_model(core.read_model(str(export(of, directory))), "CPU", settings).create_infer_request()
    return lambda ids, mask: np.array(list(request.infer({"input_ids": ids, "attention_mask": mask}).values())[0])


def load(name, of, directory, threads):
    bf16 = name.endswith("-bf16")
    if name.startswith(("flag", "st")):
        import torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        dtype = torch.bfloat16 if bf16 else torch.float32
    if name.startswith("flag"):
        import FlagEmbedding
        if of == "reranker":
            model = FlagEmbedding.FlagReranker(str(directory), use_fp16=False, use_bf16=bf16, devices="cpu", max_length=512)
            return lambda pairs, work: model.compute_score(pairs, batch_size=len(pairs))
        model = FlagEmbedding.BGEM3FlagModel(str(directory), use_fp16=False, use_bf16=bf16, devices="cpu")

        def flag(texts, work):
            three = work == "heads"
            model.encode(texts, batch_size=len(texts), max_length=8192, return_dense=True, return_sparse=three, return_colbert_vecs=three)
        return flag
    if name.startswith("st"):
        import sentence_transformers
        settings = {"device": "cpu", "model_kwargs": {"dtype": dtype}}
        if of == "reranker":
            model = sentence_transformers.CrossEncoder(str(directory), max_length=512, **settings)
            return lambda pairs, work: model.predict(pairs, batch_size=len(pairs))
        model = sentence_transformers.SentenceTransformer(str(directory), **settings)
        return lambda texts, work: model.encode(texts, batch_size=len(texts), normalize_embeddings=True)
    if name.startswith("lite"):
        model = lite(directory, "int8" if name == "lite-int8" else "fp32")
        return lambda texts, work: model.encode(texts, batch_size=len(texts), return_sparse=work == "heads", return_colbert_vecs=work == "heads")
    run = session(name, of, directory, threads)
    tokens = tokenizer(directory)
    tokens.enable_padding(pad_id=1, pad_token="<pad>")
    tokens.enable_truncation(8192 if of == "m3" else 512)

    def onnx(batch, work):
        encodings = tokens.encode_batch(batch)
        out = run(np.array([e.ids for e in encodings], dtype=np.int64), np.array([e.attention_mask for e in encodings], dtype=np.int64))
        return normalized(out[:, 0]) if of == "m3" else out
    return onnx


def child(name, of, directory, threads, work):
    three_heads = name.startswith(("flag", "lite")) and of == "m3"
    run = load(name, of, directory, threads)
    result = {}
    for kind in [*work, *(["heads"] if three_heads else [])]:
        items = work["mixed" if kind == "heads" else kind]
        if kind == "pairs":
            items = [(items[0], passage) for passage in items[1]]
        items = sorted(items, key=lambda item: -len(item[-1] if kind == "pairs" else item))
        run(items[-1:], kind)
        best = None
        for size in BATCHES[kind]:
            batches = [items[i:i + size] for i in range(0, len(items), size)]
            for _ in range(1 if kind == "long" else 2):
                start = time.perf_counter()
                for batch in batches:
                    run(batch, kind)
                seconds = time.perf_counter() - start
                if best is None or seconds < best[0]:
                    best = (seconds, size)
        result[kind] = best
    print(json.dumps(result), flush=True)


# Ours.

def ours(bge, of, directory, dtype, threads, work, scratch):
    """Seconds of each work."""
    def run(*arguments):
        start = time.perf_counter()
        done = subprocess.run([str(a) for a in (bge, *arguments, "--dtype", dtype, "--threads", threads)], capture_output=True, text=True)
        if done.returncode:
            raise engine.EngineError(done.stderr.strip())
        return done.stdout, time.perf_counter() - start

    def write(name, texts):
        path = Path(scratch) / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts), encoding="utf-8")
        return path
    if of == "reranker":
        query, passages, further = work["pairs"]
        # A whole run loads the model and touches its memory first, as no peer's time does: it is taken off one of three times
        # the passages, the others as long as these.
        whole = run("rerank", "--model", directory, "--query", query, "--input", write("passages", passages))[1]
        more = run("rerank", "--model", directory, "--query", query, "--input", write("more", passages + further))[1]
        return {"pairs": (more - whole) * len(passages) / len(further), "pairs, whole process": whole}
    seconds = {}
    for name in [*work, *(["heads"] if "mixed" in work else [])]:
        texts = work["mixed" if name == "heads" else name]
        out, _ = run("bench", "--model", directory, "--work", write(name, texts), "--max-length", 8192, "--repeat", 1 if name == "long" else 2,
                     "--queries", 1, "--callers", 1, "--json", "--return", "dense,sparse,colbert" if name == "heads" else "dense")
        seconds[name] = len(texts) / json.loads(out)["docs_per_s"]
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("of", choices=MODELS)
    engine.add_bge_argument(parser)
    parser.add_argument("--dtypes", default="f32,bf16,int8")
    parser.add_argument("--engines", help="these alone")
    parser.add_argument("--works", help="these alone: mixed, long")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--work-file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    of, threads = arguments.of, arguments.threads
    directory = xlmr_models.make(MODELS[of])
    if arguments.child:
        return child(arguments.child, of, directory, threads, json.loads(arguments.work_file.read_text()))
    work = make_work(of, directory)
    if arguments.works:
        work = {name: texts for name, texts in work.items() if name in arguments.works.split(",")}
    bge = arguments.bge.resolve()
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        work_file = Path(scratch) / "work.json"
        work_file.write_text(json.dumps(work))
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), RAYON_NUM_THREADS=str(threads), HF_HUB_OFFLINE="1")
        for dtype in arguments.dtypes.split(","):
            names = [n for n in (M3 if of == "m3" else RERANKER)[dtype] if arguments.engines is None or n in arguments.engines.split(",")]
            mine, best = [ours(bge, of, directory, dtype, threads, work, scratch)], {}
            for name in names:
                command = [sys.executable, __file__, of, "--child", name, "--threads", threads, "--work-file", work_file]
                done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)
                if done.returncode:
                    print(f"{dtype:<5} {name:<10} failed: {(done.stderr.strip().splitlines() or ['no output'])[-1]}", flush=True)
                    continue
                for kind, (seconds, size) in json.loads(done.stdout.splitlines()[-1]).items():
                    print(f"{dtype:<5} {name:<10} {kind:<6} {seconds:8.2f} s  (batches of {size})", flush=True)
                    if kind not in best or seconds < best[kind][0]:
                        best[kind] = (seconds, name)
                mine.append(ours(bge, of, directory, dtype, threads, work, scratch))
            for kind in mine[0]:
                seconds = statistics.median(run[kind] for run in mine)
                against = f", {best[kind][0] / seconds:.2f} times the best peer ({best[kind][1]})" if kind in best else ""
                print(f"{dtype:<5} bge        {kind:<6} {seconds:8.2f} s  (median of {len(mine)}){against}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
