"""The lattice of readings: every stream position kept, or covered by an original that the table offers.

*Nodes* are words at a place: one for each stream id kept as it stands, and a chain of them for each original
of one or more words. *Junctions* are where nodes meet: the boundaries of the stream (0 … n) and, numbered
after them, the inner joints of many-word originals.

*Cuts* are boundaries that every reading passes with the same words before it. Between cuts the text falls
into independent *clusters*, which the decoder sums over side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import forward_backward, kernels
from .kernels import address
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
        """Those of a mask, or of indices."""
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


@dataclass(frozen=True, slots=True)
class Steps:
    """Which of some states lead to which, target by target.

    ``source``, ``target``: int64[t] states; ``begins``: int64[states + 1], the transitions into state s are
    ``begins[s]`` to ``begins[s + 1]``
    """

    source: np.ndarray
    target: np.ndarray
    begins: np.ndarray


def build(table: PhraseTable, stream: np.ndarray, arcs: Arcs) -> Lattice:
    """Lay *arcs* over *stream* (int64[n])."""
    output = table.original[arcs.entry]
    begin = table.tokens_from[output]
    size = table.tokens_from[output + 1] - begin
    native = kernels.library()
    if native is not None:
        return _build_native(native, table, stream, arcs, begin, size)
    n = len(stream)
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


def _build_native(
    native: Any, table: PhraseTable, stream: np.ndarray, arcs: Arcs, begin: np.ndarray, size: np.ndarray
) -> Lattice:
    n, m, words = len(stream), len(arcs), int(size.sum())
    out, head = np.empty((4, n + words), dtype=np.int64), np.empty(n + words, dtype=bool)
    level = np.empty(n + 1 + words - m, dtype=np.int64)
    at, row = address(out), 8 * (n + words)
    native.unspin_build(
        n, address(stream), m, *map(address, (arcs.start, arcs.stop, begin, size, table.tokens)),
        at, at + row, at + 2 * row, at + 3 * row, address(head), address(level),
    )  # fmt: skip
    word, left, right, arc = out
    return Lattice(n, arcs, word, left, right, arc, head, level)


def select(lattice: Lattice, alive: np.ndarray) -> Lattice:
    """Return the lattice with the nodes of the mask *alive* (bool[N]) alone; an arc lives or dies whole."""
    native = kernels.library()
    if native is not None:
        return _select_native(native, lattice, alive)
    arc = lattice.arc[alive]
    kept_arc = np.zeros(len(lattice.arcs), dtype=bool)
    kept_arc[arc[arc >= 0]] = True
    renumber = np.append(np.cumsum(kept_arc) - 1, -1)
    return Lattice(
        lattice.positions, lattice.arcs[kept_arc], lattice.word[alive], lattice.left[alive], lattice.right[alive],
        renumber[arc], lattice.head[alive], lattice.level,
    )  # fmt: skip


def _select_native(native: Any, lattice: Lattice, alive: np.ndarray) -> Lattice:
    nodes, count = len(alive), int(np.count_nonzero(alive))
    out, head = np.empty((4, count), dtype=np.int64), np.empty(count, dtype=bool)
    kept = np.empty(len(lattice.arcs), dtype=np.int64)
    at = address(out)
    arrays = (alive, lattice.word, lattice.left, lattice.right, lattice.arc, lattice.head)
    arcs = native.unspin_select(
        nodes, *map(address, arrays), *(at + 8 * count * k for k in range(4)), address(head), address(kept)
    )  # fmt: skip
    word, left, right, arc = out
    return Lattice(lattice.positions, lattice.arcs[kept[:arcs]], word, left, right, arc, head, lattice.level)


def select_steps(steps: Steps, alive: np.ndarray) -> tuple[Steps, np.ndarray]:
    """Return the transitions between the states of the mask *alive* (bool[states]), and their indices before."""
    native = kernels.library()
    if native is not None:
        return _select_steps_native(native, steps, alive)
    renumber = np.cumsum(alive) - 1
    kept = np.flatnonzero(alive[steps.source] & alive[steps.target])
    source, target = renumber[steps.source[kept]], renumber[steps.target[kept]]
    begins = np.zeros(int(np.count_nonzero(alive)) + 1, dtype=np.int64)
    np.cumsum(np.bincount(target, minlength=len(begins) - 1), out=begins[1:])
    return Steps(source, target, begins), kept


def _select_steps_native(native: Any, steps: Steps, alive: np.ndarray) -> tuple[Steps, np.ndarray]:
    states, count = len(alive), len(steps.source)
    out, begins = np.empty((3, count), dtype=np.int64), np.empty(2 * states + 1, dtype=np.int64)
    at, scratch = address(out), address(begins)
    left = native.unspin_select_steps(
        states, *map(address, (alive, steps.source, steps.begins)),
        scratch, at, at + 8 * count, at + 16 * count, scratch + 8 * states,
    )  # fmt: skip
    source, target, kept = out[:, :left]
    return Steps(source, target, begins[states : states + int(np.count_nonzero(alive)) + 1]), kept


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


def schedule(lattice: Lattice, steps: Steps, history: int, node: np.ndarray | None = None) -> forward_backward.Schedule:
    """Schedule the transitions between states that know *history* words.

    ``node``: int64[states], the node that each state ends in; None: states are nodes. Levels are counted from the last cut
    at or before where that node starts.
    """
    native = kernels.library()
    if native is not None:
        return _schedule_native(native, lattice, steps, history, node)
    left, right = (lattice.left, lattice.right) if node is None else (lattice.left[node], lattice.right[node])
    cut = cuts(lattice, history)
    boundary = np.arange(lattice.positions + 1)
    base = np.maximum.accumulate(np.where(cut[: lattice.positions + 1], boundary, 0)) * STEP
    arrives = lattice.level[right] - base[lattice.level[left] // STEP]
    return forward_backward.schedule(steps.source, steps.begins, arrives, cut[right])


def _schedule_native(
    native: Any, lattice: Lattice, steps: Steps, history: int, node: np.ndarray | None
) -> forward_backward.Schedule:
    n, junctions, states = lattice.positions, len(lattice.level), len(steps.begins) - 1
    arcs, scratch = lattice.arcs, np.empty(2 * junctions + (STEP + 1) * (n + 1) + 2, dtype=np.int64)
    out, cut = np.empty((2, states), dtype=np.int64), np.empty(junctions + states, dtype=bool)
    at = address(out)
    native.unspin_stand(
        n, junctions, len(lattice.word), *map(address, (lattice.left, lattice.right, lattice.level)),
        len(arcs), address(arcs.start), address(arcs.stop), history, states, None if node is None else address(node),
        address(scratch), address(cut), address(cut) + junctions, at, at + 8 * states,
    )  # fmt: skip
    return forward_backward.Schedule(steps.source, steps.begins, cut[junctions:], out[0], out[1])


def steps(start: np.ndarray, end: np.ndarray, places: int) -> Steps:
    """Return which states lead to which: those that end (int64[s] places) where another starts.

    ``places``: how many there are
    """
    native = kernels.library()
    if native is None:
        target, source = join(start, end)
        begins = np.zeros(len(start) + 1, dtype=np.int64)
        np.cumsum(np.bincount(target, minlength=len(start)), out=begins[1:])
        return Steps(source, target, begins)
    states = len(start)
    scratch, begins = np.empty(places + 1 + states, dtype=np.int64), np.empty(states + 1, dtype=np.int64)
    ending = address(scratch)
    by_end, first = ending + 8 * (places + 1), address(start)
    count = native.unspin_count_steps(states, first, address(end), places, ending, by_end, address(begins))
    out = np.empty((2, count), dtype=np.int64)
    at = address(out)
    native.unspin_list_steps(states, first, ending, by_end, at, at + 8 * count)
    return Steps(out[0], out[1], begins)


def join(right: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return index arrays ``(i, j)`` of all pairs with ``right[i] == left[j]``, in order of i."""
    order = stable_order(left)
    size = int(max(right.max(initial=0), left.max(initial=0))) + 1
    count_at = np.bincount(left, minlength=size)
    begin_at = np.cumsum(count_at) - count_at
    count = count_at[right]
    return np.repeat(np.arange(len(right)), count), order[ranges(begin_at[right], count)]
