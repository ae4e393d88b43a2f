"""The page of a report, and the HTML of a summary; figures are SVG written here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from . import __version__, display
from .display import bar, cell, counted, escape, percent

if TYPE_CHECKING:
    from .batch import Failure
    from .edits import Detection, Restoration
    from .report import Summary

#: Failures that are named one by one.
FAILURES = 20
_TOP = 20
#: Documents listed openly; the others are folded, and left out on paper.
_OPEN = 25
#: Code points of a document shown.
_LIMIT = 3_000

#: Whether spun, share of words restored, and place in the input (negative: of equals the earlier comes first).
_Rank = tuple[bool, float, int]

#: Figures and charts, in a notebook and on the page.
_STYLE = """
.unspin-figures{display:flex;flex-wrap:wrap;gap:.4em 2em;margin:.8em 0 1.2em;padding:0}
.unspin-figures div{min-width:4.5em}
.unspin-figures span{display:block;font-size:.85em;opacity:.75}
.unspin-figures b{font-size:1.5em;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.unspin-charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(17em,100%),1fr));gap:.6em 2em;margin:1em 0}
.unspin-charts figure{margin:0;min-width:0}
.unspin-charts figcaption{font-weight:600;margin-bottom:.2em}
"""

_PAGE_STYLE = """
:root{color-scheme:light dark;--page:#fdfdfb;--ink:#22262a}
@media (prefers-color-scheme:dark){:root{--page:#16181a;--ink:#dcdfe2}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:54rem;padding:1.5rem 1.1rem 4rem;background:var(--page);color:var(--ink);
font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.7rem;line-height:1.2;margin:.2em 0 .3em;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.2em 0 .4em;padding-top:.6em;border-top:1px solid rgba(128,128,128,.3)}
h3{font-size:1rem;margin:0;overflow-wrap:anywhere}
.unspin{max-width:none}
.unspin.unspin.unspin table{width:100%}
article{margin:1.2em 0 2em;padding-left:1em;border-left:3px solid rgba(128,128,128,.3)}
a{color:inherit}
summary{cursor:pointer}
@media (max-width:34rem){body{padding-top:1rem;font-size:15px}.unspin-wide{display:none}article{padding-left:.6em}
.unspin.unspin.unspin :is(th,td){padding-right:.6em}}
@media print{:root{color-scheme:light;--page:#fff;--ink:#000}@page{margin:18mm 16mm}
body{max-width:none;padding:0;font-size:10.5pt;line-height:1.45}
h2,h3,figcaption,.unspin-head{break-after:avoid}tr,figure,.unspin-figures{break-inside:avoid}
thead{display:table-header-group}p,.unspin-text{orphans:3;widows:3}a{text-decoration:none}
.unspin-more{display:none}}
"""


class Listed(NamedTuple):
    """A document of the list."""

    rank: _Rank
    name: str
    spin: Detection
    edits: int
    restored: float


class Shown(NamedTuple):
    """A document whose text is shown."""

    rank: _Rank
    name: str
    result: Restoration


def summary_html(summary: Summary) -> str:
    """Return *summary* as HTML for a notebook."""
    # No heading: a notebook would number it among its own.
    body = f"<style>{_STYLE}</style>{_figures(summary)}{_charts(summary)}{_substitutions(summary, 10, 'strong')}"
    return display.wrapped(body)


def page(
    summary: Summary,
    listed: Sequence[Listed],
    shown: Sequence[Shown],
    failures: Sequence[tuple[str, Failure]],
    title: str,
) -> str:
    """Return the report as a page that needs nothing but itself; *listed* and *shown* are in the same order."""
    anchors = {d.rank: f"d{k}" for k, d in enumerate(shown, 1)}
    main = [
        f"<h1>{escape(title)}</h1>",
        _figures(summary),
        _charts(summary) if summary.edits else "",
        _families(summary),
        _substitutions(summary, _TOP),
        _list(summary, listed, anchors),
        "<h2>Texts</h2>" if shown else "",
        '<p class="unspin-note">Struck: as it was spun. Shaded: restored, the stronger in colour the surer; dotted under: '
        f"less than {percent(display.DOUBTFUL)} sure. Alternatives: point at a word, or open the list under the text.</p>"
        if shown
        else "",
        *(_article(d, anchors[d.rank]) for d in shown),
        _failed(summary, failures),
        f'<p class="unspin-note">Made with unspin {escape(__version__)}.</p>',
    ]
    # The policy forbids scripts and everything from outside, whatever the texts hold.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{display.STYLE}{_STYLE}{_PAGE_STYLE}</style></head>\n"
        f'<body><main class="unspin">\n{chr(10).join(filter(None, main))}\n</main></body></html>\n'
    )


def _figures(summary: Summary) -> str:
    share = summary.words_restored / summary.words if summary.words else 0.0
    figures = [
        ("Documents", f"{summary.documents:,}"),
        ("Spun", f"{summary.spun:,} <small>({percent(summary.share_spun)})</small>" if summary.documents else "0"),
        ("Edits", f"{summary.edits:,}"),
        ("Words restored", f"{summary.words_restored:,} <small>({100 * share:.1f}\u00a0%)</small>"),
    ]
    if summary.missing:
        figures.append(("Missing", f"{summary.missing:,}"))
    if summary.failures:
        figures.append(("Failures", f"{summary.failures:,}"))
    cells = "".join(f"<div><span>{name}</span><b>{value}</b></div>" for name, value in figures)
    return f'<div class="unspin-figures">{cells}</div>'


def _charts(summary: Summary) -> str:
    charts = (
        ("Spin rate of spun documents", "documents", summary.rates, "rgb(200,120,20)"),
        ("Confidence of edits", "edits", summary.confidences, "rgb(40,140,90)"),
    )
    figures = "".join(
        f"<figure><figcaption>{name}</figcaption>{histogram(counts, f'{name}: {what} by share', colour)}</figure>"
        for name, what, counts, colour in charts
    )
    return f'<div class="unspin-charts">{figures}</div>'


def histogram(counts: Sequence[int], label: str, colour: str) -> str:
    """Return a histogram of *counts* in equal bins over 0–1 as SVG; each bar tells its figure when pointed at."""
    width, height, left, base = 360, 150, 44, 126
    highest = max(counts, default=0)
    top = _round_up(highest)
    step = (width - left - 8) / max(len(counts), 1)
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">']
    for value in (0, top // 2, top) if top > 1 else (0, top):
        y = base - 112 * value / top
        parts.append(f'<line x1="{left}" x2="{width - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity=".18"/>')
        parts.append(f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end" opacity=".75">{_short(value)}</text>')
    for k, n in enumerate(counts):
        if n:
            # The smallest bar still shows.
            h = max(112 * n / top, 1.0)
            span = f"{100 * k / len(counts):.0f}–{100 * (k + 1) / len(counts):.0f}\u00a0%"
            parts.append(
                f'<rect x="{left + k * step + 0.75:.1f}" y="{base - h:.1f}" width="{step - 1.5:.1f}" height="{h:.1f}" rx="1" '
                f'fill="{colour}" opacity=".8"><title>{span}: {n:,}</title></rect>'
            )
    for k, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        x = left + (width - left - 8) * k / 4
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="{anchor}" opacity=".75">{25 * k}\u00a0%</text>')
    return "".join((*parts, "</svg>"))


def _round_up(number: int) -> int:
    """The next number of the series 1, 2, 4, 6, 8, 10, 20, 40 …, to end an axis at; its half is whole, but for 1."""
    size = 1
    while True:
        for step in (1, 2, 4, 6, 8):
            if step * size >= number:
                return step * size
        size *= 10


def _short(number: int) -> str:
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if number >= size:
            return f"{number / (1_000 if sign == 'k' else size):g}{sign}"
    return f"{number:,}"


def _families(summary: Summary) -> str:
    if len(summary.families) < 2:
        return ""
    rows = "".join(
        f"<tr>{cell(name)}<td>{bar(n / summary.spun)}</td><td class=unspin-n>{n:,}</td></tr>"
        for name, n in sorted(summary.families.items(), key=lambda f: (-f[1], f[0]))
    )
    return (
        "<h2>Spinner families</h2><table><thead><tr><th>Family</th><th>Share</th><th class=unspin-n>Documents</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _substitutions(summary: Summary, most: int, heading: str = "h2") -> str:
    found = summary.substitutions[:most]
    if not found:
        return ""
    highest = found[0].count
    rows = "".join(
        f"<tr>{cell(s.original)}{cell(s.spun)}"
        f'<td class="unspin-n">{s.count:,}</td><td class="unspin-wide">{bar(s.count / highest)}</td>'
        f'<td class="unspin-n">{percent(s.confidence)}</td></tr>'
        for s in found
    )
    note = (
        f'<p class="unspin-note">{counted(summary.forgotten, "edit")} of rare substitutions no longer counted here.</p>'
        if summary.forgotten
        else ""
    )
    return (
        f"<{heading}>Most frequent substitutions</{heading}>"
        "<table><thead><tr><th>Original</th><th>Spun</th><th class=unspin-n>Edits</th>"
        f'<th class="unspin-wide"></th><th class=unspin-n>Sure</th></tr></thead><tbody>{rows}</tbody></table>{note}'
    )


def _list(summary: Summary, listed: Sequence[Listed], anchors: dict[_Rank, str]) -> str:
    if not listed:
        return "<p>No document was changed.</p>"

    def row(d: Listed) -> str:
        name = cell(d.name)
        anchor = anchors.get(d.rank)
        if anchor:
            name = name.replace(">", f'><a href="#{anchor}">', 1).replace("</td>", "</a></td>")
        return (
            f'<tr>{name}<td class="unspin-wide">{escape(d.spin.family) or "–"}</td>'
            f'<td class="unspin-n unspin-wide">{percent(d.spin.rate) if d.spin.family else "–"}</td>'
            f'<td class="unspin-n unspin-wide">{d.edits:,}</td><td class="unspin-n">{d.spin.words:,}</td>'
            f'<td class="unspin-wide">{bar(d.restored)}</td><td class="unspin-n">{percent(d.restored)}</td></tr>'
        )

    head = (
        '<table><thead><tr><th>Document</th><th class="unspin-wide">Family</th><th class="unspin-n unspin-wide">Rate</th>'
        '<th class="unspin-n unspin-wide">Edits</th><th class=unspin-n>Words</th><th class="unspin-wide"></th>'
        "<th class=unspin-n>Restored</th></tr></thead><tbody>"
    )
    tables = f"{head}{''.join(map(row, listed[:_OPEN]))}</tbody></table>"
    if len(listed) > _OPEN:
        rest = "".join(map(row, listed[_OPEN:]))
        tables += f"<details><summary>{len(listed) - _OPEN:,} more</summary>{head}{rest}</tbody></table></details>"
    note = (
        f'<p class="unspin-note">The {len(listed):,} most spun; {counted(summary.spun, "document")} are spun in all.</p>'
        if summary.spun > len(listed)
        else ""
    )
    return (
        f"<h2>Documents, the most spun first</h2>{tables}{note}"
        '<p class="unspin-note">Rate: what the spinner replaced, of what it could have. Restored: share of the words.</p>'
    )


def _article(document: Shown, anchor: str) -> str:
    r = document.result
    facts = [f"{percent(r.spin.rate)} replaced" if r.spin.is_spun else "in parts", counted(len(r.edits), "edit")]
    return (
        f'<article id="{anchor}"><h3>{escape(document.name)}</h3><div class="unspin-note">{" · ".join(facts)}</div>'
        f'<div class="unspin-text" dir="auto">{display.diff_html(r, limit=_LIMIT)}</div>'
        f"{display.edits_html(r.edits) if r.edits else ''}</article>"
    )


def _failed(summary: Summary, failures: Sequence[tuple[str, Failure]]) -> str:
    if not failures:
        return ""
    rows = "".join(
        f"<tr>{cell(name)}{cell(_cut(f'{type(f.error).__name__}: {f.error}'))}</tr>" for name, f in failures
    )
    more = summary.failures - len(failures)
    note = f'<p class="unspin-note">… and {more:,} more.</p>' if more else ""
    return (
        f"<h2>Failures</h2><table><thead><tr><th>Document</th><th>Error</th></tr></thead><tbody>{rows}</tbody></table>{note}"
    )


def _cut(text: str) -> str:
    return text if len(text) <= 300 else text[:299] + "…"
