"""From rows, written forward (original → spun forms), to the inverted table that restoration looks phrases up in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import groupby

import numpy as np

from .composition import index_terms
from .inflection import inflect
from .language_model import UNKNOWN_WORD, LanguageModel, pair_keys
from .phrase_table import CASED, COMMON, Later, PhraseTable, index_phrases
from .rows import FAMILIES, Row
from .terms import Terms, no_terms
from .tokens import BREAK, COLON, COMMA, FIRST_WORD, HYPHEN, OTHER, PAREN, UNK, Vocabulary, split, tokenise

LONGEST = 10
#: What a derived (inflected) row is worth of the row it comes from.
DERIVED = 0.4
#: Candidates that a spun form keeps in a family: the most probable, and how many nats behind the first at most.
MOST, BEHIND = 6, 5.0
#: As many of the words of a thesaurus, which are chosen among by the terms that they make.
MOST_THESAURUS, BEHIND_THESAURUS = 14, 9.0
#: And those that are so close, in nats, to the likeliest by the table alone.
USUAL = 0.7
_MARKS = frozenset({BREAK, COMMA, COLON, PAREN, HYPHEN, OTHER})
#: P(the family touches an original) where the row doesn't say, for one word and for more: measured on spun
#: articles with their originals (docs/table.md).
FIRES = {"news": (0.035, 0.35)}
FIRES_OTHER = (0.5, 0.6)
#: Share of replacements that a row lists, measured there too.
LISTED = 0.88
#: Rate by family that the screening of a document supposes: academic phrases are weighed one by one, other spinners also
#: leave much as it was.
SUPPOSED = tuple(0.7 if f in ("academic", "thesaurus") else 0.5 for f in FAMILIES)
_ACADEMIC, _THESAURUS = FAMILIES.index("academic"), FAMILIES.index("thesaurus")


def derive(rows: Iterable[Row], known: Mapping[str, int], log_unigram: np.ndarray) -> list[Row]:
    """Return rows for the regular inflections of single-word originals, where all forms are words in use.

    A form that some row of the family has as its original already is left to that row.
    """
    rows = list(rows)
    # By file: what one list has of a word says nothing of another list.
    taken = {(r.family, r.file, r.original) for r in rows}
    in_use = -14.5

    def usable(phrase: str) -> bool:
        return all((k := known.get(w)) is not None and log_unigram[k] > in_use for w in phrase.split(" "))

    out: list[Row] = []
    for row in rows:
        word = row.original
        if " " in word or len(word) < 4 or not word.isalpha() or not word.islower() or row.needs or row.excludes:
            continue
        academic = row.family == "thesaurus"
        if word.endswith(("ed", "ly", "est") if academic else ("s", "ed", "ing", "ly", "er", "est")):
            continue
        for form in range(3):
            derived = inflect(word, form)
            if (row.family, row.file, derived) in taken or not usable(derived):
                continue
            pairs = [
                (inflect(s, form), w)
                for s, w in zip(row.spun, row.weights)
                if s.replace(" ", "").isalpha()
                and not s.endswith(("s", "ed", "ing", "ly") if form or not academic else ("s", "ed", "ly"))
                and (academic or " " not in s)
            ]
            pairs = [(s, w) for s, w in pairs if usable(s) and s != derived]
            if pairs:
                taken.add((row.family, row.file, derived))
                forms_, weights = zip(*pairs)
                where = f"{row.where} (inflected)"
                out.append(replace(row, original=derived, spun=forms_, weights=weights, where=where))
    return out


def fires(row: Row) -> float:
    """Return the probability that the row's family touches its original: the row's own, or the measured default."""
    if row.fires is not None:
        return row.fires
    return FIRES.get(row.family, FIRES_OTHER)[" " in row.original]


def compile_rows(rows: Iterable[Row], model: LanguageModel, terms: Terms | None = None) -> PhraseTable:
    """Invert *rows* into a table over the model's vocabulary (words it lacks are added at the end).

    ``terms``: technical terms; those that the academic rows restore are added
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
    known = (terms or no_terms(len(model.unigrams))).sized(len(log_unigram))
    return _arrays(model, rows, vocabulary, log_unigram, index, entries, list(contexts), touched, known)


def terms_of(table: PhraseTable, model: LanguageModel) -> Terms:
    """Return the terms that a compiled table knows, for compiling another one for the same model."""
    size = len(model.unigrams)
    return Terms(table.terms, table.classes[:, :size], table.affinity, table.science[:size])


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
    known: Terms,
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
    for (_, family_), group in groupby(ordered, key=lambda e: (e[0][0], e[0][2])):
        candidates = list(group)
        most, behind = (MOST_THESAURUS, BEHIND_THESAURUS) if family_ == _THESAURUS else (MOST, BEHIND)
        best = candidates[0][1][0] + log_phrase[candidates[0][0][1]]
        # What the spinner does most is kept however rare bigrams hold the original to be: they underrate set phrases.
        usual = max(value[0] for _, value in candidates) - USUAL
        for rank, (key, candidate) in enumerate(candidates):
            if (rank < most and candidate[0] + log_phrase[key[1]] > best - behind) or candidate[0] >= usual:
                kept.append((key, candidate))
    spun = np.array([k[0] for k, _ in kept], dtype=np.int64)
    original = np.array([k[1] for k, _ in kept], dtype=np.int32)
    family = np.array([k[2] for k, _ in kept], dtype=np.uint8)
    log_weight = np.array([v[0] for _, v in kept], dtype=np.float32)
    flags = np.array([v[1] for _, v in kept], dtype=np.uint8)
    entries_from = np.searchsorted(spun, np.arange(count + 1)).astype(np.int64)
    glued = {vocabulary.get("'s", -1), HYPHEN}
    # Words restored are numbered, a whole phrase as it is already.
    outputs = dict(index)
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
    for f, rate in enumerate(SUPPOSED):
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
    # Words that the model lacks attract nothing.
    words = (np.minimum(first, second) >= FIRST_WORD) & (np.maximum(first, second) < len(model.unigrams))
    terms = np.unique(np.concatenate([known.pairs, pair_keys(first[words], second[words])]))
    return PhraseTable(
        Vocabulary(vocabulary), log_unigram, *index_phrases(tokens, tokens_from, FIRST_WORD + len(vocabulary)), tokens_from, tokens,
        entries_from, original, log_weight,
        family, flags, np.array([v[2] for _, v in kept], dtype=np.int32),
        np.array([k[3] for k, _ in kept], dtype=np.int32), np.array(pieces_from, dtype=np.int64), piece, fire,
        suspicion, terms, known.classes, known.affinity, known.science,
        Later(
            index_terms, model, log_unigram, tokens, tokens_from, entries_from, original, log_weight, family, flags, terms,
            known.science,
        ),
        [r.original for r in rows], [r.where for r in rows], contexts,
    )  # fmt: skip
