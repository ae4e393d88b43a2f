"""The lattice of readings: every stream position kept, or covered by an original that the table offers.

*Nodes* are words at a place: one for each stream id kept as it stands, and a chain of them for each original
of one or more words. *Junctions* are where nodes meet: the boundaries of the stream (0 … n) and, numbered
after them, the inner joints of many-word originals.

*Cuts* are boundaries that every reading passes with the same words before it. Between cuts the text falls
into independent *clusters*, which the decoder sums over side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .phrase_table import PhraseTable
from .tokens import ranges, stable_order

#: Levels a stream position is worth: inner joints of originals up to that many words get their own.
STEP = 16


@dataclass(frozen=True, slots=True)
class Arcs:
    """Candidate originals: stream span ``start``–``stop`` (int64[m]) read as ``entry`` (int64[m]) of the table."""

    start: np.ndarray
    stop: np.ndarray
    entry: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, mask: np.ndarray) -> Arcs:
        return Arcs(self.start[mask], self.stop[mask], self.entry[mask])


@dataclass(frozen=True, slots=True)
class Lattice:
    """N nodes over a stream of ``positions`` ids; kept ids first, in order, then the words of arcs.

    ``word``   int64[N]: token id; ``left``, ``right``: int64[N] junctions
    ``arc``    int64[N]: index into ``arcs``, -1 for kept ids
    ``head``   bool[N]: the first word of an arc, which carries the arc's channel probability
    ``level``  int64[J]: place of each junction, STEP a stream position
    """

    positions: int
    arcs: Arcs
    word: np.ndarray
    left: np.ndarray
    right: np.ndarray
    arc: np.ndarray
    head: np.ndarray
    level: np.ndarray


def build(table: PhraseTable, stream: np.ndarray, arcs: Arcs) -> Lattice:
    """Lay *arcs* over *stream* (int64[n])."""
    n = len(stream)
    output = table.original[arcs.entry]
    begin = table.tokens_from[output]
    size = table.tokens_from[output + 1] - begin
    chain = np.repeat(np.arange(len(arcs)), size)
    step = ranges(np.zeros(len(size), dtype=np.int64), size)
    last = step == size[chain] - 1
    # Inner joints are numbered after the boundaries, size - 1 of them an arc.
    inner_from = (n + 1 + np.cumsum(size - 1) - (size - 1))[chain] + step
    left = np.where(step == 0, arcs.start[chain], inner_from - 1)
    right = np.where(last, arcs.stop[chain], inner_from)
    keep = np.arange(n)
    inner = np.flatnonzero(~last)
    owner = chain[inner]
    # As few different levels as can be: joints stand at the boundaries of the span as far as it has any, those
    # of an original longer than its span one after the other before them.
    surplus = np.maximum(size - (arcs.stop - arcs.start), 0)[owner]
    done = step[inner] + 1
    inner_level = arcs.start[owner] * STEP + np.minimum(done, surplus) + np.maximum(done - surplus, 0) * STEP
    return Lattice(
        n,
        arcs,
        np.concatenate([stream, table.tokens[ranges(begin, size)]]),
        np.concatenate([keep, left]),
        np.concatenate([keep + 1, right]),
        np.concatenate([np.full(n, -1), chain]),
        np.concatenate([np.zeros(n, dtype=bool), step == 0]),
        np.concatenate([np.arange(n + 1) * STEP, inner_level]),
    )


def select(lattice: Lattice, alive: np.ndarray) -> Lattice:
    """Return the lattice with the nodes of the mask *alive* (bool[N]) alone; an arc lives or dies whole."""
    arc = lattice.arc[alive]
    kept_arc = np.zeros(len(lattice.arcs), dtype=bool)
    kept_arc[arc[arc >= 0]] = True
    renumber = np.append(np.cumsum(kept_arc) - 1, -1)
    return Lattice(
        lattice.positions, lattice.arcs[kept_arc], lattice.word[alive], lattice.left[alive], lattice.right[alive],
        renumber[arc], lattice.head[alive], lattice.level,
    )  # fmt: skip


def cuts(lattice: Lattice, history: int) -> np.ndarray:
    """Return bool[J]: boundaries that every path passes with the same *history* (1 or 2) words before them."""
    n = lattice.positions
    junctions = len(lattice.level)
    spans = np.zeros(n + 2, dtype=np.int64)
    np.add.at(spans, lattice.arcs.start + 1, 1)
    np.add.at(spans, lattice.arcs.stop, -1)
    known = np.ones(junctions, dtype=bool)
    known[: n + 1] = np.cumsum(spans)[: n + 1] == 0
    known &= np.bincount(lattice.right, minlength=junctions) == 1
    cut = known.copy()
    cut[n + 1 :] = False
    if history == 2:
        last = np.zeros(junctions, dtype=np.int64)
        last[lattice.right] = lattice.left
        cut &= known[last]
    return cut


def join(right: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return index arrays ``(i, j)`` of all pairs with ``right[i] == left[j]``, in order of i."""
    order = stable_order(left)
    size = int(max(right.max(initial=0), left.max(initial=0))) + 1
    count_at = np.bincount(left, minlength=size)
    begin_at = np.cumsum(count_at) - count_at
    count = count_at[right]
    return np.repeat(np.arange(len(right)), count), order[ranges(begin_at[right], count)]
