"""Text to tokens: words, the gaps between them, and the id stream the models read.

The text is split losslessly into ``gap word gap word … gap`` (``parts``), so that rendering is
assign-and-join and every offset refers to the untouched text. The *stream* is what the phrase table and
the language model see: one id a word, plus ids for the punctuation in the gaps. A sentence end is two
``BREAK`` ids, so that an n-gram history never reaches into the sentence before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from . import kernels
from .kernels import address

# Ids below FIRST_WORD are classes, not words; the vocabulary of the language model starts after them.
UNK, BREAK, NUM, COMMA, COLON, PAREN, HYPHEN, OTHER, FIRST_WORD = range(9)
CLASS_NAMES = ("<unk>", "<break>", "<num>", ",", ":", "(", "-", "<other>")

# A word with inner apostrophes (don't) or a number with inner points (3.2, 1,000); the possessive 's is a
# token of its own, so that "firm's" holds the word "firm". Plain `re`: twice as fast here as `regex`.
WORD = re.compile(r"(\w+(?:['’](?![sS]\b)\w+|[.,](?<=\d[.,])\d\w*)*|['’][sS]\b)")

_BREAKS = frozenset(".!?…\n\r\u2028\u2029\x0b\x0c\x85")
_COLONS = frozenset(";:—–―|•")
_PARENS = frozenset("()[]")
# Marks that leave the words around them neighbours: quotation marks, emphasis, the spinner's braces, currency.
_TRANSPARENT = frozenset(" \t\xa0$€£'’‘\"“”«»*_{}`´\u200b\u200c\u200d\ufeff")
_PLAIN_STOPS = frozenset({". ", ".", ".\xa0"})
# Words whose full stop ends no sentence, beside single letters (U.S.).
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr st vs inc corp co ltd jr sr gen sen rep gov lt col sgt prof rev hon capt no fig eq al ed eds vol pp "
    "jan feb mar apr jun jul aug sep sept oct nov dec approx dept est ave blvd mt ft".split()
)


def gap_classes(gap: str) -> tuple[int, ...]:
    """Return the stream ids that stand for the text between two words.

    >>> gap_classes(", "), gap_classes(" "), gap_classes("-"), gap_classes('." ')
    ((3,), (), (6,), (1, 1))
    """
    if gap in (" ", "", "."):
        return ()
    chars = set(gap)
    if chars & _BREAKS:
        return (BREAK, BREAK)
    if chars & _COLONS:
        return (COLON,)
    if chars & _PARENS:
        return (PAREN,)
    if "," in chars:
        return (COMMA,)
    if "-" in chars:
        # A hyphen glued on both sides joins words; one set off by spaces is a dash.
        return (HYPHEN,) if gap.strip("*_'\"’‘“”{}") == "-" else (COLON,)
    return () if chars <= _TRANSPARENT else (OTHER,)


class _GapMemo(dict[str, tuple[int, ...]]):
    """Gaps repeat, so each distinct one is classified once; the memo is bounded."""

    def __missing__(self, gap: str) -> tuple[int, ...]:
        classes = gap_classes(gap)
        if len(self) < 20_000 and len(gap) < 32:
            self[gap] = classes
        return classes


_GAPS = _GapMemo()


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as parts and as stream.

    ``parts``   gap, word, gap, …, word, gap: ``"".join(parts)`` is the text
    ``words``   the words in lower case with straight apostrophes, one for each odd part
    ``stream``  int64[n]: word and class ids, with two BREAK ids before the first and after the last
    ``at``      int64[n]: index into ``words`` for a word of the stream, -1 for a class id
    """

    parts: list[str]
    words: list[str]
    stream: np.ndarray
    at: np.ndarray

    def offsets(self) -> np.ndarray:
        """int64[len(parts) + 1]: code-point offset at which each part starts, then the length of the text."""
        out = np.zeros(len(self.parts) + 1, dtype=np.int64)
        np.cumsum(np.array(list(map(len, self.parts)), dtype=np.int64), out=out[1:])
        return out


def split(text: str) -> tuple[list[str], list[str]]:
    """Split *text* into ``parts`` and lower-case ``words`` (see `Tokens`).

    >>> split("The firm’s app.")
    (['', 'The', ' ', 'firm', '', '’s', ' ', 'app', '.'], ['the', 'firm', "'s", 'app'])
    """
    parts = WORD.split(text)
    if len(parts) == 1:
        return parts, []
    return parts, "\n".join(parts[1::2]).lower().replace("’", "'").split("\n")


def tokenise(text: str, vocabulary: Mapping[str, int]) -> Tokens:
    """Split *text* and look its words up in *vocabulary* (lower-case word → id ≥ FIRST_WORD).

    A number outside the vocabulary becomes NUM, a word UNK.

    >>> tokenise("So, so.", {"so": 8}).stream.tolist()
    [1, 1, 8, 3, 8, 1, 1]
    """
    parts, words = split(text)
    count = len(words)
    ids = np.fromiter(map(vocabulary.get, words, repeat(UNK)), dtype=np.int64, count=count)
    for k in np.flatnonzero(ids == UNK).tolist():
        if words[k][0].isdigit():
            ids[k] = NUM
    # Few gaps carry classes: `before[k]` of them stand before word k, `classes` holds them in order.
    before = np.zeros(count + 1, dtype=np.int64)
    before[0] = 2
    classes = [BREAK, BREAK]
    between = parts[2:-1:2]
    for k in [k for k, gap in enumerate(between, 1) if gap != " "]:
        gap = between[k - 1]
        found = _GAPS[gap]
        if found and not (gap in _PLAIN_STOPS and (len(words[k - 1]) == 1 or words[k - 1] in _ABBREVIATIONS)):
            before[k] = len(found)
            classes += found
    before[count] += 2 if count else 0
    classes += (BREAK, BREAK)
    size = count + len(classes)
    place = np.arange(count) + np.cumsum(before)[:count]
    stream = np.empty(size, dtype=np.int64)
    at = np.full(size, -1, dtype=np.int64)
    at[place] = np.arange(count)
    stream[at < 0] = classes
    stream[place] = ids
    return Tokens(parts, words, stream, at)


def stable_order(values: np.ndarray) -> np.ndarray:
    """Return the stable sorting order of non-negative ints; by radix, many times faster, where they are small."""
    small = len(values) > 0 and int(values.max()) < 1 << 16
    return np.argsort(values.astype(np.uint16) if small else values, kind="stable")


def numbered(values: np.ndarray) -> np.ndarray:
    """Return int64[n] numbers from 0 on, the same for the same of *values* (int64[n]), in no particular order.

    >>> numbered(np.array([7, 7, 7])).tolist()
    [0, 0, 0]
    """
    native, n = kernels.library(), len(values)
    if native is None:
        return np.unique(values, return_inverse=True)[1]
    size = 1 << (2 * n).bit_length()
    scratch, out, values = np.empty(size, dtype=np.int64), np.empty(n, dtype=np.int64), np.ascontiguousarray(values)
    native.unspin_numbered(n, address(values), size - 1, address(scratch), address(out))
    return out


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the concatenation of ``arange(s, s + c)`` over *starts* and *counts*.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - (ends - counts), counts)
