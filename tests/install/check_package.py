"""Makes the Debian package, unpacks it, and uses what is in it as an installation's: the command, and the library by find_package.

    python check_package.py CPACK CMAKE BUILD_DIR WORK_DIR MODEL CONSUMER_DIR EXAMPLE

The package depends on Debian's own libraries and carries none; it has the licence, the manual page, completions and the public
headers, and nothing outside /usr.
"""

import re
import shutil
import sys
from pathlib import Path

from check_archive import run


def main():
    cpack, cmake, build, work, model, consumer, example = (Path(word) for word in sys.argv[1:8])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run(cpack, "--config", build / "CPackConfig.cmake", "-G", "DEB", "-B", work / "packages")
    [package] = (work / "packages").glob("*.deb")
    fields = {name: run("dpkg-deb", "--field", package, name).strip() for name in ("Package", "Version", "Depends", "Recommends")}
    if fields["Package"] != "bge" or not re.match(r"\d+\.\d+\.\d+", fields["Version"]):
        sys.exit(f"unexpected fields: {fields}")
    depends = {re.match(r"\S+", entry.strip())[0] for entry in fields["Depends"].split(",")}
    missing = [name for name in ("libc6", "libstdc++6") if name not in depends]
    if missing or not any(name.startswith("libhwy") for name in depends):
        sys.exit(f"the package does not depend on {missing or 'libhwy'}: {fields['Depends']}")
    root = work / "root"
    run("dpkg-deb", "--extract", package, root)
    if [path.name for path in root.iterdir()] != ["usr"]:
        sys.exit(f"the package has files outside of /usr: {sorted(path.name for path in root.iterdir())}")
    files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())
    for pattern in (r"usr/bin/bge", r"usr/share/man/man1/bge\.1\.gz", r"usr/share/doc/bge/copyright", r"usr/share/doc/bge/changelog\.gz",
                    r"usr/include/bge/embedder\.h", r"usr/share/zsh/vendor-completions/_bge", r"usr/share/bash-completion/completions/bge", r"usr/lib/(.*/)?cmake/bge/bge-config\.cmake"):
        if not any(re.fullmatch(pattern, name) for name in files):
            sys.exit(f"the package lacks {pattern}; it has\n" + "\n".join(files))
    licences = (root / "usr/share/doc/bge/copyright").read_text()
    if "MIT License" not in licences or "Highway" not in licences:
        sys.exit("the package's copyright file lacks the licence or the notices")
    if carried := [name for name in files if ".so" in name and "libbge" not in name]:
        sys.exit(f"the package carries libraries of others: {carried}")
    found = run(root / "usr/bin/bge", "similarity", "--model", model, "a", "b")
    if found != run(build / "bge", "similarity", "--model", model, "a", "b"):
        sys.exit(f"the program of the package says {found!r}")
    run(cmake, "-S", consumer, "-B", work / "consumer", f"-DCMAKE_PREFIX_PATH={root / 'usr'}", f"-DEXAMPLE={example}",
        "-DCMAKE_BUILD_TYPE=Release")
    run(cmake, "--build", work / "consumer")
    run(work / "consumer/consumer", model)
    print(f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, {len(files)} files; depends on {fields['Depends']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
