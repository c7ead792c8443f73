#!/usr/bin/env python3
"""Tests which packages corpus.py takes for programs."""

import unittest

import corpus


class CorpusTest(unittest.TestCase):
    def test_keeps_programs(self):
        texts = corpus.select_programs([("gramps", "misc", "Genealogical research program"),
                                        ("duf", "utils", "Disk Usage/Free Utility")])
        self.assertEqual(list(texts.items()), [("duf", "Disk Usage/Free Utility"),
                                               ("gramps", "Genealogical research program")])

    def test_leaves_out_libraries_and_parts_of_programs(self):
        texts = corpus.select_programs([
            ("libfoo1", "utils", "reads foos"),
            ("foo", "libs", "reads foos"),
            ("foo-data", "games", "a game of foos"),
            ("foo-dev", "utils", "reads foos"),
            ("foo-l10n", "utils", "reads foos"),
            ("foo", "games", "data files for a game"),
            ("oldfoo", "utils", "transitional package for foo"),
            ("foo-desktop", "gnome", "metapackage for foo"),
        ])
        self.assertEqual(texts, {})

    def test_takes_the_first_of_equal_descriptions(self):
        texts = corpus.select_programs([("vim-gtk3", "editors", "Vi IMproved"),
                                        ("vim", "editors", "Vi IMproved")])
        self.assertEqual(texts, {"vim": "Vi IMproved"})


if __name__ == "__main__":
    unittest.main()
