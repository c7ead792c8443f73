"""python install_test.py [--work DIR]: installs the package as users do, into environments that hold nothing.

A source archive is built, and wheels of it as `./dev wheel` makes them: for this interpreter, and where the PATH has a
Python 3.12 or later the one for all of those (cp312-abi3). Each is installed by pip into a fresh virtual environment,
where try_wheel.py compares vectors with the golden ones; NumPy must be all that comes along. A wheel is under 20 MB and
has the tags that it should, where there is auditwheel manylinux's. An installation without two of the build packages, and
one without a compiler, must fail and say what is missing. Needs a package index, and minutes: the library is compiled
two or three times.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST_WHEEL = 20_000_000  # bytes
# What CMake says of a $CXX that is not there.
NO_COMPILER = re.compile(r"Could not find compiler set in environment variable CXX:\s+\S+/no-compiler\b")


class Failure(Exception):
    pass


def run(*command, expect_failure: bool = False, **environment: str) -> str:
    """The output. Raises Failure where the command does not end as expected."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    done = subprocess.run(
        [str(part) for part in command], env=clean | environment, cwd=tempfile.gettempdir(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
    )  # fmt: skip
    if (done.returncode != 0) != expect_failure:
        raise Failure(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def environment(where: Path, python=sys.executable) -> Path:
    """The Python of a new virtual environment."""
    run(python, "-m", "venv", "--clear", where)
    return where / "bin/python"


def pip(python: Path, *arguments, **more) -> str:
    return run(python, "-m", "pip", "--disable-pip-version-check", "install", *arguments, **more)


def only(files) -> Path:
    (found,) = files
    return found


def test_in_a_fresh_environment(package: Path, where: Path, interpreter=sys.executable) -> None:
    python = environment(where, interpreter)
    pip(python, package)
    print(run(python, "-P", ROOT / "python/try_wheel.py", ROOT / "tests/data"), end="", flush=True)


def check_wheel(wheel: Path, python: str, audited: bool) -> None:
    """Its size and its tags: `python` with the ABI, and of the platform manylinux where it was audited."""
    size = wheel.stat().st_size
    assert size < LARGEST_WHEEL, f"{wheel.name}: {size} bytes, expected fewer than {LARGEST_WHEEL}"
    manylinux = rf"manylinux_\d+_\d+_{platform.machine()}"
    expected = rf"bgecpp-[\d.]+-{python}-" + (rf"{manylinux}(\.manylinux\w+)*" if audited else r"\w+") + r"\.whl"
    assert re.fullmatch(expected, wheel.name), f"{wheel.name}: expected {expected}"
    print(f"{wheel.name}: {size >> 10} kB", flush=True)


def build_wheel(tools: Path, sdist: Path, work: Path) -> Path:
    """A wheel for the Python of `tools`, with its libraries inside where there is auditwheel."""
    path = f"{tools.parent}:{os.environ['PATH']}"
    run(tools, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", work / "wheel", sdist, PATH=path)
    wheel = only((work / "wheel").glob("*.whl"))
    audited = platform.system() == "Linux" and (tools.parent / "auditwheel").exists()
    if audited:
        run(tools.parent / "auditwheel", "repair", "--wheel-dir", work / "repaired", wheel, PATH=path)
        wheel = only((work / "repaired").glob("*.whl"))
    stable = run(tools, "-c", "import sys; print(sys.version_info >= (3, 12))").strip() == "True"
    check_wheel(wheel, "cp312-abi3" if stable else "cp311-cp311", audited)
    return wheel


def later_python() -> str | None:
    """A Python of the stable ABI's versions that works: this one, or of the PATH (where pyenv may have a name alone)."""
    program = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))"
    names = [sys.executable, *(f"python3.{minor}" for minor in range(12, 20)), "python3"]
    for name in filter(None, map(shutil.which, names)):
        if subprocess.run([name, "-c", program], capture_output=True).returncode == 0:
            return name
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder for environments and archives (a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bge-install-") as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        tools = environment(work / "tools")
        pip(tools, "-r", ROOT / "python/requirements-wheel.txt")
        run(tools, "-m", "build", "--sdist", "--no-isolation", "--outdir", work / "sdist", ROOT)
        sdist = only((work / "sdist").glob("*.tar.gz"))
        with tarfile.open(sdist) as archive:
            folders = {name.split("/")[1] for name in archive.getnames() if name.count("/") > 1}
        assert not folders & {"tests", "tools", "build"}, folders
        print(f"{sdist.name}: {sdist.stat().st_size >> 10} kB of {', '.join(sorted(folders))}", flush=True)

        missing = "-DCMAKE_DISABLE_FIND_PACKAGE_hwy=ON -DCMAKE_DISABLE_FIND_PACKAGE_simdjson=ON"
        python = environment(work / "missing")
        output = pip(python, sdist, expect_failure=True, CMAKE_ARGS=missing)
        assert "apt-get install libhwy-dev libsimdjson-dev" in output, output[-4000:]
        output = pip(python, sdist, expect_failure=True, CXX=str(work / "no-compiler"))
        assert NO_COMPILER.search(output), output[-4000:]
        print("without build packages or a compiler: pip's output says which", flush=True)

        test_in_a_fresh_environment(sdist, work / "from-sdist")
        test_in_a_fresh_environment(build_wheel(tools, sdist, work / "own"), work / "from-wheel")

        later = later_python()
        if later is None:
            print("no wheel for Python 3.12 and later (cp312-abi3): none of them is on the PATH", flush=True)
        elif later != sys.executable:
            tools = environment(work / "later-tools", later)
            pip(tools, "-r", ROOT / "python/requirements-wheel.txt")
            test_in_a_fresh_environment(build_wheel(tools, sdist, work / "later"), work / "from-later-wheel", later)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
