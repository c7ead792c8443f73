"""python try_wheel.py MODELS: whether an installed wheel works, given the folder of tiny models."""

import subprocess
import sys
from pathlib import Path

import bgecpp

models = Path(sys.argv[1])
assert "site-packages" in bgecpp.__file__, bgecpp.__file__
vectors = bgecpp.Embedder(str(models / "tiny-bert")).encode(["one", "two"])
assert vectors.shape[0] == 2
assert bgecpp.FlagModel(str(models / "tiny-bert")).encode("one").ndim == 1
assert len(bgecpp.FlagReranker(str(models / "tiny-reranker")).compute_score([("q", "p")])) == 1
command = Path(sys.executable).with_name("bgecpp")
for program in ([command], [sys.executable, "-m", "bgecpp"]):
    done = subprocess.run([*program, "embed", "--model", models / "tiny-bert", "one"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(",") > 4, done.stderr
    assert subprocess.run([*program, "embed", "--no-such-option"], capture_output=True).returncode == 2
print(f"    bgecpp {bgecpp.__version__} for Python {sys.version.split()[0]}: vectors, scores and the command work")
