"""From log-likelihood ratios to a verdict: is this text synonym-spun, how far, by which family?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from .edits import Detection
from .inference import Reading
from .rows import FAMILIES

# A clean text gains a little from being read as spun, in proportion to its length; a spun one gains several
# times that. Between lies the threshold, in nats: OFFSET + SLOPE · words, and its softness.
OFFSET, SLOPE = 4.0, 0.05
SOFT, SOFT_SLOPE = 0.8, 0.02
# The same for the academic phrases alone, which clean text hardly ever holds by chance.
PHRASE_OFFSET, PHRASE_SLOPE = 2.0, 0.004

#: Families whose rate says that a text was reworded; the others only mend what rewording left.
SPINNERS = tuple(f for f in FAMILIES if f != "agreement")
_NO_RATES = MappingProxyType(dict.fromkeys(SPINNERS, 0.0))


@dataclass(frozen=True, slots=True)
class Verdict:
    """One section's evidence: log-likelihood ratio, words, and expected counts by family (float64[F])."""

    log_ratio: float
    words: int
    replaced: np.ndarray
    survived: np.ndarray
    phrases_only: bool = False

    @property
    def probability(self) -> float:
        """P(spun), from the ratio and the length."""
        offset, slope = (PHRASE_OFFSET, PHRASE_SLOPE) if self.phrases_only else (OFFSET, SLOPE)
        x = (self.log_ratio - offset - slope * self.words) / (SOFT + SOFT_SLOPE * self.words)
        return 1.0 / (1.0 + math.exp(-min(max(x, -50.0), 50.0)))


def no_evidence(words: int, log_ratio: float = 0.0) -> Verdict:
    """Return the verdict on a section of *words* words of which nothing was weighed closely."""
    nothing = np.zeros(len(FAMILIES))
    return Verdict(log_ratio, words, nothing, nothing)


def verdict(reading: Reading, words: int, *, phrases_only: bool = False) -> Verdict:
    """Return the verdict on a section of *words* words."""
    return Verdict(reading.log_ratio, words, reading.replaced, reading.survived, phrases_only)


def combine(verdicts: Sequence[Verdict]) -> Detection:
    """Return the detection of a document from its sections: probabilities and evidence averaged over words."""
    words = sum(v.words for v in verdicts)
    if not words:
        return Detection(0.0, 0.0, "", 0.0, 0)
    chances = [v.probability for v in verdicts]
    probability = sum(p * v.words for p, v in zip(chances, verdicts)) / words
    evidence = round(sum(v.log_ratio for v in verdicts) / words, 6)
    spun = [v for p, v in zip(chances, verdicts) if p >= 0.5]
    if not spun:
        return Detection(round(probability, 6), 0.0, "", evidence, words, _NO_RATES)
    replaced = [sum(f) for f in zip(*(v.replaced.tolist() for v in spun))]
    survived = [sum(f) for f in zip(*(v.survived.tolist() for v in spun))]
    share = [r / max(r + s, 1e-9) for r, s in zip(replaced, survived)]
    rates = {f: round(share[FAMILIES.index(f)], 4) for f in SPINNERS}
    best = max(SPINNERS, key=lambda f: replaced[FAMILIES.index(f)])
    if probability < 0.5:
        return Detection(round(probability, 6), 0.0, "", evidence, words, MappingProxyType(rates))
    return Detection(round(probability, 6), rates[best], best, evidence, words, MappingProxyType(rates))
