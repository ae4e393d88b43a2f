"""Hugging Face datasets: functions for ``Dataset.map``, ``IterableDataset.map`` and ``DatasetDict.map``.

They pickle, so ``num_proc`` works, and are fingerprinted by column, options and version of unspin: a dataset mapped
once is found in the cache again, by other options it is not.

>>> from unspin.integrations.datasets import detector, restorer
>>> batch = {"text": ["In accordance with the White Home, the legal guidelines are new.", None]}
>>> restorer()(batch)
{'text': ['According to the White House, the laws are new.', None]}
>>> [column for column in detector()(batch)]
['spin_probability', 'spin_rate', 'spin_family', 'spin_evidence', 'spin_words']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..extras import require
from . import DETECTION_FIELDS, EDIT_FIELDS, checked_errors, detected, edit_record, explained, make_restorer, restored

if TYPE_CHECKING:
    from ..edits import Detection, Restoration
    from ..restorer import Restorer

Columns = dict[str, list[Any]]

_TYPES = {
    "start": "int64", "end": "int64", "confidence": "float64", "probability": "float64", "rate": "float64",
    "evidence": "float64", "words": "int64",
}  # fmt: skip


def restorer(
    column: str = "text",
    into: str | None = None,
    *,
    edits: str | None = None,
    restorer: Restorer | None = None,
    errors: str = "raise",
    **options: Any,
) -> Mapper:
    """Return a function that restores *column*, for ``dataset.map(…, batched=True)``.

    *into* names the column for the restored text, by default *column* itself. *edits* names one for the list of
    edits (dicts of start, end, spun, original, confidence, family, kind); by default there is none. With it, map with
    ``features=function.features(dataset.features)``, since a first batch without edits doesn't tell their type.
    Options are those of `unspin.Restorer`. ``errors="keep"`` keeps what can't be processed as it is.
    """
    return _Restorer(column, into or column, edits, make_restorer(restorer, options), checked_errors(errors))


def detector(
    column: str = "text",
    prefix: str = "spin_",
    *,
    restorer: Restorer | None = None,
    errors: str = "raise",
    **options: Any,
) -> Mapper:
    """Return a function that adds how spun *column* is, for ``dataset.map(…, batched=True)``.

    It adds the columns spin_probability, spin_rate, spin_family, spin_evidence (nats a word) and spin_words, None
    where the text is missing; *prefix* is put before their names.
    """
    return _Detector(column, prefix, make_restorer(restorer, options), checked_errors(errors))


class Mapper:
    """A function of a batch, or of one example, that returns the columns which it changes or adds."""

    def __init__(self, column: str, restorer: Restorer, errors: str) -> None:
        self._column = column
        self._restorer = restorer
        self._errors = errors
        # Another version may restore otherwise: what is in the cache is then not ours.
        self._version = __version__

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        try:
            texts = batch[self._column]
        except KeyError:
            there = ", ".join(batch)
            raise KeyError(f"no column {self._column!r} among {there}") from None
        if texts is None or isinstance(texts, str):
            return {name: values[0] for name, values in self._columns([texts]).items()}
        return self._columns(list(texts))

    def features(self, features: Any) -> Any:
        """Return *features* (a ``datasets.Features``) with the columns of this function, for ``map(features=…)``."""
        library = require("datasets", "datasets")
        return library.Features({**features, **self._features(library)})

    def _columns(self, texts: list[Any]) -> Columns:
        raise NotImplementedError

    def _features(self, library: Any) -> dict[str, Any]:
        raise NotImplementedError


class _Restorer(Mapper):
    def __init__(self, column: str, into: str, edits: str | None, restorer: Restorer, errors: str) -> None:
        super().__init__(column, restorer, errors)
        self._into = into
        self._edits = edits

    def _columns(self, texts: list[Any]) -> Columns:
        if self._edits is None:
            return {self._into: list(restored(texts, self._restorer, self._errors))}
        found = list(explained(texts, self._restorer, self._errors))
        return {
            self._into: [text if r is None else r.text for text, r in zip(texts, found)],
            self._edits: [_edits(r) for r in found],
        }

    def _features(self, library: Any) -> dict[str, Any]:
        features = {self._into: library.Value("string")}
        if self._edits is not None:
            features[self._edits] = [_values(library, EDIT_FIELDS)]
        return features


class _Detector(Mapper):
    def __init__(self, column: str, prefix: str, restorer: Restorer, errors: str) -> None:
        super().__init__(column, restorer, errors)
        self._prefix = prefix

    def _columns(self, texts: list[Any]) -> Columns:
        found = list(detected(texts, self._restorer, self._errors))
        return {self._prefix + name: [_field(d, name) for d in found] for name in DETECTION_FIELDS}

    def _features(self, library: Any) -> dict[str, Any]:
        return _values(library, DETECTION_FIELDS, self._prefix)


def _edits(restoration: Restoration | None) -> list[dict[str, Any]] | None:
    return None if restoration is None else [edit_record(e) for e in restoration.edits]


def _field(found: Detection | None, name: str) -> Any:
    return None if found is None else getattr(found, name)


def _values(library: Any, names: tuple[str, ...], prefix: str = "") -> dict[str, Any]:
    value: Callable[[str], Any] = library.Value
    return {prefix + name: value(_TYPES.get(name, "string")) for name in names}
