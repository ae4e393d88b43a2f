"""From a choice to what is written where: case, spelling, apostrophes, the article that agrees; then the edits.

What changes is drafted at once, one short tuple a change. The edits that account for it (confidence, row,
alternatives) are built from the drafts when somebody looks at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from .debris import find_debris
from .decoder import Choice
from .edits import Alternative, Alternatives, Edit
from .phrase_table import PhraseTable
from .rendering import article, case_like
from .rows import FAMILIES
from .spelling import respell
from .tokens import BREAK, Tokens, gap_classes, split

#: How sure a repair of debris is: it never stands in edited prose.
_DEBRIS = 0.99


class Draft(NamedTuple):
    """One change: ``text[start:end]`` becomes ``original``.

    ``span``: the span of the choice it follows from, -1 for debris; ``own``: whether it is that span itself, and not
    the article before it.
    """

    start: int
    end: int
    original: str
    span: int
    own: bool


def _words_of(text: str, first: int, stop: int) -> str:
    """Words *first* to *stop* (exclusive) of an original, with what stands between them."""
    parts = split(text)[0]
    return text if 2 * stop + 1 == len(parts) and not first else "".join(parts[2 * first + 1 : 2 * stop])


@lru_cache(maxsize=1 << 16)
def _spelled(original: str, first: int, stop: int, spelling: str) -> str:
    """Words *first* to *stop* of an original in the spelling of the text around."""
    return respell(_words_of(original, first, stop), spelling)


@lru_cache(maxsize=1 << 16)
def _rendered(original: str, first: int, stop: int, spun: str, fresh: bool, spelling: str, curly: bool) -> str:
    """Words *first* to *stop* of an original in the case, spelling and apostrophes of the text around."""
    text = _spelled(original, first, stop, spelling)
    text = case_like(text, spun, sentence_start=fresh)
    return text.replace("'", "’") if curly else text


def readings(table: PhraseTable, choice: Choice, span: int, spun: str, fresh: bool, spelling: str, curly: bool) -> list[str]:
    """Return the readings of a span as they would be written in the place of *spun*, in the order of the choice.

    ``fresh``: whether a sentence begins with it; ``curly``: whether the document's apostrophes are curly
    """
    begin, stop = int(choice.best[span]), int(choice.stop[span])
    rows = table.row[choice.entry[begin:stop]].tolist()
    words = zip(choice.begin[begin:stop].tolist(), choice.end[begin:stop].tolist())
    return [_rendered(table.texts[r], a, b, spun, fresh, spelling, curly) for r, (a, b) in zip(rows, words)]


def chances_of(choice: Choice, span: int, spun: str, texts: Sequence[str]) -> dict[str, float]:
    """Return the probability of each text that may stand in a span, given those of its `readings`; equal ones count together."""
    chances = {spun: max(float(choice.kept[span]), 0.0)}
    for text, chance in zip(texts, choice.confidence[choice.best[span] : choice.stop[span]].tolist()):
        chances[text] = chances.get(text, 0.0) + chance
    return chances


def begins_sentence(gap: str, spun: str) -> bool:
    """Return whether *spun* begins a sentence, as far as its case asks for it; ``gap``: what stands between it and the word
    before, empty at the beginning of the text."""
    return not spun.islower() and (not gap or BREAK in gap_classes(gap))


def _ending_in_article(text: str, following: str) -> str:
    """Return *text* with the article that it ends in, if it does, agreeing with *following*.

    >>> _ending_in_article("a kind of a", "enormous plan"), _ending_in_article("data", "enormous plan")
    ('a kind of an', 'data')
    """
    head, space, tail = text.rpartition(" ")
    if tail.lower() not in ("a", "an"):
        return text
    wanted = article(following)
    return text if wanted == tail.lower() else f"{head}{space}{wanted.capitalize() if tail[0].isupper() else wanted}"


class Drafts:
    """The changes to one section, in order, and the edits they amount to.

    ``free``: bool[words], whether a word is free of protected places; ``places``: those
    """

    def __init__(
        self,
        table: PhraseTable,
        text: str,
        tokens: Tokens,
        choice: Choice,
        free: np.ndarray,
        places: Iterable[tuple[int, int, str]],
        spelling: str,
    ) -> None:
        self._table, self._text, self._choice, self._spelling = table, text, choice, spelling
        self._curly = "’" in text
        # Of the tokens nothing is kept: who keeps the account of many documents keeps this.
        self._fresh: list[bool] = []
        self.drafts = list(self._spans(tokens, free))
        debris = list(find_debris(text))
        if debris:
            self._repair(debris, places)

    def _spans(self, tokens: Tokens, free: np.ndarray) -> Iterator[Draft]:
        """Draft the chosen spans, each with its article; what comes out as it stood is no change."""
        choice, table, text = self._choice, self._table, self._text
        spelling, curly, texts = self._spelling, self._curly, table.texts
        # Of each span the word before, the gap after that, the span itself, the word after it.
        offsets, at, after = tokens.offsets, 2 * choice.first, 2 * choice.last + 3
        before, gap_at, begins_at = offsets[np.maximum(at - 1, 0)], offsets[at], offsets[at + 1]
        befores, gaps, starts, ends = before.tolist(), gap_at.tolist(), begins_at.tolist(), offsets[after - 1].tolist()
        # A gap of one character, most often a space, and before that a word as short as an article.
        near = (begins_at - gap_at == 1) & (at > 0)
        closes, shorts = near.tolist(), (near & (gap_at - before <= 2)).tolist()
        afters = np.where(after < len(offsets) - 1, offsets[np.minimum(after, len(offsets) - 1)], -1).tolist()
        rows = table.row[choice.entry[choice.best]].tolist()
        begins, stops = choice.begin[choice.best].tolist(), choice.end[choice.best].tolist()
        pending: Draft | None = None
        edited = -1
        spans = zip(starts, ends, gaps, closes, shorts, rows, begins, stops)
        for span, (start, end, gap, close, short, row, begin, stop) in enumerate(spans):
            spun = text[start:end]
            lower = spun.islower()
            fresh = not lower and begins_sentence(text[gap:start], spun)
            self._fresh.append(fresh)
            if lower:
                # Lower case asks for nothing further.
                original = _spelled(texts[row], begin, stop, spelling)
                if curly and "'" in original:
                    original = original.replace("'", "’")
            else:
                original = _rendered(texts[row], begin, stop, spun, fresh, spelling, curly)
            if original == spun:
                continue
            if short and text[gap] == " " and (shown := text[befores[span] : gap]).lower() in ("a", "an"):
                wanted = article(original)
                if edited < gap:
                    if shown.lower() != wanted and free[choice.first[span] - 1]:
                        new = wanted.capitalize() if shown[0].isupper() else wanted
                        if pending is not None:
                            yield pending
                        pending = Draft(befores[span], gap, new, span, False)
                elif pending is not None and pending.end == gap and pending.original.lower() in ("a", "an"):
                    # The article was itself restored to the other one: it follows what stands after it now.
                    shown = text[pending.start : pending.end]
                    new = wanted.capitalize() if shown[:1].isupper() else wanted
                    pending = pending._replace(original=new) if shown.lower() != wanted else None
            if pending is not None:
                if close and pending.own and pending.end == gap and text[gap] == " " and pending.original[-1] in "anAN":
                    pending = pending._replace(original=_ending_in_article(pending.original, original))
                    if pending.original != text[pending.start : gap]:
                        yield pending
                else:
                    yield pending
            # An original that ends in an article agrees with what stands after it, unless that changes too.
            if original[-1] in "anAN" and afters[span] == end + 1 and text[end] == " ":
                after_changes = span + 1 < len(starts) and starts[span + 1] == end + 1
                if not after_changes:
                    original = _ending_in_article(original, tokens.shown(int(choice.last[span]) + 1))
            pending = Draft(start, end, original, span, True) if original != spun else None
            edited = end
        if pending is not None:
            yield pending

    def _repair(self, debris: list[tuple[int, int, str]], places: Iterable[tuple[int, int, str]]) -> None:
        taken = bytearray(len(self._text) + 1)
        for start, end in [d[:2] for d in self.drafts] + [p[:2] for p in places]:
            taken[start:end] = b"\1" * (end - start)
        self.drafts += [Draft(a, b, new, -1, False) for a, b, new in debris if not any(taken[a:b])]
        self.drafts.sort(key=lambda d: d.start)

    def edits(self, offset: int = 0) -> Iterator[Edit]:
        """Build the edits; ``offset``: of the section in the document, code points."""
        choice, table, text = self._choice, self._table, self._text
        best = choice.best
        rows, families = table.row[choice.entry[best]].tolist(), table.family[choice.entry[best]].tolist()
        chances = choice.confidence[best].round(4).tolist()
        for start, end, original, span, own in self.drafts:
            spun = text[start:end]
            if span < 0:
                both = (Alternative(original, _DEBRIS), Alternative(spun, round(1 - _DEBRIS, 4)))
                yield Edit(start + offset, end + offset, spun, original, _DEBRIS, both, "debris")
                continue
            chance = chances[span]
            if not own:
                both = (Alternative(original, chance), Alternative(spun, round(1 - chance, 4)))
                yield Edit(start + offset, end + offset, spun, original, chance, both, "article")
                continue
            others = Alternatives(partial(self._alternatives, span, original, spun))
            name, row = FAMILIES[families[span]], rows[span]
            kind = "article" if name == "agreement" else "phrase"
            entry = f"{table.wheres[row]} {table.texts[row]}"
            yield Edit(start + offset, end + offset, spun, original, chance, others, kind, name, entry)

    def _alternatives(self, span: int, best: str, spun: str) -> list[Alternative]:
        """All readings of a span, what was chosen first, then by probability, the spun text among them."""
        choice = self._choice
        texts = readings(self._table, choice, span, spun, self._fresh[span], self._spelling, self._curly)
        chances = chances_of(choice, span, spun, texts)
        first = Alternative(best, round(float(choice.confidence[choice.best[span]]), 4))
        chances.pop(best, None)
        return [first, *(Alternative(t, round(p, 4)) for t, p in sorted(chances.items(), key=lambda r: -r[1]))]


class Account:
    """The drafts of all sections of a document, with the offsets of the sections."""

    def __init__(self) -> None:
        self._sections: list[tuple[int, Drafts]] = []

    def add(self, offset: int, drafts: Drafts) -> None:
        self._sections.append((offset, drafts))

    def changes(self) -> Iterator[tuple[int, int, str]]:
        for offset, section in self._sections:
            for start, end, original, _, _ in section.drafts:
                yield start + offset, end + offset, original

    def edits(self) -> tuple[Edit, ...]:
        return tuple(edit for offset, section in self._sections for edit in section.edits(offset))
