#!/usr/bin/env python3
"""Tests check_includes.py: it finds what is planted, and nothing in a tree without faults."""

import pathlib
import tempfile
import unittest

import check_includes

CLEAN = {
    "include/bge/types.h": "#include <span>\n",
    "include/bge/embedder.h": '#include "bge/types.h"\n',
    "src/base/error.h": '#include "bge/types.h"\n#include <string>\n',
    "src/base/json.cc": '#include "base/error.h"\n#include <simdjson.h>\n#include <fmt/format.h>\n',
    "src/kernels/backend.h": '#include "base/error.h"\n',
    "src/kernels/cpu/norm.cc":
        '#define HWY_TARGET_INCLUDE "kernels/cpu/norm.cc"\n#include <hwy/foreach_target.h>\n'
        '#include "kernels/backend.h"\n',
    "src/kernels/cpu/norm_test.cc":
        '#include "kernels/backend.h"\n#include "tests/temp_dir.h"\n#include <gtest/gtest.h>\n',
    "src/encoder/bert.cc": '#include "kernels/backend.h"\n#include <sys/mman.h>\n',
    "apps/main.cc": '#include "bge/embedder.h"\n#include <CLI/CLI.hpp>\n',
    "src/index/test_index.h": "#include <gtest/gtest.h>\n",
    "tests/temp_dir.h": "#include <filesystem>\n",
    "tests/install/search.cc": "#include <bge/embedder.h>\n",
}

# (file, its text, what the message must say)
PLANTED = [
    ("src/base/upward.cc", '#include "kernels/backend.h"\n', "src/base may not include src/kernels"),
    ("src/kernels/up.h", '\n#include "encoder/bert.h"\n', "src/kernels may not include src/encoder"),
    ("src/index/sideways.cc", '#include "encoder/bert.h"\n', "may not include src/encoder"),
    ("apps/deep.cc", '#include "encoder/bert.h"\n', "apps may not include src/encoder"),
    ("apps/cmd_bench.cc", '#include "encoder/bert.h"\n', "apps may not include src/encoder"),
    ("include/bge/inner.h", '#include "base/error.h"\n', "include/bge may not include src/base"),
    ("include/bge/third.h", "#include <fmt/format.h>\n", "<fmt/format.h> may be included in"),
    ("src/base/format.h", "#  include <fmt/format.h>\n", "<fmt/format.h> may be included in"),
    ("src/encoder/simd.cc", "#include <hwy/highway.h>\n", "<hwy/highway.h> may be included in"),
    ("src/encoder/simd2.cc", '#include "hwy/highway.h"\n', "may be included in src/kernels/cpu"),
    ("src/tokenizer/json.cc", "#include <simdjson.h>\n", "<simdjson.h> may be included in src/base"),
    ("src/hub/flags.cc", "#include <CLI/CLI.hpp>\n", "may be included in apps/"),
    ("src/base/test.cc", "#include <gtest/gtest.h>\n", "<gtest/gtest.h> may be included in tests"),
    ("src/base/boost.cc", "#include <boost/asio.hpp>\n", "add it to tools/check_includes.py"),
    ("src/base/new.cc", "#include <format>\n", "does not work with the compilers"),
    ("src/base/dots.cc", '#include "../kernels/backend.h"\n', "not with .."),
    ("src/base/lost.cc", '#include "base/nowhere.h"\n', "is not a header of this repository"),
    ("src/base/helper.cc", '#include "tests/temp_dir.h"\n', "is for tests only"),
]


class CheckIncludesTest(unittest.TestCase):
    def problems(self, extra):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**CLEAN, "src/encoder/bert.h": "", **extra}.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            return check_includes.Checker(root).run()

    def test_clean_tree_has_no_problems(self):
        self.assertEqual(self.problems({}), [])

    def test_each_planted_include_is_found_where_it_is(self):
        for name, text, message in PLANTED:
            with self.subTest(name):
                problems = self.problems({name: text})
                self.assertEqual(len(problems), 1, problems)
                line = text.count("\n")
                self.assertTrue(problems[0].startswith(f"{name}:{line}: "), problems[0])
                self.assertIn(message, problems[0])

    def test_files_that_include_each_other_are_found(self):
        problems = self.problems({"src/base/a.h": '#include "base/b.h"\n',
                                  "src/base/b.h": '#include "base/a.h"\n'})
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("src/base/a.h -> src/base/b.h -> src/base/a.h", problems[0])

    def test_table_has_no_cycle_and_a_planted_one_is_found(self):
        checker = check_includes.Checker(pathlib.Path("/nonexistent"))
        checker.check_cycles(check_includes.MAY_INCLUDE, "folders")
        self.assertEqual(checker.problems, [])
        table = {**check_includes.MAY_INCLUDE, "src/base": ["src/engine"]}
        checker.check_cycles(table, "folders")
        self.assertTrue(checker.problems)


if __name__ == "__main__":
    unittest.main()
