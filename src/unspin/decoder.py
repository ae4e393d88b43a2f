"""From posteriors to a decision: which spans are restored to what, and what else they might have been."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .inference import Reading
from .phrase_table import PhraseTable
from .tokens import Tokens, ranges


class Span(NamedTuple):
    """A restored stretch: words ``first``–``last`` (inclusive indices into `Tokens.words`).

    ``best``, ``stop``: its readings in `Choice`, the best first; ``kept``: posterior of the spun text itself
    """

    first: int
    last: int
    best: int
    stop: int
    kept: float


class Choice(NamedTuple):
    """Spans to restore, in order, none overlapping, and all readings that were weighed.

    ``entry``: table entry of each reading; ``begin``, ``end``: the words of its original that it stands for;
    ``posterior``: its probability
    """

    spans: list[Span]
    entry: np.ndarray
    begin: list[int]
    end: list[int]
    posterior: list[float]


#: How much more probable a part must be than the whole to be restored without it.
_WHOLE = 1.1
#: Readings under this posterior are not worth naming.
_LEAST = 5e-3


def choose(table: PhraseTable, tokens: Tokens, reading: Reading, min_confidence: float) -> Choice:
    """Return the spans to restore.

    Arcs are taken apart into the stretches that they change, and those that come to the same words are one reading
    ("the knowledge" → "the data" and "knowledge" → "data"). Of readings that conflict the more probable is taken
    (maximum expected accuracy, Goodman 1996); never one that is less probable than keeping the text, nor one under
    *min_confidence*.
    """
    likely = reading.posterior > _LEAST
    arcs, chances = reading.arcs[likely], reading.posterior[likely]
    if not len(arcs):
        return Choice([], arcs.entry, [], [], [])
    begin = table.pieces_from[arcs.entry]
    count = table.pieces_from[arcs.entry + 1] - begin
    which = np.repeat(np.arange(len(arcs)), count)
    piece = table.piece[ranges(begin, count)]
    chance_of = chances[which]
    entry = arcs.entry[which]
    start = arcs.start[which] + piece[:, 0]
    length = (piece[:, 1] - piece[:, 0]).astype(np.int64)
    # Words that an arc leaves as they are are kept by it.
    same = np.zeros(len(tokens.stream) + 1)
    np.add.at(same, arcs.start, chances)
    np.add.at(same, arcs.stop, -chances)
    part = np.flatnonzero((piece[:, 5] == 0) | (count[which] == 1))
    np.add.at(same, start[part], -chance_of[part])
    np.add.at(same, start[part] + length[part], chance_of[part])
    stay = np.append(reading.kept, 1.0) + np.cumsum(same)
    # One integer a (start, length, words): spans are short and a section holds few thousand positions.
    place = start * 64 + length
    order = np.lexsort((entry, -chance_of))
    key = (place * (len(table.piece) + 1) + piece[:, 4])[order]
    _, best, group = np.unique(key, return_index=True, return_inverse=True)
    posterior = np.minimum(np.bincount(group, weights=chance_of[order], minlength=len(best)), 1.0)
    # A group is named by its most probable arc; groups of one place are ranked, the best first.
    best = order[best]
    ranked = np.lexsort((entry[best], -posterior, place[best]))
    best, posterior = best[ranked], posterior[ranked]
    place = place[best]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    stops = [*first[1:].tolist(), len(best)]
    lo, hi = start[best[first]], (start + length)[best[first]]
    chance = posterior[first]
    # Each place's chance of being kept is that of its least likely word.
    covered = np.minimum.reduceat(stay, np.stack([lo, hi], axis=1).ravel())[::2]
    good = (chance >= max(min_confidence, 1e-9)) & (chance >= covered)
    candidates = np.flatnonzero(good)
    rank = chance * np.where(piece[best[first], 5] > 0, _WHOLE, 1.0)
    candidates = candidates[np.lexsort((lo[candidates], -rank[candidates]))].tolist()
    begin, end, kept = lo.tolist(), hi.tolist(), np.round(covered, 4).tolist()
    group_first = first.tolist()
    at = tokens.at.tolist()
    taken = bytearray(len(at))
    spans = []
    for g in candidates:
        a, b = begin[g], end[g]
        if any(taken[a:b]):
            continue
        taken[a:b] = b"\1" * (b - a)
        i, j = group_first[g], stops[g]
        spans.append(Span(at[a], at[b - 1], i, j, kept[g]))
    spans.sort()
    return Choice(
        spans, entry[best], piece[best, 2].tolist(), piece[best, 3].tolist(), np.round(posterior, 4).tolist()
    )
