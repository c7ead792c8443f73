"""install(), and bgecpp.run: names that lead to this package, and what they leave to the real ones."""

from __future__ import annotations

import os
import py_compile
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import need


def python(code: str, *arguments: str, path: Path | None = None, cwd: Path | None = None) -> str:
    """What a program prints that runs in a process of its own; it must end well within a minute."""
    places = [str(path)] if path is not None else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places + [p for p in sys.path if p])}
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The real package's code imports its parts while another thread imports one of these and, through the stand-in, the
# package: whichever comes first, importlib's locks see it.
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.35, 0.5, 0.7])
def test_threads_that_import_each_others_modules(tmp_path: Path, seconds: float) -> None:
    package = tmp_path / "sentence_transformers"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import time\nclass RealAttr: pass\ntime.sleep(0.4)\nfrom . import realthing\nclass Late: pass\n"
    )
    (package / "realthing.py").write_text("import time\ntime.sleep(0.3)\nfrom sentence_transformers import RealAttr\n")
    program = f"""
import faulthandler, threading, time
import bgecpp
bgecpp.install()
import sentence_transformers
faulthandler.dump_traceback_later(50, exit=True)
def attribute():
    sentence_transformers.RealAttr
    print("a\\n", end="")
def module():
    import sentence_transformers.realthing
    print("m\\n", end="")
threads = [threading.Thread(target=attribute), threading.Thread(target=module)]
threads[0].start()
time.sleep({seconds})
threads[1].start()
for thread in threads:
    thread.join()
assert sentence_transformers.RealAttr is sentence_transformers.realthing.RealAttr
sentence_transformers.Late
"""
    assert sorted(python(program, path=tmp_path).split()) == ["a", "m"]


def test_a_real_package_that_fails_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "sentence_transformers").mkdir()
    (tmp_path / "sentence_transformers/__init__.py").write_text(
        "import os\nif os.environ.get('FAILS'): raise RuntimeError('broken')\nLate = 5\n"
    )
    program = """
import os
import bgecpp
bgecpp.install()
import sentence_transformers
os.environ["FAILS"] = "1"
try:
    sentence_transformers.Late
except RuntimeError as error:
    print(error)
del os.environ["FAILS"]
print(sentence_transformers.Late)
bgecpp.uninstall()
import sys
import zipfile
print([n for n in sys.modules if "sentence_transformers" in n and not n.startswith("bgecpp.")])
"""
    assert python(program, path=tmp_path).splitlines() == ["broken", "5", "[]"]


MODULES = """
import sys
import zipfile
import bgecpp
bgecpp.install()
import FlagEmbedding, fastembed, sentence_transformers
for package, ours in (FlagEmbedding, "flag_embedding"), (fastembed, "fastembed"), (sentence_transformers, None):
    assert package.__file__.endswith(f"bgecpp/{ours or package.__name__}/__init__.py"), package.__file__
from FlagEmbedding.inference.auto_embedder import FlagAutoModel
from FlagEmbedding.inference.auto_reranker import FlagAutoReranker
from FlagEmbedding.inference.embedder import EmbedderModelClass
from FlagEmbedding.inference.embedder.encoder_only import BGEM3FlagModel, FlagModel
from FlagEmbedding.inference.embedder.encoder_only.base import BaseEmbedder
from FlagEmbedding.inference.embedder.encoder_only.m3 import M3Embedder
from FlagEmbedding.inference.embedder.model_mapping import EmbedderModelClass as SameClass
from FlagEmbedding.inference.reranker import FlagReranker, RerankerModelClass
from FlagEmbedding.inference.reranker.encoder_only.base import BaseReranker
assert FlagModel is BaseEmbedder is bgecpp.FlagModel and BGEM3FlagModel is M3Embedder is bgecpp.BGEM3FlagModel
assert FlagReranker is BaseReranker is bgecpp.FlagReranker and FlagAutoModel is bgecpp.FlagAutoModel
assert EmbedderModelClass is SameClass is bgecpp.EmbedderModelClass
assert "torch" not in sys.modules
from FlagEmbedding.abc.inference import AbsEmbedder, AbsReranker
assert issubclass(FlagModel, AbsEmbedder) and issubclass(M3Embedder, AbsEmbedder) and issubclass(BaseReranker, AbsReranker)
assert not issubclass(FlagReranker, AbsEmbedder)
"""


def test_modules_of_flag_embedding() -> None:
    python(MODULES)


@pytest.mark.oracle
def test_real_classes_of_flag_embedding_beside_them() -> None:
    pytest.importorskip("FlagEmbedding", reason="FlagEmbedding is not installed")
    program = """
from FlagEmbedding import FlagLLMModel, LayerWiseFlagLLMReranker
assert not FlagLLMModel.__module__.startswith("bgecpp") and issubclass(FlagLLMModel, AbsEmbedder)
assert issubclass(LayerWiseFlagLLMReranker, AbsReranker) and not AbsEmbedder.__module__.startswith("bgecpp")
from FlagEmbedding.inference.embedder.model_mapping import support_model_list
assert "bge-m3" in support_model_list()
bgecpp.uninstall()
import FlagEmbedding
assert not FlagEmbedding.FlagModel.__module__.startswith("bgecpp")
"""
    python(MODULES + program)


@pytest.mark.oracle
def test_trainers_refuse_these_models(models: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    program = """
import sys
import zipfile
import bgecpp
bgecpp.install()
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
try:
    SentenceTransformerTrainer(model=SentenceTransformer(sys.argv[1]))
except NotImplementedError as error:
    print(error)
"""
    assert "train one of sentence-transformers itself" in python(program, str(models / "tiny-bert"))


# bgecpp.run


def run(*arguments: str, cwd: Path, stdin: str = "", flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, *flags, "-m", "bgecpp.run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, input=stdin, env=environment, cwd=cwd)


SHOW = "import sys, fastembed; print(fastembed.TextEmbedding.__module__, __name__, sys.argv, repr(sys.path[0]))"


def test_run_is_as_python_is(tmp_path: Path) -> None:
    """argv and the first place of sys.path of each way to name a program are Python's own."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/program.py").write_text(SHOW)
    for arguments, stdin in (
        (["folder/program.py", "a", "-c"], ""),
        (["-m", "folder.program", "a"], ""),
        (["-c", SHOW, "a", "-m"], ""),
        (["-", "a"], SHOW),
    ):
        ours = run(*arguments, cwd=tmp_path, stdin=stdin)
        assert ours.returncode == 0, ours.stderr
        expected = SHOW.replace("fastembed.TextEmbedding.__module__", "'x'").replace(", fastembed", "")
        (tmp_path / "folder/program.py").write_text(expected)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        command = [sys.executable, *(expected if a == SHOW else a for a in arguments)]
        text = expected if stdin else ""
        theirs = subprocess.run(command, capture_output=True, text=True, input=text, cwd=tmp_path, env=environment)
        (tmp_path / "folder/program.py").write_text(SHOW)
        assert ours.stdout == theirs.stdout.replace("x ", "bgecpp.fastembed.text.text_embedding ", 1)


MAIN = """
import sys
import zipfile
names = vars(sys.modules["__main__"])
for name in ("__name__", "__file__", "__package__", "__spec__", "__cached__"):
    print(name, names.get(name, "none"))
print(type(names["__loader__"]).__name__, sys.argv, sys.path[0])
"""


def test_the_main_module_is_as_python_makes_it(tmp_path: Path) -> None:
    for name in ("program.py", "package/__main__.py", "package/module.py", "folder/__main__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MAIN)
    (tmp_path / "package/__init__.py").touch()
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", MAIN)
    py_compile.compile(str(tmp_path / "program.py"), str(tmp_path / "compiled.pyc"))
    programs = ["program.py"], ["folder"], ["archive.zip"], ["compiled.pyc"], ["-m", "package"], ["-m", "package.module"]
    for arguments in (*programs, ["-m", "program", "an argument"]):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        theirs = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert theirs.returncode == 0, theirs.stderr
        ours = run(*arguments, cwd=tmp_path)
        assert re.sub("0x[0-9a-f]+", "", ours.stdout) == re.sub("0x[0-9a-f]+", "", theirs.stdout)
    done = run("-m", "package.absent", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("bge: error: no module named package.absent"), done.stderr


AFTER_THE_LAST_LINE = """
import atexit, pickle, threading, time

class Job:
    pass

def work():
    time.sleep(0.3)
    print(type(pickle.loads(pickle.dumps(Job()))) is Job)

atexit.register(lambda: print(__import__("__main__").Job is Job))
threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("arguments", [("program.py",), ("-m", "program"), ("-c", AFTER_THE_LAST_LINE)], ids=["file", "module", "code"])
def test_the_main_module_stays_when_its_last_line_has_run(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "program.py").write_text(AFTER_THE_LAST_LINE)
    done = run(*arguments, cwd=tmp_path)
    assert done.stdout == "True\nTrue\n", done.stderr


CHILDREN = """
import multiprocessing, subprocess, sys
from concurrent.futures import ProcessPoolExecutor

def where(_):
    import fastembed
    from sentence_transformers import SentenceTransformer
    return fastembed.TextEmbedding.__module__, SentenceTransformer.__module__

if __name__ == "__main__":
    for method in ("spawn", "forkserver", "fork"):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            print(method, *list(pool.map(where, [0]))[0])
    code = "import fastembed; print('child', fastembed.TextEmbedding.__module__)"
    print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout, end="")
    code = "import sys; print('alone', 'bgecpp' in sys.modules)"
    print(subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout, end="")
"""


def test_run_reaches_the_processes_that_a_program_starts(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(CHILDREN)
    done = run("program.py", cwd=tmp_path)
    ours = "bgecpp.fastembed.text.text_embedding bgecpp.sentence_transformers.sentence_transformer.model"
    expected = [f"{method} {ours}" for method in ("spawn", "forkserver", "fork")]
    assert done.stdout.splitlines() == [*expected, f"child {ours.split()[0]}", "alone False"], done.stderr


def test_run_leaves_a_sitecustomize_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the environment's own is loaded behind ours; and an interpreter of another environment gets none of ours."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.customized = True")
    child = "import sys; print(sys.customized, 'bgecpp' in sys.modules, sys.modules['sitecustomize'].__file__)"
    program = (
        "import os, subprocess, sys\n"
        f"for prefix in (sys.prefix, '/elsewhere'):\n"
        f"    environment = {{**os.environ, 'BGE_RUN_PREFIX': prefix}}\n"
        f"    print(subprocess.check_output([sys.executable, '-c', {child!r}], env=environment, text=True), end='')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    done = run("-c", program, cwd=tmp_path)
    file = tmp_path / "sitecustomize.py"
    assert done.stdout.splitlines() == [f"True True {file}", f"True False {file}"], done.stderr


def test_run_with_a_safe_path(tmp_path: Path) -> None:
    """-P puts no folder in front, and takes nothing away."""
    (tmp_path / "program.py").write_text("import sys; print(sys.path)")
    command = [sys.executable, "-P", "program.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    expected = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment).stdout
    assert run("program.py", cwd=tmp_path, flags=("-P",)).stdout == expected
    assert run("-c", "import sys; print(sys.path)", cwd=tmp_path, flags=("-P",)).stdout == expected


def test_run_says_what_is_missing(tmp_path: Path) -> None:
    for arguments, status in (([], 2), (["-m"], 2), (["-c"], 2), (["absent.py"], 2), (["-x"], 2)):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == status and done.stderr and "Traceback" not in done.stderr, (arguments, done.stderr)
    done = run("-c", "raise SystemExit(7)", cwd=tmp_path)
    assert done.returncode == 7
    done = run("-c", "1/0", cwd=tmp_path)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_modules_that_had_the_names_of_classes() -> None:
    program = """
import bgecpp
bgecpp.install()
import sentence_transformers.SentenceTransformer
from sentence_transformers.SentenceTransformer import SentenceTransformer
from sentence_transformers.cross_encoder.CrossEncoder import CrossEncoder
from sentence_transformers.sparse_encoder.SparseEncoder import SparseEncoder
import sentence_transformers
assert sentence_transformers.SentenceTransformer is SentenceTransformer and isinstance(SentenceTransformer, type)
assert sentence_transformers.CrossEncoder is CrossEncoder and sentence_transformers.SparseEncoder is SparseEncoder
assert SentenceTransformer.__module__.startswith("bgecpp.")
bgecpp.uninstall()
import sys
import zipfile
assert not [name for name in sys.modules if name.startswith("sentence_transformers")]
print("fine")
"""
    assert python(program) == "fine\n"


@pytest.mark.oracle
def test_modules_that_the_real_package_has_moved() -> None:
    need("sentence_transformers")
    program = """
import bgecpp
bgecpp.install()
import sentence_transformers.losses.CoSENTLoss
from sentence_transformers.datasets.NoDuplicatesDataLoader import NoDuplicatesDataLoader
from sentence_transformers.trainer import SentenceTransformerTrainer
from sentence_transformers.models.Pooling import Pooling
from sentence_transformers import SentenceTransformer, losses, models
assert SentenceTransformer.__module__.startswith("bgecpp.") and Pooling is models.Pooling
assert isinstance(losses.CoSENTLoss, type) and losses.CoSENTLoss.__module__.startswith("sentence_transformers.")
try:
    import sentence_transformers.nothing
except ModuleNotFoundError as error:
    print(error)
"""
    assert python(program) == "No module named 'sentence_transformers.nothing'\n"


def test_a_star_gives_the_names_of_both(tmp_path: Path) -> None:
    (tmp_path / "sentence_transformers").mkdir()
    (tmp_path / "sentence_transformers/__init__.py").write_text(
        "__all__ = ['SentenceTransformer', 'InputExample']\nclass SentenceTransformer: pass\nclass InputExample: pass\n"
    )
    program = """
import bgecpp
bgecpp.install()
from sentence_transformers import *
print(SentenceTransformer.__module__.split(".")[0], InputExample.__module__, CrossEncoder.__name__)
"""
    assert python(program, path=tmp_path) == "bgecpp sentence_transformers CrossEncoder\n"


def test_modules_of_fastembed_come_in_its_own_order(tmp_path: Path) -> None:
    package = tmp_path / "fastembed"
    (package / "pictures").mkdir(parents=True)
    (package / "__init__.py").write_text("from fastembed.pictures import Picture\n")
    (package / "pictures/__init__.py").write_text("from fastembed.common_part import A\nclass Picture: pass\n")
    (package / "common_part.py").write_text("from fastembed.pictures.operators import Operator\nclass A: pass\n")
    (package / "pictures/operators.py").write_text("class Operator: pass\n")
    program = """
import sys
import zipfile
import bgecpp
bgecpp.install()
from fastembed.common_part import A
import fastembed.pictures.operators
from fastembed import Picture, TextEmbedding
assert sys.modules["fastembed.common_part"].A is A and Picture is fastembed.pictures.Picture
print(TextEmbedding.__module__.split(".")[0])
"""
    assert python(program, path=tmp_path) == "bgecpp\n"
