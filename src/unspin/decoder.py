"""From posteriors to a decision: which spans are restored to what, and what else they might have been."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .calibration import Calibration
from .inference import Reading
from .phrase_table import PhraseTable
from .tokens import Tokens, ranges


class Choice(NamedTuple):
    """Spans to restore, in order, none overlapping, and all readings that were weighed.

    One a span: ``first``, ``last``: words, inclusive indices into `Tokens.words`; ``best``, ``stop``: its readings,
    the best first; ``kept``: confidence in the spun text itself.

    One a reading: ``entry``: entry of the table; ``begin``, ``end``: the words of its original that it stands for;
    ``confidence``: its calibrated probability.
    """

    first: np.ndarray
    last: np.ndarray
    best: np.ndarray
    stop: np.ndarray
    kept: np.ndarray
    entry: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    confidence: np.ndarray


#: How much more probable a part must be than the whole to be restored without it.
_WHOLE = 1.1
#: Readings under this posterior are not worth naming.
_LEAST = 5e-3


def choose(
    table: PhraseTable, tokens: Tokens, reading: Reading, min_confidence: float, calibration: Calibration
) -> Choice:
    """Return the spans to restore.

    Arcs are taken apart into the stretches that they change, and those that come to the same words are one reading
    ("the knowledge" → "the data" and "knowledge" → "data"). Of readings that conflict the more probable is taken
    (maximum expected accuracy, Goodman 1996); never one that is less probable than keeping the text, nor one whose
    confidence is under *min_confidence*. What leaves here is calibrated, once for all.
    """
    likely = reading.posterior > _LEAST
    arcs, chances = reading.arcs[likely], reading.posterior[likely]
    if not len(arcs):
        none = np.zeros(0, dtype=np.int64)
        return Choice(none, none, none, none, chances, none, none, none, chances)
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
    stops = np.append(first[1:], len(best))
    lo, hi = start[best[first]], (start + length)[best[first]]
    chance = posterior[first]
    # Each place's chance of being kept is that of its least likely word.
    covered = np.minimum.reduceat(stay, np.stack([lo, hi], axis=1).ravel())[::2]
    confidence, kept = calibration.places(posterior, first, covered)
    # A stretch that begins or ends in a mark ("u . s . a .") is as far as its words go; of marks alone none is rewritten.
    words = np.maximum.accumulate(tokens.at)
    begins, ends = words[lo - 1] + 1, words[hi - 1]
    good = (begins <= ends) & (confidence[first] >= max(min_confidence, 1e-9)) & (chance >= covered)
    candidates = np.flatnonzero(good)
    rank = chance * np.where(piece[best[first], 5] > 0, _WHOLE, 1.0)
    chosen = _settle(lo, hi, rank, candidates)
    return Choice(
        begins[chosen], ends[chosen], first[chosen], stops[chosen], kept[chosen],
        entry[best], piece[best, 2], piece[best, 3], confidence,
    )  # fmt: skip


def _settle(lo: np.ndarray, hi: np.ndarray, rank: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return those of *candidates* (indices, in order of place) that stand, of overlapping ones the first by rank."""
    begin, end = lo[candidates], hi[candidates]
    clash = np.zeros(len(candidates), dtype=bool)
    if len(candidates) > 1:
        reach = np.maximum.accumulate(end)[:-1]
        clash[1:] = begin[1:] < reach
        clash[:-1] |= end[:-1] > begin[1:]
    keep = ~clash
    rivals = np.flatnonzero(clash)
    taken: set[int] = set()
    for k in rivals[np.lexsort((begin[rivals], -rank[candidates[rivals]]))].tolist():
        span = range(begin[k], end[k])
        if taken.isdisjoint(span):
            taken.update(span)
            keep[k] = True
    return candidates[keep]
