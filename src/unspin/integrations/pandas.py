"""pandas: importing this module gives every Series of text the accessor ``.unspin``.

>>> import pandas as pd
>>> import unspin.integrations.pandas
>>> texts = pd.Series(["In accordance with the White Home, the legal guidelines are new.", None], index=["a", "b"])
>>> texts.unspin.restore()["a"]
'According to the White House, the laws are new.'
>>> edits = texts.unspin.explain()
>>> edits.loc[0, ["document", "spun", "original"]].tolist()
['a', 'In accordance with', 'According to']
>>> int(texts.unspin.detect()["probability"].isna().sum())
1
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..edits import Detection, Restoration
from ..extras import require
from . import DETECTION_FIELDS, EDIT_FIELDS, checked_errors, detected, edit_record, explained, make_restorer, restored

if TYPE_CHECKING:
    from ..restorer import Restorer

pd: Any = require("pandas", "pandas")

#: Types of the columns that hold no text.
_NUMBERS = {"start": "int64", "end": "int64", "confidence": "float64"}
_WEIGHTS = {"probability": "float64", "rate": "float64", "evidence": "float64", "words": "Int64"}


class UnspinAccessor:
    """``series.unspin``: restores, explains and detects a Series of text.

    Raises AttributeError, as ``series.str`` does, where the Series holds no text. The methods take the options of
    `unspin.Restorer`, or a ``restorer=`` made of them, and

    ``workers``   processes: 1 none but this; None (default) as many as there are CPUs, once there is enough to do
    ``progress``  a bar: None (default) on a terminal and in a notebook; True, False
    ``errors``    "raise" (default): ItemError at the first item that can't be processed; "keep": see the methods
    """

    def __init__(self, series: Any) -> None:
        if not holds_text(series.dtype) and not (len(series) and series.isna().all()):
            raise AttributeError(f"can only use .unspin with text, not {series.dtype}")
        self._series = series

    def restore(
        self,
        *,
        restorer: Restorer | None = None,
        workers: int | None = None,
        progress: bool | None = None,
        errors: str = "raise",
        **options: Any,
    ) -> Any:
        """Return the Series restored: same index, name and dtype (categories become what they are made of).

        ``errors="keep"`` keeps what can't be processed as it is.
        """
        restorer = make_restorer(restorer, options)
        return restored_series(self._series, restorer, errors, workers=workers, progress=progress)

    def explain(
        self,
        *,
        restorer: Restorer | None = None,
        workers: int | None = None,
        progress: bool | None = None,
        errors: str = "raise",
        **options: Any,
    ) -> Any:
        """Return a DataFrame of the edits, one a row in order of the Series.

        Columns: document (the label in the index), start and end (code points of the untouched text), spun,
        original, confidence, family, kind. Under ``errors="keep"`` what can't be processed has no edits.
        """
        restorer = make_restorer(restorer, options)
        return edits_frame(self._series, restorer, errors, workers=workers, progress=progress)

    def detect(
        self,
        *,
        restorer: Restorer | None = None,
        workers: int | None = None,
        progress: bool | None = None,
        errors: str = "raise",
        **options: Any,
    ) -> Any:
        """Return a DataFrame with the index of the Series: probability, rate, family, evidence (nats a word), words.

        A row is missing where the text is; under ``errors="keep"`` also where it can't be processed.
        """
        restorer = make_restorer(restorer, options)
        return detections_frame(self._series, restorer, errors, workers=workers, progress=progress)


def restored_series(series: Any, restorer: Restorer, errors: str = "raise", **batch: Any) -> Any:
    """Return *series* restored, with its index, name and dtype; *batch* goes to `Restorer.restore_many`."""
    texts, labels = _items(series)
    values = list(restored(texts, restorer, checked_errors(errors), labels=labels, **batch))
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        dtype = dtype.categories.dtype
    return pd.Series(values, index=series.index, name=series.name, dtype=dtype)


def edits_frame(series: Any, restorer: Restorer, errors: str = "raise", **batch: Any) -> Any:
    """Return the edits of *series* as `UnspinAccessor.explain` does; *batch* goes to `Restorer.explain_many`."""
    texts, labels = _items(series)
    found = explained(texts, restorer, checked_errors(errors), labels=labels, **batch)
    documents: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in EDIT_FIELDS}
    for position, restoration in enumerate(found):
        for edit in _edits(restoration):
            documents.append(position)
            for name, value in edit_record(edit).items():
                columns[name].append(value)
    # A column made of an index keeps the type of its labels, whatever they are.
    frame = {"document": series.index.take(documents).to_flat_index()}
    for name, values in columns.items():
        frame[name] = pd.Series(values, dtype=_NUMBERS.get(name, str))
    return pd.DataFrame(frame)


def detections_frame(series: Any, restorer: Restorer, errors: str = "raise", **batch: Any) -> Any:
    """Return the detections of *series* as `UnspinAccessor.detect` does; *batch* goes to `Restorer.detect_many`."""
    texts, labels = _items(series)
    found = list(detected(texts, restorer, checked_errors(errors), labels=labels, **batch))
    return detections(found, series.index)


def detections(found: Iterable[Detection | None], index: Any = None) -> Any:
    """Return *found* as a DataFrame with *index*; a row is missing where the detection is."""
    found = list(found)
    frame = {}
    for name in DETECTION_FIELDS:
        values = [None if d is None else getattr(d, name) for d in found]
        # dtype=str would write None out as text.
        dtype = _WEIGHTS.get(name) or pd.Series([], dtype=str).dtype
        frame[name] = pd.Series(values, index=index, dtype=dtype)
    return pd.DataFrame(frame, index=index)


def _items(series: Any) -> tuple[list[Any], Any]:
    return series.astype(object).tolist(), series.index


def _edits(restoration: Restoration | None) -> Iterable[Any]:
    return () if restoration is None else restoration.edits


def holds_text(dtype: Any) -> bool:
    """Return whether a Series of *dtype* may hold text: object, any type of strings, categories of such."""
    if isinstance(dtype, pd.CategoricalDtype):
        return holds_text(dtype.categories.dtype)
    # The types of Arrow's strings have no class in common; "str" and "string[…]" are pandas's own.
    return bool(str(dtype) == "object" or isinstance(dtype, pd.StringDtype) or "string" in str(dtype))


pd.api.extensions.register_series_accessor("unspin")(UnspinAccessor)
