"""Text to tokens: words, the gaps between them, and the id stream the models read.

The text is split losslessly into ``gap word gap word … gap`` (``parts``), so that rendering is
assign-and-join and every offset refers to the untouched text. The *stream* is what the phrase table and
the language model see: one id a word, plus ids for the punctuation in the gaps. A sentence end is two
``BREAK`` ids, so that an n-gram history never reaches into the sentence before.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise, repeat
from operator import ne
from typing import Any

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
# What may stand around a hyphen that joins words.
_STRIPPED = "*_'\"’‘“”{}"
_PLAIN_STOPS = frozenset({". ", ".", ".\xa0"})
# Words whose full stop ends no sentence, beside single letters (U.S.).
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr st vs inc corp co ltd jr sr gen sen rep gov lt col sgt prof rev hon capt no fig eq al ed eds vol pp "
    "jan feb mar apr jun jul aug sep sept oct nov dec approx dept est ave blvd mt ft".split()
)
#: Code points under this are known to the tokeniser in C: nearly all letters, and emoji.
_KNOWN = 0x20000


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
        return (HYPHEN,) if gap.strip(_STRIPPED) == "-" else (COLON,)
    return () if chars <= _TRANSPARENT else (OTHER,)


class _GapMemo(dict[str, tuple[int, ...]]):
    """Gaps repeat, so each distinct one is classified once; the memo is bounded."""

    def __missing__(self, gap: str) -> tuple[int, ...]:
        classes = gap_classes(gap)
        if len(self) < 20_000 and len(gap) < 32:
            self[gap] = classes
        return classes


_GAPS = _GapMemo()


class Vocabulary(dict[str, int]):
    """Lower-case words and their ids, for `tokenise`; not to be changed once that has seen it."""

    @cached_property
    def index(self) -> Index | None:
        """The same for the tokeniser in C; None where that can't have it."""
        return _index(self)


@dataclass(frozen=True)
class Tokens:
    """A text as parts and as stream; what little is asked for is worked out late.

    ``stream``   int64[n]: word and class ids, with two BREAK ids before the first and after the last
    ``at``       int64[n]: index into ``words`` for a word of the stream, -1 for a class id
    ``count``    number of words
    ``codes``    uint32: the code points of the text, where they were needed
    """

    text: str
    stream: np.ndarray
    at: np.ndarray
    count: int
    codes: np.ndarray | None = None

    def __len__(self) -> int:
        return self.count

    @cached_property
    def parts(self) -> list[str]:
        """Gap, word, gap, …, word, gap: ``"".join(parts)`` is the text."""
        return [self.text[a:b] for a, b in pairwise(self.offsets.tolist())]

    @cached_property
    def offsets(self) -> np.ndarray:
        """int64[2 words + 2]: code-point offset at which each part starts, then the length of the text."""
        out = np.zeros(len(self.parts) + 1, dtype=np.int64)
        np.cumsum(np.fromiter(map(len, self.parts), dtype=np.int64, count=len(self.parts)), out=out[1:])
        return out

    @cached_property
    def capital(self) -> np.ndarray:
        """bool[words]: whether a word is letters, some of them capital."""
        shown = self.parts[1::2]
        # Whatever differs from its lower-case form holds a capital, or a curly apostrophe, which is no letter.
        capital = np.fromiter(map(ne, shown, self.words), dtype=bool, count=len(shown))
        for k in np.flatnonzero(capital).tolist():
            capital[k] = shown[k].isalpha()
        return capital

    @cached_property
    def words(self) -> list[str]:
        """The words in lower case with straight apostrophes, one for each odd part."""
        native = kernels.library()
        if native is None or self.codes is None or not self.count:
            return _lower(self.parts[1::2])
        out = np.empty(len(self.codes) + self.count, dtype=np.uint32)
        size = native.unspin_spell(address(self.codes), self.count, address(self.offsets), address(out))
        return _lower([out[:size].tobytes().decode(_CODES, "surrogatepass")])

    def shown(self, k: int) -> str:
        """Word *k* as it stands in the text."""
        start, stop = self.offsets[2 * k + 1 : 2 * k + 3].tolist()
        return self.text[start:stop]


#: Code points as numbers of 32 bits, in the byte order of the machine.
_CODES = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"


def _lower(words: list[str]) -> list[str]:
    return "\n".join(words).lower().replace("’", "'").split("\n") if words else []


def split(text: str) -> tuple[list[str], list[str]]:
    """Split *text* into ``parts`` and lower-case ``words`` (see `Tokens`).

    >>> split("The firm’s app.")
    (['', 'The', ' ', 'firm', '', '’s', ' ', 'app', '.'], ['the', 'firm', "'s", 'app'])
    """
    parts = WORD.split(text)
    return parts, _lower(parts[1::2])


def tokenise(text: str, vocabulary: Mapping[str, int]) -> Tokens:
    """Split *text* and look its words up in *vocabulary* (lower-case word → id ≥ FIRST_WORD).

    A number outside the vocabulary becomes NUM, a word UNK.

    >>> tokenise("So, so.", {"so": 8}).stream.tolist()
    [1, 1, 8, 3, 8, 1, 1]
    """
    native = kernels.library()
    if native is not None and isinstance(vocabulary, Vocabulary) and (index := vocabulary.index) is not None:
        tokens = _tokenise_native(native, text, vocabulary, index)
        if tokens is not None:
            return tokens
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
    tokens = Tokens(text, stream, at, count)
    vars(tokens).update(parts=parts, words=words)
    return tokens


def _tokenise_native(native: Any, text: str, vocabulary: Vocabulary, index: Index) -> Tokens | None:
    """As `tokenise`; None where the text holds a character that isn't known there."""
    codes, n = np.frombuffer(text.encode(_CODES, "surrogatepass"), dtype=np.uint32), len(text)
    classes, counts = character_classes(), np.empty(2, dtype=np.int64)
    # Of offsets, stream and at there are two a character at most, and of what is doubtful one.
    out, capital = np.empty(8 * (n + 4), dtype=np.int64), np.empty(n, dtype=bool)
    row = 2 * (n + 4)
    first = address(out)
    words = native.unspin_tokenise(
        n, address(codes), address(classes), len(classes),
        address(index.slots), len(index.slots) - 1, index.seed, index.size, address(index.abbreviation),
        *(first + 8 * row * k for k in range(3)), address(capital),
        first + 24 * row, first + 28 * row, address(counts),
    )  # fmt: skip
    if words < 0:
        return None
    size, doubtful = counts.tolist()
    offsets, stream, at = out[: 2 * words + 2], out[row : row + size], out[2 * row : 2 * row + size]
    tokens = Tokens(text, stream, at, words, codes)
    vars(tokens).update(offsets=offsets, capital=capital[:words])
    if doubtful:
        # Words that aren't ASCII.
        unsure = out[3 * row : 3 * row + doubtful].tolist(), out[3 * row + row // 2 : 3 * row + row // 2 + doubtful].tolist()
        for k, place in zip(*unsure):
            shown = tokens.shown(k)
            word = shown.lower().replace("’", "'")
            stream[place] = vocabulary.get(word, NUM if word[0].isdigit() else UNK)
            capital[k] = shown != word and shown.isalpha()
    return tokens


@dataclass(frozen=True, slots=True)
class Index:
    """The ASCII words of a vocabulary, hashed (`native/tokens.c`).

    ``slots``         uint64, a power of two of them: 43 bits of a word's hash and its id, or 0; ``seed``: of the hash
    ``size``          over all ids; ids from there on are abbreviations that are no words of the vocabulary
    ``abbreviation``  bool: of each id, whether a full stop after it ends no sentence
    """

    slots: np.ndarray
    seed: int
    size: int
    abbreviation: np.ndarray


def _index(vocabulary: Vocabulary) -> Index | None:
    native, size = kernels.library(), max(vocabulary.values(), default=0) + 1
    if native is None or min(vocabulary.values(), default=FIRST_WORD) < FIRST_WORD or size >= 1 << 20:
        return None
    further = sorted(_ABBREVIATIONS - vocabulary.keys())
    words = "\n".join([*vocabulary, *further, ""]).encode("utf-8", "surrogatepass")
    ids = np.fromiter(chain(vocabulary.values(), range(size, size + len(further))), dtype=np.int64)
    if words.count(b"\n") != len(ids):
        return None
    abbreviation = np.zeros(size + len(further), dtype=bool)
    abbreviation[[vocabulary.get(w, size) for w in _ABBREVIATIONS]] = True
    abbreviation[size:] = True
    # Two words hardly ever have one hash.
    for seed in range(1, 9):
        slots = np.zeros(1 << (2 * len(ids) - 1).bit_length(), dtype=np.uint64)
        if not native.unspin_index(len(words), words, address(ids), seed, len(slots) - 1, address(slots)):
            return Index(slots, seed, size, abbreviation)
    return None


@lru_cache(maxsize=1)
def character_classes() -> np.ndarray:
    """uint16: what each of the first code points is to the tokeniser in C (see `native/tokens.c`)."""
    word, digit, stripped, refused, upper, letter, kind = 1, 2, 4, 8, 16, 32, 8
    every = "".join(map(chr, range(_KNOWN)))
    out = np.full(_KNOWN, 6 << kind, dtype=np.uint16)
    for value, characters in enumerate((_TRANSPARENT, _BREAKS, _COLONS, _PARENS, ",", "-")):
        out[list(map(ord, characters))] = value << kind
    out[list(map(ord, _STRIPPED))] |= stripped
    for pattern, bit in ((r"\w+", word), (r"\d+", digit)):
        for match in re.finditer(pattern, every):
            out[match.start() : match.end()] |= bit
    out[ord("A") : ord("Z") + 1] |= upper | letter
    out[ord("a") : ord("z") + 1] |= letter
    # Where lower case is another number of characters, or ASCII; few blocks hold any.
    for begin in range(128, _KNOWN, 128):
        low = every[begin : begin + 128].lower()
        if len(low) != 128 or min(low) < "\x80":
            for k in range(begin, begin + 128):
                low = every[k].lower()
                out[k] |= refused if len(low) != 1 or low.isascii() else 0
    return out




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
    size = 1 << (n + n // 2).bit_length()
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
