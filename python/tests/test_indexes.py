"""Index, IndexWriter and IndexEditor as Python programs use them."""

import copy
import os
import pickle

import numpy as np
import pytest

import bgecpp
from bgecpp import Index, IndexEditor, IndexWriter, errors

ROWS = np.eye(3, 4, dtype=np.float32)


@pytest.fixture
def path(tmp_path):
    with IndexWriter(tmp_path / "index", 4) as writer:
        writer.add(["a", "b", "c"], ["A", "B", "C"], ROWS)
    return tmp_path / "index"


def test_blocks_commit_or_drop(path):
    with IndexEditor(path) as editor:
        editor.delete(["a"])
        assert "a" not in editor
    with pytest.raises(errors.InvalidArgument, match="its with block has ended: open it again"):
        editor.add(["d"], ["D"], ROWS[:1])
    with pytest.raises(KeyError), IndexEditor(path) as editor:
        editor.delete(["b"])
        raise KeyError
    editor = IndexEditor(path)  # the lock is free
    assert len(editor) == 2 and "b" in editor
    editor.close()
    editor.close()
    assert [hit["id"] for hit in Index(path).search(ROWS[2:])[0]] == ["c", "b"]
    with pytest.raises(KeyError), IndexWriter(path, 4) as writer:
        writer.add(["x"], ["X"], ROWS[:1])
        raise KeyError
    assert len(Index(path)) == 2 and sorted(os.listdir(path.parent)) == ["index"]


def test_an_index_is_copied_by_its_path(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    index = Index("index")
    monkeypatch.chdir("/")
    assert repr(index) == f"Index({str(path)!r}, 3 rows, dimension 4)"
    for other in (copy.copy(index), copy.deepcopy(index), pickle.loads(pickle.dumps(index))):
        assert type(other) is Index and other.search(ROWS) == index.search(ROWS)
    assert index.refresh() is None
    with IndexEditor(path) as editor:
        editor.delete(["a"])
    fresh = index.refresh()
    assert type(fresh) is Index and (len(index), len(fresh), len(pickle.loads(pickle.dumps(index)))) == (3, 2, 2)


def test_plain_mistakes_are_named(path):
    index, editor = Index(path), IndexEditor(path)
    one = "expected a float32 array of 2 dimensions, found float32 of shape (4,): for one vector give"
    for call, message in (
        (lambda: index.search(ROWS[0]), f"Index.search(): queries: {one} queries[None]"),
        (lambda: index.search("text"), "Index.search(): queries: expected a float32 array of 2 dimensions, found str"),
        (lambda: index.search(None), "Index.search(): queries: expected a float32 array of 2 dimensions, found NoneType"),
        (lambda: index.search([[1.0]]), "Index.search(): queries: expected a float32 array of 2 dimensions, found list: numpy.asarray(queries) makes one"),  # fmt: skip
        (lambda: index.search(ROWS, "3"), "Index.search(): top_k: expected int, found str '3'"),
        (lambda: Index(None), "Index(): path: expected a path, found None"),
        (lambda: IndexWriter(path, "4"), "IndexWriter(): dimension: expected int, found str '4'"),
        (lambda: IndexWriter(path, 4, metadata={"a": 1}), "IndexWriter(): metadata: expected a dict of str to str, found dict \"{'a': 1}\""),  # fmt: skip
        (lambda: editor.add(["x"], ["X"], [[1.0]]), "IndexEditor.add(): vectors: expected a float32 array of 2 dimensions, found list: numpy.asarray(vectors) makes one"),  # fmt: skip
        (lambda: editor.add(None, ["X"], ROWS[:1]), "IndexEditor.add(): ids: expected a str or an iterable of str, found None"),
        (lambda: 3 in editor, "IndexEditor.__contains__(): id: expected str, found int '3'"),
        (lambda: bgecpp.search_vectors(ROWS[0], ROWS), f"search_vectors(): queries: {one} queries[None]"),
        (lambda: bgecpp.vectors_above(ROWS, ROWS[0], 0.5), f"vectors_above(): rows: {one} rows[None]"),
        (lambda: bgecpp.colbert_score(ROWS[0], ROWS), f"colbert_score(): query: {one} query[None]"),
        (lambda: bgecpp.max_sim(ROWS, None), "max_sim(): passage: expected a float32 array of 2 dimensions, found NoneType"),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == message
    assert index.search(ROWS.astype(np.float64)) == index.search(ROWS)
