"""What a document offers for weighing: the candidate arcs, and the originals that survived in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .lattice import Arcs, ranges
from .phrase_table import CASED, Matches, PhraseTable
from .rows import FAMILIES
from .tokens import BREAK, HYPHEN, Tokens


# A text under this weight is taken for clean without being weighed further (see `screen`).
SCREEN_OFFSET, SCREEN_SLOPE = -1e9, 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """See `gather`.

    ``arcs``       candidate originals; ``spun``: int64[m], the phrase that each arc's span shows
    ``named``      bool[m]: a single capitalised word amid a sentence, which is likely a name
    ``survivor``   float64[n, F]: P(family would have touched the id), 0 for no original
    ``kept``       the one-token survivors, for each original's own record
    """

    arcs: Arcs
    spun: np.ndarray
    named: np.ndarray
    survivor: np.ndarray
    kept: Matches

    def only(self, table: PhraseTable, families: list[int]) -> Evidence | None:
        """Return the evidence of some families alone; None where the first of them offers nothing."""
        family = table.family[self.arcs.entry]
        if not (family == families[0]).any():
            return None
        mask = np.isin(family, families)
        survivor = np.zeros_like(self.survivor)
        survivor[:, families] = self.survivor[:, families]
        return Evidence(self.arcs[mask], self.spun[mask], self.named[mask], survivor, self.kept)


def screen(table: PhraseTable, found: Matches, words: int, families: np.ndarray) -> bool:
    """Whether a text may be spun at all: a sum of weights, for what is far from it.

    Each family's one-word weights are log P(word | spun) − log P(word | clean), survivors negative; a longer
    phrase counts only where it speaks for spinning.
    """
    weight = table.suspicion[found.phrase]
    longer = found.length > 1
    total = weight[~longer].sum(axis=0)
    total += np.maximum(weight[longer], 0.0).sum(axis=0)
    return bool((total[families] > SCREEN_OFFSET + SCREEN_SLOPE * words).any())


def find_matches(found: Matches, tokens: Tokens, free: np.ndarray) -> Matches:
    """Return the matches outside protected places and not glued to a hyphen.

    ``free``: bool[words], false for words in protected places.
    """
    stream = tokens.stream
    stop = found.start + found.length
    ok = (stream[found.start - 1] != HYPHEN) & (stream[np.minimum(stop, len(stream) - 1)] != HYPHEN)
    if not free.all():
        shut = np.zeros(len(stream) + 1, dtype=np.int64)
        np.cumsum((tokens.at >= 0) & ~free[tokens.at], out=shut[1:])
        ok &= shut[stop] == shut[found.start]
    return Matches(found.start[ok], found.length[ok], found.phrase[ok])


def gather(table: PhraseTable, tokens: Tokens, found: Matches, families: np.ndarray) -> Evidence:
    """Turn matches into arcs and survivors; ``families``: bool[F], those to consider."""
    fires = table.fires[found.phrase] * families
    original = np.flatnonzero(fires.any(axis=1))
    length = found.length[original]
    survivor = np.zeros((len(tokens.stream), len(FAMILIES)))
    # A surviving phrase is one survivor, shared among its words.
    share = np.repeat(fires[original] / length[:, None], length, axis=0)
    np.maximum.at(survivor, ranges(found.start[original], length), share)
    single = original[length == 1]

    begin = table.entries_from[found.phrase]
    count = table.entries_from[found.phrase + 1] - begin
    entry = ranges(begin, count)
    start = np.repeat(found.start, count)
    ok = families[table.family[entry]]
    ok &= _in_context(table, tokens, entry)
    cased = np.flatnonzero((table.flags[entry] & CASED) > 0)
    for k in cased.tolist():
        ok[k] &= tokens.parts[2 * int(tokens.at[start[k]]) + 1][:1].isupper()
    arcs = Arcs(start, np.repeat(found.start + found.length, count), entry)[ok]
    kept = Matches(found.start[single], found.length[single], found.phrase[single])
    return Evidence(arcs, np.repeat(found.phrase, count)[ok], _named(tokens, arcs), survivor, kept)


def _named(tokens: Tokens, arcs: Arcs) -> np.ndarray:
    """Whether each arc reads one capitalised word that begins no sentence and stands in no run of capitals."""
    parts = tokens.parts
    capital = np.array([w[:1].isupper() for w in parts[1::2]], dtype=bool)
    first = tokens.at[arcs.start]
    lone = capital[first] & (arcs.stop - arcs.start == 1) & (tokens.stream[arcs.start - 1] != BREAK)
    before, after = np.maximum(first - 1, 0), np.minimum(first + 1, len(capital) - 1)
    return lone & ~(capital[before] & capital[after])


def _in_context(table: PhraseTable, tokens: Tokens, entry: np.ndarray) -> np.ndarray:
    """Whether the document holds the terms that an entry needs, and none that it excludes."""
    context = table.context[entry]
    ok = np.ones(len(entry), dtype=bool)
    asked = np.unique(context[context >= 0])
    if len(asked):
        words = f" {' '.join(tokens.words)} "

        def holds(term: str) -> bool:
            return f" {term.lower()} " in words or f" {term.lower()}s " in words

        for k in asked.tolist():
            needs, excludes = table.contexts[k]
            if (needs and not any(map(holds, needs))) or any(map(holds, excludes)):
                ok[context == k] = False
    return ok
