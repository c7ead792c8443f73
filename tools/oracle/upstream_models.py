"""Models that stand for those of the hub, which other packages' tests and scripts name: all-MiniLM-L6-v2 as it
is, the others random, of the published layout with few layers, and with the published tokenizers.

    make_testing_models(folder)   what sentence-transformers' tests load: upstream_tests.py
    make_hub(folder)              the cache of a hub with what scripts load: upstream_scripts.py
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from sentence_transformers import CrossEncoder, SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Normalize, Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

import colbert_compare
import engine
import evaluation_sets
import random_weights
import splade_models
import tiny_mpnet
import xlmr_models
from evaluation_sets import REPOSITORY

ENGLISH, CHINESE = "bge-small-en-v1.5", "bge-large-zh-v1.5"


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def make_testing_models(where: Path) -> None:
    """Random models of the shapes of those on the hub, with BERT's vocabulary."""
    shutil.copytree(engine.minilm_dir(), where / "all-MiniLM-L6-v2")
    tokenizer = AutoTokenizer.from_pretrained(engine.minilm_dir())
    tokenizer.model_max_length = 512
    shape = dict(vocab_size=30522, hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512)

    def backbone(name, cls, **more):
        torch.manual_seed(0)
        model = cls(BertConfig(**shape, **more))
        # Of trained models: vectors and scores that differ from text to text.
        for parameter in model.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.08)
        # And whose mean is not zero: a test tells normalised vectors by it.
        torch.nn.init.constant_(model.base_model.encoder.layer[-1].output.LayerNorm.bias, 0.05)
        model.save_pretrained(where / name)
        tokenizer.save_pretrained(where / name)
        return where / name

    encoder = Transformer(str(backbone("parts-bert", BertModel)))
    SentenceTransformer(modules=[encoder, Pooling(128, "mean")]).save(str(where / "stsb-bert-tiny"))

    plain = backbone("parts-reranker", BertForSequenceClassification, num_labels=1)
    CrossEncoder(str(plain)).save(str(where / "reranker-bert-tiny"))
    for version in ("v3", "v4"):
        target = where / f"reranker-bert-tiny-tanh-{version}"
        shutil.copytree(plain, target)
        config = json.loads((target / "config.json").read_text())
        if version == "v3":
            config["sbert_ce_default_activation_function"] = "torch.nn.modules.activation.Tanh"
        else:
            config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.activation.Tanh", "version": "4.0.0"}
        write_json(target / "config.json", config)

    masked = Transformer(str(backbone("parts-masked", BertForMaskedLM)), transformer_task="fill-mask")
    with torch.no_grad():
        # So that some tens of weights are above zero, not half of the vocabulary.
        masked.model.cls.predictions.bias -= 1.8
    SparseEncoder(modules=[masked, SpladePooling("max")]).save(str(where / "splade-bert-tiny"))
    weights = torch.rand(30522, generator=torch.Generator().manual_seed(1)) * 3
    static = SparseStaticEmbedding(tokenizer=masked.tokenizer, weight=weights, frozen=True)
    router = Router.for_query_document(query_modules=[static], document_modules=[masked, SpladePooling("max")])
    SparseEncoder(modules=[router], similarity_fn_name="dot").save(str(where / "inference-free-splade-bert-tiny"))


# --- What scripts load: a hub's cache ---------------------------------------------------------------

# name -> width, tokenizer. CLS, normalised, and laid out as BGE publishes: from the tokenizer's folder.
BGE = {
    f"BAAI/bge-{size}-{language}{version}": (width, ENGLISH if language == "en" else CHINESE)
    for size, width in (("small", 384), ("base", 768), ("large", 1024))
    for language in ("en", "zh")
    for version in ("", "-v1.5")
}
# name -> width, class of pooling, normalised, prompts. Laid out as sentence-transformers writes.
SENTENCE = {
    "mixedbread-ai/mxbai-embed-large-v1": (1024, "cls", False, {"query": "Represent this sentence for searching relevant passages: ", "passage": ""}),
    "sentence-transformers/multi-qa-MiniLM-L6-cos-v1": (384, "mean", True, {}),
    "sentence-transformers/allenai-specter": (768, "mean", False, {}),
    "sentence-transformers/nq-distilbert-base-v1": (768, "mean", False, {}),
    "sentence-transformers/quora-distilbert-multilingual": (768, "mean", False, {}),
    "thenlper/gte-large": (1024, "mean", True, {}),
    "google-bert/bert-base-uncased": (768, "mean", False, {}),
}
MPNET = {
    "sentence-transformers/all-mpnet-base-v2": ("mean", True),
    "sentence-transformers/multi-qa-mpnet-base-dot-v1": ("cls", False),
}
# name -> positions, labels, pooling. XLM-RoBERTa's vocabulary.
XLMR = {
    "BAAI/bge-m3": (8194, 0, "cls"),
    "BAAI/bge-reranker-base": (514, 1, None),
    "BAAI/bge-reranker-large": (514, 1, None),
    "BAAI/bge-reranker-v2-m3": (8194, 1, None),
    "intfloat/multilingual-e5-small": (514, 0, "mean"),
    "intfloat/multilingual-e5-large": (514, 0, "mean"),
}
CROSS_ENCODERS = ["cross-encoder/ms-marco-MiniLM-L6-v2", "cross-encoder/ms-marco-TinyBERT-L2", "Xenova/ms-marco-MiniLM-L-4-v2"]
# Those of full size that other suites keep.
SPLADE = ["naver/splade-cocondenser-ensembledistil", "naver/splade-v3", "prithivida/Splade_PP_en_v1", "rasyosef/splade-tiny"]
COLBERT = "colbert-ir/colbertv2.0"
SIZES = dict(num_hidden_layers=2, intermediate_size=256)


def finish(model: torch.nn.Module, name: str, where: Path) -> None:
    random_weights.fill(model, sum(map(ord, name)))
    model.save_pretrained(where)


def copy_tokenizer(source: Path, where: Path, max_length: int) -> None:
    where.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "tokenizer.json", where / "tokenizer.json")
    config = json.loads((source / "tokenizer_config.json").read_text(encoding="utf-8"))
    write_json(where / "tokenizer_config.json", config | {"model_max_length": max_length})


def bert_config(width: int, **more) -> BertConfig:
    return BertConfig(hidden_size=width, num_attention_heads=width // 64, **SIZES, **more)


def bge(name: str, where: Path) -> None:
    width, folder = BGE[name]
    source = evaluation_sets.shared_dir() / "data/tokenizers" / folder
    for path in source.rglob("*"):
        if path.is_file() and path.name != "config.json" or path.parent.name == "1_Pooling":
            target = where / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    pooling = where / "1_Pooling/config.json"
    write_json(pooling, json.loads(pooling.read_text()) | {"word_embedding_dimension": width})
    vocabulary = len(json.loads((where / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"])
    finish(BertModel(bert_config(width, vocab_size=vocabulary)), name, where)


def sentence(where: Path, pooling: str, normalize: bool, prompts: dict[str, str]) -> None:
    encoder = Transformer(str(where / "backbone"))
    modules = [encoder, Pooling(encoder.get_embedding_dimension(), pooling), *([Normalize()] if normalize else [])]
    SentenceTransformer(modules=modules, prompts=prompts).save(str(where))
    shutil.rmtree(where / "backbone")


def bert_sentence(name: str, where: Path) -> None:
    width, pooling, normalize, prompts = SENTENCE[name]
    copy_tokenizer(evaluation_sets.shared_dir() / "data/tokenizers" / ENGLISH, where / "backbone", 512)
    finish(BertModel(bert_config(width)), name, where / "backbone")
    sentence(where, pooling, normalize, prompts)


def mpnet(name: str, where: Path) -> None:
    words = (evaluation_sets.shared_dir() / "data/tokenizers" / ENGLISH / "vocab.txt").read_text(encoding="utf-8").splitlines()
    (where / "backbone").mkdir(parents=True)
    size = tiny_mpnet.write_tokenizer(where / "backbone", words, 512)
    config = tiny_mpnet.config(size, hidden_size=768, num_attention_heads=12, max_position_embeddings=514, **SIZES)
    finish(transformers.MPNetModel(config), name, where / "backbone")
    sentence(where, *MPNET[name], {})


def xlmr(name: str, where: Path) -> None:
    positions, labels, pooling = XLMR[name]
    width = 128
    config = transformers.XLMRobertaConfig(
        vocab_size=xlmr_models.VOCABULARY, hidden_size=width, num_attention_heads=width // 64, max_position_embeddings=positions,
        type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, **SIZES)
    target = where if pooling is None else where / "backbone"
    copy_tokenizer(xlmr_models.e5(), target, positions - 2)
    if labels:
        config.num_labels = labels
        finish(transformers.XLMRobertaForSequenceClassification(config), name, target)
        return
    model = transformers.XLMRobertaModel(config).eval()
    finish(model, name, target)
    sentence(where, pooling, True, {})
    if name == "BAAI/bge-m3":
        for head, rows in (("sparse_linear", 1), ("colbert_linear", width)):
            layer = torch.nn.Linear(width, rows)
            random_weights.fill(layer, rows)
            torch.save({key: value.half() for key, value in layer.state_dict().items()}, where / f"{head}.pt")
        xlmr_models.move_sparse_bias(model, where, [xlmr_models.IDS_IN_NO_ORDER])


def cross_encoder(name: str, where: Path) -> None:
    copy_tokenizer(evaluation_sets.shared_dir() / "data/tokenizers" / ENGLISH, where, 512)
    finish(BertForSequenceClassification(bert_config(384, num_labels=1)), name, where)
    config = json.loads((where / "config.json").read_text())
    extra = {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}
    write_json(where / "config.json", config | {"sentence_transformers": extra})


def stsb_roberta(where: Path) -> None:
    source = evaluation_sets.shared_dir() / "data/tokenizers/roberta-base"
    where.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "tokenizer.json", where / "tokenizer.json")
    special = dict(bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>")
    write_json(where / "tokenizer_config.json", special | {"model_max_length": 512, "tokenizer_class": "RobertaTokenizer"})
    config = transformers.RobertaConfig(vocab_size=50265, hidden_size=384, num_attention_heads=6, max_position_embeddings=514,
                                        type_vocab_size=1, num_labels=1, **SIZES)
    finish(transformers.RobertaForSequenceClassification(config), "stsb", where)


COMMIT = "0" * 40


def make_hub(where: Path) -> None:
    """The models as huggingface_hub keeps what it downloads: $HF_HOME is to be `where`."""

    def folder(name: str) -> Path:
        model = where / "hub" / ("models--" + name.replace("/", "--"))
        (model / "refs").mkdir(parents=True, exist_ok=True)
        (model / "refs/main").write_text(COMMIT)
        (model / "snapshots").mkdir(exist_ok=True)
        return model / "snapshots" / COMMIT

    makers = {name: bge for name in BGE} | {name: bert_sentence for name in SENTENCE} | {name: mpnet for name in MPNET}
    makers |= {name: xlmr for name in XLMR} | {name: cross_encoder for name in CROSS_ENCODERS}
    for name, make in makers.items():
        print("making", name, flush=True)
        target = folder(name)
        shutil.rmtree(target, ignore_errors=True)
        make(name, target)
    stsb_roberta(folder("cross-encoder/stsb-distilroberta-base"))
    for name in SPLADE:
        folder(name).symlink_to(splade_models.make("splade-base"))
    folder("opensearch-project/opensearch-neural-sparse-encoding-doc-v3-distill").symlink_to(splade_models.make("doc-sparse"))
    folder(COLBERT).symlink_to(colbert_compare.make("stanford-base"))
    folder("sentence-transformers/all-MiniLM-L6-v2").symlink_to(engine.minilm_dir())


def make_graphs(hub: Path, where: Path) -> dict[str, str]:
    """FastEmbed's names -> directories with the ONNX graphs of the hub's weights that FastEmbed itself loads."""
    sys.path.insert(0, str(REPOSITORY / "python/tests"))
    import fastembed_oracle
    from fastembed import LateInteractionTextEmbedding, SparseTextEmbedding, TextEmbedding
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    from bgecpp.fastembed import _catalogue

    ours = {d.model: d for d in [*_catalogue.DENSE, *_catalogue.SPARSE, *_catalogue.LATE_INTERACTION, *_catalogue.CROSS_ENCODERS]}
    wanted = {
        "hidden": (TextEmbedding, ["BAAI/bge-small-en-v1.5", "BAAI/bge-small-en", "BAAI/bge-base-en-v1.5", "BAAI/bge-large-en-v1.5",
                                   "sentence-transformers/all-MiniLM-L6-v2", "intfloat/multilingual-e5-large"]),
        "mlm": (SparseTextEmbedding, ["prithivida/Splade_PP_en_v1", "prithvida/Splade_PP_en_v1"]),
        "colbert": (LateInteractionTextEmbedding, [COLBERT]),
        "logits": (TextCrossEncoder, ["Xenova/ms-marco-MiniLM-L-6-v2"]),
    }
    graphs = {}
    for kind, (cls, names) in wanted.items():
        files = {d["model"]: d["model_file"] for d in cls.list_supported_models()}
        for name in names:
            target = where / name.replace("/", "--")
            if not target.exists():
                source = hub / "hub" / ("models--" + ours[name].sources.hf.replace("/", "--")) / "snapshots" / COMMIT
                print("making the graph of", name, flush=True)
                fastembed_oracle.export(source, target, kind, files[name])
            graphs[name] = str(target)
    # Named by scripts that add models of their own.
    for name, kind in (("intfloat/multilingual-e5-small", "hidden"), ("Xenova/ms-marco-MiniLM-L-4-v2", "logits")):
        target = where / name.replace("/", "--")
        if not target.exists():
            source = hub / "hub" / ("models--" + name.replace("/", "--")) / "snapshots" / COMMIT
            fastembed_oracle.export(source, target, kind, "onnx/model.onnx")
        graphs[name] = str(target)
    return graphs
