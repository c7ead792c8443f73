"""The Hugging Face cache, shared with Python: what `bge pull` has put there huggingface_hub and
sentence-transformers accept and read, and the other way round.

    python tools/oracle/hub_compare.py --bge PROGRAM

Both ask a hub on this machine (hub_server.py), which has all-MiniLM-L6-v2.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import engine
from hub_server import COMMIT, Hub

REPO = "some-org/all-MiniLM-L6-v2"
TEXTS = ["a cat on the sofa", "a kitten on the couch", "the price of oil", ""]
TOLERANCE = 1e-5
OTHERS = {"README.md": b"# A model", "onnx/model.onnx": b"not weights", "pytorch_model.bin": b"no weights either"}


class Checks:
    def __init__(self) -> None:
        self.failed = 0

    def expect(self, what: str, right: bool, found: object = "") -> None:
        print(f"{'ok    ' if right else 'FAILED'} {what}{'' if right else f': found {found}'}", flush=True)
        self.failed += not right


def run(bge: Path, hub: Hub, cache: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(bge), *arguments], capture_output=True, text=True, env=environment(hub, cache))


def environment(hub: Hub, cache: Path) -> dict[str, str]:
    return os.environ | {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_OFFLINE": "0"}


def check_bge_then_python(checks: Checks, bge: Path, hub: Hub, cache: Path) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download
    from sentence_transformers import SentenceTransformer

    pulled = run(bge, hub, cache, "pull", REPO)
    checks.expect("bge pull ends well", pulled.returncode == 0, pulled.stderr)
    snapshot = snapshot_download(REPO, cache_dir=cache, local_files_only=True)
    checks.expect("snapshot_download(local_files_only) finds it", pulled.stdout == snapshot + "\n", pulled.stdout)
    config = hf_hub_download(REPO, "config.json", cache_dir=cache, local_files_only=True)
    checks.expect("hf_hub_download(local_files_only) finds a file", config == f"{snapshot}/config.json", config)

    scanned = scan_cache_dir(cache)
    checks.expect("scan_cache_dir has no complaints", not scanned.warnings, scanned.warnings)
    repos = {repo.repo_id: repo for repo in scanned.repos}
    revision = next(iter(repos[REPO].revisions)) if REPO in repos else None
    checks.expect("scan_cache_dir sees the revision", revision is not None and revision.commit_hash == COMMIT)
    if revision:
        checks.expect("and main as its name", revision.refs == {"main"}, revision.refs)
        names = {str(file.file_path.relative_to(revision.snapshot_path)) for file in revision.files}
        checks.expect("only what is needed is there", not names & set(OTHERS) and "model.safetensors" in names, names)
        links = all((revision.snapshot_path / name).is_symlink() for name in names)
        checks.expect("as links to blobs", links)

    model = SentenceTransformer(snapshot, device="cpu")
    expected = model.encode(TEXTS)
    found, _ = engine.embed(bge, Path(pulled.stdout.strip()), TEXTS)
    difference = float(np.abs(found - expected).max())
    checks.expect(f"sentence-transformers reads it: {difference:.1e} from bge", difference <= TOLERANCE)

    before = hub.count("GET", "/blobs/")
    snapshot_download(REPO, cache_dir=cache)
    # The other two large files.
    checks.expect("Python adds the rest without the weights", hub.count("GET", "/blobs/") == before + 2)
    again = run(bge, hub, cache, "pull", REPO)
    checks.expect("and bge still agrees", again.stdout == pulled.stdout and not again.stderr, again)


def check_python_then_bge(checks: Checks, bge: Path, hub: Hub, cache: Path) -> None:
    from huggingface_hub import snapshot_download

    snapshot = snapshot_download(REPO, cache_dir=cache)
    asked = len(hub.requests)
    info = run(bge, hub, cache, "info", REPO)
    checks.expect("bge loads what Python has downloaded", info.returncode == 0 and REPO in info.stdout, info)
    checks.expect("without a request or a word", len(hub.requests) == asked and not info.stderr, info.stderr)
    pulled = run(bge, hub, cache, "pull", REPO)
    checks.expect("bge pull asks for the list alone", len(hub.requests) == asked + 1, hub.requests[asked:])
    checks.expect("and gives the same directory", pulled.stdout == snapshot + "\n", pulled)


def check_locks(checks: Checks, bge: Path, hub: Hub, cache: Path) -> None:
    from huggingface_hub.utils import WeakFileLock

    etag = hub.files["model.safetensors"].etag
    lock = cache / ".locks" / ("models--" + REPO.replace("/", "--")) / f"{etag}.lock"
    lock.parent.mkdir(parents=True)
    before = hub.count("GET", "/blobs/")
    with WeakFileLock(lock):
        pull = subprocess.Popen([bge, "pull", REPO], env=environment(hub, cache), stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True)
        said = pull.stderr.readline()
        checks.expect("bge waits for Python's lock", "waiting for another process" in said, said)
        time.sleep(0.3)
        checks.expect("and downloads nothing meanwhile", pull.poll() is None and hub.count("GET", "/blobs/") == before)
    checks.expect("then it goes on", pull.wait(timeout=60) == 0, pull.stderr.read())
    pull.stderr.close()


def check_interrupted(checks: Checks, bge: Path, hub: Hub, cache: Path) -> None:
    """A pull that was killed is no snapshot for Python, and does not disturb it."""
    from huggingface_hub import scan_cache_dir, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    pull = subprocess.Popen([bge, "pull", REPO], env=environment(hub, cache), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    blobs = cache / ("models--" + REPO.replace("/", "--")) / "blobs"
    while pull.poll() is None and not any(path.suffix == ".incomplete" for path in blobs.glob("*")):
        pass
    pull.send_signal(signal.SIGKILL)
    killed = pull.wait() == -signal.SIGKILL
    try:
        snapshot_download(REPO, cache_dir=cache, local_files_only=True)
        checks.expect("a pull that was killed is no snapshot", not killed, "one")
    except LocalEntryNotFoundError:
        checks.expect("a pull that was killed is no snapshot", True)
    snapshot = Path(snapshot_download(REPO, cache_dir=cache))
    right = (snapshot / "model.safetensors").read_bytes() == hub.files["model.safetensors"].content
    checks.expect("Python completes it", right)
    checks.expect("scan_cache_dir has no complaints", not scan_cache_dir(cache).warnings)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engine.add_bge_argument(parser)
    bge = parser.parse_args().bge.resolve()
    hub = Hub(REPO, engine.minilm_dir(), OTHERS)
    # Before huggingface_hub is imported, which reads them once.
    os.environ.update({"HF_ENDPOINT": hub.endpoint, "NO_PROXY": "*", "HF_HUB_DISABLE_PROGRESS_BARS": "1"})
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        os.environ.pop(name, None)
    checks = Checks()
    with tempfile.TemporaryDirectory(prefix="bge-oracle-") as scratch:
        os.environ["HF_HOME"] = scratch
        for check in (check_bge_then_python, check_python_then_bge, check_locks, check_interrupted):
            print(f"{check.__name__.removeprefix('check_').replace('_', ' ')}:", flush=True)
            cache = Path(scratch).resolve() / check.__name__
            cache.mkdir()
            check(checks, bge, hub, cache)
    hub.close()
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
