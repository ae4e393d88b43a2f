"""Results as HTML: the diff of a restoration, the gauge of a detection, the evidence in its text.

What is returned is self-contained (no script, no outside resource), takes the colours of the page around it, light or
dark, and shows text from anywhere safely: markup is escaped, control and bidirectional characters are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape as _escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .edits import Detection, Edit, Restoration

#: Characters of the source that a diff shows before it stops and says how much is left.
LIMIT = 20_000
#: Unchanged stretches longer than this are folded, all but their ends.
_FOLD, _ENDS = 700, 240
_ROWS = 200
_OTHERS = 4
#: Letters of a word that two columns of a phone have room for.
_LONG = 12
#: Edits under this confidence are marked as doubtful.
DOUBTFUL = 0.7

# C0 and C1 controls but for tab and line ends, marks and overrides of direction, line separators, invisible
# operators, lone surrogates (which no encoding takes), noncharacters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_WORD = re.compile(r"\w+(?:['’-]\w+)*")

# The class is named three times where a notebook has rules of its own for tables.
STYLE = """
.unspin{font:inherit;line-height:1.6;max-width:46em;color:inherit;text-align:left}
.unspin-text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;margin:.6em 0;line-height:1.75}
.unspin del,.unspin ins,.unspin mark{border-radius:3px;padding:.05em .2em;color:inherit;
-webkit-box-decoration-break:clone;box-decoration-break:clone;unicode-bidi:isolate;
-webkit-print-color-adjust:exact;print-color-adjust:exact}
.unspin del{text-decoration:line-through;text-decoration-color:rgba(207,70,60,.9);background:rgba(207,70,60,.09);opacity:.72}
.unspin ins{text-decoration:none;font-weight:500;margin-left:.15em}
.unspin ins.unspin-doubt{border-bottom:2px dotted rgba(190,130,20,.95);border-radius:3px 3px 0 0}
.unspin-ctl{font-family:monospace;font-size:.8em;opacity:.7}
.unspin-fold{display:inline}
.unspin-fold summary{display:inline-block;cursor:pointer;list-style:none;font-size:.82em;opacity:.75;
border:1px solid rgba(128,128,128,.5);border-radius:1em;padding:0 .7em;margin:0 .3em}
.unspin-fold summary::-webkit-details-marker{display:none}
.unspin-more>summary{cursor:pointer;margin:.4em 0}
.unspin-note{font-size:.88em;opacity:.75;margin:.3em 0}
.unspin.unspin.unspin table{border-collapse:collapse;margin:.4em 0;font-size:.92em;width:auto;max-width:100%;border:0}
.unspin.unspin.unspin tr{background:none}
.unspin.unspin.unspin th,.unspin.unspin.unspin td{text-align:left;vertical-align:top;padding:.28em .8em .28em 0;border:0;
border-bottom:1px solid rgba(128,128,128,.25);background:none;white-space:normal}
.unspin.unspin.unspin th{font-weight:600}
.unspin.unspin.unspin td.unspin-long{overflow-wrap:anywhere}
.unspin.unspin.unspin .unspin-n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.unspin-head{display:flex;flex-wrap:wrap;gap:.1em 1.2em;align-items:baseline}
.unspin-verdict{font-weight:650;font-size:1.12em}
.unspin svg{display:block;width:100%;max-width:30em;height:auto;margin:.3em 0;color:inherit}
.unspin svg text{fill:currentColor;font-size:11px;font-family:inherit}
"""


def escape(text: str) -> str:
    """Return *text* for an element or a quoted attribute: markup escaped, characters that can't be seen named.

    >>> escape("<b>&\\u202e")
    '&lt;b&gt;&amp;⟨U+202E⟩'
    """
    return _escape(visible(text.replace("\r\n", "\n")), quote=True)


def visible(text: str) -> str:
    """Return *text* with the characters that can't be seen, or turn what is seen around, by name: ``⟨U+202E⟩``."""
    return _UNSEEN.sub(lambda m: f"⟨U+{ord(m[0]):04X}⟩", text)


def _shown(text: str) -> str:
    """Return *text* for an element, the names of unseen characters set apart from it."""
    return re.sub(r"⟨U\+[0-9A-F]{4}⟩", lambda m: f'<span class="unspin-ctl">{m[0]}</span>', escape(text))


def count_words(text: str) -> int:
    """Return the number of words of *text*, hyphened and contracted ones as one.

    >>> count_words("It's a well-known fact.")
    4
    """
    return sum(1 for _ in _WORD.finditer(text))


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 edit``, ``1,200 edits``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def restoration_html(restoration: Restoration, *, limit: int = LIMIT) -> str:
    """Return *restoration* as HTML: the verdict, the diff and a table of its edits with their alternatives.

    Removed words are struck out, their originals stand behind them, the stronger in colour the surer; pointing at one
    shows confidence, alternatives and row. ``limit`` is the number of code points of the source shown.
    """
    parts = [_head(restoration.spin), f'<div class="unspin-text" dir="auto">{diff_html(restoration, limit=limit)}</div>']
    if restoration.edits:
        parts.append(edits_html(restoration.edits))
    return wrapped("".join(parts))


def detection_html(detection: Detection, restoration: Restoration | None = None, *, limit: int = LIMIT) -> str:
    """Return *detection* as HTML: a gauge of its probability, the evidence and the rate of each family.

    With the *restoration* of the text, the words that speak for spinning are marked in it as well.
    """
    parts = [_head(detection), _gauge(detection)]
    if detection.words:
        said = "says nothing either way" if abs(detection.evidence) < 0.005 else "speaks for spinning"
        said = "speaks against spinning" if detection.evidence <= -0.005 else said
        parts.append(
            f'<div class="unspin-note">Evidence: {_signed(detection.evidence)} nats a word, which {said}; '
            f"{counted(detection.words, 'word')} weighed.</div>"
        )
    rates = [(f, r) for f, r in detection.rates.items() if r > 0]
    if rates:
        rows = "".join(
            f"<tr>{cell(f)}<td>{bar(r)}</td><td class=unspin-n>{percent(r)}</td></tr>"
            for f, r in sorted(rates, key=lambda x: -x[1])
        )
        title = "<th>Family</th><th colspan=2>Replaced, of what it could have</th>"
        parts.append(f"<table><thead><tr>{title}</tr></thead><tbody>{rows}</tbody></table>")
    if restoration is not None:
        marked = evidence_html(restoration, limit=limit)
        parts.append(f'<div class="unspin-text" dir="auto">{marked}</div>')
    return wrapped("".join(parts))


def evidence_html(restoration: Restoration, *, limit: int = LIMIT) -> str:
    """Return the source as it came, the words that betray a spinner marked, the stronger the surer (no wrapper, no style)."""

    def mark(edit: Edit) -> str:
        return (
            f'<mark title="{_title(edit)}" style="background:rgba(225,160,30,{_shade(edit.confidence)})">'
            f"{_shown(edit.spun)}</mark>"
        )

    return "".join(_pieces(restoration, mark, limit))


def diff_html(restoration: Restoration, *, limit: int = LIMIT) -> str:
    """Return the diff alone, for a page that has `STYLE` (no wrapper)."""
    return "".join(_pieces(restoration, _change, limit))


def wrapped(body: str) -> str:
    """Return *body* in the element that `STYLE` applies to, with that style."""
    return f'<div class="unspin"><style>{STYLE}</style>{body}</div>'


def cell(text: str, kind: str = "") -> str:
    """Return *text* as a cell of a table; words too long for a column are broken, others are not."""
    # Capitals are wider. What can't be seen is shown by name.
    long = any(len(word) + sum(map(str.isupper, word)) / 2 > _LONG for word in visible(text).split())
    classes = " ".join(filter(None, (kind, "unspin-long" if long else "")))
    attribute = f' class="{classes}"' if classes else ""
    return f"<td{attribute}>{_shown(text) or '<i>nothing</i>'}</td>"


def bar(share: float, width: int = 90) -> str:
    """Return a small bar for a share of 0–1, as SVG."""
    filled = round(min(max(share, 0.0), 1.0) * width, 1)
    return (
        f'<svg viewBox="0 0 {width} 10" style="width:{width}px;display:inline-block;margin:0" aria-hidden="true">'
        f'<rect y="2" width="{width}" height="6" rx="3" fill="currentColor" opacity=".15"/>'
        f'<rect y="2" width="{filled}" height="6" rx="3" fill="currentColor" opacity=".6"/></svg>'
    )


def _change(edit: Edit) -> str:
    title = _title(edit)
    doubt = ' class="unspin-doubt"' if edit.confidence < DOUBTFUL else ""
    new = (
        f'<ins title="{title}"{doubt} style="background:rgba(40,150,90,{_shade(edit.confidence)})">{_shown(edit.original)}</ins>'
        if edit.original
        else ""
    )
    return f'<del title="{title}">{_shown(edit.spun)}</del>{new}'


def _title(edit: Edit) -> str:
    lines = [f"{edit.spun} → {edit.original or 'nothing'}  ({percent(edit.confidence)} sure)"]
    others = _others(edit)
    if others:
        lines.append("or " + ", ".join(f"{text or 'nothing'} {percent(p)}" for text, p in others))
    lines.append(" · ".join(s for s in (edit.kind, edit.family, edit.entry) if s))
    return "&#10;".join(escape(line) for line in lines)


def _others(edit: Edit) -> list[tuple[str, float]]:
    """The other readings worth a mention: half a percent and more."""
    return [(a.text, a.confidence) for a in edit.alternatives if a.text != edit.original and a.confidence >= 0.005][:_OTHERS]


def _shade(confidence: float) -> str:
    return f"{0.08 + 0.30 * min(max(confidence, 0.0), 1.0) ** 2:.2f}"


def percent(share: float) -> str:
    """Return a share as percent; one that is not quite all is not said to be 100 %."""
    share = min(max(share, 0.0), 1.0)
    return ">\u00a099\u00a0%" if 0.995 <= share < 1 else f"{100 * share:.0f}\u00a0%"


def _signed(number: float) -> str:
    return f"{number:+.2f}".replace("-", "−")


def _pieces(restoration: Restoration, shown: Callable[[Edit], str], limit: int) -> Iterator[str]:
    """Yield the text with its edits, long unchanged stretches folded, up to *limit* code points."""
    source, at, done = restoration.source, 0, 0
    for k, edit in enumerate(restoration.edits):
        if edit.start >= limit:
            break
        yield from _same(source[at : edit.start], first=k == 0)
        yield shown(edit)
        at, done = edit.end, k + 1
    end = max(at, min(len(source), limit))
    left = len(source) - end
    yield from _same(source[at:end], first=done == 0, last=not left)
    if left:
        rest = len(restoration.edits) - done
        yield f'<div class="unspin-note">… {counted(left, "more character")} with {counted(rest, "edit")}, not shown.</div>'


def _same(text: str, *, first: bool = False, last: bool = False) -> Iterator[str]:
    if len(text) <= _FOLD:
        yield _shown(text)
        return
    # Folded at spaces, with the ends that touch an edit left standing.
    head = 0 if first and not last else text.rfind(" ", 0, _ENDS) + 1 or _ENDS
    tail = len(text) if last and not first else text.find(" ", len(text) - _ENDS) + 1 or len(text) - _ENDS
    label = f"{tail - head:,} characters unchanged"
    yield (
        f'{_shown(text[:head])}<details class="unspin-fold"><summary>⋯ {label} ⋯</summary>'
        f"{_shown(text[head:tail])}</details>{_shown(text[tail:])}"
    )


def edits_html(edits: Sequence[Edit]) -> str:
    """Return a folded table of *edits* with their alternatives and rows; the first 200 of them."""
    rows = "".join(_row(e) for e in edits[:_ROWS])
    more = f'<div class="unspin-note">… and {len(edits) - _ROWS:,} more.</div>' if len(edits) > _ROWS else ""
    return (
        f'<details class="unspin-more"><summary>{counted(len(edits), "edit")}, with their alternatives</summary>'
        "<table><thead><tr><th>Spun</th><th>Original</th><th class=unspin-n>Sure</th><th>Or</th>"
        "<th class=unspin-wide>Row</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{more}</details>"
    )


def _row(edit: Edit) -> str:
    others = ", ".join(f"{text or 'nothing'} {percent(p)}" for text, p in _others(edit))
    return (
        f"<tr>{cell(edit.spun)}{cell(edit.original)}<td class=unspin-n>{percent(edit.confidence)}</td>"
        f"{cell(others or '–')}{cell(edit.entry or edit.kind, 'unspin-wide')}</tr>"
    )


def _head(detection: Detection) -> str:
    if not detection.words:
        return '<div class="unspin-head"><span class="unspin-verdict">No words to weigh</span></div>'
    verdict = "Spun" if detection.is_spun else "Not spun"
    facts = [f"probability {percent(detection.probability)}"]
    if detection.family:
        facts += [f"family {detection.family}", f"{percent(detection.rate)} replaced"]
    facts.append(counted(detection.words, "word"))
    said = " · ".join(facts)
    return f'<div class="unspin-head"><span class="unspin-verdict">{verdict}</span><span>{escape(said)}</span></div>'


def _gauge(detection: Detection) -> str:
    """The probability on a line from 0 to 1, the point where a text counts as spun marked."""
    at = 10 + 340 * min(max(detection.probability, 0.0), 1.0)
    colour = "rgb(200,120,20)" if detection.is_spun else "rgb(40,140,90)"
    ticks: Iterable[tuple[int, str, str]] = ((10, "start", "not spun"), (180, "middle", "½"), (350, "end", "spun"))
    labels = "".join(f'<text x="{x}" y="36" text-anchor="{a}" opacity=".75">{t}</text>' for x, a, t in ticks)
    label = f"probability of spinning {percent(detection.probability)}"
    return (
        f'<svg viewBox="0 0 360 40" role="img" aria-label="{escape(label)}">'
        '<rect x="10" y="10" width="340" height="8" rx="4" fill="currentColor" opacity=".15"/>'
        f'<rect x="10" y="10" width="{at - 10:.1f}" height="8" rx="4" fill="{colour}" opacity=".55"/>'
        '<line x1="180" x2="180" y1="6" y2="22" stroke="currentColor" opacity=".5"/>'
        f'<circle cx="{at:.1f}" cy="14" r="7" fill="{colour}"/>{labels}</svg>'
    )
