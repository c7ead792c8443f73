"""FlagEmbedding's classes: what they give, and how they behave."""

import asyncio
import collections
import importlib.util
import json
import pickle
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from flag_embedding_cases import COLBERT_PAIRS, EQUAL_TOKENS, M3_ALL, PAIRS, TEXTS, best_products, with_colbert_vectors_of_all_directions, with_equal_tokens

from bgecpp import BGEM3FlagModel, FlagAutoModel, FlagAutoReranker, FlagModel, FlagReranker, _core
from bgecpp.flag_embedding import _m3, compat


def test_shapes(models):
    model = FlagModel(str(models / "tiny-bert"))
    dimension = model._engine.info["dimension"]
    for encode in (model.encode, model.encode_queries, model.encode_corpus, model.encode_single_device):
        assert encode("a").shape == (dimension,) and encode("a").dtype == np.float32
        assert encode(TEXTS).shape == (len(TEXTS), dimension)
        assert encode(iter(TEXTS)).shape[0] == len(TEXTS) if encode != model.encode_single_device else True
        assert encode([]).shape == (0, dimension)


def test_half_where_the_reference_gives_it(models):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = FlagModel(str(models / "tiny-bert"), devices=["cuda:0", "cuda:1"])
    assert model.target_devices == ["cuda:0", "cuda:1"]
    assert model.encode("a").dtype == np.float16
    assert FlagModel(str(models / "tiny-bert"), devices="cpu").encode("a").dtype == np.float32


def test_devices():
    assert FlagModel.get_target_devices(None) == ["cpu"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert FlagModel.get_target_devices(1) == ["cuda:1"]
        assert FlagModel.get_target_devices([0, 1]) == ["cuda:0", "cuda:1"]
    for wrong in ([], [1.5], {}, 1.5):
        with pytest.raises(ValueError):
            FlagModel.get_target_devices(wrong)


def test_a_device_that_is_not_there_warns_once(models):
    program = (
        "import warnings\nfrom bgecpp import FlagModel\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        f"    for _ in range(3): FlagModel({str(models / 'tiny-bert')!r}, devices='cuda:0', unknown=3)\n"
        "print([str(w.message) for w in caught])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.count("device 'cuda:0' is not used") == 1, done.stderr
    assert done.stdout.count("argument unknown") == 1


def test_instructions(models):
    path = str(models / "tiny-bert")
    model = FlagModel(path, query_instruction_for_retrieval="find: ", query_instruction_format="<{}>\\n{}",
                      passage_instruction_for_retrieval="doc", passage_instruction_format="{}: {}")
    plain = FlagModel(path)
    assert np.abs(model.encode_queries("a") - plain.encode("<find: >\na")).max() < 1e-6
    assert np.abs(model.encode_corpus(["a"]) - plain.encode(["doc: a"])).max() < 1e-6
    assert np.abs(model.encode("a") - plain.encode("a")).max() < 1e-6
    assert np.abs(model.encode("a", instruction="i", instruction_format="{}{}") - plain.encode("ia")).max() < 1e-6
    assert FlagModel.get_detailed_instruct("{}\\n{}", "a", "b") == "a\nb"


def test_encode_reads_no_file(models, monkeypatch):
    loaded = [
        FlagModel(str(models / "tiny-bert"), truncate_dim=8),
        BGEM3FlagModel(str(models / "tiny-m3"), return_sparse=True, return_colbert_vecs=True),
    ]
    for model in loaded:
        model.encode(TEXTS)
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr("os.open", None)
    for model in loaded:
        info = model._engine.info
        model.encode(TEXTS)
        model.encode_queries(TEXTS[0])
        assert model._engine.info == info and model._engine.info is not info


def test_columns_of_arrow_are_not_made_strs(models):
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from bgecpp.flag_embedding._abstract import InstructedColumn

    def made_strs(self):
        raise AssertionError("strs were made of a column")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(InstructedColumn, "__iter__", made_strs)
        model = FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q:")
        column = arrow.chunked_array([TEXTS[:2], TEXTS[2:]])
        assert np.array_equal(model.encode(column), model.encode(TEXTS))
        assert np.array_equal(model.encode(column, instruction="i "), model.encode(["i " + t for t in TEXTS]))
        assert np.array_equal(model.encode_queries(column), model.encode_queries(TEXTS))
        m3 = BGEM3FlagModel(str(models / "tiny-m3"), query_instruction_for_retrieval="q:", return_colbert_vecs=True)
        mine, theirs = m3.encode_queries(column), m3.encode_queries(TEXTS)
        assert np.array_equal(mine["dense_vecs"], theirs["dense_vecs"])
        assert all(map(np.array_equal, mine["colbert_vecs"], theirs["colbert_vecs"]))
    assert m3.encode_queries(column, return_sparse=True)["lexical_weights"] == (
        m3.encode_queries(TEXTS, return_sparse=True)["lexical_weights"])
    model.query_instruction_format = "<{}>\\n{}"  # what only a str can hold
    assert np.array_equal(model.encode_queries(column), model.encode_queries(TEXTS))


def test_a_null_is_never_a_text(models):
    """With an instruction or without: its place is named."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    encoders = [FlagModel(str(models / "tiny-bert")).encode, BGEM3FlagModel(str(models / "tiny-m3"), return_sparse=True).encode]
    columns = [arrow.chunked_array([["a", "b"], ["c", None]]), arrow.array(["a", "b", "c", None])]
    try:
        import pandas
    except ImportError:
        pass
    else:
        columns += [pandas.Series(["a", "b", "c", None], dtype=kind) for kind in ("str", "string", object)]
    settings = [{}, {"instruction": "i "}, {"instruction": "i ", "instruction_format": "{} {}"}]
    for encode in encoders:
        for given in settings:
            for column in columns:
                with pytest.raises(ValueError, match=r"texts\[3\]: null"):
                    encode(column, **given)


def test_what_is_no_text_is_refused_with_an_instruction_too(models):
    encode = FlagModel(str(models / "tiny-bert")).encode
    for given in ({}, {"instruction": "i "}, {"instruction": "i ", "instruction_format": "{} {}"}):
        for wrong in (None, 5, 0.5, b"a", {}):
            with pytest.raises(TypeError, match=rf"texts\[1\]: expected a str, found {type(wrong).__name__}"):
                encode(["a", wrong], **given)
    with pytest.raises(TypeError, match=r"texts\[1\]: expected a str, found tuple"):
        encode(["a", ("b", "c")], instruction="i ")  # there the text of the tuple
    reranker = FlagReranker(str(models / "tiny-reranker"), passage_instruction_for_rerank="p ")
    with pytest.raises(TypeError, match=r"sentence_pairs\[1\]: expected two texts, found str and NoneType"):
        reranker.compute_score([("a", "b"), ("c", None)])


def test_a_directory_that_leaves_out_instructions_does_not_here(models, tmp_path):
    """The reference does not read include_prompt: a mean is over the instruction too."""
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    shutil.copytree(models / "tiny-bert", tmp_path / "m", ignore=shutil.ignore_patterns("1_Pooling", "modules.json"))
    pooling = {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True, "include_prompt": False}
    (tmp_path / "m/1_Pooling").mkdir()
    (tmp_path / "m/1_Pooling/config.json").write_text(json.dumps(pooling))
    modules = enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])
    (tmp_path / "m/modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": p, "type": f"sentence_transformers.models.{kind}"} for i, (p, kind) in modules]))
    model = FlagModel(str(tmp_path / "m"), pooling_method="mean")
    assert model._engine.info["include_prompt"] is False
    expected = FlagModel(str(models / "tiny-bert"), pooling_method="mean").encode(["i " + text for text in TEXTS])
    for texts in (TEXTS, arrow.array(TEXTS)):
        assert np.abs(model.encode(texts, instruction="i ") - expected).max() < 1e-6


def test_a_truncate_dim_below_one_leaves_columns_out_from_the_end(models):
    path = str(models / "tiny-bert")
    whole = FlagModel(path, normalize_embeddings=False).encode(TEXTS)
    assert np.array_equal(FlagModel(path, normalize_embeddings=False, truncate_dim=-5).encode(TEXTS), whole[:, :-5])
    found = FlagModel(path, truncate_dim=-5).encode(TEXTS)
    assert np.abs(found - whole[:, :-5] / np.linalg.norm(whole[:, :-5], axis=1, keepdims=True)).max() < 1e-6
    assert FlagModel(path, truncate_dim=-5).encode(TEXTS[0]).shape == (whole.shape[1] - 5,)


def test_lengths(models):
    model = FlagModel(str(models / "tiny-bert"), query_max_length=4, passage_max_length=8)
    long = "a b c d e f g h i j k l m n"
    assert np.abs(model.encode_queries(long) - model.encode(long, max_length=4)).max() < 1e-6
    assert np.abs(model.encode(long) - model.encode_corpus(long)).max() < 1e-6
    assert np.abs(model.encode(long) - model.encode(long, max_length=64)).max() > 1e-4
    model.encode(long, max_length=10**6)  # the reference fails beyond its positions


def test_m3_outputs(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    only = model.encode(TEXTS)
    assert only["lexical_weights"] is None and only["colbert_vecs"] is None
    found = model.encode(TEXTS, **M3_ALL)
    assert found["dense_vecs"].shape[0] == len(found["lexical_weights"]) == len(found["colbert_vecs"]) == len(TEXTS)
    one = model.encode(TEXTS[0], **M3_ALL)
    assert one["dense_vecs"].ndim == 1 and one["colbert_vecs"].ndim == 2
    weights = one["lexical_weights"]
    assert isinstance(weights, collections.defaultdict) and weights["none"] == 0
    del weights["none"]
    assert all(isinstance(key, str) and isinstance(value, float) for key, value in weights.items())
    json.dumps(found["lexical_weights"])
    with pytest.raises(AssertionError, match="Must choose one or more"):
        model.encode(TEXTS, return_dense=False)
    assert model.encode([], **M3_ALL)["dense_vecs"].shape[0] == 0


def test_m3_tokens_and_compat(models, compat_reset):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    tokenizer = model._engine.tokenizer
    weights = {str(i): float(i) for i in range(5, 12)}
    named = model.convert_id_to_token(weights)
    assert named == {tokenizer.decode([int(i)], False): max(
        w for j, w in weights.items() if tokenizer.decode([int(j)], False) == tokenizer.decode([int(i)], False))
        for i in weights}
    assert model.convert_id_to_token([weights]) == [named]
    assert model.convert_id_to_token([weights, weights]) == [named, named]
    compat.unwrap_single_token_lists = True
    assert model.convert_id_to_token([weights]) == named
    compat.refuse_empty_lists = True
    with pytest.raises(IndexError):
        model.encode([])
    compat.numpy_lexical_weights = True
    one = model.encode("a b", return_sparse=True)["lexical_weights"]
    assert all(isinstance(value, np.floating) for value in one.values())


def test_m3_scores(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    found = model.encode(TEXTS, **M3_ALL)
    scores = model.compute_score([(TEXTS[0], TEXTS[1]), (TEXTS[0], TEXTS[0])], weights_for_different_modes=[0.4, 0.2, 0.4])
    assert list(scores) == ["colbert", "sparse", "dense", "sparse+dense", "colbert+sparse+dense"]
    assert abs(scores["dense"][0] - float(found["dense_vecs"][0] @ found["dense_vecs"][1])) < 1e-5
    lexical = model.compute_lexical_matching_score(found["lexical_weights"], found["lexical_weights"])
    assert lexical.shape == (len(TEXTS), len(TEXTS)) and abs(scores["sparse"][0] - lexical[0, 1]) < 1e-5
    assert abs(scores["colbert"][0] - float(model.colbert_score(found["colbert_vecs"][0], found["colbert_vecs"][1]))) < 1e-5
    single = model.compute_score((TEXTS[0], TEXTS[1]))
    assert isinstance(single["dense"], float)
    assert model.compute_score([]) == []
    with pytest.raises(ValueError):
        model.compute_score(PAIRS, weights_for_different_modes=[1, 2])
    with pytest.raises(ValueError):
        model.compute_lexical_matching_score({}, [])


@pytest.mark.filterwarnings("error:invalid value")
def test_lexical_scores_of_lists_are_those_of_dicts(models, monkeypatch):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    random = np.random.default_rng(0)

    def weights(count, number=float):
        """Whose sums depend on the order of additions."""
        return [
            {str(token): number(10.0 ** random.uniform(-9, 9)) for token in random.permutation(30)[:size]}
            for size in random.integers(0, 12, count)
        ]

    def compare(a, b):
        found = model.compute_lexical_matching_score(a, b)
        expected = np.array([[model.compute_lexical_matching_score(x, y) for y in b] for x in a])
        assert found.dtype == expected.dtype and found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
        return found

    for counts in ((60, 250), (250, 60), (16, 100), (1, 300), (0, 3), (3, 0)):
        compare(*map(weights, counts))
    scores = compare(weights(60), weights(250))
    assert (scores == 0).any() and len(np.unique(scores)) > 5000
    for number in (int, np.float32, np.float64):
        compare(weights(20, number), weights(120))
    compare([{"1": 0.5}] * 20, [{"2": 0.5}, {}] * 60)
    compare([{"1": float("inf"), "2": 1.0}] * 20, [{"1": 0.0, "2": float("nan")}, {"1": -1.0}] * 60)
    monkeypatch.setattr(_m3, "_lexical_score", None)  # long lists are not scored pair by pair
    assert model.compute_lexical_matching_score(weights(20), weights(120)).shape == (20, 120)


def test_reranker(models):
    reranker = FlagReranker(str(models / "tiny-reranker"))
    scores = reranker.compute_score(PAIRS)
    assert isinstance(scores, list) and all(isinstance(score, float) for score in scores)
    assert reranker.compute_score(PAIRS[0]) == pytest.approx([scores[0]], abs=1e-6)
    assert reranker.compute_score(list(PAIRS[0])) == pytest.approx([scores[0]], abs=1e-6)
    assert reranker.compute_score([]) == []
    normal = FlagReranker(str(models / "tiny-reranker"), normalize=True).compute_score(PAIRS)
    assert normal == pytest.approx([1 / (1 + np.exp(-score)) for score in scores], abs=1e-6)
    asked = FlagReranker(str(models / "tiny-reranker"), query_instruction_for_rerank="A: ", passage_instruction_for_rerank="B: ")
    assert asked.compute_score([("q", "p")]) == pytest.approx(reranker.compute_score([("A: q", "B: p")]), abs=1e-6)


def test_several_devices_give_a_list_of_scores_or_an_array(models, compat_reset):
    path = str(models / "tiny-reranker")
    one, several = FlagReranker(path, devices="cpu"), FlagReranker(path, devices=["cpu", "cpu"])
    scores = several.compute_score(PAIRS)
    assert type(scores) is list and scores == one.compute_score(PAIRS)
    compat.array_of_several_devices = True
    array = several.compute_score(PAIRS)
    assert isinstance(array, np.ndarray) and array.dtype == np.float64 and array.tolist() == scores
    assert type(one.compute_score(PAIRS)) is list
    # Of this the reference says that it gives an array.
    assert np.array_equal(several.encode_multi_process(PAIRS, several.start_multi_process_pool()), array)


def test_m3_takes_its_arguments_in_the_references_order(models):
    model = BGEM3FlagModel(str(models / "tiny-m3"))
    for encode in (model.encode, model.encode_queries, model.encode_corpus):
        found = encode(["a text"], 12, 32, False, True, True)
        assert found["dense_vecs"] is None and len(found["lexical_weights"]) == len(found["colbert_vecs"]) == 1
    scores = model.compute_score_single_device(PAIRS, 4, 32, 32, [1, 0, 0], "cpu")
    assert scores == model.compute_score_multi_process(
        PAIRS, {}, max_query_length=32, max_passage_length=32, weights_for_different_modes=[1, 0, 0]
    )


def test_pools_are_accepted(models):
    model = FlagModel(str(models / "tiny-bert"))
    pool = model.start_multi_process_pool()
    assert np.abs(model.encode_multi_process(TEXTS, pool, batch_size=2) - model.encode(TEXTS)).max() < 1e-6
    model.stop_multi_process_pool(pool)
    model.stop_self_pool()


def test_pools_and_single_devices_have_defaults_of_their_own(models):
    """The constructor's count in encode and compute_score alone, as in the reference."""
    long = "a b c d e f g h i j k l m n"
    model = FlagModel(str(models / "tiny-bert"), passage_max_length=4)
    whole = FlagModel(str(models / "tiny-bert")).encode([long])
    assert np.array_equal(model.encode_multi_process([long], {}), whole)
    assert np.array_equal(model.encode_single_device([long]), whole) and not np.array_equal(model.encode([long]), whole)
    m3 = BGEM3FlagModel(
        str(models / "tiny-m3"), query_max_length=4, passage_max_length=4, return_dense=False, return_sparse=True,
        query_instruction_for_retrieval="q: ")
    for found in (m3.encode_single_device([long]), m3.encode_multi_process([long], {})):
        assert found["dense_vecs"].shape[0] == 1 and found["lexical_weights"] is None and found["colbert_vecs"] is None
    assert m3.encode([long])["dense_vecs"] is None and len(m3.encode([long])["lexical_weights"]) == 1
    plain = BGEM3FlagModel(str(models / "tiny-m3")).compute_score([(long, long + " o")])
    assert m3.compute_score_multi_process([(long, long + " o")], {}) == plain
    assert m3.compute_score_single_device([(long, long + " o")]) == plain
    assert m3.compute_score([(long, long + " o")]) != plain


def test_awaited_methods(models):
    model = FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q: ", passage_max_length=4)
    m3 = BGEM3FlagModel(str(models / "tiny-m3"), query_instruction_for_retrieval="q: ")
    reranker = FlagReranker(str(models / "tiny-reranker"))

    async def run():
        for name in ("encode", "encode_queries", "encode_corpus"):
            assert np.array_equal(await getattr(model, f"a{name}")(TEXTS), getattr(model, name)(TEXTS))
            found = await getattr(m3, f"a{name}")(TEXTS, return_sparse=True)
            assert found["lexical_weights"] == getattr(m3, name)(TEXTS, return_sparse=True)["lexical_weights"]
        assert await m3.acompute_score(PAIRS) == m3.compute_score(PAIRS)
        assert await reranker.acompute_score(PAIRS, normalize=True) == reranker.compute_score(PAIRS, normalize=True)

    asyncio.run(run())


def test_colbert_scores_are_tensors_where_torch_is_installed(models):
    """In a process that has not imported it, as in one that has; in those of other tests it is."""
    program = (
        "import sys, numpy as np\nfrom bgecpp import BGEM3FlagModel\n"
        f"model = BGEM3FlagModel({str(models / 'tiny-m3')!r})\n"
        "vectors = np.array([[0.6, 0.8], [1, 0]], np.float32)\n"
        "assert 'torch' not in sys.modules\n"
        "for kind in (np.float32, np.float16):\n"
        "    score = model.colbert_score(vectors.astype(kind), vectors.astype(kind))\n"
        "    print(type(score).__module__, type(score).__name__, getattr(score, 'dtype', ''), round(float(score), 2))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    installed = importlib.util.find_spec("torch") is not None
    expected = ["torch Tensor torch.float32 1.0", "torch Tensor torch.float16 1.0"] if installed else ["builtins float  1.0"] * 2
    assert done.stdout.splitlines() == expected, done.stderr


def test_the_largest_or_the_last_weight_of_equal_tokens(models, tmp_path, compat_reset):
    model = BGEM3FlagModel(with_equal_tokens(models, tmp_path))
    assert model.tokenizer.convert_ids_to_tokens([29, 5]) == ["\u2581!", "!"]
    assert model.convert_id_to_token(EQUAL_TOKENS) == {"!": 0.75, '"': 0.5}
    compat.last_weight_of_equal_tokens = True
    assert model.convert_id_to_token(EQUAL_TOKENS) == {"!": 0.25, '"': 0.5}


def test_colbert_scores_are_clamped_where_it_is_asked_for(models, tmp_path, compat_reset):
    model = BGEM3FlagModel(with_colbert_vectors_of_all_directions(models, tmp_path)[0])
    best = best_products(model)
    assert best[0].min() < -1e-3
    for clamp in (False, True):
        compat.clamp_colbert_scores = clamp
        alone = [model.compute_score(pair)["colbert"] for pair in COLBERT_PAIRS]
        for found in (model.compute_score(COLBERT_PAIRS)["colbert"], alone):
            assert found == pytest.approx([np.mean(b.clip(0) if clamp else b) for b in best], abs=1e-5)


def test_m3_scores_are_of_what_encode_gives(models, compat_reset):
    """With instructions, and cut to truncate_dim; compat gives the reference's, which are of neither."""
    given = {"query_instruction_for_retrieval": "find", "query_instruction_format": "{}: {}",
             "passage_instruction_for_retrieval": "doc ", "truncate_dim": 8}
    model, plain = BGEM3FlagModel(str(models / "tiny-m3"), **given), BGEM3FlagModel(str(models / "tiny-m3"))
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[4], TEXTS[0])]
    queries = model.encode_queries([pair[0] for pair in pairs], **M3_ALL)
    passages = model.encode_corpus([pair[1] for pair in pairs], **M3_ALL)
    scores = model.compute_score(pairs)
    assert queries["dense_vecs"].shape == (2, 8)
    for i in range(2):
        assert scores["dense"][i] == pytest.approx(float(queries["dense_vecs"][i] @ passages["dense_vecs"][i]), abs=1e-5)
        assert scores["sparse"][i] == pytest.approx(
            model.compute_lexical_matching_score(queries["lexical_weights"][i], passages["lexical_weights"][i]), abs=1e-5)
        assert scores["colbert"][i] == pytest.approx(
            float(model.colbert_score(queries["colbert_vecs"][i], passages["colbert_vecs"][i])), abs=1e-5)
    assert model.compute_score(pairs[1])["dense"] == pytest.approx(scores["dense"][1], abs=1e-6)
    assert model.compute_score([]) == []
    compat.scores_of_whole_vectors = True
    instructed = [(f"find: {query}", f"doc {passage}") for query, passage in pairs]
    assert model.compute_score(pairs) == plain.compute_score(instructed) != scores
    compat.scores_without_instructions = True
    assert model.compute_score(pairs) == plain.compute_score(pairs) != plain.compute_score(instructed)
    assert model.compute_score(pairs[0]) == plain.compute_score(pairs[0])
    compat.scores_of_whole_vectors = False
    assert model.compute_score(pairs) == BGEM3FlagModel(str(models / "tiny-m3"), truncate_dim=8).compute_score(pairs)


@pytest.mark.filterwarnings("ignore:bgecpp computes on the CPU")
def test_lexical_weights_are_half_where_the_reference_has_them_so(models, compat_reset):
    path = str(models / "tiny-m3")
    half, single = BGEM3FlagModel(path, devices="cuda:0"), BGEM3FlagModel(path, devices="cuda:0", use_fp16=False)
    kinds = [
        (half.encode(TEXTS, return_sparse=True), np.float16),
        (half.encode_single_device(TEXTS, return_sparse=True, device="cpu"), np.float32),
        (BGEM3FlagModel(path).encode_single_device(TEXTS, return_sparse=True, device="cuda:0"), np.float16),
        (single.encode(TEXTS, return_sparse=True), np.float32),
        (BGEM3FlagModel(path, devices="cuda:0", use_bf16=True).encode(TEXTS, return_sparse=True), np.float32),
    ]
    for found, dtype in kinds:
        assert found["dense_vecs"].dtype == dtype
        assert {type(w) for weights in found["lexical_weights"] for w in weights.values()} == {float}
    compat.numpy_lexical_weights = True
    # Of the same model, whose weights use_fp16 rounds.
    exact = half.encode_single_device(TEXTS, return_sparse=True, device="cpu")["lexical_weights"]
    assert {type(w) for weights in exact for w in weights.values()} == {np.float32}
    found = half.encode(TEXTS, return_sparse=True)["lexical_weights"]
    assert [list(weights) for weights in found] == [list(weights) for weights in exact]
    for a, b in zip(found, exact):
        assert all(type(a[token]) is np.float16 and a[token] == np.float16(b[token]) for token in b)


def test_pickle(models):
    for model in (FlagModel(str(models / "tiny-bert"), query_instruction_for_retrieval="q: "), BGEM3FlagModel(str(models / "tiny-m3"))):
        again = pickle.loads(pickle.dumps(model))
        a, b = model.encode_queries(["a"]), again.encode_queries(["a"])
        assert np.array_equal(a["dense_vecs"] if isinstance(a, dict) else a, b["dense_vecs"] if isinstance(b, dict) else b)
    reranker = FlagReranker(str(models / "tiny-reranker"))
    assert pickle.loads(pickle.dumps(reranker)).compute_score(PAIRS) == reranker.compute_score(PAIRS)


def test_auto_classes(models, tmp_path):
    for name, model, kind, pooling in [
        ("bge-small-en-v1.5", "tiny-bert", FlagModel, "cls"), ("e5-base-v2", "tiny-bert", FlagModel, "mean"),
        ("bge-m3", "tiny-m3", BGEM3FlagModel, "cls"),
    ]:
        link = tmp_path / name
        link.symlink_to(models / model)
        for path in (str(link), f"{link}/"):
            found = FlagAutoModel.from_finetuned(path)
            assert type(found) is kind and found.pooling_method == pooling
    (tmp_path / "multilingual-e5-large-instruct" ).mkdir()
    inner = tmp_path / "multilingual-e5-large-instruct/checkpoint-30"
    inner.symlink_to(models / "tiny-bert")
    found = FlagAutoModel.from_finetuned(str(inner))
    assert found.query_instruction_format == "Instruct: {}\nQuery: {}"
    assert type(FlagAutoModel.from_finetuned(str(models / "tiny-bert"), model_class="encoder-only-base")) is FlagModel
    with pytest.raises(ValueError, match="not in the table"):
        FlagAutoModel.from_finetuned(str(models / "tiny-bert"))
    with pytest.raises(EnvironmentError):
        FlagAutoModel()
    link = tmp_path / "bge-reranker-base"
    link.symlink_to(models / "tiny-reranker")
    assert type(FlagAutoReranker.from_finetuned(str(link))) is FlagReranker
    with pytest.raises(ValueError, match="not in the table"):
        FlagAutoReranker.from_finetuned("no-such-reranker")


def test_unmodified_programs_get_these_classes(models, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom FlagEmbedding import FlagModel\nfrom FlagEmbedding.inference import FlagReranker\n"
        "print(FlagModel.__module__, FlagReranker.__module__, FlagModel(sys.argv[1]).encode('a').ndim)\n"
    )
    done = subprocess.run([sys.executable, "-m", "bgecpp.run", str(program), str(models / "tiny-bert")], capture_output=True, text=True)
    assert done.stdout.split() == ["bgecpp.flag_embedding._embedder", "bgecpp.flag_embedding._reranker", "1"], done.stderr


def test_weights_are_rounded_unless_the_program_says_how_to_compute(models):
    path = str(models / "tiny-bert")
    whole, half = _core.Embedder(path), _core.Embedder(path, round_weights="f16")
    texts = ["a text", "another one"]
    assert np.array_equal(FlagModel(path).encode(texts), half.encode(texts))
    assert np.array_equal(FlagModel(path, use_fp16=False).encode(texts), whole.encode(texts))
    assert np.array_equal(FlagModel(path, dtype="f32").encode(texts), whole.encode(texts))
    assert 0 < np.abs(half.encode(texts) - whole.encode(texts)).max() < 1e-3
    assert np.array_equal(pickle.loads(pickle.dumps(half)).encode(texts), half.encode(texts))
    with pytest.raises(ValueError, match="round_weights"):
        _core.Embedder(path, round_weights="f8")


def test_a_pooling_that_there_is_not(models):
    model = FlagModel(str(models / "tiny-bert"))
    model.pooling_method = "max"
    with pytest.raises(NotImplementedError, match="give cls or mean"):
        model.encode(["a"])
    model.pooling_method = "mean"
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.encode(["a b"]), model.encode(["a b"]))
    for wrong in ([("a", "b", "c")], [("a",)], [5]):
        with pytest.raises(TypeError, match=r"\[0\]"):
            model.encode(wrong)


def test_pairs_that_are_none_are_named(models):
    model = FlagReranker(str(models / "tiny-bert-reranker"))
    pair = ("a", "b")
    for wrong in ({"query": "a", "passage": "b"}, ("a",), "ab", None, 5):
        with pytest.raises(ValueError, match=r"sentence_pairs\[1\]: expected a query and a passage"):
            model.compute_score([pair, wrong])
    assert model.compute_score([("a", "b", "c")]) == model.compute_score([pair])
    with pytest.raises(ValueError, match="max_length out of range: found 3"):
        model.compute_score([pair], max_length=3)


def test_weights_that_sum_to_zero_divide_by_it(models, recwarn):
    model = BGEM3FlagModel(str(models / "tiny-m3"), use_fp16=False, devices="cpu")
    scores = model.compute_score([["hello there", "hello world"], ["a", "b"]], weights_for_different_modes=[1, -1, 0])
    for name in ("sparse+dense", "colbert+sparse+dense"):
        assert [abs(value) for value in scores[name]] == [np.inf, np.inf]
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]
