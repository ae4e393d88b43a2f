"""Letter case and articles of restored words."""

from __future__ import annotations

import pytest

from unspin.rendering import article, case_like


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        *((w, "an") for w in [
            "apple", "Egg", "idea", "onion", "uncle", "hour", "hourly", "honest", "honour", "heir", "upgrade",
            "unimportant",
        ]),
        *((w, "an") for w in [
            "uninformed", "FBI", "MRI", "SUV", "HTML", "8", "80", "8.5", "11", "18", "11th", "MP", "urn",
            "umbrella",
        ]),
        *((w, "a") for w in [
            "banana", "user", "university", "unit", "unique", "union", "useful", "European", "one", "once",
            "eulogy",
        ]),
        *((w, "a") for w in [
            "NASA", "UN", "UK", "BBC", "1", "7", "10", "110", "180", "house", "historic", "year", "ubiquitous",
            "unicorn",
        ]),
        ("X-ray", "an"),
        ("“", "a"),
    ],
)
def test_article(word: str, wanted: str) -> None:
    assert article(word) == wanted


@pytest.mark.parametrize(
    ("original", "spun", "start", "wanted"),
    [
        ("company", "firm", False, "company"),
        ("company", "Firm", True, "Company"),
        ("company", "FIRM", False, "COMPANY"),
        ("at the same time", "On the identical time", True, "At the same time"),
        ("artificial intelligence", "Counterfeit Consciousness", False, "Artificial Intelligence"),
        ("artificial intelligence", "COUNTERFEIT CONSCIOUSNESS", False, "ARTIFICIAL INTELLIGENCE"),
        ("artificial intelligence", "counterfeit consciousness", True, "artificial intelligence"),
        ("because of", "Attributable", True, "Because of"),
        ("data center", "Datacentre", False, "Data Center"),
        ("department of health", "Division Of Well Being", False, "Department of Health"),
        ("New York", "big apple", False, "New York"),
        ("iPhone", "Cellphone", True, "iPhone"),
        ("3", "three", False, "3"),
        ("three", "3", True, "three"),
        ("a", "An", True, "A"),
        ("we", "I", False, "We"),
        ("", "Firm", True, ""),
    ],
)
def test_case_like(original: str, spun: str, start: bool, wanted: str) -> None:
    assert case_like(original, spun, sentence_start=start) == wanted


def test_title_case_by_request() -> None:
    assert case_like("lord of the rings", "Master", title=True) == "Lord of the Rings"
