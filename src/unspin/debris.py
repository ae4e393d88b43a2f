"""Marks that a spinner's template engine leaves behind: ``{hardware}``, ``three.2%``.

They never stand in edited prose, so they are repaired wherever a document is found to be spun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIGITS = dict(zip("zero one two three four five six seven eight nine ten eleven twelve".split(), range(13)))
_NUMBER = re.compile(rf"(?<![\w.-])({'|'.join(_DIGITS)})(?=[.,]\d)", re.I)
_NUMBER_SIGN = re.compile(r"[.,](?<=[a-z].)\d", re.I)
_BRACES = re.compile(r"(?<![\w\\}{$])\{([^\W\d_]+(?:[ '’-][^\W\d_]+){0,5})\}(?![\w{}])")


def find_debris(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield ``(start, end, repaired)`` in order.

    >>> list(find_debris("up three.2% on {hardware} sales"))
    [(3, 8, '3'), (15, 16, ''), (24, 25, '')]
    """
    repairs = []
    if _NUMBER_SIGN.search(text):
        repairs = [(m.start(1), m.end(1), str(_DIGITS[m[1].lower()])) for m in _NUMBER.finditer(text)]
    for m in _BRACES.finditer(text) if "{" in text else ():
        repairs += [(m.start(), m.start() + 1, ""), (m.end() - 1, m.end(), "")]
    yield from sorted(repairs)
