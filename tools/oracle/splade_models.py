"""Sparse encoders of the published sizes with random weights and the real English BERT tokenizer, kept beside the cached vectors.

    python tools/oracle/splade_models.py [NAME ...]     writes them and prints their directories

splade-base        BERT base with MLMTransformer and SpladePooling(max), as naver/splade-v3 is
doc-sparse         DistilBERT behind a Router whose queries have OpenSearch's own weights, as
                   opensearch-neural-sparse-encoding-doc-v3-distill is
idf-alone          those weights of queries without a transformer, as SparseEncoder saves them

The decoders' biases are set so that a text of middling length has about a hundred weights.
"""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import evaluation_sets
import random_weights
import reference

MODELS = ["splade-base", "doc-sparse", "idf-alone"]
MAX_LENGTH = 512
OLD = "sentence_transformers.sparse_encoder.models."
QUERY, POOLING = "query_0_SparseStaticEmbedding", "document_1_SpladePooling"


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1))


def calibrate(model, bias, where, wanted=120):
    """Lowers the bias until `wanted` words are above zero in an abstract of some 200 tokens."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(where))
    bias.zero_()
    found = []
    for text in evaluation_sets.scifact_corpus()[:4]:
        logits = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=200)).logits[0]
        found.append(torch.sort(logits.max(0).values, descending=True).values[wanted])
    noise = torch.randn(bias.shape, generator=torch.Generator().manual_seed(5)) * 0.2
    bias.copy_(noise - torch.stack(found).mean())


def copy_tokenizer(where):
    where.mkdir(parents=True, exist_ok=True)
    source = evaluation_sets.shared_dir() / "data/tokenizers/bge-small-en-v1.5"
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / name).exists():
            shutil.copyfile(source / name, where / name)


def idf():
    path = evaluation_sets.shared_dir() / "data/opensearch_sparse_idf/raw/bert-uncased.zip"
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(next(n for n in archive.namelist() if n.endswith("idf.json"))))


def save(where, model, config, drop):
    save_file({n: t.contiguous() for n, t in model.state_dict().items() if n not in drop}, where / "model.safetensors", metadata={"format": "pt"})
    values = config.to_dict() | {"architectures": [type(model).__name__]}
    write_json(where / "config.json", {k: v for k, v in values.items() if v is not None})
    write_json(where / "sentence_bert_config.json", {"max_seq_length": MAX_LENGTH, "do_lower_case": False})
    write_json(where / "config_sentence_transformers.json", {"model_type": "SparseEncoder", "prompts": {}, "default_prompt_name": None, "similarity_fn_name": "dot"})


def splade_base(where):
    config = transformers.BertConfig(vocab_size=30522)
    model = transformers.BertForMaskedLM(config).eval()
    random_weights.fill(model, 71)
    decoder = model.cls.predictions.decoder
    decoder.weight = torch.nn.Parameter(decoder.weight.detach() / config.hidden_size ** 0.5)  # logits as trained ones are
    decoder.bias = model.cls.predictions.bias
    calibrate(model, decoder.bias, where)
    save(where, model, config, {"cls.predictions.decoder.bias"})
    write_json(where / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": OLD + "MLMTransformer"},
                                        {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": OLD + "SpladePooling"}])
    write_json(where / "1_SpladePooling/config.json", {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": 30522})


def weights_of_tokens(where):
    vocabulary = json.loads((where / "tokenizer.json").read_text())["model"]["vocab"]
    weights = torch.zeros(30522)
    for token, weight in idf().items():
        weights[vocabulary[token]] = weight
    return weights


def idf_alone(where):
    from sentence_transformers import SparseEncoder
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(where))
    SparseEncoder(modules=[SparseStaticEmbedding(tokenizer, weights_of_tokens(where), frozen=True)]).save_pretrained(str(where))


def doc_sparse(where):
    config = transformers.DistilBertConfig(vocab_size=30522)
    model = transformers.DistilBertForMaskedLM(config).eval()
    random_weights.fill(model, 72)
    for table in (model.distilbert.embeddings.word_embeddings, model.distilbert.embeddings.position_embeddings):
        table.weight /= config.dim ** 0.5  # the first is the decoder too
    calibrate(model, model.vocab_projector.bias, where)
    save(where, model, config, {"vocab_projector.weight"})
    write_json(where / "modules.json", [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}])
    write_json(where / "router_config.json", {
        "types": {QUERY: OLD + "SparseStaticEmbedding", "": OLD + "MLMTransformer", POOLING: OLD + "SpladePooling"},
        "structure": {"query": [QUERY], "document": ["", POOLING]},
        "parameters": {"default_route": "document", "allow_empty_key": True}})
    write_json(where / POOLING / "config.json", {"pooling_strategy": "max", "activation_function": "log1p_relu", "word_embedding_dimension": 30522})
    copy_tokenizer(where / QUERY)
    save_file({"weight": weights_of_tokens(where)}, where / QUERY / "model.safetensors", metadata={"format": "pt"})
    write_json(where / QUERY / "config.json", {"frozen": True})


@torch.no_grad()
def make(name: str) -> Path:
    where = reference.cache_dir() / f"random-{name}-v1"
    if (where / "done").exists():
        return where
    shutil.rmtree(where, ignore_errors=True)
    copy_tokenizer(where)
    {"splade-base": splade_base, "doc-sparse": doc_sparse, "idf-alone": idf_alone}[name](where)
    (where / "done").touch()
    return where


if __name__ == "__main__":
    for each in sys.argv[1:] or MODELS:
        print(make(each))
