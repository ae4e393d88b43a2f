"""Is an edit right? Judged by itself, against the true original, whatever its neighbours are.

An edit is *right* if, made alone in the stretch of text that it lies in, (1) the word edit distance (Levenshtein, words in
lower case) to the true original of that stretch falls, and (2) the words that it writes stand in the original one for one
in an alignment of that smaller distance. The second asks more than the first: "as per" for "in accordance with" takes an
error away where the truth is "according to", and is wrong.

The stretch is the line where spun text and original are known line by line (real pairs), and the replaced stretches that
the edit touches, no more, where every replacement is known (text spun here). An edit that touches none is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from unspin.edits import Edit
from unspin.scoring import advance
from unspin.tokens import split, tokenise

from .spin import Spun


class Stretch:
    """A spun stretch beside its original: distances from both ends, so that one edit more costs little.

    ``ahead[i][k]``   word errors between the first *i* words of the stretch and the first *k* of the original
    ``behind[i][k]``  between what follows on word *i* of the stretch and on word *k* of the original
    """

    def __init__(self, spun: Sequence[str], original: Sequence[str]) -> None:
        number = {w: n for n, w in enumerate(dict.fromkeys(original))}
        self._number = number
        self._ids = np.array([number[w] for w in original], dtype=np.int64)
        self._ramp = np.arange(len(original) + 1, dtype=np.int64)
        self.ahead = list(self._rows(spun, self._ids))
        self.behind = [row[::-1] for row in self._rows(spun[::-1], self._ids[::-1])][::-1]

    def _rows(self, words: Sequence[str], ids: np.ndarray) -> Iterator[np.ndarray]:
        row = self._ramp
        yield row
        for word in words:
            row = advance(row, self._number.get(word, -1), ids, self._ramp)
            yield row

    def right(self, first: int, stop: int, words: Sequence[str]) -> bool:
        """Whether it is right to write *words* for words *first* to *stop* (exclusive) of the stretch."""
        start, rest = self.ahead[first], self.behind[stop]
        row = start
        for word in words:
            row = advance(row, self._number.get(word, -1), self._ids, self._ramp)
        after = int((row + rest).min())
        if after >= int(self.ahead[-1][-1]):
            return False
        size = len(words)
        wanted = [self._number.get(word, -1) for word in words]
        return any(
            int(start[k] + rest[k + size]) == after and self._ids[k : k + size].tolist() == wanted
            for k in range(len(self._ids) - size + 1)
        )


def judge_line(spun: str, original: str, edits: Iterable[tuple[int, int, str]]) -> list[bool]:
    """Judge each edit ``(start, end, text)`` of *spun* (offsets within it); both are one stretch.

    >>> judge_line("an precise ban on gross sales", "an actual ban on sales", [(3, 10, "actual"), (18, 29, "selling")])
    [True, False]
    """
    tokens = tokenise(spun, {})
    starts = tokens.offsets[1:-1:2]
    stretch = Stretch(tokens.words, split(original)[1])
    return [
        stretch.right(int(np.searchsorted(starts, start)), int(np.searchsorted(starts, end)), split(text)[1])
        for start, end, text in edits
    ]


def judge_pair(spun: str, original: str, edits: Iterable[Edit]) -> list[bool]:
    """Judge each edit of a text whose original is known line by line."""
    left = sorted(edits, key=lambda e: e.start)
    out: list[bool] = []
    at = 0
    for line, truth in zip(spun.split("\n"), original.split("\n")):
        end = at + len(line)
        mine = [(e.start - at, e.end - at, e.original) for e in left if at <= e.start < end]
        out += judge_line(line, truth, mine) if mine else []
        at = end + 1
    return out


def judge_spun(spun: Spun, edits: Iterable[Edit]) -> list[bool]:
    """Judge each edit of a text that was spun here, against what it touches of what was replaced."""
    out: list[bool] = []
    for edit in edits:
        touched = [p for p in spun.places if p.start < edit.end and edit.start < p.end]
        if not touched:
            out.append(False)
            continue
        # Outside replaced stretches both texts are the same, so that offsets go along.
        start, end = min(edit.start, touched[0].start), max(edit.end, touched[-1].end)
        begin, stop = touched[0].begin - (touched[0].start - start), touched[-1].stop + (end - touched[-1].end)
        change = (edit.start - start, edit.end - start, edit.original)
        out += judge_line(spun.text[start:end], spun.original[begin:stop], [change])
    return out
