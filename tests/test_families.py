"""Spinners told apart by what they leave behind: ``cases/passages.json``, of each family, and clean ones on the same matters."""

from __future__ import annotations

import numpy as np
import pytest

import unspin
from unspin import resources
from unspin.evidence import screen
from unspin.rows import FAMILIES
from unspin.tokens import tokenise

from .conftest import load_cases

PASSAGES = [(p["family"], p["text"]) for p in load_cases("passages")]
SPUN = [p for p in PASSAGES if p[0]]
CLEAN = [text for family, text in PASSAGES if not family]


def _screened(text: str, *but: str) -> list[str] | None:
    """The families that a text goes on to be read by; *but* are disabled."""
    table = resources.phrase_table()
    tokens = tokenise(text, table.vocabulary)
    enabled = np.array([f not in but for f in FAMILIES])
    families, _, _ = screen(table, table.match(tokens.stream), len(tokens.words), enabled)
    return None if families is None else [f for f, on in zip(FAMILIES, families) if on]


def test_passages_are_in_order() -> None:
    assert len(CLEAN) >= len(SPUN) >= 9
    assert {f for f, _ in SPUN} == {"news", "web", "turbo"}
    assert len({text for _, text in PASSAGES}) == len(PASSAGES)


@pytest.mark.parametrize(("family", "text"), SPUN, ids=lambda s: s[:20])
def test_a_spun_passage_is_the_work_of_its_family(family: str, text: str) -> None:
    found = unspin.detect(text)
    assert found.is_spun
    assert found.family == family
    assert found.rate > 0.5
    rivals = {"news", "web", "turbo"} - {family}
    assert all(found.rates[f] < found.rates[family] for f in rivals)
    read_by = _screened(text)
    assert read_by is not None
    # News and heavy web spinners share much.
    shared = {"news", "web"}
    assert {"news", "web", "turbo"} & set(read_by) == {"news": shared, "web": shared, "turbo": {"turbo"}}[family]


@pytest.mark.parametrize(("family", "text"), SPUN, ids=lambda s: s[:20])
def test_a_family_that_is_disabled_is_not_found(family: str, text: str) -> None:
    for disabled in ("news", "web", "turbo", "agreement"):
        read_by = _screened(text, disabled)
        assert read_by is None or disabled not in read_by
    r = unspin.explain(text, families=[f for f in ("news", "web", "turbo") if f != family])
    assert r.spin.family != family
    assert {e.family for e in r.edits} <= {"news", "web", "turbo", "", "agreement"} - {family}


@pytest.mark.parametrize("text", CLEAN, ids=lambda s: s[:20])
def test_a_clean_passage_stays(text: str) -> None:
    r = unspin.explain(text)
    assert r.text == text
    assert not r.spin.is_spun


def test_most_clean_passages_are_done_with_after_screening() -> None:
    """A sum of weights errs on the side of a closer look; where it took one at all clean text, nothing would be fast."""
    assert sum(_screened(text) is None for text in CLEAN) > len(CLEAN) / 2


def test_each_family_is_likelier_of_its_own_passages() -> None:
    """The screening sums by family: those of a family's own passages are the highest."""
    table = resources.phrase_table()

    def sums(text: str) -> dict[str, float]:
        tokens = tokenise(text, table.vocabulary)
        out = {}
        for family in ("news", "web", "turbo"):
            only = np.array([f == family for f in FAMILIES])
            out[family] = screen(table, table.match(tokens.stream), len(tokens.words), only)[2]
        return out

    for family, text in SPUN:
        mine = sums(text)
        assert max(mine, key=mine.__getitem__) == family, (mine, text)
        assert mine[family] > 0
    # Of a clean passage none is anywhere near those.
    least = min(sums(text)[family] for family, text in SPUN)
    assert max(max(sums(text).values()) for text in CLEAN) < 0.6 * least
