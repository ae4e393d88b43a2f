"""Which of the spans that conflict are restored: the array code against taking one after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unspin
from unspin.calibration import CALIBRATION, RAW
from unspin.decoder import Readings, _agreed, _readings, _settle, choose
from unspin.tokens import Tokens

from .small import laid, made

#: Places (begin, length), each once, with a rank; few values, so that there are ties.
_SPANS = st.dictionaries(
    st.tuples(st.integers(0, 30), st.integers(1, 6)), st.sampled_from([0.2, 0.5, 0.55, 0.9, 1.0]), max_size=25
)


def _one_by_one(spans: list[tuple[int, int, float]]) -> list[int]:
    """Take the spans by rank, of equals the one that begins first; leave those that overlap one taken before."""
    taken: list[int] = []
    for k in sorted(range(len(spans)), key=lambda k: (-spans[k][2], spans[k][0], k)):
        begin, end, _ = spans[k]
        if all(end <= spans[t][0] or spans[t][1] <= begin for t in taken):
            taken.append(k)
    return sorted(taken)


def _settled(spans: list[tuple[int, int, float]], candidates: list[int]) -> list[int]:
    lo, hi = (np.array([s[i] for s in spans], dtype=np.int64) for i in (0, 1))
    rank = np.array([s[2] for s in spans], dtype=np.float64)
    return _settle(lo, hi, rank, np.array(candidates, dtype=np.int64)).tolist()


@settings(deadline=None, max_examples=300)
@given(_SPANS, st.data())
def test_settled_as_one_by_one(places: dict[tuple[int, int], float], data: st.DataObject) -> None:
    spans = [(begin, begin + length, places[begin, length]) for begin, length in sorted(places)]
    # Some are no candidates: they neither stand nor stand in the way.
    wanted = data.draw(st.lists(st.booleans(), min_size=len(spans), max_size=len(spans)))
    candidates = [k for k, w in enumerate(wanted) if w]
    expected = _one_by_one([spans[k] for k in candidates])
    assert _settled(spans, candidates) == [candidates[k] for k in expected]


def test_settled_by_hand() -> None:
    # A long one between two short ones that are surer: both of them stand, it doesn't.
    spans = [(0, 2, 0.8), (1, 5, 0.7), (4, 6, 0.9), (6, 7, 0.1)]
    assert _settled(spans, [0, 1, 2, 3]) == [0, 2, 3]
    # The surest of all falls: what it ruled out doesn't come back by chance.
    assert _settled(spans, [1, 2, 3]) == [2, 3]
    assert _settled(spans, [1, 3]) == [1, 3]
    # Spans that touch do not conflict.
    assert _settled([(0, 2, 0.5), (2, 4, 0.9)], [0, 1]) == [0, 1]
    assert _settled([], []) == []


def test_the_same_words_of_two_rows_are_one_reading() -> None:
    table = made("# family: news", "the data = the knowledge", "data = knowledge", "skill = knowledge")
    it = laid(table, "The firm collects the knowledge of its users. The knowledge is stored on the server.")
    reading = it.read()
    choice = choose(table, it.tokens, reading, 0.0, RAW)
    alone = it.chances(reading)
    shown = [it.tokens.words[a : b + 1] for a, b in zip(choice.first.tolist(), choice.last.tolist())]
    assert shown == [["knowledge"], ["knowledge"]]
    for at, best in zip(choice.first.tolist(), choice.best.tolist()):
        both = alone.get((at, "data"), 0.0) + alone.get((at - 1, "the data"), 0.0)
        assert max(alone.get((at, "data"), 0.0), alone.get((at - 1, "the data"), 0.0)) < both
        assert abs(choice.confidence[best] - min(both, 1.0)) < 1e-9


def _drawn_together(found: Readings, tokens: Tokens) -> list[tuple[int, int, int, float]]:
    """What `_agreed` does, one reading after the other: (lo, hi, words, posterior), the best of each place first."""
    places = [p for p, count in enumerate(np.diff(found.first, append=len(found.entry))) for _ in range(count)]
    shown = [
        (bool(tokens.capital[tokens.at[lo]]), tuple(tokens.stream[lo:hi].tolist()))
        for lo, hi in zip(found.lo.tolist(), found.hi.tolist())
    ]
    odds: dict[object, list[float]] = {}
    for place, words, p in zip(places, found.words.tolist(), np.clip(found.posterior, 1e-3, 1 - 1e-3).tolist()):
        odds.setdefault((shown[place], words), []).append(math.log(p / (1 - p)))
    out = []
    for place, words, p in zip(places, found.words.tolist(), found.posterior.tolist()):
        all_of_them = odds[shown[place], words]
        if len(all_of_them) > 1:
            q = min(max(p, 1e-3), 1 - 1e-3)
            mean = sum(all_of_them) / len(all_of_them)
            p = 1 / (1 + math.exp(-(0.45 * math.log(q / (1 - q)) + 0.55 * mean)))
        out.append((place, p, words))
    out.sort(key=lambda at: (at[0], -at[1]))
    return [(int(found.lo[at]), int(found.hi[at]), words, p) for at, p, words in out]


@pytest.mark.parametrize(
    "text",
    [
        "The legal guidelines protect the knowledge of users. The firm sells this knowledge to others, and the Knowledge is "
        "stored on a server, by legal guidelines. Knowledge is at danger.",
        # Nothing stands twice.
        "The legal guidelines protect the knowledge of users.",
    ],
)
def test_a_spun_form_is_read_alike_throughout(text: str) -> None:
    rows = ("data = knowledge", "skill = knowledge", "laws = legal guidelines", "rules = guidelines", "risk = danger")
    it = laid(made("# family: news", *rows), text)
    found = _readings(it.table, it.read(), len(it.tokens.stream))
    agreed = _agreed(found, it.tokens, 0.55)
    assert _agreed(found, it.tokens, 0.0) is found
    count = np.diff(agreed.first, append=len(agreed.entry))
    seen = list(
        zip(
            np.repeat(agreed.lo, count).tolist(), np.repeat(agreed.hi, count).tolist(), agreed.words.tolist(),
            agreed.posterior.tolist(),
        )
    )  # fmt: skip
    expected = _drawn_together(found, it.tokens)
    assert [at[:3] for at in seen] == [at[:3] for at in expected]
    assert np.allclose([at[3] for at in seen], [at[3] for at in expected])
    assert (agreed.posterior.tolist() != found.posterior.tolist()) == ("Knowledge" in text)


def test_nothing_under_the_least_confidence_and_nothing_less_likely_than_the_text() -> None:
    table = made("# family: news", "data = knowledge", "laws = legal guidelines")
    it = laid(table, "The knowledge of the legal guidelines is shared with the state.")
    reading = it.read()
    for least in (0.0, 0.3, 0.6, 0.9, 0.999):
        choice = choose(table, it.tokens, reading, least, CALIBRATION)
        chances = choice.confidence[choice.best]
        assert (chances >= least).all()
        assert (chances >= choice.kept).all()
    assert len(choose(table, it.tokens, reading, 0.0, RAW).first) > 0
    assert len(choose(table, it.tokens, reading, 1.1, CALIBRATION).first) == 0


def test_a_stretch_that_ends_in_a_mark_goes_as_far_as_its_words() -> None:
    text = "The people withinside the u . s . a . and he went on."
    for edit in unspin.explain(text, min_confidence=0).edits:
        assert edit.start < edit.end
        assert text[edit.start : edit.end] == edit.spun
    table = made("# family: web", "country and = u . s . a . and", "laws = legal guidelines")
    it = laid(table, "The legal guidelines of the u . s . a . and the others.")
    choice = choose(table, it.tokens, it.read(), 0.0, RAW)
    assert (choice.first <= choice.last).all()
    assert choice.last.min() >= 0
