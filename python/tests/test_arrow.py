"""Columns of Arrow, and the workers' shared models."""

import struct
import subprocess
import sys

import numpy as np
import pytest

from bgecpp import Embedder
from bgecpp._shared_model import embedder
from bgecpp.spark import default_packed_cache

TEXTS = ["one", "two words", "", "three words here"]


@pytest.fixture(scope="module")
def arrow():
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_columns_of_vectors(arrow, models):
    from bgecpp.arrow import encode, vectors

    model = Embedder(str(models / "tiny-bert"))
    expected = model.encode(TEXTS)
    column = encode(model, arrow.array(TEXTS))
    assert column.type == arrow.list_(arrow.float32(), expected.shape[1]) and len(column) == len(TEXTS)
    assert np.array_equal(vectors(column), expected)
    chunked = arrow.chunked_array([column[:1], column[1:]])
    assert np.array_equal(vectors(chunked), expected)
    assert np.array_equal(vectors(column[2:]), expected[2:])
    assert len(encode(model, arrow.array([], arrow.string()))) == 0
    assert len(encode(model, "one")) == 1
    assert np.abs(vectors(encode(model, TEXTS, truncate_dim=4)) - model.encode(TEXTS, truncate_dim=4)).max() == 0


def test_columns_of_categories(arrow, models):
    model = Embedder(str(models / "tiny-bert"))
    texts = [*TEXTS, TEXTS[1], TEXTS[0]]
    expected = model.encode(texts)
    plain = arrow.array(texts)
    for values in (arrow.string(), arrow.large_string(), arrow.string_view()):
        for places in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
            dictionary = arrow.array(TEXTS).cast(values)
            column = arrow.DictionaryArray.from_arrays(arrow.array([0, 1, 2, 3, 1, 0], places), dictionary)
            np.testing.assert_array_equal(model.encode(column), expected)
            np.testing.assert_array_equal(model.encode(column[3:]), expected[3:])
    chunks = arrow.chunked_array([plain.dictionary_encode()[:2], plain.dictionary_encode()[2:]])
    np.testing.assert_array_equal(model.encode(chunks), expected)
    with pytest.raises(ValueError, match=r"texts\[1\]: null"):
        model.encode(arrow.array(["a", None, "a"]).dictionary_encode())
    with pytest.raises(ValueError, match=r"texts\[2\]: null"):
        model.encode(arrow.DictionaryArray.from_arrays(arrow.array([1, 1, 0]), arrow.array([None, "a"])))
    wrong = arrow.DictionaryArray.from_arrays(arrow.array([0, 7]), arrow.array(["a"]), safe=False)
    with pytest.raises(ValueError, match="a place outside of the dictionary, at row 1"):
        model.encode(wrong)
    negative = arrow.DictionaryArray.from_arrays(arrow.array([0, -1]), arrow.array(["a"]), safe=False)
    with pytest.raises(ValueError, match="a place outside of the dictionary, at row 1"):
        model.encode(negative)


def test_categories_of_pandas_and_polars(arrow, models):
    from bgecpp import FlagModel, SentenceTransformer

    path = str(models / "tiny-bert")
    columns = []
    if pandas := _imported("pandas"):
        columns.append(pandas.Series(["b", "a", "b"]).astype("category"))
    if polars := _imported("polars"):
        columns += [polars.Series(["b", "a", "b"], dtype=polars.Categorical), polars.Series(["b", "a", "b"], dtype=polars.Enum(["a", "b"]))]
    if not columns:
        pytest.skip("neither pandas nor polars is installed")
    flag = FlagModel(path, query_instruction_for_retrieval="q: ")
    for encode in (Embedder(path).encode, SentenceTransformer(path).encode, FlagModel(path).encode, flag.encode_queries):
        for column in columns:
            np.testing.assert_array_equal(encode(column), encode(["b", "a", "b"]))


def _imported(name):
    try:
        return __import__(name)
    except ImportError:
        return None


def test_types_that_are_no_texts_are_named_in_words(arrow, models):
    model = Embedder(str(models / "tiny-bert"))
    for data, found in (
        (arrow.array([1, 2]), "found int64"),
        (arrow.array([None, None]), "found nulls alone"),
        (arrow.array([b"a"]), "found binary: decode it first"),
        (arrow.table({"a": ["x"]}), "found a table or structs: give one of its columns"),
        (arrow.array([["a"]]), "found lists: give their texts one after another"),
        (arrow.array([1, 1]).dictionary_encode(), "found int64"),
    ):
        with pytest.raises(TypeError, match=f"^texts: expected Arrow data of type string, .*, {found}$"):
            model.encode(data)


def test_rows_are_never_mixed(arrow):
    """A null or a list of another length would move the numbers of all rows behind it."""
    from bgecpp.arrow import vectors

    kinds = (arrow.list_(arrow.float32(), 2), arrow.list_(arrow.float32()), arrow.large_list(arrow.float32()))
    for kind in kinds:
        whole = arrow.array([[1, 2], [3, 4], [5, 6]], kind)
        assert vectors(whole).tolist() == [[1, 2], [3, 4], [5, 6]] and vectors(whole[1:]).tolist() == [[3, 4], [5, 6]]
        empty = arrow.array([], kind)
        assert vectors(empty).shape == (0, max(getattr(kind, "list_size", 0), 0)) and vectors(empty).dtype == np.float32
        assert len(vectors(arrow.chunked_array([], kind))) == 0
        assert vectors(arrow.chunked_array([empty, whole[:1], empty, whole[1:]])).tolist() == whole.to_pylist()
        for bad, row in (([[1, 2], None], 1), ([None, [1, 2]], 0), ([[1, 2], [3, None]], 1)):
            array = arrow.array(bad, kind)
            with pytest.raises(ValueError, match=f"row {row}: found a null"):
                vectors(array)
            with pytest.raises(ValueError, match=f"row {row + 3}: found a null"):
                vectors(arrow.chunked_array([whole, array]))
    for bad, row in (([[1, 2], [3], [4, 5, 6]], 1), ([[1, 2, 3], [4]], 1), ([[], [1]], 1), ([[1], [2], []], 2)):
        with pytest.raises(ValueError, match=f"row {row}: expected a list of"):
            vectors(arrow.array(bad, kinds[1]))
    with pytest.raises(ValueError, match="row 1: expected a list of 2 numbers, found 1"):
        vectors(arrow.chunked_array([arrow.array([[1, 2]], kinds[1]), arrow.array([[1]], kinds[1])]))
    for other in (arrow.array([1, 2]), arrow.array(["a"]), arrow.array([["a"]])):
        with pytest.raises(TypeError, match="lists of numbers"):
            vectors(other)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_columns_of_tables(models, name):
    library = pytest.importorskip(name, reason=f"{name} is not installed")
    model = Embedder(str(models / "tiny-bert"))
    expected = model.encode(TEXTS)
    assert np.abs(model.encode(library.Series(TEXTS)) - expected).max() < 1e-6
    assert np.abs(model.encode(library.DataFrame({"text": TEXTS})["text"]) - expected).max() < 1e-6


def test_one_model_for_each_process_and_setting(models):
    path = str(models / "tiny-bert")
    assert embedder(path, threads=1) is embedder(path, threads=1)
    assert embedder(path, threads=1) is not embedder(path, threads=2)


def test_the_default_cache_is_the_users_own(tmp_path, monkeypatch):
    import os
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = default_packed_cache()
    assert folder.startswith(str(tmp_path)) and os.stat(folder).st_mode & 0o777 == 0o700
    os.chmod(folder, 0o777)
    assert default_packed_cache() == ""
    os.rmdir(folder)
    os.symlink(tmp_path, folder)
    assert default_packed_cache() == ""


def test_sparks_workers_have_folders_of_their_own(models, tmp_path, monkeypatch):
    """The driver's user and temporary directory need not be a worker's."""
    import tempfile
    import types

    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    from bgecpp import _shared_model
    from bgecpp.spark import encode_udf

    modules = {name: types.ModuleType(name) for name in ("pyspark", "pyspark.sql.functions", "pyspark.sql.types")}
    modules["pyspark"].TaskContext = types.SimpleNamespace(get=lambda: None)
    modules["pyspark.sql.functions"].pandas_udf = lambda function, returned: function
    modules["pyspark.sql.types"].ArrayType = modules["pyspark.sql.types"].FloatType = lambda *of: None
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "driver"))
    encode = encode_udf(str(models / "tiny-bert"))
    asked = []
    real = _shared_model.embedder

    def embedder(model, **settings):
        asked.append(settings["packed_cache"])
        return real(model, **settings)

    monkeypatch.setattr(_shared_model, "embedder", embedder)
    for folder in ("worker", "shared"):
        (tmp_path / folder).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / folder))
        if folder == "shared":
            default_packed_cache()
            next((tmp_path / folder).iterdir()).chmod(0o777)
        (vectors,) = encode(iter([pandas.Series(["a", None])]))
        assert pandas.isna(vectors[1]) and len(vectors[0]) == 32
    assert asked[0].startswith(str(tmp_path / "worker")) and asked[1] == ""


def test_importing_loads_no_framework():
    program = (
        "import sys, bgecpp.arrow, bgecpp.spark, bgecpp.ray\n"
        "print([name for name in ('pyarrow', 'pandas', 'pyspark', 'ray', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr

def patched(arrow, array, find, replace):
    """The column as pyarrow reads it from a file in which some bytes are others."""
    batch = arrow.record_batch({"text": array})
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    data = sink.getvalue().to_pybytes()
    assert find in data
    return arrow.ipc.open_stream(data.replace(find, replace, 1)).read_all()["text"]


def offsets(*values):
    return np.array(values, np.int32).tobytes()


@pytest.mark.parametrize("bad", [(0, 24, 2_000_000_000, 2_000_000_001), (0, 24, 400, 401), (0, 24, 20, 72), (0, -24, 48, 72)])
def test_offsets_outside_of_the_data(arrow, models, bad):
    texts = patched(arrow, arrow.array(["hello world this is text"] * 3), offsets(0, 24, 48, 72), offsets(*bad))
    embedder = Embedder(str(models / "tiny-bert"))
    with pytest.raises(ValueError, match="malformed|Invalid|larger"):
        embedder.encode(texts)


@pytest.mark.parametrize("bad", [(24, 99999, 0), (24, -1, 0), (24, 0, 60), (24, 0, -1), (-5, 0, 0)])
def test_views_outside_of_their_buffers(arrow, models, bad):
    size, buffer, begin = bad
    texts = patched(arrow, arrow.array(["hello world this is text"] * 3, arrow.string_view()),
                    struct.pack("<i4sii", 24, b"hell", 0, 24), struct.pack("<i4sii", size, b"hell", buffer, begin))
    embedder = Embedder(str(models / "tiny-bert"))
    with pytest.raises(ValueError, match="malformed|Invalid"):
        embedder.encode(texts)


def test_capsules_that_have_been_taken(arrow, models):
    embedder = Embedder(str(models / "tiny-bert"))

    stream = arrow.chunked_array([["a", "b"]]).__arrow_c_stream__()
    arrow.ChunkedArray._import_from_c_capsule(stream)
    given = type("G", (), {"__arrow_c_stream__": lambda self, *_: stream})()
    with pytest.raises(ValueError, match="taken already"):
        embedder.encode(given)
    schema, array = arrow.array(["a", "b"]).__arrow_c_array__()
    arrow.Array._import_from_c_capsule(schema, array)
    given = type("G", (), {"__arrow_c_array__": lambda self, *_: (schema, array)})()
    with pytest.raises(ValueError, match="taken already"):
        embedder.encode(given)
