"""Rows and tables with something of them changed, for measuring what it is worth."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

from unspin import resources
from unspin.phrase_table import PhraseTable
from unspin.rows import Row
from unspin.table_compiler import compile_rows, fires, terms_of


def compiled(rows: Iterable[Row]) -> PhraseTable:
    """Compile *rows* as the shipped table is, with the terms that it carries."""
    model = resources.language_model()
    return compile_rows(rows, model, terms_of(resources.phrase_table(), model))


def without(rows: Iterable[Row], share: float, seed: int = 0) -> list[Row]:
    """Return *rows* without a random *share* of them; a larger share drops what a smaller one does, and more."""
    draw = random.Random(seed)
    return [row for row in rows if draw.random() >= share]


def uniform(rows: Iterable[Row]) -> list[Row]:
    """Return *rows* with all alternatives of a row equally likely.

    >>> from unspin.rows import parse_row
    >>> uniform([parse_row("price = worth*3 | value")])[0].weights
    (0.5, 0.5)
    """
    return [replace(row, weights=(1 / len(row.spun),) * len(row.spun)) for row in rows]


def firing(rows: Iterable[Row], probability: float) -> list[Row]:
    """Return *rows*, all touching their original with one *probability*."""
    return [replace(row, fires=probability) for row in rows]


def one_list(rows: Iterable[Row], least: float = 0.5, typical: float = 0.5) -> list[Row]:
    """Return the list of a spinner that *rows* describe, as if nothing about it was in doubt.

    Rows that the list holds rather than not (``fires`` at least *least*); of their alternatives those at least *typical*
    times as likely as the likeliest. All of them fire, all alternatives are equally likely.
    """
    held = (row for row in rows if fires(row) >= least)
    typically = (
        replace(row, spun=tuple(s for s, w in zip(row.spun, row.weights) if w >= typical * max(row.weights))) for row in held
    )
    return firing(uniform(typically), 1.0)
