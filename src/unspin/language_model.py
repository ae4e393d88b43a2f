"""The source model: a back-off n-gram model of ordinary English, quantised, memory-mapped, looked up in batches.

Log-probabilities are natural logarithms. Words are ids of the model's vocabulary (see `tokens`).
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from . import container, kernels
from .errors import DataError
from .kernels import address
from .tokens import CLASS_NAMES, FIRST_WORD, UNK, Vocabulary
from .xor_map import XorMap

if TYPE_CHECKING:
    from .lattice import Steps

_U = np.uint64
KIND = "language model"

#: A word outside the vocabulary shares the mass of <unk> with every other such word.
UNKNOWN_WORD = -9.0


def pair_keys(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the uint64 key of each bigram."""
    return (a.astype(_U) << _U(21)) | b.astype(_U)


def split_pairs(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two ids of each key of `pair_keys`, int64."""
    return (keys >> _U(21)).astype(np.int64), (keys & _U((1 << 21) - 1)).astype(np.int64)


def triple_keys(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return the uint64 key of each trigram."""
    return (((a.astype(_U) << _U(21)) | b.astype(_U)) << _U(21)) | c.astype(_U)


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """See `open_model`. ``unigrams``: float32[V] log P(w); ``unigram_backoff``: float32[V].

    ``mark``: checksum of the vocabulary, which ties a compiled phrase table to the model.
    """

    vocabulary: dict[str, int]
    unigrams: np.ndarray
    unigram_backoff: np.ndarray
    bigrams: XorMap
    trigrams: XorMap
    codebook: np.ndarray
    backoff_codebook: np.ndarray
    mark: int
    meta: dict[str, object]

    def bigram(
        self, a: np.ndarray, b: np.ndarray, word: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(log P(b | a), log back-off weight of the history a b)``, float32[n] each.

        ``a``, ``b``: int64[n] ids, or with *word* (int64[N] ids) indices of those.
        """
        native = kernels.library()
        if native is not None:
            return self._bigram_native(native, a, b, word)
        if word is not None:
            a, b = word[a], word[b]
        probability = self.unigram_backoff[a] + self.unigrams[b]
        backoff = np.zeros(len(a), dtype=np.float32)
        hits, (code, weight) = self.bigrams.find(pair_keys(a, b))
        probability[hits] = self.codebook[code]
        backoff[hits] = self.backoff_codebook[weight]
        return probability, backoff

    def _bigram_native(
        self, native: Any, a: np.ndarray, b: np.ndarray, word: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        n, table = len(a), self.bigrams
        a, b = np.ascontiguousarray(a, dtype=np.int64), np.ascontiguousarray(b, dtype=np.int64)
        out = np.empty((2, n), dtype=np.float32)
        at = address(out)
        arrays = (table.fingerprints, *table.values, self.codebook, self.backoff_codebook)
        native.unspin_bigrams(
            n, None if word is None else address(word),
            address(a), address(b), address(self.unigrams), address(self.unigram_backoff),
            table.seed, table.segment, table.span, *map(address, arrays), at, at + 4 * n,
        )  # fmt: skip
        return out[0], out[1]

    def trigram(self, a: np.ndarray, b: np.ndarray, c: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
        """Return log P(c | a b), float32[n]; ``otherwise`` holds back-off(a b) + log P(c | b), from `bigram`."""
        native = kernels.library()
        if native is None:
            hits, (code,) = self.trigrams.find(triple_keys(a, b, c))
            otherwise[hits] = self.codebook[code]
            return otherwise
        table, out = self.trigrams, np.ascontiguousarray(otherwise, dtype=np.float32)
        ids = [np.ascontiguousarray(x, dtype=np.int64) for x in (a, b, c)]
        native.unspin_trigrams(
            len(out), *map(address, ids), table.seed, table.segment, table.span,
            *map(address, (table.fingerprints, table.values[0], self.codebook, out)),
        )  # fmt: skip
        return out

    def inside(self, word: np.ndarray, pairs: Steps, inner: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Return *probability* (float32, of each pair) by trigrams where the first of a pair has one node before it.

        ``word``: int64[N] ids; ``inner``: bool[N], whether the node before is all that leads to this one
        """
        native, out = kernels.library(), probability.copy()
        if native is None:
            chain = np.flatnonzero(inner[pairs.source])
            x, y = pairs.source[chain], pairs.target[chain]
            out[chain] = self.trigram(word[x - 1], word[x], word[y], probability[chain])
            return out
        table = self.trigrams
        arrays = (word, pairs.source, pairs.target, inner)
        native.unspin_inside(
            len(out), *map(address, arrays), table.seed, table.segment, table.span,
            *map(address, (table.fingerprints, table.values[0], self.codebook, out)),
        )  # fmt: skip
        return out

    def along(
        self, word: np.ndarray, pairs: Steps, triples: Steps, backoff: np.ndarray, probability: np.ndarray
    ) -> np.ndarray:
        """Return log P of the third word given the two before it, float32[t], for every path of two steps.

        ``word``: int64[N] ids; ``pairs``: steps between them; ``triples``: steps between pairs; ``backoff``,
        ``probability``: float32, of each pair (see `bigram`)
        """
        native = kernels.library()
        if native is not None:
            return self._along_native(native, word, pairs, triples, backoff, probability)
        one, two = triples.source, triples.target
        a, b, c = word[pairs.source[one]], word[pairs.source[two]], word[pairs.target[two]]
        return self.trigram(a, b, c, backoff[one] + probability[two])

    def _along_native(
        self, native: Any, word: np.ndarray, pairs: Steps, triples: Steps, backoff: np.ndarray, probability: np.ndarray
    ) -> np.ndarray:
        table, out = self.trigrams, np.empty(len(triples.source), dtype=np.float32)
        arrays = (word, pairs.source, pairs.target, triples.source, triples.begins)
        scores = (table.fingerprints, table.values[0], self.codebook, backoff, probability, out)
        native.unspin_along(
            len(pairs.source), *map(address, arrays), table.seed, table.segment, table.span, *map(address, scores)
        )
        return out

    def score(self, stream: np.ndarray) -> np.ndarray:
        """Return log P of each id of a stream given the two before it, float32[n - 2] (the first two have none)."""
        pair, backoff = self.bigram(stream[:-1], stream[1:])
        return self.trigram(stream[:-2], stream[1:-1], stream[2:], backoff[:-1] + pair[1:])


def open_model(path: str | os.PathLike[str]) -> LanguageModel:
    """Map the model at *path*; raises DataError where it's missing or damaged."""
    meta, arrays = container.read(path, KIND)
    words = arrays["words"].tobytes().decode("utf-8").split("\n")
    vocabulary = Vocabulary(zip(words, range(FIRST_WORD, FIRST_WORD + len(words))))
    size = FIRST_WORD + len(words)
    unigrams = arrays["unigrams"].astype(np.float32)
    unigrams[UNK] += UNKNOWN_WORD
    codebooks = arrays["codebook"], arrays["backoff_codebook"]
    if any(c.shape != (256,) or c.dtype != np.float32 for c in codebooks):
        raise DataError(f"{path}: a codebook has no value for some code")
    if len(unigrams) != size or len(CLASS_NAMES) != FIRST_WORD:
        raise DataError(f"{path}: vocabulary and unigrams differ in size")

    def xor_map(name: str, columns: int) -> XorMap:
        seed, segment, span = (int(x) for x in arrays[f"{name}.layout"])
        values = tuple(arrays[f"{name}.value{k}"] for k in range(columns))
        return XorMap(seed, segment, span, arrays[f"{name}.fingerprints"], values)

    return LanguageModel(
        vocabulary,
        unigrams,
        arrays["unigram_backoff"].astype(np.float32),
        xor_map("bigrams", 2),
        xor_map("trigrams", 1),
        *codebooks,
        zlib.crc32(arrays["words"].tobytes()),
        meta,
    )
