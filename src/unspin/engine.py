"""The path of a text through the models, section by section.

    text → tokens and protected places → lattice of readings → language model → decoder → edits

A section is what is judged as one document: a long input may be spun in one part and not in another, and a
concatenated corpus has no one rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from . import protected
from .debris import find_debris
from .decoder import Span, choose
from .detection import Verdict, combine, verdict
from .edits import Alternative, Edit, Restoration
from .evidence import Evidence, find_matches, gather, screen
from .fuzzy import NearSpellings
from .inference import Reading, Settings, infer
from .language_model import LanguageModel
from .phrase_table import PhraseTable
from .rendering import article, case_like
from .rows import FAMILIES
from .spelling import country, respell
from .tokens import Tokens, gap_classes, split, tokenise

#: Code points of a section; it ends at a line end where there is one.
SECTION = 24_000
_ACADEMIC, _AGREEMENT = FAMILIES.index("academic"), FAMILIES.index("agreement")


def sections(text: str) -> Iterator[tuple[int, str]]:
    """Yield ``(offset, section)``; the sections joined are the text.

    >>> [part for _, part in sections("one\\ntwo")]
    ['one\\ntwo']
    """
    start, size = 0, len(text)
    while size - start > SECTION + SECTION // 4:
        end = text.rfind("\n", start + SECTION // 2, start + SECTION) + 1
        if not end:
            end = text.rfind(" ", start + SECTION // 2, start + SECTION) + 1 or start + SECTION
        yield start, text[start:end]
        start = end
    yield start, text[start:]


@dataclass(frozen=True, slots=True)
class Section:
    """What was made of one section: its tokens, the reading, the verdict; None where it was plainly not spun."""

    text: str
    tokens: Tokens
    verdict: Verdict
    reading: Reading | None = None
    offsets: np.ndarray | None = None
    free: np.ndarray | None = None


def _trim(table: PhraseTable, entry: int) -> str:
    """The original of an entry without the words at either end that the spun form shares."""
    text = table.texts[table.row[entry]]
    lead, tail = int(table.lead[entry]), int(table.tail[entry])
    if not lead and not tail:
        return text
    parts = split(text)[0]
    return "".join(parts[2 * lead + 1 : len(parts) - 1 - 2 * tail])


@dataclass(frozen=True)
class Engine:
    """Models and constants, ready to run; immutable, so that threads may share it."""

    model: LanguageModel
    table: PhraseTable
    families: np.ndarray
    patterns: Sequence[protected.Pattern] = ()
    min_confidence: float = 0.0
    spelling: str = "keep"
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_near", NearSpellings(self.table))

    def explain(self, text: str) -> Restoration:
        """Restore *text* and account for it."""
        edits: list[Edit] = []
        verdicts: list[Verdict] = []
        for offset, part in sections(text):
            section = self.weigh(part)
            verdicts.append(section.verdict)
            if section.reading is not None and section.verdict.probability >= 0.5:
                edits += (replace(e, start=e.start + offset, end=e.end + offset) for e in self._edits(section))
        return Restoration(text, tuple(edits), combine(verdicts))

    def detect(self, text: str) -> Sequence[Verdict]:
        """Return the verdict on each section of *text*."""
        return [self.weigh(part).verdict for _, part in sections(text)]

    def weigh(self, text: str) -> Section:
        """Weigh the readings of one section."""
        tokens = tokenise(text, self.table.vocabulary)
        words = len(tokens.words)
        nothing = np.zeros(len(FAMILIES))
        clean = Section(text, tokens, Verdict(0.0, words, nothing, nothing))
        if not words:
            return clean
        found = self.table.match(tokens.stream)
        if not screen(self.table, found, words, self.families):
            return clean
        offsets = tokens.offsets()
        places = protected.find_places(text)
        if self.patterns:
            places += protected.find_user_places(text, self.patterns)
        free = protected.free_words(offsets, places)
        stream = self._near.correct(tokens)
        if stream is not tokens.stream:
            found = self.table.match(stream)
        found = find_matches(found, tokens, free)
        evidence = gather(self.table, tokens, found, self.families)
        if not len(evidence.arcs):
            return clean
        reading = infer(self.table, self.model, tokens.stream, evidence, self.settings)
        judged = verdict(reading, words)
        if judged.probability < 0.5 and self.families[_ACADEMIC]:
            # Not spun throughout, but a tortured phrase or two may stand in it.
            phrases = evidence.only(self.table, [_ACADEMIC, _AGREEMENT])
            if phrases is not None:
                other = infer(self.table, self.model, tokens.stream, phrases, self.settings)
                alone = verdict(other, words, phrases_only=True)
                if alone.probability >= 0.5:
                    reading, judged = other, alone
        return Section(text, tokens, judged, reading, offsets, free)

    def _edits(self, section: Section) -> list[Edit]:
        reading, tokens = section.reading, section.tokens
        assert reading is not None and section.offsets is not None and section.free is not None
        spelling = country(tokens.words) if self.spelling == "keep" else self.spelling
        spans = choose(self.table, tokens, reading, self.min_confidence)
        edits = [self._edit(section, span, spelling) for span in spans]
        edits = self._agree(section, [e for e in edits if e.original != e.spun], spans)
        taken = np.zeros(len(section.text) + 1, dtype=bool)
        for e in edits:
            taken[e.start : e.end] = True
        places = protected.find_places(section.text)
        for start, end, repaired in find_debris(section.text):
            if not taken[start:end].any() and not any(a < end and start < b for a, b, _ in places):
                spun = section.text[start:end]
                both = (Alternative(repaired, 0.99), Alternative(spun, 0.01))
                edits.append(Edit(start, end, spun, repaired, 0.99, both, "debris"))
        return sorted(edits, key=lambda e: e.start)

    def _edit(self, section: Section, span: Span, spelling: str) -> Edit:
        """Render one chosen span."""
        table, offsets = self.table, section.offsets
        assert offsets is not None
        start, end = int(offsets[2 * span.first + 1]), int(offsets[2 * span.last + 2])
        spun = section.text[start:end]
        gap = section.tokens.parts[2 * span.first]
        fresh = span.first == 0 or 1 in gap_classes(gap)
        curly = "’" in section.text
        texts: dict[str, float] = {}
        for entry, p in span.entries:
            text = respell(_trim(table, entry), spelling)
            text = case_like(text, spun, sentence_start=fresh)
            if curly:
                text = text.replace("'", "’")
            texts[text] = texts.get(text, 0.0) + p
        best = next(iter(texts))
        texts[spun] = texts.get(spun, 0.0) + span.kept
        ranked = sorted(texts.items(), key=lambda t: (t[0] != best, -t[1]))
        alternatives = tuple(Alternative(t, round(min(p, 1.0), 4)) for t, p in ranked if p >= 1e-4 or t in (best, spun))
        entry = span.entries[0][0]
        family = FAMILIES[table.family[entry]]
        kind = "article" if family == "agreement" else "phrase"
        where = f"{table.wheres[table.row[entry]]} {table.texts[table.row[entry]]}"
        return Edit(start, end, spun, best, alternatives[0].confidence, alternatives, kind, family, where)

    def _agree(self, section: Section, edits: list[Edit], spans: Sequence[Span]) -> list[Edit]:
        """Let "a" and "an" agree with the words that now follow them."""
        parts, offsets = section.tokens.parts, section.offsets
        assert offsets is not None and section.free is not None
        words = section.tokens.words
        by_first = {int(offsets[2 * s.first + 1]): s for s in spans}
        edited = {int(i) for s in spans for i in range(s.first, s.last + 1)}
        out: list[Edit] = []
        for edit in edits:
            span = by_first[edit.start]
            before = span.first - 1
            if before >= 0 and words[before] in ("a", "an") and parts[2 * span.first] == " " and section.free[before]:
                wanted = article(edit.original)
                here = parts[2 * before + 1]
                if before not in edited and wanted != words[before]:
                    new = wanted.capitalize() if here[0].isupper() and edit.start - len(here) - 1 >= 0 else wanted
                    start = int(offsets[2 * before + 1])
                    both = (Alternative(new, edit.confidence), Alternative(here, round(1 - edit.confidence, 4)))
                    out.append(Edit(start, start + len(here), here, new, edit.confidence, both, "article"))
                elif out and out[-1].end == edit.start - 1 and out[-1].original.lower() in ("a", "an", ""):
                    if out[-1].original.lower() != wanted:
                        new = wanted.capitalize() if out[-1].original[:1].isupper() else wanted
                        out[-1] = replace(out[-1], original=new)
            after = span.last + 1
            tail = edit.original.rsplit(" ", 1)
            if tail[-1].lower() in ("a", "an") and after < len(words) and after not in edited and parts[2 * after] == " ":
                wanted = article(parts[2 * after + 1])
                if wanted != tail[-1].lower():
                    edit = replace(edit, original=" ".join([*tail[:-1], wanted]))
            out.append(edit)
        return out
