"""The sums against an enumeration of every path."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin.forward_backward import Schedule, run, schedule


@dataclass
class Graph:
    """States in order of level; ``cut`` ones end a cluster and begin the next."""

    levels: list[int]
    cut: list[bool]
    edges: list[tuple[int, int, float]]
    own: list[float] | None = None

    def weight(self, state: int) -> float:
        """Of arriving at a state."""
        return 1.0 if self.own is None else self.own[state]

    def plan(self) -> Schedule:
        """The schedule, for `edges` target by target."""
        begins = [max(s for s in range(t) if self.cut[s]) if t else 0 for t in range(len(self.levels))]
        source, target = (np.array([e[k] for e in self.edges], dtype=np.int64) for k in (0, 1))
        first = np.searchsorted(target, np.arange(len(self.levels) + 1))
        arrives = np.array([level - self.levels[b] for level, b in zip(self.levels, begins)], dtype=np.int64)
        return schedule(source, first, arrives, np.array(self.cut))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A chain of cuts with a few states between each two, and edges that respect the levels and the cuts."""
    levels, cut = [0], [True]
    edges: list[tuple[int, int, float]] = []
    weight = st.floats(1e-3, 1e3) | st.just(0.0)
    level = 0
    for _ in range(draw(st.integers(1, 4))):
        begin = len(levels) - 1
        inner: list[int] = []
        for _ in range(draw(st.integers(0, 3))):
            level += 1
            for _ in range(draw(st.integers(1, 2))):
                inner.append(len(levels))
                levels.append(level)
                cut.append(False)
        level += 1
        end = len(levels)
        levels.append(level)
        cut.append(True)
        members = [begin, *inner, end]
        for i, a in enumerate(members):
            for b in members[i + 1 :]:
                if levels[a] < levels[b]:
                    # Parallel transitions are allowed.
                    for _ in range(draw(st.integers(0, 2))):
                        edges.append((a, b, draw(weight)))
    # The schedule wants the transitions target by target; those into one in any order.
    own = draw(st.lists(st.floats(1e-2, 1e2), min_size=len(levels), max_size=len(levels)))
    return Graph(levels, cut, sorted(draw(st.permutations(edges)), key=lambda edge: edge[1]), own)


def _paths(graph: Graph, begin: int) -> list[tuple[int, list[int]]]:
    """Every way from a cut to the next cut, as its end and the edges used."""
    out: list[tuple[int, list[int]]] = []
    stack: list[tuple[int, list[int]]] = [(begin, [])]
    while stack:
        at, used = stack.pop()
        for k, (a, b, _) in enumerate(graph.edges):
            if a == at:
                if graph.cut[b]:
                    out.append((b, [*used, k]))
                else:
                    stack.append((b, [*used, k]))
    return out


def _by_hand(graph: Graph) -> tuple[list[float], float]:
    """Mass of the states and log total by enumeration."""
    mass = [0.0] * len(graph.levels)
    log_total = 0.0
    for begin in [s for s, c in enumerate(graph.cut) if c]:
        weighed = []
        for _, used in _paths(graph, begin):
            reached = [graph.edges[k][1] for k in used]
            weighed.append((math.prod(graph.edges[k][2] for k in used) * math.prod(map(graph.weight, reached)), reached))
        total = sum(w for w, _ in weighed)
        if total > 0:
            log_total += math.log(total)
            for w, reached in weighed:
                for s in reached:
                    mass[s] += w / total
    return mass, log_total


def _by_machine(graph: Graph) -> tuple[list[float], float]:
    weights = np.array([w for _, _, w in graph.edges]), np.array(list(map(graph.weight, range(len(graph.levels)))))
    sums = run(graph.plan(), *weights)
    return sums.mass.tolist(), sums.log_total


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_against_enumeration(graph: Graph) -> None:
    if not graph.edges:
        return
    mass, log_total = _by_machine(graph)
    expected, expected_total = _by_hand(graph)
    assert mass == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert log_total == pytest.approx(expected_total, rel=1e-9, abs=1e-9)


def test_two_clusters_worked_out() -> None:
    # 0 → {1 → 2 by 2·3, directly by 4} ; 2 → 3 by 5
    graph = Graph([0, 1, 2, 3], [True, False, True, True], [(0, 1, 2.0), (0, 2, 4.0), (1, 2, 3.0), (2, 3, 5.0)])
    mass, log_total = _by_machine(graph)
    assert mass == pytest.approx([0.0, 0.6, 1.0, 1.0])
    assert log_total == pytest.approx(math.log(10 * 5))


def test_what_a_state_weighs_itself() -> None:
    graph = Graph([0, 1, 1, 2], [True, False, False, True], [(0, 1, 1.0), (0, 2, 1.0), (1, 3, 1.0), (2, 3, 1.0)], [9, 3, 1, 2])
    mass, log_total = _by_machine(graph)
    assert mass == pytest.approx([0.0, 0.75, 0.25, 1.0])
    assert log_total == pytest.approx(math.log(2 * (3 + 1)))


def test_dead_ends_count_for_nothing() -> None:
    graph = Graph([0, 1, 1, 2], [True, False, False, True], [(0, 1, 2.0), (0, 2, 7.0), (1, 3, 1.0)])
    mass, log_total = _by_machine(graph)
    assert mass == pytest.approx([0.0, 1.0, 0.0, 1.0])
    assert log_total == pytest.approx(math.log(2))


def test_plan_serves_many_weights() -> None:
    plan = Graph([0, 1, 1, 2], [True, False, False, True], [(0, 1, 0.0), (0, 2, 0.0), (1, 3, 0.0), (2, 3, 0.0)]).plan()
    one = np.ones(4)
    assert run(plan, np.array([1.0, 3.0, 1.0, 1.0]), one).mass.tolist() == [0.0, 0.25, 0.75, 1.0]
    assert run(plan, np.array([3.0, 1.0, 1.0, 1.0]), one).mass.tolist() == [0.0, 0.75, 0.25, 1.0]


def _chain(length: int, low: float, *, pruned: bool = False) -> Graph:
    """One cluster of *length* steps, each by *low* or by twice that; with *pruned*, also over two steps by 0."""
    edges: list[tuple[int, int, float]] = []
    for k in range(length):
        edges += [(k, k + 1, low), (k, k + 1, 2 * low)]
        if pruned and k:
            edges.append((k - 1, k + 1, 0.0))
    return Graph(list(range(length + 1)), [True, *[False] * (length - 1), True], edges)


def _in_logarithms(graph: Graph) -> tuple[list[float], float]:
    """Mass and log total of a graph of one cluster, with every sum in the log domain."""
    log = [math.log(w) if w else -math.inf for _, _, w in graph.edges]
    states = len(graph.levels)
    alpha, beta = np.full(states, -np.inf), np.full(states, -np.inf)
    alpha[0] = beta[-1] = 0.0
    for k in sorted(range(len(log)), key=lambda k: graph.levels[graph.edges[k][1]]):
        a, b, _ = graph.edges[k]
        alpha[b] = np.logaddexp(alpha[b], alpha[a] + log[k])
    for k in sorted(range(len(log)), key=lambda k: -graph.levels[graph.edges[k][0]]):
        a, b, _ = graph.edges[k]
        beta[a] = np.logaddexp(beta[a], beta[b] + log[k])
    total = float(alpha[-1])
    mass = [0.0] * states
    for k, (a, b, _) in enumerate(graph.edges):
        mass[b] += math.exp(alpha[a] + log[k] + beta[b] - total)
    return mass, total


def _assert_as_in_logarithms(graph: Graph) -> None:
    mass, log_total = _by_machine(graph)
    expected, expected_total = _in_logarithms(graph)
    assert np.isfinite(mass).all()
    assert math.isfinite(log_total)
    assert mass == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert log_total == pytest.approx(expected_total, rel=1e-9)


def test_the_reference_in_logarithms_agrees_with_enumeration() -> None:
    graph = _chain(6, 0.7, pruned=True)
    mass, log_total = _in_logarithms(graph)
    expected, expected_total = _by_hand(graph)
    assert mass == pytest.approx(expected)
    assert log_total == pytest.approx(expected_total)


# 400 steps of 1,000 or 2,000 add up to e^3202: far beyond a float.
@pytest.mark.parametrize("length", [85, 400])
def test_a_cluster_whose_sums_overflow(length: int) -> None:
    _assert_as_in_logarithms(_chain(length, 1e3))


def test_a_cluster_whose_sum_is_tiny() -> None:
    _assert_as_in_logarithms(_chain(100, 1e-3))


_unreached = "a sum that is lost (0 by underflow, NaN by infinity times 0) is taken for a cluster that no path reaches"


def test_a_cluster_whose_sums_underflow_to_nothing() -> None:
    _assert_as_in_logarithms(_chain(400, 1e-3))


def test_a_cluster_whose_sums_overflow_beside_a_pruned_transition() -> None:
    _assert_as_in_logarithms(_chain(400, 1e3, pruned=True))
