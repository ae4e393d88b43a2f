"""Sums over many restorations, and the report on them: ``unspin.summarise(results)``, ``unspin report IN -o OUT``."""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import display, report_html
from .batch import Failure, is_missing
from .display import counted, visible
from .edits import Edit, Restoration
from .extras import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Bins of the spin-rate and of the confidence histogram, over 0–1.
BINS = 20
#: Distinct substitutions that are counted at most; beyond, the rarest are forgotten.
DISTINCT = 50_000
_TOP = 15


@dataclass(frozen=True, slots=True)
class Substitution:
    """A pair of words and how often it was found: ``original ← spun``; ``confidence`` is the mean of its edits."""

    original: str
    spun: str
    count: int
    confidence: float


@dataclass(repr=False)
class Summary:
    """What `summarise` returns: counts over documents, and over the edits in them. ``+`` joins two.

    ``documents``        restorations counted, spun or not
    ``spun``             documents that are spun
    ``missing``          values that were missing (None)
    ``failures``         documents that could not be restored
    ``words``            words weighed in all documents
    ``edits``            edits made
    ``words_restored``   words of the texts that edits replaced
    ``families``         spun documents by family
    ``rates``            histogram of the spin rate of spun documents, `BINS` equal bins over 0–1
    ``confidences``      histogram of the confidence of edits, likewise
    ``forgotten``        edits whose substitution is no longer counted, as it was among the rarest of too many

    >>> import unspin
    >>> summary = summarise([unspin.explain("On the identical time, the White Home introduced a brand new web site."), None])
    >>> summary.documents, summary.spun, summary.missing
    (1, 1, 1)
    >>> sum([summary, summary], Summary()).documents
    2
    """

    documents: int = 0
    spun: int = 0
    missing: int = 0
    failures: int = 0
    words: int = 0
    edits: int = 0
    words_restored: int = 0
    families: Counter[str] = field(default_factory=Counter)
    rates: list[int] = field(default_factory=lambda: [0] * BINS)
    confidences: list[int] = field(default_factory=lambda: [0] * BINS)
    forgotten: int = 0
    # Lower-cased (original, spun) → edits, sum of confidences, original and spun as they are shown.
    _pairs: dict[tuple[str, str], tuple[int, float, str, str]] = field(default_factory=dict)

    def add(self, result: Restoration | Failure | None) -> None:
        """Count one result. Raises TypeError for anything but a Restoration, a Failure or a missing value."""
        if isinstance(result, Restoration):
            self.documents += 1
            self.words += result.spin.words
            if result.spin.is_spun:
                self.spun += 1
                self.families[result.spin.family] += 1
                self.rates[_bin(result.spin.rate)] += 1
            for edit in result.edits:
                self._add_edit(edit)
        elif isinstance(result, Failure):
            self.failures += 1
        elif is_missing(result):
            self.missing += 1
        else:
            raise TypeError(f"a summary is of the results of explain, not of {type(result).__name__}")

    def _add_edit(self, edit: Edit) -> None:
        self.edits += 1
        self.words_restored += display.count_words(edit.spun)
        self.confidences[_bin(edit.confidence)] += 1
        key = (edit.original.lower(), edit.spun.lower())
        self._add_pair(key, (1, edit.confidence, edit.original, edit.spun))

    def _add_pair(self, key: tuple[str, str], value: tuple[int, float, str, str]) -> None:
        known = self._pairs.get(key)
        if known is not None:
            # Words at the start of a sentence are no reason to show a capital.
            original, spun = min(known[2:], value[2:], key=lambda p: (_capitals(p), p))
            value = (known[0] + value[0], known[1] + value[1], original, spun)
        self._pairs[key] = value
        if len(self._pairs) > 2 * DISTINCT:
            kept = heapq.nlargest(DISTINCT, self._pairs.items(), key=lambda item: (item[1][0], item[0]))
            self.forgotten += sum(v[0] for v in self._pairs.values()) - sum(v[0] for _, v in kept)
            self._pairs = dict(kept)

    @property
    def substitutions(self) -> list[Substitution]:
        """The substitutions, most frequent first; ties by the alphabet."""
        found = (Substitution(o, s, n, total / n) for n, total, o, s in self._pairs.values())
        return sorted(found, key=lambda s: (-s.count, s.original, s.spun))

    @property
    def share_spun(self) -> float:
        """Spun documents, of all (0 where there are none)."""
        return self.spun / self.documents if self.documents else 0.0

    def __add__(self, other: Summary) -> Summary:
        if not isinstance(other, Summary):
            return NotImplemented
        out = Summary()
        for part in (self, other):
            for name in ("documents", "spun", "missing", "failures", "words", "edits", "words_restored", "forgotten"):
                setattr(out, name, getattr(out, name) + getattr(part, name))
            out.families.update(part.families)
            out.rates = [a + b for a, b in zip(out.rates, part.rates)]
            out.confidences = [a + b for a, b in zip(out.confidences, part.confidences)]
            for key, value in part._pairs.items():
                out._add_pair(key, value)
        return out

    def __repr__(self) -> str:
        return f"<Summary {counted(self.documents, 'document')}, {self.spun:,} spun, {counted(self.edits, 'edit')}>"

    def __str__(self) -> str:
        """The summary on a few lines, for a terminal."""
        lines = [
            f"{counted(self.documents, 'document')}, {self.spun:,} spun ({self.share_spun:.1%}); "
            f"{self.words_restored:,} of {counted(self.words, 'word')} restored in {counted(self.edits, 'edit')}"
        ]
        if self.missing or self.failures:
            lines.append(f"{self.missing:,} missing, {counted(self.failures, 'failure')}")
        lines += (f"{s.count:7,d}  {s.original or '(nothing)'} ← {s.spun}  {s.confidence:.2f}" for s in self.substitutions[:10])
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return report_html.summary_html(self)

    def plot(self) -> Figure:
        """Return a matplotlib figure: substitutions, spin rate of documents, confidence of edits.

        Needs the extra ``report``; raises MissingExtraError where it is not installed. ``plot().savefig(path)`` saves it;
        a notebook shows it where it is the last line of a cell.
        """
        figure: Figure = require("matplotlib.figure", "report").Figure(figsize=(10, 4.6), layout="constrained")
        places = figure.subplot_mosaic([["left", "upper"], ["left", "lower"]])
        left, upper, lower = places["left"], places["upper"], places["lower"]
        top = self.substitutions[:_TOP][::-1]
        # A dollar sign begins a formula for matplotlib, which a text need not hold well-formed.
        names = [visible(f"{s.original or '(nothing)'} ← {s.spun}").replace("$", r"\$") for s in top]
        left.barh(range(len(top)), [s.count for s in top], color="#4c8c6b")
        left.set_yticks(range(len(top)), names)
        left.set_title("Most frequent substitutions", loc="left")
        edges = [k / BINS for k in range(BINS)]
        for axes, counts, title, colour in (
            (upper, self.rates, "Spin rate of spun documents", "#b9772b"),
            (lower, self.confidences, "Confidence of edits", "#4c8c6b"),
        ):
            axes.bar(edges, counts, width=0.9 / BINS, align="edge", color=colour)
            axes.set_xlim(0, 1)
            axes.set_title(title, loc="left")
        for axes in (left, upper, lower):
            axes.spines[["top", "right"]].set_visible(False)
        return figure


def summarise(results: Iterable[Restoration | Failure | None]) -> Summary:
    """Return the `Summary` of *results*, as `explain_many` gives them, in bounded memory.

    Raises TypeError where one is neither a Restoration nor a Failure nor missing.
    """
    summary = Summary()
    for result in results:
        summary.add(result)
    return summary


def write_report(
    results: Iterable[Restoration | Failure | None],
    path: str | os.PathLike[str],
    *,
    title: str = "Restoration report",
    names: Iterable[str] | None = None,
    listed: int = 200,
    shown: int = 12,
) -> Summary:
    """Write a report on *results* to *path*, a self-contained HTML page, and return the summary.

    ``names`` are the names of the documents, in the order of *results* (missing and failed ones too); by default they are
    numbered from 1. Of the spun documents, the ``listed`` with the largest share of words restored are listed, the first
    ``shown`` of them with their text. Both iterables are read once, and only what is shown is kept. The file appears whole
    or not at all.

    Raises OSError where it can't be written, TypeError for results of another kind, ValueError where there are fewer
    names than results.
    """
    summary = Summary()
    # Heaps of the most spun; of equals the earlier. Only the second keeps texts.
    top: list[report_html.Listed] = []
    texts: list[report_html.Shown] = []
    failures: list[tuple[str, Failure]] = []
    given = iter(names) if names is not None else (f"Document {k}" for k in count(1))
    for k, result in enumerate(results):
        name = next(given, None)
        if name is None:
            raise ValueError(f"there are {k} names and more results")
        summary.add(result)
        if isinstance(result, Restoration) and (result.edits or result.spin.is_spun):
            words = sum(display.count_words(e.spun) for e in result.edits)
            share = min(words / max(result.spin.words, 1), 1.0)
            rank = (result.spin.is_spun, share, -k)
            _push(top, report_html.Listed(rank, name, result.spin, len(result.edits), share), listed)
            _push(texts, report_html.Shown(rank, name, result), min(shown, listed))
        elif isinstance(result, Failure) and len(failures) < report_html.FAILURES:
            failures.append((name, result))
    top.sort(reverse=True)
    texts.sort(reverse=True)
    _write(Path(path), report_html.page(summary, top, texts, failures, title))
    return summary


def _push(heap: list[Any], item: Any, size: int) -> None:
    (heapq.heappush if len(heap) < size else heapq.heappushpop)(heap, item)


def _write(path: Path, content: str) -> None:
    """Replace the file at once and whole."""
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(content, encoding="utf-8", newline="\n")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _bin(share: float) -> int:
    return min(max(int(share * BINS), 0), BINS - 1)


def _capitals(pair: tuple[str, str]) -> int:
    return sum(c.isupper() for text in pair for c in text)
