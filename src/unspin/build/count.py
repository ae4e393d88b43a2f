"""Count n-grams of a folder of text and write the language model.

The model is a trigram with modified Kneser–Ney smoothing (Chen & Goodman, "An Empirical Study of Smoothing
Techniques for Language Modeling", 1998), pruned by weighted difference (Seymore & Rosenfeld, "Scalable
Backoff Language Models", 1996) to a number of n-grams, and quantised to 8-bit codebooks. Counting is
vectorised: n-grams are 64-bit keys, sorted. The same text gives the same bytes.
"""

from __future__ import annotations

import logging
import lzma
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import container, xor_map
from ..errors import DataError
from ..language_model import KIND, pair_keys, triple_keys
from ..tokens import BREAK, FIRST_WORD, NUM, UNK, split, tokenise

log = logging.getLogger("unspin.build")
_U = np.uint64
_CHUNK = 4_000_000

#: One line in HELD_OUT is kept out of the counts, for measuring on text the model has not seen.
HELD_OUT = 47


def held_out(line: str) -> bool:
    """Whether a line of the corpus is kept out of the counts (by its hash, so by nothing else)."""
    return zlib.crc32(line.strip().encode("utf-8")) % HELD_OUT == 0


def corpus_files(folder: Path) -> list[Path]:
    """Return the ``.txt`` and ``.txt.xz`` files of *folder*, sorted; raises DataError where there are none."""
    files = sorted(p for p in folder.iterdir() if p.name.endswith((".txt", ".txt.xz"))) if folder.is_dir() else []
    if not files:
        raise DataError(f"{folder}: no .txt or .txt.xz files to count")
    return files


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a plain or xz-compressed text file, a paragraph each."""
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from lines


def _chunks(files: list[Path]) -> Iterator[str]:
    for path in files:
        buffer: list[str] = []
        size = 0
        for line in read_lines(path):
            if held_out(line):
                continue
            buffer.append(line)
            size += len(line)
            if size > _CHUNK:
                yield "".join(buffer)
                buffer, size = [], 0
        yield "".join(buffer)


def choose_vocabulary(counts: Counter[str], minimum: int, number_minimum: int, extra: int) -> list[str]:
    """Return the vocabulary, by falling count and then alphabet.

    Words with at least *minimum* occurrences (numbers: *number_minimum*), and the *extra* most frequent
    English words of `wordfreq`, which carries the vocabulary beyond the corpus.
    """
    from wordfreq import top_n_list

    kept = {w for w, c in counts.items() if c >= (number_minimum if w[0].isdigit() else minimum)}
    kept |= {w for w in top_n_list("en", extra) if split(w)[1] == [w] and not w[0].isdigit()}
    return sorted(kept, key=lambda w: (-counts[w], w))


@dataclass
class Counts:
    """Distinct n-gram keys, sorted, with their counts."""

    keys: np.ndarray
    counts: np.ndarray

    def find(self, keys: np.ndarray) -> np.ndarray:
        """Return the index of each of *keys*, which are all present."""
        return np.searchsorted(self.keys, keys)


def _count(keys: np.ndarray) -> Counts:
    keys.sort()
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    counts = np.diff(np.append(first, len(keys)))
    return Counts(keys[first], counts.astype(np.int64))


def _discounts(counts: np.ndarray) -> np.ndarray:
    """Modified Kneser–Ney discounts D(0), D(1), D(2), D(3+) of a list of counts."""
    n1, n2, n3, n4 = (int((counts == k).sum()) or 1 for k in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2)
    raw = [0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
    # On a tiny corpus the estimates can leave their range.
    return np.array([0.0] + [min(max(d, 0.1), k - 0.1 if k < 3 else 2.9) for k, d in enumerate(raw[1:], 1)])


def _ratio(counts: np.ndarray, group: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each n-gram's discounted relative frequency in its history, and each history's left-over mass."""
    d = _discounts(counts)[np.minimum(counts, 3)]
    total = np.bincount(group, weights=counts, minlength=groups)
    freed = np.bincount(group, weights=d, minlength=groups)
    safe = np.maximum(total, 1)
    return (counts - d) / safe[group], np.where(total > 0, freed / safe, 1.0)


def _quantise(values: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(codes uint8[n], codebook float32[256])``: equal-mass bins, each read back as its mean."""
    ordered = np.sort(values)
    edges = np.unique(ordered[np.linspace(0, len(ordered) - 1, levels + 1).astype(np.int64)[1:-1]])
    codes = np.searchsorted(edges, values, side="right")
    size = np.maximum(np.bincount(codes, minlength=256), 1)
    return codes.astype(np.uint8), (np.bincount(codes, weights=values, minlength=256) / size).astype(np.float32)


def _top(score: np.ndarray, size: int, always: np.ndarray) -> np.ndarray:
    """Return a mask of *always* and the best of the rest, *size* in all."""
    room = max(0, size - int(always.sum()))
    rest = np.where(always, -np.inf, score)
    keep = always.copy()
    order = np.argsort(-rest, kind="stable")[:room]
    keep[order[rest[order] > 0]] = True
    return keep


def build_model(
    folder: Path,
    out: Path,
    *,
    bigrams: int = 1_500_000,
    trigrams: int = 4_200_000,
    minimum: int = 4,
    extra: int = 100_000,
) -> None:
    """Count *folder* and write the model to *out*.

    ``bigrams``, ``trigrams``: how many n-grams survive pruning (they set the size of the file);
    ``minimum``: occurrences that a word needs; ``extra``: words of `wordfreq` to have in any case.
    """
    files = corpus_files(folder)
    seen: Counter[str] = Counter()
    for chunk in _chunks(files):
        seen.update(split(chunk)[1])
    words = choose_vocabulary(seen, minimum, 400, extra)
    vocabulary = {w: k for k, w in enumerate(words, FIRST_WORD)}
    size = FIRST_WORD + len(words)
    log.info("%d words of text, vocabulary %d", sum(seen.values()), size)
    stream = np.concatenate([tokenise(chunk, vocabulary).stream.astype(np.int32) for chunk in _chunks(files)])

    a, b, c = stream[:-2], stream[1:-1], stream[2:]
    usable = ~((b == BREAK) & (a != BREAK)) & ~((c == BREAK) & (b == BREAK))
    three = _count(triple_keys(a[usable], b[usable], c[usable]))
    del a, b, c, usable
    log.info("%d distinct trigrams", len(three.keys))
    mask = _U((1 << 21) - 1)
    # Continuation counts: in how many different contexts a bigram (a word) was seen. After a sentence
    # start there is only one context, so the plain count stands in for it.
    two = _count(three.keys & _U((1 << 42) - 1))
    first = stream[:-1] == BREAK
    start = _count(pair_keys(stream[:-1][first], stream[1:][first]))
    start_keys = start.keys[(start.keys & mask) != BREAK]
    two_counts = two.counts.copy()
    where = two.find(start_keys)
    two_counts[where] = start.counts[(start.keys & mask) != BREAK]
    one = np.bincount((two.keys & mask).astype(np.int64), minlength=size)

    p1 = _unigrams(one, seen, words)
    h2 = (two.keys >> _U(21)).astype(np.int64)
    f2, free1 = _ratio(two_counts, h2, size)
    p2 = f2 + free1[h2] * p1[(two.keys & mask).astype(np.int64)]

    history, h3 = np.unique(three.keys >> _U(21), return_inverse=True)
    f3, free2 = _ratio(three.counts, h3, len(history))
    lower3 = two.find(three.keys & _U((1 << 42) - 1))
    p3 = f3 + free2[h3] * p2[lower3]

    # A history (BREAK, BREAK) is no bigram of the table: its back-off weight is stored under that key anyway.
    gain3 = three.counts * np.log(p3 / np.maximum(free2[h3] * p2[lower3], 1e-30))
    gain3[three.counts < 2] = 0
    # An unknown word is never predicted by its history: which one it is, no n-gram can say.
    gain3[(three.keys & mask) == UNK] = 0
    keep3 = _top(gain3, trigrams, np.zeros(len(gain3), bool))
    used = history[np.unique(h3[keep3])]
    plain2 = np.zeros(len(two.keys), dtype=np.int64)
    np.add.at(plain2, lower3, three.counts)
    gain2 = plain2 * np.log(p2 / np.maximum(free1[h2] * p1[(two.keys & mask).astype(np.int64)], 1e-30))
    gain2[(two.keys & mask) == UNK] = 0
    needed = np.isin(two.keys, used)
    keep2 = _top(gain2, bigrams, needed)
    log.info("kept %d of %d bigrams, %d of %d trigrams", keep2.sum(), len(keep2), keep3.sum(), len(keep3))

    # Back-off weights that make every history sum to one again after pruning.
    kept_mass = np.bincount(h2[keep2], weights=p2[keep2], minlength=size)
    lower_mass = np.bincount(h2[keep2], weights=p1[(two.keys[keep2] & mask).astype(np.int64)], minlength=size)
    bow1 = np.maximum(1 - kept_mass, 1e-6) / np.maximum(1 - lower_mass, 1e-6)
    p2_pruned = np.where(keep2, p2, bow1[h2] * p1[(two.keys & mask).astype(np.int64)])
    kept_mass = np.bincount(h3[keep3], weights=p3[keep3], minlength=len(history))
    lower_mass = np.bincount(h3[keep3], weights=p2_pruned[lower3[keep3]], minlength=len(history))
    bow2 = np.maximum(1 - kept_mass, 1e-6) / np.maximum(1 - lower_mass, 1e-6)

    keys2 = two.keys[keep2]
    log_p2 = np.log(p2[keep2])
    log_b2 = np.zeros(len(keys2))
    at = np.searchsorted(history, keys2)
    at[at == len(history)] = 0
    found = history[at] == keys2
    log_b2[found] = np.log(bow2[at[found]])
    missing = used[~np.isin(used, keys2)]
    keys2 = np.concatenate([keys2, missing])
    log_b2 = np.concatenate([log_b2, np.log(bow2[np.searchsorted(history, missing)])])
    log_p2 = np.concatenate([log_p2, np.full(len(missing), -20.0)])
    keys3, log_p3 = three.keys[keep3], np.log(p3[keep3])

    codes, codebook = _quantise(np.concatenate([log_p2, log_p3]), 256)
    weights, backoff_codebook = _quantise(log_b2, 256)
    arrays: dict[str, np.ndarray] = {
        "words": np.frombuffer("\n".join(words).encode("utf-8"), dtype=np.uint8),
        "unigrams": np.log(p1).astype(np.float16),
        "unigram_backoff": np.log(bow1).astype(np.float16),
        "codebook": codebook,
        "backoff_codebook": backoff_codebook,
    }
    for name, keys, values in (
        ("bigrams", keys2, (codes[: len(keys2)], weights)),
        ("trigrams", keys3, (codes[len(keys2) :],)),
    ):
        built = xor_map.build(keys, values)
        arrays[f"{name}.layout"] = np.array([built.seed, built.segment, built.span], dtype=np.int64)
        arrays[f"{name}.fingerprints"] = built.fingerprints
        for k, column in enumerate(built.values):
            arrays[f"{name}.value{k}"] = column
    meta = {
        "words_counted": int(sum(seen.values())),
        "files": [f.name for f in files],
        "vocabulary": size,
        "bigrams": len(keys2),
        "trigrams": len(keys3),
        "held_out": f"1 line in {HELD_OUT}",
    }
    container.write(out, KIND, meta, arrays)
    log.info("wrote %s: %.1f MB", out, out.stat().st_size / 1e6)


def _unigrams(continuation: np.ndarray, seen: Counter[str], words: list[str]) -> np.ndarray:
    """Return P(w): continuation counts for what the corpus holds, `wordfreq` for the tail it has hardly seen."""
    from wordfreq import get_frequency_dict

    size = len(continuation)
    smoothed = np.maximum(continuation - 0.75, 0.0)
    smoothed[BREAK] = continuation[BREAK]
    total = continuation.sum()
    free = 1 - smoothed.sum() / total
    frequency = get_frequency_dict("en", wordlist="large")
    outside = np.zeros(size)
    outside[FIRST_WORD:] = [frequency.get(w, 0.0) + 1e-8 for w in words]
    outside[[UNK, NUM]] = 1e-4
    # The left-over mass goes to the words by their frequency elsewhere.
    rest = outside / outside.sum()
    p = smoothed / total + free * rest
    return p / p.sum()
