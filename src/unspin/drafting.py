"""From a choice to what is written where: case, spelling, apostrophes, the article that agrees; then the edits.

What changes is drafted at once, one short tuple a change. The edits that account for it (confidence, row,
alternatives) are built from the drafts when somebody looks at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

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
def _rendered(original: str, first: int, stop: int, spun: str, fresh: bool, spelling: str, curly: bool) -> str:
    """Words *first* to *stop* of an original in the case, spelling and apostrophes of the text around."""
    text = respell(_words_of(original, first, stop), spelling)
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
    for text, chance in zip(texts, choice.posterior[choice.best[span] : choice.stop[span]].tolist()):
        chances[text] = chances.get(text, 0.0) + chance
    return chances


def begins_sentence(parts: Sequence[str], first: int, spun: str) -> bool:
    """Return whether *spun*, from word *first* on, begins a sentence, as far as its case asks for it."""
    return not spun.islower() and (first == 0 or BREAK in gap_classes(parts[2 * first]))


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

    ``offsets``: of the parts of the text; ``free``: whether a word is free of protected places; ``places``: those
    """

    def __init__(
        self,
        table: PhraseTable,
        text: str,
        tokens: Tokens,
        choice: Choice,
        offsets: list[int],
        free: Sequence[bool],
        places: Iterable[tuple[int, int, str]],
        spelling: str,
    ) -> None:
        self._table, self._text, self._choice, self._spelling = table, text, choice, spelling
        self._curly = "’" in text
        # Of the tokens nothing is kept: who keeps the account of many documents keeps this.
        self._fresh: list[bool] = []
        self.drafts = [d for d in self._spans(tokens, offsets, free) if d.original != text[d.start : d.end]]
        debris = list(find_debris(text))
        if debris:
            self._repair(debris, places)

    def _spans(self, tokens: Tokens, offsets: list[int], free: Sequence[bool]) -> Iterator[Draft]:
        """Draft the chosen spans, each with its article; what comes out as it stood is no change."""
        choice, table, text = self._choice, self._table, self._text
        parts, words, spelling, curly = tokens.parts, tokens.words, self._spelling, self._curly
        firsts, lasts = choice.first.tolist(), choice.last.tolist()
        rows = table.row[choice.entry[choice.best]].tolist()
        begins, ends = choice.begin[choice.best].tolist(), choice.end[choice.best].tolist()
        texts = table.texts
        pending: Draft | None = None
        edited = -1
        for span, (first, last) in enumerate(zip(firsts, lasts)):
            start, end = offsets[2 * first + 1], offsets[2 * last + 2]
            spun = text[start:end]
            fresh = begins_sentence(parts, first, spun)
            self._fresh.append(fresh)
            original = _rendered(texts[rows[span]], begins[span], ends[span], spun, fresh, spelling, curly)
            if original == spun:
                continue
            if first and words[first - 1] in ("a", "an") and parts[2 * first] == " ":
                wanted = article(original)
                if edited < first - 1:
                    if words[first - 1] != wanted and free[first - 1]:
                        begin, stop = offsets[2 * first - 1], offsets[2 * first]
                        new = wanted.capitalize() if text[begin].isupper() else wanted
                        if pending is not None:
                            yield pending
                        pending = Draft(begin, stop, new, span, False)
                elif pending is not None and pending.end == start - 1 and pending.original.lower() in ("a", "an"):
                    # The article was itself restored to the other one: it follows what stands after it now.
                    shown = text[pending.start : pending.end]
                    new = wanted.capitalize() if shown[:1].isupper() else wanted
                    pending = pending._replace(original=new) if shown.lower() != wanted else None
            if pending is not None:
                if pending.own and pending.end == start - 1 and parts[2 * first] == " ":
                    pending = pending._replace(original=_ending_in_article(pending.original, original))
                yield pending
            if original[-1] in "anAN" and last + 1 < len(words) and parts[2 * last + 2] == " ":
                # An original that ends in an article agrees with what stands after it, unless that changes too.
                after_changes = span + 1 < len(firsts) and firsts[span + 1] == last + 1
                if not after_changes:
                    original = _ending_in_article(original, parts[2 * last + 3])
            pending = Draft(start, end, original, span, True) if original != spun else None
            edited = last
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
        chances = choice.posterior[best].round(4).tolist()
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
        first = Alternative(best, round(float(choice.posterior[choice.best[span]]), 4))
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
            for draft in section.drafts:
                yield draft.start + offset, draft.end + offset, draft.original

    def edits(self) -> tuple[Edit, ...]:
        return tuple(edit for offset, section in self._sections for edit in section.edits(offset))
