"""Examples both ways for the rows whose spun form is a common word.

A line a row, four columns apart by tabs: the original, a spun form of it, a sentence in which the original is the right
word (put the spun form there and a reader sees that the original was meant), and one in which the spun form is right by
itself and must stay; empty where it never is. ``#`` starts a comment line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import regex

from ..errors import TableError
from ..language_model import LanguageModel
from ..rendering import case_like
from ..rows import Row, read_lines
from ..table_compiler import fires

#: A row needs an example if it fires at least so often and its likeliest spun forms, those worth so much of the best, hold
#: one of nothing but the so many most frequent words.
LEAST, WORTH, COMMON = 0.5, 0.2, 1000
#: Rows that no sentence by itself shows: they count by the terms that they make with a neighbour.
BY_TERMS = "academic-thesaurus.txt"


@dataclass(frozen=True, slots=True)
class Example:
    """``restored``: a sentence with *original*; ``kept``: one with *spun*, or nothing; ``where``: ``file:line``."""

    original: str
    spun: str
    restored: str
    kept: str
    where: str

    @property
    def family(self) -> str:
        """The family of the rows that a file is for, which it is named by."""
        return self.where.partition(".")[0]

    @property
    def garbled(self) -> str:
        """The sentence with the original, as a spinner leaves it.

        >>> Example("price", "worth", "The price of oil fell.", "It is worth a visit.", "").garbled
        'The worth of oil fell.'
        """

        def spun(match: regex.Match[str]) -> str:
            return case_like(self.spun, match[0], sentence_start=match.start() == 0)

        return occurrence(self.original).sub(spun, self.restored, count=1)


def occurrence(phrase: str) -> regex.Pattern[str]:
    """A pattern of *phrase* as whole words, in any case."""
    return regex.compile(rf"(?<![\w'’-]){regex.escape(phrase)}(?![\w-])", regex.I)


def parse_examples(lines: Iterable[str], name: str) -> Iterator[Example]:
    """Yield the examples of a file's lines; raises TableError where one isn't four columns."""
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != 4:
            raise TableError(f"{name}:{number}: an example has four columns, not {len(columns)}")
        original, spun, restored, kept = columns
        yield Example(original, spun, restored, kept, f"{name}:{number}")


def read_examples(folder: Path) -> list[Example]:
    """Read every ``*.tsv`` of a folder in order of name; raises TableError where one can't be read."""
    out: list[Example] = []
    for file in sorted(folder.glob("*.tsv")):
        out.extend(parse_examples(read_lines(file), file.name))
    return out


def common_words(model: LanguageModel) -> frozenset[str]:
    """Return the COMMON most frequent words of the model."""
    words = sorted(model.vocabulary, key=lambda w: -float(model.unigrams[model.vocabulary[w]]))
    return frozenset(words[:COMMON])


def common_form(row: Row, words: frozenset[str]) -> str | None:
    """Return the likeliest spun form for which *row* needs an example, or None."""
    if row.family in ("agreement", "user") or row.file == BY_TERMS or fires(row) < LEAST:
        return None
    best = max(row.weights)
    ranked = sorted(zip(row.weights, row.spun), key=lambda p: -p[0])
    return next((s for w, s in ranked if w >= WORTH * best and words.issuperset(s.split())), None)


def lint_examples(rows: Iterable[Row], examples: Iterable[Example], words: frozenset[str]) -> list[str]:
    """Return the faults, a line each: unsound examples, and common rows whose original has none."""
    rows = list(rows)
    offered = {(row.original.casefold(), form.casefold()) for row in rows for form in row.spun}
    faults: list[str] = []
    shown: set[str] = set()
    for example in examples:
        key = (example.original.casefold(), example.spun.casefold())
        if key not in offered:
            faults.append(f"{example.where}: no row makes {example.spun!r} of {example.original!r}")
        if len(occurrence(example.original).findall(example.restored)) != 1:
            faults.append(f"{example.where}: {example.original!r} does not stand once in {example.restored!r}")
        if example.kept and len(occurrence(example.spun).findall(example.kept)) != 1:
            faults.append(f"{example.where}: {example.spun!r} does not stand once in {example.kept!r}")
        shown.add(key[0])
    for row in rows:
        form = common_form(row, words)
        if form is not None and row.original.casefold() not in shown:
            faults.append(f"{row.where}: {row.original!r} has no example, though {form!r} is a common word")
    return faults
