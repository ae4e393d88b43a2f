"""Sums over all paths of a layered graph, cluster by cluster, all clusters at once.

States sit at levels; transitions lead from a state to one at a higher level. A *cut* state ends one cluster
and begins the next: paths into it are summed and the sum starts again from one. (The forward–backward
algorithm of Baum et al. 1970, in the linear domain: weights are scaled by the caller so that a cluster
neither under- nor overflows.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from . import kernels
from .kernels import address
from .tokens import ranges, stable_order

_TRUE = np.ones(1, dtype=bool)
#: Range within which a cluster's sum is trusted; beyond it products under- or overflow.
_LEAST, _MOST = 1e-250, 1e250


@dataclass(frozen=True)
class Schedule:
    """The transitions of a graph, and the order in which its states are reached.

    A cut state s appears twice: as s where a cluster begins, as ``states + s`` where one ends.

    ``source``   int64[t]: where each transition comes from, target by target
    ``begins``   int64[states + 1]: transitions ``begins[s]`` to ``begins[s + 1]`` lead into state s
    ``cut``      bool[states]
    ``arrives``  int64[states]: the level of each state, counted from the cut that begins its cluster
    ``order``    int64[states]: the states in rising order of level
    """

    source: np.ndarray
    begins: np.ndarray
    cut: np.ndarray
    arrives: np.ndarray
    order: np.ndarray

    @property
    def states(self) -> int:
        return len(self.cut)

    @cached_property
    def layers(self) -> Layers:
        """The same, level by level."""
        return _layers(self)


@dataclass(frozen=True, slots=True)
class Layers:
    """Transitions by level, for whole-array sums.

    ``source``, ``target``: int64[t] states in rising order of level, targets that end a cluster as ``states + s``
    ``state``    int64[t]: the target itself; ``transition``: int64[t], where the transition stands in the caller's order
    ``levels``   for each level: the slice of its transitions, their sources and targets, where the groups of one
                 target begin among them, and those targets
    ``cut``      int64[c]: the cut states; ``ends``: int64, those that end a cluster, as ``states + s``
    """

    source: np.ndarray
    target: np.ndarray
    state: np.ndarray
    transition: np.ndarray
    levels: list[tuple[slice, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
    cut: np.ndarray
    ends: np.ndarray


def schedule(source: np.ndarray, begins: np.ndarray, arrives: np.ndarray, cut: np.ndarray) -> Schedule:
    """Prepare the passes; the arguments are those of `Schedule`."""
    return Schedule(source, begins, cut, arrives, stable_order(arrives))


def _layers(plan: Schedule) -> Layers:
    order, states = plan.order, plan.states
    count = np.diff(plan.begins)[order]
    transition, state = ranges(plan.begins[order], count), np.repeat(order, count)
    source, target, arrives = plan.source[transition], state, plan.arrives[state]
    new = np.flatnonzero(np.concatenate((_TRUE[: len(target)], target[1:] != target[:-1])))
    level = arrives[new]
    edges = np.flatnonzero(np.concatenate((_TRUE[: len(level)], level[1:] != level[:-1]))).tolist()
    edges.append(len(new))
    bounds = np.append(new, len(target))[edges].tolist()
    target = target + states * plan.cut[target]
    group_target = target[new]
    levels = [
        (slice(lo, hi), source[lo:hi], target[lo:hi], new[a:b] - lo, group_target[a:b])
        for a, b, lo, hi in zip(edges[:-1], edges[1:], bounds[:-1], bounds[1:])
    ]
    # A state has one level, so each target is one group.
    ends = group_target[group_target >= states]
    return Layers(source, target, state, transition, levels, np.flatnonzero(plan.cut), ends)


@dataclass(frozen=True, slots=True)
class Sums:
    """``mass``: float64[states], the posterior of arriving at each; ``log_total``: sum of log Z over clusters."""

    mass: np.ndarray
    log_total: float


def run(plan: Schedule, weight: np.ndarray, state: np.ndarray) -> Sums:
    """Sum over all paths; ``weight``: float64[t] of transitions, ``state``: float64[states] of arriving at a state.

    Weights are no logarithms. A cluster so long that its sum leaves the range of floating point is summed in logarithms
    instead, slower.
    """
    native = kernels.library()
    weight, state = (np.ascontiguousarray(a, dtype=np.float64) for a in (weight, state))
    with np.errstate(all="ignore"):
        sums = _linear(plan, weight, state) if native is None else _native(native, plan, weight, state)
        return sums if sums is not None else _logarithmic(plan, weight, state)


def _native(native: Any, plan: Schedule, weight: np.ndarray, state: np.ndarray) -> Sums | None:
    states = plan.states
    out, log_total = np.empty((3, states)), np.zeros(1)
    at, row = address(out), 8 * states
    failed = native.unspin_sums(
        states, *map(address, (plan.order, plan.begins, plan.source, plan.cut, weight, state)), _LEAST, _MOST,
        at + row, at + 2 * row, at, address(log_total),
    )  # fmt: skip
    return None if failed else Sums(out[0], float(log_total[0]))


def _linear(plan: Schedule, weight: np.ndarray, state: np.ndarray) -> Sums | None:
    layers = plan.layers
    w = weight[layers.transition] * state[layers.state]
    alpha = np.zeros(2 * plan.states)
    alpha[layers.cut] = 1.0
    flow = np.empty(len(w))
    add, add_at = np.add.reduceat, np.add.at
    for where, source, _, starts, states in layers.levels:
        part = flow[where]
        alpha.take(source, out=part, mode="clip")
        part *= w[where]
        alpha[states] = add(part, starts)
    # Nothing but sums that are well within range is trusted; a cut that no path reaches is told apart below.
    ends = layers.ends
    totals = alpha[ends]
    if len(totals) and not (totals.min() > _LEAST and totals.max() < _MOST):
        return None
    beta = np.zeros(2 * plan.states)
    beta[ends] = 1.0 / totals
    for where, source, target, _, _ in reversed(layers.levels):
        part = beta.take(target)
        flow[where] *= part
        part *= w[where]
        add_at(beta, source, part)
    mass = np.bincount(layers.state, weights=flow, minlength=plan.states)
    return Sums(mass, float(np.log(totals).sum()))


def _logarithmic(plan: Schedule, weight: np.ndarray, state: np.ndarray) -> Sums:
    layers = plan.layers
    source, target = layers.source, layers.target
    v = np.log(weight[layers.transition]) + np.log(state[layers.state])
    alpha = np.full(2 * plan.states, -np.inf)
    alpha[layers.cut] = 0.0
    for where, sources, _, starts, states in layers.levels:
        alpha[states] = np.logaddexp.reduceat(alpha[sources] + v[where], starts)
    # A cut that no path reaches (all of them pruned) ends nothing.
    ends = layers.ends[alpha[layers.ends] > -np.inf]
    beta = np.full(2 * plan.states, -np.inf)
    beta[ends] = -alpha[ends]
    for where, sources, targets, _, _ in reversed(layers.levels):
        np.logaddexp.at(beta, sources, beta[targets] + v[where])
    flow = np.exp(alpha[source] + v + beta[target])
    return Sums(np.bincount(layers.state, weights=flow, minlength=plan.states), float(alpha[ends].sum()))
