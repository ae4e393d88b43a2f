"""Dask: bags and Series of text, partition by partition.

Every worker process maps the model once. Results are lazy; a partition is restored where it lies. An item that can't
be processed raises `ItemError` under ``errors="raise"`` (default), by its label for a Series and by its position in the
partition for a bag; under "keep" it stays as it is, and has no edits and a missing detection.

>>> import dask.bag
>>> from unspin.integrations.dask import restore_bag
>>> bag = dask.bag.from_sequence(["In accordance with the White Home, the legal guidelines are new."])
>>> restore_bag(bag).compute(scheduler="sync")
['According to the White House, the laws are new.']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import require
from . import checked_errors, detected, explained, make_restorer, restored

if TYPE_CHECKING:
    from ..restorer import Restorer


def restore_bag(bag: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return a bag of the restored texts of *bag*; None stays None. Options are those of `unspin.Restorer`."""
    return _bag(bag, _restored, restorer, errors, options)


def explain_bag(bag: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return a bag of the `unspin.Restoration` of each text of *bag*, None where it is missing."""
    return _bag(bag, _explained, restorer, errors, options)


def detect_bag(bag: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return a bag of the `unspin.Detection` of each text of *bag*, None where it is missing."""
    return _bag(bag, _detected, restorer, errors, options)


def restore_series(series: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return the Series restored: same index, name, dtype and divisions. Options are those of `unspin.Restorer`."""
    return _series(series, "restored_series", restorer, errors, options)


def explain_series(series: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return a DataFrame of the edits, one a row.

    Columns: document (the label in the index of *series*), start, end, spun, original, confidence, family, kind.
    Rows are numbered anew in each partition.
    """
    return _series(series, "edits_frame", restorer, errors, options).clear_divisions()


def detect_series(series: Any, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return a DataFrame with the index of *series*: probability, rate, family, evidence, words."""
    return _series(series, "detections_frame", restorer, errors, options)


def _bag(bag: Any, run: Any, restorer: Restorer | None, errors: str, options: dict[str, Any]) -> Any:
    require("dask.bag", "dask")
    return bag.map_partitions(run, make_restorer(restorer, options), checked_errors(errors))


def _restored(texts: Any, restorer: Restorer, errors: str) -> list[Any]:
    return list(restored(texts, restorer, errors))


def _explained(texts: Any, restorer: Restorer, errors: str) -> list[Any]:
    return list(explained(texts, restorer, errors))


def _detected(texts: Any, restorer: Restorer, errors: str) -> list[Any]:
    return list(detected(texts, restorer, errors))


def _series(series: Any, name: str, restorer: Restorer | None, errors: str, options: dict[str, Any]) -> Any:
    require("dask.dataframe", "dask")
    from . import pandas as frames

    if not frames.holds_text(series.dtype):
        raise TypeError(f"unspin works on text: series {series.name!r} is of type {series.dtype}")
    run = getattr(frames, name)
    one = make_restorer(restorer, options)
    # An empty frame of the same types tells Dask what comes; it needs no model.
    return series.map_partitions(run, one, checked_errors(errors), meta=run(series._meta, one))
