#!/usr/bin/env python3
"""Tests what ./dev does about missing packages and failing commands, on a machine made of stubs.

The script runs in a copy of its own, with a PATH that holds a few real programs and stubs that log how
they were called. Where the tests run as root, it runs as another user.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import textwrap
import unittest

DEV = pathlib.Path(__file__).resolve().parent.parent / "dev"
REAL_PROGRAMS = "bash cat cp cut dirname env mkdir nproc rm sed tail tr".split()
NOBODY = 65534

# A database of installed packages: every package of the version $INSTALLED, none without it.
DPKG_QUERY = '[ -n "$INSTALLED" ] && printf "installed %s" "$INSTALLED"'
# Understands `--compare-versions A lt B` for plain numbers.
DPKG = '[ "$(printf "%s\\n" "${2#*:}" "${4#*:}" | sort -V | head -n 1)" = "${2#*:}" ] && [ "${2#*:}" != "${4#*:}" ]'


class DevTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.root.chmod(0o755)
        self.bin = self.root / "bin"
        self.bin.mkdir()
        self.checkout = self.root / "checkout"
        self.checkout.mkdir()
        self.log = self.root / "log"
        self.log.touch(0o666)
        self.log.chmod(0o666)
        shutil.copy(DEV, self.checkout / "dev")
        for name in [*REAL_PROGRAMS, "head", "sort"]:
            (self.bin / name).symlink_to(shutil.which(name))
        self.stub("cmake")
        self.stub("ctest")

    def stub(self, name, body=""):
        path = self.bin / name
        path.write_text(f'#!{shutil.which("bash")}\necho "{name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def debian(self):
        self.stub("dpkg-query", DPKG_QUERY)
        self.stub("dpkg", DPKG)
        self.stub("apt-get")

    def run_dev(self, *arguments, **variables):
        options = {}
        if os.geteuid() == 0:
            os.chown(self.checkout, NOBODY, NOBODY)
            options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return subprocess.run([self.checkout / "dev", *arguments], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={"PATH": str(self.bin), **variables}, check=False, **options)

    def calls(self):
        return self.log.read_text().splitlines()

    def test_help_lists_every_command(self):
        done = self.run_dev("help")
        self.assertEqual(done.returncode, 0, done.stdout)
        for command in "demo test build check fmt tidy bench clean help".split():
            self.assertIn(f"./dev {command}", done.stdout)

    def test_unknown_commands_and_options_are_errors(self):
        self.assertEqual(self.run_dev("tset").returncode, 1)
        done = self.run_dev("test", "--fast")
        self.assertEqual(done.returncode, 1)
        self.assertIn("unknown option --fast", done.stdout)

    def test_says_what_to_install_where_there_is_neither_root_nor_sudo(self):
        self.debian()
        done = self.run_dev("build")
        self.assertEqual(done.returncode, 1)
        self.assertIn("As root, run: apt-get install --no-install-recommends cmake", done.stdout)
        self.assertFalse([c for c in self.calls() if c.startswith(("apt-get", "cmake"))])

    def test_installs_through_sudo_and_fails_where_packages_stay_too_old(self):
        self.debian()
        self.stub("sudo", '"$@"')
        done = self.run_dev("build", INSTALLED="0.1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("too old", done.stdout)
        self.assertIn("cmake (>= 3.25)", done.stdout)
        installs = [c for c in self.calls() if c.startswith("apt-get") and " install " in c]
        self.assertEqual(len(installs), 1)
        self.assertIn("--no-install-recommends cmake", installs[0])

    def test_asks_for_nothing_where_all_is_installed(self):
        self.debian()
        done = self.run_dev("build", "bge_cli", INSTALLED="99:99")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertFalse([c for c in self.calls() if c.startswith(("apt-get", "sudo"))])
        self.assertIn("--target bge_cli", self.calls()[-1])

    def test_goes_on_without_apt_and_names_what_is_needed(self):
        done = self.run_dev("build")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("libhwy-dev >= 1.0.3", done.stdout)

    def test_failing_steps_fail_the_command(self):
        for program, option in (("cmake", "--preset"), ("cmake", "--build"), ("ctest", "--test-dir")):
            with self.subTest(f"{program} {option}"):
                self.stub("cmake")
                self.stub("ctest")
                self.stub(program, textwrap.dedent(f"""\
                    if [ "$1" = {option} ]; then echo it broke; exit 8; fi"""))
                done = self.run_dev("test")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("it broke", done.stdout)


if __name__ == "__main__":
    unittest.main()
