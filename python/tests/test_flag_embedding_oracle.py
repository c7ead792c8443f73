"""FlagEmbedding's classes beside the reference's own."""

import json
import queue
import shutil

import numpy as np
import pytest
from conftest import need
from flag_embedding_cases import COLBERT_PAIRS, EQUAL_TOKENS, M3_ALL, PAIRS, TEXTS, best_products, with_colbert_vectors_of_all_directions, with_equal_tokens

from bgecpp import BGEM3FlagModel, FlagModel, FlagReranker
from bgecpp.flag_embedding import compat


@pytest.mark.oracle
@pytest.mark.parametrize("model", ["tiny-bert", "tiny-roberta", "tiny-distilbert"])
@pytest.mark.parametrize("settings", [{}, {"pooling_method": "mean"}, {"normalize_embeddings": False}, {"truncate_dim": 8},
                                      {"truncate_dim": 8, "normalize_embeddings": False}, {"truncate_dim": -5}, {"truncate_dim": 0},
                                      {"query_instruction_for_retrieval": "Query: ", "query_instruction_format": "{}|{}"}])
def test_flag_model_as_the_reference(models, model, settings):
    real = need("FlagEmbedding").FlagModel(str(models / model), use_fp16=False, passage_max_length=64, query_max_length=32, **settings)
    ours = FlagModel(str(models / model), use_fp16=False, passage_max_length=64, query_max_length=32, **settings)
    for method in ("encode", "encode_queries", "encode_corpus"):
        expected, found = getattr(real, method)(TEXTS), getattr(ours, method)(TEXTS)
        assert found.shape == expected.shape and found.dtype == expected.dtype
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        assert np.abs(found - expected).max(initial=0) < 1e-5 * scale
        assert getattr(real, method)(TEXTS[0]).shape == getattr(ours, method)(TEXTS[0]).shape


# The defaults, too: weights that were rounded as they were read.
@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"use_bf16": True}, {"use_fp16": False}])
def test_rounded_weights_as_the_reference(models, settings):
    reference = need("FlagEmbedding")
    real, ours = reference.FlagModel(str(models / "tiny-bert"), **settings), FlagModel(str(models / "tiny-bert"), **settings)
    whole = FlagModel(str(models / "tiny-bert"), use_fp16=False).encode(TEXTS)
    expected, found = real.encode(TEXTS), ours.encode(TEXTS)
    assert found.dtype == expected.dtype == np.float32 and np.abs(found - expected).max() < 1e-5
    assert ("use_fp16" in settings) == (np.abs(found - whole).max() < 1e-5)
    real = reference.BGEM3FlagModel(str(models / "tiny-m3"), colbert_dim=16, **settings)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), **settings)
    expected, found = real.encode(TEXTS, **M3_ALL), ours.encode(TEXTS, **M3_ALL)
    assert np.abs(expected["dense_vecs"] - found["dense_vecs"]).max() < 2e-5
    for a, b in zip(expected["lexical_weights"], found["lexical_weights"]):
        assert list(a) == list(b) and all(abs(a[token] - b[token]) < 2e-5 for token in a)
    for a, b in zip(expected["colbert_vecs"], found["colbert_vecs"]):
        assert np.abs(a - b).max(initial=0) < 2e-5


@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"truncate_dim": 8}, {"query_instruction_for_retrieval": "find: "}])
def test_m3_as_the_reference(models, settings, compat_reset):
    # It scores whole vectors of texts without their instructions: test_m3_scores_are_of_what_encode_gives has ours.
    compat.scores_of_whole_vectors = compat.scores_without_instructions = True
    real = need("FlagEmbedding").BGEM3FlagModel(
        str(models / "tiny-m3"), use_fp16=False, passage_max_length=64, colbert_dim=16, **settings)
    ours = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, passage_max_length=64, **settings)
    expected, found = real.encode(TEXTS, **M3_ALL), ours.encode(TEXTS, **M3_ALL)
    assert np.abs(expected["dense_vecs"] - found["dense_vecs"]).max() < 2e-5
    for a, b in zip(expected["lexical_weights"], found["lexical_weights"]):
        assert list(a) == list(b), "the same tokens in the same order"
        assert all(abs(a[token] - b[token]) < 2e-5 for token in a)
    for a, b in zip(expected["colbert_vecs"], found["colbert_vecs"]):
        assert a.shape == b.shape and np.abs(a - b).max(initial=0) < 2e-5
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[4], TEXTS[0])]
    for weights in (None, [0.4, 0.2, 0.4]):
        a = real.compute_score(pairs, weights_for_different_modes=weights, max_passage_length=64, max_query_length=64)
        b = ours.compute_score(pairs, weights_for_different_modes=weights, max_passage_length=64, max_query_length=64)
        assert list(a) == list(b) and all(np.abs(np.array(a[kind]) - b[kind]).max() < 1e-5 for kind in a)


@pytest.mark.oracle
@pytest.mark.parametrize("settings", [{}, {"normalize": True}, {"max_length": 48}, {"max_length": 32, "query_max_length": 8}])
def test_reranker_as_the_reference(models, settings):
    real = need("FlagEmbedding").FlagReranker(str(models / "tiny-reranker"), max_length=64)
    ours = FlagReranker(str(models / "tiny-reranker"), max_length=64)
    # An empty passage: transformers 5 leaves it out of a pair that is no batch, and keeps it in a batch, as
    # transformers 4 does and this engine.
    pairs = [pair for pair in PAIRS if pair[1]]
    expected, found = real.compute_score(pairs, **settings), ours.compute_score(pairs, **settings)
    assert type(expected) is type(found) and np.abs(np.array(expected) - found).max() < 1e-5


@pytest.mark.oracle
def test_every_name_of_the_reference_is_there():
    import bgecpp.flag_embedding as ours

    real = need("FlagEmbedding")
    for name in ("FlagModel", "BGEM3FlagModel", "FlagReranker", "FlagAutoModel", "FlagAutoReranker"):
        have = set(dir(getattr(ours, name)))
        lacking = {method for method in dir(getattr(real, name)) if not method.startswith("_")} - have
        # Insides of the reference's classes, with torch tensors in and out.
        assert lacking <= {"get_model_torch_dtype", "compute_score_multi_process", "model_config"}, lacking


class Processes(dict):
    """A pool of the reference's whose workers are run here, when their results are asked for."""

    def __init__(self, model, worker, count):
        class Given(queue.Queue):
            def get(self):
                return super().get(block=False)  # queue.Empty ends the worker

        class Results(queue.Queue):
            def get(self):
                if self.empty():
                    worker("cpu", model, given, self)
                return super().get(block=False)

        given = Given()
        super().__init__(input=given, output=Results(), processes=[None] * count)


@pytest.mark.oracle
def test_pools_as_the_reference(models):
    """What reaches the workers: neither the constructor's lengths, nor its kinds of vectors, nor instructions."""
    reference = need("FlagEmbedding")
    texts = ["a b c d e f g h i j", "k l m", "n"]
    given = {"use_fp16": False, "devices": "cpu", "query_instruction_for_retrieval": "q: "}
    path = str(models / "tiny-bert")
    real, ours = (cls(path, passage_max_length=4, **given) for cls in (reference.FlagModel, FlagModel))
    for settings in ({}, {"max_length": 5}):
        expected = real.encode_multi_process(texts, Processes(real, real._encode_multi_process_worker, 2), **settings)
        found = ours.encode_multi_process(texts, {}, **settings)
        assert found.dtype == expected.dtype and np.abs(found - expected).max() < 1e-5
    given.update(query_max_length=4, passage_max_length=4, return_dense=False, return_sparse=True)
    path = str(models / "tiny-m3")
    real, ours = reference.BGEM3FlagModel(path, colbert_dim=16, **given), BGEM3FlagModel(path, **given)
    for settings in ({}, {"return_sparse": True, "max_length": 5}):
        expected = real.encode_multi_process(texts, Processes(real, real._encode_multi_process_worker, 2), **settings)
        found = ours.encode_multi_process(texts, {}, **settings)
        assert {kind for kind in found if found[kind] is None} == {kind for kind in expected if expected[kind] is None}
        assert np.abs(found["dense_vecs"] - expected["dense_vecs"]).max() < 2e-5
        if found["lexical_weights"]:
            assert [list(weights) for weights in found["lexical_weights"]] == [list(w) for w in expected["lexical_weights"]]
    pairs = [(texts[0], texts[0]), (texts[1], texts[0])]
    for settings in ({}, {"max_query_length": 5, "weights_for_different_modes": [1, 0.5, 0.25]}):
        expected = real.compute_score_multi_process(
            pairs, Processes(real, real._compute_score_multi_process_worker, 1), **settings)
        found = ours.compute_score_multi_process(pairs, {}, **settings)
        assert all(np.abs(np.array(found[kind]) - expected[kind]).max() < 2e-5 for kind in expected)
    path = str(models / "tiny-reranker")
    real, ours = (cls(path, devices=["cpu", "cpu"], max_length=16) for cls in (reference.FlagReranker, FlagReranker))
    real.pool = Processes(real, real._encode_multi_process_worker, 2)
    expected, found = real.compute_score(pairs), ours.compute_score(pairs)
    assert type(expected) is np.ndarray and type(found) is list and np.abs(expected - found).max() < 1e-5
    compat.array_of_several_devices = True
    try:
        array = ours.compute_score(pairs)
    finally:
        compat.array_of_several_devices = False
    assert type(array) is type(expected) and array.dtype == expected.dtype and array.shape == expected.shape
    real.pool = None


@pytest.mark.oracle
def test_the_last_weight_of_equal_tokens_is_the_references(models, tmp_path, compat_reset):
    path = with_equal_tokens(models, tmp_path)
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, use_fp16=False, colbert_dim=16), BGEM3FlagModel(path, use_fp16=False)
    compat.last_weight_of_equal_tokens = compat.unwrap_single_token_lists = True
    for weights in (EQUAL_TOKENS, [EQUAL_TOKENS], [EQUAL_TOKENS, {"5": 1.0}]):
        assert ours.convert_id_to_token(weights) == real.convert_id_to_token(weights)


@pytest.mark.oracle
def test_clamped_colbert_scores_are_the_references_of_padded_passages(models, tmp_path, compat_reset):
    torch = need("torch")
    path, head = with_colbert_vectors_of_all_directions(models, tmp_path)
    torch.save({name: torch.from_numpy(tensor) for name, tensor in head.items()}, tmp_path / "m3/colbert_linear.pt")
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, use_fp16=False, colbert_dim=16), BGEM3FlagModel(path, use_fp16=False)
    assert best_products(ours)[0].min() < -1e-3
    alone = [real.compute_score([pair])["colbert"][0] for pair in COLBERT_PAIRS]
    batch = real.compute_score(COLBERT_PAIRS)["colbert"]
    assert alone[0] < batch[0] - 1e-3  # which is what was mended
    assert ours.compute_score(COLBERT_PAIRS)["colbert"] == pytest.approx(alone, abs=2e-5)
    compat.clamp_colbert_scores = True
    assert ours.compute_score(COLBERT_PAIRS)["colbert"][0] == pytest.approx(batch[0], abs=2e-5)


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore:bgecpp computes on the CPU")
def test_half_results_as_the_reference(models, compat_reset):
    """Of dtypes: the reference computes in float16 on what is not named "cpu" exactly."""
    path = str(models / "tiny-m3")
    real = need("FlagEmbedding").BGEM3FlagModel(path, devices="cpu:0", colbert_dim=16)
    compat.numpy_lexical_weights = True
    expected, found = real.encode(TEXTS, **M3_ALL), BGEM3FlagModel(path, devices="cuda:0").encode(TEXTS, **M3_ALL)
    assert found["dense_vecs"].dtype == expected["dense_vecs"].dtype == np.float16
    assert [v.dtype for v in found["colbert_vecs"]] == [v.dtype for v in expected["colbert_vecs"]] == [np.float32] * len(TEXTS)
    for a, b in zip(found["lexical_weights"], expected["lexical_weights"]):
        assert {type(w) for w in a.values()} == {type(w) for w in b.values()}
        assert all(abs(float(a[token]) - float(b[token])) < 1e-2 for token in b)


@pytest.mark.oracle
def test_colbert_scores_as_the_reference(models):
    path = str(models / "tiny-m3")
    real, ours = need("FlagEmbedding").BGEM3FlagModel(path, colbert_dim=16), BGEM3FlagModel(path)
    a, b = (np.random.default_rng(i).normal(size=(3 + i, 16)) for i in range(2))
    for kind, most in ((np.float32, 1e-5), (np.float16, 1e-2), (np.float64, 1e-5)):
        expected, found = (model.colbert_score(a.astype(kind), b.astype(kind)) for model in (real, ours))
        assert type(found) is type(expected) and found.dtype == expected.dtype and found.shape == expected.shape
        assert abs(float(found) - float(expected)) < most


PAIR_TEXTS = [("a b c", "d"), "a text alone", ["one two", "three " * 200], ("x " * 300, "y")]


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("normalize", [True, False])
def test_pairs_poolings_and_lengths_are_the_references(models, tmp_path, normalize):
    """Pairs; a pooling that is set later; more columns than there are; a directory that asks for fewer."""
    real_class = need("FlagEmbedding").FlagModel
    given = {"use_fp16": False, "devices": "cpu", "normalize_embeddings": normalize}
    for name in ("tiny-bert", "tiny-roberta"):
        shutil.copytree(models / name, tmp_path / name)
        settings = tmp_path / name / "config_sentence_transformers.json"
        settings.write_text("{}")
        # It does not read the setting.
        real, asking = real_class(str(tmp_path / name), **given), [FlagModel(str(tmp_path / name), **given)]
        for truncate_dim in (10, 32):
            settings.write_text(json.dumps({"truncate_dim": truncate_dim}))
            asking.append(FlagModel(str(tmp_path / name), **given))
        for pooling in ("cls", "mean"):
            for cut in (None, 10, 1000):
                for texts in (["a b c", "d"], PAIR_TEXTS):
                    real.pooling_method, real.truncate_dim = pooling, cut
                    theirs = real.encode(texts, max_length=64)
                    for ours in asking:
                        ours.pooling_method, ours.truncate_dim = pooling, cut
                        mine = ours.encode(texts, max_length=64)
                        assert mine.shape == theirs.shape and np.abs(mine - theirs).max() < 1e-5


@pytest.mark.oracle
@pytest.mark.filterwarnings("ignore")
def test_m3_of_a_directory_that_asks_for_fewer_columns(models, tmp_path):
    real_class = need("FlagEmbedding").BGEM3FlagModel
    shutil.copytree(models / "tiny-m3", tmp_path / "m3")
    (tmp_path / "m3/config_sentence_transformers.json").write_text('{"truncate_dim": 5}')
    for cut in (None, 8, 1000):
        given = {"use_fp16": False, "devices": "cpu", "truncate_dim": cut, "colbert_dim": 16}
        ours, real = (cls(str(tmp_path / "m3"), **given) for cls in (BGEM3FlagModel, real_class))
        mine, theirs = (m.encode(["a b c", "d"])["dense_vecs"] for m in (ours, real))
        assert mine.shape == theirs.shape and np.abs(mine - theirs).max() < 1e-5
