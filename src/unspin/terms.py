"""Technical terms, and what tells them from chance: which kinds of words stand beside each other in ordinary text.

Files of a folder: ``academic.txt``, a term of two words a line, or ``first: second | second``; ``classes.txt``, for each
word of the model its class as the first and as the second of two neighbours and how far it is a word of science, then a
matrix of classes. Words of one class keep the same company: "hepatic carcinoma" need not have been seen to be likely.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import DataError
from .language_model import LanguageModel, pair_keys

#: The class of words that are too rare to have one, of which nothing is known.
NO_CLASS = 255


@dataclass(frozen=True, slots=True)
class Terms:
    """See the module.

    ``pairs``     uint64, sorted: keys of two neighbours that make a term
    ``classes``   uint8[2, V]: class of a word as the first, as the second of two neighbours; NO_CLASS where it's rare
    ``affinity``  int8[256, 256]: log of how much oftener two classes stand beside each other than by chance, in
                  sixteenths of a nat
    ``science``   int8[V]: log of how much oftener a word stands in scientific text than elsewhere, in 32nds of a nat
    """

    pairs: np.ndarray
    classes: np.ndarray
    affinity: np.ndarray
    science: np.ndarray

    def sized(self, size: int) -> Terms:
        """Return the terms for a vocabulary of *size* ids; of added words nothing is known."""
        more = size - self.classes.shape[1]
        return Terms(
            self.pairs,
            np.pad(self.classes, ((0, 0), (0, more)), constant_values=NO_CLASS),
            self.affinity,
            np.pad(self.science, (0, more)),
        )


def no_terms(size: int, pairs: np.ndarray | None = None) -> Terms:
    """Return terms of which nothing but the *pairs*, if any, is known."""
    return Terms(
        np.zeros(0, dtype=np.uint64) if pairs is None else pairs,
        np.full((2, size), NO_CLASS, dtype=np.uint8),
        np.zeros((NO_CLASS + 1, NO_CLASS + 1), dtype=np.int8),
        np.zeros(size, dtype=np.int8),
    )


def term_pairs(lines: Iterable[str], model: LanguageModel) -> np.ndarray:
    """Return the sorted uint64 keys of terms given as "first second" or "first: second | second"; unknown words are left out.

    Lines that begin with ``#`` are comments.
    """
    get = model.vocabulary.get
    pairs: list[tuple[int, int]] = []
    for line in lines:
        if line.startswith("#"):
            continue
        first, colon, rest = line.partition(":")
        if not colon:
            first, _, rest = line.partition(" ")
        pairs += [(get(first, 0), get(second.strip(), 0)) for second in rest.split("|")]
    ids = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    ids = ids[(ids > 0).all(axis=1)]
    return np.unique(pair_keys(ids[:, 0], ids[:, 1]))


def read_terms(folder: Path, model: LanguageModel) -> Terms:
    """Read the terms of a folder for a model; raises DataError where a file is missing or damaged."""
    try:
        lines = (folder / "academic.txt").read_text(encoding="utf-8").splitlines()
        table = [x for x in (folder / "classes.txt").read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
        terms = no_terms(len(model.unigrams), term_pairs(lines, model))
        words = table[: -(NO_CLASS + 1)]
        for line in words:
            word, first, second, science = line.split(" ")
            if (k := model.vocabulary.get(word)) is not None:
                terms.classes[:, k] = int(first), int(second)
                terms.science[k] = int(science)
        terms.affinity[:] = [[int(x) for x in line.split(" ")] for line in table[-(NO_CLASS + 1) :]]
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{folder}: its terms can't be read ({error})") from error
    return terms
