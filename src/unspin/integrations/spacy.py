"""spaCy: the pipeline component ``unspin``.

``nlp.add_pipe("unspin", config={"min_confidence": 0.7})``; spaCy finds the component by its entry point, so nothing
of this package need be imported. It changes no token. It adds

``Doc._.unspin``     the Restoration; None where the component has not run
``Doc._.restored``   the restored text
``Doc._.edits``      its edits; offsets are those of ``doc.text``, as in ``doc.char_span``
``Doc._.spin``       the Detection
``Span._.edits``     the edits that touch the span
``Span._.restored``  the text of the span with the edits made that lie in it

What it finds is kept in ``doc.user_data`` as plain values, so it survives ``to_bytes``, ``DocBin(store_user_data=True)``
and ``nlp.pipe(n_process=2)``. A document that fails is spaCy's to handle: see ``nlp.set_error_handler``.

>>> import spacy
>>> import unspin.integrations.spacy
>>> nlp = spacy.blank("en")
>>> component = nlp.add_pipe("unspin")
>>> doc = nlp("In accordance with the White Home, the legal guidelines are new.")
>>> doc._.restored
'According to the White House, the laws are new.'
>>> doc[3:6], doc[3:6]._.restored
(the White Home, 'the White House')
"""

# No "from __future__ import annotations": spaCy checks a component's settings by the types that its factory declares.
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..edits import Alternative, Detection, Edit, Restoration, apply_edits
from ..extras import require
from ..restorer import Restorer

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

spacy: Any = require("spacy", "spacy")
tokens: Any = require("spacy.tokens", "spacy")

_KEY = "unspin"
_ALTERNATIVES = Edit._fields.index("alternatives")


class Unspin:
    """The component: restores each document that passes, with the options of one Restorer."""

    def __init__(self, restorer: Restorer) -> None:
        self.restorer = restorer

    def __call__(self, doc: "Doc") -> "Doc":
        doc.user_data[_KEY] = _plain(self.restorer.explain(doc.text))
        return doc


def make(
    nlp: Any,
    name: str,
    min_confidence: float | None,
    protect: list[str],
    tables: dict[str, str | list[str]] | list[str] | Path | None,
    families: list[str] | None,
    spelling: str,
) -> Unspin:
    """Return the component; the settings are the options of `unspin.Restorer`, protect without patterns.

    Raises ValueError (OptionError or spaCy's own) for a setting that means nothing.
    """
    options: dict[str, Any] = {} if min_confidence is None else {"min_confidence": min_confidence}
    return Unspin(Restorer(protect=protect, tables=tables, families=families, spelling=spelling, **options))


make = spacy.language.Language.factory(
    "unspin",
    default_config={"min_confidence": None, "protect": [], "tables": None, "families": None, "spelling": "keep"},
    assigns=["doc._.unspin", "doc._.restored", "doc._.edits", "doc._.spin", "span._.edits", "span._.restored"],
    func=make,
)


def _plain(restoration: Restoration) -> list[Any]:
    """Return what *restoration* adds to its source, in types that msgpack knows."""
    edits = [[*e[:_ALTERNATIVES], [list(a) for a in e.alternatives], *e[_ALTERNATIVES + 1 :]] for e in restoration.edits]
    spin = restoration.spin
    return [edits, [spin.probability, spin.rate, spin.family, spin.evidence, spin.words, dict(spin.rates)]]


def _restoration(doc: "Doc") -> Restoration | None:
    stored = doc.user_data.get(_KEY)
    if stored is None:
        return None
    edits, spin = stored
    whole = (Edit(*e)._replace(alternatives=tuple(Alternative(*a) for a in e[_ALTERNATIVES])) for e in edits)
    return Restoration(doc.text, tuple(whole), Detection(*spin))


def _restored(doc: "Doc") -> str | None:
    restoration = _restoration(doc)
    return None if restoration is None else restoration.text


def _edits(doc: "Doc") -> tuple[Edit, ...]:
    restoration = _restoration(doc)
    return () if restoration is None else restoration.edits


def _spin(doc: "Doc") -> Detection | None:
    restoration = _restoration(doc)
    return None if restoration is None else restoration.spin


def _span_edits(span: "Span") -> tuple[Edit, ...]:
    return tuple(e for e in _edits(span.doc) if e.start < span.end_char and span.start_char < e.end)


def _span_restored(span: "Span") -> str:
    first, after = span.start_char, span.end_char
    inside: Iterable[Edit] = (e for e in _span_edits(span) if first <= e.start and e.end <= after)
    return apply_edits(span.text, (e._replace(start=e.start - first, end=e.end - first) for e in inside))


for _name, _getter in {"unspin": _restoration, "restored": _restored, "edits": _edits, "spin": _spin}.items():
    tokens.Doc.set_extension(_name, getter=_getter, force=True)
for _name, _span_getter in {"edits": _span_edits, "restored": _span_restored}.items():
    tokens.Span.set_extension(_name, getter=_span_getter, force=True)
