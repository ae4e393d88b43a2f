"""Table coverage: for how many of the true edits does the table offer the right original?

An oracle walks the table's readings of a spun line and takes those that come closest to the true original
(minimum edit distance between the lattice of readings and the original). What it can't restore, no model can.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np

from unspin.evidence import find_matches
from unspin.phrase_table import PhraseTable
from unspin.tokens import split, tokenise


@dataclass
class Coverage:
    """``edits``: places where spun text and original differ; ``covered``: those that the oracle restores whole."""

    edits: int = 0
    covered: int = 0

    @property
    def share(self) -> float:
        return self.covered / self.edits if self.edits else 1.0

    def add(self, other: Coverage) -> None:
        self.edits += other.edits
        self.covered += other.covered


def oracle(table: PhraseTable, spun: str, original: list[str]) -> list[str]:
    """Return the reading of *spun*, as words, that is nearest to the words of *original*."""
    tokens = tokenise(spun, table.vocabulary)
    words = tokens.words
    arcs: list[list[tuple[int, list[str]]]] = [[(i + 1, [w])] for i, w in enumerate(words)]
    found = find_matches(table.match(tokens.stream), tokens, np.ones(len(words), dtype=bool))
    for start, length, phrase in zip(found.start.tolist(), found.length.tolist(), found.phrase.tolist()):
        first, last = int(tokens.at[start]), int(tokens.at[start + length - 1])
        if first >= 0 and last >= 0:
            for entry in range(int(table.entries_from[phrase]), int(table.entries_from[phrase + 1])):
                arcs[first].append((last + 1, split(table.texts[table.row[entry]])[1]))
    size = len(original) + 1
    far = 1e9
    cost = [[far] * size for _ in range(len(words) + 1)]
    back: list[list[tuple[int, int, list[str]] | None]] = [[None] * size for _ in range(len(words) + 1)]
    cost[0] = [float(k) for k in range(size)]
    for i in range(len(words)):
        for rank, (j, output) in enumerate(arcs[i]):
            column, origin = cost[i], list(range(size))
            for word in output:
                new, came = [far] * size, [0] * size
                for k in range(size):
                    best, where = column[k] + 1, origin[k]
                    if k:
                        step = column[k - 1] + (0 if word == original[k - 1] else 1.0001)
                        if step < best:
                            best, where = step, origin[k - 1]
                        if new[k - 1] + 1 < best:
                            best, where = new[k - 1] + 1, came[k - 1]
                    new[k], came[k] = best, where
                column, origin = new, came
            # Of equal readings, the one that changes least.
            for k in range(size):
                if column[k] + 0.001 * (rank > 0) < cost[j][k] - 1e-12:
                    cost[j][k], back[j][k] = column[k] + 0.001 * (rank > 0), (i, origin[k], output)
    out: list[str] = []
    j, k = len(words), size - 1
    while j > 0:
        taken = back[j][k]
        assert taken is not None
        j, k, out[:0] = taken
    return out


def coverage(table: PhraseTable, spun: str, original: str) -> Coverage:
    """Count the edits of a text and those that the table covers, line by line."""
    total = Coverage()
    for spun_line, original_line in zip(spun.split("\n"), original.split("\n")):
        truth, seen = split(original_line)[1], split(spun_line)[1]
        best = oracle(table, spun_line, truth)
        right: set[int] = set()
        for block in difflib.SequenceMatcher(None, best, truth, autojunk=False).get_matching_blocks():
            right.update(range(block.b, block.b + block.size))
        for kind, _, _, j1, j2 in difflib.SequenceMatcher(None, seen, truth, autojunk=False).get_opcodes():
            if kind != "equal":
                total.edits += 1
                # Words that the spinner added have nothing to be covered by but a shorter reading.
                total.covered += all(j in right for j in range(j1, j2)) if j2 > j1 else len(best) <= len(truth)
    return total
