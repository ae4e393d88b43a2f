"""Bags and Series on a local Dask cluster of two processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

import unspin
from unspin.errors import OptionError
from unspin.integrations import ItemError

from .conftest import SPUN

pytest.importorskip("distributed")
pd = pytest.importorskip("pandas")
bags = pytest.importorskip("dask.bag")
frames = pytest.importorskip("dask.dataframe")
from dask.distributed import Client, LocalCluster  # noqa: E402

import unspin.integrations.pandas  # noqa: E402
from unspin.integrations.dask import (  # noqa: E402
    detect_bag,
    detect_series,
    explain_bag,
    explain_series,
    restore_bag,
    restore_series,
)

CLEAN = "It rained. Nothing else was new."
TEXTS = [SPUN, None, CLEAN, "", f"😀😀 {SPUN}", None]
RESTORED = [t and unspin.restore(t) for t in TEXTS]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1",
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture
def series() -> Any:
    return frames.from_pandas(pd.Series(TEXTS, index=range(10, 16), name="text", dtype="object").astype("string"), npartitions=3)


@pytest.fixture
def bag() -> Any:
    return bags.from_sequence(TEXTS, npartitions=3)


def test_bag(client: Any, bag: Any) -> None:
    assert restore_bag(bag).compute() == RESTORED
    restorations = explain_bag(bag).compute()
    assert [r if r is None else r.edits for r in restorations] == [t if t is None else unspin.explain(t).edits for t in TEXTS]
    assert detect_bag(bag).compute() == [t if t is None else unspin.detect(t) for t in TEXTS]


def test_work_is_done_by_the_workers(client: Any, bag: Any) -> None:
    pids = set(client.run(os.getpid).values())
    assert len(pids) == 2
    assert os.getpid() not in pids
    restore_bag(bag).compute()

    def loads() -> int:
        from unspin import resources

        return resources.language_model.cache_info().misses

    assert set(client.run(loads).values()) <= {0, 1}
    assert 1 in client.run(loads).values()


def test_restore_series(client: Any, series: Any) -> None:
    lazy = restore_series(series)
    assert lazy.dtype == series.dtype
    assert lazy.name == "text"
    assert lazy.divisions == series.divisions
    got = lazy.compute()
    assert got.dtype == lazy.dtype
    assert got.index.tolist() == list(range(10, 16))
    assert [None if pd.isna(t) else t for t in got] == RESTORED


def test_in_a_frame(client: Any, series: Any) -> None:
    frame = series.to_frame()
    frame["restored"] = restore_series(frame["text"])
    assert frame.compute()["restored"].iloc[0] == RESTORED[0]


def test_explain_series(client: Any, series: Any) -> None:
    lazy = explain_series(series)
    got = lazy.compute()
    assert got.dtypes.tolist() == lazy.dtypes.tolist()
    expected = series.compute().unspin.explain(workers=1)
    assert got["document"].tolist() == expected["document"].tolist()
    assert set(got["document"]) == {10, 14}
    assert got["original"].tolist() == expected["original"].tolist()


def test_detect_series(client: Any, series: Any) -> None:
    lazy = detect_series(series)
    got = lazy.compute()
    assert got.dtypes.tolist() == lazy.dtypes.tolist()
    pd.testing.assert_frame_equal(got, series.compute().unspin.detect(workers=1), check_index_type=False)


def test_options(client: Any, series: Any, bag: Any) -> None:
    assert restore_bag(bag, families=["academic"]).compute() == TEXTS
    assert restore_bag(bag, restorer=unspin.Restorer(families=["academic"])).compute() == TEXTS
    assert restore_series(series, protect=["legal guidelines"]).compute().iloc[0] == unspin.restore(
        SPUN, protect=["legal guidelines"]
    )


def test_item_that_is_no_text(client: Any) -> None:
    bag = bags.from_sequence([SPUN, 5], npartitions=1)
    with pytest.raises(ItemError, match="item 1: unspin works on str, not int"):
        restore_bag(bag).compute()
    assert restore_bag(bag, errors="keep").compute() == [RESTORED[0], 5]
    assert detect_bag(bag, errors="keep").compute()[1] is None


def test_column_of_numbers() -> None:
    numbers = frames.from_pandas(pd.Series([1, 2], name="n"), npartitions=1)
    for run in (restore_series, explain_series, detect_series):
        with pytest.raises(TypeError, match="series 'n' is of type int64"):
            run(numbers)


def test_options_that_mean_nothing(series: Any, bag: Any) -> None:
    for run, collection in ((restore_bag, bag), (detect_bag, bag), (explain_series, series), (detect_series, series)):
        with pytest.raises(OptionError, match="errors must be one of"):
            run(collection, errors="ignore")
        with pytest.raises(OptionError, match="min_confidence"):
            run(collection, min_confidence=7)
        with pytest.raises(TypeError, match="nonsense"):
            run(collection, nonsense=1)
