#!/usr/bin/env python3
"""Writes the texts that `./dev demo` searches: what each program in Debian's package lists is for.

    corpus.py --output packages.jsonl            one {"_id": package, "text": description} a line
    corpus.py --output packages.jsonl --keywords "a question"
                                                 says how many of those texts a keyword search finds

The descriptions are read from the lists that apt keeps on this machine (`apt-cache dumpavail`); only
their first line is used, which is the only one that every machine has. Exits with 1 where there are
no lists. Needs nothing but Python's standard library.
"""

import argparse
import json
import os
import re
import subprocess
import sys

# Sections of the archive that hold programs somebody would look for; not libraries, not languages.
SECTIONS = frozenset(
    "admin comm database editors education electronics games gnome graphics hamradio kde mail math "
    "misc net news science shells sound text utils vcs video web x11 xfce".split())

# Parts of a program that are packages of their own.
PARTS_BY_NAME = re.compile(
    r"^(lib|fonts-|gir1|task-|python3?-|aspell-|hunspell-|mythes-)"
    r"|-(common|data|dbg|dev|doc|docs|examples|l10n|libs)$")
PARTS_BY_DESCRIPTION = re.compile(
    r"transitional|dummy|meta-? ?package|shared librar|development (files|headers)|translations? for"
    r"|(architecture-independent|common|data|documentation|support) files|plugin for"
    r"|^(data|documentation|examples|files|plugins)\b", re.IGNORECASE)

# Fewer programs than this means that the machine's lists are missing, not that Debian is small.
FEWEST_TEXTS = 2000

# Words of a question that no search engine would look for.
STOP_WORDS = frozenset(
    "a an and are do find for get how i in inside is it me my of on out the to up was were what who "
    "why with".split())


def read_packages():
    """Yields (package, section, first line of the description) from apt's lists."""
    try:
        dump = subprocess.run(["apt-cache", "dumpavail"], stdout=subprocess.PIPE, check=True,
                              env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"corpus.py: error: cannot read apt's package lists: {error}")
    for stanza in dump.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.split("\n")
                      if ": " in line and not line.startswith((" ", "\t")))
        description = fields.get("Description") or fields.get("Description-en")
        if "Package" in fields and description:
            # Derived distributions write "universe/utils".
            yield fields["Package"], fields.get("Section", "").split("/")[-1], description.strip()


def select_programs(packages):
    """The packages that are programs, by name; of several with the same description, the first."""
    texts = {}
    seen = set()
    for package, section, description in sorted(packages):
        if (section in SECTIONS and description not in seen and not PARTS_BY_NAME.search(package)
                and not PARTS_BY_DESCRIPTION.search(description)):
            seen.add(description)
            texts[package] = description
    return texts


def write_texts(path):
    texts = select_programs(read_packages())
    if len(texts) < FEWEST_TEXTS:
        sys.exit(f"corpus.py: error: apt's package lists hold {len(texts)} programs, expected at "
                 f"least {FEWEST_TEXTS}: run apt-get update")
    unfinished = f"{path}.tmp"
    with open(unfinished, "w", encoding="utf-8") as out:
        for package, description in texts.items():
            line = json.dumps({"_id": package, "text": description}, ensure_ascii=False)
            out.write(line + "\n")
    os.replace(unfinished, path)


def count_keyword_matches(path, question):
    """Says how many of the texts contain every word of the question that carries meaning."""
    words = [w for w in re.findall(r"\w+", question.lower()) if w not in STOP_WORDS]
    with open(path, encoding="utf-8") as lines:
        texts = [set(re.findall(r"\w+", json.loads(line)["text"].lower())) for line in lines]
    found = sum(all(word in text for word in words) for text in texts)
    print(f"(Descriptions with the keywords {' + '.join(words)}: {found}.)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", required=True, metavar="FILE")
    parser.add_argument("--keywords", metavar="QUESTION")
    arguments = parser.parse_args()
    if arguments.keywords is None:
        write_texts(arguments.output)
    else:
        count_keyword_matches(arguments.output, arguments.keywords)


if __name__ == "__main__":
    main()
