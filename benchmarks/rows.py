"""What each row of the phrase table brings and costs: ``python -m benchmarks.rows GOLD [--corpus CORPUS] [--most 40]``.

Every edit made on the pairs is tried by itself: *help* if the word error against the true original falls with it,
*harm* if it rises, *idle* if it stays (one wrong word for another). Every edit in clean text is harm. Rows are listed
by harm, then those that bring most; a row that costs more than it brings is to be fenced (``fires``, ``with:``,
``common``) or dropped. The texts of the unread pairs are not looked at: they only count in the sums.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import unspin
from unspin.edits import Edit
from unspin.scoring import word_errors

from . import command, gold
from .quality import held_out_documents


@dataclass
class Effect:
    """Edits that a row led to: right, wrong and neither, and false ones in clean text."""

    help: int = 0
    harm: int = 0
    idle: int = 0
    false: int = 0

    @property
    def balance(self) -> int:
        return self.help - self.harm - self.false


def effects_on_pair(result: unspin.Restoration, original: str) -> list[tuple[Edit, int]]:
    """Return each edit of a restored pair with the word errors it takes away (negative: adds), tried by itself."""
    found: list[tuple[Edit, int]] = []
    at = 0
    edits = list(result.edits)
    for line, truth in zip(result.source.split("\n"), original.split("\n")):
        end = at + len(line)
        before = None
        while edits and edits[0].start < end:
            edit = edits.pop(0)
            if before is None:
                before = word_errors(line, truth)[0]
            changed = line[: edit.start - at] + edit.original + line[edit.end - at :]
            found.append((edit, before - word_errors(changed, truth)[0]))
        at = end + 1
    return found


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("rows", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--corpus", type=Path, help="folder of the corpus, for its held-out clean text")
    parser.add_argument("--most", type=int, default=40, help="rows to list at each end (default: %(default)s)")
    parser.add_argument("--min-confidence", type=float, default=0.3, help="count edits from here on (default: %(default)s)")
    arguments = parser.parse_args(argv)

    def work() -> None:
        rows: dict[str, Effect] = defaultdict(Effect)
        sums: Counter[tuple[str, str]] = Counter()
        restorer = unspin.Restorer(min_confidence=arguments.min_confidence)
        for pair in gold.read_pairs(arguments.gold):
            if pair.family not in gold.SYNONYM:
                continue
            half = "unread" if pair.unread else "read"
            for edit, gain in effects_on_pair(restorer.explain(pair.spun), pair.original):
                kind = "help" if gain > 0 else "harm" if gain < 0 else "idle"
                sums[half, kind] += 1
                if not pair.unread:
                    effect = rows[f"{edit.family:9s} {edit.entry or edit.kind}"]
                    setattr(effect, kind, getattr(effect, kind) + 1)
        clean = [text for _, text in gold.read_clean(arguments.gold)]
        clean += held_out_documents(arguments.corpus) if arguments.corpus else []
        for text in clean:
            for edit in restorer.explain(text).edits:
                rows[f"{edit.family:9s} {edit.entry or edit.kind}"].false += 1
                sums["clean", "false"] += 1
        for (half, kind), count in sorted(sums.items()):
            print(f"{half:7s} {kind:5s} {count}")
        ordered = sorted(rows.items(), key=lambda r: (r[1].balance, -r[1].idle, r[0]))
        worst = [r for r in ordered if r[1].balance < 0 or r[1].idle > r[1].help][: arguments.most]
        best = ordered[::-1][: arguments.most]
        for title, listed in (("rows that cost more than they bring", worst), ("rows that bring most", best)):
            print(f"\n{title}\n help  harm  idle false  row")
            for name, e in listed:
                print(f"{e.help:5d} {e.harm:5d} {e.idle:5d} {e.false:5d}  {name}")

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
