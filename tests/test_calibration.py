"""From posteriors to confidences: the map, and what it leaves as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unspin
from unspin.calibration import CALIBRATION, RAW, Calibration

from .conftest import SPUN, load_cases
from .small import laid, made

MAPS = [RAW, CALIBRATION, Calibration(0.7, 0.7, 0.64), Calibration(3.0, 0.2, -2.0)]
_CHANCE = st.floats(0.0, 1.0)
#: Places with the posteriors of their readings, the best first, and that of keeping.
_PLACES = st.lists(
    st.tuples(st.lists(_CHANCE, min_size=1, max_size=5).map(lambda p: sorted(p, reverse=True)), _CHANCE), min_size=1, max_size=6
)


@pytest.mark.parametrize("calibration", MAPS)
def test_nothing_and_certainty_stay(calibration: Calibration) -> None:
    assert calibration(np.array([0.0, 1.0])).tolist() == [0.0, 1.0]
    # Sums of floats may pass the ends by a hair.
    assert calibration(np.array([-1e-12, 1 + 1e-12])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("calibration", MAPS)
def test_monotone(calibration: Calibration) -> None:
    confidence = calibration(np.linspace(0, 1, 1001))
    assert (np.diff(confidence) > 0).all()
    assert ((confidence >= 0) & (confidence <= 1)).all()


def test_raw_is_no_map() -> None:
    posterior = np.linspace(0, 1, 101)
    np.testing.assert_allclose(RAW(posterior), posterior)


def test_equal_slopes_make_the_logit_map() -> None:
    posterior = np.array([0.1, 0.5, 0.9])
    confidence = Calibration(0.68, 0.68, 0.64)(posterior)
    logit = np.log(posterior / (1 - posterior))
    np.testing.assert_allclose(np.log(confidence / (1 - confidence)), 0.64 + 0.68 * logit)


@settings(deadline=None, max_examples=200)
@given(_PLACES, st.sampled_from(MAPS))
def test_the_order_of_readings_stands_and_all_is_at_most_one(
    places: list[tuple[list[float], float]], calibration: Calibration
) -> None:
    posterior = np.array([p for readings, _ in places for p in readings])
    counts = [len(readings) for readings, _ in places]
    first = np.cumsum([0, *counts[:-1]])
    kept = np.array([k for _, k in places])
    confidence, stays = calibration.places(posterior, first, kept)
    np.testing.assert_array_equal(confidence[first], calibration(posterior[first]))
    for (_, keep), begin, count, stay in zip(places, first.tolist(), counts, stays.tolist()):
        mine = confidence[begin : begin + count]
        assert (np.diff(mine) <= 0).all()
        assert mine.sum() + stay <= 1 + 1e-9
        if keep <= posterior[begin]:
            assert stay <= mine[0]


def test_one_number_for_edits_alternatives_and_the_threshold() -> None:
    table = made("# family: news", "data = knowledge", "laws = legal guidelines", "rules = legal guidelines")
    reading = laid(table, "The knowledge of the legal guidelines is shared.").read()
    assert len(reading.posterior)  # what is calibrated below is not certain to begin with
    for text in [SPUN, *(c["text"] for c in load_cases("passages"))]:
        for edit in unspin.explain(text, min_confidence=0).edits:
            chances = [a.confidence for a in edit.alternatives]
            assert edit.alternatives[0] == (edit.original, edit.confidence)
            assert chances == sorted(chances, reverse=True)
            assert sum(chances) <= 1.001
        for least in (0.5, 0.65, 0.9):
            edits = [e for e in unspin.explain(text, min_confidence=least).edits if e.kind == "phrase"]
            assert all(e.confidence >= least - 1e-4 for e in edits)
