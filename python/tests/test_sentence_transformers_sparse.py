"""bgecpp.sentence_transformers' SparseEncoder without torch: its vectors, and texts whose tokens have weights of their own."""

import json

import numpy as np
import pytest
from sentence_transformers_cases import TEXTS, load, to_plain

from bgecpp import errors
from bgecpp.transformers import AutoModel


def test_sparse_vectors_say_what_they_are():
    model = load("SparseEncoder", "tiny-splade")
    vectors = model.encode(TEXTS)
    dense = np.asarray(to_plain(vectors), np.float32)
    assert dense.shape == (4, 288) == (4, model.get_embedding_dimension())
    counts = (dense != 0).sum(axis=1)
    found = model.sparsity(vectors)
    assert found["active_dims"] == pytest.approx(counts.mean())
    assert found["sparsity_ratio"] == pytest.approx(1 - counts.mean() / 288)
    tokens = model.decode(vectors, top_k=3)
    assert [len(row) for row in tokens] == np.minimum(counts, 3).tolist()
    assert tokens[0][0] == (
        model.tokenizer.convert_ids_to_tokens(int(dense[0].argmax())),
        pytest.approx(dense[0].max()),
    )
    shared = np.asarray(to_plain(model.intersection(vectors[0], vectors)))
    np.testing.assert_allclose(shared, dense[0] * dense, atol=1e-6)
    np.testing.assert_allclose(np.asarray(model.similarity(vectors, vectors)), dense @ dense.T, rtol=1e-5)
    limited = np.asarray(to_plain(model.encode(TEXTS, max_active_dims=4)))
    assert ((limited != 0).sum(axis=1) <= 4).all()
    for sparse in (True, False):
        rows = model.encode(TEXTS, convert_to_tensor=False, convert_to_sparse_tensor=sparse)
        assert len(rows) == 4 and all(row.ndim == 1 for row in rows)
        np.testing.assert_allclose(np.asarray(to_plain(rows)), dense, atol=1e-6)
    single = np.asarray(to_plain(model.encode(TEXTS[0])))
    np.testing.assert_allclose(single, dense[0], atol=1e-6)
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="positive integer"):
            model.encode(TEXTS, max_active_dims=wrong)
        with pytest.raises(ValueError, match="positive integer"):
            model.decode(vectors, top_k=wrong)


def test_queries_may_have_weights_of_their_own():
    model = load("SparseEncoder", "tiny-doc-sparse")
    assert model.get_model_kwargs() == ["task", "modality"]
    query, document = (np.asarray(to_plain(f(["the vector"]))) for f in (model.encode_query, model.encode_document))
    assert np.abs(query - document).max() > 1e-3


def test_weights_of_tokens_may_be_all(tmp_path):
    model = load("SparseEncoder", "tiny-static-sparse")
    assert repr(model[0]).startswith("SparseStaticEmbedding({'frozen': True}, dim=288, tokenizer=")
    assert model.transformers_model is None and model.config is None
    with pytest.raises(AttributeError, match="no transformer"):
        model.config = {}
    assert [len(row) for row in model.preprocess(["a fox"])["input_ids"].tolist()] == [2]
    assert [word for word, _ in model.decode(model.encode("a fox"))] == ["fox", "a"]
    assert len(model.decode(model.encode_document("a fox"))) == 4  # "a map of "
    model.save_pretrained(str(tmp_path / "saved"))
    again = type(model)(str(tmp_path / "saved"))
    assert again.decode(again.encode("a fox")) == model.decode(model.encode("a fox"))
    with pytest.raises(errors.Unsupported, match="no transformer"):
        AutoModel.from_pretrained(model.model_path)
    # Without a limit padding to it is none, as in transformers, and not a terabyte.
    config = json.loads((tmp_path / "saved/tokenizer_config.json").read_text())
    del config["model_max_length"]
    (tmp_path / "saved/tokenizer_config.json").write_text(json.dumps(config))
    endless = type(model)(str(tmp_path / "saved"))
    assert endless.max_seq_length == int(1e30)
    assert len(endless.tokenizer("a fox", padding="max_length")["input_ids"]) == 4
    long = " ".join(["a", "fox"] * 40)
    assert endless.preprocess([long])["input_ids"].shape == (1, 80)
    endless.max_seq_length = endless.max_seq_length
    model.max_seq_length = endless.max_seq_length
    assert model.max_seq_length == int(1e30)
    for any_model in (model, endless):
        assert any_model.preprocess([long])["input_ids"].shape == (1, 80)
    assert endless[0].modalities == ["text"] and endless[0].preprocess(["a fox"])["input_ids"].shape == (1, 2)
    endless.max_seq_length = 3
    assert endless.preprocess([long])["input_ids"].shape == (1, 3)
