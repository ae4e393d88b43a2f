"""What restoration returns: edits, the restored text, and how spun the document is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Alternative:
    """One reading of a span: its text and the probability that it is what the author wrote."""

    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Edit:
    """One restoration. ``text[start:end] == spun`` in the untouched text (code points).

    ``original``      what the span is restored to
    ``confidence``    probability that this reading is right, 0–1
    ``alternatives``  all readings weighed, the best first; the spun text itself is among them
    ``kind``          "phrase", "article" (a/an agreeing again) or "debris" (braces, broken numbers)
    ``family``        spinner family of the row, "" where none applies
    ``entry``         the row that offered it: ``file:line original``; "" where none did
    """

    start: int
    end: int
    spun: str
    original: str
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    kind: str = "phrase"
    family: str = ""
    entry: str = ""

    def __repr__(self) -> str:
        return f"<Edit {self.start}:{self.end} {self.spun!r} → {self.original!r} {self.confidence:.2f}>"


@dataclass(frozen=True, slots=True)
class Detection:
    """Whether a text is synonym-spun.

    ``probability``  that the text was spun at all, 0–1
    ``rate``         share of the originals that a spinner could have replaced that it did replace, 0–1
    ``family``       the spinner family that explains the text best; "" where it is not spun
    ``evidence``     log-likelihood ratio spun : not spun, in nats a word
    ``words``        words weighed
    ``rates``        the rate of each family
    """

    probability: float
    rate: float
    family: str
    evidence: float
    words: int
    rates: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_spun(self) -> bool:
        return self.probability >= 0.5

    def __repr__(self) -> str:
        found = f" {self.family} rate {self.rate:.2f}" if self.family else ""
        return f"<Detection {self.probability:.2f}{found}, {self.words} words>"

    def __reduce__(self) -> tuple[object, ...]:
        values = (self.probability, self.rate, self.family, self.evidence, self.words, dict(self.rates))
        return (_detection, values)


def _detection(*values: object) -> Detection:
    *head, rates = values
    return Detection(*head, MappingProxyType(rates))  # type: ignore[arg-type]


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """Return *source* with *edits* made, which are in order and do not overlap.

    >>> apply_edits("an precise ban", [Edit(3, 10, "precise", "actual", 0.9)])
    'an actual ban'
    """
    out, at = [], 0
    for edit in edits:
        out += (source[at : edit.start], edit.original)
        at = edit.end
    out.append(source[at:])
    return "".join(out)


@dataclass(frozen=True, slots=True)
class Restoration:
    """A restored text with its account: ``text`` is ``source`` with ``edits`` made."""

    source: str
    edits: tuple[Edit, ...]
    spin: Detection

    @property
    def text(self) -> str:
        return apply_edits(self.source, self.edits)

    def keep(self, wanted: Callable[[Edit], bool]) -> Restoration:
        """Return a restoration with only the edits for which *wanted* is true.

        >>> r = Restoration("a b", (Edit(0, 1, "a", "x", 0.9), Edit(2, 3, "b", "y", 0.4)), Detection(1, 1, "news", 1, 2))
        >>> r.keep(lambda e: e.confidence > 0.5).text
        'x b'
        """
        return replace(self, edits=tuple(e for e in self.edits if wanted(e)))

    def drop(self, *unwanted: Edit | int) -> Restoration:
        """Return a restoration without some edits, named by themselves or by their index in ``edits``."""
        out = {self.edits[e] if isinstance(e, int) else e for e in unwanted}
        missing = out - set(self.edits)
        if missing:
            raise ValueError(f"not among the edits: {missing}")
        return self.keep(lambda e: e not in out)

    def __repr__(self) -> str:
        return f"<Restoration {len(self.edits)} edits, {self.spin!r}>"
