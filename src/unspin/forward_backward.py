"""Sums over all paths of a layered graph, cluster by cluster, all clusters at once.

States sit at levels; transitions lead from a state to one at a higher level. A *cut* state ends one cluster
and begins the next: paths into it are summed and the sum starts again from one. (The forward–backward
algorithm of Baum et al. 1970, in the linear domain: weights are scaled by the caller so that a cluster
neither under- nor overflows.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .tokens import stable_order

_TRUE = np.ones(1, dtype=bool)
#: Range within which a cluster's sum is trusted; beyond it products under- or overflow.
_LEAST, _MOST = 1e-250, 1e250


@dataclass(frozen=True, slots=True)
class Schedule:
    """The transitions of a graph, in rising order of the level they arrive at.

    A cut state s appears twice: as s where a cluster begins, as ``states + s`` where one ends.

    ``order``    int64[t]: the caller's index of each transition
    ``source``, ``target``: int64[t] states
    ``levels``   for each level: the slice of its transitions, their sources and targets, where the groups of one
                 target begin among them, and those targets
    ``cut``      int64[c]: the cut states; ``ends``: int64, those that end a cluster, as ``states + s``
    """

    states: int
    order: np.ndarray
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
    states = len(cut)
    order = stable_order(arrives)
    source, target, arrives = source[order], target[order], arrives[order]
    new = np.flatnonzero(np.concatenate((_TRUE[: len(target)], target[1:] != target[:-1])))
    level = arrives[new]
    edges = np.flatnonzero(np.concatenate((_TRUE[: len(level)], level[1:] != level[:-1]))).tolist()
    edges.append(len(new))
    bounds = np.append(new, len(target))[edges].tolist()
    target = target + states * cut[target]
    group_target = target[new]
    levels = [
        (slice(lo, hi), source[lo:hi], target[lo:hi], new[a:b] - lo, group_target[a:b])
        for a, b, lo, hi in zip(edges[:-1], edges[1:], bounds[:-1], bounds[1:])
    ]
    # A state has one level, so each target is one group.
    ends = group_target[group_target >= states]
    return Schedule(states, order, source, target, levels, np.flatnonzero(cut), ends)


@dataclass(frozen=True, slots=True)
class Sums:
    """``posterior``: float64[t], of each transition in the caller's order; ``log_total``: sum of log Z over clusters."""

    posterior: np.ndarray
    log_total: float


def run(plan: Schedule, weight: np.ndarray) -> Sums:
    """Sum over all paths; ``weight``: float64[t] (not a logarithm), in the order given to `schedule`.

    A cluster so long that its sum leaves the range of floating point is summed in logarithms instead, slower.
    """
    w = weight[plan.order]
    with np.errstate(all="ignore"):
        sums = _linear(plan, w)
        return sums if sums is not None else _logarithmic(plan, w)


def _linear(plan: Schedule, w: np.ndarray) -> Sums | None:
    alpha = np.zeros(2 * plan.states)
    alpha[plan.cut] = 1.0
    flow = np.empty(len(w))
    add, add_at = np.add.reduceat, np.add.at
    for where, source, _, starts, states in plan.levels:
        part = flow[where]
        alpha.take(source, out=part, mode="clip")
        part *= w[where]
        alpha[states] = add(part, starts)
    # Nothing but sums that are well within range is trusted; a cut that no path reaches is told apart below.
    ends = plan.ends
    totals = alpha[ends]
    if len(totals) and not (totals.min() > _LEAST and totals.max() < _MOST):
        return None
    beta = np.zeros(2 * plan.states)
    beta[ends] = 1.0 / totals
    for where, source, target, _, _ in reversed(plan.levels):
        part = beta.take(target)
        flow[where] *= part
        part *= w[where]
        add_at(beta, source, part)
    posterior = np.empty(len(w))
    posterior[plan.order] = flow
    return Sums(posterior, float(np.log(totals).sum()))


def _logarithmic(plan: Schedule, w: np.ndarray) -> Sums:
    source, target = plan.source, plan.target
    v = np.log(w)
    alpha = np.full(2 * plan.states, -np.inf)
    alpha[plan.cut] = 0.0
    for where, sources, _, starts, states in plan.levels:
        alpha[states] = np.logaddexp.reduceat(alpha[sources] + v[where], starts)
    # A cut that no path reaches (all of them pruned) ends nothing.
    ends = plan.ends[alpha[plan.ends] > -np.inf]
    beta = np.full(2 * plan.states, -np.inf)
    beta[ends] = -alpha[ends]
    for where, sources, targets, _, _ in reversed(plan.levels):
        np.logaddexp.at(beta, sources, beta[targets] + v[where])
    posterior = np.empty(len(w))
    posterior[plan.order] = np.exp(alpha[source] + v + beta[target])
    return Sums(posterior, float(alpha[ends].sum()))
