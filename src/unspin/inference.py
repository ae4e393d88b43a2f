"""Noisy-channel inference over the lattice: what each stretch stood for, and how far the document is spun.

    P(original text) · P(spun text | original text, spinner families, rates)

A language model gives the first factor. In the second, an original of family *f* that still stands costs
1 − ρ_f · fires, one that was replaced ρ_f · fires · weight. The rates ρ are fitted to the document by
expectation–maximisation (Dempster, Laird & Rubin 1977) over all readings. Spinners draw once an original and
document, so each occurrence is then judged by what the others of its original say (counts smoothed with the
table's weights, the occurrence itself left out).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import forward_backward, lattice
from .evidence import Evidence
from .language_model import LanguageModel
from .lattice import STEP, Arcs, Lattice
from .phrase_table import COMMON, PhraseTable
from .rows import FAMILIES

_EVERY_ITEM, _ACADEMIC = FAMILIES.index("web"), FAMILIES.index("academic")


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
    """

    lm_scale: float = 0.7
    shift: float = 6.0
    prune: float = 5e-3
    prior: tuple[float, float] = (0.5, 2.0)
    draw: float = 1.0
    own_rate: float = 2.0
    common: float = -3.0
    fingerprint: float = 4.0
    nested: float = -0.5
    name: float = -1.5


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome: arcs that were weighed, with the posterior of each, and of keeping each position.

    ``log_ratio``  log P(text | spun at the fitted rates) − log P(text | not spun)
    ``rates``      float64[F]; ``replaced``, ``survived``: float64[F] expected counts
    """

    arcs: Arcs
    posterior: np.ndarray
    kept: np.ndarray
    log_ratio: float
    rates: np.ndarray
    replaced: np.ndarray
    survived: np.ndarray


def infer(
    table: PhraseTable, model: LanguageModel, stream: np.ndarray, evidence: Evidence, settings: Settings
) -> Reading:
    """Weigh all readings of a stream (int64[n]) and return the posteriors of its arcs."""
    graph = lattice.build(table, stream, evidence.arcs)
    # Words that only the table knows have no n-grams: they stand as <unk>, and their own unigram is added.
    word = np.where(graph.word < len(model.unigrams), graph.word, 0)
    beyond = np.where(graph.word < len(model.unigrams), 0.0, table.log_unigram[graph.word] - model.unigrams[0])
    scale = (graph.level[graph.right] - graph.level[graph.left]) / STEP * settings.shift
    nodes = len(graph.word)

    target, source = lattice.join(graph.left, graph.right)
    pair_lm, backoff = model.bigram(word[source], word[target])
    standing = np.flatnonzero((source < len(stream)) & (target < len(stream)))
    known_stream, plain = word[: len(stream)], backoff[standing[:-1]] + pair_lm[standing[1:]]
    pair_lm = pair_lm + beyond[target]
    # Kneser–Ney bigrams are meant for backing off: they underrate the middle of a set phrase. Within an arc the
    # history is known, so trigrams serve there from the start.
    coarse = pair_lm.copy()
    chain = np.flatnonzero((graph.arc[source] >= 0) & ~graph.head[source])
    x, y = source[chain], target[chain]
    known = model.trigram(word[x - 1], word[x], word[y], (pair_lm[chain] - beyond[y]).astype(np.float32))
    coarse[chain] = known + beyond[y]
    weight = np.exp(settings.lm_scale * coarse + scale[target])
    channel = _Channel(table, graph, evidence, settings)
    rates = np.full(len(FAMILIES), 0.5)
    plan = _plan(graph, source, target, graph.right, history=1)
    sums = forward_backward.run(plan, weight * channel.factor(rates)[target])
    mass = np.bincount(target, weights=sums.posterior, minlength=nodes)
    rates, replaced, survived = channel.maximise(mass)

    # Coarse to fine: what bigrams all but rule out need not be weighed by trigrams.
    alive = mass > settings.prune
    alive[:2] = True
    # An arc lives or dies with its first word.
    of_arc = graph.arc >= 0
    alive[of_arc] = alive[graph.head][graph.arc[of_arc]]
    graph, channel = lattice.select(graph, alive), channel.select(alive)
    renumber = np.cumsum(alive) - 1
    pair_alive = alive[source] & alive[target]
    source, target = renumber[source[pair_alive]], renumber[target[pair_alive]]
    pair_lm, backoff = pair_lm[pair_alive], backoff[pair_alive]
    word, beyond, scale = word[alive], beyond[alive], scale[alive]
    nodes = len(word)

    two, one = lattice.join(source, target)
    a, b, c = source[one], target[one], target[two]
    # The text as it stands is scored in the same look-ups, to compare with the sum over readings.
    lower = np.concatenate([backoff[one] + (pair_lm[two] - beyond[c]).astype(np.float32), plain])
    s = known_stream
    first, second, third = (np.concatenate(p) for p in ((word[a], s[:-2]), (word[b], s[1:-1]), (word[c], s[2:])))
    lm = model.trigram(first, second, third, lower)
    unspun = float((settings.lm_scale * lm[len(a) :] + settings.shift).sum())
    weight = np.exp(settings.lm_scale * (lm[: len(a)] + beyond[c]) + scale[c])
    plan = _plan(graph, one, two, graph.right[target], history=2)

    sums = forward_backward.run(plan, weight * channel.factor(rates)[c])
    mass = np.bincount(c, weights=sums.posterior, minlength=nodes)
    log_ratio = sums.log_total - unspun
    rates, replaced, survived = channel.maximise(mass)
    sums = forward_backward.run(plan, weight * channel.factor(rates, mass)[c])
    mass = np.bincount(c, weights=sums.posterior, minlength=nodes)
    kept = np.zeros(len(stream))
    stands = graph.arc < 0
    kept[graph.left[stands]] = mass[stands]
    return Reading(graph.arcs, mass[graph.head], kept, log_ratio, rates, replaced, survived)


def _plan(
    graph: Lattice, source: np.ndarray, target: np.ndarray, junction: np.ndarray, history: int
) -> forward_backward.Schedule:
    """Schedule transitions between states; ``junction``: where each state stands.

    Levels are counted from the last cut at or before the source.
    """
    cut = lattice.cuts(graph, history)
    boundary = np.arange(graph.positions + 1)
    base = np.maximum.accumulate(np.where(cut[: graph.positions + 1], boundary, 0)) * STEP
    origin = base[graph.level[junction[source]] // STEP]
    arrives = graph.level[junction[target]] - origin
    return forward_backward.schedule(source, target, arrives, cut[junction])


class _Channel:
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
        self.spun = evidence.spun
        self.evidence = evidence
        self.heads = np.flatnonzero(graph.head)
        self.standing = np.flatnonzero(graph.arc < 0)
        self.position = graph.left[self.standing]
        self.nodes = len(graph.word)

    def select(self, alive: np.ndarray) -> _Channel:
        """Return the channel of the nodes of a mask, as `lattice.select` keeps them."""
        out = object.__new__(_Channel)
        arcs = alive[self.heads]
        out.settings, out.evidence = self.settings, self.evidence
        for name in ("family", "original", "weight", "penalty", "spun"):
            setattr(out, name, getattr(self, name)[arcs])
        renumber = np.cumsum(alive) - 1
        out.heads = renumber[self.heads[arcs]]
        stands = alive[self.standing]
        out.standing = renumber[self.standing[stands]]
        out.position = self.position[stands]
        out.nodes = int(renumber[-1]) + 1
        return out

    def factor(self, rates: np.ndarray, mass: np.ndarray | None = None) -> np.ndarray:
        """Return float64[N], the channel probability of every node; with *mass*, by the document's own draws."""
        out = np.ones(self.nodes)
        out[self.standing] = self._standing(rates)[self.position]
        chance = rates[self.family] * self.weight if mass is None else self._own_draws(rates, mass)
        out[self.heads] = chance * self.penalty
        return out

    def _standing(self, rates: np.ndarray) -> np.ndarray:
        """Probability of each stream position that no family replaced it."""
        out = np.ones(self.evidence.survivor.shape[1])
        for rate, fires in zip(rates.tolist(), self.evidence.survivor):
            if rate:
                out *= 1.0 - rate * fires
        return out

    def _own_draws(self, rates: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Chance of each arc given all other occurrences of its original in the document."""
        s = self.settings
        posterior = mass[self.heads]
        key = self.original * len(FAMILIES) + self.family
        _, drawer = np.unique(key, return_inverse=True)
        _, draw = np.unique(key * (int(self.spun.max(initial=0)) + 1) + self.spun, return_inverse=True)
        same = np.bincount(draw, weights=posterior)[draw] - posterior
        drawn = np.bincount(drawer, weights=posterior)[drawer] - posterior
        share = (same + s.draw * self.weight) / (drawn + s.draw)
        # How often the original itself was left standing where it could have been replaced.
        kept = self.evidence.kept
        stood = np.zeros(int(max(self.original.max(initial=0), kept.phrase.max(initial=0))) + 1)
        standing = np.zeros(self.evidence.survivor.shape[1])
        standing[self.position] = mass[self.standing]
        np.add.at(stood, kept.phrase, standing[kept.start])
        rate = (drawn + s.own_rate * rates[self.family]) / (drawn + stood[self.original] + s.own_rate)
        return np.where(self.family == _EVERY_ITEM, rates[self.family] * self.weight, rate * share)

    def maximise(self, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return new rates (float64[F]) with the expected counts of replaced and surviving originals."""
        replaced = np.bincount(self.family, weights=mass[self.heads], minlength=len(FAMILIES))
        survived = self.evidence.survivor[:, self.position] @ mass[self.standing]
        hits, misses = self.settings.prior
        rates = (replaced + hits) / (replaced + survived + hits + misses)
        return np.minimum(rates, 0.995), replaced, survived
