"""Regular English inflection, to carry a row over to forms that nobody wrote down."""

from __future__ import annotations

_VOWELS = "aeiou"


def forms(word: str) -> tuple[str, str, str]:
    """Return the regular -s, -ed and -ing forms of a word.

    >>> forms("supply")
    ('supplies', 'supplied', 'supplying')
    >>> forms("plan"), forms("use")
    (('plans', 'planned', 'planning'), ('uses', 'used', 'using'))
    """
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ies", word[:-1] + "ied", word + "ing"
    plural = word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")
    if word.endswith("e"):
        return plural, word + "d", (word if word.endswith(("ee", "oe", "ye")) else word[:-1]) + "ing"
    vowels = sum(c in _VOWELS for c in word)
    if vowels == 1 and len(word) > 2 and word[-1] not in _VOWELS + "wxy" and word[-2] in _VOWELS:
        return plural, word + word[-1] + "ed", word + word[-1] + "ing"
    return plural, word + "ed", word + "ing"


def inflect(phrase: str, form: int) -> str:
    """Inflect the head of a phrase: its last word for plurals (form 0), its first for -ed and -ing (1, 2).

    >>> inflect("legal guideline", 0), inflect("carry on", 1)
    ('legal guidelines', 'carried on')
    """
    words = phrase.split(" ")
    head = -1 if form == 0 else 0
    words[head] = forms(words[head])[form]
    return " ".join(words)
