"""The path of a text through the models, section by section.

    text → tokens and protected places → lattice of readings → language model → decoder → edits

A section is what is judged as one document: a long input may be spun in one part and not in another, and a
concatenated corpus has no one rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from . import protected
from .channel import Settings
from .composition import composed, promising
from .decoder import choose
from .detection import Verdict, combine, no_evidence, verdict
from .drafting import Account, Drafts
from .edits import Restoration
from .evidence import by_parts, find_matches, gather, screen
from .fuzzy import NearSpellings
from .inference import Reading, infer
from .language_model import LanguageModel
from .phrase_table import Matches, PhraseTable
from .rows import FAMILIES
from .spelling import country
from .tokens import Tokens, tokenise

#: Code points of a section; it ends at a line end where there is one.
SECTION = 24_000
#: Families of a text that holds tortured phrases without being reworded throughout.
_PHRASES = np.array([f in ("academic", "thesaurus", "agreement") for f in FAMILIES])


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
        account = Account()
        verdicts: list[Verdict] = []
        for offset, part in sections(text):
            section = self.weigh(part)
            verdicts.append(section.verdict)
            if section.reading is not None and section.verdict.probability >= 0.5:
                account.add(offset, self._draft(section))
        return Restoration(text, account, combine(verdicts))

    def detect(self, text: str) -> Sequence[Verdict]:
        """Return the verdict on each section of *text*."""
        return [self.weigh(part).verdict for _, part in sections(text)]

    def weigh(self, text: str) -> Section:
        """Weigh the readings of one section."""
        tokens = tokenise(text, self.table.vocabulary)
        words = len(tokens.words)
        if not words:
            return Section(text, tokens, no_evidence(0))
        found = self.table.match(tokens.stream)
        families, phrases, weight = screen(self.table, found, words, self.families)
        clean = Section(text, tokens, no_evidence(words, weight))
        if families is None and not phrases and not self._promising(tokens):
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
        if section.verdict.probability < 0.5 and (phrases or families is None or self._promising(tokens)):
            # Not spun throughout, but a tortured phrase or two may stand in it.
            alone = self._read(base, found, _PHRASES & self.families, phrases_only=True)
            if alone.verdict.probability >= 0.5:
                return alone
        return section

    def _promising(self, tokens: Tokens) -> bool:
        """Whether a term may stand in the text reworded, and the families that it takes are enabled."""
        return bool(self.families[_PHRASES].all()) and promising(self.table, self.model, tokens.stream)

    def _read(self, section: Section, found: Matches, families: np.ndarray, *, phrases_only: bool = False) -> Section:
        """Weigh the readings that some families offer; without any, nothing says that the section is spun."""
        evidence = gather(self.table, section.tokens, found, families)
        if phrases_only:
            favoured = composed(self.table, self.model, section.tokens.stream, evidence.arcs, named=evidence.named)
            evidence = by_parts(self.table, evidence, favoured)
        if not len(evidence.arcs):
            return replace(section, verdict=no_evidence(len(section.tokens.words)))
        reading = infer(self.table, self.model, section.tokens.stream, evidence, self.settings)
        judged = verdict(reading, len(section.tokens.words), phrases_only=phrases_only)
        return replace(section, verdict=judged, reading=reading)

    def _draft(self, section: Section) -> Drafts:
        reading, tokens = section.reading, section.tokens
        assert reading is not None and section.offsets is not None and section.free is not None
        spelling = country(tokens.words) if self.spelling == "keep" else self.spelling
        choice = choose(self.table, tokens, reading, self.min_confidence)
        offsets, free = section.offsets.tolist(), section.free.tolist()
        return Drafts(self.table, section.text, tokens, choice, offsets, free, section.places, spelling)
