"""Spark: pandas UDFs for columns of text.

``frame.withColumn("text", restore("text"))``, or, without a column, the UDF itself, for SQL:
``spark.udf.register("restore", restore(min_confidence=0.7))``. Every Python worker maps the model once and keeps it for
all its tasks. The workers need unspin (with its data files), pandas and pyarrow: docs/integrations.md.

A text that can't be processed fails its task under ``errors="raise"`` (default). Under "keep" it stays as it is, with
null for its edits and its detection; a warning goes to the log of the executor.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..extras import require
from . import checked_errors, detected, edit_record, explained, make_restorer, restored

if TYPE_CHECKING:
    from ..restorer import Restorer

#: Spark's names of the types of the results. Offsets are code points of the untouched text.
DETECTION = "struct<probability: double, rate: double, family: string, evidence: double, words: bigint>"
EDITS = (
    "array<struct<start: bigint, end: bigint, spun: string, original: string, confidence: double, family: string, kind: string>>"
)


def restore(column: Any = None, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return *column* (a name or a Column of strings) restored, a Column; null stays null.

    Without *column*, return the UDF. Options are those of `unspin.Restorer`.
    """

    def results(texts: Any, one: Restorer) -> Any:
        return _pandas().Series(list(restored(texts, one, errors)), dtype=object)

    return _udf(column, results, "string", make_restorer(restorer, options), errors)


def explain(column: Any = None, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return the edits of *column*, a Column of type `EDITS`; null where the text is.

    Without *column*, return the UDF. Options are those of `unspin.Restorer`.
    """

    def results(texts: Any, one: Restorer) -> Any:
        found = explained(texts, one, errors)
        edits = [None if r is None else [edit_record(e) for e in r.edits] for r in found]
        return _pandas().Series(edits, dtype=object)

    return _udf(column, results, EDITS, make_restorer(restorer, options), errors)


def detect(column: Any = None, *, restorer: Restorer | None = None, errors: str = "raise", **options: Any) -> Any:
    """Return how spun *column* is, a Column of type `DETECTION`; its fields are null where the text is.

    Without *column*, return the UDF. Options are those of `unspin.Restorer`.
    """

    def results(texts: Any, one: Restorer) -> Any:
        from .pandas import detections

        return detections(detected(texts, one, errors))

    return _udf(column, results, DETECTION, make_restorer(restorer, options), errors)


def _udf(column: Any, results: Callable[[Any, Restorer], Any], returns: str, restorer: Restorer, errors: str) -> Any:
    checked_errors(errors)
    functions = require("pyspark.sql.functions", "spark")
    pandas = _pandas()
    packed = pickle.dumps(restorer)

    def batches(series: Iterator[Any]) -> Iterator[Any]:
        from .pandas import holds_text

        one = _unpacked(packed)
        for texts in series:
            if not holds_text(texts.dtype):
                raise TypeError(f"unspin works on columns of strings, not of {texts.dtype}")
            yield results(texts.tolist(), one)

    # Spark reads off the hints which kind of UDF this is; as pandas is imported late they are set late.
    hint: Any = Iterator
    out = pandas.DataFrame if returns.startswith("struct") else pandas.Series
    batches.__annotations__ = {"series": hint[pandas.Series], "return": hint[out]}
    batches.__name__ = results.__qualname__.split(".")[0]
    udf = functions.pandas_udf(batches, returns)
    return udf if column is None else udf(column)


@lru_cache(maxsize=8)
def _unpacked(packed: bytes) -> Restorer:
    """Return the restorer, the same for all tasks of a worker."""
    restorer: Restorer = pickle.loads(packed)
    return restorer


def _pandas() -> Any:
    return require("pandas", "spark")
