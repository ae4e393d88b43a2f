"""Protected places: stretches of a text that a spinner leaves alone and that restoration must leave alone too.

Quotations are so by default only: whether this spinner spared them, the document shows (see `channel`).

Quotations, URLs, e-mail addresses, handles, hashtags, code, Markdown and HTML markup, LaTeX, numbers and ids,
and the terms and patterns that the user names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import regex

Pattern: TypeAlias = re.Pattern[str] | regex.Pattern[str]
#: Start and end in code points, and the kind.
Place: TypeAlias = tuple[int, int, str]

# Where a place may begin is found in one fast scan; what it is, by the pattern of that character, tried there.
# Quotations stay within a paragraph and are bounded, so that a stray mark can't protect a whole document.
# The scan looks for one of few characters, which is fast, and only then at what stands around it.
_TRIGGER = re.compile(
    r"""["“„«`<&$\\\[@#~'‘:wW/\d.]"""
    r"""(?:(?<=["“„«`<&$\\\[@#~])|(?<=['‘])(?<!\w['‘])|(?<=:)(?=//)|(?<=[wW])(?=[wW]{2}\.)|(?<=/)(?=\w)"""
    r"""|(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z]\d)|(?<=\w\.)(?=(?:com|org|net|io|gov|edu|co|uk|de|info|ai|app|dev)\b))"""
)
_FLAGS = regex.S | regex.I | regex.X
_QUOTE = {
    '"': r'(?<!\w)"(?=[^\s"])[^"\n]{1,2000}(?<=[^\s"])"(?!\w)',
    "“": r"“[^“”\n]{1,2000}”",
    "„": r"„[^“”„\n]{1,2000}[“”]",
    "«": r"«[^«»\n]{1,2000}»",
    # An apostrophe inside a word ends no quotation.
    "‘": r"‘(?=\S)[^‘’\n]{1,300}(?:(?<=\w)’(?=\w)[^‘’\n]{1,300})*’(?!\w)",
    "'": r"'(?=\w)[^'\n]{1,300}(?:(?<=\w)'(?=\w)[^'\n]{1,300})*(?<=[\w.,!?])'(?!\w)",
}
_AT_TRIGGER: dict[str, tuple[str, regex.Pattern[str]]] = {
    mark: ("quote", regex.compile(pattern, regex.S)) for mark, pattern in _QUOTE.items()
} | {
    "`": ("code", regex.compile(r"```.*?```|``[^\n]+?``|`[^`\n]+`", _FLAGS)),
    "~": ("code", regex.compile(r"~~~.*?~~~", _FLAGS)),
    "<": (
        "html",
        regex.compile(
            r"<!--.*?-->|<(?P<t>script|style|pre|code)\b[^>]*>.*?</(?P=t)\s*>|</?[a-z][^<>]*>|<https?://[^>\s]+>", _FLAGS
        ),
    ),
    "&": ("html", regex.compile(r"&\#?\w{1,10};", _FLAGS)),
    "$": (
        "latex",
        regex.compile(r"\$\$.{1,2000}?\$\$|\$(?=[^\s\d$])[^$\n]{1,200}?(?<=\S)\$(?![\d\w])", _FLAGS),
    ),
    "\\": (
        "latex",
        regex.compile(
            r"\\\(.{1,500}?\\\)|\\\[.{1,2000}?\\\]|\\begin\{(?P<e>[\w*]+)\}.*?\\end\{(?P=e)\}"
            r"|\\[a-z]+\*?(?:\[[^\]\n]*\])?(?:\{[^{}\n]*\})*",
            _FLAGS,
        ),
    ),
    "[": ("link", regex.compile(r"\[[^\]\n]{0,300}\](?:\([^)\s]*(?:\s+\"[^\"\n]*\")?\)|\[[^\]\n]*\])", _FLAGS)),
    "@": ("handle", regex.compile(r"(?<![\w/])@[\w-]+", _FLAGS)),
    "#": ("handle", regex.compile(r"(?<![\w/])\#[\w-]+", _FLAGS)),
}
# Places that reach back from where they are recognised: tried from the start of the unbroken run of characters.
_RUN = (
    ("url", regex.compile(r"(?:[a-z][a-z+.-]*://|www\.)[^\s<>\"”]+", _FLAGS)),
    ("mail", regex.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", _FLAGS)),
    ("path", regex.compile(r"(?:[A-Z]:|~|\.{1,2})?(?:[/\\][\w.-]+){2,}", _FLAGS)),
    ("url", regex.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[^\s<>\"”]*)?", _FLAGS)),
)
# Model numbers and ids mix letters and digits; ordinals, decades and amounts do too, and are left to the rest.
_ID = regex.compile(r"(?=\w*\d)(?=\w*[A-Z])(?!\d+(?:st|nd|rd|th|s|k|m|bn|x|am|pm)?\b)\w{3,}", _FLAGS)
_LONGEST = 300
_BLANK = re.compile(r"\s")


def find_places(text: str) -> list[Place]:
    """Return ``(start, end, kind)`` of every protected place, in order, none overlapping.

    A curly apostrophe opens no quotation, and an apostrophe inside a word ends none:

    >>> find_places("He said “no” to firm’s @deal")
    [(8, 12, 'quote'), (23, 28, 'handle')]
    """
    places: list[Place] = []
    last = 0
    for hit in _TRIGGER.finditer(text):
        at = hit.start()
        if at < last:
            continue
        place = _place_at(text, at, last, hit[0])
        if place is not None and place[1] > last:
            places.append(place)
            last = place[1]
    return places


def set_apart(text: str, places: Iterable[Place]) -> tuple[list[Place], list[Place]]:
    """Return the places that nothing may touch, and the quotations, which some spinners do reword.

    What stands in a quotation and would be protected outside stays so:

    >>> set_apart("He said “mail @deal”", find_places("He said “mail @deal”"))
    ([(14, 19, 'handle')], [(8, 20, 'quote')])
    """
    shut: list[Place] = []
    quotations: list[Place] = []
    for place in places:
        start, end, kind = place
        if kind != "quote":
            shut.append(place)
            continue
        quotations.append(place)
        inner = find_places(text[start + 1 : end - 1])
        shut += [(a + start + 1, b + start + 1, k) for a, b, k in inner if k != "quote"]
    return shut, quotations


def _place_at(text: str, at: int, last: int, trigger: str) -> Place | None:
    known = _AT_TRIGGER.get(trigger)
    if known is not None and (match := known[1].match(text, at)) is not None:
        start = at - 1 if known[0] == "link" and at > last and text[at - 1] == "!" else at
        return start, match.end(), known[0]
    if trigger in "@:./\\wW":
        # The run of characters around it, as far as a sane address reaches.
        start = at
        while start > max(last, at - _LONGEST) and not text[start - 1].isspace():
            start -= 1
        for kind, pattern in _RUN:
            for match in pattern.finditer(text, start, _run_end(text, at)):
                if match.end() > at:
                    end = match.end()
                    while end > match.start() and text[end - 1] in ".,;:!?)'’":
                        end -= 1
                    return match.start(), end, kind
    elif trigger.isdigit():
        start = at
        while start > max(last, at - _LONGEST) and (text[start - 1].isalnum() or text[start - 1] == "_"):
            start -= 1
        if (match := _ID.match(text, start)) is not None:
            return start, match.end(), "id"
    return None


def _run_end(text: str, at: int) -> int:
    end = min(len(text), at + _LONGEST)
    blank = _BLANK.search(text, at, end)
    return blank.start() if blank is not None else end


def term_pattern(terms: Iterable[str]) -> regex.Pattern[str] | None:
    """Compile plain terms into one pattern: any case, any white space, a plural, verb or possessive ending."""
    cleaned = [t.split() for t in terms]
    parts = [r"\s+".join(map(regex.escape, words)) for words in cleaned if words]
    if not parts:
        return None
    parts.sort(key=lambda p: (-len(p), p))
    return regex.compile(rf"(?<!\w)(?:{'|'.join(parts)})(?:e?s|ed|ing)?(?:['’]s?)?(?!\w)", regex.I)


def find_user_places(text: str, patterns: Sequence[Pattern]) -> list[Place]:
    """Return the non-empty matches of the user's patterns, as `find_places` does."""
    return [(m.start(), m.end(), "user") for p in patterns for m in p.finditer(text) if m.end() > m.start()]


def free_words(offsets: np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """Return bool[words]: whether a word is free of all *places*.

    ``offsets``: of the parts of the text, as `tokens.Tokens.offsets` gives them.
    """
    starts, ends = offsets[1:-1:2], offsets[2::2]
    if not places or not len(starts):
        return np.ones(len(starts), dtype=bool)
    first = np.searchsorted(ends, [p[0] for p in places], side="right")
    last = np.searchsorted(starts, [p[1] for p in places], side="left")
    change = np.zeros(len(starts) + 1, dtype=np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, np.maximum(last, first), -1)
    return np.cumsum(change)[:-1] == 0
