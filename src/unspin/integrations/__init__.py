"""Data frames, pipelines and clusters: one module for each library, imported by whoever uses it.

``unspin.integrations.pandas``, ``.polars``, ``.datasets``, ``.spacy``, ``.spark`` and ``.dask``; docs/integrations.md
is the guide. They agree on these points:

* Missing values (None, NaN, pandas.NA) stay missing.
* An item that can't be processed (not a str, for instance) raises `ItemError`, which names it. ``errors="keep"``
  goes on instead: the item is left as it is, has no edits and a missing detection, and a warning counts them.
* Options are those of `unspin.Restorer`; a ``restorer=`` already made can be given in their place.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, UnspinError

if TYPE_CHECKING:
    from ..edits import Detection, Edit, Restoration
    from ..restorer import Restorer

#: What an edit is in a table: the fields of `unspin.Edit` with one value each. Offsets are code points.
EDIT_FIELDS = ("start", "end", "spun", "original", "confidence", "family", "kind")
#: What a detection is in a table.
DETECTION_FIELDS = ("probability", "rate", "family", "evidence", "words")

#: Names of items for messages; None: their positions.
Labels = Sequence[Any] | None

_ERRORS = ("raise", "keep")
#: Frames and clusters run many tasks at once already: each is done where it is.
_HERE = {"workers": 1, "progress": False}


class ItemError(UnspinError):
    """An item of a column can't be processed; the message says which, ``__cause__`` why."""


class ItemWarning(UserWarning):
    """Items of a column were left as they are, as ``errors="keep"`` asks."""


def edit_record(edit: Edit) -> dict[str, Any]:
    """Return the fields of *edit* that go into tables."""
    return {name: getattr(edit, name) for name in EDIT_FIELDS}


def detection_record(found: Detection) -> dict[str, Any]:
    """Return the fields of *found* that go into tables."""
    return {name: getattr(found, name) for name in DETECTION_FIELDS}


def make_restorer(restorer: Restorer | None, options: dict[str, Any]) -> Restorer:
    """Return *restorer*, or one made of *options*; raises OptionError where both are given."""
    if restorer is not None:
        if options:
            raise OptionError(f"give a restorer or options, not both: {', '.join(options)}")
        return restorer
    from ..restorer import Restorer

    return Restorer(**options)


def checked_errors(errors: str) -> str:
    """Return *errors*; raises OptionError unless it is "raise" or "keep"."""
    if errors not in _ERRORS:
        raise OptionError(f"errors must be one of {', '.join(_ERRORS)}, not {errors!r}")
    return errors


def settled(
    results: Iterable[Any],
    errors: str,
    *,
    kept: Callable[[Any], Any] = lambda value: None,
    labels: Labels = None,
) -> Iterator[Any]:
    """Yield batch results with their failures dealt with.

    A `Failure` raises ItemError under ``errors="raise"``; under "keep" it becomes ``kept(value)``, and one
    ItemWarning at the end says how many there were. *labels* name the items in messages, by default their positions.
    """
    from ..batch import Failure

    failures = 0
    first = ""
    for result in results:
        if not isinstance(result, Failure):
            yield result
            continue
        label = result.index if labels is None else labels[result.index]
        message = f"item {label!r}: {result.error}"
        if errors == "raise":
            raise ItemError(message) from result.error
        failures += 1
        first = first or message
        yield kept(result.value)
    if failures:
        warnings.warn(f"{failures} left as they are, the first: {first}", ItemWarning, stacklevel=3)


def restored(texts: Iterable[Any], restorer: Restorer, errors: str, *, labels: Labels = None, **batch: Any) -> Iterator[Any]:
    """Yield each of *texts* restored; *batch* goes to `Restorer.restore_many`."""
    results = restorer.restore_many(texts, **{**_HERE, **batch})
    return settled(results, errors, kept=lambda value: value, labels=labels)


def explained(
    texts: Iterable[Any], restorer: Restorer, errors: str, *, labels: Labels = None, **batch: Any
) -> Iterator[Restoration | None]:
    """Yield the Restoration of each of *texts*, None where the text is missing."""
    from ..edits import Restoration

    results = restorer.explain_many(texts, **{**_HERE, **batch})
    return (r if isinstance(r, Restoration) else None for r in settled(results, errors, labels=labels))


def detected(
    texts: Iterable[Any], restorer: Restorer, errors: str, *, labels: Labels = None, **batch: Any
) -> Iterator[Detection | None]:
    """Yield the Detection of each of *texts*, None where the text is missing."""
    from ..edits import Detection

    results = restorer.detect_many(texts, **{**_HERE, **batch})
    return (r if isinstance(r, Detection) else None for r in settled(results, errors, labels=labels))
