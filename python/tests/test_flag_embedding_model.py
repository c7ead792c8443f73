"""`model` of FlagEmbedding's classes: batches of token ids to states, logits and BGE-M3's kinds of vectors."""

import json
import pickle
import shutil

import numpy as np
import pytest
from conftest import need
from flag_embedding_cases import M3_ALL, TEXTS, inputs_of

from bgecpp import BGEM3FlagModel, FlagModel, FlagReranker, errors


def test_models_inside_are_transformers(models):
    """What a program that pools itself calls: .model, beside .tokenizer."""
    flag = FlagModel(str(models / "tiny-bert"), passage_max_length=32)
    inputs = inputs_of(flag)
    hidden = flag.model(**inputs, return_dict=True).last_hidden_state
    first = hidden[:, 0] / np.linalg.norm(hidden[:, 0], axis=1, keepdims=True)
    assert np.abs(first - flag.encode(TEXTS)).max() < 1e-6
    flag.pooling_method, flag.normalize_embeddings = "mean", False
    mean = flag.pooling(hidden, inputs["attention_mask"])
    assert mean.dtype == np.float32 and np.abs(mean - flag.encode(TEXTS)).max() < 1e-5
    flag.pooling_method = "max"
    with pytest.raises(NotImplementedError, match="max"):
        flag.pooling(hidden, inputs["attention_mask"])
    flag.pooling_method = "cls"
    assert flag.model is flag.model and flag.model.to("cpu").eval() is flag.model
    assert flag.model.config.hidden_size == hidden.shape[2]
    assert np.abs(pickle.loads(pickle.dumps(flag)).encode("a") - flag.encode("a")).max() < 1e-6
    reranker = FlagReranker(str(models / "tiny-reranker"), max_length=64)
    pair = [("what is a panda?", "hi")]
    ids = reranker.tokenizer([pair[0][0]], [pair[0][1]], padding=True, return_tensors="np")
    logits = reranker.model(**ids, return_dict=True).logits
    assert np.abs(logits.reshape(-1) - reranker.compute_score(pair)).max() < 1e-5
    pickle.dumps(reranker)


def test_m3_model_inside(models):
    pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    m3 = BGEM3FlagModel(str(models / "tiny-m3"), passage_max_length=32)
    inputs = inputs_of(m3)
    found, expected = m3.model(inputs, True, True, True), m3.encode(TEXTS, **M3_ALL)
    assert np.abs(found["dense_vecs"] - expected["dense_vecs"]).max() < 1e-6
    lengths = inputs["attention_mask"].sum(axis=1)
    for row, vectors in enumerate(expected["colbert_vecs"]):
        assert np.abs(found["colbert_vecs"][row, : lengths[row] - 1] - vectors).max(initial=0) < 1e-6
        assert not found["colbert_vecs"][row, lengths[row] - 1 :].any()
    whole = m3.model(inputs, False, True, return_sparse_embedding=True)["sparse_vecs"]
    for row, weights in enumerate(expected["lexical_weights"]):
        ids = np.flatnonzero(whole[row])
        assert sorted(map(int, weights)) == ids.tolist()
        assert max((abs(weights[str(i)] - whole[row, i]) for i in ids), default=0) < 1e-6
    with pytest.raises(AssertionError, match="Must choose one or more"):
        m3.model(inputs, return_dense=False)
    assert m3.model(inputs, truncate_dim=4)["dense_vecs"].shape == (len(TEXTS), 4)
    pickle.dumps(m3)


def test_m3_model_inside_finds_heads_beside_the_encoder(models, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    shutil.copytree(models / "tiny-m3", tmp_path / "m3/0_Transformer")
    kinds = enumerate([("0_Transformer", "Transformer"), ("1_Pooling", "Pooling")])
    modules = [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{kind}"} for i, (p, kind) in kinds]
    (tmp_path / "m3/1_Pooling").mkdir()
    (tmp_path / "m3/1_Pooling/config.json").write_text('{"word_embedding_dimension": 24, "pooling_mode_cls_token": true}')
    (tmp_path / "m3/modules.json").write_text(json.dumps(modules))
    model, whole = BGEM3FlagModel(str(tmp_path / "m3")), BGEM3FlagModel(str(models / "tiny-m3"))
    inputs = inputs_of(whole)
    for kind, values in whole.model(inputs, True, True, True).items():
        assert np.abs(values - model.model(inputs, True, True, True)[kind]).max() < 1e-6


def test_m3_model_inside_reads_safetensors_and_refuses_damage(models, tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: tiny-m3's heads are .pt files")
    save_file = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save_file
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    by_file = BGEM3FlagModel(str(models / "tiny-m3"))
    for name in ("sparse_linear", "colbert_linear"):
        save_file(torch.load(tmp_path / f"m3/{name}.pt", weights_only=True), tmp_path / f"m3/{name}.safetensors")
        (tmp_path / f"m3/{name}.pt").unlink()
    model = BGEM3FlagModel(str(tmp_path / "m3"))
    inputs = inputs_of(model)
    for kind, values in model.model(inputs, True, True, True).items():
        assert np.abs(values - by_file.model(inputs, True, True, True)[kind]).max() < 1e-6
    damaged = BGEM3FlagModel(str(tmp_path / "m3"))
    (tmp_path / "m3/sparse_linear.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(errors.CorruptData, match="sparse_linear.safetensors"):
        damaged.model(inputs, return_sparse=True)
    (tmp_path / "m3/sparse_linear.safetensors").unlink()
    with pytest.raises(errors.Unsupported, match="sparse_linear"):
        damaged.model(inputs, return_sparse=True)
    for damaged_bytes in (b"", b"PK\x03\x04", b"\x80\x02csystem\n.", (tmp_path / "m3/colbert_linear.safetensors").read_bytes()):
        (tmp_path / "m3/sparse_linear.pt").write_bytes(damaged_bytes)
        with pytest.raises(errors.CorruptData, match="sparse_linear.pt"):
            damaged.model(inputs, return_sparse=True)
    for tensors in ({"weight": torch.zeros(3)}, {"weight": torch.zeros(3), "bias": torch.zeros(1)}, {"weight": 1, "bias": 2}):
        torch.save(tensors, tmp_path / "m3/sparse_linear.pt")
        with pytest.raises(errors.CorruptData, match="sparse_linear"):
            damaged.model(inputs, return_sparse=True)
    # Neither what is larger than its storage, nor what nobody asks for, is made.
    vast = torch.zeros(1, dtype=torch.float16).expand(1 << 38)
    torch.save({"weight": vast.reshape(1, -1), "bias": torch.zeros(1)}, tmp_path / "m3/sparse_linear.pt")
    with pytest.raises(errors.CorruptData, match="does not fit its storage"):
        damaged.model(inputs, return_sparse=True)
    torch.save({"weight": torch.zeros(1, 24), "bias": torch.zeros(1), "other": vast}, tmp_path / "m3/sparse_linear.pt")
    assert not BGEM3FlagModel(str(tmp_path / "m3")).model.sparse_linear.weight.any()
    (tmp_path / "m3/sparse_linear.pt").unlink()
    (tmp_path / "outside.pt").write_bytes(b"")
    (tmp_path / "m3/sparse_linear.pt").symlink_to(tmp_path / "outside.pt")
    with pytest.raises(errors.InvalidArgument, match="leads out"):
        damaged.model(inputs, return_sparse=True)


@pytest.mark.oracle
def test_models_inside_as_the_references(models):
    reference = need("FlagEmbedding")
    torch = need("torch")
    real, ours = reference.FlagModel(str(models / "tiny-bert"), use_fp16=False), FlagModel(str(models / "tiny-bert"), use_fp16=False)
    inputs = inputs_of(real, "pt")
    mask = inputs["attention_mask"].bool()
    expected, found = real.model(**inputs).last_hidden_state, ours.model(**inputs_of(ours, "pt")).last_hidden_state
    assert torch.is_tensor(found) and (expected - found)[mask].abs().max() < 1e-5
    for method in ("cls", "mean"):
        real.pooling_method = ours.pooling_method = method
        a, b = real.pooling(expected, inputs["attention_mask"]), ours.pooling(found, inputs["attention_mask"])
        assert b.dtype == a.dtype and (a - b).abs().max() < 1e-5
    real = reference.BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, colbert_dim=16)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False)
    inputs = inputs_of(real, "pt")
    mask = inputs["attention_mask"].bool()
    kinds = {"return_dense": True, "return_sparse": True, "return_colbert_vecs": True}
    for settings in ({}, {"truncate_dim": 8}, {"return_sparse_embedding": True}):
        with torch.no_grad():
            expected = real.model(inputs, **kinds, **settings)
        found = ours.model(inputs_of(ours, "pt"), **kinds, **settings)
        assert list(found) == list(expected)
        for kind, values in expected.items():
            assert found[kind].shape == values.shape and found[kind].dtype == values.dtype
            off = (found[kind] - values).abs()
            off = off[mask] if kind == "sparse_vecs" and not settings.get("return_sparse_embedding") else off
            assert off.max() < 2e-5, kind
    assert np.abs(real.model.compute_dense_score(expected["dense_vecs"], expected["dense_vecs"])
                  - ours.model.compute_dense_score(found["dense_vecs"], found["dense_vecs"])).max() < 1e-5
    assert np.abs(real.model.compute_sparse_score(expected["sparse_vecs"], expected["sparse_vecs"])
                  - ours.model.compute_sparse_score(found["sparse_vecs"], found["sparse_vecs"])).max() < 1e-4
    a = real.model.compute_colbert_score(expected["colbert_vecs"], expected["colbert_vecs"], inputs["attention_mask"])
    b = ours.model.compute_colbert_score(found["colbert_vecs"], found["colbert_vecs"], inputs["attention_mask"])
    assert a.shape == b.shape
    rows = torch.isfinite(a)  # of an empty text with one token it is 0 / 0 or so
    assert (torch.isfinite(b) == rows).all() and (a - b)[rows].abs().max() < 1e-5
    for model in (real.model, ours.model):
        assert model.vocab_size == model.config.vocab_size and model.model.config.hidden_size
        assert tuple(model.colbert_linear(torch.zeros(2, model.config.hidden_size)).shape) == (2, 16)
    real, ours = reference.FlagReranker(str(models / "tiny-reranker")), FlagReranker(str(models / "tiny-reranker"))
    ids = real.tokenizer(["a b"], ["c d e"], return_tensors="pt")
    assert (real.model(**ids).logits - ours.model(**ids).logits).abs().max() < 1e-5
