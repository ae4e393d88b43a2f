"""Whole texts in, whole texts out. ``known-failures`` are wanted and not there yet: one that passes is to be moved."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import unspin

from .conftest import GROUPS, load_cases


def _parameters() -> list[Any]:
    out = []
    for group in GROUPS:
        marks = [pytest.mark.xfail(strict=True, raises=AssertionError)] if group == "known-failures" else []
        out += [pytest.param(case, id=f"{group}: {case['name']}", marks=marks) for case in load_cases(group)]
    return out


@pytest.mark.parametrize("case", _parameters())
def test_case(case: dict[str, Any]) -> None:
    assert unspin.restore(case["text"], **case.get("options", {})) == case["expect"]


@pytest.mark.parametrize("group", GROUPS)
def test_case_files_are_in_order(group: str) -> None:
    cases = load_cases(group)
    names = Counter(case["name"] for case in cases)
    assert [name for name, count in names.items() if count > 1] == []
    for case in cases:
        assert set(case) <= {"name", "text", "expect", "options", "note"}
        if group == "negative":
            assert case["text"] == case["expect"], case["name"]
        if group == "known-failures":
            assert case["note"], case["name"]


def test_cases_spun_texts_are_changed() -> None:
    unchanged = [c["name"] for g in ("in-the-wild", "synthetic") for c in load_cases(g) if c["text"] == c["expect"]]
    assert unchanged == ["other family only"]
