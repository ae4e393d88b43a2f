"""The namespaces of polars."""

from __future__ import annotations

from typing import Any

import pytest

import unspin
from unspin.errors import OptionError
from unspin.integrations import ItemError, ItemWarning

from .conftest import SPUN
from .failing_restorer import BOOM, FailingRestorer

pl = pytest.importorskip("polars")
from unspin.integrations.polars import DETECTION, EDIT  # noqa: E402

CLEAN = "It rained. Nothing else was new."
TEXTS = [SPUN, None, CLEAN, "", f"😀😀 {SPUN}"]
RESTORED = [t and unspin.restore(t) for t in TEXTS]


@pytest.fixture
def frame() -> Any:
    return pl.DataFrame({"id": range(len(TEXTS)), "text": TEXTS})


def column() -> Any:
    return pl.col("text").unspin


def test_restore(frame: Any) -> None:
    got = frame.with_columns(restored=column().restore())
    assert got["restored"].to_list() == RESTORED
    assert got["restored"].dtype == pl.String
    assert got["text"].to_list() == TEXTS
    assert frame.select(column().restore()).columns == ["text"], "an expression keeps the name of its column"


def test_explain(frame: Any) -> None:
    got = frame.select("id", "text", edits=column().explain())
    assert got["edits"].dtype == pl.List(EDIT)
    expected = [t if t is None else len(unspin.explain(t).edits) for t in TEXTS]
    assert [e if e is None else len(e) for e in got["edits"].to_list()] == expected
    assert expected[0]
    table = got.explode("edits").drop_nulls("edits").unnest("edits")
    assert table.columns[2:] == ["start", "end", "spun", "original", "confidence", "family", "kind"]
    # Offsets are code points, as polars counts characters.
    sliced = table.select(pl.col("text").str.slice("start", pl.col("end") - pl.col("start")))["text"]
    assert sliced.to_list() == table["spun"].to_list()


def test_detect(frame: Any) -> None:
    got = frame.select(column().detect())["text"]
    assert got.dtype == DETECTION
    found = unspin.detect(SPUN)
    assert got[0] == {
        "probability": found.probability, "rate": found.rate, "family": found.family, "evidence": found.evidence,
        "words": found.words,
    }  # fmt: skip
    assert got.is_null().to_list() == [False, True, False, False, False]
    spun = frame.filter(column().detect().struct.field("probability") > 0.5)
    assert spun["id"].to_list() == [0, 4]


def test_series_gives_what_the_expression_gives(frame: Any) -> None:
    for method in ("restore", "explain", "detect"):
        assert getattr(frame["text"].unspin, method)().equals(frame.select(getattr(column(), method)())["text"])


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_lazy(frame: Any, engine: str) -> None:
    lazy = frame.lazy().select(restored=column().restore(), edits=column().explain(), spin=column().detect())
    schema = lazy.collect_schema()
    assert dict(schema) == {"restored": pl.String, "edits": pl.List(EDIT), "spin": DETECTION}
    got = lazy.collect(engine=engine)
    assert got.schema == schema
    assert got["restored"].to_list() == RESTORED


def test_groups(frame: Any) -> None:
    got = frame.group_by(pl.col("id") % 2).agg(column().restore()).sort("id")
    assert got["text"].to_list() == [[RESTORED[0], RESTORED[2], RESTORED[4]], [None, RESTORED[3]]]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_but_null(values: list[Any]) -> None:
    source = pl.DataFrame({"text": pl.Series(values, dtype=pl.String)})
    got = source.select(a=column().restore(), b=column().explain(), c=column().detect())
    assert list(got.schema.values()) == [pl.String, pl.List(EDIT), DETECTION]
    assert got.null_count().row(0) == (len(values),) * 3


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum([SPUN, CLEAN])])
def test_other_texts(dtype: Any) -> None:
    source = pl.Series("text", [SPUN, None, CLEAN], dtype=dtype)
    assert source.unspin.restore().to_list() == [RESTORED[0], None, CLEAN]
    assert source.unspin.restore().dtype == pl.String


def test_column_of_nulls_without_a_type() -> None:
    assert pl.DataFrame({"text": [None]}).select(column().restore())["text"].to_list() == [None]


@pytest.mark.parametrize("values", [[1, 2], [b"x"], [[SPUN]], [1.5]])
def test_no_text(values: list[Any]) -> None:
    with pytest.raises(TypeError, match="column 'text' is of type"):
        pl.Series("text", values).unspin.restore()
    with pytest.raises(Exception, match="column 'text' is of type"):
        pl.DataFrame({"text": values}).select(column().restore())


def test_text_that_fails() -> None:
    source, failing = pl.DataFrame({"text": [SPUN, BOOM]}), FailingRestorer()
    for method in ("restore", "explain", "detect"):
        with pytest.raises(ItemError, match="item 1: out of luck"):
            getattr(source["text"].unspin, method)(restorer=failing)
        with pytest.raises(Exception, match="item 1: out of luck"):
            source.select(getattr(column(), method)(restorer=failing))
    with pytest.warns(ItemWarning, match="1 left as they are, the first: item 1: out of luck"):
        got = source.select(
            restored=column().restore(restorer=failing, errors="keep"),
            edits=column().explain(restorer=failing, errors="keep"),
            spin=column().detect(restorer=failing, errors="keep"),
        )
    assert got["restored"].to_list() == [RESTORED[0], BOOM]
    assert got["edits"].is_null().to_list() == got["spin"].is_null().to_list() == [False, True]


def test_options(frame: Any) -> None:
    assert frame.select(column().restore(families=["academic"]))["text"].to_list() == TEXTS
    restorer = unspin.Restorer(families=["academic"])
    assert frame.select(column().restore(restorer=restorer))["text"].to_list() == TEXTS


def test_processes_give_the_same(frame: Any) -> None:
    many = pl.concat([frame] * 3)
    assert many.select(column().restore(workers=2)).equals(many.select(column().restore(workers=1)))


@pytest.mark.parametrize("method", ["restore", "explain", "detect"])
def test_options_that_mean_nothing(method: str) -> None:
    # At once, not when the frame is collected.
    call = getattr(column(), method)
    with pytest.raises(OptionError, match="errors must be one of"):
        call(errors="ignore")
    with pytest.raises(OptionError, match="unknown family"):
        call(families=["newz"])
    with pytest.raises(TypeError, match="nonsense"):
        call(nonsense=1)
