"""python install_test.py [--work DIR]: installs the package as users do, into environments that hold nothing.

A source archive is built, and a wheel of it as `./dev wheel` makes them. Each is installed by pip into a fresh virtual
environment, where try_wheel.py compares vectors with the golden ones; NumPy must be all that comes along. Then an
installation without two of the build packages, and one without a compiler, must fail and say what is missing. Needs a
package index, and minutes: the library is compiled twice.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


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


def environment(where: Path) -> Path:
    """The Python of a new virtual environment."""
    run(sys.executable, "-m", "venv", "--clear", where)
    return where / "bin/python"


def pip(python: Path, *arguments, **more) -> str:
    return run(python, "-m", "pip", "--disable-pip-version-check", "install", *arguments, **more)


def only(files) -> Path:
    (found,) = files
    return found


def test_in_a_fresh_environment(package: Path, where: Path) -> None:
    python = environment(where)
    pip(python, package)
    print(run(python, "-P", ROOT / "python/try_wheel.py", ROOT / "tests/data"), end="", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, help="folder for environments and archives (a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bge-install-") as temporary:
        work = (arguments.work or Path(temporary)).resolve()
        tools = environment(work / "tools")
        pip(tools, "-r", ROOT / "python/requirements-wheel.txt")
        path = f"{tools.parent}:{os.environ['PATH']}"

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
        assert "CMAKE_CXX_COMPILER" in output or "compiler" in output, output[-4000:]
        print("without build packages or a compiler: pip's output says which", flush=True)

        test_in_a_fresh_environment(sdist, work / "from-sdist")
        run(tools, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", work / "wheel", sdist, PATH=path)
        run(tools.parent / "auditwheel", "repair", "--wheel-dir", work / "repaired", only((work / "wheel").glob("*.whl")), PATH=path)
        test_in_a_fresh_environment(only((work / "repaired").glob("*.whl")), work / "from-wheel")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(str(failure))
