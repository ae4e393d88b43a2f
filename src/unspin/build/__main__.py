"""Build what the package ships.

``python -m unspin.build model CORPUS`` counts the language model, ``python -m unspin.build table`` compiles the
rows of ``data/phrases`` for it, ``python -m unspin.build lint`` checks the rows and their examples.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from ..errors import UnspinError

_MODEL = Path("data/model/english.lm")
_TABLE = Path("data/model/phrases.table")
_PHRASES = Path("data/phrases")
_TERMS = Path("data/terms")
_EXAMPLES = Path("data/examples")


def main(argv: list[str] | None = None) -> int:
    """Run a build command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m unspin.build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    model = commands.add_parser("model", help="count a folder of .txt or .txt.xz files and write the language model")
    model.add_argument("corpus", type=Path)
    model.add_argument("-o", "--out", type=Path, default=_MODEL)
    model.add_argument("--bigrams", type=int, default=1_500_000, help="bigrams to keep (default: %(default)s)")
    model.add_argument("--trigrams", type=int, default=4_200_000, help="trigrams to keep (default: %(default)s)")
    table = commands.add_parser("table", help="compile the phrase table for the language model")
    table.add_argument("phrases", type=Path, nargs="?", default=_PHRASES)
    table.add_argument("-t", "--terms", type=Path, default=_TERMS, help="folder of technical terms and word classes")
    table.add_argument("-m", "--model", type=Path, default=_MODEL)
    table.add_argument("-o", "--out", type=Path, default=_TABLE)
    check = commands.add_parser("lint", help="check the rows of the phrase table and their examples")
    check.add_argument("phrases", type=Path, nargs="?", default=_PHRASES)
    check.add_argument("-e", "--examples", type=Path, default=_EXAMPLES)
    check.add_argument("-m", "--model", type=Path, default=_MODEL)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if arguments.command == "model":
            from .count import build_model

            build_model(arguments.corpus, arguments.out, bigrams=arguments.bigrams, trigrams=arguments.trigrams)
        elif arguments.command == "table":
            from ..language_model import open_model
            from ..rows import read_rows
            from ..table_compiler import compile_rows
            from ..table_file import save_table
            from ..terms import read_terms

            language_model = open_model(arguments.model)
            compiled = compile_rows(read_rows(arguments.phrases), language_model, read_terms(arguments.terms, language_model))
            files = sorted(arguments.phrases.glob("*.txt")) if arguments.phrases.is_dir() else [arguments.phrases]
            source = {file.name: file.read_text(encoding="utf-8") for file in files}
            save_table(compiled, language_model, arguments.out, source)
            logging.info("wrote %s: %d entries", arguments.out, len(compiled.original))
        else:
            from ..language_model import open_model
            from ..rows import lint, read_rows
            from .examples import common_words, lint_examples, read_examples

            rows = read_rows(arguments.phrases)
            faults = lint(rows)
            faults += lint_examples(rows, read_examples(arguments.examples), common_words(open_model(arguments.model)))
            print(*faults, sep="\n")
            return 1 if faults else 0
    except UnspinError as error:
        print(f"unspin: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
