"""How rows' examples come out: ``python -m benchmarks.examples [--show]``.

The examples of ``data/examples`` are single sentences, far less than a spinner leaves to go by. They are read in the company
they would have: DOCUMENT of one family behind a spun passage of that family (``tests/cases/passages.json``), half of them
garbled as a spinner would and half plain, no example beside itself. Prints by family how many garbled sentences come back
with the original, and in how many plain ones the spun form stays. Then every plain sentence is read alone: nothing may be
changed in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import unspin
from unspin.build.examples import Example, occurrence, read_examples

from . import command

FOLDER = Path(__file__).parents[1] / "data" / "examples"
_PASSAGES = Path(__file__).parents[1] / "tests" / "cases" / "passages.json"
#: Sentences of a document.
DOCUMENT = 6


def passages() -> dict[str, list[str]]:
    """Return the spun passages by family."""
    out: dict[str, list[str]] = {}
    for case in json.loads(_PASSAGES.read_text(encoding="utf-8")):
        if case["family"]:
            out.setdefault(case["family"], []).append(case["text"])
    return out


def documents(examples: Iterable[Example]) -> Iterator[list[tuple[Example, bool]]]:
    """Yield documents of sentences of one family: an example, and whether its garbled sentence stands (else its plain one).

    One in two is garbled, in a second round the other one: no example speaks for itself.
    """
    families: dict[str, list[Example]] = {}
    for example in examples:
        families.setdefault(example.family, []).append(example)
    for mine in families.values():
        for turn in range(2):
            taken = [(e, (k + turn) % 2 == 0) for k, e in enumerate(mine)]
            taken = [(e, garbled) for e, garbled in taken if garbled or e.kept]
            for first in range(0, len(taken), DOCUMENT):
                yield taken[first : first + DOCUMENT]


def outcome(example: Example, garbled: bool, line: str) -> bool:
    """Whether a sentence came out right: with the original again, or with the spun form where that is right."""
    wanted = example.original if garbled else example.spun
    return len(occurrence(wanted).findall(line)) >= 1


def report(examples: Sequence[Example], show: bool) -> None:
    """Print the figures, and with *show* the sentences that came out wrong."""
    counts: dict[tuple[str, bool], list[int]] = {}
    spun = passages()
    batch, texts = [], []
    for number, document in enumerate(documents(examples)):
        family = document[0][0].family
        if family in spun:
            lines = [e.garbled if garbled else e.kept for e, garbled in document]
            batch.append(document)
            texts.append("\n".join([*lines, spun[family][number % len(spun[family])]]))
    for document, text in zip(batch, map(unspin.restore, texts)):
        for (example, garbled), line in zip(document, text.split("\n")):
            right = outcome(example, garbled, line)
            count = counts.setdefault((example.family, garbled), [0, 0])
            count[0] += right
            count[1] += 1
            if show and not right:
                print(f"{example.where}\t{'not restored' if garbled else 'not kept'}\t{line}")
    for (family, garbled), (right_ones, all_) in sorted(counts.items()):
        print(f"{family:10}  {'restored' if garbled else 'kept':8}  {right_ones} of {all_} ({right_ones / all_:.1%})")
    plain = [e.kept for e in examples if e.kept]
    changed = [(before, after) for before, after in zip(plain, map(unspin.restore, plain)) if before != after]
    print(f"alone       kept      {len(plain) - len(changed)} of {len(plain)} ({1 - len(changed) / len(plain):.2%})")
    if show:
        print(*(f"{a}\n  {b}" for a, b in changed), sep="\n")


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("examples", __doc__)
    parser.add_argument("--show", action="store_true", help="print the sentences that came out wrong")
    arguments = parser.parse_args(argv)
    return command.status(lambda: report(read_examples(FOLDER), arguments.show))


if __name__ == "__main__":
    sys.exit(main())
