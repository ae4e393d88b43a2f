"""Tortured phrases that nobody listed: an established term, reworded word for word.

"deep learning" is a term; *deep = profound* and *learning = studying* are rows, and nobody writes "profound
studying". Two neighbours that ordinary text hardly ever has beside each other, but which stand for two that belong
together, are evidence even where nothing else in the text is spun.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import kernels
from .kernels import address
from .language_model import LanguageModel, pair_keys, split_pairs
from .lattice import Arcs, join
from .phrase_table import COMMON, PhraseTable, TermIndex
from .rows import FAMILIES
from .tokens import FIRST_WORD, ranges

_THESAURUS = FAMILIES.index("thesaurus")
#: What of a term is reworded.
HEAD, TAIL = 1, 2
#: Units of `terms.Terms`.
_FIELD, _AFFINITY = 32.0, 16.0
#: Log-odds that two neighbours are a reworded term: a logistic regression of pairs that restore facts of the Problematic
#: Paper Screener, each with a table that lacks it, against pairs of 1.4 million words of ordinary text that stand nowhere
#: else in the corpus. Nats of language model and of channel; by which the words of the term attract each other; both words
#: reworded; the model lacks the term; frequency of what stands there, of what it stands for; affinity of the classes of what
#: stands there, of the term; how far the reworded words, their originals, the kept word are words of science.
WEIGHTS = {
    "base": -0.57, "model": 0.124, "channel": 1.048, "attraction": 0.587, "both": 1.494, "unseen": 3.03, "was": -0.426,
    "now": 0.436, "joined": -0.548, "term": -0.333, "field_was": -0.627, "field_now": 0.707, "field_kept": 0.491,
}  # fmt: skip
#: Those that `_odds` goes by, in the order in which the kernel takes them.
_NATIVE_WEIGHTS = np.array([
    *(WEIGHTS[k] for k in ("base", "model", "attraction", "both", "unseen")),
    WEIGHTS["joined"] / _AFFINITY, WEIGHTS["term"] / _AFFINITY, WEIGHTS["field_kept"] / _FIELD,
])  # fmt: skip
#: Log-odds to go by; the longer a text is than SHORT tokens, the likelier chance brings such a pair, and the more is asked of
#: what lies over them in all: RISE times the logarithm of how many times as long it is.
ENOUGH, RISE, SHORT = -0.1, 1.8, 16
#: What more is asked where the words of a text are those of other fields than science, a nat that they are that on average.
ELSEWHERE = 20.0
#: What a reworded part must bring to be looked at (see `phrase_table.TermIndex`): under it hardly any is ever enough.
LEAST = -3.3
#: Log-odds to go by beside what is judged reworded; how far other arcs are favoured there.
NEAR, BESIDE = -1.5, 1.0
#: Readings of one pair this far behind the likeliest are dropped; what a composed arc is worth beyond its odds.
CLOSE, SURE = 1.0, 4.0


def index_terms(
    model: LanguageModel,
    log_unigram: np.ndarray,
    tokens: np.ndarray,
    tokens_from: np.ndarray,
    entries_from: np.ndarray,
    original: np.ndarray,
    log_weight: np.ndarray,
    family: np.ndarray,
    flags: np.ndarray,
    terms: np.ndarray,
    science: np.ndarray,
) -> TermIndex:
    """Work out the `TermIndex` of a table from its arrays."""
    size = len(log_unigram)
    sides = np.zeros((4, size), dtype=bool)
    for side, words in zip(sides, split_pairs(terms)):
        side[words] = True
    spun = np.repeat(np.arange(len(entries_from) - 1), np.diff(entries_from))
    mine = np.flatnonzero((family == _THESAURUS) & ((flags & COMMON) == 0))
    spun, wanted = spun[mine], original[mine].astype(np.int64)
    spun_first, spun_last = tokens[tokens_from[spun]], tokens[tokens_from[spun + 1] - 1]
    first, last = tokens[tokens_from[wanted]], tokens[tokens_from[wanted + 1] - 1]
    w, field = WEIGHTS, science / np.float32(_FIELD)
    inner_spun, was = _weigh(model, log_unigram, tokens, tokens_from, spun)
    inner_wanted, now = _weigh(model, model.unigrams, tokens, tokens_from, wanted)
    certain = w["channel"] * log_weight[mine] + w["model"] * (inner_wanted - inner_spun)
    shared = w["was"] * was + w["now"] * now
    # As the first of two parts and as the second: of a longer one, the word that stands at the seam.
    by_side = [shared + w["field_was"] * field[a] + w["field_now"] * field[b] for a, b in ((spun_last, last), (spun_first, first))]
    brings = [(certain + share * side).astype(np.float32) for share in (1.0, 0.5) for side in by_side]
    begins, ends = brings[0] > LEAST, brings[1] > LEAST
    worth = np.full((4, len(family)), -np.inf, dtype=np.float32)
    for row, values, enough in zip(worth, brings, (begins, ends, begins, ends)):
        row[mine] = np.where(enough, values, -np.inf)
    begins &= sides[0, last]
    ends &= sides[1, first]
    sides[2, spun_last[begins]] = True
    sides[3, spun_first[ends]] = True
    keys = pair_keys(np.concatenate([spun_last[begins], spun_first[ends]]), np.concatenate([last[begins], first[ends]]))
    order = np.argsort(keys)
    keys = keys[order]
    new = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])[: len(keys)])
    (shown, readings), reading_worth = split_pairs(keys[new]), np.zeros((2, 0), dtype=np.float32)
    if len(new):
        by_key = (np.concatenate([brings[k][begins], brings[k + 1][ends]])[order] for k in (0, 2))
        reading_worth = np.array([np.maximum.reduceat(values, new) for values in by_key])
    readings_from = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(shown, minlength=size), out=readings_from[1:])
    return TermIndex(sides, readings_from, readings, reading_worth, worth)


def _weigh(
    model: LanguageModel, log_unigram: np.ndarray, tokens: np.ndarray, tokens_from: np.ndarray, phrase: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the log P of each phrase given its first word, and that of its rarest word."""
    first, size = tokens_from[phrase], tokens_from[phrase + 1] - tokens_from[phrase]
    inner, rarest = np.zeros(len(phrase), dtype=np.float32), _known(log_unigram, tokens[first])
    longer = np.flatnonzero(size > 1)
    for k in range(1, int(size.max(initial=1))):
        longer = longer[size[longer] > k]
        before, word = tokens[first[longer] + k - 1], tokens[first[longer] + k]
        limit = len(model.unigrams)
        inner[longer] += model.bigram(np.where(before < limit, before, 0), np.where(word < limit, word, 0))[0]
        rarest[longer] = np.minimum(rarest[longer], _known(log_unigram, word))
    return inner, rarest


def _known(log_unigram: np.ndarray, words: np.ndarray) -> np.ndarray:
    """log P of words; of those that a model lacks, of an unknown one."""
    out: np.ndarray = log_unigram[np.where(words < len(log_unigram), words, 0)]
    return out


def promising(table: PhraseTable, model: LanguageModel, stream: np.ndarray) -> bool:
    """Whether the text may hold such pairs (see `composed`), judged word by word."""
    return _enough(table, _seams(table, model, stream), stream)


def _seams(table: PhraseTable, model: LanguageModel, stream: np.ndarray) -> np.ndarray:
    """Return float64: the log-odds of neighbours, strange ones, that may stand for two words of a term."""
    index, native = table.term_index.value, kernels.library()
    if native is not None:
        return _seams_native(native, table, index, model, stream)
    # Few neighbours can stand for a term, one of them reworded; only of these is the model asked.
    first, second, reworded_first, reworded_second = index.sides
    a, b = stream[:-1], stream[1:]
    at = np.flatnonzero((reworded_first[a] & (second[b] | reworded_second[b])) | (first[a] & reworded_second[b]))
    at = at[_strange(table, model, stream[at], stream[at + 1])]
    a, b = stream[at], stream[at + 1]
    begin_a, begin_b = index.readings_from[a], index.readings_from[b]
    count_a, count_b = index.readings_from[a + 1] - begin_a, index.readings_from[b + 1] - begin_b
    one, two = ranges(begin_a, count_a), ranges(begin_b, count_b)
    pairs = count_b.repeat(count_a)
    both_two = ranges(begin_b.repeat(count_a), pairs)
    both_one = one.repeat(pairs)
    k = np.arange(len(at))
    seam = np.concatenate([k.repeat(count_a), k.repeat(count_b), k.repeat(count_a).repeat(pairs)])
    last = np.concatenate([index.readings[one], a.repeat(count_b), index.readings[both_one]])
    following = np.concatenate([b.repeat(count_a), index.readings[two], index.readings[both_two]])
    term = np.flatnonzero(_is_term(table, last, following))
    alone, joint = index.reading_worth.astype(np.float64)
    worth = np.concatenate([alone[one], alone[two], joint[both_one] + joint[both_two]])[term]
    kind = np.repeat([HEAD, TAIL, HEAD | TAIL], [len(one), len(two), len(both_one)])[term]
    seam = seam[term]
    odds = _odds(table, model, a[seam], b[seam], last[term], following[term], worth, kind)
    best = np.full(len(at), -np.inf)
    np.maximum.at(best, seam, odds)
    return best[best > -np.inf]


def _seams_native(native: Any, table: PhraseTable, index: TermIndex, model: LanguageModel, stream: np.ndarray) -> np.ndarray:
    pairs, at, best = model.bigrams, np.empty(len(stream), dtype=np.int64), np.empty(len(stream))
    stream = np.ascontiguousarray(stream, dtype=np.int64)
    count = native.unspin_seams(
        len(stream), address(stream), index.sides.shape[1], *map(address, (index.sides, index.readings_from, index.readings)),
        len(index.readings), address(index.reading_worth), len(table.terms), address(table.terms),
        FIRST_WORD, len(model.unigrams), pairs.seed, pairs.segment, pairs.span,
        *map(address, (pairs.fingerprints, *pairs.values, model.unigrams, model.unigram_backoff, model.codebook)),
        *map(address, (table.classes, table.affinity, table.science, _NATIVE_WEIGHTS, at, best)),
    )  # fmt: skip
    return best[:count]


def _enough(table: PhraseTable, best: np.ndarray, stream: np.ndarray) -> bool:
    """Whether the log-odds at the seams of a text, *best*, are more than chance brings in one of its length and field."""
    over = best[best > ENOUGH] - ENOUGH
    if not len(over):
        return False
    field = float(table.science[stream[stream >= FIRST_WORD]].mean()) / _FIELD
    asked = RISE * float(np.log(max(len(stream) / SHORT, 1.0))) + ELSEWHERE * max(-field, 0.0)
    return float(over.sum()) >= asked


def _odds(
    table: PhraseTable,
    model: LanguageModel,
    left: np.ndarray,
    right: np.ndarray,
    last: np.ndarray,
    first: np.ndarray,
    worth: np.ndarray,
    kind: np.ndarray,
) -> np.ndarray:
    """Return the log-odds that two neighbours, never seen beside each other, stand for a term.

    ``left``, ``right``: the ids at the seam; ``last``, ``first``: those of the term; ``worth``: of its reworded parts (see
    `TermIndex.worth`); ``kind``: HEAD, TAIL or both, what of it is reworded
    """
    unigram, backoff, w = model.unigrams, model.unigram_backoff, WEIGHTS
    was_left, was_right, now_last, now_first = (unigram[ids].astype(np.float64) for ids in (left, right, last, first))
    pair = backoff[last] + now_first
    hits, (code, _) = model.bigrams.find(pair_keys(last, first))
    pair[hits] = model.codebook[code]
    unseen = np.ones(len(pair))
    unseen[hits] = 0.0
    # What stands there was never seen.
    shown = backoff[left] + was_right
    kept = np.where(kind == HEAD, table.science[right], np.where(kind == TAIL, table.science[left], 0))
    joined = table.affinity[table.classes[0, left], table.classes[1, right]]
    term = table.affinity[table.classes[0, last], table.classes[1, first]]
    odds: np.ndarray = (
        w["base"]
        + worth
        + w["model"] * (now_last + pair - was_left - shown)
        + w["attraction"] * (pair - now_first)
        + w["both"] * (kind == (HEAD | TAIL))
        + w["unseen"] * unseen
        + w["joined"] / _AFFINITY * joined.astype(np.float64)
        + w["term"] / _AFFINITY * term.astype(np.float64)
        + w["field_kept"] / _FIELD * kept.astype(np.float64)
    )
    return odds


def never_seen(model: LanguageModel, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[m]: whether both ids are words, and such that the model never saw them beside each other."""
    size = len(model.unigrams)
    word = (a >= FIRST_WORD) & (b >= FIRST_WORD) & (a < size) & (b < size)
    word[model.bigrams.find(pair_keys(a, b))[0]] = False
    return word


def _strange(table: PhraseTable, model: LanguageModel, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """bool[m]: whether both ids are words that nobody has seen beside each other: not the model, and they are no term."""
    return never_seen(model, a, b) & ~_is_term(table, a, b)


def composed(
    table: PhraseTable,
    model: LanguageModel,
    stream: np.ndarray,
    arcs: Arcs,
    named: np.ndarray | None = None,
) -> np.ndarray:
    """float64[m]: by how many nats the word-for-word arcs are favoured that make an established term with a neighbour.

    0 for those that don't, and for all of them where the text is too long for so few of them to be more than chance.

    ``named``: bool[m], arcs that likely read a name, which are left out
    """
    out = np.zeros(len(arcs))
    ok = (table.family[arcs.entry] == _THESAURUS) & ((table.flags[arcs.entry] & COMMON) == 0)
    mine = np.flatnonzero(ok if named is None else ok & ~named)
    if not len(mine):
        return out
    x, y, at, odds = _pairs(table, model, stream, arcs[mine])
    if not len(x):
        return out
    # Of readings of one seam the likeliest counts: a lone one in a long text is what chance brings.
    best = np.full(len(stream) + 1, -np.inf)
    np.maximum.at(best, at, odds)
    if not _enough(table, best, stream):
        return out
    n = len(stream)
    starts, stops = np.concatenate([np.arange(n), arcs.start[mine]]), np.concatenate([np.arange(1, n + 1), arcs.stop[mine]])
    good, near = odds > ENOUGH, np.zeros(n + 1, dtype=bool)
    # Where one word was reworded its neighbours likely were: word by word on from what is judged.
    while True:
        for side in (starts, stops):
            near[side[np.concatenate([x[good], y[good]])]] = True
        more = ~good & (odds > NEAR) & (near[starts[x]] | near[at] | near[stops[y]])
        if not more.any():
            break
        good |= more
    # The word after or before is worth weighing, whether or not it makes a term.
    out[mine[near[arcs.start[mine]] | near[arcs.stop[mine]]]] = BESIDE
    good &= odds > best[at] - CLOSE
    for side in (x[good], y[good]):
        arc = side >= n
        np.maximum.at(out, mine[side[arc] - n], SURE + np.maximum(odds[good][arc], 0.0))
    return out


def _pairs(
    table: PhraseTable, model: LanguageModel, stream: np.ndarray, arcs: Arcs
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the neighbours that may stand for a term: its two parts, the boundary between them, and the log-odds.

    Parts are kept words as their positions, and arcs as n + their index.
    """
    n, m = len(stream), len(arcs)
    original = table.original[arcs.entry].astype(np.int64)
    begin, end = table.tokens_from[original], table.tokens_from[original + 1]
    start, stop = arcs.start, arcs.stop
    # An arc and the word after it, the word before it and an arc, two arcs.
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
    x, y, last, first = x[term], y[term], last[term], first[term]
    starts, stops = np.concatenate([np.arange(n), start]), np.concatenate([np.arange(1, n + 1), stop])
    left, right = stream[stops[x] - 1], stream[starts[y]]
    strange = _strange(table, model, left, right)
    x, y, last, first, left, right = (v[strange] for v in (x, y, last, first, left, right))
    if not len(x):
        return x, y, x, np.zeros(0)
    head, tail = x >= n, y >= n
    both = head & tail
    worth, of_entry = np.zeros(len(x)), table.term_index.value.worth
    worth[head] = of_entry[np.where(both, 2, 0)[head], arcs.entry[x[head] - n]]
    worth[tail] += of_entry[np.where(both, 3, 1)[tail], arcs.entry[y[tail] - n]]
    return x, y, starts[y], _odds(table, model, left, right, last, first, worth, HEAD * head + TAIL * tail)


def _is_term(table: PhraseTable, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether two ids stand beside each other in a technical term."""
    wanted = pair_keys(a, b)
    if not len(table.terms):
        return np.zeros(len(wanted), dtype=bool)
    where = np.minimum(np.searchsorted(table.terms, wanted), len(table.terms) - 1)
    found: np.ndarray = table.terms[where] == wanted
    return found
