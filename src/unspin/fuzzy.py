"""Near spellings: a word that nobody writes, one slip away from a spun form of the table."""

from __future__ import annotations

import numpy as np

from .phrase_table import PhraseTable
from .tokens import FIRST_WORD, UNK, Tokens

#: Shorter words have too many neighbours; a slip in one is left alone.
SHORTEST = 7


class NearSpellings:
    """The one-word spun forms of a table, by first letter and length, for look-ups one edit away."""

    def __init__(self, table: PhraseTable) -> None:
        self._table = table
        self._bins: dict[tuple[str, int], list[str]] = {}
        spun = np.flatnonzero(np.diff(table.entries_from) > 0)
        one = set(spun[np.diff(table.tokens_from)[spun] == 1].tolist())
        words = list(table.vocabulary)
        for token in np.flatnonzero(table.single >= 0).tolist():
            if int(table.single[token]) in one:
                word = words[token - FIRST_WORD]
                if len(word) >= SHORTEST - 1 and word.isalpha():
                    self._bins.setdefault((word[0], len(word)), []).append(word)

    def nearest(self, word: str) -> str | None:
        """Return the one spun form within one insertion, deletion, substitution or swap of *word*.

        The first letter must agree; where several are as near, none is returned.
        """
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        near = [w for n in (-1, 0, 1) for w in self._bins.get((word[0], len(word) + n), ())]
        found = extract(word, near, scorer=OSA.distance, score_cutoff=1, limit=2)
        return found[0][0] if len(found) == 1 else None

    def correct(self, tokens: Tokens) -> np.ndarray:
        """Return the stream with each unknown lower-case word replaced by the spun form nearest to it, if any."""
        stream = tokens.stream
        for j in np.flatnonzero((stream == UNK) & (tokens.at >= 0)).tolist():
            k = int(tokens.at[j])
            word = tokens.shown(k)
            if len(word) < SHORTEST or not word.isalpha() or not word.islower():
                continue
            found = self.nearest(word)
            if found is not None:
                stream = stream.copy() if stream is tokens.stream else stream
                stream[j] = self._table.vocabulary[found]
        return stream
