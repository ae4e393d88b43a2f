"""What restoration returns: edits, the restored text, and how spun the document is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, cast, overload


class Alternative(NamedTuple):
    """One reading of a span: its text and the probability that it is what the author wrote."""

    text: str
    confidence: float


class Alternatives(Sequence[Alternative]):
    """The readings of an edit, rendered when somebody looks; a tuple to all purposes."""

    __slots__ = ("_items", "_render")

    def __init__(self, render: Callable[[], Iterable[Alternative]]) -> None:
        self._render: Callable[[], Iterable[Alternative]] | None = render
        self._items: tuple[Alternative, ...] = ()

    def _all(self) -> tuple[Alternative, ...]:
        render = self._render
        if render is not None:
            # Threads may both render; they come to the same.
            self._items = tuple(render())
            self._render = None
        return self._items

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, index: int) -> Alternative: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Alternative, ...]: ...
    def __getitem__(self, index: int | slice) -> Alternative | tuple[Alternative, ...]:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, Alternatives) else other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[object, ...]:
        return (tuple, (self._all(),))


class Edit(NamedTuple):
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
    alternatives: Sequence[Alternative] = ()
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

    def _repr_html_(self) -> str:
        from .display import detection_html

        return detection_html(self)

    def __repr__(self) -> str:
        found = f" {self.family} rate {self.rate:.2f}" if self.family else ""
        return f"<Detection {self.probability:.2f}{found}, {self.words} words>"

    def __reduce__(self) -> tuple[object, ...]:
        # A mapping proxy doesn't pickle; a plain dict stands in for it on the way.
        values = (self.probability, self.rate, self.family, self.evidence, self.words)
        return (_detection, (values, dict(self.rates)))


def _detection(values: tuple[float, float, str, float, int], rates: dict[str, float]) -> Detection:
    return Detection(*values, MappingProxyType(rates))


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """Return *source* with *edits* made, which are in order and do not overlap.

    >>> apply_edits("an precise ban", [Edit(3, 10, "precise", "actual", 0.9)])
    'an actual ban'
    """
    return replaced(source, ((e.start, e.end, e.original) for e in edits))


def replaced(source: str, changes: Iterable[tuple[int, int, str]]) -> str:
    """Return *source* with each stretch ``(start, end, text)`` replaced; in order, none overlapping."""
    out: list[str] = []
    at = 0
    for start, end, text in changes:
        out += (source[at:start], text)
        at = end
    out.append(source[at:])
    return "".join(out)


class Account(Protocol):
    """Edits to be built when somebody looks, and what they change."""

    def changes(self) -> Iterable[tuple[int, int, str]]: ...
    def edits(self) -> tuple[Edit, ...]: ...


class Restoration:
    """A restored text with its account: ``text`` is ``source`` with ``edits`` made.

    Immutable; ``edits`` are built when first looked at, so that whoever wants the text alone doesn't pay for them.
    """

    __slots__ = ("_account", "_edits", "source", "spin")
    source: str
    spin: Detection
    _account: Any
    _edits: Any

    def __init__(self, source: str, edits: Iterable[Edit] | Account, spin: Detection) -> None:
        put = object.__setattr__
        put(self, "source", source)
        put(self, "spin", spin)
        lazy = hasattr(edits, "changes")
        put(self, "_account", edits if lazy else None)
        put(self, "_edits", None if lazy else tuple(cast("Iterable[Edit]", edits)))

    @property
    def edits(self) -> tuple[Edit, ...]:
        edits, account = self._edits, self._account
        if edits is None and account is not None:
            # Threads may both build them; they come to the same.
            edits = account.edits()
            object.__setattr__(self, "_edits", edits)
            object.__setattr__(self, "_account", None)
        return self._edits if edits is None else edits

    @property
    def text(self) -> str:
        account = self._account
        return apply_edits(self.source, self.edits) if account is None else replaced(self.source, account.changes())

    def keep(self, wanted: Callable[[Edit], bool]) -> Restoration:
        """Return a restoration with only the edits for which *wanted* is true.

        >>> r = Restoration("a b", (Edit(0, 1, "a", "x", 0.9), Edit(2, 3, "b", "y", 0.4)), Detection(1, 1, "news", 1, 2))
        >>> r.keep(lambda e: e.confidence > 0.5).text
        'x b'
        """
        return Restoration(self.source, (e for e in self.edits if wanted(e)), self.spin)

    def drop(self, *unwanted: Edit | int) -> Restoration:
        """Return a restoration without some edits, named by themselves or by their index in ``edits``."""
        out = {self.edits[e] if isinstance(e, int) else e for e in unwanted}
        missing = out - set(self.edits)
        if missing:
            raise ValueError(f"not among the edits: {missing}")
        return self.keep(lambda e: e not in out)

    def _repr_html_(self) -> str:
        from .display import restoration_html

        return restoration_html(self)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Restoration is immutable: can't set {name!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Restoration):
            return NotImplemented
        return (self.source, self.edits, self.spin) == (other.source, other.edits, other.spin)

    def __hash__(self) -> int:
        return hash((self.source, self.edits))

    def __reduce__(self) -> tuple[object, ...]:
        return (Restoration, (self.source, self.edits, self.spin))

    def __repr__(self) -> str:
        return f"<Restoration {len(self.edits)} edits, {self.spin!r}>"
