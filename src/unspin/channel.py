"""The channel: what a spinner makes of an original, and what the document at hand says about that.

An original of family *f* that still stands costs 1 − ρ_f · fires, one that was replaced ρ_f · fires · weight. In
quotation marks both hold with a rate that is a share κ of ρ, fitted to the document: some spinners spare quotations. Once
there are posteriors, three things are known of the document, each leaving the occurrence itself out:

* *draws*: news spinners draw once an original and document, so what an original became elsewhere it became here
  (counts smoothed with the table's weights);
* *pooling*: what a spun form stands for elsewhere it likely stands for here;
* *cache*: a word that the author used elsewhere is likelier here (Kuhn & De Mori 1990), restored or standing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import kernels
from .evidence import Evidence
from .kernels import address
from .lattice import Lattice
from .phrase_table import COMMON, PhraseTable
from .rows import EVERY_ITEM, FAMILIES
from .tokens import FIRST_WORD, numbered

_ACADEMIC = FAMILIES.index("academic")
_EVERY_ITEM = np.array([f in EVERY_ITEM for f in FAMILIES])
#: Pooling: posteriors under these say no more (of a reading, of the spun text itself); that many other occurrences
#: count in full, and no more than that many nats come of it.
_LEAST_READING, _LEAST_KEPT, _OTHERS, _MOST_POOLED = 0.01, 0.03, 3.0, 4.0
#: A word of the document is at most so much likelier than of itself.
_MOST_CACHED = 20.0
#: No rate is thought higher; and pseudo-counts of the rate outside quotations, where it is asked apart.
_MOST_RATE, _USUAL = 0.995, (2.0, 0.1)
#: Quotations are touched where the share of that rate which holds in them is at least so much, and so many originals are
#: expected to have been replaced outside.
_LEAST_SHARE, _LEAST_OUTSIDE = 0.5, 1.0

_NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Settings:
    """Constants of the model, tuned once on development documents; natural logarithms.

    ``lm_scale``     weight of the language model against the channel
    ``phrases``      the same in a text that is read for tortured phrases alone, which the language model tells best
    ``shift``        scale of weights a stream position, to stay within floating point
    ``prune``        posterior under bigrams that a node needs to go on to trigrams
    ``prior``        pseudo-counts (replaced, survived) of a family's rate
    ``quoted``       the same of the rate in quotations, as a share of the rate outside
    ``draw``         strength of the table's weights against the document's own draws
    ``own_rate``     strength of the family's rate against an original's own record
    ``common``       log-penalty of a spun form that is marked as ordinary English too
    ``fingerprint``  log-odds a word by which an academic phrase of the table is rarer in clean text than n-grams say
    ``nested``       log-penalty of reading a part of what the table knows as one long spun phrase
    ``name``         log-penalty of reading as spun a capitalised word amid a sentence, times how sure a name it is
    ``agree``        how far the odds of a reading give way to their mean over all that a spun form stands for throughout
    ``pool``         weight of what the other occurrences of a spun form say of what it stands for
    ``cache``        weight of a word's count elsewhere in the document against the count to be expected
    ``cache_kept``   share of that weight (as an exponent) which words get that stand as they are
    """

    lm_scale: float = 0.6
    phrases: float = 0.9
    shift: float = 6.0
    prune: float = 5e-3
    prior: tuple[float, float] = (0.5, 2.0)
    quoted: tuple[float, float] = (0.5, 3.0)
    draw: float = 1.0
    own_rate: float = 2.0
    common: float = -3.0
    fingerprint: float = 5.0
    nested: float = -0.5
    name: float = -1.0
    agree: float = 0.55
    pool: float = 0.4
    cache: float = 0.15
    cache_kept: float = 0.3


class Channel:
    """Channel probabilities of a lattice's nodes, and their re-estimation from node posteriors."""

    def __init__(self, table: PhraseTable, graph: Lattice, evidence: Evidence, settings: Settings) -> None:
        self.settings, self.evidence = settings, evidence
        self.log_unigram, self.offered = table.log_unigram, np.array(evidence.families, dtype=np.int64)
        # How far quotations are spun too.
        self.quoted_rate = 0.5
        native = kernels.library()
        if native is None:
            self._lay(table, graph)
        else:
            self._lay_native(native, table, graph)

    def _lay(self, table: PhraseTable, graph: Lattice) -> None:
        settings, evidence, entry = self.settings, self.evidence, graph.arcs.entry
        self.family = table.family[entry].astype(np.int64)
        self.original = table.original[entry].astype(np.int64)
        self.weight = np.exp(table.log_weight[entry].astype(np.float64))
        common = (table.flags[entry] & COMMON) > 0
        self.penalty = np.where(common, np.exp(settings.common), 1.0)
        tortured = (self.family == _ACADEMIC) & ~common
        self.penalty[tortured] = np.exp(settings.fingerprint * (graph.arcs.stop - graph.arcs.start)[tortured])
        self.penalty *= np.exp(settings.name * evidence.named)
        self.penalty[evidence.nested] *= np.exp(settings.nested)
        if evidence.composed is not None:
            self.penalty *= np.exp(evidence.composed)
        # Of spun forms, originals and words only which are the same counts from here on.
        self.spun = numbered(evidence.spun)
        self.heads = np.flatnonzero(graph.head)
        self.begins = graph.arcs.start
        # Which arcs stand in quotations.
        within = np.append(0, np.cumsum(evidence.quoted))
        self.quoted = within[graph.arcs.stop] > within[graph.arcs.start]
        # Only originals of one word are counted by the cache.
        self.one_word = table.tokens_from[self.original + 1] - table.tokens_from[self.original] == 1
        originals = numbered(np.concatenate([self.original, evidence.kept.phrase]))
        self.original, self.kept = originals[: len(entry)], originals[len(entry) :]
        self.word, self.number = graph.word, numbered(graph.word)
        self.standing = np.flatnonzero(graph.arc < 0)
        self.position = graph.left[self.standing]
        self.nodes = len(graph.word)
        # How many different originals, forms and words there are.
        self.kinds = np.array([int(x.max(initial=-1)) + 1 for x in (originals, self.spun, self.number)])

    def _lay_native(self, native: Any, table: PhraseTable, graph: Lattice) -> None:
        s, evidence, arcs = self.settings, self.evidence, graph.arcs
        n, nodes, m, kept = graph.positions, len(graph.word), len(arcs), len(evidence.kept.phrase)
        size = 1 << (2 * max(nodes, m + kept)).bit_length()
        number = 4 * m + kept
        scratch, ints, counts = (np.empty(k, dtype=np.int64) for k in (n + 1 + m + kept + size, number + 3 * nodes, 4))
        floats, flags = np.empty((2, m)), np.empty((2, m), dtype=bool)
        at, f, b = address(ints), address(floats), address(flags)
        composed = None if evidence.composed is None else address(evidence.composed)
        native.unspin_lay(
            n, nodes, *map(address, (graph.word, graph.left, graph.arc, graph.head)), m,
            *map(address, (arcs.start, arcs.stop, arcs.entry, table.family, table.original, table.log_weight, table.flags)),
            *map(address, (table.tokens_from, evidence.spun, evidence.named, evidence.nested)), composed,
            address(evidence.quoted), kept, address(evidence.kept.phrase), COMMON, _ACADEMIC,
            s.common, s.fingerprint, s.nested, s.name, size - 1, address(scratch),
            at, at + 8 * m, at + 8 * (2 * m + kept), at + 8 * (3 * m + kept), f, f + 8 * m, b, b + m,
            at + 8 * number, at + 8 * (number + nodes), at + 8 * (number + 2 * nodes), address(counts),
        )  # fmt: skip
        stands, self.kinds = int(counts[0]), counts[1:]
        self.family, self.original, self.kept = ints[:m], ints[m : 2 * m], ints[2 * m : 2 * m + kept]
        self.spun, self.heads = ints[2 * m + kept : 3 * m + kept], ints[3 * m + kept : number]
        self.weight, self.penalty = floats
        self.quoted, self.one_word = flags
        self.begins, self.word, self.nodes = arcs.start, graph.word, nodes
        self.number, self.standing, self.position = (
            ints[number + k * nodes :][:count] for k, count in enumerate((nodes, stands, stands))
        )

    def select(self, alive: np.ndarray) -> Channel:
        """Return the channel of the nodes of a mask, as `lattice.select` keeps them."""
        out = object.__new__(Channel)
        out.settings, out.evidence, out.log_unigram, out.offered = self.settings, self.evidence, self.log_unigram, self.offered
        out.quoted_rate, out.kept, out.kinds = self.quoted_rate, self.kept, self.kinds
        native = kernels.library()
        if native is not None:
            return self._select_native(native, out, alive)
        arcs = alive[self.heads]
        out.word, out.number = self.word[alive], self.number[alive]
        for name in ("family", "original", "weight", "penalty", "spun", "begins", "one_word", "quoted"):
            setattr(out, name, getattr(self, name)[arcs])
        renumber = np.cumsum(alive) - 1
        out.heads = renumber[self.heads[arcs]]
        stands = alive[self.standing]
        out.standing = renumber[self.standing[stands]]
        out.position = self.position[stands]
        out.nodes = int(renumber[-1]) + 1
        return out

    def _select_native(self, native: Any, out: Channel, alive: np.ndarray) -> Channel:
        nodes, m, stands = self.nodes, len(self.heads), len(self.standing)
        renumber, counts = np.empty(nodes, dtype=np.int64), np.empty(3, dtype=np.int64)
        words, arcs, places = (np.empty(shape, dtype=np.int64) for shape in ((2, nodes), (5, m), (2, stands)))
        floats, flags = np.empty((2, m)), np.empty((2, m), dtype=bool)
        w, a, p, f, b = map(address, (words, arcs, places, floats, flags))
        native.unspin_thin(
            nodes, address(alive), address(self.word), address(self.number), m,
            *map(address, (self.heads, self.family, self.original, self.spun, self.begins, self.weight, self.penalty)),
            address(self.quoted), address(self.one_word), stands, address(self.standing), address(self.position),
            address(renumber), w, w + 8 * nodes, *(a + 8 * m * k for k in range(5)), f, f + 8 * m, b, b + m,
            p, p + 8 * stands, address(counts),
        )  # fmt: skip
        out.nodes, m, stands = counts.tolist()
        out.word, out.number = words[:, : out.nodes]
        out.heads, out.family, out.original, out.spun, out.begins = arcs[:, :m]
        out.weight, out.penalty = floats[:, :m]
        out.quoted, out.one_word = flags[:, :m]
        out.standing, out.position = places[:, :stands]
        return out

    def factor(self, rates: np.ndarray, mass: np.ndarray | None = None) -> np.ndarray:
        """Return float64[N], the channel probability of every node; with *mass*, by what the document says."""
        native = kernels.library()
        if native is not None:
            return self._factor_native(native, rates, mass)
        out = np.ones(self.nodes)
        out[self.standing] = self._standing(rates)[self.position]
        chance = rates[self.family] * self.weight if mass is None else self._document(rates, mass)
        out[self.heads] = chance * self.penalty * np.where(self.quoted, self.quoted_rate, 1.0)
        if mass is not None:
            self._cache(out, mass)
        return out

    def _factor_native(self, native: Any, rates: np.ndarray, mass: np.ndarray | None) -> np.ndarray:
        s, evidence = self.settings, self.evidence
        (families, n), m, out = evidence.survivor.shape, len(self.heads), np.empty(self.nodes)
        rates, size, scratch, place = np.ascontiguousarray(rates, dtype=np.float64), 1, np.empty(n), _NOTHING
        if mass is not None:
            originals, forms, words = self.kinds.tolist()
            mass, size = np.ascontiguousarray(mass, dtype=np.float64), 1 << (2 * m).bit_length()
            scratch, place = np.empty(n + 6 * m + originals + 2 * forms + words), np.empty(size + 4 * m, dtype=np.int64)
        native.unspin_factor(
            n, families, len(self.offered), *map(address, (self.offered, rates, evidence.survivor, evidence.quoted)),
            self.quoted_rate, self.nodes, m, *map(address, (self.heads, self.family, self.weight, self.penalty, self.quoted)),
            len(self.standing), *map(address, (self.standing, self.position, scratch, out)),
            None if mass is None else address(mass),
            *map(address, (self.word, self.number, self.original, self.spun, self.begins, self.one_word)),
            len(self.kept), *map(address, (evidence.kept.start, self.kept, self.kinds, self.log_unigram)), FIRST_WORD,
            address(_EVERY_ITEM), s.draw, s.own_rate, s.pool, _LEAST_READING, _LEAST_KEPT, _OTHERS, _MOST_POOLED,
            s.cache, s.cache_kept, _MOST_CACHED, size - 1, address(place),
        )  # fmt: skip
        return out

    def _standing(self, rates: np.ndarray) -> np.ndarray:
        """Probability of each stream position that no family replaced it."""
        out = np.ones(self.evidence.survivor.shape[1])
        share = self._share()
        for f in self.evidence.families:
            out *= 1.0 - rates[f] * share * self.evidence.survivor[f]
        return out

    def _share(self) -> np.ndarray:
        """float64[n]: the share of the rates that holds at each stream position."""
        return np.where(self.evidence.quoted, self.quoted_rate, 1.0)

    def _document(self, rates: np.ndarray, mass: np.ndarray) -> np.ndarray:
        """Chance of each arc given the other occurrences of its original, and of its spun form, in the document."""
        posterior = mass[self.heads]
        if not len(posterior):
            return posterior
        key = self.original * len(FAMILIES) + self.family
        drawer = numbered(key)
        draw = numbered(key * (int(self.spun.max()) + 1) + self.spun)
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
        standing = (self._stood(mass) * self._share())[self.evidence.kept.start]
        stood = np.bincount(self.kept, weights=standing, minlength=int(self.original.max()) + 1)
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
        count = np.bincount(self.number, weights=mass)

        def raised(nodes: np.ndarray) -> np.ndarray:
            elsewhere = np.maximum(count[self.number[nodes]] - mass[nodes], 0.0)
            expected = len(self.position) * np.exp(self.log_unigram[self.word[nodes]].astype(np.float64))
            return np.minimum(1.0 + self.settings.cache * elsewhere / expected, _MOST_CACHED)

        heads = self.heads[self.one_word]
        factor[heads] *= raised(heads)
        standing = self.standing[self.word[self.standing] >= FIRST_WORD]
        factor[standing] *= raised(standing) ** self.settings.cache_kept

    def _stood(self, mass: np.ndarray) -> np.ndarray:
        """Posterior of each stream position that its word stands as it is."""
        out = np.zeros(self.evidence.survivor.shape[1])
        out[self.position] = mass[self.standing]
        return out

    def maximise(self, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return new rates (float64[F]) with the expected counts of replaced and surviving originals.

        The share of the rates that holds in quotations is set anew too.
        """
        native = kernels.library()
        if native is not None:
            return self._maximise_native(native, mass)
        posterior, stood = mass[self.heads], self._stood(mass)
        replaced = np.bincount(self.family, weights=posterior, minlength=len(FAMILIES)).astype(np.float64)
        # Too little for BLAS, whose threads would wait for more.
        survived = np.einsum("fn,n->f", self.evidence.survivor, stood * self._share())
        if self.quoted.any():
            within, spared = self.evidence.quoted, self.evidence.survivor.sum(axis=0) * stood
            outside = float(posterior[~self.quoted].sum())
            usual = self._rate(outside, spared[~within].sum(), _USUAL)
            share = self._rate(posterior[self.quoted].sum(), spared[within].sum(), self.settings.quoted) / usual
            # Likelier spared than not, or nothing to compare with: then nothing in quotation marks is touched.
            self.quoted_rate = min(float(share), 1.0) if share >= _LEAST_SHARE and outside >= _LEAST_OUTSIDE else 0.0
        return np.minimum(self._rate(replaced, survived, self.settings.prior), _MOST_RATE), replaced, survived

    def _maximise_native(self, native: Any, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        s, evidence = self.settings, self.evidence
        families, n = evidence.survivor.shape
        stood, out, mass = np.empty(n), np.empty(3 * families + 1), np.ascontiguousarray(mass, dtype=np.float64)
        at, row = address(out), 8 * families
        native.unspin_maximise(
            n, families, len(self.offered), *map(address, (self.offered, evidence.survivor, evidence.quoted)),
            self.quoted_rate, len(self.heads), *map(address, (self.heads, self.family, self.quoted)), len(self.standing),
            *map(address, (self.standing, self.position, mass)), *s.prior, *_USUAL, *s.quoted, _MOST_RATE,
            _LEAST_SHARE, _LEAST_OUTSIDE, address(stood), at, at + row, at + 2 * row, at + 3 * row,
        )  # fmt: skip
        self.quoted_rate = float(out[-1])
        return out[:families], out[families : 2 * families], out[2 * families : -1]

    @staticmethod
    def _rate(replaced: np.ndarray | float, survived: np.ndarray | float, prior: tuple[float, float]) -> np.ndarray:
        """The share replaced, with pseudo-counts (replaced, survived)."""
        return np.asarray((replaced + prior[0]) / (replaced + survived + sum(prior)))
