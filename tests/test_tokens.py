"""Tokens: lossless, and the stream says what it should."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin.tokens import BREAK, COLON, COMMA, FIRST_WORD, HYPHEN, NUM, OTHER, PAREN, UNK, gap_classes, split, tokenise

VOCABULARY = {w: FIRST_WORD + k for k, w in enumerate([
    "the", "firm", "'s", "app", "don't", "u", "s", "mr", "smith", "left", "so", "3.2",
])}
_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("aB9 .,'’-\n\r\x00"), max_size=80)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" . \n", []),
        ("The firm’s app.", ["the", "firm", "'s", "app"]),
        ("FIRM'S", ["firm", "'s"]),
        ("don’t can't", ["don't", "can't"]),
        ("the firms' app", ["the", "firms", "app"]),
        ("3.2 1,000.50 3. 4th", ["3.2", "1,000.50", "3", "4th"]),
        ("three.2%", ["three", "2"]),
        ("web-site {hardware}", ["web", "site", "hardware"]),
        ("snake_case x1", ["snake_case", "x1"]),
        ("naïve Straße 北京 موقع", ["naïve", "straße", "北京", "موقع"]),
        ("it's's", ["it", "'s", "'s"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert split(text)[1] == words


def test_lower_case_of_dotted_capital_i_is_one_word() -> None:
    # Its lower case is two code points; the parts keep the one.
    parts, words = split("İstanbul İ")
    assert parts == ["", "İstanbul", " ", "İ", ""]
    assert words == ["i̇stanbul", "i̇"]


@pytest.mark.parametrize(
    ("gap", "classes"),
    [
        (" ", ()), ("", ()), ("\t", ()), ("  ", ()), (" \xa0", ()), (" “", ()), ("'", ()), ("**", ()), (" {", ()),
        (". ", (BREAK, BREAK)), ("!", (BREAK, BREAK)), ("?” ", (BREAK, BREAK)), ("\n", (BREAK, BREAK)),
        (" …", (BREAK, BREAK)), ("\r\n", (BREAK, BREAK)), ("\u2028", (BREAK, BREAK)),
        (", ", (COMMA,)), (",” ", (COMMA,)), ("; ", (COLON,)), (" — ", (COLON,)), (" – ", (COLON,)),
        (" - ", (COLON,)), ("-", (HYPHEN,)), ("”-", (HYPHEN,)), (" (", (PAREN,)), ("), ", (PAREN,)),
        (" / ", (OTHER,)), (" 🎉 ", (OTHER,)), ("\x00", (OTHER,)), (" = ", (OTHER,)), ("% ", (OTHER,)),
    ],
)  # fmt: skip
def test_gap_classes(gap: str, classes: tuple[int, ...]) -> None:
    assert gap_classes(gap) == classes


def _stream(text: str) -> list[int]:
    return tokenise(text, VOCABULARY).stream.tolist()


def test_stream() -> None:
    v = VOCABULARY
    assert _stream("The firm, so.") == [BREAK, BREAK, v["the"], v["firm"], COMMA, v["so"], BREAK, BREAK]
    assert _stream("firm’s app") == [BREAK, BREAK, v["firm"], v["'s"], v["app"], BREAK, BREAK]
    assert _stream("so zzz 17 3.2") == [BREAK, BREAK, v["so"], UNK, NUM, v["3.2"], BREAK, BREAK]
    assert _stream("so. so") == [BREAK, BREAK, v["so"], BREAK, BREAK, v["so"], BREAK, BREAK]


def test_abbreviations_end_no_sentence() -> None:
    v = VOCABULARY
    assert _stream("Mr. Smith left") == [BREAK, BREAK, v["mr"], v["smith"], v["left"], BREAK, BREAK]
    assert _stream("the U.S. firm") == [BREAK, BREAK, v["the"], v["u"], v["s"], v["firm"], BREAK, BREAK]
    # A line end does, abbreviation or not.
    assert _stream("Mr.\nSmith") == [BREAK, BREAK, v["mr"], BREAK, BREAK, v["smith"], BREAK, BREAK]


@settings(deadline=None, max_examples=300)
@given(_text)
def test_nothing_is_lost(text: str) -> None:
    tokens = tokenise(text, VOCABULARY)
    assert "".join(tokens.parts) == text
    assert len(tokens.parts) == 2 * len(tokens.words) + 1
    offsets = tokens.offsets.tolist()
    assert offsets[-1] == len(text)
    for part, start, stop in zip(tokens.parts, offsets, offsets[1:], strict=False):
        assert text[start:stop] == part
    # The stream holds each word once, in order, between two breaks at either end.
    assert tokens.at[tokens.at >= 0].tolist() == list(range(len(tokens.words)))
    assert len(tokens.stream) == len(tokens.at)
    assert tokens.stream[:2].tolist() == tokens.stream[-2:].tolist() == [BREAK, BREAK]
    for j, k in enumerate(tokens.at.tolist()):
        if k >= 0:
            word = tokens.words[k]
            expected = VOCABULARY.get(word, NUM if word[0].isdigit() else UNK)
            assert tokens.stream[j] == expected
        else:
            assert BREAK <= tokens.stream[j] < FIRST_WORD
    assert all("’" not in w for w in tokens.words)
