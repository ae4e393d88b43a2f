"""A spinner for measuring: spins clean text with the table's own rows by the rules of its families.

Every original outside protected places and not beside a hyphen is replaced if the document's list holds it (probability
``fires``), longest first, one draw an original, letter case and document for news; the web spinners draw each time. What
was inserted is not spun again, and no article is made to agree. The result is aligned with its original by construction.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate

from unspin.protected import find_places, free_words
from unspin.rendering import case_like
from unspin.rows import EVERY_ITEM, Row
from unspin.table_compiler import fires
from unspin.tokens import HYPHEN, gap_classes, split, tokenise

#: Families that clean text is spun by.
FAMILIES = ("news", "web", "turbo", "thesaurus")


@dataclass(frozen=True, slots=True)
class Replaced:
    """``spun[start:end]`` stands for ``original[begin:stop]`` (code points); ``row`` offered it."""

    start: int
    end: int
    begin: int
    stop: int
    row: Row


@dataclass(frozen=True, slots=True)
class Spun:
    """A spun text, what it was made of, and what was replaced in it, in order."""

    text: str
    original: str
    places: tuple[Replaced, ...]


class Spinner:
    """Spins with the rows of one family; deterministic for a seed."""

    def __init__(self, rows: list[Row], family: str) -> None:
        self.family = family
        self.rows: dict[tuple[str, ...], Row] = {}
        for row in rows:
            if row.family == family and not row.needs and not row.excludes and not row.common:
                self.rows.setdefault(tuple(split(row.original)[1]), row)
        self.longest = max(map(len, self.rows), default=1)

    def spin(self, text: str, seed: int, rate: float = 1.0) -> Spun:
        """Spin *text*; ``rate``: share of the list that is used."""
        draw = random.Random(seed)
        tokens = tokenise(text, {})
        parts, words = list(tokens.parts), tokens.words
        offsets = tokens.offsets.tolist()
        free = free_words(tokens.offsets, find_places(text))
        # Hyphenated neighbours are left, as spinners leave them.
        hyphen = [HYPHEN in gap_classes(gap) for gap in parts[::2]]
        fired: dict[tuple[str, ...], bool] = {}
        chosen: dict[tuple[tuple[str, ...], bool], str] = {}
        places: list[tuple[int, int, Row]] = []
        k = 0
        while k < len(words):
            for length in range(min(self.longest, len(words) - k), 0, -1):
                key = tuple(words[k : k + length])
                row = self.rows.get(key)
                if row is None or not free[k : k + length].all():
                    continue
                if any(gap_classes(parts[2 * j]) for j in range(k + 1, k + length)) or hyphen[k] or hyphen[k + length]:
                    continue
                # A capital in the original makes it a name: only that is replaced.
                named = row.original != row.original.lower()
                if named and "".join(parts[2 * k + 1 : 2 * (k + length)]) != row.original:
                    continue
                if key not in fired:
                    fired[key] = draw.random() < fires(row) * rate
                if not fired[key]:
                    continue
                upper = parts[2 * k + 1][:1].isupper()
                if self.family in EVERY_ITEM or (key, upper) not in chosen:
                    chosen[key, upper] = draw.choices(row.spun, row.weights)[0]
                spun = "".join(parts[2 * k + 1 : 2 * (k + length)])
                parts[2 * k + 1] = case_like(chosen[key, upper], spun, sentence_start=True)
                for j in range(2 * k + 2, 2 * (k + length)):
                    parts[j] = ""
                places.append((k, length, row))
                k += length - 1
                break
            k += 1
        at = [0, *accumulate(map(len, parts))]
        replaced = (
            Replaced(at[2 * k + 1], at[2 * (k + n)], int(offsets[2 * k + 1]), int(offsets[2 * (k + n)]), row)
            for k, n, row in places
        )
        return Spun("".join(parts), text, tuple(replaced))
