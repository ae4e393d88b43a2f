"""The phrase table's rows: parsing, faults, linting."""

from __future__ import annotations

from pathlib import Path

import pytest

from unspin import DataError, TableError
from unspin.rows import FAMILIES, Row, is_spelling_variant, lint, parse_row, parse_rows, read_rows

from .conftest import DATA


def test_row() -> None:
    line = "  cancer = malignant growth * 3 | bosom growth ; with: tumour, bosom ; fires: 0.9; common ;without:zodiac"
    row = parse_row(line)
    assert row == Row(
        "cancer", ("malignant growth", "bosom growth"), (0.75, 0.25), "user", 0.9,
        ("tumour", "bosom"), ("zodiac",), True, "row",
    )  # fmt: skip


def test_row_defaults() -> None:
    row = parse_row("price = worth", family="web", fires=0.4, where="x:3")
    assert (row.family, row.fires, row.needs, row.excludes, row.common, row.where) == ("web", 0.4, (), (), False, "x:3")
    assert parse_row("price = worth").fires is None
    assert parse_row("price = worth; fires: 1", fires=0.4).fires == 1


def test_only_the_first_equals_sign_divides() -> None:
    assert parse_row("a = b = c").spun == ("b = c",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no equals sign", "a row reads"),
        (" = worth", "a row reads"),
        ("price = ", "is empty"),
        ("price = worth | ", "is empty"),
        ("price = worth || value", "is empty"),
        ("price = *2", "is empty"),
        ("price = price", "its own alternatives"),
        ("price = worth | worth*2", "stands twice"),
        ("price = worth*0", "add up to nothing"),
        ("price = worth*1.2.3", "'1.2.3' is not a number"),
        ("price = worth ; weight: 3", "unknown field 'weight'"),
        ("price = worth ; fires: often", "'often' is not a number"),
        ("price = worth ; fires: 0", "fires must be"),
        ("price = worth ; fires: 1.5", "fires must be"),
        ("price = worth ; fires: nan", "fires must be"),
    ],
)
def test_faulty_rows(line: str, message: str) -> None:
    with pytest.raises(TableError, match=message) as caught:
        list(parse_rows(["# a comment", "", line], name="own.txt"))
    assert str(caught.value).startswith("own.txt:3: ")
    assert isinstance(caught.value, DataError)


def test_headers_hold_from_where_they_stand() -> None:
    lines = ["a = b", "# family: web", "# fires: 0.7", "c = d", "# just: a note", "#", "e = f ; fires: 0.2"]
    rows = list(parse_rows(lines, name="t"))
    assert [(r.original, r.family, r.fires, r.where) for r in rows] == [
        ("a", "user", None, "t:1"), ("c", "web", 0.7, "t:4"), ("e", "web", 0.2, "t:7"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"), [("# family: newz", "unknown family 'newz'"), ("# fires: x", "'x' is not a number")]
)
def test_faulty_headers(line: str, message: str) -> None:
    with pytest.raises(TableError, match=f"t:2: {message}"):
        list(parse_rows(["a = b", line], name="t"))


def test_read_rows(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("# family: web\nc = d\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("café = bistro\r\n", encoding="utf-8", newline="")
    (tmp_path / "notes.md").write_text("not a row", encoding="utf-8")
    assert [(r.original, r.where) for r in read_rows(tmp_path)] == [("café", "a.txt:1"), ("c", "b.txt:2")]
    assert [r.original for r in read_rows(tmp_path / "b.txt")] == ["c"]


def test_read_rows_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("a = b\n\nbroken\n", encoding="utf-8")
    with pytest.raises(TableError, match=r"own\.txt:3: "):
        read_rows(path)


def test_read_rows_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="can't be read"):
        read_rows(tmp_path / "missing.txt")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 = bistro\n")
    with pytest.raises(TableError, match=r"latin\.txt: can't be read"):
        read_rows(tmp_path / "latin.txt")


def _lint(*lines: str) -> list[str]:
    return lint(parse_rows(lines, name="t"))


def test_lint_finds_nothing_in_sound_rows() -> None:
    assert _lint("price = worth | value", "cost = worth", "cancer = growth ; with: x", "cancer = lump ; with: y") == []
    assert _lint("# family: web", "price = worth", "# family: news", "price = worth") == []
    assert _lint("website = web site", "online = on-line") == []


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("price = worth", "price = value"), "t:2: 'price' has a row already at t:1"),
        (("price = worth ; with: x", "price = worth ; with: y"), "t:2: 'price' → 'worth' stands already at t:1"),
        (("price = !!",), "t:1: '!!' has no word"),
        (("% = percent",), "t:1: '%' has no word"),
        (("big  price = worth",), "t:1: 'big  price' has stray spaces"),
        (("price = big\tworth",), "t:1: 'big\\tworth' has stray spaces"),
        (("organise = organize",), "t:1: 'organise' → 'organize' only changes the spelling"),
        (("colour = color",), "t:1: 'colour' → 'color' only changes the spelling"),
        (("price = Price",), "t:1: 'price' → 'Price' only changes the spelling"),
    ],
)
def test_lint_finds(lines: tuple[str, ...], fault: str) -> None:
    assert fault in _lint(*lines)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("organise", "organize", True), ("center", "centre", True), ("travelled", "traveled", True),
        ("price", "worth", False), ("web-site", "web site", False), ("wise", "wize", False), ("our", "or", False),
    ],
)  # fmt: skip
def test_spelling_variants(a: str, b: str, same: bool) -> None:
    assert is_spelling_variant(a, b) is same
    assert is_spelling_variant(b, a) is same


def test_shipped_rows_are_read() -> None:
    rows = read_rows(DATA / "phrases")
    assert len(rows) > 10_000
    assert {r.family for r in rows} >= set(FAMILIES) - {"user"}


def test_shipped_rows_lint_clean() -> None:
    assert lint(read_rows(DATA / "phrases")) == []
