"""A static map from 64-bit keys to small values: no keys stored, three reads a look-up, no probing loop.

A *binary fuse* layout (Graf & Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022) holds,
for every key, a 16-bit fingerprint and the value bytes as the XOR of three slots. A key that was not put in
is answered "absent" except once in 65,536 times. About 1.13 slots a key; look-ups are whole-array gathers,
which is what makes them fast in numpy, and the arrays can be memory-mapped as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import kernels
from .kernels import address

_U = np.uint64


def mix(keys: np.ndarray, seed: int) -> np.ndarray:
    """Return uint64 hashes of uint64 *keys* (the finaliser of MurmurHash3, on key + seed)."""
    h = keys + _U(seed)
    h ^= h >> _U(33)
    h *= _U(0xFF51AFD7ED558CCD)
    h ^= h >> _U(33)
    h *= _U(0xC4CEB9FE1A85EC53)
    h ^= h >> _U(33)
    return h


@dataclass(frozen=True, slots=True)
class XorMap:
    """``fingerprints``: uint16[slots]; ``values``: uint8[slots], one array a value byte."""

    seed: int
    segment: int
    span: int
    fingerprints: np.ndarray
    values: tuple[np.ndarray, ...]

    def slots(self, h: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the three slots (int64 arrays) of hashes *h*."""
        return _slots(h, self.segment, self.span)

    def find(self, keys: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """Look up uint64[n] *keys*.

        Returns ``(hits, values)``: int64 indices of the keys present, and their value bytes in that order.
        """
        native = kernels.library()
        if native is not None and 1 <= len(self.values) <= 2:
            return self._find_native(native, keys)
        h = mix(keys, self.seed)
        a, b, c = self.slots(h)
        take = self.fingerprints.take
        found = take(a)
        found ^= take(b)
        found ^= take(c)
        hits = np.flatnonzero(found == fingerprint(h))
        a, b, c = a[hits], b[hits], c[hits]
        return hits, tuple(v.take(a) ^ v.take(b) ^ v.take(c) for v in self.values)


    def _find_native(self, native: Any, keys: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        n, columns = len(keys), [address(v) for v in self.values]
        hits = np.empty(n, dtype=np.int64)
        found = tuple(np.empty(n, dtype=np.uint8) for _ in columns)
        out = [address(f) for f in found]
        if len(columns) == 1:
            columns, out = [*columns, 0], [*out, 0]
        keys = np.ascontiguousarray(keys)
        count = native.unspin_find(
            n, address(keys), self.seed, self.segment, self.span, address(self.fingerprints), *columns, address(hits), *out
        )
        return hits[:count], tuple(f[:count] for f in found)


def fingerprint(h: np.ndarray) -> np.ndarray:
    return (h ^ (h >> _U(32))).astype(np.uint16)


def _slots(h: np.ndarray, segment: int, span: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mask = _U(segment - 1)
    first = h >> _U(32)
    first *= _U(span)
    first >>= _U(32)
    second = h >> _U(18)
    second &= mask
    second ^= first + _U(segment)
    third = h & mask
    third ^= first + _U(2 * segment)
    # Slots are far below 2**63: the same bits serve as signed indices.
    return first.view(np.int64), second.view(np.int64), third.view(np.int64)


def build(keys: np.ndarray, values: Sequence[np.ndarray]) -> XorMap:
    """Build the map from distinct uint64[n] *keys* and the uint8[n] arrays *values*.

    Peels the 3-uniform hypergraph of slots in rounds (every slot that only one key is left in fixes that
    key); seeds are tried in order, so the result depends on the input alone.
    """
    n = len(keys)
    exponent = int(np.floor(np.log(max(n, 2)) / np.log(3.33) + 2.25))
    segment = 1 << min(max(exponent, 2), 18)
    factor = max(1.125, 0.875 + 0.25 * np.log(1e6) / np.log(max(n, 3)))
    segments = max(1, int(np.ceil(n * factor / segment)) - 2)
    span = segments * segment
    total = span + 2 * segment
    for seed in range(1, 200):
        order = _peel(mix(keys, seed), segment, span, total)
        if order is not None:
            break
    else:
        raise ValueError("the keys are not distinct")
    h = mix(keys, seed)
    rounds, own = order
    slots = np.stack(_slots(h, segment, span))
    columns = [fingerprint(h), *(np.asarray(v, dtype=np.uint8) for v in values)]
    tables = [np.zeros(total, dtype=c.dtype) for c in columns]
    for peeled in reversed(rounds):
        a, b, c = slots[:, peeled]
        target = own[peeled]
        for column, table in zip(columns, tables):
            # The key's own slot is still zero, so XOR over all three gives the other two.
            table[target] = column[peeled] ^ table[a] ^ table[b] ^ table[c]
    return XorMap(seed, segment, span, tables[0], tuple(tables[1:]))


def _peel(
    h: np.ndarray, segment: int, span: int, total: int
) -> tuple[list[np.ndarray], np.ndarray] | None:
    """Return the keys in rounds of peeling and each key's own slot, or None where a core is left."""
    n = len(h)
    slots = np.stack(_slots(h, segment, span))
    degree = np.bincount(slots.ravel(), minlength=total).astype(np.int32)
    # XOR of the key indices in a slot: where the degree is one, it is the key.
    key_xor = np.zeros(total, dtype=np.int64)
    index = np.arange(n, dtype=np.int64)
    for row in slots:
        np.bitwise_xor.at(key_xor, row, index)
    own = np.full(n, -1, dtype=np.int64)
    rounds: list[np.ndarray] = []
    peeled = 0
    candidates = np.flatnonzero(degree == 1)
    while len(candidates):
        keys = key_xor[candidates]
        keys, first = np.unique(keys, return_index=True)
        own[keys] = candidates[first]
        rounds.append(keys)
        peeled += len(keys)
        touched = slots[:, keys]
        for row in touched:
            np.subtract.at(degree, row, 1)
            np.bitwise_xor.at(key_xor, row, keys)
        candidates = np.unique(touched)
        candidates = candidates[degree[candidates] == 1]
    return (rounds, own) if peeled == n else None
