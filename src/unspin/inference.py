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

from . import forward_backward, kernels, lattice
from .channel import Channel, Settings
from .evidence import Evidence
from .kernels import address
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
    word, own = _own(table, model, graph, settings)

    pairs = lattice.steps(graph.left, graph.right, len(graph.level))
    pair_lm, backoff = model.bigram(pairs.source, pairs.target, word)
    # The text as it stands is scored too, to compare with the sum over readings: of the pairs into a kept word the first
    # comes from the kept word before it.
    standing = pairs.begins[1 : len(stream)]
    s, plain = word[: len(stream)], backoff[standing[:-1]] + pair_lm[standing[1:]]
    unspun = float((settings.lm_scale * model.trigram(s[:-2], s[1:-1], s[2:], plain) + settings.shift).sum())
    # Kneser–Ney bigrams are meant for backing off: they underrate the middle of a set phrase. Within an arc the
    # history is known, so trigrams serve there from the start.
    coarse = model.inside(word, pairs, (graph.arc >= 0) & ~graph.head, pair_lm)
    channel = Channel(table, graph, evidence, settings)
    rates = np.full(len(FAMILIES), 0.3)
    plan = lattice.schedule(graph, pairs, history=1)
    mass = forward_backward.run(plan, np.exp(settings.lm_scale * coarse), own * channel.factor(rates)).mass
    rates, replaced, survived = channel.maximise(mass)

    # Coarse to fine: what bigrams all but rule out need not be weighed by trigrams.
    alive = _alive(graph, mass, settings.prune)
    graph, channel = lattice.select(graph, alive), channel.select(alive)
    pairs, kept_pairs = lattice.select_steps(pairs, alive)
    pair_lm, backoff = pair_lm[kept_pairs], backoff[kept_pairs]
    word, own = word[alive], own[alive]
    nodes, node = len(word), pairs.target

    # A state is a pair of nodes now, which stands where its second one does.
    triples = lattice.steps(pairs.source, pairs.target, nodes)
    lm = model.along(word, pairs, triples, backoff, pair_lm)
    weight = np.exp(settings.lm_scale * lm)
    plan = lattice.schedule(graph, triples, history=2, node=node)

    sums = forward_backward.run(plan, weight, (own * channel.factor(rates))[node])
    mass = np.bincount(node, weights=sums.mass, minlength=nodes)
    log_ratio = sums.log_total - unspun
    rates, replaced, survived = channel.maximise(mass)
    sums = forward_backward.run(plan, weight, (own * channel.factor(rates, mass))[node])
    mass = np.bincount(node, weights=sums.mass, minlength=nodes)
    kept = np.zeros(len(stream))
    stands = graph.arc < 0
    kept[graph.left[stands]] = mass[stands]
    return Reading(graph.arcs, mass[graph.head], kept, log_ratio, rates, replaced, survived, channel.quoted_rate)


def _own(table: PhraseTable, model: LanguageModel, graph: Lattice, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Return of each node its word as the model knows it (int64[N]), and the weight of its own (float64[N]).

    That is what it adds to every reading that it is in; the rest depends on the words before it. Words that only the table
    knows have no n-grams: they stand as <unk>, and their own unigram is added.
    """
    native, known = kernels.library(), len(model.unigrams)
    if native is None:
        added = table.log_unigram[graph.word].astype(np.float64) - float(model.unigrams[0])
        beyond = np.where(graph.word < known, 0.0, added)
        scale = (graph.level[graph.right] - graph.level[graph.left]) / STEP * settings.shift
        return np.where(graph.word < known, graph.word, 0), np.exp(settings.lm_scale * beyond + scale)
    nodes = len(graph.word)
    word, own = np.empty(nodes, dtype=np.int64), np.empty(nodes)
    native.unspin_own(
        nodes, *map(address, (graph.word, graph.left, graph.right, graph.level)), known, address(table.log_unigram),
        float(model.unigrams[0]), settings.lm_scale, settings.shift / STEP, address(word), address(own),
    )  # fmt: skip
    return word, own


def _alive(graph: Lattice, mass: np.ndarray, least: float) -> np.ndarray:
    """Return bool[N]: which nodes have more *mass* than *least*. An arc lives or dies with its first word."""
    native = kernels.library()
    if native is not None:
        out = np.empty(len(mass), dtype=bool)
        native.unspin_alive(len(mass), address(mass), least, address(graph.arc), address(graph.head), address(out))
        return out
    alive = mass > least
    alive[:2] = True
    of_arc = graph.arc >= 0
    alive[of_arc] = alive[graph.head][graph.arc[of_arc]]
    return alive
