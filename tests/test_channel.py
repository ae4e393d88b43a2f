"""What the document says of an occurrence: draws, pooling and cache, against plain loops and by what they are for."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from unspin.channel import _LEAST_KEPT, _LEAST_READING, _MOST_CACHED, _MOST_POOLED, _OTHERS, Channel, Settings
from unspin.evidence import Evidence
from unspin.rows import EVERY_ITEM, FAMILIES

from .small import Laid, laid, made

# "picture" stands for two originals; "film" becomes two forms; web and turbo rows beside, which draw anew each time.
ROWS = (
    "# family: news", "film = picture | flick", "image = picture", "big = giant*0.3 | massive",
    "the big film = the massive flick", "users = customers | shoppers",
    "# family: web", "image = photo | picture", "film = flick",
    "# family: turbo", "actor = performer | player", "film = picture",
)  # fmt: skip
TEXTS = (
    "The picture was long. A picture of the actor hung there. The film drew customers.",
    "The massive flick and the massive flick again; a giant picture, a photo, a film and an image. “A film.”",
    "Users said that customers and shoppers saw the picture. The performer, a player, saw users and the film, the film.",
    "The picture. " * 7 + "The flick is a picture. The player and the performer are players.",
    "The picture.",
    "Nothing here.",
)


def _masses(it: Laid, seed: int) -> np.ndarray:
    """Posteriors that a lattice might have: the arcs over a place and the word that stands there share 1."""
    rng = np.random.default_rng(seed)
    arcs = it.graph.arcs
    mass = np.zeros(len(it.graph.word))
    most = max(np.bincount(arcs.start).max(initial=1), 1)
    posterior = rng.random(len(arcs)) ** 3 / (2 * most)
    sure = rng.random(len(arcs)) < 0.3
    posterior[sure] *= 1.8
    of_arc = it.graph.arc >= 0
    mass[of_arc] = posterior[it.graph.arc[of_arc]]
    for k in np.flatnonzero(~of_arc).tolist():
        covered = (arcs.start <= k) & (k < arcs.stop)
        mass[k] = max(0.0, 1.0 - posterior[covered].sum())
    return mass


def _slow(it: Laid, evidence: Evidence, alive: np.ndarray, rates: np.ndarray, all_mass: np.ndarray, s: Settings) -> list[float]:
    """Factor of every node that is alive, without the penalties, by loops over nodes."""
    table, graph = it.table, it.graph
    nodes = [k for k in range(len(graph.word)) if alive[k]]
    heads = [k for k in nodes if graph.head[k]]
    stands = [k for k in nodes if graph.arc[k] < 0]
    spun = {h: int(evidence.spun[graph.arc[h]]) for h in heads}
    entry = {h: int(graph.arcs.entry[graph.arc[h]]) for h in heads}
    original = {h: int(table.original[entry[h]]) for h in heads}
    family = {h: int(table.family[entry[h]]) for h in heads}
    place = {h: (int(graph.arcs.start[graph.arc[h]]), spun[h]) for h in heads}
    p = {h: float(all_mass[h]) for h in heads}
    by_place: dict[tuple[int, int], list[int]] = defaultdict(list)
    for h in heads:
        by_place[place[h]].append(h)
    kept = {o: max(1.0 - sum(p[h] for h in hs), _LEAST_KEPT) for o, hs in by_place.items()}
    factor: dict[int, float] = {}
    for h in heads:
        others = [o for o in heads if o != h and (original[o], family[o]) == (original[h], family[h])]
        weight = math.exp(float(table.log_weight[entry[h]]))
        chance = rates[family[h]] * weight
        if FAMILIES[family[h]] not in EVERY_ITEM:
            drawn = sum(p[o] for o in others)
            same = sum(p[o] for o in others if spun[o] == spun[h])
            stood = 0.0
            for phrase, at in zip(evidence.kept.phrase.tolist(), evidence.kept.start.tolist()):
                if phrase == original[h]:
                    stood += sum(float(all_mass[k]) for k in stands if graph.left[k] == at)
            rate = (drawn + s.own_rate * rates[family[h]]) / (drawn + stood + s.own_rate)
            chance = rate * (same + s.draw * weight) / (drawn + s.draw)
        places = [o for o in by_place if o[1] == spun[h]]
        mean = sum(kept[o] for o in places) / len(places)
        said = 0.0
        for o in places:
            if o == place[h]:
                continue
            for_it = [k for k in by_place[o] if (original[k], family[k]) == (original[h], family[h])]
            if for_it:
                said += math.log(max(p[for_it[0]], _LEAST_READING)) - math.log(kept[o])
            else:
                said += math.log(_LEAST_READING / mean)
        share = min(1.0, _OTHERS / max(len(places) - 1, 1))
        factor[h] = chance * math.exp(max(-_MOST_POOLED, min(_MOST_POOLED, s.pool * share * said)))

    count: dict[int, float] = defaultdict(float)
    for k in nodes:
        count[int(graph.word[k])] += float(all_mass[k])

    def raised(word: int, own: float) -> float:
        expected = len(stands) * math.exp(float(table.log_unigram[word]))
        return min(1.0 + s.cache * max(count[word] - own, 0.0) / expected, _MOST_CACHED)

    out: list[float] = []
    for k in nodes:
        if graph.head[k]:
            one = int(table.tokens_from[original[k] + 1] - table.tokens_from[original[k]]) == 1
            cached = raised(int(graph.word[k]), p[k]) if one else 1.0
            out.append(factor[k] * cached)
        elif graph.arc[k] < 0:
            here = 1.0
            for f, rate in enumerate(rates.tolist()):
                here *= 1.0 - rate * float(evidence.survivor[f, graph.left[k]])
            is_word = graph.word[k] >= 8
            out.append(here * (raised(int(graph.word[k]), float(all_mass[k])) ** s.cache_kept if is_word else 1.0))
        else:
            out.append(1.0)
    return out


def _without_penalties(channel: Channel) -> Channel:
    channel.penalty = np.ones_like(channel.penalty)
    return channel


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_factors_against_loops(text: str, seed: int) -> None:
    it = laid(made(*ROWS), text)
    rates = np.random.default_rng(seed).uniform(0.05, 0.95, len(FAMILIES))
    mass = _masses(it, seed)
    settings = Settings(draw=0.7 * seed, own_rate=1.5, pool=0.3 * seed, cache=0.01 * seed)
    everything = np.ones(len(mass), dtype=bool)
    fast = _without_penalties(it.channel(settings)).factor(rates, mass)
    assert fast.tolist() == pytest.approx(_slow(it, it.evidence, everything, rates, mass, settings), rel=1e-6)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("seed", [4, 5])
def test_selected_factors_against_loops(text: str, seed: int) -> None:
    """Where pruning took some readings of some occurrences: those that are left out speak against the others."""
    it = laid(made(*ROWS), text)
    rng = np.random.default_rng(seed)
    mass = _masses(it, seed)
    arc_lives = rng.random(len(it.graph.arcs)) < 0.7
    alive = np.append(arc_lives, True)[it.graph.arc]
    # And some of the words that stand there.
    for k in np.flatnonzero(it.graph.arc < 0).tolist():
        covered = arc_lives & (it.graph.arcs.start <= k) & (k < it.graph.arcs.stop)
        alive[k] = not covered.any() or rng.random() < 0.6
    rates = rng.uniform(0.05, 0.95, len(FAMILIES))
    settings = Settings(cache=0.02)
    fast = _without_penalties(it.channel(settings).select(alive)).factor(rates, mass[alive])
    assert fast.tolist() == pytest.approx(_slow(it, it.evidence, alive, rates, mass, settings), rel=1e-6)


def test_no_occurrence_votes_for_itself() -> None:
    it = laid(made(*ROWS), TEXTS[2])
    channel, mass = it.channel(), _masses(it, 6)
    rates = np.full(len(FAMILIES), 0.4)
    before = channel.factor(rates, mass)
    for head in channel.heads.tolist():
        changed = mass.copy()
        changed[head] = 0.9 if mass[head] < 0.5 else 0.1
        assert channel.factor(rates, changed)[head] == pytest.approx(before[head], rel=1e-9)
    # And yet the masses matter.
    other = channel.factor(rates, np.where(mass > 0.2, mass * 0.5, mass))
    assert (np.abs(other[channel.heads] / before[channel.heads] - 1.0) > 0.01).any()


def test_a_lone_occurrence_is_judged_by_the_table() -> None:
    it = laid(made("# family: news", "film = picture", "image = picture*0.5 | photo"), "The picture was long.")
    channel = it.channel(Settings(cache=0.0))
    rates = np.full(len(FAMILIES), 0.3)
    mass = _masses(it, 7)
    assert channel.factor(rates, mass)[channel.heads] == pytest.approx(channel.factor(rates)[channel.heads], rel=1e-9)


# Who parks a vehicle and locks its door has a car; the first might be anything.
UNSURE = "They talked about the vehicle."
SURE = (
    " The driver of the vehicle was killed when the vehicle crashed into a tree."
    " She parked the vehicle and locked the vehicle door."
)


@pytest.mark.parametrize(("family", "by"), [("web", "pooling"), ("news", "draws")])
def test_the_unsure_follows_its_sure_twins(family: str, by: str) -> None:
    fires = "# fires: 0.18" if by == "draws" else "# fires: 0.5"
    table = made(f"# family: {family}", fires, "car = automobile | vehicle", "truck = vehicle")
    # One of the two at a time; what is left out is what the table alone would say.
    off = Settings(lm_scale=0.7, pool=0.0, draw=1e9, own_rate=1e9, cache=0.0)
    on = replace(off, pool=0.4)
    if by == "draws":
        on = replace(off, draw=1.0, own_rate=2.0)
    it = laid(table, UNSURE + SURE)
    first, *_, parked, door = (k for k, word in enumerate(it.tokens.words) if word == "vehicle")
    with_twins, without = it.chances(it.read(on)), it.chances(it.read(off))
    assert without[first, "car"] < 0.2
    assert min(without[parked, "car"], without[door, "car"]) > 0.75, "the twins are sure by themselves"
    assert with_twins[first, "car"] > without[first, "car"] + 0.2
    assert with_twins[first, "truck"] < 2 * without[first, "truck"]
    # Without twins there is nobody to follow.
    alone = laid(table, "They parked the vehicle.")
    kept, told = alone.chances(alone.read(off)), alone.chances(alone.read(on))
    assert kept.keys() == told.keys() != set()
    assert [*told.values()] == pytest.approx([*kept.values()], rel=0.01)


def test_an_original_that_still_stands_speaks_against_its_draws() -> None:
    """News spinners draw once a document: who left "film" standing twice did not make a picture of it."""
    table = made("# family: news", "film = picture ; fires: 0.5", "painting = canvas")
    text = "The picture was long."
    alone, beside = laid(table, text), laid(table, f"{text} A film is a film. The film was short.")
    rates = np.full(len(FAMILIES), 0.5)
    factors = []
    for it in (alone, beside):
        channel = it.channel(Settings(pool=0.0, cache=0.0))
        mass = np.where(it.graph.arc < 0, 1.0, 0.5)
        factors.append(float(channel.factor(rates, mass)[channel.heads[0]]))
    assert factors[1] < 0.5 * factors[0]


QUOTED = "“The {} was full,” she said at last. We had to sleep in the lodge that night, and it rained until morning."


def _quoted(word: str, settings: Settings) -> float:
    table = made("# family: news", "motel = lodge", "hotel = lodge")
    it = laid(table, QUOTED.format(word))
    return it.chances(it.read(settings))[it.tokens.words.index("lodge"), "motel"]


def test_a_word_in_a_quotation_raises_the_same_original_elsewhere() -> None:
    on, off = Settings(), Settings(cache=0.0)
    assert _quoted("motel", on) > _quoted("pub", on) + 0.1
    assert _quoted("hotel", on) < _quoted("pub", on)
    # It is the cache that does it: the quotation is out of reach of the n-grams and of the spinner.
    assert _quoted("motel", off) == pytest.approx(_quoted("pub", off), abs=1e-6)


def test_rates_follow_the_counts() -> None:
    it = laid(made(*ROWS), TEXTS[1])
    channel, mass = it.channel(), _masses(it, 8)
    rates, replaced, survived = channel.maximise(mass)
    hits, misses = channel.settings.prior
    for f in range(len(FAMILIES)):
        mine = [h for h, g in zip(channel.heads.tolist(), channel.family.tolist()) if g == f]
        assert replaced[f] == pytest.approx(sum(mass[h] for h in mine))
        stood = sum(it.evidence.survivor[f, it.graph.left[k]] * mass[k] for k in np.flatnonzero(it.graph.arc < 0))
        assert survived[f] == pytest.approx(stood)
        assert rates[f] == pytest.approx((replaced[f] + hits) / (replaced[f] + stood + hits + misses))
