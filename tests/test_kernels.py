"""The loops in C against the numpy code that does the same work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unspin import forward_backward, kernels, xor_map
from unspin.forward_backward import schedule

TREE = Path(__file__).resolve().parents[1]
native = pytest.mark.skipif(kernels.library() is None, reason="no C compiler when the package was installed")


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_source_compiles_without_a_warning(tmp_path: Path) -> None:
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared"]
    source = TREE / "src/unspin/_kernels.c"
    done = subprocess.run([*command, str(source), "-o", str(tmp_path / "k.so"), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _layered(rng: np.random.Generator) -> tuple[forward_backward.Schedule, np.ndarray]:
    """A random graph of states on levels, cut every few, every state reached from the level before or two before."""
    source, target, arrives, cut, level, begin = [], [], [], [True], [0], 0
    for depth in range(1, 40):
        single = depth % 5 == 0
        for _ in range(1 if single else int(rng.integers(1, 4))):
            state = len(level)
            for s in range(begin, state):
                if depth - level[s] in (1, 2) and level[s] >= depth - depth % 5 - (5 if single else 0):
                    source.append(s)
                    target.append(state)
                    arrives.append(depth - (depth - 1) // 5 * 5)
            level.append(depth)
            cut.append(single)
        if single:
            begin = len(level) - 1
    weight = rng.uniform(0.01, 5.0, len(source))
    weight[rng.random(len(weight)) < 0.05] = 0.0
    to_int = [np.array(x, dtype=np.int64) for x in (source, target, arrives)]
    return schedule(*to_int, np.array(cut)), weight


@native
@pytest.mark.parametrize("seed", range(20))
def test_sums(seed: int) -> None:
    plan, weight = _layered(np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        slow, fast = forward_backward._linear(plan, weight), forward_backward._native(kernels.library(), plan, weight)
    assert (slow is None) == (fast is None)
    if slow is not None and fast is not None:
        np.testing.assert_allclose(fast.posterior, slow.posterior, rtol=1e-12, atol=1e-300)
        assert fast.log_total == pytest.approx(slow.log_total, rel=1e-12)


@native
def test_sums_out_of_range_are_left_to_logarithms() -> None:
    n = 300
    source, target = np.arange(n), np.arange(1, n + 1)
    cut = np.zeros(n + 1, dtype=bool)
    cut[[0, n]] = True
    plan = schedule(source, target, np.arange(1, n + 1), cut)
    assert forward_backward._native(kernels.library(), plan, np.full(n, 1e-3)) is None
    assert forward_backward.run(plan, np.full(n, 1e-3)).log_total == pytest.approx(n * np.log(1e-3))


@native
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("asked", [0, 1, 31, 32, 33, 5000])
def test_look_ups(columns: int, asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(columns)
    keys = np.unique(rng.integers(0, 2**63, 4000, dtype=np.uint64))
    table = xor_map.build(keys, [rng.integers(0, 256, len(keys), dtype=np.uint8) for _ in range(columns)])
    wanted = np.where(rng.random(asked) < 0.5, rng.choice(keys, asked), rng.integers(0, 2**63, asked, dtype=np.uint64))
    hits, values = table.find(wanted)
    monkeypatch.setattr(kernels, "library", lambda: None)
    slow_hits, slow_values = table.find(wanted)
    assert hits.tolist() == slow_hits.tolist()
    assert [v.tolist() for v in values] == [v.tolist() for v in slow_values]
    assert asked < 32 or 0 < len(hits) < asked


def test_same_text_without_them() -> None:
    """What is restored doesn't depend on whether the wheel carries the library."""
    code = (
        "import unspin; from unspin import kernels; "
        "print(kernels.library() is None, unspin.restore(open('examples/article.txt', encoding='utf-8').read()))"
    )

    def run(**environment: str) -> list[str]:
        path = {"PYTHONPATH": str(TREE / "src"), "PATH": "", **environment}
        done = subprocess.run([sys.executable, "-c", code], cwd=TREE, env=path, capture_output=True, text=True, check=True)
        return done.stdout.split(" ", 1)

    pure, restored = run(UNSPIN_PURE="1")
    assert pure == "True"
    assert restored == run()[1]
