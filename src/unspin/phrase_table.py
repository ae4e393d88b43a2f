"""The channel, compiled: which originals a stretch of spun text may stand for, and at what probability.

Rows are written forward (original → spun forms) and inverted (`table_compiler`). A *phrase* is a sequence of token ids
that is a spun form, an original, or both; every phrase of a stream is found by one batched look-up a length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from . import kernels
from .errors import DataError
from .kernels import address

#: Flags of an entry: its original is a name; its spun form is ordinary English too.
CASED, COMMON = 1, 2

T = TypeVar("T")
_KINDS = {
    **dict.fromkeys("keys_from tokens_from tokens entries_from pieces_from".split(), np.int64),
    **dict.fromkeys("found single original row context piece".split(), np.int32),
    **dict.fromkeys("family flags classes".split(), np.uint8),
    **dict.fromkeys("affinity science".split(), np.int8),
    **dict.fromkeys("fires suspicion log_weight log_unigram".split(), np.float32),
    **dict.fromkeys("keys terms".split(), np.uint64),
    **dict.fromkeys(["starts_longer"], np.bool_),
}

_U = np.uint64
_P = _U(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Matches:
    """Phrases found in a stream: ``start`` and ``length`` in stream positions, ``phrase`` index; int64[m] each."""

    start: np.ndarray
    length: np.ndarray
    phrase: np.ndarray


@dataclass(frozen=True, slots=True)
class TermIndex:
    """See `composition.index_terms`. V words, R readings, E entries.

    ``sides``         bool[4, V]: whether a word is the first of the words of a term, or the second; whether the thesaurus family
                      makes it of a first one, or a second one
    ``readings_from`` int64[V + 1] into ``readings``, int64: the words of terms that it makes the word of
    ``reading_worth`` float32[2, R]: what a reading brings to the log-odds of a term, alone and with the other part reworded too
    ``worth``         float32[4, E]: the same of an entry, as the first and the second part alone, then with another
    """

    sides: np.ndarray
    readings_from: np.ndarray
    readings: np.ndarray
    reading_worth: np.ndarray
    worth: np.ndarray


class Later(Generic[T]):
    """A value that is made when somebody first asks for it."""

    def __init__(self, make: Callable[..., T], *args: Any) -> None:
        self._make, self._args = make, args

    @cached_property
    def value(self) -> T:
        # Threads may both make it; it comes to the same.
        return self._make(*self._args)


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """See `table_compiler.compile_rows`. P phrases, E entries (spun form → original), F families.

    ``single``        int32[V]: phrase of one token, or -1
    ``starts_longer`` bool[V]: whether a longer phrase begins with the token
    ``keys``          uint64: for each length L from 2 on, at ``keys_from[L]`` (int64), the hashes of the first L tokens
                      of all phrases that have them, sorted; ``found``: int32, the phrase that is just these tokens, or -1
    ``tokens_from``   int64[P + 1] into ``tokens``, the ids of every phrase
    ``entries_from``  int64[P + 1]: entries of a phrase as spun form
    ``original``      int32[E]: the phrase it stands for; ``log_weight``: log P(spun | original, fired)
    ``family``        uint8[E]; ``flags``: uint8[E]; ``row``: int32[E] into ``texts`` and ``wheres``
    ``context``       int32[E] into ``contexts``, or -1
    ``pieces_from``   int64[E + 1] into ``piece``, int32[K, 6]: the stretches in which spun form and original of an
                      entry differ: spun words lo–hi, original words lo–hi, a number equal for equal words (the
                      phrase that they are, if they are one), and whether it is all that differs (where there are
                      several stretches, the last is them all)
    ``fires``         float32[P, F]: P(family touches the phrase), 0 where it is no original of the family
    ``terms``         uint64, sorted: keys of word pairs that stand beside each other in technical terms, the originals of
                      the academic family among them
    ``classes``, ``affinity``, ``science``: see `terms.Terms`
    ``term_index``    what of the table makes terms, by words; worked out when a text first asks (`TermIndex`)
    ``suspicion``     float32[P, F]: log P(phrase | spun by the family) − log P(phrase | clean), for screening
    """

    vocabulary: Mapping[str, int]
    log_unigram: np.ndarray
    single: np.ndarray
    starts_longer: np.ndarray
    keys_from: np.ndarray
    keys: np.ndarray
    found: np.ndarray
    tokens_from: np.ndarray
    tokens: np.ndarray
    entries_from: np.ndarray
    original: np.ndarray
    log_weight: np.ndarray
    family: np.ndarray
    flags: np.ndarray
    row: np.ndarray
    context: np.ndarray
    pieces_from: np.ndarray
    piece: np.ndarray
    fires: np.ndarray
    suspicion: np.ndarray
    terms: np.ndarray
    classes: np.ndarray
    affinity: np.ndarray
    science: np.ndarray
    term_index: Later[TermIndex]
    texts: Sequence[str]
    wheres: Sequence[str]
    contexts: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]

    def __post_init__(self) -> None:
        # The kernels take the arrays as they are.
        for name, kind in _KINDS.items():
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))

    def match(self, stream: np.ndarray) -> Matches:
        """Return every phrase of the table in *stream*, overlapping ones too, shortest first."""
        native = kernels.library()
        return self._match(stream) if native is None else self._match_native(native, stream)

    def _match(self, stream: np.ndarray) -> Matches:
        one = self.single[stream]
        at = np.flatnonzero(one >= 0)
        found = (at, np.ones(len(at), dtype=np.int64), one[at].astype(np.int64))
        starts, lengths, phrases = zip(found, *self._longer(stream))
        return Matches(np.concatenate(starts), np.concatenate(lengths), np.concatenate(phrases))

    def _match_native(self, native: Any, stream: np.ndarray) -> Matches:
        n, longest = len(stream), len(self.keys_from) - 2
        most = n * max(longest, 1)
        stream = np.ascontiguousarray(stream, dtype=np.int64)
        scratch, out = np.empty((2, n), dtype=np.int64), np.empty((3, most), dtype=np.int64)
        begin, at = address(scratch), address(out)
        arrays = (self.keys_from, self.keys, self.found)
        count = native.unspin_match(
            n, address(stream), address(self.single), address(self.starts_longer), longest, *map(address, arrays),
            begin, begin + 8 * n, at, at + 8 * most, at + 16 * most,
        )  # fmt: skip
        start, length, phrase = out[:, :count]
        return Matches(start, length, phrase)

    def _longer(self, stream: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        out = []
        begin = np.flatnonzero(self.starts_longer[stream])
        with np.errstate(over="ignore"):
            key = _step(np.zeros(len(begin), dtype=_U), stream[begin])
            for length in range(2, len(self.keys_from) - 1):
                fits = begin + length <= len(stream)
                begin, key = begin[fits], key[fits]
                if not len(begin):
                    break
                keys = self.keys[self.keys_from[length] : self.keys_from[length + 1]]
                key = _step(key, stream[begin + (length - 1)])
                # Only what begins some phrase of the table is followed further.
                where = np.searchsorted(keys, key)
                where[where == len(keys)] = 0
                hit = np.flatnonzero(keys[where] == key)
                begin, key = begin[hit], key[hit]
                found = self.found[self.keys_from[length] + where[hit]]
                whole = np.flatnonzero(found >= 0)
                out.append((begin[whole], np.full(len(whole), length, dtype=np.int64), found[whole].astype(np.int64)))
        return out


def _step(key: np.ndarray, ids: np.ndarray) -> np.ndarray:
    return (key ^ ids.astype(_U)) * _P + (key >> _U(29))


def index_phrases(
    tokens: np.ndarray, tokens_from: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return ``single``, ``starts_longer``, ``keys_from``, ``keys`` and ``found`` of a `PhraseTable` over *size* ids."""
    single = np.full(size, -1, dtype=np.int32)
    longer = np.zeros(size, dtype=bool)
    lengths = np.diff(tokens_from)
    first = tokens_from[:-1]
    one = np.flatnonzero(lengths == 1)
    single[tokens[first[one]]] = one
    longer[tokens[first[lengths > 1]]] = True
    keys, found = [np.zeros(0, dtype=_U)] * 2, [np.zeros(0, dtype=np.int32)] * 2
    with np.errstate(over="ignore"):
        alive = np.flatnonzero(lengths > 1)
        prefix = _step(np.zeros(len(alive), dtype=_U), tokens[first[alive]])
        for length in range(2, int(lengths.max(initial=1)) + 1):
            go_on = lengths[alive] >= length
            alive = alive[go_on]
            prefix = _step(prefix[go_on], tokens[first[alive] + (length - 1)])
            ordered = np.sort(prefix)
            ordered = ordered[np.append(ordered[1:] != ordered[:-1], True)]
            ends = np.flatnonzero(lengths[alive] == length)
            place = np.searchsorted(ordered, prefix[ends])
            if len(ends) and np.bincount(place).max() > 1:
                raise DataError("two phrases of the table have one hash")
            phrases = np.full(len(ordered), -1, dtype=np.int32)
            phrases[place] = alive[ends]
            keys.append(ordered)
            found.append(phrases)
    keys_from = np.concatenate([[0], np.cumsum([len(k) for k in keys])]).astype(np.int64)
    return single, longer, keys_from, np.concatenate(keys), np.concatenate(found)
