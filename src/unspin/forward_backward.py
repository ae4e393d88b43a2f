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
from .tokens import stable_order

_TRUE = np.ones(1, dtype=bool)
#: Range within which a cluster's sum is trusted; beyond it products under- or overflow.
_LEAST, _MOST = 1e-250, 1e250


@dataclass(frozen=True)
class Schedule:
    """The transitions of a graph, and the order of the levels they arrive at.

    A cut state s appears twice: as s where a cluster begins, as ``states + s`` where one ends.

    ``source``, ``target``: int64[t] states, in the caller's order, target by target; ``cut``: bool[states]
    ``order``    int64[t]: the transitions in rising order of level
    ``arrives``  int64[t]: the level of each transition's target
    """

    source: np.ndarray
    target: np.ndarray
    arrives: np.ndarray
    cut: np.ndarray
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
    ``levels``   for each level: the slice of its transitions, their sources and targets, where the groups of one
                 target begin among them, and those targets
    ``cut``      int64[c]: the cut states; ``ends``: int64, those that end a cluster, as ``states + s``
    """

    source: np.ndarray
    target: np.ndarray
    levels: list[tuple[slice, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]
    cut: np.ndarray
    ends: np.ndarray


def schedule(source: np.ndarray, target: np.ndarray, arrives: np.ndarray, cut: np.ndarray) -> Schedule:
    """Prepare the passes, for transitions given target by target.

    ``source``, ``target``: int64[t] states of each transition; ``arrives``: int64[t], the level of the
    target, counted from the cut that begins the cluster; ``cut``: bool[s].
    """
    return Schedule(source, target, arrives, cut, stable_order(arrives))


def _layers(plan: Schedule) -> Layers:
    order, states = plan.order, plan.states
    source, target, arrives = plan.source[order], plan.target[order], plan.arrives[order]
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
    return Layers(source, target, levels, np.flatnonzero(plan.cut), ends)


@dataclass(frozen=True, slots=True)
class Sums:
    """``posterior``: float64[t], of each transition in the caller's order; ``log_total``: sum of log Z over clusters."""

    posterior: np.ndarray
    log_total: float


def run(plan: Schedule, weight: np.ndarray) -> Sums:
    """Sum over all paths; ``weight``: float64[t] (not a logarithm), in the order given to `schedule`.

    A cluster so long that its sum leaves the range of floating point is summed in logarithms instead, slower.
    """
    native = kernels.library()
    with np.errstate(all="ignore"):
        sums = _linear(plan, weight) if native is None else _native(native, plan, weight)
        return sums if sums is not None else _logarithmic(plan, weight)


def _native(native: Any, plan: Schedule, weight: np.ndarray) -> Sums | None:
    n, states = len(weight), plan.states
    arrays = [plan.order, plan.source, plan.target]
    arrays = [np.ascontiguousarray(a, dtype=np.int64) for a in arrays]
    cut, weight = np.ascontiguousarray(plan.cut), np.ascontiguousarray(weight, dtype=np.float64)
    scratch, posterior, log_total = np.empty((2, 2 * states)), np.empty(n), np.zeros(1)
    failed = native.unspin_sums(
        states, n, *map(address, arrays), address(cut), address(weight), _LEAST, _MOST,
        address(scratch), address(scratch[1:]), address(posterior), address(log_total),
    )  # fmt: skip
    return None if failed else Sums(posterior, float(log_total[0]))


def _linear(plan: Schedule, weight: np.ndarray) -> Sums | None:
    w, layers = weight[plan.order], plan.layers
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
    posterior = np.empty(len(w))
    posterior[plan.order] = flow
    return Sums(posterior, float(np.log(totals).sum()))


def _logarithmic(plan: Schedule, weight: np.ndarray) -> Sums:
    layers = plan.layers
    source, target = layers.source, layers.target
    v = np.log(weight[plan.order])
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
    posterior = np.empty(len(v))
    posterior[plan.order] = np.exp(alpha[source] + v + beta[target])
    return Sums(posterior, float(alpha[ends].sum()))
