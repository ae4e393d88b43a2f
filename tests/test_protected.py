"""Protected places: what is found, and what is let be."""

from __future__ import annotations

import re

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin.protected import find_places, find_user_places, free_words, term_pattern
from unspin.tokens import tokenise

_MARKS = "aB1 .\n\"“”‘’'«»`~<>/&;$\\{}[]()@#:!-"


def found(text: str) -> list[tuple[str, str]]:
    return [(kind, text[start:end]) for start, end, kind in find_places(text)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ('He said "no way" and left', [("quote", '"no way"')]),
        ("He said “no way” and «non» and „nein“", [("quote", "“no way”"), ("quote", "«non»"), ("quote", "„nein“")]),
        ("He said ‘don’t go’ and left", [("quote", "‘don’t go’")]),
        ("He said 'don't go' and left", [("quote", "'don't go'")]),
        ("See https://a.example/b?c=d#e.", [("url", "https://a.example/b?c=d#e")]),
        ("(see www.example.com/a-b)", [("url", "www.example.com/a-b")]),
        ("go to example.org, then", [("url", "example.org")]),
        ("write to first.last+tag@mail.example.co.uk!", [("mail", "first.last+tag@mail.example.co.uk")]),
        ("thanks @firm_one and #brand-new", [("handle", "@firm_one"), ("handle", "#brand-new")]),
        ("run `web site` or ``a `b` c``", [("code", "`web site`"), ("code", "``a `b` c``")]),
        ("```\nweb site\n```\nafter", [("code", "```\nweb site\n```")]),
        ("~~~\nweb site\n~~~", [("code", "~~~\nweb site\n~~~")]),
        ("a <b class='x y'>bold</b> word", [("html", "<b class='x y'>"), ("html", "</b>")]),
        ("this &amp; that &#39;", [("html", "&amp;"), ("html", "&#39;")]),
        ("<pre>web site</pre> <!-- brand new -->", [("html", "<pre>web site</pre>"), ("html", "<!-- brand new -->")]),
        ("if $x + y$ then $$brand new$$", [("latex", "$x + y$"), ("latex", "$$brand new$$")]),
        (r"\emph{web site} and \(x\)", [("latex", r"\emph{web site}"), ("latex", r"\(x\)")]),
        (r"so \[y\]", [("latex", r"\[y\]")]),
        ("\\begin{eq}\nweb\n\\end{eq}", [("latex", "\\begin{eq}\nweb\n\\end{eq}")]),
        ("[site](http://a.example) ![logo](a.png)", [("link", "[site](http://a.example)"), ("link", "![logo](a.png)")]),
        ("[site][1] and [x]", [("link", "[site][1]")]),
        ("in /usr/local/share and ~/notes/today", [("path", "/usr/local/share"), ("path", "~/notes/today")]),
        ("model XJ9000 and a1b2", [("id", "XJ9000"), ("id", "a1b2")]),
    ],
)  # fmt: skip
def test_places(text: str, places: list[tuple[str, str]]) -> None:
    assert found(text) == places


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain words only",
        "the firm’s web site and the firms’ too",
        "it's the '90s and they don't mind",
        'a stray " mark',
        'a mark " that is set off " by spaces',
        "“never closed",
        "“not across\na line”",
        "costs $5 and $10 more",
        "3 < 4 and 5 > 2",
        "AT&T and R&D",
        "an [aside] in brackets",
        "the 1st, 22nd and 1990s at 5pm for 10k",
        "and/or, either/or",
        "“" + "x" * 3000 + "”",
    ],
)
def test_no_places(text: str) -> None:
    assert find_places(text) == []


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from(_MARKS) | st.characters(exclude_categories=()), max_size=60))
def test_places_are_in_order_and_apart(text: str) -> None:
    last = 0
    for start, end, kind in find_places(text):
        assert last <= start < end <= len(text)
        assert kind
        last = end


@pytest.mark.parametrize(
    ("term", "text", "matched"),
    [
        ("White Home", "the white  home's door", ["white  home's"]),
        ("White Home", "White\nHomes and white homes’", ["White\nHomes", "white homes’"]),
        ("firm", "firms firmed firming FIRM's", ["firms", "firmed", "firming", "FIRM's"]),
        ("firm", "affirm firmware infirm", []),
        ("C++", "C++ and c++", ["C++", "c++"]),
        ("a.b", "a.b axb", ["a.b"]),
    ],
)
def test_terms(term: str, text: str, matched: list[str]) -> None:
    pattern = term_pattern([term])
    assert pattern is not None
    assert [text[a:b] for a, b, _ in find_user_places(text, [pattern])] == matched


def test_longest_term_first() -> None:
    pattern = term_pattern(["white", "white home"])
    assert pattern is not None
    assert pattern.findall("the white home") == ["white home"]


def test_no_terms_no_pattern() -> None:
    assert term_pattern([]) is None
    assert term_pattern(["", "  "]) is None


def test_user_patterns_of_either_kind_and_empty_matches() -> None:
    text = "abc abd"
    assert find_user_places(text, [re.compile("ab."), regex.compile(r"\p{L}*d"), re.compile("x*")]) == [
        (0, 3, "user"), (4, 7, "user"), (4, 7, "user"),
    ]  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(
    st.text(st.sampled_from("ab  .-"), max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 10)), max_size=4),
)
def test_free_words_against_a_loop(text: str, spans: list[tuple[int, int]]) -> None:
    places = [(a, min(a + n, len(text)), "x") for a, n in spans if a < len(text)]
    offsets = tokenise(text, {}).offsets
    free = free_words(offsets, places)
    words = list(zip(offsets[1:-1:2].tolist(), offsets[2::2].tolist(), strict=False))
    expected = [not any(a < end and start < b for a, b, _ in places) for start, end in words]
    assert free.tolist() == expected


def test_free_words_of_nothing() -> None:
    assert free_words(np.array([0, 0]), [(0, 1, "x")]).tolist() == []
