"""How much of a spinning by known rules is undone, and what the rest is lost to: ``python -m benchmarks.curve CORPUS``.

Clean articles that the language model was not counted from are spun by the table's own rows (`spin`), by two spinners a
family:

``in doubt``   the table's rows as they are graded: each document draws which rows its list holds (``fires``), alternatives
               come by weight. What the table says of a spinner that nobody has seen.
``one list``   a spinner whose list is beyond doubt (`tables.one_list`): every row that the list holds rather than not, in
               all documents, its typical alternatives with equal chance.

Tables: *undone* (share of the word errors that restoration takes away), at falling ``min_confidence``, with rows dropped at
random from the table that restores (the spinner keeps them), and for three that know more: ``best alternative`` takes of
the readings that each edit lists the right one if it is there; ``in the table`` restores whatever some row offers (choice
is no matter: what is missing is coverage); ``list known`` restores by a table compiled from the spinner's one list. Then
what the word errors of the spun texts come to at the default, and the replacements most often restored wrongly.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unspin import resources
from unspin.edits import Edit, apply_edits
from unspin.engine import Engine
from unspin.phrase_table import PhraseTable
from unspin.rows import Row
from unspin.scoring import word_errors
from unspin.tokens import split

from . import command
from .coverage import oracle
from .models import default_engine
from .quality import errors, held_out_documents, undone
from .spin import FAMILIES, Replaced, Spinner, Spun
from .tables import compiled, one_list, without

DROPPED = (0.0, 0.1, 0.3, 0.5)
CONFIDENCES = (0.5, 0.0)
#: Held-out documents, of all of them, that are spun.
DOCUMENTS = 100
IN_DOUBT, ONE_LIST = "in doubt", "one list"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a replacement, with its edits; or of an edit where nothing was replaced.

    ``kind``    "restored", "wrong" (edited, but not to the original), "kept" (not edited), "false" (nothing was replaced)
    ``before``  word errors of the spun text there; ``after``: of the restored one
    """

    kind: str
    spun: str
    original: str
    found: str
    before: int
    after: int


def groups(spun: Spun, edits: Sequence[Edit]) -> Iterator[tuple[int, int, int, int, list[Replaced], list[Edit]]]:
    """Yield ``(start, end, begin, stop, places, edits)``: replaced places and edits that touch each other, and where they
    stand in the spun text and in the original."""
    marks: list[tuple[int, int, Replaced | Edit]] = [(p.start, p.end, p) for p in spun.places]
    marks = sorted([*marks, *((e.start, e.end, e) for e in edits)], key=lambda m: m[:2])
    shift = k = 0
    while k < len(marks):
        start, end, _ = marks[k]
        here: list[Replaced | Edit] = []
        # An edit may be empty, and then touches only what it stands in.
        while k < len(marks) and (marks[k][0] < end or not here):
            end = max(end, marks[k][1])
            here.append(marks[k][2])
            k += 1
        begin = start + shift
        places = [p for p in here if isinstance(p, Replaced)]
        shift += sum((p.stop - p.begin) - (p.end - p.start) for p in places)
        yield start, end, begin, end + shift, places, [e for e in here if isinstance(e, Edit)]


def fates(spun: Spun, edits: Sequence[Edit]) -> Iterator[Fate]:
    """Say what became of each replaced place of a text, and of edits elsewhere."""
    for start, end, begin, stop, places, mine in groups(spun, edits):
        shown, truth = spun.text[start:end], spun.original[begin:stop]
        found = _applied(spun, start, end, mine)
        right = split(found)[1] == split(truth)[1]
        kind = "false" if not places else "restored" if right else "wrong" if mine else "kept"
        yield Fate(kind, shown, truth, found, word_errors(shown, truth)[0], word_errors(found, truth)[0])


def _applied(spun: Spun, start: int, end: int, edits: Iterable[Edit]) -> str:
    return apply_edits(spun.text[start:end], [e._replace(start=e.start - start, end=e.end - start) for e in edits])


def best_alternatives(spun: Spun, edits: Sequence[Edit]) -> int:
    """Return the word errors that would be left if each edit took that of its alternatives which leaves the fewest."""
    left = 0
    for start, end, begin, stop, _, mine in groups(spun, edits):
        truth = spun.original[begin:stop]
        now = list(mine)
        for k, edit in enumerate(now):
            options = [edit, *(edit._replace(original=a.text) for a in edit.alternatives)]
            now[k] = min(options, key=lambda e: word_errors(_applied(spun, start, end, [*now[:k], e, *now[k + 1 :]]), truth)[0])
        left += word_errors(_applied(spun, start, end, now), truth)[0]
    return left


def in_the_table(table: PhraseTable, spun: Spun) -> int:
    """Return the word errors that the nearest reading of each replaced place leaves."""
    left = 0
    for p in spun.places:
        truth = spun.original[p.begin : p.stop]
        left += word_errors(" ".join(oracle(table, spun.text[p.start : p.end], split(truth)[1])), " ".join(split(truth)[1]))[0]
    return left


def share(before: int, after: int) -> str:
    return f"{1 - after / max(before, 1):.1%}"


def spun_by(rows: list[Row], documents: Sequence[str]) -> dict[str, list[Spun]]:
    """Spin *documents* by each family of *rows*."""
    spinners = {family: Spinner(rows, family) for family in FAMILIES}
    return {family: [s.spin(text, k) for k, text in enumerate(documents)] for family, s in spinners.items()}


def losses(engine: Engine, texts: Iterable[Spun]) -> tuple[Counter[str], Counter[tuple[str, str, str]], int]:
    """Return word errors by fate (those before for what was restored or kept, those after for the rest), what was
    restored wrongly, as (spun, original, found) with counts, and all word errors of the spun texts."""
    lost: Counter[str] = Counter()
    confused: Counter[tuple[str, str, str]] = Counter()
    before = 0
    for spun in texts:
        result = engine.explain(spun.text)
        for fate in fates(spun, result.edits):
            before += fate.before
            kind = fate.kind
            if kind == "kept" and not result.spin.is_spun:
                kind = "taken for clean"
            lost[kind] += fate.before - fate.after if kind == "restored" else fate.after
            if kind == "wrong":
                # Half restored is restored in part.
                lost["restored"] += fate.before - fate.after
            if kind in ("wrong", "kept"):
                confused[fate.spun.lower(), fate.original.lower(), fate.found.lower() if kind == "wrong" else "(kept)"] += 1
            if kind == "false":
                confused[fate.spun.lower(), "(not spun)", fate.found.lower()] += 1
    return lost, confused, before


def _undone(engine: Engine, texts: Iterable[Spun]) -> str:
    return share(*undone(lambda text: engine.explain(text).text, ((s.text, s.original) for s in texts)))


def report(documents: Sequence[str], most: int) -> Iterator[str]:
    """Yield the lines of the tables."""
    rows = resources.rows()
    listed = one_list(rows)
    texts = {IN_DOUBT: spun_by(rows, documents), ONE_LIST: spun_by(listed, documents)}
    engine = default_engine()
    columns = [(name, family) for name in texts for family in FAMILIES]
    yield f"| undone, {len(documents)} articles | {' | '.join(f'{n}: {f}' for n, f in columns)} |"
    yield f"|---|{'---:|' * len(columns)}"

    def line(name: str, cells: Iterable[str]) -> str:
        return f"| {name} | {' | '.join(cells)} |"

    by_column = [texts[name][family] for name, family in columns]
    found = [[errors(s.text, s.original) for s in t] for t in by_column]
    before = [sum(e for e, _ in t) for t in found]
    yield line("word error of the spun text", (f"{b / sum(n for _, n in t):.3f}" for b, t in zip(before, found)))
    for dropped in DROPPED:
        restorer = replace(engine, table=compiled(without(rows, dropped))) if dropped else engine
        yield line(f"**{dropped:.0%} of the rows dropped**", (_undone(restorer, t) for t in by_column))
        yield line("… in the table", (share(b, sum(in_the_table(restorer.table, s) for s in t)) for b, t in zip(before, by_column)))
    for least in CONFIDENCES:
        restorer = replace(engine, min_confidence=least)
        yield line(f"`min_confidence` {least:.2f}", (_undone(restorer, t) for t in by_column))

    def ideal(engine: Engine, texts: Sequence[Spun]) -> str:
        left = sum(best_alternatives(s, replace(engine, min_confidence=0.0).explain(s.text).edits) for s in texts)
        return share(sum(errors(s.text, s.original)[0] for s in texts), left)

    yield line("… best alternative", (ideal(engine, t) for t in by_column))
    others = [r for r in rows if r.family not in FAMILIES]
    known = replace(engine, table=compiled([*listed, *others]))
    for least in (engine.min_confidence, 0.0):
        restorer = replace(known, min_confidence=least)
        cells = (_undone(restorer, texts[n][f]) if n == ONE_LIST else "" for n, f in columns)
        yield line(f"list known, `min_confidence` {least:.2f}", cells)
    yield line("… best alternative", (ideal(known, texts[n][f]) if n == ONE_LIST else "" for n, f in columns))

    yield ""
    kinds = ("restored", "kept", "taken for clean", "wrong", "false")
    yield f"| of the word errors, at the default | {' | '.join(kinds)} |"
    yield f"|---|{'---:|' * len(kinds)}"
    confused: dict[str, Counter[tuple[str, str, str]]] = {IN_DOUBT: Counter(), ONE_LIST: Counter()}
    for (name, family), mine in zip(columns, by_column):
        lost, wrong, total = losses(engine, mine)
        confused[name] += wrong
        yield line(f"{name}: {family}", (f"{lost[k] / max(total, 1):.1%}" for k in kinds))
    for name, counts in confused.items():
        yield f"\nLost most often, {name}: times, spun ← original, restored to"
        for (shown, original, became), count in counts.most_common(most):
            yield f"{count:5d}  {shown} ← {original}: {became}"


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("curve", __doc__)
    parser.add_argument("corpus", type=Path, help="folder of the corpus, for its held-out clean text")
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="how many articles to spin (default: %(default)s)")
    parser.add_argument("--most", type=int, default=30, help="losses to list (default: %(default)s)")
    arguments = parser.parse_args(argv)

    def work() -> None:
        documents = held_out_documents(arguments.corpus)
        chosen = documents[:: max(1, len(documents) // arguments.documents)]
        for line in report(chosen, arguments.most):
            print(line, flush=True)

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
