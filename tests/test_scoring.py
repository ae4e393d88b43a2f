"""Gold markup, and the score of a restoration against it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin import DataError
from unspin.scoring import Finding, Gold, Mark, Score, parse_gold, score, word_errors

GOLD = "{In accordance with=>According to|As per} a {brand new=>new} report, it {rose=>?grew|went up} {three=>3}.2%."


def test_parse() -> None:
    gold = parse_gold("a {b c=>d|e f}\n{g=>?h} i")
    assert gold.parts == ("a ", Mark("b c", ("d", "e f"), True, 1), "\n", Mark("g", ("h",), False, 2), " i")
    assert gold.spun == "a b c\ng i"
    assert gold.original == "a d\nh i"


@pytest.mark.parametrize(
    "text", ["", "plain", "{hardware}", "\\frac{a}{b}", "{", "}", "a => b", "{a\n\nb=>c", "{}", "{ {a} }", "x }=> {y"]
)
def test_what_is_no_mark_is_text(text: str) -> None:
    assert parse_gold(text).spun == text
    assert not any(isinstance(p, Mark) for p in parse_gold(text).parts)


def test_braces_inside_and_around_marks() -> None:
    assert parse_gold("{{hardware}=>hardware}").parts == (Mark("{hardware}", ("hardware",), True, 1),)
    assert parse_gold("\\emph{a {b=>c}}").parts == ("\\emph{a ", Mark("b", ("c",), True, 1), "}")
    assert parse_gold("{brand\r\nnew=>new}").spun == "brand\r\nnew"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n{b=>c", "own:2: a mark is not closed"),
        ("{b=>c\n\n}", "own:1: a mark is not closed"),
        ("{=>c}", "own:1: a mark has no spun text"),
        ("{ =>c}", "own:1: a mark has no spun text"),
        ("{b=>}", "own:1: 'b' has an empty reading"),
        ("{b=>?}", "own:1: 'b' has an empty reading"),
        ("{b=>c|}", "own:1: 'b' has an empty reading"),
        ("{b=>c=>d}", "own:1: 'b' has more than one '=>'"),
        ("{b=>c|b}", "own:1: 'b' must be restored to itself"),
    ],
)
def test_malformed(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_gold(text, "own")
    assert str(caught.value).startswith(message)


def tally(gold: str, restored: str) -> tuple[int, int, int, int]:
    s = score(parse_gold(gold), restored)
    assert s.required == s.restored + s.wrong + s.missed
    kinds = [f.kind for f in s.findings]
    assert (kinds.count("wrong"), kinds.count("missed"), kinds.count("false")) == (s.wrong, s.missed, s.false)
    return s.restored, s.wrong, s.missed, s.false


@pytest.mark.parametrize(
    ("restored", "expected"),
    [
        ("According to a new report, it rose 3.2%.", (3, 0, 0, 0)),
        ("As per a new report, it went up 3.2%.", (3, 0, 0, 0)),
        ("In accordance with a brand new report, it rose three.2%.", (0, 0, 3, 0)),
        ("In line with a fresh report, it rose four.2%.", (0, 3, 0, 0)),
        ("According to a brand new report, it fell three.2%.", (1, 0, 2, 1)),
        ("According to a new study, it rose 3.2%.", (3, 0, 0, 1)),
        ("According to the latest report, it rose 3.2%.", (2, 1, 0, 0)),
        ("According to a new report, it rose 3.2% today.", (3, 0, 0, 1)),
        ("Well: according to a new report, it rose 3.2%.", (2, 1, 0, 0)),
        ("", (0, 3, 0, 4)),
    ],
)
def test_tallies(restored: str, expected: tuple[int, int, int, int]) -> None:
    if restored == "According to the latest report, it rose 3.2%.":
        # "a" → "the" is beside a mark that is wrong anyway: a false edit of its own.
        expected = (2, 1, 0, 1)
    assert tally(GOLD, restored) == expected


def test_span_boundaries_do_not_matter() -> None:
    whole = "{in accordance with a brand new=>according to a new} report"
    parts = "{in accordance with=>according to} a {brand new=>new} report"
    for gold in (whole, parts):
        marks = gold.count("=>")
        assert tally(gold, "according to a new report") == (marks, 0, 0, 0)
        assert tally(gold, "in accordance with a brand new report") == (0, 0, marks, 0)


def test_marks_inside_words() -> None:
    assert tally("two {web site=>website}s", "two websites") == (1, 0, 0, 0)
    assert tally("two {web site=>website}s", "two web sites") == (0, 0, 1, 0)
    assert tally("the {firm=>company}'s app", "the company’s app") == (1, 0, 0, 0)
    assert tally("pre{-owned=>owned} car", "preowned car") == (1, 0, 0, 0)


def test_insertion_beside_a_mark_is_the_marks_fault() -> None:
    assert tally("the {gross sales=>sales} fell", "the total sales fell") == (0, 1, 0, 0)


def test_insertion_elsewhere_is_false() -> None:
    assert tally("the old firm {gross sales=>sales}", "the very old firm sales") == (1, 0, 0, 1)


def test_replaced_word_beside_a_mark_is_no_fault_of_it() -> None:
    assert tally("a quick {brand new=>new} test", "a very fast new test") == (1, 0, 0, 1)
    assert tally("a {brand new=>new} quick test", "a new very fast test") == (1, 0, 0, 1)


def test_a_run_of_changed_words_is_one_false_edit() -> None:
    assert tally("one two three four five", "one zwei drei four five") == (0, 0, 0, 1)
    assert tally("one two three four five", "one zwei three vier five") == (0, 0, 0, 2)
    assert tally("one two three four five", "one four five") == (0, 0, 0, 1)


def test_white_space_is_free_and_punctuation_is_not() -> None:
    assert tally("one  two\r\nthree", "one two three") == (0, 0, 0, 0)
    assert tally("one, two", "one two") == (0, 0, 0, 1)


def test_letter_case() -> None:
    gold = parse_gold("{On the identical time=>At the same time}, Bob left")
    assert score(gold, "at the same time, bob left").restored == 0
    folded = score(gold, "at the same time, bob left", ignore_case=True)
    assert (folded.restored, folded.false) == (1, 0)


def test_findings_say_where() -> None:
    s = score(parse_gold("fine\na {b=>c} d\n\n{e=>f} g h"), "fine\na b d\n\nx g i")
    assert s.findings == (
        Finding("missed", 2, "b", "b", ("c",)),
        Finding("wrong", 4, "e", "x", ("f",)),
        Finding("false", 4, "h", "i"),
    )


def test_measures() -> None:
    s = Score(required=10, restored=6, wrong=2, false=1)
    assert s.missed == 2
    assert s.precision == pytest.approx(6 / 9)
    assert s.recall == pytest.approx(0.6)
    assert s.f05 == pytest.approx(1.25 * (6 / 9) * 0.6 / (0.25 * (6 / 9) + 0.6))
    assert (Score().precision, Score().recall, Score().f05) == (1, 1, 1)
    assert Score(required=3).f05 == Score(false=2).f05 == 0
    assert Score(required=2, restored=1, false=1) + Score(required=1, wrong=1) == Score(3, 1, 1, 1)


_word = st.sampled_from(["a", "b", "c", "d", "e"])
_words = st.lists(_word, max_size=7)
_mark = st.tuples(
    st.lists(_word, min_size=1, max_size=3), st.lists(st.lists(_word, min_size=1, max_size=3), min_size=1, max_size=2)
)


@settings(deadline=None, max_examples=150)
@given(st.lists(_words | _mark, max_size=4), _words)
def test_alignment_is_minimal_and_tallies_add_up(parts: list[object], restored: list[str]) -> None:
    gold_parts: list[str | Mark] = []
    for part in parts:
        if isinstance(part, tuple):
            spun, accepted = part
            gold_parts += (Mark(" ".join(spun), tuple(" ".join(a) for a in accepted), True, 1), " ")
        else:
            gold_parts.append(" ".join(map(str, part)) + " ")  # type: ignore[call-overload]
    gold = Gold(tuple(gold_parts))
    s = score(gold, " ".join(restored))
    assert s.required == sum(isinstance(p, Mark) for p in gold_parts)
    assert min(s.restored, s.wrong, s.missed, s.false) >= 0
    # No error at all exactly where the text is one of the readings, spun ones included.
    readings = [""]
    for p in gold_parts:
        choices = (*p.accepted, p.spun) if isinstance(p, Mark) else (p,)
        readings = [f"{r} {c}" for r in readings for c in choices]
    exact = " ".join(restored).split() in [r.split() for r in readings]
    assert (s.wrong == s.false == 0) is exact


@settings(deadline=None, max_examples=100)
@given(_words, _words)
def test_word_errors_against_the_textbook(a: list[str], b: list[str]) -> None:
    row = list(range(len(a) + 1))
    for i, y in enumerate(b, 1):
        row, above = [i], row
        for j, x in enumerate(a, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y)))
    assert word_errors(" ".join(a), " ".join(b)) == (row[-1], len(b))


def test_word_errors_leave_punctuation_out() -> None:
    assert word_errors("The firm’s app, so.", "The firm's app so") == (0, 4)
    assert word_errors("the", "The") == (1, 1)
