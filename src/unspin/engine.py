"""The path of a text through the models, section by section.

    text → tokens and protected places → lattice of readings → language model → decoder → edits

A section is what is judged as one document: a long input may be spun in one part and not in another, and a
concatenated corpus has no one rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial

import numpy as np

from . import protected
from .debris import find_debris
from .decoder import Choice, Span, choose
from .detection import Verdict, combine, verdict
from .edits import Alternative, Alternatives, Edit, Restoration
from .evidence import find_matches, gather, screen
from .fuzzy import NearSpellings
from .inference import Reading, Settings, infer
from .language_model import LanguageModel
from .phrase_table import Matches, PhraseTable
from .rendering import article, case_like
from .rows import FAMILIES
from .spelling import country, respell
from .tokens import BREAK, Tokens, gap_classes, split, tokenise

#: Code points of a section; it ends at a line end where there is one.
SECTION = 24_000
#: Families of a text that holds tortured phrases without being reworded throughout.
_PHRASES = np.array([f in ("academic", "agreement") for f in FAMILIES])


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
    places: Sequence[tuple[int, int, str]] = ()


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


def _alternatives(
    table: PhraseTable, choice: Choice, span: Span, best: str, spun: str, fresh: bool, spelling: str, curly: bool
) -> list[Alternative]:
    """All readings of a span, what was chosen first, then by probability, the spun text among them."""
    readings: dict[str, float] = {spun: span.kept}
    for k in range(span.best, span.stop):
        original = table.texts[int(table.row[choice.entry[k]])]
        text = _rendered(original, choice.begin[k], choice.end[k], spun, fresh, spelling, curly)
        readings[text] = readings.get(text, 0.0) + choice.posterior[k]
    first = Alternative(best, choice.posterior[span.best])
    readings.pop(best, None)
    return [first, *(Alternative(t, round(p, 4)) for t, p in sorted(readings.items(), key=lambda r: -r[1]))]


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

    @cached_property
    def _near(self) -> NearSpellings:
        return NearSpellings(self.table)

    def explain(self, text: str) -> Restoration:
        """Restore *text* and account for it."""
        edits: list[Edit] = []
        verdicts: list[Verdict] = []
        for offset, part in sections(text):
            section = self.weigh(part)
            verdicts.append(section.verdict)
            if section.reading is not None and section.verdict.probability >= 0.5:
                found = self._edits(section)
                edits += [e._replace(start=e.start + offset, end=e.end + offset) for e in found] if offset else found
        return Restoration(text, tuple(edits), combine(verdicts))

    def detect(self, text: str) -> Sequence[Verdict]:
        """Return the verdict on each section of *text*."""
        return [self.weigh(part).verdict for _, part in sections(text)]

    def weigh(self, text: str) -> Section:
        """Weigh the readings of one section."""
        tokens = tokenise(text, self.table.vocabulary)
        words = len(tokens.words)
        nothing = np.zeros(len(FAMILIES))
        if not words:
            return Section(text, tokens, Verdict(0.0, 0, nothing, nothing))
        found = self.table.match(tokens.stream)
        families, phrases, weight = screen(self.table, found, words, self.families)
        clean = Section(text, tokens, Verdict(weight, words, nothing, nothing))
        if families is None and not phrases:
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
        base = replace(clean, offsets=offsets, free=free, places=places)
        section = clean if families is None else self._read(base, found, families)
        if phrases and section.verdict.probability < 0.5:
            # Not spun throughout, but a tortured phrase or two may stand in it.
            alone = self._read(base, found, _PHRASES, phrases_only=True)
            if alone.verdict.probability >= 0.5:
                return alone
        return section

    def _read(self, section: Section, found: Matches, families: np.ndarray, *, phrases_only: bool = False) -> Section:
        """Weigh the readings that some families offer; without any, the section stays as it is."""
        evidence = gather(self.table, section.tokens, found, families)
        if not len(evidence.arcs):
            return section
        reading = infer(self.table, self.model, section.tokens.stream, evidence, self.settings)
        judged = verdict(reading, len(section.tokens.words), phrases_only=phrases_only)
        return replace(section, verdict=judged, reading=reading)

    def _edits(self, section: Section) -> list[Edit]:
        reading, tokens = section.reading, section.tokens
        assert reading is not None and section.offsets is not None
        spelling = country(tokens.words) if self.spelling == "keep" else self.spelling
        choice = choose(self.table, tokens, reading, self.min_confidence)
        offsets = section.offsets.tolist()
        edits = self._render(section, choice, offsets, spelling)
        edits = self._agree(section, edits, offsets)
        found = list(find_debris(section.text))
        if found:
            taken = np.zeros(len(section.text) + 1, dtype=bool)
            for start, end in [(e.start, e.end) for _, e in edits] + [(a, b) for a, b, _ in section.places]:
                taken[start:end] = True
            for start, end, repaired in found:
                if not taken[start:end].any():
                    spun = section.text[start:end]
                    both = (Alternative(repaired, 0.99), Alternative(spun, 0.01))
                    edits.append((None, Edit(start, end, spun, repaired, 0.99, both, "debris")))
            edits.sort(key=lambda e: e[1].start)
        return [e for _, e in edits]

    def _render(
        self, section: Section, choice: Choice, offsets: list[int], spelling: str
    ) -> list[tuple[Span | None, Edit]]:
        """Render the chosen spans; one that comes out as it stood is no edit."""
        spans = choice.spans
        if not spans:
            return []
        table, text, parts = self.table, section.text, section.tokens.parts
        curly = "’" in text
        best = choice.entry[[s.best for s in spans]]
        rows, families = table.row[best].tolist(), table.family[best].tolist()
        texts, wheres = table.texts, table.wheres
        edits: list[tuple[Span | None, Edit]] = []
        for span, row, family in zip(spans, rows, families):
            first, last, k, _, _ = span
            start, end = offsets[2 * first + 1], offsets[2 * last + 2]
            spun = text[start:end]
            fresh = not spun.islower() and (first == 0 or BREAK in gap_classes(parts[2 * first]))
            original = _rendered(texts[row], choice.begin[k], choice.end[k], spun, fresh, spelling, curly)
            if original == spun:
                continue
            confidence = choice.posterior[k]
            others = Alternatives(partial(_alternatives, table, choice, span, original, spun, fresh, spelling, curly))
            name = FAMILIES[family]
            kind = "article" if name == "agreement" else "phrase"
            edit = Edit(start, end, spun, original, confidence, others, kind, name, f"{wheres[row]} {texts[row]}")
            edits.append((span, edit))
        return edits

    def _agree(
        self, section: Section, edits: list[tuple[Span | None, Edit]], offsets: list[int]
    ) -> list[tuple[Span | None, Edit]]:
        """Let "a" and "an" agree with the words that now follow them."""
        parts, words, free = section.tokens.parts, section.tokens.words, section.free
        assert free is not None
        edited = {i for s, _ in edits if s is not None for i in range(s.first, s.last + 1)}
        out: list[tuple[Span | None, Edit]] = []
        for span, edit in edits:
            assert span is not None
            before, after = span.first - 1, span.last + 1
            if before >= 0 and words[before] in ("a", "an") and parts[2 * span.first] == " ":
                wanted = article(edit.original)
                here = parts[2 * before + 1]
                if before not in edited and wanted != words[before] and free[before]:
                    new = wanted.capitalize() if here[0].isupper() else wanted
                    start = offsets[2 * before + 1]
                    both = (Alternative(new, edit.confidence), Alternative(here, round(1 - edit.confidence, 4)))
                    out.append((None, Edit(start, start + len(here), here, new, edit.confidence, both, "article")))
                elif out and out[-1][1].end == edit.start - 1 and out[-1][1].original.lower() in ("a", "an"):
                    # The article was itself restored to the other one: it follows what stands after it now.
                    last = out.pop()[1]
                    if last.spun.lower() != wanted:
                        new = wanted.capitalize() if last.spun[:1].isupper() else wanted
                        out.append((None, last._replace(original=new)))
            ends_so = edit.original[-1:] in "anAN" and edit.original[-2:].lower() in (" a", "an")
            if ends_so and after < len(words) and after not in edited:
                head, _, tail = edit.original.rpartition(" ")
                if tail.lower() in ("a", "an") and parts[2 * after] == " ":
                    wanted = article(parts[2 * after + 1])
                    if wanted != tail.lower():
                        edit = edit._replace(original=f"{head} {wanted}" if head else wanted)
            out.append((span, edit))
        return [(s, e) for s, e in out if e.original != e.spun]
