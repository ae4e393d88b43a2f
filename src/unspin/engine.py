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

from . import protected, rescoring
from .calibration import CALIBRATION, Calibration
from .channel import Settings
from .composition import composed, promising
from .decoder import Choice, choose, settled
from .detection import Verdict, combine, no_evidence, verdict
from .drafting import Account, Drafts
from .edits import Restoration
from .evidence import by_parts, find_matches, gather, screen
from .fuzzy import NearSpellings
from .inference import Reading, infer
from .language_model import LanguageModel
from .phrase_table import Matches, PhraseTable
from .rescoring import Rescorer
from .rows import FAMILIES
from .spelling import SIGNS, country
from .tokens import UNK, Tokens, tokenise

#: Code points of a section; it ends at a line end where there is one.
SECTION = 24_000
#: Words under which a text may always be one that holds a tortured phrase and is else as it was, unless the academic
#: families read it as spun with more than that probability.
SHORT, SURE = 40, 0.9
#: By how many nats a word the weights of clean text come to more than what weighing it closely says.
UNWEIGHED = 0.02
_ACADEMIC = FAMILIES.index("academic")
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
    free: np.ndarray | None = None
    places: Sequence[protected.Place] = ()
    quoted: np.ndarray | None = None
    quotations: Sequence[protected.Place] = ()


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
    calibration: Calibration = CALIBRATION
    rescorer: Rescorer | None = None
    rescorer_weight: float = rescoring.WEIGHT

    @cached_property
    def _near(self) -> NearSpellings:
        return NearSpellings(self.table)

    @cached_property
    def _alone(self) -> Settings:
        return replace(self.settings, lm_scale=self.settings.phrases)

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
        words = len(tokens)
        if not words:
            return Section(text, tokens, no_evidence(0))
        found = self.table.match(tokens.stream)
        families, phrases, weight = screen(self.table, found, words, self.families)
        # A closer look would find less in it than the sum of the weights.
        clean = Section(text, tokens, no_evidence(words, weight - UNWEIGHED * words))
        if families is None and not phrases and not self._promising(tokens):
            return clean
        places, quotations = self._places(text)
        free = protected.free_words(tokens.offsets, places)
        quoted = ~protected.free_words(tokens.offsets, quotations)
        stream = self._near.correct(tokens)
        if stream is not tokens.stream:
            found = self.table.match(stream)
        found = find_matches(found, tokens, free)
        base = replace(clean, free=free, places=places, quoted=quoted, quotations=quotations)
        section = clean if families is None else self._read(base, found, families)
        spun = section.verdict.probability >= 0.5
        if (not spun or words < SHORT) and (phrases or families is None or self._promising(tokens)):
            # Not spun throughout, or too short to tell, but a tortured phrase or two may stand in it.
            found = find_matches(found, tokens, ~quoted)
            alone = self._read(base, found, _PHRASES & self.families, phrases_only=True)
            # A sure reading by those very families has the phrases too.
            sure = families is not None and bool(families[_ACADEMIC]) and section.verdict.probability > SURE
            # The two ratios weigh the language model differently.
            ratio = alone.verdict.log_ratio * self.settings.lm_scale / self.settings.phrases
            better = not spun or (not sure and ratio > section.verdict.log_ratio)
            if alone.verdict.probability >= 0.5 and better:
                return alone
        return section

    def _places(self, text: str) -> tuple[list[protected.Place], list[protected.Place]]:
        """What nothing may touch, what the user protects among it, and the quotations."""
        places, quotations = protected.set_apart(text, protected.find_places(text))
        if self.patterns:
            places += protected.find_user_places(text, self.patterns)
        return places, quotations

    def _promising(self, tokens: Tokens) -> bool:
        """Whether a term may stand in the text reworded, and the families that it takes are enabled."""
        return bool(self.families[_PHRASES].all()) and promising(self.table, self.model, tokens.stream)

    def _read(self, section: Section, found: Matches, families: np.ndarray, *, phrases_only: bool = False) -> Section:
        """Weigh the readings that some families offer; without any, nothing says that the section is spun."""
        evidence = gather(self.table, section.tokens, found, families, section.quoted)
        if phrases_only:
            favoured = composed(self.table, self.model, section.tokens.stream, evidence.arcs, evidence.named > 0)
            evidence = by_parts(self.table, evidence, favoured)
        if not len(evidence.arcs):
            return replace(section, verdict=no_evidence(len(section.tokens)))
        settings = self._alone if phrases_only else self.settings
        reading = infer(self.table, self.model, section.tokens.stream, evidence, settings)
        judged = verdict(reading, len(section.tokens), phrases_only=phrases_only)
        return replace(section, verdict=judged, reading=reading)

    @cached_property
    def _telling(self) -> np.ndarray:
        """bool[V]: whether a word tells a country by its spelling, or may do, being unknown."""
        telling = np.zeros(len(self.table.log_unigram), dtype=bool)
        telling[[UNK, *(self.table.vocabulary[w] for w in SIGNS if w in self.table.vocabulary)]] = True
        return telling

    def _country(self, tokens: Tokens) -> str:
        """The country by whose spelling a section is written, "" where nothing tells."""
        words = tokens.at[self._telling[tokens.stream]].tolist()
        return country(tokens.shown(k).lower() for k in words if k >= 0)

    def _draft(self, section: Section) -> Drafts:
        reading, tokens = section.reading, section.tokens
        assert reading is not None and section.free is not None
        spelling = self._country(tokens) if self.spelling == "keep" else self.spelling
        choice = self._choose(section, reading, spelling)
        free, places = section.free, section.places
        if not reading.quoted and section.quoted is not None:
            free, places = free & ~section.quoted, [*places, *section.quotations]
        return Drafts(self.table, section.text, tokens, choice, free, places, spelling)

    def _choose(self, section: Section, reading: Reading, spelling: str) -> Choice:
        """Choose what to restore, with a second opinion where there is one to ask."""
        least = self.min_confidence
        asked = self.table, section.tokens, reading, least, self.calibration, self.settings.agree
        if self.rescorer is None:
            return choose(*asked)
        choice = choose(*asked, rescoring.WORTH)
        choice = rescoring.reconsider(
            self.table, section.text, section.tokens, choice, spelling, self.rescorer, self.rescorer_weight
        )
        return settled(choice, least)
