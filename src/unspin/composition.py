"""Tortured phrases that nobody listed: an established term, reworded word for word.

"deep learning" is a term; *deep = profound* and *learning = studying* are rows, and nobody writes "profound
studying". Two neighbours that ordinary text hardly ever has beside each other, but which stand for two that belong
together, are evidence even where nothing else in the text is spun.
"""

from __future__ import annotations

import numpy as np

from . import kernels
from .kernels import address
from .language_model import LanguageModel, pair_keys
from .lattice import Arcs, join
from .phrase_table import COMMON, RARE, Matches, PhraseTable
from .rows import FAMILIES
from .tokens import FIRST_WORD, ranges

_THESAURUS = FAMILIES.index("thesaurus")
#: Log-odds that a pair is a reworded term: a logistic regression of pairs that restore facts of the Problematic Paper
#: Screener, each with a table that lacks it, against pairs in clean text. BASE; a nat of language model, of channel, by
#: which the words of the term attract each other; both words reworded; the model has seen the pair; a nat of frequency
#: of what stands there, of what it stands for.
BASE, MODEL, CHANNEL, ATTRACTION = -1.08, 0.52, 1.47, 0.13
BOTH, SEEN, SPUN, ORIGINAL = 3.22, -1.96, -0.68, 0.34
#: Log-odds to go by.
ENOUGH = 3.7


def promising(table: PhraseTable, model: LanguageModel, stream: np.ndarray, found: Matches) -> bool:
    """Whether the text holds such a pair (see `composed`); *found*: the phrases in it."""
    at = _strange_neighbours(table, model, stream)
    if not len(at):
        return False
    seam = np.zeros(len(stream) + 1, dtype=bool)
    seam[at + 1] = True
    rare = table.suspicion[found.phrase, _THESAURUS] > RARE
    near = np.flatnonzero((seam[found.start] | seam[found.start + found.length]) & rare)
    begin = table.entries_from[found.phrase[near]]
    count = table.entries_from[found.phrase[near] + 1] - begin
    entry = ranges(begin, count)
    ours = table.family[entry] == _THESAURUS
    if not ours.any():
        return False
    arcs = Arcs(np.repeat(found.start[near], count), np.repeat(found.start[near] + found.length[near], count), entry)[ours]
    return bool(composed(table, model, stream, arcs, seam).any())


def _strange_neighbours(table: PhraseTable, model: LanguageModel, stream: np.ndarray) -> np.ndarray:
    """Return int64: where a word and the next one, never seen beside each other, may stand for two words of a term.

    None at all where none of these pairs does stand for a term.
    """
    native = kernels.library()
    if native is not None:
        out, pairs = np.empty(len(stream), dtype=np.int64), model.bigrams
        stream = np.ascontiguousarray(stream, dtype=np.int64)
        count = native.unspin_strange(
            len(stream), address(stream), table.term_sides.shape[1],
            *map(address, (table.term_sides, table.readings_from, table.readings)), len(table.terms), address(table.terms),
            FIRST_WORD, len(model.unigrams), pairs.seed, pairs.segment, pairs.span,
            *map(address, (pairs.fingerprints, *pairs.values, out)),
        )  # fmt: skip
        return out[:count]
    # Few neighbours can stand for a term, one of them reworded; only of these is the model asked.
    first, second, reworded_first, reworded_second = table.term_sides
    a, b = stream[:-1], stream[1:]
    could = (reworded_first[a] & (second[b] | reworded_second[b])) | (first[a] & reworded_second[b])
    at = np.flatnonzero(could)
    if len(at):
        at = at[never_seen(model, stream[at], stream[at + 1])]
    return at if len(at) and _any_term(table, stream[at], stream[at + 1]) else at[:0]


def _any_term(table: PhraseTable, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether any pair of neighbours a b stands for a term, one of them or both reworded."""
    begin_a, begin_b = table.readings_from[a], table.readings_from[b]
    count_a, count_b = table.readings_from[a + 1] - begin_a, table.readings_from[b + 1] - begin_b
    first, second = table.readings[ranges(begin_a, count_a)], table.readings[ranges(begin_b, count_b)]
    pairs = count_b.repeat(count_a)
    both = table.readings[ranges(begin_b.repeat(count_a), pairs)]
    left = np.concatenate([first, a.repeat(count_b), first.repeat(pairs)])
    return bool(_is_term(table, left, np.concatenate([b.repeat(count_a), second, both])).any())


def never_seen(model: LanguageModel, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[m]: whether both ids are words, and such that the model never saw them beside each other."""
    size = len(model.unigrams)
    word = (a >= FIRST_WORD) & (b >= FIRST_WORD) & (a < size) & (b < size)
    word[model.bigrams.find(pair_keys(a, b))[0]] = False
    return word


def composed(
    table: PhraseTable, model: LanguageModel, stream: np.ndarray, arcs: Arcs, seam: np.ndarray | None = None
) -> np.ndarray:
    """bool[m]: the word-for-word arcs that make an established term with a neighbour, kept or reworded too.

    ``seam``: bool[n + 1], the boundaries between words that the model never saw beside each other, where known
    """
    out = np.zeros(len(arcs), dtype=bool)
    mine = np.flatnonzero((table.family[arcs.entry] == _THESAURUS) & ((table.flags[arcs.entry] & COMMON) == 0))
    if not len(mine):
        return out
    n, size, m = len(stream), len(model.unigrams), len(mine)
    original = table.original[arcs.entry[mine]].astype(np.int64)
    begin, end = table.tokens_from[original], table.tokens_from[original + 1]
    start, stop = arcs.start[mine], arcs.stop[mine]
    # Neighbours, kept words as their positions and arcs as n + k: an arc and the word after it, the word before it and
    # an arc, two arcs.
    arc = np.arange(n, n + m)
    x, y = np.concatenate([arc, start - 1]), np.concatenate([stop, arc])
    last = np.concatenate([table.tokens[end - 1], stream[start - 1]])
    first = np.concatenate([stream[stop], table.tokens[begin]])
    begins = np.zeros(n + 1, dtype=bool)
    begins[start] = True
    if begins[stop].any():
        i, j = join(stop, start)
        x, y = np.concatenate([x, i + n]), np.concatenate([y, j + n])
        last, first = np.concatenate([last, last[i]]), np.concatenate([first, first[j + m]])
    term = np.flatnonzero(_is_term(table, last, first))
    if not len(term):
        return out
    x, y = x[term], y[term]
    place, known = np.arange(n), np.where(stream < size, stream, 0)
    start, stop = np.concatenate([place, start]), np.concatenate([place + 1, stop])
    first, last = np.concatenate([stream, table.tokens[begin]]), np.concatenate([stream, table.tokens[end - 1]])
    strange = never_seen(model, stream[stop[x] - 1], stream[start[y]]) if seam is None else seam[start[y]]
    x, y = x[strange], y[strange]
    if not len(x):
        return out
    shown, _ = model.bigram(known[stop[x] - 1], known[start[y]])
    # The table's own words are beyond the model; both sides of a listed term are within it.
    first, last = np.where(first < size, first, 0), np.where(last < size, last, 0)
    inner, channel = np.zeros(len(start)), np.zeros(len(start))
    for k in set(x.tolist() + y.tolist()) - set(range(n)):
        inner[k] = _inner(model, table.tokens[begin[k - n] : end[k - n]]) - _inner(model, stream[start[k] : stop[k]])
        channel[k] = table.log_weight[arcs.entry[mine[k - n]]]
    pair, _ = model.bigram(last[x], first[y])
    unigram = model.unigrams
    # Log frequency of the words reworded: what stands there, and what it stands for.
    both = (x >= n) & (y >= n)
    was, now = ((x >= n) * unigram[v[x]] + (y >= n) * unigram[v[y]] for v in (known[start], first))
    odds = (
        BASE
        + MODEL * (inner[x] + inner[y] + unigram[first[x]] - unigram[known[start[x]]] + pair - shown)
        + CHANNEL * (channel[x] + channel[y])
        + ATTRACTION * (pair - unigram[first[y]])
        + BOTH * both
        + SEEN * ~never_seen(model, last[x], first[y])
        + np.where(both, 0.5, 1.0) * (SPUN * was + ORIGINAL * now)
    )
    good = odds > ENOUGH
    for side in (x[good], y[good]):
        out[mine[side[side >= n] - n]] = True
    return out


def _inner(model: LanguageModel, tokens: np.ndarray) -> float:
    """log P of a run of tokens given its first."""
    if len(tokens) < 2:
        return 0.0
    tokens = np.where(tokens < len(model.unigrams), tokens, 0)
    return float(model.bigram(tokens[:-1], tokens[1:])[0].sum())


def _is_term(table: PhraseTable, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether two ids stand beside each other in a technical term."""
    wanted = pair_keys(a, b)
    if not len(table.terms):
        return np.zeros(len(wanted), dtype=bool)
    where = np.minimum(np.searchsorted(table.terms, wanted), len(table.terms) - 1)
    found: np.ndarray = table.terms[where] == wanted
    return found
