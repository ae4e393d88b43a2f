"""The channel, compiled: which originals a stretch of spun text may stand for, and at what probability.

Rows are written forward (original → spun forms) and inverted here. A *phrase* is a sequence of token ids
that is a spun form, an original, or both; every phrase of a stream is found by one batched look-up a length.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

import numpy as np

from . import container, kernels
from .errors import DataError
from .inflection import inflect
from .kernels import address
from .language_model import UNKNOWN_WORD, LanguageModel, pair_keys
from .rows import FAMILIES, Row, parse_rows
from .tokens import BREAK, COLON, COMMA, FIRST_WORD, HYPHEN, OTHER, PAREN, UNK, split, tokenise

KIND = "phrase table"
LONGEST = 10
#: What a derived (inflected) row is worth of the row it comes from.
DERIVED = 0.4
#: Candidates that a spun form keeps in a family: the most probable, and how many nats behind the first at most.
MOST, BEHIND = 6, 5.0
#: And those that are so close, in nats, to the likeliest by the table alone.
USUAL = 0.7
CASED, COMMON = 1, 2
_MARKS = frozenset({BREAK, COMMA, COLON, PAREN, HYPHEN, OTHER})
#: P(the family touches an original) where the row doesn't say, for one word and for more: measured on spun
#: articles with their originals (docs/table.md).
FIRES = {"news": (0.18, 0.55)}
FIRES_OTHER = (0.5, 0.6)
#: Share of replacements that a row lists, measured there too.
LISTED = 0.88

#: Weight (`PhraseTable.suspicion`) over which a thesaurus form is rare enough in clean text to be worth a look by itself.
RARE = 0.0
_ACADEMIC, _THESAURUS = FAMILIES.index("academic"), FAMILIES.index("thesaurus")

_U = np.uint64
_P = _U(0x9E3779B97F4A7C15)


class Lines(Sequence[str]):
    """The lines of a text, split when somebody looks: who reads clean text never does."""

    __slots__ = ("_lines", "_text")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._lines: list[str] | None = None if text else []

    def _all(self) -> list[str]:
        lines = self._lines
        if lines is None:
            # Threads may both split it; it comes to the same.
            lines = self._lines = self._text.decode("utf-8").split("\n")
        return lines

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == list(other)


@dataclass(frozen=True, slots=True)
class Matches:
    """Phrases found in a stream: ``start`` and ``length`` in stream positions, ``phrase`` index; int64[m] each."""

    start: np.ndarray
    length: np.ndarray
    phrase: np.ndarray


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """See `compile_rows`. P phrases, E entries (spun form → original), F families.

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
                      entry differ: spun words lo–hi, original words lo–hi, a number equal for equal words, and
                      whether it is all that differs (where there are several stretches, the last is them all)
    ``fires``         float32[P, F]: P(family touches the phrase), 0 where it is no original of the family
    ``terms``         uint64, sorted: keys of word pairs that stand beside each other in technical terms, the originals of
                      the academic family among them
    ``term_sides``    bool[4, V]: whether a word is the first of such a pair, or the second; whether the thesaurus
                      family makes it of a first one, or a second one, oftener than it stands in clean text
    ``readings_from`` int64[V + 1] into ``readings``, int64: the words of terms that it makes the word of
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
    term_sides: np.ndarray
    readings_from: np.ndarray
    readings: np.ndarray
    texts: Sequence[str]
    wheres: Sequence[str]
    contexts: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]

    def match(self, stream: np.ndarray) -> Matches:
        """Return every phrase of the table in *stream*, overlapping ones too, shortest first."""
        one = self.single[stream]
        at = np.flatnonzero(one >= 0)
        native = kernels.library()
        longer = self._longer(stream) if native is None else self._longer_native(native, stream)
        starts, lengths, phrases = zip((at, np.ones(len(at), dtype=np.int64), one[at].astype(np.int64)), *longer)
        return Matches(np.concatenate(starts), np.concatenate(lengths), np.concatenate(phrases))

    def _longer_native(self, native: Any, stream: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        n, longest = len(stream), len(self.keys_from) - 2
        stream = np.ascontiguousarray(stream, dtype=np.int64)
        scratch, out = np.empty((2, n), dtype=np.int64), np.empty((3, n * max(longest - 1, 0)), dtype=np.int64)
        arrays = (self.keys_from, self.keys, self.found, scratch[0], scratch[1], *out)
        count = native.unspin_match(n, address(stream), address(self.starts_longer), longest, *map(address, arrays))
        return [(out[0, :count], out[1, :count], out[2, :count])]

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


def derive(rows: Iterable[Row], known: Mapping[str, int], log_unigram: np.ndarray) -> list[Row]:
    """Return rows for the regular inflections of single-word originals, where all forms are words in use.

    A form that some row of the family has as its original already is left to that row.
    """
    rows = list(rows)
    taken = {(r.family, r.original) for r in rows}
    in_use = -14.5

    def usable(phrase: str) -> bool:
        return all((k := known.get(w)) is not None and log_unigram[k] > in_use for w in phrase.split(" "))

    out: list[Row] = []
    for row in rows:
        word = row.original
        if " " in word or len(word) < 4 or not word.isalpha() or not word.islower() or row.needs or row.excludes:
            continue
        if word.endswith(("s", "ed", "ing", "ly", "er", "est")):
            continue
        for form in range(3):
            derived = inflect(word, form)
            if (row.family, derived) in taken or not usable(derived):
                continue
            pairs = [
                (inflect(s, form), w)
                for s, w in zip(row.spun, row.weights)
                if s.replace(" ", "").isalpha() and not s.endswith(("s", "ed", "ing", "ly")) and " " not in s
            ]
            pairs = [(s, w) for s, w in pairs if usable(s) and s != derived]
            if pairs:
                taken.add((row.family, derived))
                forms_, weights = zip(*pairs)
                where = f"{row.where} (inflected)"
                out.append(replace(row, original=derived, spun=forms_, weights=weights, where=where))
    return out


def fires(row: Row) -> float:
    """Return the probability that the row's family touches its original: the row's own, or the measured default."""
    if row.fires is not None:
        return row.fires
    return FIRES.get(row.family, FIRES_OTHER)[" " in row.original]


def term_pairs(lines: Iterable[str], model: LanguageModel) -> np.ndarray:
    """Return the sorted uint64 keys of terms given as "first second", a line each; unknown words are left out."""
    get = model.vocabulary.get
    pairs = np.array([[get(w, 0) for w in line.split(" ")] for line in lines], dtype=np.int64).reshape(-1, 2)
    pairs = pairs[(pairs > 0).all(axis=1)]
    return np.unique(pair_keys(pairs[:, 0], pairs[:, 1]))


def compile_rows(rows: Iterable[Row], model: LanguageModel, terms: np.ndarray | None = None) -> PhraseTable:
    """Invert *rows* into a table over the model's vocabulary (words it lacks are added at the end).

    ``terms``: technical terms beside those that the academic rows restore (see `term_pairs`)
    """
    rows = list(rows)
    rows += derive(rows, model.vocabulary, model.unigrams)
    vocabulary = dict(model.vocabulary)
    extra: list[float] = []
    for row in rows:
        for side in (row.original, *row.spun):
            for word in split(side)[1]:
                if word not in vocabulary and not word[0].isdigit():
                    vocabulary[word] = FIRST_WORD + len(vocabulary)
                    extra.append(_beyond(word))
    log_unigram = np.concatenate([model.unigrams, np.array(extra, dtype=np.float32)])

    index: dict[tuple[int, ...], int] = {}

    def phrase(text: str) -> int:
        ids = tuple(int(t) for t in tokenise(text, vocabulary).stream[2:-2])
        if not ids or len(ids) > LONGEST or {BREAK, UNK, COLON, COMMA, OTHER} & set(ids[:1]):
            return -1
        return index.setdefault(ids, len(index))

    entries: dict[tuple[int, int, int, int], tuple[float, int, int]] = {}
    contexts: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    touched: dict[tuple[int, int], float] = {}
    for number, row in enumerate(rows):
        original, family = phrase(row.original), FAMILIES.index(row.family)
        if original < 0:
            continue
        weights = np.array(row.weights) * LISTED
        fired = fires(row)
        fired *= DERIVED if row.where.endswith("(inflected)") else 1.0
        context = -1
        if row.needs or row.excludes:
            context = contexts.setdefault((row.needs, row.excludes), len(contexts))
        else:
            touched[original, family] = max(fired, touched.get((original, family), 0.0))
        # Academic rewording keeps no capitals: "dna grouping" for DNA sequencing.
        name = row.original != row.original.lower() and row.family != "academic"
        flags = (CASED if name else 0) | (COMMON if row.common else 0)
        for form, weight in zip(row.spun, weights.tolist()):
            for variant in dict.fromkeys((form, form.replace("-", " "))):
                spun = phrase(variant)
                if spun < 0 or spun == original:
                    continue
                value = float(np.log(weight * fired))
                key = (spun, original, family, context)
                if key not in entries or entries[key][0] < value:
                    entries[key] = (value, flags, number)
    listed = np.zeros(0, dtype=_U) if terms is None else terms
    return _arrays(model, rows, vocabulary, log_unigram, index, entries, list(contexts), touched, listed)


def _beyond(word: str) -> float:
    """log P of a word that the model lacks, from `wordfreq`."""
    from wordfreq import word_frequency

    return float(np.log(max(word_frequency(word, "en", wordlist="large"), np.exp(UNKNOWN_WORD) * 1e-4)))


def _log_phrases(
    model: LanguageModel, log_unigram: np.ndarray, tokens: np.ndarray, tokens_from: np.ndarray
) -> np.ndarray:
    """log P of every phrase out of context: its first word alone, each further one given the word before."""
    if not len(tokens):
        return np.zeros(0)
    score = log_unigram[tokens].astype(np.float64)
    inner = np.ones(len(tokens), dtype=bool)
    inner[tokens_from[:-1]] = False
    at = np.flatnonzero(inner)
    at = at[(tokens[at] < len(model.unigrams)) & (tokens[at - 1] < len(model.unigrams))]
    score[at] = model.bigram(tokens[at - 1], tokens[at])[0]
    return np.add.reduceat(score, tokens_from[:-1])


def _pieces(
    shown: tuple[int, ...], wanted: tuple[int, ...], glued: set[int]
) -> list[tuple[int, int, int, int, bool]]:
    """Align a spun form with its original: the stretches that differ, then, if they are several, their hull."""
    runs: list[list[int]] = []
    for kind, a, b, c, d in SequenceMatcher(None, shown, wanted, autojunk=False).get_opcodes():
        if kind != "equal":
            runs.append([a, b, c, d])
    for run in runs:
        # An insertion or deletion takes a neighbour along, so that both sides have a word; and nothing is split
        # where no space stands: at hyphens, before the possessive.
        while run[0] == run[1] or run[2] == run[3] or _glued(shown, run[0], glued) or _glued(wanted, run[2], glued):
            if run[0] and run[2]:
                run[0], run[2] = run[0] - 1, run[2] - 1
            else:
                break
        while run[0] == run[1] or run[2] == run[3] or _glued(shown, run[1], glued) or _glued(wanted, run[3], glued):
            if run[1] < len(shown) and run[3] < len(wanted):
                run[1], run[3] = run[1] + 1, run[3] + 1
            else:
                break
    merged: list[list[int]] = []
    for run in runs:
        if merged and (run[0] <= merged[-1][1] or run[2] <= merged[-1][3]):
            merged[-1][1], merged[-1][3] = max(run[1], merged[-1][1]), max(run[3], merged[-1][3])
        else:
            merged.append(run)
    out = [(a, b, c, d, len(merged) == 1) for a, b, c, d in merged]
    if len(out) > 1:
        out.append((merged[0][0], merged[-1][1], merged[0][2], merged[-1][3], True))
    return out


def _glued(tokens: tuple[int, ...], at: int, glued: set[int]) -> bool:
    """Whether no space stands before position *at*."""
    return 0 < at < len(tokens) and (tokens[at] in glued or tokens[at - 1] == HYPHEN)


def _arrays(
    model: LanguageModel,
    rows: list[Row],
    vocabulary: dict[str, int],
    log_unigram: np.ndarray,
    index: dict[tuple[int, ...], int],
    entries: dict[tuple[int, int, int, int], tuple[float, int, int]],
    contexts: list[tuple[tuple[str, ...], tuple[str, ...]]],
    touched: dict[tuple[int, int], float],
    listed: np.ndarray,
) -> PhraseTable:
    sequences = list(index)
    count = len(sequences)
    tokens_from = np.zeros(count + 1, dtype=np.int64)
    np.cumsum([len(s) for s in sequences], out=tokens_from[1:])
    tokens = np.array([t for s in sequences for t in s], dtype=np.int64)
    fire = np.zeros((count, len(FAMILIES)), dtype=np.float32)
    for (p, f), value in touched.items():
        fire[p, f] = value
    log_phrase = _log_phrases(model, log_unigram, tokens, tokens_from)

    ordered = sorted(entries.items(), key=lambda e: (e[0][0], e[0][2], -(e[1][0] + log_phrase[e[0][1]]), e[0][1:]))
    kept: list[tuple[tuple[int, int, int, int], tuple[float, int, int]]] = []
    for _, group in groupby(ordered, key=lambda e: (e[0][0], e[0][2])):
        candidates = list(group)
        best = candidates[0][1][0] + log_phrase[candidates[0][0][1]]
        # What the spinner does most is kept however rare bigrams hold the original to be: they underrate set phrases.
        usual = max(value[0] for _, value in candidates) - USUAL
        for rank, (key, candidate) in enumerate(candidates):
            if (rank < MOST and candidate[0] + log_phrase[key[1]] > best - BEHIND) or candidate[0] >= usual:
                kept.append((key, candidate))
    spun = np.array([k[0] for k, _ in kept], dtype=np.int64)
    original = np.array([k[1] for k, _ in kept], dtype=np.int32)
    family = np.array([k[2] for k, _ in kept], dtype=np.uint8)
    log_weight = np.array([v[0] for _, v in kept], dtype=np.float32)
    entries_from = np.searchsorted(spun, np.arange(count + 1)).astype(np.int64)
    glued = {vocabulary.get("'s", -1), HYPHEN}
    outputs: dict[tuple[int, ...], int] = {}
    pieces: list[tuple[int, int, int, int, int, bool]] = []
    pieces_from = [0]
    for key, _ in kept:
        wanted = sequences[key[1]]
        # Tokens of the original counted as words: punctuation is a token, but no word.
        words = np.cumsum([0, *(t not in _MARKS for t in wanted)]).tolist()
        for lo, hi, a, b, whole in _pieces(sequences[key[0]], wanted, glued):
            pieces.append((lo, hi, words[a], words[b], outputs.setdefault(wanted[a:b], len(outputs)), whole))
        pieces_from.append(len(pieces))
    piece = np.array(pieces, dtype=np.int32).reshape(-1, 6)

    suspicion = np.zeros((count, len(FAMILIES)), dtype=np.float32)
    rate = 0.7
    for f in range(len(FAMILIES)):
        mine = family == f
        gained = np.bincount(
            spun[mine], weights=np.exp(log_phrase[original[mine]] + log_weight[mine].astype(np.float64)), minlength=count
        )
        left = np.exp(log_phrase.astype(np.float64))
        suspicion[:, f] = np.log((left * (1 - rate * fire[:, f]) + rate * gained) / left)

    size = np.diff(tokens_from)
    inner = np.repeat((fire[:, _ACADEMIC] > 0) & (size > 1), size)
    inner[tokens_from[1:] - 1] = False
    at = np.flatnonzero(inner)
    first, second = tokens[at], tokens[at + 1]
    words = (first >= FIRST_WORD) & (second >= FIRST_WORD)
    terms = np.unique(np.concatenate([listed, pair_keys(first[words], second[words])]))
    return PhraseTable(
        vocabulary, log_unigram, *_index(tokens, tokens_from, FIRST_WORD + len(vocabulary)), tokens_from, tokens,
        entries_from, original, log_weight,
        family, np.array([v[1] for _, v in kept], dtype=np.uint8), np.array([v[2] for _, v in kept], dtype=np.int32),
        np.array([k[3] for k, _ in kept], dtype=np.int32), np.array(pieces_from, dtype=np.int64), piece, fire,
        suspicion, terms,
        *_sides(terms, tokens, tokens_from, entries_from, original, family, suspicion, len(log_unigram)),
        [r.original for r in rows], [r.where for r in rows], contexts,
    )  # fmt: skip


def _index(
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


def _sides(
    terms: np.ndarray,
    tokens: np.ndarray,
    tokens_from: np.ndarray,
    entries_from: np.ndarray,
    original: np.ndarray,
    family: np.ndarray,
    suspicion: np.ndarray,
    size: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ``term_sides``, ``readings_from`` and ``readings`` of a `PhraseTable`."""
    sides = np.zeros((4, size), dtype=bool)
    sides[0, (terms >> _U(21)).astype(np.int64)] = True
    sides[1, (terms & _U((1 << 21) - 1)).astype(np.int64)] = True
    spun = np.repeat(np.arange(len(entries_from) - 1), np.diff(entries_from))
    mine = np.flatnonzero((family == _THESAURUS) & (suspicion[spun, _THESAURUS] > RARE))
    spun, wanted = spun[mine], original[mine].astype(np.int64)
    spun_first, spun_last = tokens[tokens_from[spun]], tokens[tokens_from[spun + 1] - 1]
    first, last = tokens[tokens_from[wanted]], tokens[tokens_from[wanted + 1] - 1]
    # Of a longer one, the word that stands at the seam.
    begins, ends = sides[0, last], sides[1, first]
    sides[2, spun_last[begins]] = True
    sides[3, spun_first[ends]] = True
    word = np.concatenate([spun_last[begins], spun_first[ends]])
    pairs = np.unique(pair_keys(word, np.concatenate([last[begins], first[ends]])))
    readings_from = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount((pairs >> _U(21)).astype(np.int64), minlength=size), out=readings_from[1:])
    return sides, readings_from, (pairs & _U((1 << 21) - 1)).astype(np.int64)


#: Arrays as they stand in the file: those that begin where others end are kept as counts.
_COUNTS = {"tokens_from": "tokens.count", "entries_from": "entries.count", "pieces_from": "pieces.count"}
_ARRAYS: dict[str, type[np.generic]] = {
    "tokens": np.int32, "original": np.int32, "log_weight": np.float16, "family": np.uint8, "flags": np.uint8,
    "row": np.int32, "context": np.int32, "fires": np.float16, "suspicion": np.float16, "terms": np.uint64,
}  # fmt: skip
#: Types in memory, where they differ from the file's.
_WIDE: dict[str, type[np.generic]] = {
    "tokens": np.int64, "log_weight": np.float32, "fires": np.float32, "suspicion": np.float32
}  # fmt: skip


def save_table(
    table: PhraseTable, model: LanguageModel, path: str | os.PathLike[str], source: Mapping[str, str] | None = None
) -> None:
    """Write a compiled table; the file is tied to the model's vocabulary.

    ``source``: the row files that it was compiled from, name → text; they go along, for `stored_rows`.
    """
    arrays = {name: getattr(table, name).astype(kind) for name, kind in _ARRAYS.items()}
    for name, counts in _COUNTS.items():
        arrays[counts] = np.diff(getattr(table, name)).astype(np.uint8)
        if int(np.diff(getattr(table, name)).max(initial=0)) > 255:
            raise DataError(f"more than 255 {counts.split('.')[0]} of one phrase")
    arrays["piece"] = table.piece[:, [0, 1, 2, 3, 5]].astype(np.uint8)
    arrays["piece.words"] = table.piece[:, 4]
    extra = list(table.vocabulary)[len(model.vocabulary) :]
    arrays["log_extra"] = table.log_unigram[len(model.unigrams) :]
    for name, lines in (("extra", extra), ("texts", table.texts), ("wheres", table.wheres)):
        arrays[name] = np.frombuffer("\n".join(lines).encode("utf-8"), dtype=np.uint8)
    meta = {
        "vocabulary": model.mark,
        "families": list(FAMILIES),
        "contexts": [[list(needs), list(excludes)] for needs, excludes in table.contexts],
        "phrases": len(table.fires),
        "entries": len(table.original),
    }
    # Those that packing makes little smaller are rather mapped.
    packed = arrays.keys() - {"tokens", "original"}
    # Packed by itself: only who compiles anew unpacks it.
    text = json.dumps(dict(source or {}), ensure_ascii=False, sort_keys=True).encode("utf-8")
    arrays["source"] = np.frombuffer(zlib.compress(text, 9), dtype=np.uint8)
    container.write(path, KIND, meta, arrays, packed)


def stored_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows that the table at *path* was compiled from; raises DataError where it's damaged."""
    _, arrays = container.read(path, KIND)
    try:
        files = json.loads(zlib.decompress(arrays["source"].tobytes()))
    except (zlib.error, ValueError) as error:
        raise DataError(f"{path}: its rows are damaged ({error})") from error
    return [row for name, text in files.items() for row in parse_rows(text.splitlines(), name=name)]


def open_table(path: str | os.PathLike[str], model: LanguageModel) -> PhraseTable:
    """Map a compiled table; raises DataError where it's damaged or was compiled for another model."""
    meta, arrays = container.read(path, KIND)
    if meta["families"] != list(FAMILIES) or meta["vocabulary"] != model.mark:
        raise DataError(f"{path}: was compiled for another language model; run python -m unspin.build table")

    extra = Lines(arrays["extra"].tobytes())
    base = FIRST_WORD + len(model.vocabulary)
    vocabulary: Mapping[str, int] = model.vocabulary | dict(zip(extra, range(base, base + len(extra))))
    loaded = {name: arrays[name].astype(_WIDE[name]) if name in _WIDE else arrays[name] for name in _ARRAYS}
    for name, counts in _COUNTS.items():
        loaded[name] = np.zeros(len(arrays[counts]) + 1, dtype=np.int64)
        np.cumsum(arrays[counts], out=loaded[name][1:])
    piece = np.empty((len(arrays["piece.words"]), 6), dtype=np.int32)
    piece[:, [0, 1, 2, 3, 5]], piece[:, 4] = arrays["piece"], arrays["piece.words"]
    loaded["piece"] = piece
    size = base + len(extra)
    single, longer, keys_from, keys, found = _index(loaded["tokens"], loaded["tokens_from"], size)
    sides, readings_from, readings = _sides(
        loaded["terms"], loaded["tokens"], loaded["tokens_from"], loaded["entries_from"], loaded["original"],
        loaded["family"], loaded["suspicion"], size,
    )  # fmt: skip
    return PhraseTable(
        vocabulary=vocabulary,
        log_unigram=np.concatenate([model.unigrams, arrays["log_extra"]]),
        single=single,
        starts_longer=longer,
        keys_from=keys_from,
        keys=keys,
        found=found,
        term_sides=sides,
        readings_from=readings_from,
        readings=readings,
        texts=Lines(arrays["texts"].tobytes()),
        wheres=Lines(arrays["wheres"].tobytes()),
        contexts=[(tuple(needs), tuple(excludes)) for needs, excludes in meta["contexts"]],
        **loaded,
    )
