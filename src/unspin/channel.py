"""The channel: what a spinner makes of an original, and what the document at hand says about that.

An original of family *f* that still stands costs 1 − ρ_f · fires, one that was replaced ρ_f · fires · weight. Once
there are posteriors, three things are known of the document, each leaving the occurrence itself out:

* *draws*: news spinners draw once an original and document, so what an original became elsewhere it became here
  (counts smoothed with the table's weights);
* *pooling*: what a spun form stands for elsewhere it likely stands for here;
* *cache*: a word that the author used elsewhere is likelier here (Kuhn & De Mori 1990), restored or standing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .evidence import Evidence
from .lattice import Lattice
from .phrase_table import COMMON, PhraseTable
from .rows import FAMILIES
from .tokens import FIRST_WORD

_ACADEMIC = FAMILIES.index("academic")
#: Families that draw anew for each occurrence.
_EVERY_ITEM = np.array([f in ("web", "turbo") for f in FAMILIES])
#: Pooling: posteriors under these say no more (of a reading, of the spun text itself); that many other occurrences
#: count in full, and no more than that many nats come of it.
_LEAST_READING, _LEAST_KEPT, _OTHERS, _MOST_POOLED = 0.01, 0.03, 3.0, 4.0
#: A word of the document is at most so much likelier than of itself.
_MOST_CACHED = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Constants of the model, tuned once on development documents; natural logarithms.

    ``lm_scale``     weight of the language model against the channel
    ``shift``        scale of weights a stream position, to stay within floating point
    ``prune``        posterior under bigrams that a node needs to go on to trigrams
    ``prior``        pseudo-counts (replaced, survived) of a family's rate
    ``draw``         strength of the table's weights against the document's own draws
    ``own_rate``     strength of the family's rate against an original's own record
    ``common``       log-penalty of a spun form that is marked as ordinary English too
    ``fingerprint``  log-odds a word by which an academic phrase of the table is rarer in clean text than n-grams say
    ``nested``       log-penalty of reading a part of what the table knows as one long spun phrase
    ``name``         log-penalty of reading a capitalised word amid a sentence, likely a name, as spun
    ``pool``         weight of what the other occurrences of a spun form say of what it stands for
    ``cache``        weight of a word's count elsewhere in the document against the count to be expected
    ``cache_kept``   share of that weight (as an exponent) which words get that stand as they are
    """

    lm_scale: float = 0.7
    shift: float = 6.0
    prune: float = 5e-3
    prior: tuple[float, float] = (0.5, 2.0)
    draw: float = 1.0
    own_rate: float = 2.0
    common: float = -3.0
    fingerprint: float = 5.0
    nested: float = -0.5
    name: float = -2.0
    pool: float = 0.4
    cache: float = 0.15
    cache_kept: float = 0.3


class Channel:
    """Channel probabilities of a lattice's nodes, and their re-estimation from node posteriors."""

    def __init__(self, table: PhraseTable, graph: Lattice, evidence: Evidence, settings: Settings) -> None:
        self.settings = settings
        entry = graph.arcs.entry
        self.family = table.family[entry].astype(np.int64)
        self.original = table.original[entry].astype(np.int64)
        self.weight = np.exp(table.log_weight[entry].astype(np.float64))
        common = (table.flags[entry] & COMMON) > 0
        self.penalty = np.where(common, np.exp(settings.common), 1.0)
        tortured = (self.family == _ACADEMIC) & ~common
        self.penalty[tortured] = np.exp(settings.fingerprint * (graph.arcs.stop - graph.arcs.start)[tortured])
        self.penalty[evidence.named] *= np.exp(settings.name)
        self.penalty[evidence.nested] *= np.exp(settings.nested)
        if evidence.composed is not None:
            self.penalty *= np.exp(evidence.composed)
        self.spun = evidence.spun
        self.evidence = evidence
        self.heads = np.flatnonzero(graph.head)
        self.begins = graph.arcs.start
        # Only originals of one word are counted by the cache.
        first, stop = table.tokens_from[self.original], table.tokens_from[self.original + 1]
        self.one_word = np.where(stop - first == 1, table.tokens[first], -1)
        self.log_unigram = table.log_unigram
        self.word = graph.word
        self.standing = np.flatnonzero(graph.arc < 0)
        self.position = graph.left[self.standing]
        self.nodes = len(graph.word)

    def select(self, alive: np.ndarray) -> Channel:
        """Return the channel of the nodes of a mask, as `lattice.select` keeps them."""
        out = object.__new__(Channel)
        arcs = alive[self.heads]
        out.settings, out.evidence, out.log_unigram = self.settings, self.evidence, self.log_unigram
        out.word = self.word[alive]
        for name in ("family", "original", "weight", "penalty", "spun", "begins", "one_word"):
            setattr(out, name, getattr(self, name)[arcs])
        renumber = np.cumsum(alive) - 1
        out.heads = renumber[self.heads[arcs]]
        stands = alive[self.standing]
        out.standing = renumber[self.standing[stands]]
        out.position = self.position[stands]
        out.nodes = int(renumber[-1]) + 1
        return out

    def factor(self, rates: np.ndarray, mass: np.ndarray | None = None) -> np.ndarray:
        """Return float64[N], the channel probability of every node; with *mass*, by what the document says."""
        out = np.ones(self.nodes)
        out[self.standing] = self._standing(rates)[self.position]
        if mass is None:
            out[self.heads] = rates[self.family] * self.weight * self.penalty
        else:
            out[self.heads] = self._document(rates, mass) * self.penalty
            self._cache(out, mass)
        return out

    def _standing(self, rates: np.ndarray) -> np.ndarray:
        """Probability of each stream position that no family replaced it."""
        out = np.ones(self.evidence.survivor.shape[1])
        for f in self.evidence.families:
            out *= 1.0 - rates[f] * self.evidence.survivor[f]
        return out

    def _document(self, rates: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Chance of each arc given the other occurrences of its original, and of its spun form, in the document."""
        posterior = mass[self.heads]
        if not len(posterior):
            return posterior
        key = self.original * len(FAMILIES) + self.family
        _, drawer = np.unique(key, return_inverse=True)
        _, draw = np.unique(key * (int(self.spun.max()) + 1) + self.spun, return_inverse=True)
        chance = rates[self.family] * self.weight
        drawn_once = ~_EVERY_ITEM[self.family]
        if drawn_once.any():
            chance = np.where(drawn_once, self._own_draws(rates, mass, drawer, draw), chance)
        return chance * self._pooled(posterior, draw)

    def _own_draws(self, rates: np.ndarray, mass: np.ndarray, drawer: np.ndarray, draw: np.ndarray) -> np.ndarray:
        """Chance of each arc given all other occurrences of its original.

        ``drawer``, ``draw``: int64[m], one number an original, and one an original and spun form
        """
        s = self.settings
        posterior = mass[self.heads]
        same = np.bincount(draw, weights=posterior)[draw] - posterior
        drawn = np.bincount(drawer, weights=posterior)[drawer] - posterior
        share = (same + s.draw * self.weight) / (drawn + s.draw)
        # How often the original itself was left standing where it could have been replaced.
        kept = self.evidence.kept
        stood = np.zeros(int(max(self.original.max(), kept.phrase.max(initial=0))) + 1)
        standing = np.zeros(self.evidence.survivor.shape[1])
        standing[self.position] = mass[self.standing]
        np.add.at(stood, kept.phrase, standing[kept.start])
        rate = (drawn + s.own_rate * rates[self.family]) / (drawn + stood[self.original] + s.own_rate)
        chance: np.ndarray = rate * share
        return chance

    def _pooled(self, posterior: np.ndarray, reading: np.ndarray) -> np.ndarray:
        """Factor of each arc by how far the other occurrences of its spun form prefer its original to the form.

        ``reading``: int64[m], one number a spun form and original
        """
        # The arcs of one occurrence stand together.
        new = np.ones(len(posterior), dtype=bool)
        new[1:] = (self.begins[1:] != self.begins[:-1]) | (self.spun[1:] != self.spun[:-1])
        occurrence = np.cumsum(new) - 1
        kept = np.maximum(1.0 - np.bincount(occurrence, weights=posterior), _LEAST_KEPT)
        for_it = np.log(np.maximum(posterior, _LEAST_READING)) - np.log(kept)[occurrence]
        occurrences = np.bincount(self.spun, weights=new)[self.spun]
        # An occurrence that doesn't even weigh the reading speaks against it.
        absent = occurrences - np.bincount(reading)[reading]
        mean_kept = np.bincount(self.spun, weights=new * kept[occurrence])[self.spun] / occurrences
        others = np.bincount(reading, weights=for_it)[reading] - for_it
        others += absent * np.log(_LEAST_READING / mean_kept)
        share = np.minimum(1.0, _OTHERS / np.maximum(occurrences - 1, 1))
        pooled: np.ndarray = np.exp(np.clip(self.settings.pool * share * others, -_MOST_POOLED, _MOST_POOLED))
        return pooled

    def _cache(self, factor: np.ndarray, mass: np.ndarray) -> None:
        """Raise *factor* where a word stands elsewhere in the document more often than one would expect."""
        count = np.bincount(self.word, weights=mass)

        def raised(words: np.ndarray, own: np.ndarray) -> np.ndarray:
            elsewhere = np.maximum(count[words] - own, 0.0)
            expected = len(self.position) * np.exp(self.log_unigram[words])
            return np.minimum(1.0 + self.settings.cache * elsewhere / expected, _MOST_CACHED)

        counted = np.flatnonzero(self.one_word >= 0)
        heads = self.heads[counted]
        factor[heads] *= raised(self.one_word[counted], mass[heads])
        standing = self.standing[self.word[self.standing] >= FIRST_WORD]
        factor[standing] *= raised(self.word[standing], mass[standing]) ** self.settings.cache_kept

    def maximise(self, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return new rates (float64[F]) with the expected counts of replaced and surviving originals."""
        replaced = np.bincount(self.family, weights=mass[self.heads], minlength=len(FAMILIES))
        survived = self.evidence.survivor[:, self.position] @ mass[self.standing]
        hits, misses = self.settings.prior
        rates = (replaced + hits) / (replaced + survived + hits + misses)
        return np.minimum(rates, 0.995), replaced, survived
