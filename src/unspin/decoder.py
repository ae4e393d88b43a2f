"""From posteriors to a decision: which spans are restored to what, and what else they might have been."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import kernels
from .calibration import Calibration
from .inference import Reading
from .kernels import address
from .phrase_table import PhraseTable
from .tokens import Tokens, numbered, ranges


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
#: How sure a reading can be where what is said of a spun form is drawn together.
_SURE = 1e-3
#: An odd number with bits all over, for hashing.
_MIX = np.int64(0x5851F42D4C957F2D)


def choose(
    table: PhraseTable,
    tokens: Tokens,
    reading: Reading,
    min_confidence: float,
    calibration: Calibration,
    agree: float = 0.0,
    worth: float = 1.0,
) -> Choice:
    """Return the spans to restore.

    Arcs are taken apart into the stretches that they change, and those that come to the same words are one reading
    ("the knowledge" → "the data" and "knowledge" → "data"); what a spun form stands for in one place it likely stands for
    in another (`_agreed`). Of readings that conflict the more probable is taken (maximum expected accuracy, Goodman 1996);
    never one that is less probable than keeping the text, nor one whose confidence is under *min_confidence*. What leaves
    here is calibrated, once for all.

    ``agree``: see `Settings`; ``worth``: spans that are less sure than *min_confidence*, but at least so sure, are there
    too where they conflict with none to restore, for a second opinion; `settled` takes them away again.
    """
    native = kernels.library()
    n = len(tokens.stream)
    found = _readings(table, reading, n) if native is None else _readings_native(native, table, reading, n)
    lo, hi, first = found.lo, found.hi, found.first
    if not len(first):
        return Choice(first, first, first, first, found.posterior, first, first, first, found.posterior)
    found = _agreed(found, tokens, agree)
    chance = found.posterior[first]
    # Each place's chance of being kept is that of its least likely word.
    stay = np.append(reading.kept, 1.0) + found.left
    covered = np.minimum.reduceat(stay, np.stack([lo, hi], axis=1).ravel())[::2]
    confidence, kept = calibration.places(found.posterior, first, covered)
    # A stretch that begins or ends in a mark ("u . s . a .") is as far as its words go; of marks alone none is rewritten.
    words = np.maximum.accumulate(tokens.at)
    begins, ends = words[lo - 1] + 1, words[hi - 1]
    good = _sure(confidence[first], kept, min_confidence)
    candidates = np.flatnonzero((good | (confidence[first] >= worth)) & (begins <= ends))
    # What is to be restored comes before what may be.
    rank = chance * np.where(found.whole[first], _WHOLE, 1.0) + good * 2.0
    chosen = _settle(lo, hi, rank, candidates)
    return Choice(
        begins[chosen], ends[chosen], first[chosen], np.append(first[1:], len(found.entry))[chosen], kept[chosen],
        found.entry, found.begin, found.end, confidence,
    )  # fmt: skip


def _sure(best: np.ndarray, kept: np.ndarray, min_confidence: float) -> np.ndarray:
    """bool[n]: whether the best readings of places are sure enough to be restored."""
    out: np.ndarray = (best >= max(min_confidence, 1e-9)) & (best >= kept)
    return out


def settled(choice: Choice, min_confidence: float) -> Choice:
    """Return *choice* with the spans alone whose best reading is sure enough to be restored."""
    good = _sure(choice.confidence[choice.best], choice.kept, min_confidence)
    spans = {name: getattr(choice, name)[good] for name in ("first", "last", "best", "stop", "kept")}
    return choice._replace(**spans)


class Readings(NamedTuple):
    """What the arcs come to, place by place in order, the best reading of a place first.

    One a reading: ``entry``, ``begin``, ``end`` as in `Choice`; ``words``: a number, equal for equal words; ``posterior``;
    ``whole``: whether it is all of the arc.

    One a place: ``lo``, ``hi``: stream positions; ``first``: its first reading.

    ``left``: float64[n + 1], of each stream position the posterior of the arcs over it that leave it as it is.
    """

    entry: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    words: np.ndarray
    whole: np.ndarray
    posterior: np.ndarray
    lo: np.ndarray
    hi: np.ndarray
    first: np.ndarray
    left: np.ndarray


def _readings(table: PhraseTable, reading: Reading, n: int) -> Readings:
    likely = reading.posterior > _LEAST
    arcs, chances = reading.arcs[likely], reading.posterior[likely]
    begin = table.pieces_from[arcs.entry]
    count = table.pieces_from[arcs.entry + 1] - begin
    which = np.repeat(np.arange(len(arcs)), count)
    piece = table.piece[ranges(begin, count)].astype(np.int64)
    chance_of = chances[which]
    entry = arcs.entry[which]
    start = arcs.start[which] + piece[:, 0]
    length = piece[:, 1] - piece[:, 0]
    # Words that an arc leaves as they are are kept by it.
    same = np.zeros(n + 1)
    np.add.at(same, arcs.start, chances)
    np.add.at(same, arcs.stop, -chances)
    part = np.flatnonzero((piece[:, 5] == 0) | (count[which] == 1))
    np.add.at(same, start[part], -chance_of[part])
    np.add.at(same, start[part] + length[part], chance_of[part])
    # One integer a (start, length, words): spans are short and a section holds few thousand positions.
    place = start * 64 + length
    order = np.lexsort((entry, -chance_of))
    key = (place * (len(table.fires) + len(table.piece)) + piece[:, 4])[order]
    _, best, group = np.unique(key, return_index=True, return_inverse=True)
    posterior = np.minimum(np.bincount(group, weights=chance_of[order], minlength=len(best)), 1.0)
    # A group is named by its most probable arc; groups of one place are ranked, the best first.
    best = order[best]
    ranked = np.lexsort((entry[best], -posterior, place[best]))
    best, posterior = best[ranked], posterior[ranked]
    first = np.flatnonzero(np.diff(place[best], prepend=-1))
    lo, hi = start[best[first]], (start + length)[best[first]]
    return Readings(
        entry[best], piece[best, 2], piece[best, 3], piece[best, 4], piece[best, 5] > 0, posterior, lo, hi, first,
        np.cumsum(same),
    )  # fmt: skip


def _readings_native(native: Any, table: PhraseTable, reading: Reading, n: int) -> Readings:
    arcs, m = reading.arcs, len(reading.arcs)
    most = int((table.pieces_from[arcs.entry + 1] - table.pieces_from[arcs.entry]).sum())
    # Scratch: of each piece 40 bytes.
    scratch, left, posterior = np.empty(5 * most), np.empty(n + 1), np.empty(most)
    out, whole, counts = np.empty((7, most), dtype=np.int64), np.empty(most, dtype=bool), np.empty(2, dtype=np.int64)
    at, row = address(out), 8 * most
    native.unspin_readings(
        n, m, *map(address, (arcs.start, arcs.stop, arcs.entry, reading.posterior)), _LEAST,
        *map(address, (table.pieces_from, table.piece, scratch, left)), *(at + row * k for k in range(4)),
        address(whole), address(posterior), *(at + row * k for k in range(4, 7)), address(counts),
    )  # fmt: skip
    places, readings = counts.tolist()
    # Copies: who keeps the account of many documents keeps these, and not what was set aside for more.
    entry, begin, end, words = out[:4, :readings].copy()
    lo, hi, first = out[4:, :places]
    return Readings(entry, begin, end, words, whole[:readings], posterior[:readings].copy(), lo, hi, first, left)


def _agreed(found: Readings, tokens: Tokens, share: float) -> Readings:
    """Return *found* with the posteriors of one spun form drawn together, in log-odds, by a *share* of the way to their mean.

    Where a spun form stands several times, capital apart, the same was likely meant each time. The words around make the
    n-grams now more, now less sure of it, so that one place would be restored and the next one left.
    """
    if not share:
        return found
    lo, hi, first = found.lo, found.hi, found.first
    capital, native = tokens.capital[tokens.at[lo]], kernels.library()
    if native is not None:
        return _agreed_native(native, found, tokens.stream, capital, share)
    # The ids of a span as one number of 64 bits: different spans hardly ever have the same.
    shown = capital + hi - lo
    with np.errstate(over="ignore"):
        for k in range(int((hi - lo).max())):
            within = lo + k < hi
            shown[within] = shown[within] * _MIX + tokens.stream[lo[within] + k]
        count = np.diff(first, append=len(found.entry))
        same = numbered((np.repeat(shown, count) * _MIX + found.words).astype(np.int64))
    times = np.bincount(same)
    if times.max() < 2:
        return found
    p = np.clip(found.posterior, _SURE, 1.0 - _SURE)
    odds = np.log(p / (1.0 - p))
    mean = np.bincount(same, weights=odds) / times
    together = 1.0 / (1.0 + np.exp(-((1.0 - share) * odds + share * mean[same])))
    posterior = np.where(times[same] > 1, together, found.posterior)
    # Of one place the best comes first again.
    return _ranked(found, posterior, np.lexsort((-posterior, np.repeat(np.arange(len(first)), count))))


def _agreed_native(native: Any, found: Readings, stream: np.ndarray, capital: np.ndarray, share: float) -> Readings:
    lo, hi, first, words = map(np.ascontiguousarray, (found.lo, found.hi, found.first, found.words))
    count, posterior = len(words), found.posterior.copy()
    scratch, order = np.empty(5 * count), np.empty(count, dtype=np.int64)
    changed = native.unspin_agreed(
        len(first), *map(address, (lo, hi, first, capital, stream)), count, address(words), share, _SURE,
        *map(address, (scratch, posterior, order)),
    )  # fmt: skip
    return _ranked(found, posterior, order) if changed else found


def _ranked(found: Readings, posterior: np.ndarray, order: np.ndarray) -> Readings:
    """Return *found* with another posterior, the readings of each place in another *order*."""
    return found._replace(
        entry=found.entry[order], begin=found.begin[order], end=found.end[order], words=found.words[order],
        whole=found.whole[order], posterior=posterior[order],
    )  # fmt: skip


def _settle(lo: np.ndarray, hi: np.ndarray, rank: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return those of *candidates* (indices, in order of place) that stand, of overlapping ones the first by rank."""
    begin, end = lo[candidates], hi[candidates]
    native = kernels.library()
    if native is not None:
        count, ranks, n = len(candidates), rank[candidates], int(end.max(initial=0))
        scratch, covered, stands = np.empty(5 * count), np.empty(n, dtype=bool), np.empty(count, dtype=bool)
        native.unspin_settle(n, count, *map(address, (begin, end, ranks, scratch, covered, stands)))
        return candidates[stands]
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
