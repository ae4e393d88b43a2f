"""The accessor of pandas, and what all integrations share."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import unspin
from unspin.errors import OptionError
from unspin.integrations import ItemError, ItemWarning

from .conftest import SPUN

pd = pytest.importorskip("pandas")
import unspin.integrations.pandas  # noqa: E402

CLEAN = "It rained. 😀 Nothing else was new."
#: Code points beyond the basic plane before an edit: offsets must count them as one.
EMOJI = f"😀😀 {SPUN}"
TEXTS = [SPUN, None, CLEAN, "", EMOJI]


def series(dtype: Any = object) -> Any:
    return pd.Series(TEXTS, index=["a", "b", "c", "d", "e"], name="text", dtype=dtype)


def test_restore() -> None:
    got = series().unspin.restore()
    assert got.tolist() == [unspin.restore(SPUN), None, CLEAN, "", unspin.restore(EMOJI)]
    assert got["a"] != SPUN
    assert got.index.tolist() == ["a", "b", "c", "d", "e"]
    assert got.name == "text"


@pytest.mark.parametrize("dtype", ["object", "string", "str", "string[pyarrow]", "arrow", "large"])
def test_dtype_is_kept(dtype: str) -> None:
    if dtype in ("arrow", "large"):
        arrow = pytest.importorskip("pyarrow")
        kind = pd.ArrowDtype(arrow.string() if dtype == "arrow" else arrow.large_string())
    else:
        kind = object if dtype == "object" or (dtype == "str" and pd.__version__ < "3") else dtype
    source = series(kind)
    got = source.unspin.restore()
    assert got.dtype == source.dtype
    assert got.isna().tolist() == [False, True, False, False, False]
    assert got["a"] == unspin.restore(SPUN)
    assert len(source.unspin.explain()) == len(unspin.explain(SPUN).edits) * 2
    assert source.unspin.detect()["words"].isna().tolist() == [False, True, False, False, False]


def test_categories_become_text() -> None:
    source = pd.Series([SPUN, None, SPUN], dtype="category")
    got = source.unspin.restore()
    assert got.dtype == source.cat.categories.dtype
    assert got[2] == unspin.restore(SPUN)
    assert pd.isna(got[1])


def test_each_missing_value_stays_itself() -> None:
    got = pd.Series([None, float("nan"), pd.NA, pd.NaT, SPUN], dtype=object).unspin.restore()
    assert got[0] is None
    assert isinstance(got[1], float)
    assert got[2] is pd.NA
    assert got[3] is pd.NaT


@pytest.mark.parametrize("values", [[None, None], [float("nan")], [pd.NA, None]])
def test_nothing_but_missing(values: list[Any]) -> None:
    source = pd.Series(values)
    got = source.unspin.restore()
    assert got.isna().all()
    assert got.dtype == source.dtype
    assert source.unspin.explain().empty
    assert source.unspin.detect().isna().all(axis=None)


def test_explain() -> None:
    frame = series().unspin.explain()
    assert frame.columns.tolist() == ["document", "start", "end", "spun", "original", "confidence", "family", "kind"]
    assert set(frame["document"]) == {"a", "e"}
    for label, text in (("a", SPUN), ("e", EMOJI)):
        edits = unspin.explain(text).edits
        rows = frame[frame["document"] == label].drop(columns="document")
        assert [tuple(r) for r in rows.itertuples(index=False)] == [
            (e.start, e.end, e.spun, e.original, e.confidence, e.family, e.kind) for e in edits
        ]
        assert all(text[r.start : r.end] == r.spun for r in rows.itertuples())


def test_documents_keep_the_type_of_their_labels() -> None:
    days = pd.date_range("2024-05-01", periods=2)
    frame = pd.Series([CLEAN, SPUN], index=days).unspin.explain()
    assert frame["document"].dtype == days.dtype
    assert (frame["document"] == days[1]).all()
    pairs = pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])
    assert set(pd.Series([SPUN, CLEAN], index=pairs).unspin.explain()["document"]) == {(1, "x")}


def test_labels_that_occur_twice() -> None:
    source = pd.Series([SPUN, CLEAN, SPUN], index=[7, 7, 7])
    assert source.unspin.restore().tolist() == [unspin.restore(SPUN), CLEAN, unspin.restore(SPUN)]
    assert len(source.unspin.explain()) == 2 * len(unspin.explain(SPUN).edits)
    assert source.unspin.detect().index.tolist() == [7, 7, 7]


def test_detect() -> None:
    frame = series().unspin.detect()
    assert frame.columns.tolist() == ["probability", "rate", "family", "evidence", "words"]
    found = unspin.detect(SPUN)
    assert tuple(frame.loc["a"]) == (found.probability, found.rate, found.family, found.evidence, found.words)
    assert frame.loc["b"].isna().all()
    assert frame.loc["c", "family"] == ""
    assert frame.loc["c", "probability"] < 0.5 < frame.loc["a", "probability"]


def test_types_do_not_hang_on_the_values() -> None:
    empty, full = pd.Series([], dtype=str), series()
    assert empty.unspin.explain().dtypes[1:].tolist() == full.unspin.explain().dtypes[1:].tolist()
    assert empty.unspin.detect().dtypes.tolist() == full.unspin.detect().dtypes.tolist()
    assert empty.unspin.restore().dtype == empty.dtype


def test_options() -> None:
    assert series().unspin.restore(protect=["legal guidelines"])["a"] == unspin.restore(SPUN, protect=["legal guidelines"])
    assert series().unspin.restore(families=["academic"])["a"] == SPUN
    restorer = unspin.Restorer(families=["academic"])
    assert series().unspin.restore(restorer=restorer)["a"] == SPUN
    assert series().unspin.explain(restorer=restorer).empty


def test_processes_give_the_same() -> None:
    many = pd.Series([SPUN, CLEAN, None] * 4)
    assert many.unspin.restore(workers=2).tolist() == many.unspin.restore(workers=1).tolist()
    assert many.unspin.explain(workers=2).equals(many.unspin.explain(workers=1))


def test_progress(capsys: pytest.CaptureFixture[str]) -> None:
    series().unspin.restore(progress=True)
    assert "5/5" in capsys.readouterr().err
    series().unspin.restore()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("values", [[1, 2], [1.5, None], [True], [pd.Timestamp("2024-05-01")]])
def test_no_text(values: list[Any]) -> None:
    with pytest.raises(AttributeError, match=r"only use \.unspin with text"):
        _ = pd.Series(values).unspin


def test_item_that_is_no_text_is_named() -> None:
    source = pd.Series([SPUN, 5], index=["x", "y"], dtype=object)
    for method in ("restore", "explain", "detect"):
        with pytest.raises(ItemError, match="item 'y': unspin works on str, not int") as caught:
            getattr(source.unspin, method)()
        assert isinstance(caught.value.__cause__, TypeError)
        assert isinstance(caught.value, unspin.UnspinError)


def test_item_that_is_no_text_is_kept_when_asked() -> None:
    source = pd.Series([5, SPUN, b"x"], dtype=object)
    with pytest.warns(ItemWarning, match="2 left as they are, the first: item 0: .*int"):
        got = source.unspin.restore(errors="keep")
    assert got.tolist() == [5, unspin.restore(SPUN), b"x"]
    with pytest.warns(ItemWarning):
        assert set(source.unspin.explain(errors="keep")["document"]) == {1}
    with pytest.warns(ItemWarning):
        assert source.unspin.detect(errors="keep")["rate"].isna().tolist() == [True, False, True]


def test_keep_without_failures_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ItemWarning)
        assert series().unspin.restore(errors="keep")["a"] == unspin.restore(SPUN)


@pytest.mark.parametrize("method", ["restore", "explain", "detect"])
def test_options_that_mean_nothing(method: str) -> None:
    call = getattr(series().unspin, method)
    with pytest.raises(OptionError, match="errors must be one of"):
        call(errors="ignore")
    with pytest.raises(OptionError, match="not both: spelling"):
        call(restorer=unspin.Restorer(), spelling="british")
    with pytest.raises(OptionError, match="min_confidence"):
        call(min_confidence=2)
    with pytest.raises(TypeError, match="nonsense"):
        call(nonsense=1)
