"""The public face: options, and what is done with them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import regex

from . import resources
from .detection import SPINNERS, combine
from .edits import Detection, Restoration
from .engine import Engine
from .errors import OptionError
from .protected import Pattern, term_pattern
from .rescoring import WEIGHT, Rescorer
from .rows import FAMILIES, Row, parse_row, read_rows
from .table_compiler import compile_rows, terms_of

if TYPE_CHECKING:
    from .batch import Failure

#: Rows of the user's own: ``{original: spun forms}``, lines of a table, or the path of a table file.
Tables = Mapping[str, "str | Iterable[str]"] | Iterable[str] | str | os.PathLike[str]

_SPELLINGS = ("keep", "british", "american")


class Restorer:
    """Restores spun text; reusable, immutable, picklable, safe to share between threads.

    All options are keyword-only:

    ``min_confidence``  edits under this probability are not made (0–1). Higher: fewer edits, more of them right.
    ``protect``         terms (matched in any case, with plural or possessive endings) and compiled patterns that
                        must stay as they are. A term protects its own words only.
    ``tables``          rows of your own, added to the shipped ones; a row whose original is in the shipped table
                        replaces it there. ``{original: [spun, …]}``, lines ``original = spun | spun``, or the
                        path of a table file (docs/table.md). Compiled when the restorer is first used (seconds).
    ``families``        spinner families to consider, of "news", "web", "spinbot", "turbo", "academic", "thesaurus" and
                        "user" (your own rows); those not named are disabled. Default: all.
    ``spelling``        "keep": restored words follow the document's spelling; "british" or "american" force one
                        on restored words. Nothing else is ever respelled.
    ``rescorer``        a second opinion: an object whose ``score(list[str]) -> list[float]`` gives the log-probability
                        of each text (natural logarithm). Uncertain spans are re-ranked by it (`unspin.rescoring`), and
                        ``min_confidence`` acts on the new confidence. `unspin.integrations.transformers` and
                        `unspin.integrations.llama_cpp` have one made of a local language model.
    ``rescorer_weight`` weight of its log-probabilities against the posteriors' own; 0: none.

    Raises TypeError for an unknown option, OptionError for a value that means nothing.

    >>> restorer = Restorer(min_confidence=0.5, protect=["White Home"])
    >>> restorer.restore("On the identical time, the White Home introduced new legal guidelines.")
    'At the same time, the White Home announced new laws.'
    """

    def __init__(
        self,
        *,
        min_confidence: float = 0.62,
        protect: Iterable[str | Pattern] = (),
        tables: Tables | None = None,
        families: Iterable[str] | None = None,
        spelling: str = "keep",
        rescorer: Rescorer | None = None,
        rescorer_weight: float = WEIGHT,
    ) -> None:
        if isinstance(min_confidence, bool) or not isinstance(min_confidence, (int, float)):
            raise OptionError(f"min_confidence must be a number from 0 to 1, not {min_confidence!r}")
        if not 0 <= min_confidence <= 1:
            raise OptionError(f"min_confidence must be from 0 to 1, not {min_confidence}")
        if isinstance(protect, (str, re.Pattern, regex.Pattern)):
            protect = [protect]
        self._protect = tuple(protect)
        for term in self._protect:
            if not isinstance(term, (str, re.Pattern, regex.Pattern)):
                raise OptionError(f"protect takes terms and compiled patterns, not {type(term).__name__}")
        if isinstance(families, str):
            families = [families]
        known = (*SPINNERS,)
        self._families = tuple(known if families is None else families)
        unknown = [f for f in self._families if f not in known]
        if unknown:
            raise OptionError(f"unknown family {unknown[0]!r}: choose from {', '.join(known)}")
        if spelling not in _SPELLINGS:
            raise OptionError(f"spelling must be one of {', '.join(_SPELLINGS)}, not {spelling!r}")
        if rescorer is not None and not callable(getattr(rescorer, "score", None)):
            raise OptionError(f"a rescorer has a method score(list[str]) -> list[float]; {type(rescorer).__name__} has none")
        number = isinstance(rescorer_weight, (int, float)) and not isinstance(rescorer_weight, bool)
        if not number or not 0 <= rescorer_weight < math.inf:
            raise OptionError(f"rescorer_weight must be a number from 0 up, not {rescorer_weight!r}")
        self._rescorer, self._rescorer_weight = rescorer, float(rescorer_weight)
        self._min_confidence = float(min_confidence)
        self._rows = () if tables is None else tuple(_user_rows(tables))
        self._spelling = spelling

    def restore(self, text: str) -> str:
        """Return *text* with its likely original wording: ``explain(text).text``."""
        return self.explain(text).text

    def explain(self, text: str) -> Restoration:
        """Return the restoration of *text*: the edits, each with its confidence, and how spun the text is."""
        text = _checked(text)
        return self._engine.explain(text)

    def detect(self, text: str) -> Detection:
        """Return whether *text* is synonym-spun, how far and by which family."""
        text = _checked(text)
        return combine(self._engine.detect(text))

    def restore_many(
        self,
        texts: Iterable[str | None],
        *,
        workers: int | None = None,
        progress: bool | None = None,
        chunk: int | None = None,
        total: int | None = None,
    ) -> Iterator[str | Failure | None]:
        """Yield the restored text of each of *texts*, in order, over processes: see `unspin.restore_many`."""
        from .batch import run

        return run(self, type(self).restore, texts, workers, progress, chunk, total)

    def explain_many(
        self,
        texts: Iterable[str | None],
        *,
        workers: int | None = None,
        progress: bool | None = None,
        chunk: int | None = None,
        total: int | None = None,
    ) -> Iterator[Restoration | Failure | None]:
        """Yield the restoration of each of *texts*, in order, over processes: see `unspin.explain_many`."""
        from .batch import run

        return run(self, type(self).explain, texts, workers, progress, chunk, total)

    def detect_many(
        self,
        texts: Iterable[str | None],
        *,
        workers: int | None = None,
        progress: bool | None = None,
        chunk: int | None = None,
        total: int | None = None,
    ) -> Iterator[Detection | Failure | None]:
        """Yield the detection for each of *texts*, in order, over processes: see `unspin.detect_many`."""
        from .batch import run

        return run(self, type(self).detect, texts, workers, progress, chunk, total)

    @cached_property
    def _engine(self) -> Engine:
        model = resources.language_model()
        table = resources.phrase_table() if not self._rows else _table_with(self._rows)
        enabled = np.array([f in self._families or f == "agreement" for f in FAMILIES])
        terms = term_pattern(t for t in self._protect if isinstance(t, str))
        patterns = [p for p in self._protect if not isinstance(p, str)] + ([terms] if terms is not None else [])
        return Engine(
            model, table, enabled, patterns, self._min_confidence, self._spelling,
            rescorer=self._rescorer, rescorer_weight=self._rescorer_weight,
        )  # fmt: skip

    def _options(self) -> dict[str, Any]:
        return {
            "min_confidence": self._min_confidence,
            "protect": self._protect,
            "families": self._families,
            "spelling": self._spelling,
            # Left out where there is none.
            **({} if self._rescorer is None else {"rescorer": self._rescorer, "rescorer_weight": self._rescorer_weight}),
        }

    def __getstate__(self) -> dict[str, Any]:
        # The models are mapped anew where the restorer is unpickled.
        return {k: v for k, v in self.__dict__.items() if k != "_engine"}

    def __repr__(self) -> str:
        shown = ", ".join(f"{k}={v!r}" for k, v in self._options().items())
        return f"Restorer({shown}{', tables=…' if self._rows else ''})"


def _checked(text: str) -> str:
    if not isinstance(text, str):
        hint = "; decode it first" if isinstance(text, (bytes, bytearray)) else ""
        raise TypeError(f"unspin works on str, not {type(text).__name__}{hint}")
    return text


def _user_rows(tables: Tables) -> list[Row]:
    if isinstance(tables, (str, os.PathLike)):
        return [replace(r, family="user") for r in read_rows(Path(tables))]
    if isinstance(tables, Mapping):
        lines = [f"{o} = {s if isinstance(s, str) else ' | '.join(s)}" for o, s in tables.items()]
    else:
        lines = list(tables)
    return [parse_row(line, where=f"tables:{k}") for k, line in enumerate(lines, 1)]


@lru_cache(maxsize=4)
def _table_with(rows: tuple[Row, ...]) -> Any:
    own = {r.original for r in rows}
    shipped = [r for r in resources.rows() if r.original not in own]
    model = resources.language_model()
    return compile_rows([*shipped, *rows], model, terms_of(resources.phrase_table(), model))
