"""Examples both ways: their format, what lint asks of them, and those that the project ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from unspin import resources
from unspin.build.examples import Example, common_words, lint_examples, occurrence, parse_examples, read_examples
from unspin.errors import TableError
from unspin.rows import parse_rows

FOLDER = Path(__file__).parents[1] / "data" / "examples"
ROWS = list(parse_rows(["# family: news", "price = worth | value*0.1 ; fires: 0.9", "rare = unusual ; fires: 0.2"], name="rows"))
WORDS = frozenset({"worth", "value", "unusual"})
LINE = "price\tworth\tThe price of oil fell again.\tThe old bridge is worth a visit."


def faults(*lines: str) -> list[str]:
    return lint_examples(ROWS, parse_examples(lines, "e.tsv"), WORDS)


def test_a_sound_example_has_no_fault() -> None:
    assert faults("# a comment", "", LINE) == []
    # The plain sentence may be left out; a phrase within a word or a compound is none.
    assert faults("price\tworth\tThe price of high-price oil and prices.\t") == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("price\tcost\tThe price fell.\t", "no row makes 'cost' of 'price'"),
        ("price\tworth\tThe cost fell.\t", "'price' does not stand once"),
        ("price\tworth\tA price is a price.\t", "'price' does not stand once"),
        ("price\tworth\tThe price fell.\tNo such word.", "'worth' does not stand once"),
    ],
)
def test_faults_are_named(line: str, fault: str) -> None:
    [found] = [f for f in faults(line, LINE)]
    assert found.startswith("e.tsv:1: ")
    assert fault in found


def test_a_common_row_without_example_is_a_fault_and_a_rare_one_is_not() -> None:
    [found] = faults()
    assert found == "rows:2: 'price' has no example, though 'worth' is a common word"
    assert lint_examples(ROWS, [], frozenset({"value"})) == []


@pytest.mark.parametrize("line", ["price\tworth", "price\tworth\ta\tb\tc"])
def test_a_line_of_other_columns_is_refused(line: str) -> None:
    with pytest.raises(TableError, match=r"e.tsv:1: an example has four columns"):
        faults(line)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(TableError, match="can't be read"):
        read_examples(tmp_path)


def test_garbled_keeps_the_case_of_what_it_replaces() -> None:
    assert Example("price", "worth", "Price is all.", "", "").garbled == "Worth is all."
    assert Example("price", "worth", "The price is all.", "", "").garbled == "The worth is all."
    assert not occurrence("price").search("prices, high-price, price-list")


def test_the_shipped_examples_are_sound_and_none_is_missing() -> None:
    examples = read_examples(FOLDER)
    assert len(examples) > 4000
    assert lint_examples(resources.rows(), examples, common_words(resources.language_model())) == []
    sentences = [s for e in examples for s in (e.restored, e.kept) if s]
    assert len(set(sentences)) > 0.99 * len(sentences)
