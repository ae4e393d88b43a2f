"""Noisy-channel inference over the lattice: what each stretch stood for, and how far the document is spun.

    P(original text) · P(spun text | original text, spinner families, rates)

A language model gives the first factor. In the second, an original of family *f* that still stands costs
1 − ρ_f · fires, one that was replaced ρ_f · fires · weight. The rates ρ are fitted to the document by
expectation–maximisation (Dempster, Laird & Rubin 1977) over all readings; then each occurrence is judged once more,
by what the rest of the document says (see `channel`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import forward_backward, lattice
from .channel import Channel, Settings
from .evidence import Evidence
from .language_model import LanguageModel
from .lattice import STEP, Arcs, Lattice
from .phrase_table import PhraseTable
from .rows import FAMILIES


@dataclass(frozen=True, slots=True)
class Reading:
    """The outcome: arcs that were weighed, with the posterior of each, and of keeping each position.

    ``log_ratio``  log P(text | spun at the fitted rates) − log P(text | not spun)
    ``rates``      float64[F]; ``replaced``, ``survived``: float64[F] expected counts
    ``quoted``     how far quotations were spun too, 0 to 1
    """

    arcs: Arcs
    posterior: np.ndarray
    kept: np.ndarray
    log_ratio: float
    rates: np.ndarray
    replaced: np.ndarray
    survived: np.ndarray
    quoted: float


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
    channel = Channel(table, graph, evidence, settings)
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
    return Reading(graph.arcs, mass[graph.head], kept, log_ratio, rates, replaced, survived, channel.quoted_rate)


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
