"""Writes tiny random sparse encoders in the layouts of published ones, and SparseEncoder's vectors for them.

    python tools/oracle/make_tiny_sparse.py [--output tests/data] [--only NAME]

tiny-splade      BERT with MLMTransformer and SpladePooling(max), as naver/splade-v3 and prithivida/Splade_PP_en_v1 (old names;
                 a decoder bias of its own, prompts)
tiny-doc-sparse  DistilBERT behind a Router, queries by a SparseStaticEmbedding, as opensearch-neural-sparse-encoding-doc-v3-distill:
                 log1p_relu, the transformer in the model's own folder
tiny-splade-sum  RoBERTa with Transformer(fill-mask) and SpladePooling(sum, log1p_relu), as sentence-transformers 6 saves it;
                 max_active_dims
tiny-static-sparse  a SparseStaticEmbedding alone, as SparseEncoder(modules=[...]) saves it: no transformer

Golden files beside those of make_tiny_models.py: golden/NAME.json, with a run of each route, scores of a few pairs, and of
tiny-doc-sparse and tiny-static-sparse also a run with the same weights read from an idf.json. Weights of queries are real ones, of OpenSearch's BERT
vocabulary, where ours has the same word.
"""

import argparse
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import evaluation_sets
import layout_cases
import make_tiny_models as tiny
import random_weights
import reference

TEXTS = layout_cases.TEXT_LISTS["hard"]
# Enough for the router: its documents are tiny-splade's kind.
FEW = TEXTS[:1] + TEXTS[3:7] + TEXTS[10:11] + TEXTS[17:20]
SCORED = ["the river and the city", "What is the effect of vitamin D on bone?", "a map of the river"]
OLD = "sentence_transformers.sparse_encoder.models."
LENGTH = 64


def scale_logits(model, decoder_bias, weight, share):
    """Shrinks the decoder and shifts its bias so that about `share` of the words get a weight."""
    with torch.no_grad():
        weight *= 0.6 / weight.std() / weight.shape[1] ** 0.5
        torch.manual_seed(3)
        decoder_bias.copy_(torch.randn_like(decoder_bias) * 0.4 - share)


def write_modules(where, *modules):
    tiny.write_json(where / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)])


def write_sparse_config(where, **changes):
    tiny.write_json(where / "config_sentence_transformers.json",
                    {"model_type": "SparseEncoder", "__version__": {"sentence_transformers": "5.0.0"}, "prompts": {"query": "", "document": ""},
                     "default_prompt_name": None, "similarity_fn_name": "dot"} | changes)


def save(where, model, drop=()):
    tensors = {k: v.contiguous() for k, v in model.state_dict().items() if k not in drop}
    save_file(tensors, where / "model.safetensors", metadata={"format": "pt"})


def tiny_splade(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL, max_length=LENGTH)
    config = transformers.BertConfig(vocab_size=vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                                     max_position_embeddings=LENGTH, type_vocab_size=2, hidden_act="gelu")
    model = transformers.BertForMaskedLM(config)
    random_weights.fill(model, 31)
    # Not tied: published files hold a decoder beside equal word embeddings, and a fine-tuned one may differ.
    head = model.cls.predictions
    head.decoder.weight = torch.nn.Parameter(head.decoder.weight.detach().clone())
    scale_logits(model, head.bias, head.decoder.weight, 1.0)
    head.decoder.bias = head.bias
    tiny.write_config(where, config, "BertForMaskedLM", torch_dtype="float32", architectures=["BertForMaskedLM"])
    save(where, model, drop=("cls.predictions.decoder.bias",))
    write_modules(where, ("", OLD + "MLMTransformer"), ("1_SpladePooling", OLD + "SpladePooling"))
    tiny.write_json(where / "1_SpladePooling/config.json",
                    {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": vocab_size})
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": LENGTH, "do_lower_case": False})
    write_sparse_config(where, prompts={"query": "query: ", "document": "passage: "})


def real_idf(vocab):
    """OpenSearch's weights of the words that our vocabulary has; 1 for the others, 0 for the special ones."""
    path = evaluation_sets.shared_dir() / "data/opensearch_sparse_idf/raw/bert-uncased.zip"
    with zipfile.ZipFile(path) as archive:
        idf = json.loads(archive.read(next(n for n in archive.namelist() if n.endswith("idf.json"))))
    return {word: 0.0 if word in tiny.SPECIAL else round(float(idf.get(word, 1.0)), 6) for word in vocab}


def tiny_doc_sparse(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL, max_length=LENGTH)
    config = transformers.DistilBertConfig(vocab_size=vocab_size, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=LENGTH)
    model = transformers.DistilBertForMaskedLM(config)
    random_weights.fill(model, 32)
    scale_logits(model, model.vocab_projector.bias, model.vocab_projector.weight, 1.2)
    tiny.write_config(where, config, "DistilBertForMaskedLM", torch_dtype="float32", architectures=["DistilBertForMaskedLM"])
    save(where, model, drop=("vocab_projector.weight",))
    write_modules(where, ("", "sentence_transformers.models.Router"))
    query, pooling = "query_0_SparseStaticEmbedding", "document_1_SpladePooling"
    tiny.write_json(where / "router_config.json", {
        "types": {query: OLD + "SparseStaticEmbedding", "": OLD + "MLMTransformer", pooling: OLD + "SpladePooling"},
        "structure": {"query": [query], "document": ["", pooling]},
        "parameters": {"default_route": "document", "allow_empty_key": True}})
    tiny.write_json(where / pooling / "config.json", {"pooling_strategy": "max", "activation_function": "log1p_relu", "word_embedding_dimension": None})
    tiny.write_json(where / "sentence_bert_config.json", {"max_seq_length": LENGTH, "do_lower_case": False})
    write_sparse_config(where)
    write_static(where / query, length=20)


def write_static(where, length):
    """A SparseStaticEmbedding."""
    where.mkdir(exist_ok=True)
    tiny.write_tokenizer(where, tiny.SPECIAL, max_length=length)
    weights = real_idf(tiny.vocabulary(tiny.SPECIAL))
    save_file({"weight": torch.tensor(list(weights.values()), dtype=torch.float32)}, where / "model.safetensors", metadata={"format": "pt"})
    tiny.write_json(where / "config.json", {"frozen": True})


def tiny_static_sparse(where):
    write_static(where, length=12)
    write_modules(where, ("", "sentence_transformers.sparse_encoder.modules.sparse_static_embedding.SparseStaticEmbedding"))
    write_sparse_config(where, prompts={"query": "", "document": "a map of "})


def with_idf_json(where, copy, folder):
    """The same model with the weights of `folder` in an idf.json, as by SparseStaticEmbedding.from_json."""
    shutil.copytree(where, copy)
    query = copy / folder
    (query / "model.safetensors").unlink()
    # A word that the vocabulary does not have stands for the unknown one.
    weights = real_idf(tiny.vocabulary(tiny.SPECIAL)) | {"nosuchword": 0.25}
    tiny.write_json(query / "idf.json", weights)
    tiny.write_json(query / "config.json", {"frozen": True, "path": str(query / "idf.json")})  # upstream wants where it is


def tiny_splade_sum(where):
    vocab_size = tiny.write_tokenizer(where, tiny.SPECIAL_ROBERTA, max_length=LENGTH)
    config = transformers.RobertaConfig(vocab_size=vocab_size, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
                                        max_position_embeddings=LENGTH + 2, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
                                        layer_norm_eps=1e-5)
    model = transformers.RobertaForMaskedLM(config)
    random_weights.fill(model, 33)
    scale_logits(model, model.lm_head.bias, model.lm_head.decoder.weight, 1.1)
    tiny.write_config(where, config, "RobertaForMaskedLM", dtype="float32", architectures=["RobertaForMaskedLM"])
    save(where, model, drop=("lm_head.decoder.weight", "lm_head.decoder.bias"))
    write_modules(where, ("", "sentence_transformers.base.modules.transformer.Transformer"),
                  ("1_SpladePooling", "sentence_transformers.sparse_encoder.modules.splade_pooling.SpladePooling"))
    tiny.write_json(where / "1_SpladePooling/config.json",
                    {"pooling_strategy": "sum", "activation_function": "log1p_relu", "embedding_dimension": vocab_size})
    tiny.write_json(where / "sentence_bert_config.json",
                    {"transformer_task": "fill-mask", "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
                     "module_output_name": "token_embeddings"})
    write_sparse_config(where, max_active_dims=24, similarity_fn_name=None)


def vectors(model, texts, **options):
    """One text at a time, so that no padding takes part."""
    rows = []
    for text in texts:
        dense = model.encode([text], convert_to_sparse_tensor=False, batch_size=1, **options)[0]
        ids = torch.nonzero(dense).flatten().tolist()
        rows.append({str(i): float(f"{float(dense[i]):.7g}") for i in ids})
    return rows


def scores(model):
    """Of each of a few texts as a query and as a document, by every similarity function."""
    queries, documents = ([encode([t]) for t in SCORED] for encode in (model.encode_query, model.encode_document))
    result = {"texts": SCORED}
    own = model.similarity_fn_name
    for name in ("dot", "cosine", "euclidean", "manhattan"):
        model.similarity_fn_name = name
        result[name] = [[float(f"{float(model.similarity(q, d)):.7g}") for d in documents] for q in queries]
    model.similarity_fn_name = own
    return result


def golden(where, runs):
    from sentence_transformers import SparseEncoder
    model = SparseEncoder(str(where), device="cpu", model_kwargs={"attn_implementation": "eager"})
    result = []
    for name, texts, options in runs:
        prompt = {}
        if options.get("task") == "query" and model.prompts.get("query"):
            prompt["prompt_name"] = "query"
        if options.get("task") == "document" and model.prompts.get("document"):
            prompt["prompt_name"] = "document"
        result.append({"run": name, "options": options, "texts": texts, "vectors": vectors(model, texts, **options, **prompt)})
        count = [len(v) for v in result[-1]["vectors"]]
        print(f"  {name}: {min(count)} to {max(count)} weights")
    return {"similarity": model.similarity_fn_name, "dimension": model.get_embedding_dimension(), "runs": result, "scores": scores(model)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[2] / "tests/data")
    parser.add_argument("--only", metavar="NAME", help="this model alone")
    options = parser.parse_args()
    output = options.output
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    import sentence_transformers
    versions = reference.versions() | {"sentence_transformers": sentence_transformers.__version__}
    plain = ("none", TEXTS, {})
    for name, make, runs in (
            ("tiny-splade", tiny_splade, [plain, ("query", FEW, {"task": "query"}), ("document", FEW, {"task": "document"}),
                                          ("ten", FEW, {"max_active_dims": 10})]),
            ("tiny-doc-sparse", tiny_doc_sparse, [("none", FEW, {}), ("document", FEW, {"task": "document"}), ("query", TEXTS, {"task": "query"}),
                                                  ("three", FEW, {"task": "query", "max_active_dims": 3})]),
            ("tiny-splade-sum", tiny_splade_sum, [("none", FEW, {}), ("all", FEW, {"max_active_dims": 100000})]),
            ("tiny-static-sparse", tiny_static_sparse, [("none", TEXTS, {}), ("query", FEW, {"task": "query"}),
                                                        ("document", FEW, {"task": "document"}), ("three", FEW, {"max_active_dims": 3})])):
        if options.only and name != options.only:
            continue
        print(name)
        where = output / "models" / name
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir(parents=True)
        make(where)
        value = {"model": name, "generator": "tools/oracle/make_tiny_sparse.py", "versions": versions} | golden(where, runs)
        static = {"tiny-doc-sparse": "query_0_SparseStaticEmbedding", "tiny-static-sparse": ""}.get(name)
        if static is not None:
            with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
                copy = Path(scratch) / "model"
                with_idf_json(where, copy, static)
                value["idf"] = real_idf(tiny.vocabulary(tiny.SPECIAL)) | {"nosuchword": 0.25}
                value["idf_runs"] = golden(copy, [("query", FEW, {"task": "query"})])["runs"]
        path = output / "golden" / f"{name}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace('},{', '},\n{') + "\n", encoding="utf-8")
        print(name, sum(f.stat().st_size for f in where.rglob("*") if f.is_file()), "bytes, golden", path.stat().st_size)


if __name__ == "__main__":
    main()
