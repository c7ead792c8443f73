"""What the program shows on a terminal and does not elsewhere, and that no locale changes what it writes.

    python tools/terminal_test.py [--bge build/release/bge]

On a pseudoterminal: the words "error" and "warning" in colour but for $NO_COLOR (https://no-color.org: set to anything but
nothing) and TERM=dumb; progress, which a pipe does not get; a Ctrl-C that is typed ends a run with status 130, the terminal's
line clear and no file left. Then all that the commands write, the same bytes under locales that are not there, that have
another decimal point or another case for i, and under none.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MODEL = REPOSITORY / "tests/data/models/tiny-bert"
ERASE = b"\r\x1b[K"  # to the first column, and the line is empty
CTRL_C = b"\x03"
PLENTY = 60  # seconds
SKIPPED = 77  # the exit status where there are no pseudoterminals, as in a root without /dev/pts


def on_terminal(command, environment=None, type_at=None, stdin=None):
    """(exit status, what the terminal showed): standard error is one, and with type_at standard input too, where Ctrl-C is
    typed when that pattern has been shown."""
    main, other = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [str(word) for word in command], env=inherited | {"TERM": "xterm"} | (environment or {}), stdout=subprocess.DEVNULL, stderr=other,
        stdin=stdin if stdin is not None else other, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(2, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(other)
    shown, end = b"", time.monotonic() + PLENTY
    while time.monotonic() < end:
        if select.select([main], [], [], 0.2)[0]:
            try:
                some = os.read(main, 65536)
            except OSError:  # nobody has the other side any more
                break
            if not some:
                break
            shown += some
        if type_at is not None and re.search(type_at, shown):
            os.write(main, CTRL_C)
            type_at = None
    else:
        process.kill()
        raise AssertionError(f"{command} did not end: {shown[:1000]!r}")
    status = process.wait()
    os.close(main)
    return status, shown


def check_colours(bge):
    wrong = [bge, "embed", "--model", "/nowhere/at-all", "a"]
    plain = b"bge: error: "
    for environment, coloured in [
        ({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": "0"}, False), ({"TERM": "dumb"}, False),
        ({"TERM": ""}, False), ({"TERM": "vt100", "LC_ALL": "xx_YY"}, True),
    ]:  # fmt: skip
        status, shown = on_terminal(wrong, environment)
        assert status == 1, (status, shown)
        assert shown.startswith(b"bge: \x1b[1;31merror:\x1b[0m " if coloured else plain), (environment, shown)
        assert coloured or b"\x1b" not in shown, (environment, shown)
        assert shown.count(b"\n") == 1, shown
    done = subprocess.run(wrong, capture_output=True, env=os.environ | {"TERM": "xterm"})
    assert done.stderr.startswith(plain) and b"\x1b" not in done.stderr, done.stderr
    return 8


def texts(path, count):
    with path.open("w") as file:
        file.writelines(f"some words and the number {i} of {i * 7919 % 10007}\n" for i in range(count))


def check_progress(bge, folder):
    """A run of some seconds (the first line comes after one), on a terminal and in a pipe."""
    command = [bge, "embed", "--model", MODEL, "--input", folder / "texts.txt", "--output", folder / "v.npy", "--threads", "1"]
    count, seconds = 5000, 0.0
    while seconds < 4:
        count *= 2
        texts(folder / "texts.txt", count)
        begin = time.monotonic()
        status, shown = on_terminal(command)
        seconds = time.monotonic() - begin
        assert status == 0, shown[:1000]
    lines = re.findall(rb"\r\x1b\[K([0-9,]+ texts  [0-9,]+ texts/s  [0-9,]+ tokens/s  [0-9]+%  \S+ left)", shown)
    assert len(lines) >= 2, f"no progress was shown, or the run is too short: {shown[:1000]!r}"
    # The line is cleared before what the run says at its end.
    rest = shown[shown.rindex(lines[-1]) + len(lines[-1]) :]
    assert rest.startswith(ERASE), rest
    done = subprocess.run([str(word) for word in command], capture_output=True, env=os.environ | {"TERM": "xterm"})
    assert done.returncode == 0 and b"\r" not in done.stderr and b"texts/s" not in done.stderr.split(b"\n")[0], done.stderr
    return command, len(lines)


def check_interrupt(command, folder):
    (folder / "v.npy").unlink()
    before = sorted(folder.iterdir())
    status, shown = on_terminal(command, type_at=rb"texts/s")
    assert status in (130, -2), (status, shown[-1000:])
    assert sorted(folder.iterdir()) == before, sorted(folder.iterdir())
    assert shown.rindex(ERASE) > shown.rindex(b"texts/s"), shown[-1000:]
    return status


def check_locales(bge, folder):
    """Decimal points, separators, case and messages are the same everywhere."""
    (folder / "in.txt").write_bytes("Iı İi ÄÖ straße 1.5 中\n\xa0x\n".encode())
    commands = [
        ["--help"], ["embed", "--help"], ["--version"], ["info", MODEL],
        ["embed", "--model", MODEL, "--input", folder / "in.txt", "--format", "jsonl"],
        ["tokenize", "--model", MODEL, "--input", folder / "in.txt"],
        ["similarity", "--model", MODEL, "ı İi", "I straße"],
        ["embed", "--model", "/nowhere/ä", "a"], ["embed", "--batch-tokens", "1,5", "--model", MODEL, "a"],
    ]  # fmt: skip
    base = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    count = 0
    for words in commands:
        command = [str(word) for word in (bge, *words)]
        expected = subprocess.run(command, capture_output=True, env=base | {"LC_ALL": "C"})
        for locale in ("", "POSIX", "C.UTF-8", "en_US.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "zh_CN.GB18030", "no such locale", "x" * 5000):
            found = subprocess.run(command, capture_output=True, env=base | {"LC_ALL": locale, "LC_NUMERIC": locale, "LANG": locale})
            assert (found.returncode, found.stdout, found.stderr) == (expected.returncode, expected.stdout, expected.stderr), (command, locale)
            count += 1
    return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bge", type=Path, default=REPOSITORY / "build/release/bge")
    bge = parser.parse_args().bge
    try:
        for end in pty.openpty():
            os.close(end)
    except OSError as error:
        print(f"skipped: no pseudoterminal here: {error}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        colours = check_colours(bge)
        runs = check_locales(bge, folder)
        command, lines = check_progress(bge, folder)
        status = check_interrupt(command, folder)
    print(f"{colours} messages with and without colour, {lines} lines of progress, none in a pipe; Ctrl-C: status {status}; "
          f"{runs} runs under other locales")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
