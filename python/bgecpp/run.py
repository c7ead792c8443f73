"""python -m bgecpp.run SCRIPT [ARG...] | -m MODULE [ARG...]: runs a program whose imports of
FlagEmbedding, sentence_transformers and fastembed give bgecpp's classes. The program is not changed."""

import os
import runpy
import sys


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__.strip(), file=sys.stderr if not arguments else sys.stdout)
        sys.exit(2 if not arguments else 0)
    from bgecpp.imports import install

    install()
    if arguments[0] == "-m":
        if len(arguments) < 2:
            print("bge: error: no module: python -m bgecpp.run -m MODULE: give its name", file=sys.stderr)
            sys.exit(2)
        sys.argv = arguments[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    script = arguments[0]
    if not os.path.isfile(script):
        print(f"bge: error: no such file: {script}: give a Python program", file=sys.stderr)
        sys.exit(1)
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
