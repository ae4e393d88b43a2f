"""The static map against a dict."""

from __future__ import annotations

import numpy as np
import pytest

from unspin.xor_map import XorMap, build, mix


def _random(n: int, seed: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    keys = np.unique(rng.integers(0, 2**63, size=n + n // 8 + 8, dtype=np.uint64))
    keys = rng.permutation(keys)[:n]
    return keys, [rng.integers(0, 256, size=n, dtype=np.uint8) for _ in range(2)]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100, 1000, 50_000])
def test_finds_what_was_put_in(n: int) -> None:
    keys, values = _random(n)
    mapping = build(keys, values)
    expected = {int(k): (int(a), int(b)) for k, a, b in zip(keys, *values, strict=False)}
    assert len(expected) == n
    # In another order, each twice.
    asked = np.concatenate([keys[::-1], keys])
    hits, (first, second) = mapping.find(asked)
    assert hits.tolist() == list(range(2 * n))
    assert [(int(a), int(b)) for a, b in zip(first, second, strict=False)] == [expected[int(k)] for k in asked]


def test_strangers_are_absent() -> None:
    keys, values = _random(20_000)
    mapping = build(keys, values)
    strangers = np.setdiff1d(_random(200_000, seed=2)[0], keys)
    hits, _ = mapping.find(strangers)
    # One in 65,536 by chance: about 3 of these. 30 would be something broken.
    assert len(hits) < 30


def test_mixture_names_the_right_ones() -> None:
    keys, values = _random(1000)
    mapping = build(keys, values)
    strangers = np.setdiff1d(_random(1000, seed=3)[0], keys)[:500]
    asked = np.concatenate([strangers, keys[:7]])
    hits, (first, _) = mapping.find(asked)
    assert set(range(500, 507)) <= set(hits.tolist())
    assert len(hits) <= 8
    found = dict(zip(hits.tolist(), first.tolist(), strict=False))
    assert [found[k] for k in range(500, 507)] == values[0][:7].tolist()


def test_sequential_and_extreme_keys() -> None:
    keys = np.concatenate([np.arange(500, dtype=np.uint64), np.array([2**64 - 1, 2**63], dtype=np.uint64)])
    value = (keys % np.uint64(251)).astype(np.uint8)
    hits, (found,) = build(keys, [value]).find(keys)
    assert hits.tolist() == list(range(len(keys)))
    assert found.tolist() == value.tolist()


def test_no_value_columns() -> None:
    keys, _ = _random(50)
    hits, values = build(keys, []).find(keys)
    assert len(hits) == 50
    assert values == ()


def test_no_question() -> None:
    keys, values = _random(10)
    hits, found = build(keys, values).find(np.zeros(0, dtype=np.uint64))
    assert len(hits) == 0
    assert [len(v) for v in found] == [0, 0]


def test_built_twice_is_the_same() -> None:
    keys, values = _random(3000)
    one, two = build(keys, values), build(keys.copy(), [v.copy() for v in values])
    assert (one.seed, one.segment, one.span) == (two.seed, two.segment, two.span)
    for a, b in zip((one.fingerprints, *one.values), (two.fingerprints, *two.values), strict=False):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def test_not_much_more_than_a_slot_a_key() -> None:
    keys, values = _random(100_000)
    mapping = build(keys, values)
    assert isinstance(mapping, XorMap)
    assert len(mapping.fingerprints) == len(mapping.values[0]) < 1.25 * len(keys)


def test_doubled_keys_are_refused() -> None:
    keys = np.array([5, 6, 5], dtype=np.uint64)
    with pytest.raises(ValueError, match="not distinct"):
        build(keys, [np.zeros(3, dtype=np.uint8)])


def test_mix_depends_on_key_and_seed_and_leaves_keys_alone() -> None:
    keys = np.arange(1000, dtype=np.uint64)
    before = keys.copy()
    assert len(np.unique(mix(keys, 1))) == 1000
    assert not (mix(keys, 1) == mix(keys, 2)).any()
    assert (keys == before).all()
