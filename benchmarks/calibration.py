"""Does the confidence of an edit say how often it is right? ``python -m benchmarks.calibration GOLD --corpus CORPUS``.

Every edit that `unspin` weighs (``min_confidence`` 0, the best reading of each place) is judged by itself (`judging`): on
the real pairs, read and unread apart; on clean text that the language model was not counted from, spun by the table's own
rows, a source a family; and on that clean text as it is, where all edits are wrong. Repairs of debris are left out: their
confidence is a constant.

By ten bins of equal width it prints how many edits, their mean confidence and the share right, and for each source the
*expected calibration error* (Naeini et al. 2015; Guo et al. 2017): the mean of |confidence − share right| over bins,
weighted by edits; once by bins of equal width, once by bins that hold equally many. Few edits make it large by chance
alone: ``by chance`` is its mean for confidences that are perfectly calibrated, by simulation.

``--plot FILE`` draws it (needs matplotlib). ``--fit`` fits the map of `unspin.calibration` anew: on one half of the
documents (read pairs, generated, clean) tested on the other, and the other way round, then on all of them, tested on the
unread pairs, which no fit ever sees. Real edits count as much as all the others together.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unspin import resources
from unspin.calibration import RAW, Calibration
from unspin.edits import Edit
from unspin.engine import Engine

from . import command, gold
from .judging import judge_pair, judge_spun
from .models import engine
from .quality import held_out_documents
from .spin import FAMILIES, Spinner

BINS = 10
#: Of the held-out documents one in STEP is spun.
STEP = 10
READ, UNREAD, SPUN, CLEAN = "pairs read", "pairs unread", "spun here", "clean"
#: Groups of sources that are shown bin by bin.
POOLED = (READ, UNREAD, "all real pairs", "all spun here", "all")

#: Bins of fewer edits are not drawn.
FEW = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """One edit: where it is from (``READ`` …, and a family), its document, how sure it was, whether it is right."""

    source: str
    family: str
    document: int
    confidence: float
    right: bool


def judged(engine: Engine, folder: Path, documents: Sequence[str]) -> Iterator[Judged]:
    """Yield every edit that *engine* makes on the pairs of *folder*, and on held-out *documents*, spun and as they are."""

    def told(source: str, family: str, document: int, edits: Iterable[Edit], right: Iterable[bool]) -> Iterator[Judged]:
        for edit, ok in zip(edits, right, strict=True):
            if edit.kind != "debris":
                yield Judged(source, family, document, edit.confidence, ok)

    pairs = [p for p in gold.read_pairs(folder) if p.family in gold.SYNONYM]
    for k, pair in enumerate(sorted(pairs, key=lambda p: (p.unread, p.family, p.name))):
        edits = engine.explain(pair.spun).edits
        yield from told(UNREAD if pair.unread else READ, pair.family, k, edits, judge_pair(pair.spun, pair.original, edits))
    for k, text in enumerate(documents):
        edits = engine.explain(text).edits
        yield from told(CLEAN, "", k, edits, [False] * len(edits))
    rows = resources.rows()
    for family in FAMILIES:
        spinner = Spinner(rows, family)
        for k, text in enumerate(documents[::STEP]):
            spun = spinner.spin(text, k)
            edits = engine.explain(spun.text).edits
            yield from told(SPUN, family, k, edits, judge_spun(spun, edits))


def columns(edits: Sequence[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences and whether right, float64[n] each."""
    return np.array([e.confidence for e in edits]), np.array([e.right for e in edits], dtype=float)


def bins(confidence: np.ndarray, *, mass: bool = False) -> list[np.ndarray]:
    """Return the indices of each of BINS bins: of equal width, or with equally many; empty ones too."""
    if mass:
        return np.array_split(np.argsort(confidence, kind="stable"), BINS)
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [np.flatnonzero(at == k) for k in range(BINS)]


def calibration_error(confidence: np.ndarray, right: np.ndarray, *, mass: bool = False) -> float:
    """Return the expected calibration error; 0 of no edits.

    >>> calibration_error(np.array([0.75, 0.75, 0.95]), np.array([1.0, 0.0, 1.0]))  # (2 · .25 + 1 · .05) / 3
    0.18333333333333335
    """
    gaps = (abs(float(confidence[b].sum() - right[b].sum())) for b in bins(confidence, mass=mass))
    return sum(gaps) / max(len(confidence), 1)


def by_chance(confidence: np.ndarray, *, mass: bool = False, rounds: int = 200) -> float:
    """Return the mean error of edits that are right exactly as often as they say."""
    draw = np.random.default_rng(0)
    outcomes = ((draw.random(len(confidence)) < confidence).astype(float) for _ in range(rounds))
    return float(np.mean([calibration_error(confidence, right, mass=mass) for right in outcomes]))


def fit(confidence: np.ndarray, right: np.ndarray, weight: np.ndarray) -> Calibration:
    """Fit the map to posteriors and whether right, by weighted maximum likelihood (Newton's method); float64[n] each."""
    p = np.clip(confidence, 1e-4, 1 - 1e-4)
    features = np.stack([np.log(p), -np.log1p(-p), np.ones_like(p)], axis=1)
    beta = np.array([1.0, 1.0, 0.0])
    for _ in range(50):
        now = 1 / (1 + np.exp(-features @ beta))
        slope = features.T @ (weight * (right - now))
        curve = features.T @ (features * (weight * now * (1 - now))[:, None])
        # A pinch of ridge keeps a step finite where all are right.
        beta += np.linalg.solve(curve + 1e-6 * np.eye(3), slope)
    return Calibration(*(round(float(b), 2) for b in beta))


def weights(edits: Sequence[Judged]) -> np.ndarray:
    """Return float64[n], adding up to n: the edits of real pairs together weigh as much as all others."""
    real = np.array([e.source in (READ, UNREAD) for e in edits])
    share = np.where(real, 1 / max(int(real.sum()), 1), 1 / max(int((~real).sum()), 1))
    return share * len(edits) / share.sum()


def mapped(edits: Iterable[Judged], calibration: Calibration) -> list[Judged]:
    """Return *edits*, whose confidence is a posterior, with it calibrated."""
    edits = list(edits)
    sure = calibration(np.array([e.confidence for e in edits])).tolist()
    return [Judged(e.source, e.family, e.document, c, e.right) for e, c in zip(edits, sure)]


def sources(edits: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Group *edits* by where they are from, and pool them."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for e in edits:
        groups[f"{e.source} {e.family}".strip()].append(e)
    for e in edits:
        if e.source in (READ, UNREAD):
            groups[e.source].append(e)
            groups["all real pairs"].append(e)
        elif e.source == SPUN:
            groups["all spun here"].append(e)
        groups["all"].append(e)
    return {name: groups[name] for name in sorted(groups, key=lambda n: (n in POOLED, POOLED.index(n) if n in POOLED else 0, n))}


def report(edits: Sequence[Judged]) -> Iterator[str]:
    """Yield the lines of the tables: a line a source, then the bins of the pooled ones."""
    groups = sources(edits)
    yield "| source | edits | confidence | right | ECE, equal width | (by chance) | ECE, equal mass | (by chance) |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name, group in groups.items():
        c, r = columns(group)
        errors = (f"{calibration_error(c, r, mass=m):.3f} | ({by_chance(c, mass=m):.3f})" for m in (False, True))
        yield f"| {name} | {len(c)} | {c.mean():.3f} | {r.mean():.3f} | {' | '.join(errors)} |"
    pooled = {n: columns(groups[n]) for n in POOLED if n in groups}
    yield ""
    yield f"| confidence | {' | '.join(pooled)} |"
    yield f"|---|{'---:|' * len(pooled)}"
    for k in range(BINS):
        cells = (_cell(c, r, bins(c)[k]) for c, r in pooled.values())
        yield f"| {k / BINS:.1f}–{(k + 1) / BINS:.1f} | {' | '.join(cells)} |"
    yield ""
    yield "A cell: edits · mean confidence → share right."


def _cell(confidence: np.ndarray, right: np.ndarray, where: np.ndarray) -> str:
    return f"{len(where)} · {confidence[where].mean():.2f} → {right[where].mean():.2f}" if len(where) else ""


def report_fit(edits: Sequence[Judged]) -> Iterator[str]:
    """Yield what maps fitted to posteriors come to on documents that they were not fitted to."""
    usable = [e for e in edits if e.source != UNREAD]
    halves = [[e for e in usable if e.document % 2 == h] for h in (0, 1)]
    found: list[Judged] = []
    for seen, unseen in (halves, halves[::-1]):
        calibration = fit(*columns(seen), weights(seen))
        yield f"fitted on {len(seen)} edits of one half: {calibration}"
        found += mapped(unseen, calibration)
    calibration = fit(*columns(usable), weights(usable))
    yield f"fitted on both halves ({len(usable)} edits): {calibration}"
    unread = mapped([e for e in edits if e.source == UNREAD], calibration)
    yield "\nAs the posterior has it:\n"
    yield from report(edits)
    yield "\nEach half by the map of the other, unread pairs by that of both:\n"
    yield from report(found + unread)


def plot(edits: Sequence[Judged], path: Path) -> None:
    """Draw the reliability of *edits*: real pairs beside text spun here."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = (
        ("Real spun articles", [("pairs read", READ, ""), ("pairs nobody read", UNREAD, "")]),
        ("Clean articles spun by the table’s rows", [(f, SPUN, f) for f in FAMILIES]),
    )
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.6), sharey=True, layout="constrained")
    colours = ("#2a5d8a", "#c8553d", "#4c8c6b", "#8d6a9f")
    for axis, (title, series) in zip(axes, panels):
        axis.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="as sure as right")
        for colour, (name, source, family) in zip(colours, series):
            mine = [e for e in edits if e.source == source and family in ("", e.family)]
            _draw(axis, columns(mine), f"{name}: {len(mine):,} edits", colour, counts=source != SPUN, above=source == READ)
        axis.set(title=title, xlabel="confidence of the edit (mean of the bin)", xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
        axis.grid(color="#eeeeee")
        axis.legend(loc="lower right", frameon=False, fontsize=8)
    axes[0].set_ylabel("share of the edits that are right")
    figure.savefig(path, dpi=110, metadata={"Software": None} if path.suffix == ".png" else None)
    plt.close(figure)


def _draw(axis: Any, edits: tuple[np.ndarray, np.ndarray], label: str, colour: str, *, counts: bool, above: bool) -> None:
    """Draw one line of bins, with 95 % intervals (Wilson 1927) and, where asked, how many edits each bin holds.

    ``above``: on which side of the points the numbers stand
    """
    confidence, right = edits
    held = [b for b in bins(confidence) if len(b) >= FEW]
    x = np.array([confidence[b].mean() for b in held])
    y = np.array([right[b].mean() for b in held])
    n = np.array([len(b) for b in held])
    z = 1.96
    middle, half = (y + z * z / (2 * n)) / (1 + z * z / n), z * np.sqrt(y * (1 - y) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    spread = [np.maximum(y - (middle - half), 0), np.maximum(middle + half - y, 0)]
    axis.errorbar(x, y, spread, color=colour, marker="o", markersize=4, linewidth=1.4, elinewidth=0.7, label=label)
    if counts:
        place, side = ((-6, 6), "right") if above else ((6, -9), "left")
        for a, b, k in zip(x, y, n):
            axis.annotate(f"{k}", (a, b), place, textcoords="offset points", fontsize=7, color=colour, ha=side)


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("calibration", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpus, for its held-out clean text")
    parser.add_argument("--plot", type=Path, help="draw the reliability to this file (.png, .svg)")
    parser.add_argument("--fit", action="store_true", help="fit the map anew and test it, instead of the shipped one")
    arguments = parser.parse_args(argv)

    def work() -> None:
        documents = held_out_documents(arguments.corpus)
        if arguments.fit:
            lines = report_fit(list(judged(engine(calibration=RAW), arguments.gold, documents)))
        else:
            edits = list(judged(engine(), arguments.gold, documents))
            lines = report(edits)
            if arguments.plot:
                plot(edits, arguments.plot)
        for line in lines:
            print(line)

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
