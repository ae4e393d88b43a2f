"""What a document offers for weighing: the candidate arcs, and the originals that survived in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter, ne

import numpy as np

from .lattice import Arcs
from .phrase_table import CASED, Matches, PhraseTable
from .rows import FAMILIES
from .tokens import BREAK, HYPHEN, Tokens, ranges, split

#: Weight of an academic phrase that is worth a look (see `screen`).
SCREEN_PHRASE = 0.03

#: Weight a word under which a text is taken for clean of academic rewording, for the words beyond a sentence, as far as that.
ACADEMIC, SENTENCE, PARAGRAPH = 0.1, 16, 40

#: Share of capitalised words from which on a sentence is a heading.
HEADING = 0.4

#: Words of a spun phrase that is long enough to be taken as a whole.
LONG = 4

_ACADEMIC, _THESAURUS, _USER = (FAMILIES.index(f) for f in ("academic", "thesaurus", "user"))
#: A document is the work of one spinner: the families that give it away, the weight a word under which a text is
#: taken for clean of them (measured on clean and spun passages), how much commoner than the others it is, in nats, and
#: the families to read it by. Heavy web spinners also do what the news family does; academic rewording shows in whole
#: phrases and in their words.
_SPINNERS = tuple(
    ([FAMILIES.index(f) for f in named], slope, prior, np.array([f in (*allowed, "agreement", "user") for f in FAMILIES]))
    for named, slope, prior, allowed in (
        (("news",), 0.02, 2.0, ("news",)),
        (("web",), 0.02, 0.0, ("news", "web")),
        (("turbo",), 0.02, 0.0, ("turbo",)),
        (("academic", "thesaurus"), 0.0, 0.0, ("academic", "thesaurus")),
    )
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """See `gather`.

    ``arcs``       candidate originals; ``spun``: int64[m], the phrase that each arc's span shows
    ``nested``     bool[m]: lies within a long spun phrase of the table; spinners take the longest original first
    ``named``      bool[m]: covers a capitalised word amid a sentence, which is likely a name
    ``survivor``   float64[F, n]: P(family would have touched the id), 0 for no original
    ``families``   those of the survivors
    ``kept``       the one-token survivors, for each original's own record
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
    composed: np.ndarray | None = None


def by_parts(table: PhraseTable, evidence: Evidence, composed: np.ndarray) -> Evidence:
    """Return the evidence of academic phrases: of what is word for word, the arcs *composed* to a term alone."""
    ok = (composed > 0) | (table.family[evidence.arcs.entry] != _THESAURUS)
    survivor = evidence.survivor.copy()
    survivor[_THESAURUS] = 0.0
    return Evidence(
        evidence.arcs[ok], evidence.spun[ok], evidence.nested[ok], evidence.named[ok], survivor, evidence.families,
        evidence.kept, composed[ok],
    )


def screen(table: PhraseTable, found: Matches, words: int, enabled: np.ndarray) -> tuple[np.ndarray | None, bool, float]:
    """Say which spinner a text may be the work of, from a sum of weights, before anything is weighed closely.

    Each family's one-word weights are log P(word | spun) − log P(word | clean), survivors negative; a longer
    phrase counts only where it speaks for spinning. Returns the families to consider (bool[F]; None: none, for
    what is far from spun), whether academic phrases stand in it, which are worth a look by themselves, and the
    sum itself, in nats.
    """
    weight = table.suspicion[found.phrase]
    # Matches come shortest first.
    single = int(np.count_nonzero(found.length == 1))
    positive = np.maximum(weight[single:], 0.0)
    sums = (weight[:single].sum(axis=0) + positive.sum(axis=0)).tolist()
    total = [s if on else -np.inf for s, on in zip(sums, enabled.tolist())]
    phrases = bool(enabled[_ACADEMIC]) and bool((positive[:, _ACADEMIC] > SCREEN_PHRASE).any())
    _, best, slope, families = max(
        ((prior + (s := max(total[f] for f in named)), s, slope, families) for named, slope, prior, families in _SPINNERS),
        key=itemgetter(0),
    )
    # Of a sentence nothing more is asked; a paragraph holds such words by chance.
    asked = slope * words if slope else ACADEMIC * min(max(words - SENTENCE, 0), PARAGRAPH)
    if best <= asked and not total[_USER] > 0:
        return None, phrases, best
    return families & enabled, phrases, best


def find_matches(found: Matches, tokens: Tokens, free: np.ndarray) -> Matches:
    """Return the matches outside protected places and not glued to a hyphen.

    ``free``: bool[words], false for words in protected places.
    """
    stream = tokens.stream
    stop = found.start + found.length
    ok = (stream[found.start - 1] != HYPHEN) & (stream[np.minimum(stop, len(stream) - 1)] != HYPHEN)
    if not free.all():
        shut = np.zeros(len(stream) + 1, dtype=np.int64)
        np.cumsum((tokens.at >= 0) & ~free[tokens.at], out=shut[1:])
        ok &= shut[stop] == shut[found.start]
    return Matches(found.start[ok], found.length[ok], found.phrase[ok])


def gather(table: PhraseTable, tokens: Tokens, found: Matches, families: np.ndarray) -> Evidence:
    """Turn matches into arcs and survivors; ``families``: bool[F], those to consider."""
    fires = table.fires[found.phrase] * families
    original = np.flatnonzero(fires.any(axis=1))
    length = found.length[original]
    # A surviving phrase is one survivor, shared among its words.
    survivor = np.zeros((len(FAMILIES), len(tokens.stream)))
    place = ranges(found.start[original], length)
    considered = np.flatnonzero(families).tolist()
    for f in considered:
        np.maximum.at(survivor[f], place, np.repeat(fires[original, f] / length, length))
    single = original[length == 1]

    begin = table.entries_from[found.phrase]
    count = table.entries_from[found.phrase + 1] - begin
    entry = ranges(begin, count)
    start = np.repeat(found.start, count)
    ok = families[table.family[entry]]
    ok &= _in_context(table, tokens, entry)
    cased = np.flatnonzero((table.flags[entry] & CASED) > 0)
    for k in cased.tolist():
        ok[k] &= tokens.parts[2 * int(tokens.at[start[k]]) + 1][:1].isupper()
    arcs = Arcs(start, np.repeat(found.start + found.length, count), entry)[ok]
    kept = Matches(found.start[single], found.length[single], found.phrase[single])
    return Evidence(arcs, np.repeat(found.phrase, count)[ok], _nested(arcs), _named(tokens, arcs), survivor, considered, kept)


def _nested(arcs: Arcs) -> np.ndarray:
    """Whether each arc is short and lies within the span of a long one."""
    size = arcs.stop - arcs.start
    long = size >= LONG
    if not long.any():
        return np.zeros(len(arcs), dtype=bool)
    reach = np.zeros(int(arcs.stop.max()) + 1, dtype=np.int64)
    np.maximum.at(reach, arcs.start[long], arcs.stop[long])
    return ~long & (np.maximum.accumulate(reach)[arcs.start] >= arcs.stop)


def _named(tokens: Tokens, arcs: Arcs) -> np.ndarray:
    """Whether each arc reads a capitalised word that begins no sentence and stands in no heading."""
    shown = tokens.parts[1::2]
    # Whatever differs from its lower-case form holds a capital, or a curly apostrophe, which is no letter.
    capital = np.fromiter(map(ne, shown, tokens.words), dtype=bool, count=len(shown))
    for k in np.flatnonzero(capital).tolist():
        capital[k] = shown[k].isalpha()
    if not capital.any():
        return np.zeros(len(arcs), dtype=bool)
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
