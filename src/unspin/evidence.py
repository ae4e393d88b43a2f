"""What a document offers for weighing: the candidate arcs, and the originals that survived in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np

from . import kernels
from .kernels import address
from .lattice import Arcs
from .phrase_table import CASED, Matches, PhraseTable
from .rows import FAMILIES
from .tokens import BREAK, HYPHEN, Tokens, ranges, split

#: Weight of an academic phrase that is worth a look (see `screen`).
SCREEN_PHRASE = 0.03

#: Weight a word under which a text is taken for clean of academic rewording, for the words beyond a sentence, as far as that.
ACADEMIC, SENTENCE, PARAGRAPH = 0.2, 16, 40

#: Share of capitalised words from which on a sentence is a heading.
HEADING = 0.4

#: How much surer a name is "The Information" than a capitalised word by itself.
TITLED = 3

#: Words of a spun phrase that is long enough to be taken as a whole.
LONG = 4

_ACADEMIC, _THESAURUS, _USER = (FAMILIES.index(f) for f in ("academic", "thesaurus", "user"))
#: A document is the work of one spinner: the families that give it away, the weight a word under which a text is
#: taken for clean of them (measured on clean and spun passages), how much commoner than the others it is, in nats, and
#: the families to read it by. News and heavy web spinners share much, each with a rate of its own; academic rewording
#: shows in whole phrases and in their words.
_SPINNERS = tuple(
    ([FAMILIES.index(f) for f in named], slope, prior, np.array([f in (*allowed, "agreement", "user") for f in FAMILIES]))
    for named, slope, prior, allowed in (
        (("news",), 0.02, 2.0, ("news", "web")),
        (("web",), 0.02, 0.0, ("news", "web")),
        (("spinbot",), 0.02, -4.0, ("spinbot", "web", "academic", "thesaurus")),
        (("turbo",), 0.02, 0.0, ("turbo", "spinbot")),
        (("academic", "thesaurus"), 0.0, 2.0, ("academic", "thesaurus")),
    )
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """See `gather`.

    ``arcs``       candidate originals; ``spun``: int64[m], the phrase that each arc's span shows
    ``nested``     bool[m]: lies within a long spun phrase of the table; spinners take the longest original first
    ``named``      int64[m]: how surely it covers a name: 1 for a capitalised word amid a sentence, TITLED for what is
                   with "The" a whole one
    ``survivor``   float64[F, n]: P(family would have touched the id), 0 for no original
    ``families``   those of the survivors
    ``kept``       the one-token survivors, for each original's own record
    ``quoted``     bool[n]: stands in quotation marks, which many spinners leave alone
    ``composed``   float64[m]: by how many nats it is favoured since it makes an established term with a neighbour
                   (`composition`); None where it wasn't asked
    """

    arcs: Arcs
    spun: np.ndarray
    nested: np.ndarray
    named: np.ndarray
    survivor: np.ndarray
    families: Sequence[int]
    kept: Matches
    quoted: np.ndarray
    composed: np.ndarray | None = None


def by_parts(table: PhraseTable, evidence: Evidence, composed: np.ndarray) -> Evidence:
    """Return the evidence of academic phrases: of what is word for word, the arcs *composed* to a term alone."""
    ok = (composed > 0) | (table.family[evidence.arcs.entry] != _THESAURUS)
    survivor = evidence.survivor.copy()
    survivor[_THESAURUS] = 0.0
    return Evidence(
        evidence.arcs[ok], evidence.spun[ok], evidence.nested[ok], evidence.named[ok], survivor, evidence.families,
        evidence.kept, evidence.quoted, composed[ok],
    )


def screen(table: PhraseTable, found: Matches, words: int, enabled: np.ndarray) -> tuple[np.ndarray | None, bool, float]:
    """Say which spinner a text may be the work of, from a sum of weights, before anything is weighed closely.

    Each family's one-word weights are log P(word | spun) − log P(word | clean), survivors negative; a longer
    phrase counts only where it speaks for spinning. Returns the families to consider (bool[F]; None: none, for
    what is far from spun), whether academic phrases stand in it, which are worth a look by themselves, and the
    sum itself, in nats.
    """
    sums, largest = _weights(table, found)
    total = [s if on else -np.inf for s, on in zip(sums.tolist(), enabled.tolist())]
    phrases = bool(enabled[_ACADEMIC]) and bool(largest[_ACADEMIC] > SCREEN_PHRASE)
    _, best, slope, families = max(
        ((prior + (s := max(total[f] for f in named)), s, slope, families) for named, slope, prior, families in _SPINNERS),
        key=itemgetter(0),
    )
    # Of a sentence nothing more is asked; a paragraph holds such words by chance.
    asked = slope * words if slope else ACADEMIC * min(max(words - SENTENCE, 0), PARAGRAPH)
    if best <= asked and not total[_USER] > 0:
        return None, phrases, best
    return families & enabled, phrases, best


def _weights(table: PhraseTable, found: Matches) -> tuple[np.ndarray, np.ndarray]:
    """float64[F] each: the sum of the weights, and the largest of a longer phrase, 0 at least."""
    # Matches come shortest first.
    single = int(np.count_nonzero(found.length == 1))
    native = kernels.library()
    if native is not None:
        out = np.empty((2, len(FAMILIES)))
        at = address(out)
        arrays = address(found.phrase), len(FAMILIES), address(table.suspicion)
        native.unspin_weights(len(found.phrase), single, *arrays, at, at + 8 * len(FAMILIES))
        return out[0], out[1]
    weight = table.suspicion[found.phrase]
    positive = np.maximum(weight[single:], 0.0)
    sums = weight[:single].sum(axis=0, dtype=np.float64) + positive.sum(axis=0, dtype=np.float64)
    return sums, positive.max(axis=0, initial=0.0).astype(np.float64)


def find_matches(found: Matches, tokens: Tokens, free: np.ndarray) -> Matches:
    """Return the matches outside protected places and not glued to a hyphen.

    ``free``: bool[words], false for words in protected places.
    """
    stream = tokens.stream
    native = kernels.library()
    if native is not None:
        return _find_native(native, found, tokens, free)
    stop = found.start + found.length
    ok = (stream[found.start - 1] != HYPHEN) & (stream[np.minimum(stop, len(stream) - 1)] != HYPHEN)
    if not free.all():
        shut = np.zeros(len(stream) + 1, dtype=np.int64)
        np.cumsum((tokens.at >= 0) & ~free[tokens.at], out=shut[1:])
        ok &= shut[stop] == shut[found.start]
    return Matches(found.start[ok], found.length[ok], found.phrase[ok])


def _find_native(native: Any, found: Matches, tokens: Tokens, free: np.ndarray) -> Matches:
    n, count = len(tokens.stream), len(found.start)
    out, shut = np.empty((3, count), dtype=np.int64), np.empty(n + 1, dtype=np.int64)
    at = address(out)
    left = native.unspin_free_matches(
        n, *map(address, (tokens.stream, tokens.at, free)), HYPHEN,
        count, *map(address, (found.start, found.length, found.phrase)), address(shut), at, at + 8 * count, at + 16 * count,
    )  # fmt: skip
    start, length, phrase = out[:, :left]
    return Matches(start, length, phrase)


def gather(
    table: PhraseTable, tokens: Tokens, found: Matches, families: np.ndarray, quoted: np.ndarray | None = None
) -> Evidence:
    """Turn matches into arcs and survivors.

    ``families``: bool[F], those to consider; ``quoted``: bool[words], those in quotation marks (None: no word is)
    """
    considered = np.flatnonzero(families).tolist()
    native = kernels.library()
    collect = _collect if native is None else partial(_collect_native, native)
    arcs, spun, survivor, kept, special = collect(table, tokens, found, families)
    if len(special):
        # Few entries ask for a capital, or for a text about something.
        entry, ok = arcs.entry[special], np.ones(len(arcs), dtype=bool)
        ok[special] = _in_context(table, tokens, entry)
        for k in special[(table.flags[entry] & CASED) > 0].tolist():
            ok[k] &= tokens.shown(int(tokens.at[arcs.start[k]]))[:1].isupper()
        arcs, spun = arcs[ok], spun[ok]
    within = np.zeros(len(tokens.stream), dtype=bool)
    if quoted is not None and quoted.any():
        word = tokens.at >= 0
        within[word] = quoted[tokens.at[word]]
    named = _titled(tokens, arcs, _named(tokens, arcs))
    return Evidence(arcs, spun, _nested(tokens, arcs), named, survivor, considered, kept, within)


#: Arcs, the phrase that each shows, survivors by family, one-token survivors, and the arcs whose entry asks for more.
_Collected = tuple[Arcs, np.ndarray, np.ndarray, Matches, np.ndarray]


def _collect(table: PhraseTable, tokens: Tokens, found: Matches, families: np.ndarray) -> _Collected:
    fires = table.fires[found.phrase] * families
    original = np.flatnonzero(fires.any(axis=1))
    length = found.length[original]
    # A surviving phrase is one survivor, shared among its words.
    survivor = np.zeros((len(FAMILIES), len(tokens.stream)))
    place = ranges(found.start[original], length)
    for f in np.flatnonzero(families).tolist():
        np.maximum.at(survivor[f], place, np.repeat(fires[original, f] / length, length))
    single = original[length == 1]

    begin = table.entries_from[found.phrase]
    count = table.entries_from[found.phrase + 1] - begin
    entry = ranges(begin, count)
    ok = families[table.family[entry]]
    start = np.repeat(found.start, count)
    arcs = Arcs(start, np.repeat(found.start + found.length, count), entry)[ok]
    kept = Matches(found.start[single], found.length[single], found.phrase[single])
    special = np.flatnonzero((table.context[arcs.entry] >= 0) | ((table.flags[arcs.entry] & CASED) > 0))
    return arcs, np.repeat(found.phrase, count)[ok], survivor, kept, special


def _collect_native(
    native: Any, table: PhraseTable, tokens: Tokens, found: Matches, families: np.ndarray
) -> _Collected:
    n, matches = len(tokens.stream), len(found.start)
    most = int((table.entries_from[found.phrase + 1] - table.entries_from[found.phrase]).sum())
    survivor, counts = np.empty((len(FAMILIES), n)), np.empty(2, dtype=np.int64)
    single, out = np.empty((2, matches), dtype=np.int64), np.empty((5, most), dtype=np.int64)
    at, first = address(out), address(single)
    tables = (table.fires, table.entries_from, table.family, table.context, table.flags)
    arcs = native.unspin_gather(
        n, matches, *map(address, (found.start, found.length, found.phrase)), len(FAMILIES), address(families),
        *map(address, tables), CASED, address(survivor), first, first + 8 * matches,
        *(at + 8 * most * k for k in range(5)), address(counts),
    )  # fmt: skip
    kept, asking = counts.tolist()
    start, stop, entry, phrase, _ = out[:, :arcs]
    ones = Matches(single[0, :kept], np.ones(kept, dtype=np.int64), single[1, :kept])
    return Arcs(start, stop, entry), phrase, survivor, ones, out[4, :asking]


def _nested(tokens: Tokens, arcs: Arcs) -> np.ndarray:
    """Whether each arc is short and lies within the span of a long one."""
    native = kernels.library()
    if native is not None:
        reach, nested = np.empty(len(tokens.stream) + 1, dtype=np.int64), np.empty(len(arcs), dtype=bool)
        where = address(arcs.start), address(arcs.stop), LONG, address(reach), address(nested)
        native.unspin_nested(len(tokens.stream), len(arcs), *where)
        return nested
    size = arcs.stop - arcs.start
    long = size >= LONG
    if not long.any():
        return np.zeros(len(arcs), dtype=bool)
    reach = np.zeros(int(arcs.stop.max()) + 1, dtype=np.int64)
    np.maximum.at(reach, arcs.start[long], arcs.stop[long])
    return ~long & (np.maximum.accumulate(reach)[arcs.start] >= arcs.stop)


def _named(tokens: Tokens, arcs: Arcs) -> np.ndarray:
    """Whether each arc reads a capitalised word that begins no sentence and stands in no heading."""
    capital = tokens.capital
    if not capital.any():
        return np.zeros(len(arcs), dtype=bool)
    native = kernels.library()
    if native is not None:
        counted, out = np.empty(len(tokens.stream) + 1, dtype=np.int64), np.empty(len(arcs), dtype=bool)
        native.unspin_named(
            len(tokens.stream), *map(address, (tokens.stream, tokens.at, capital)), BREAK, HEADING,
            len(arcs), *map(address, (arcs.start, arcs.stop, counted, out)),
        )  # fmt: skip
        return out
    word = tokens.at >= 0
    amid = np.zeros(len(tokens.stream), dtype=np.int64)
    amid[word] = capital[tokens.at[word]]
    # A heading, or a line of capitals, names nothing by them.
    sentence = np.cumsum(tokens.stream == BREAK)
    heading = np.bincount(sentence, weights=amid) > HEADING * np.maximum(np.bincount(sentence, weights=word), 1)
    amid[heading[sentence]] = 0
    amid[1:][tokens.stream[:-1] == BREAK] = 0
    count = np.append(0, np.cumsum(amid))
    named: np.ndarray = count[arcs.stop] > count[arcs.start]
    return named


def _titled(tokens: Tokens, arcs: Arcs, named: np.ndarray) -> np.ndarray:
    """int64[m], from bool[m] *named*: TITLED where "The" stands before, amid a sentence, and nothing capitalised after."""
    out = named.astype(np.int64)
    which = np.flatnonzero(named)
    if not len(which):
        return out
    at, stream, offsets = tokens.at, tokens.stream, tokens.offsets
    # Few words have three letters; of the others nothing needs to be looked at.
    begin = arcs.start[which]
    before = at[begin - 1]
    near = np.flatnonzero((before >= 0) & (offsets[2 * before + 2] - offsets[2 * before + 1] == 3) & (stream[begin - 2] != BREAK))
    if not len(near):
        return out
    which, before = which[near], before[near]
    after = at[arcs.stop[which]]
    starts, next_starts = offsets[2 * before + 1].tolist(), offsets[2 * after + 1].tolist()
    for k, start, follows, next_start in zip(which.tolist(), starts, (after >= 0).tolist(), next_starts):
        if tokens.text.startswith("The", start) and not (follows and tokens.text[next_start].isupper()):
            out[k] = TITLED
    return out


def _in_context(table: PhraseTable, tokens: Tokens, entry: np.ndarray) -> np.ndarray:
    """Whether the document holds the terms that an entry needs, and none that it excludes."""
    context = table.context[entry]
    ok = np.ones(len(entry), dtype=bool)
    asked = context[context >= 0]
    if len(asked):
        words = f" {' '.join(tokens.words)} "

        def holds(term: str) -> bool:
            # As the text's words are: without hyphens.
            shown = " ".join(split(term)[1])
            return f" {shown} " in words or f" {shown}s " in words

        for k in set(asked.tolist()):
            needs, excludes = table.contexts[k]
            if (needs and not any(map(holds, needs))) or any(map(holds, excludes)):
                ok[context == k] = False
    return ok
