"""Makes the archive, unpacks it somewhere else and runs its program there, with nothing of this system but glibc.

    python check_archive.py CPACK BUILD_DIR WORK_DIR MODEL

Where this user is root, the program runs in a root of its own that holds only the unpacked archive, glibc's libraries and the model:
nothing else can be found.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def glibc_files(program):
    """The loader and those libraries that ldd shows from outside the archive."""
    files = []
    for line in run("ldd", program).splitlines():
        found = re.search(r"(/\S+) \(0x", line)
        if found:
            files.append(Path(found[1]))
    return files


def main():
    cpack, build, work, model = (Path(word) for word in sys.argv[1:5])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run(cpack, "--config", build / "CPackConfig.cmake", "-G", "TGZ", "-B", work / "packages")
    [archive] = (work / "packages").glob("*.tar.gz")
    root = work / "root"
    with tarfile.open(archive) as files:
        files.extractall(root)
    [top] = root.iterdir()
    program = top / "bin/bge"
    foreign = [path for path in glibc_files(program) if root not in path.resolve().parents]
    names = sorted(path.name for path in foreign)
    if any(not re.match(r"(ld-linux|lib(c|m|dl|rt|pthread|resolv)\.so)", name) for name in names):
        sys.exit(f"the program takes more than glibc from outside the archive: {', '.join(names)}")
    libraries = {re.sub(r"\.so.*", "", path.name) for path in (top / "lib/bge").iterdir()}
    notices = [path for path in (top / "share/doc/bge/notices").iterdir() if path.is_file()]
    referred = {name for notice in notices for name in re.findall(r"/usr/share/common-licenses/([\w.-]*\w)", notice.read_text())}
    if lacking := [name for name in referred if not (top / "share/doc/bge/notices/common-licenses" / name).is_file()]:
        sys.exit(f"the archive lacks licences that its notices refer to: {lacking}")
    if not notices or not (top / "share/doc/bge/LICENSE").is_file():
        sys.exit("the archive lacks licences")
    text = run(program, "similarity", "--model", model, "a", "b", env={})
    where = ""
    if os.geteuid() == 0:
        for path in foreign:
            target = root / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
        shutil.copytree(model, root / "model")
        try:
            # Without /proc the loader cannot see where the program lies: it is told (man 8 ld.so).
            inside = run(f"/{top.name}/bin/bge", "similarity", "--model", "/model", "a", "b", env={"LD_ORIGIN_PATH": f"/{top.name}/bin"},
                         preexec_fn=lambda: os.chroot(root))
        except subprocess.SubprocessError as error:  # root of a container that may not
            where = f"; not tried in a bare root: {error}"
        else:
            where = "; ran in a bare root"
            if inside != text:
                sys.exit(f"in a bare root the program says {inside!r}, here {text!r}")
    print(f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB, {len(libraries)} libraries, {len(notices)} notices; from outside: "
          f"{', '.join(names)}{where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
