"""polars: importing this module gives expressions and Series the namespace ``.unspin``.

>>> import polars as pl
>>> import unspin.integrations.polars
>>> frame = pl.DataFrame({"text": ["In accordance with the White Home, the legal guidelines are new.", None]})
>>> frame.select(pl.col("text").unspin.restore())["text"].to_list()
['According to the White House, the laws are new.', None]
>>> frame.lazy().select(pl.col("text").unspin.explain().list.len()).collect()["text"].to_list()
[3, None]
>>> frame["text"].unspin.detect().struct.field("family").to_list()
['news', None]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..extras import require
from . import checked_errors, detected, detection_record, edit_record, explained, make_restorer, restored

if TYPE_CHECKING:
    from ..restorer import Restorer

pl: Any = require("polars", "polars")

#: The type of a detection.
DETECTION = pl.Struct(
    {"probability": pl.Float64, "rate": pl.Float64, "family": pl.String, "evidence": pl.Float64, "words": pl.Int64}
)
#: The type of an edit; start and end are code points of the untouched text, as in ``str.slice``.
EDIT = pl.Struct(
    {
        "start": pl.Int64,
        "end": pl.Int64,
        "spun": pl.String,
        "original": pl.String,
        "confidence": pl.Float64,
        "family": pl.String,
        "kind": pl.String,
    }
)


class _Namespace:
    """Restores, explains and detects text; null stays null.

    The methods take the options of `unspin.Restorer`, or a ``restorer=`` made of them, and

    ``workers``  processes: 1 none but this; None (default) as many as there are CPUs, once there is enough to do
    ``errors``   "raise" (default): ItemError at the first text that can't be processed; "keep": such a text stays
                 as it is, and has null for its edits and its detection

    A column of another type than String, Categorical or Enum raises TypeError (in an expression, when it is run).
    """

    def __init__(self, column: Any) -> None:
        self._column = column

    def restore(
        self, *, restorer: Restorer | None = None, workers: int | None = None, errors: str = "raise", **options: Any
    ) -> Any:
        """Return the restored text, of type String."""
        restorer, errors = make_restorer(restorer, options), checked_errors(errors)

        def run(series: Any) -> Any:
            return pl.Series(series.name, list(restored(_texts(series), restorer, errors, workers=workers)), dtype=pl.String)

        return self._apply(run, pl.String)

    def explain(
        self, *, restorer: Restorer | None = None, workers: int | None = None, errors: str = "raise", **options: Any
    ) -> Any:
        """Return the edits of each text, of type ``List(EDIT)``: ``explode`` and ``unnest`` make a table of them."""
        restorer, errors = make_restorer(restorer, options), checked_errors(errors)

        def run(series: Any) -> Any:
            found = explained(_texts(series), restorer, errors, workers=workers)
            values = [None if r is None else [edit_record(e) for e in r.edits] for r in found]
            return pl.Series(series.name, values, dtype=pl.List(EDIT))

        return self._apply(run, pl.List(EDIT))

    def detect(self, *, restorer: Restorer | None = None, workers: int | None = None, errors: str = "raise", **options: Any) -> Any:
        """Return how spun each text is, of type `DETECTION`: a struct of probability, rate, family, evidence, words."""
        restorer, errors = make_restorer(restorer, options), checked_errors(errors)

        def run(series: Any) -> Any:
            found = detected(_texts(series), restorer, errors, workers=workers)
            values = [None if d is None else detection_record(d) for d in found]
            return pl.Series(series.name, values, dtype=DETECTION)

        return self._apply(run, DETECTION)

    def _apply(self, run: Any, dtype: Any) -> Any:
        raise NotImplementedError


class ExprNamespace(_Namespace):
    __doc__ = _Namespace.__doc__

    def _apply(self, run: Any, dtype: Any) -> Any:
        return self._column.map_batches(run, return_dtype=dtype, is_elementwise=True)


class SeriesNamespace(_Namespace):
    __doc__ = _Namespace.__doc__

    def _apply(self, run: Any, dtype: Any) -> Any:
        return run(self._column)


def _texts(series: Any) -> list[str | None]:
    if series.dtype in (pl.Categorical, pl.Enum, pl.Null):
        series = series.cast(pl.String)
    if series.dtype != pl.String:
        raise TypeError(f"unspin works on text: column {series.name!r} is of type {series.dtype}")
    texts: list[str | None] = series.to_list()
    return texts


pl.api.register_expr_namespace("unspin")(ExprNamespace)
pl.api.register_series_namespace("unspin")(SeriesNamespace)
