"""From posteriors to a decision: which spans are restored to what, and what else they might have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .inference import Reading
from .phrase_table import PhraseTable
from .tokens import Tokens


@dataclass(frozen=True, slots=True)
class Span:
    """A restored stretch: words ``first``–``last`` (inclusive indices into `Tokens.words`).

    ``entries``  table entries that could stand there, the best first, with their posteriors
    ``kept``     posterior of the spun text itself
    """

    first: int
    last: int
    entries: tuple[tuple[int, float], ...]
    kept: float


def choose(table: PhraseTable, tokens: Tokens, reading: Reading, min_confidence: float) -> list[Span]:
    """Return the spans to restore, in order, none overlapping.

    Arcs that come to the same words are one reading ("the knowledge" → "the data" and "knowledge" → "data"). Of
    readings that conflict the more probable is taken (maximum expected accuracy, Goodman 1996); never one that is
    less probable than keeping the text, nor one under *min_confidence*.
    """
    arcs = reading.arcs
    if not len(arcs):
        return []
    start = arcs.start + table.lead[arcs.entry]
    stop = arcs.stop - table.tail[arcs.entry]
    key = np.stack([start, stop, table.output[arcs.entry]])
    _, best, group = np.unique(key, axis=1, return_index=True, return_inverse=True)
    posterior = np.bincount(group.ravel(), weights=reading.posterior, minlength=len(best))
    # Each group is named by its most probable arc.
    order = np.lexsort((arcs.entry, -reading.posterior))
    best[group.ravel()[order[::-1]]] = order[::-1]
    start, stop, entry = start[best], stop[best], arcs.entry[best]

    ranked = np.lexsort((entry, start, -posterior))
    ranked = ranked[posterior[ranked] >= max(min_confidence, 1e-9)]
    taken = np.zeros(len(tokens.stream), dtype=bool)
    spans: list[Span] = []
    for k in ranked.tolist():
        lo, hi = int(start[k]), int(stop[k])
        kept = float(reading.kept[lo:hi].min())
        if posterior[k] < kept or taken[lo:hi].any():
            continue
        taken[lo:hi] = True
        rivals = np.flatnonzero((start == lo) & (stop == hi))
        rivals = rivals[np.lexsort((entry[rivals], -posterior[rivals]))]
        entries = tuple((int(entry[j]), min(float(posterior[j]), 1.0)) for j in rivals.tolist())
        spans.append(Span(int(tokens.at[lo]), int(tokens.at[hi - 1]), entries, kept))
    spans.sort(key=lambda s: s.first)
    return spans
