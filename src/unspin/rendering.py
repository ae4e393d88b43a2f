"""From token ids back to text: letter case, apostrophe style, the article that agrees with the next word."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d[\d.,]*")
_LETTER_NAMES = frozenset("aefhilmnorsx")
# Words that begin with a vowel letter but a consonant sound, by their beginnings.
_CONSONANT_SOUND = re.compile(
    r"(?:uni(?:t|v|q|c|f|o|s)|us(?:e|u|a)|eu|ewe|one(?:\b|s\b|-|ness|t)|once|uk|ufo|ubiq|uta|ute|uto|ur[aeio]"
    r"|ug(?:an|gs?\b)|ou[ij])",
    re.I,
)
_SILENT_H = re.compile(r"(?:hour|honest|hono|heir)", re.I)


def article(word: str) -> str:
    """Return "a" or "an", whichever goes before *word*.

    >>> [article(w) for w in ("apple", "user", "hour", "8", "FBI", "NASA", "one", "upgrade", "uninformed")]
    ['an', 'a', 'an', 'an', 'an', 'a', 'a', 'an', 'an']
    """
    if word[:1].isdigit():
        return "an" if re.match(r"8|11(?!\d)|18(?!\d)", word) else "a"
    if word.isupper() and len(word) > 1 and (len(word) <= 3 or not re.search("[AEIOU]", word)):
        return "an" if word[0].lower() in _LETTER_NAMES else "a"
    if _SILENT_H.match(word):
        return "an"
    if re.match(r"[AEFHILMNORSX]-", word):
        return "an"
    if word[:1] and word[0].lower() in "aeiou":
        return "a" if _CONSONANT_SOUND.match(word) and not re.match(r"unin|unim|univoc(?!al)", word, re.I) else "an"
    return "a"


def case_like(original: str, spun: str, *, sentence_start: bool = False, title: bool = False) -> str:
    """Return *original* in the letter case of *spun*.

    Capitals that the original brings with it (New York, iPhone) stay.

    >>> case_like("artificial intelligence", "Counterfeit Consciousness")
    'Artificial Intelligence'
    >>> case_like("at the same time", "On the identical time"), case_like("data", "KNOWLEDGE"), case_like("New York", "Big Apple")
    ('At the same time', 'DATA', 'New York')
    """
    if spun.islower():
        return original
    words = _WORD.findall(spun)
    letters = [w for w in words if w[:1].isalpha()]
    if not letters:
        return original
    if len(letters) == 1 and letters[0].isupper() and len(letters[0]) <= 3 and " " in original:
        # An acronym, not a word in capitals: "AI" for "machine learning".
        return original[:1].upper() + original[1:] if sentence_start else original
    if all(w.isupper() for w in letters) and sum(map(len, letters)) > 1 and any(len(w) > 1 for w in letters):
        return original.upper()
    if original != original.lower():
        return original
    capital = [w[0].isupper() for w in letters]
    if title or (len(letters) > 1 and sum(capital) > 1 and all(c or len(w) <= 3 for c, w in zip(capital, letters))):
        return _title(original) if capital[0] or sum(capital) > 1 else original
    if capital[0]:
        if len(letters) == 1 and not sentence_start and " " in original:
            return _title(original)
        return original[:1].upper() + original[1:]
    return original


_SMALL = frozenset("a an and as at but by for from in into nor of on or the to up via with".split())


def _title(text: str) -> str:
    words = text.split(" ")
    return " ".join(w if k and w in _SMALL else w[:1].upper() + w[1:] for k, w in enumerate(words))
