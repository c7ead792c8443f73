"""python try_wheel.py DATA: whether an installed package works, given the folder of the tests' data."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import numpy

import bgecpp

data = Path(sys.argv[1])
models = data / "models"
assert "site-packages" in bgecpp.__file__, bgecpp.__file__
installed = {distribution.metadata["Name"].lower() for distribution in importlib.metadata.distributions()}
assert installed <= {"bgecpp", "numpy", "pip", "setuptools"}, f"more is installed than is needed: {installed}"

golden = json.loads((data / "golden/tiny-bert.json").read_text(encoding="utf-8"))
case = golden["cases"][0]  # without options
vectors = bgecpp.Embedder(str(models / "tiny-bert")).encode(golden["texts"][case["texts"]])
difference = float(numpy.abs(vectors - numpy.array(case["vectors"], numpy.float32)).max())
assert difference < 1e-5, f"vectors are {difference} from sentence-transformers'"

assert bgecpp.FlagModel(str(models / "tiny-bert")).encode("one").ndim == 1
assert len(bgecpp.FlagReranker(str(models / "tiny-reranker")).compute_score([("q", "p")])) == 1
command = Path(sys.executable).with_name("bgecpp")
for program in ([command], [sys.executable, "-m", "bgecpp"]):
    done = subprocess.run([*program, "embed", "--model", models / "tiny-bert", "one"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(",") > 4, done.stderr
    assert subprocess.run([*program, "embed", "--no-such-option"], capture_output=True).returncode == 2
print(f"    bgecpp {bgecpp.__version__} for Python {sys.version.split()[0]}: vectors, scores and the command work")
