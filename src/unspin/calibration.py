"""From the posterior of a reading to its confidence: of edits that are said to be .8 sure, eight in ten are right.

The posterior under the model is sure in the wrong places: the n-grams know less than they say, and readings share what
they have wrong. A monotone map mends that without touching the order of anything (Platt 1999, "Probabilistic outputs for
support vector machines"; Guo et al. 2017, "On calibration of modern neural networks"). Here it is the beta map (Kull, Silva
Filho & Flach 2017, "Beta calibration"), Platt's on log p and log(1 − p) apart:

    logit confidence = bias + hit · log p − miss · log(1 − p)

which keeps 0 and 1 where they are, and is the plain logit map where hit = miss. ``python -m benchmarks.calibration GOLD
--corpus CORPUS --fit`` fits and tests it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """A monotone map of [0, 1] onto itself; ``hit``, ``miss``: positive."""

    hit: float = 1.0
    miss: float = 1.0
    bias: float = 0.0

    def __call__(self, posterior: np.ndarray) -> np.ndarray:
        """Return the confidence of each posterior, float64 of the same shape.

        >>> CALIBRATION(np.array([0.0, 1.0])).tolist(), RAW(np.array([0.25])).tolist()
        ([0.0, 1.0], [0.25])
        """
        p = np.clip(posterior, 0.0, 1.0)
        right = np.exp(self.bias) * p**self.hit
        confidence: np.ndarray = right / (right + (1.0 - p) ** self.miss)
        return confidence

    def places(self, posterior: np.ndarray, first: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the confidence of each reading and of keeping each place.

        ``posterior``: float64[m], the readings of one place after the other, the best of each first; ``first``: int64[k],
        where each place begins; ``kept``: float64[k]

        The best reading gets its own confidence. The others and keeping are brought down together where they would come
        to more than what it leaves, so that their order stands and the whole is at most 1.
        """
        confidence, stays = self(posterior), self(kept)
        best = confidence[first]
        rest = np.add.reduceat(confidence, first) - best + stays
        fair = np.minimum(1.0, (1.0 - best) / np.maximum(rest, 1e-12))
        confidence *= np.repeat(fair, np.diff(first, append=len(posterior)))
        confidence[first] = best
        return confidence, stays * fair


#: No map at all: the posterior as it is.
RAW = Calibration()
#: Fitted to edits of the pairs read, which count as much as all the others together, of clean text spun by the table's
#: own rows (news, web, turbo, thesaurus), and of clean text; November 2026.
CALIBRATION = Calibration(hit=1.82, miss=0.5, bias=1.36)
