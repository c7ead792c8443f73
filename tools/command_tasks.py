"""Commands that write, for the tests that make them fail: what was there before, what is right after, what may lie about."""

import shutil

import index_kill_test
import kills
import pull_kill_test

M3 = kills.REPOSITORY / "tests/data/models/tiny-m3"


class Task:
    """One command. prepare() brings back what was there before."""

    name: str
    command: list
    environment: dict = {}

    def state(self):
        """"old" or "new"; an AssertionError where it is neither."""
        raise NotImplementedError

    def left(self):
        """Names of what should not be there."""
        raise NotImplementedError

    def check(self, ended):
        """Of a run that left nothing but what it should."""
        state = self.state()
        assert state == ("new" if ended else "old"), f"{self.name}: {state}, but the command {'ended' if ended else 'failed'}"
        assert not self.left(), f"{self.name}: {self.left()} left"


class Embed(Task):
    """Over an output that is there already."""

    def __init__(self, bge, folder, name, output, options=(), model=kills.MODEL):
        self.name = name
        self.folder = folder / name.replace(" ", "-")
        self.folder.mkdir()
        texts, self.output = self.folder / "texts.txt", self.folder / output
        texts.write_text("".join(f"text number {i} of words\n" for i in range(2000)))
        self.command = [bge, "embed", "--model", model, "--input", texts, "--threads", "2", "--output", self.output, *options]
        self.resumes = "--resume" in options
        kills.must(self.command)
        self.right = self.output.read_bytes()
        self.files = {path.name for path in self.folder.iterdir()}

    def prepare(self):
        for path in self.folder.iterdir():
            if path.name != "texts.txt":
                path.unlink()
        if not self.resumes:
            self.output.write_bytes(b"old")

    def state(self):
        found = self.output.read_bytes() if self.output.exists() else b""
        assert found in (self.right, b"" if self.resumes else b"old"), f"{self.name}: {len(found)} bytes that are neither old nor new"
        return "new" if found == self.right else "old"

    def left(self):
        # A run that is gone on with keeps what it has.
        parts = {f"{self.output.name}.part", f"{self.output.name}.part.json"} if self.resumes else set()
        return sorted({path.name for path in self.folder.iterdir()} - self.files - parts)


class Quantize(Task):
    """Into a new directory."""

    name = "quantize"

    def __init__(self, bge, folder):
        self.folder = folder / "quantize"
        self.folder.mkdir()
        self.output = self.folder / "out"
        self.command = [bge, "quantize", kills.MODEL, self.output, "--dtype", "int8"]
        kills.must(self.command)
        self.right = self.contents()

    def contents(self):
        return {path.relative_to(self.output): path.read_bytes() for path in self.output.rglob("*") if path.is_file()}

    def prepare(self):
        for path in self.folder.iterdir():
            shutil.rmtree(path)

    def state(self):
        found = self.contents()
        assert found in ({}, self.right) and self.output.exists() == bool(found), f"{self.name}: a part of the files"
        return "new" if found else "old"

    def left(self):
        return sorted(path.name for path in self.folder.iterdir() if path != self.output)


class Index(Task):
    """`index build` over an index, `index add`, `delete` or `compact`."""

    def __init__(self, bge, folder, name):
        self.name = f"index {name}"
        (folder / name).mkdir()
        self.writer = index_kill_test.Writer(bge, folder / name, 1)
        added = self.writer.write_corpus([f"n{i}" for i in range(300)])
        corpus = self.writer.corpus.rename(folder / name / "new.jsonl")
        self.old = self.writer.write_corpus([f"old{i}" for i in range(20)])
        self.gone = ["old3", "old7"]
        kept = {key: text for key, text in self.old.items() if key not in self.gone}
        if name == "compact":
            self.old = kept
        self.right = {"build": added, "add": self.old | added, "delete": kept, "compact": kept}[name]
        self.command = [bge, "index", name, self.writer.index]
        if name in ("build", "add"):
            self.command += ["--input", corpus, "--threads", "2"]
        if name == "build":
            self.command += ["--model", kills.MODEL]
        if name == "delete":
            self.command += self.gone
        self.kept = folder / name / "kept"
        self.writer.must(["build", self.writer.index, "--model", kills.MODEL, "--input", self.writer.corpus])
        if name == "compact":
            self.writer.must(["delete", self.writer.index, *self.gone])
        shutil.copytree(self.writer.index, self.kept)

    def prepare(self):
        shutil.rmtree(self.writer.index, ignore_errors=True)
        shutil.copytree(self.kept, self.writer.index)

    def state(self):
        found = index_kill_test.read_index(self.writer.index)
        if self.name == "index compact":
            assert index_kill_test.same(found, self.right)
            return "old" if b'"deleted"' in (self.writer.index / "manifest.json").read_bytes() else "new"
        for state, rows in (("new", self.right), ("old", self.old)):
            if index_kill_test.same(found, rows):
                return state
        raise AssertionError(f"{self.name}: neither the old texts nor the new ones")

    def left(self):
        files = sum(1 for _ in self.writer.index.iterdir())
        more = files - index_kill_test.expected_files(self.writer.index)
        return [f"{more} files"] if more else []


class Pull(Task):
    name = "pull"

    def __init__(self, bge, folder, hub, expected):
        self.cache = pull_kill_test.Cache(folder / "cache", expected, pull_kill_test.Python())
        self.command = [bge, "pull", pull_kill_test.REPO]
        self.environment = pull_kill_test.environment(hub, self.cache)

    def prepare(self):
        self.cache.forget()

    def state(self):
        try:
            self.cache.check(True)
            return "new"
        except (AssertionError, FileNotFoundError):
            self.cache.check(False)
            return "old"

    def left(self):
        return []


def embed_tasks(bge, folder):
    kinds = ["--return", "dense,sparse,colbert"]
    return [
        Embed(bge, folder, "embed npy", "vectors.npy"),
        Embed(bge, folder, "embed jsonl", "vectors.jsonl"),
        Embed(bge, folder, "embed npz", "vectors.npz", kinds, M3),
        Embed(bge, folder, "embed safetensors", "vectors.safetensors", kinds, M3),
    ]


def all_tasks(bge, folder, hub, expected):
    """hub, expected: of pull_kill_test."""
    return [
        *embed_tasks(bge, folder),
        Embed(bge, folder, "embed resume", "vectors.npy", ["--resume"]),
        Quantize(bge, folder),
        *(Index(bge, folder, name) for name in ("build", "add", "delete", "compact")),
        Pull(bge, folder, hub, expected),
    ]
