"""How well tortured phrases are restored: ``python -m benchmarks.tortured TSV [--hold-out K | all] [--elsewhere] [--show]``.

TSV holds the facts of the Problematic Paper Screener: spun, original, papers, condition. A fact is *usable* if its
original is a wording and says something else than the spun form: no remark ("meaning unclear", "see …"), no dash, no
mere respelling, no spun form of the list itself. Of ``a|b c`` and ``a OR b`` every reading is right; so is ``[x]`` kept
or dropped. Where the table's row has the original corrected (number, typing errors), that is right too; the share
restored to the list's own wording is printed beside.

Every usable fact is put in the carrier sentence; a condition is met by a second sentence (``"term"`` names the term,
``NOT`` is met without). It counts if the whole text comes back right but for letter case, hyphens and spelling.

``--hold-out K`` (0–9, or ``all``) keeps a tenth of the facts, by hash of the spun form, out of the table: their phrases,
the inflections of these that are no fact themselves, and every word-for-word alternative that no other fact supports
(by stems) though a held-out one does. The rows of academic-thesaurus.txt stay, which were written without sight of the list;
with ``--elsewhere``, those that the news and web rows have too. Weights lose what they owe to facts held out. What is left
must restore them from their parts. Where it does not, FAILURES says why.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np

import unspin
from unspin import resources
from unspin.composition import _is_term, never_seen
from unspin.phrase_table import PhraseTable
from unspin.rows import Row, is_spelling_variant, read_rows
from unspin.table_compiler import compile_rows
from unspin.terms import read_terms
from unspin.tokens import split, tokenise

from . import command
from .coverage import oracle

FOLDS = 10
_DATA = Path(__file__).parents[1] / "data"
#: Word-for-word rows written without sight of the list: no fact is their source.
_BLIND = "academic-thesaurus.txt"
#: Added to the count of facts that an alternative of academic-words.txt is weighted by.
SMOOTHING = 0.15
_REMARK = re.compile(r"\bsee\b|unclear|paraphrase", re.I)
_ENDINGS = ("izations", "ization", "ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "s", "ly", "y", "e")


@dataclass(frozen=True)
class Fact:
    """A spun form, the originals that count as right as word tuples, and the sentence that meets its condition."""

    spun: str
    originals: tuple[str, ...]
    condition: str

    @property
    def fold(self) -> int:
        return int(hashlib.sha256(self.spun.casefold().encode()).hexdigest(), 16) % FOLDS

    @property
    def carrier(self) -> str:
        return carrier(self.spun, self.condition)


def carrier(phrase: str, condition: str = "") -> str:
    """Return a plain sentence that holds *phrase*; a condition's term stands in a second one."""
    text = f"In this paper the {phrase} is discussed in detail."
    return f"{text} {condition}" if condition else text


def readings(original: str) -> list[str]:
    """Return the wordings that an original of the list stands for.

    >>> readings("renal|kidney failure"), readings("recurrent [neural] networks")
    (['renal failure', 'kidney failure'], ['recurrent neural networks', 'recurrent networks'])
    """
    out: list[str] = []
    text = re.sub(r"[“”\"\\*)]", "", original.replace("’", "'"))
    for part in re.split(r"\s+OR\s+", re.sub(r"\s+AND\s.*", "", text)):
        for shown in (re.sub(r"[\[\]]", "", part), re.sub(r"\[[^\]]*\]", "", part)):
            slots = [slot.split("|") for slot in shown.split()]
            out += [" ".join(choice) for choice in itertools.islice(itertools.product(*slots), 64)]
            if "|" in shown:
                out += [" ".join(side.split()) for side in shown.split("|")]
    return [r for r in dict.fromkeys(out) if split(r)[1] and r not in (".", "...")]


def normal(text: str) -> str:
    """Return *text* without letter case and hyphens, British spelling left as it is."""
    return " ".join(split(re.sub(r"[-–]", " ", text.casefold().replace("’", "'")))[1])


def same(a: str, b: str) -> bool:
    """Whether two texts say the same but for letter case, hyphens and spelling."""
    x, y = normal(a).split(), normal(b).split()
    return "".join(x) == "".join(y) or (len(x) == len(y) and all(p == q or is_spelling_variant(p, q) for p, q in zip(x, y)))


def _sentence(condition: str) -> str:
    """Return a sentence that meets a condition of the list; none for ``NOT``, which the carrier meets."""
    terms = re.findall(r'"([^"]+)"', re.sub(r"NOT\s+(\"[^\"]*\"(~\d+)?|\S+)", "", condition))
    bare = re.sub(r"\"[^\"]*\"|NOT\s+\S+|\b(AND|OR|and)\b|[()~\d]", "", condition)
    terms += bare.split() if not terms and "NOT" not in condition else []
    return f"Elsewhere it deals with {' and '.join(terms)}." if terms else ""


def read_facts(path: Path) -> list[Fact]:
    """Read the usable facts of the list (see the module)."""
    facts: list[Fact] = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if _REMARK.search(row["original"]):
                continue
            originals = tuple(o for o in readings(row["original"]) if not same(o, row["spun"]))
            if originals:
                facts.append(Fact(row["spun"], originals, _sentence(row["condition"] or "")))
    spun = {f.spun.casefold() for f in facts}
    return [f for f in facts if not {o.casefold() for o in f.originals} <= spun]


def with_corrections(facts: Iterable[Fact], rows: Iterable[Row]) -> list[Fact]:
    """Return the facts with what the table's rows give as their originals added."""
    table: dict[str, list[str]] = {}
    for row in rows:
        if row.family == "academic":
            for form in row.spun:
                table.setdefault(normal(form), []).append(row.original)
    return [replace(f, originals=(*f.originals, *table.get(normal(f.spun), ()))) for f in facts]


def stem(word: str) -> str:
    """Return a word without regular endings, to tell inflections of one word.

    >>> stem("processes") == stem("processing"), stem("learned") == stem("learning")
    (True, True)
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def stems(phrase: str) -> tuple[str, ...]:
    """Return the stems of a phrase's words."""
    return tuple(map(stem, normal(phrase).split()))


def _holds(phrase: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return any(phrase[i : i + len(part)] == part for i in range(len(phrase) - len(part) + 1))


def without(rows: Sequence[Row], facts: Sequence[Fact], fold: int, elsewhere: bool = False) -> list[Row]:
    """Return the table's rows without what only the facts of *fold* support (see the module)."""
    held, rest = [f for f in facts if f.fold == fold], [f for f in facts if f.fold != fold]
    mine, others = {stems(f.spun) for f in held}, {normal(f.spun) for f in rest}
    other = {(stems(f), stems(r.original)) for r in rows if elsewhere and r.family in ("news", "web") for f in r.spun}
    by_stem: dict[str, list[tuple[bool, tuple[str, ...], list[tuple[str, ...]]]]] = {}
    for fact in facts:
        shown = stems(fact.spun)
        entry = (fact.fold == fold, shown, [stems(o) for o in fact.originals])
        for s in set(shown):
            by_stem.setdefault(s, []).append(entry)

    def share(row: Row, form: str) -> float:
        """What an alternative is worth without the facts held out."""
        if row.family == "academic":
            return float(stems(form) not in mine or normal(form) in others)
        if row.family != "thesaurus" or row.file == _BLIND:
            return 1.0
        spun, original = stems(form), stems(row.original)
        support = [
            h for h, shown, wanted in by_stem.get(spun[0], ()) if _holds(shown, spun) and any(_holds(w, original) for w in wanted)
        ]
        if support and all(support) and (spun, original) not in other:
            return 0.0
        # Weights are counts of facts: those held out must not weigh either.
        return (support.count(False) + SMOOTHING) / (len(support) + SMOOTHING)

    out: list[Row] = []
    for row in rows:
        kept = [(f, w * share(row, f)) for f, w in zip(row.spun, row.weights)]
        total = sum(w for _, w in kept)
        if total > 0:
            shown, weights = zip(*((f, w / total) for f, w in kept if w > 0))
            out.append(replace(row, spun=shown, weights=weights))
    return out


#: Why a fact is not restored: the table lacks a part; no two words of the original are an established term; all
#: neighbours are ordinary ones; the judgement found too little; something else was made of it.
FAILURES = ("no part", "no term", "plain English", "too weak", "chosen wrongly")


@dataclass(frozen=True)
class Outcome:
    """What became of a fact: ``right``, or one of FAILURES."""

    fact: Fact
    kind: str
    text: str
    strict: bool


def _outcome(restorer: unspin.Restorer, table: PhraseTable, fact: Fact, given: Fact) -> Outcome:
    result = restorer.explain(fact.carrier)
    if any(same(result.text, carrier(o, fact.condition)) for o in fact.originals):
        strict = any(same(result.text, carrier(o, fact.condition)) for o in given.originals)
        return Outcome(fact, "right", result.text, strict)
    spun = normal(fact.spun)
    covered = [o for o in fact.originals if same(" ".join(oracle(table, spun, normal(o).split())), o)]
    if not covered:
        kind = "no part"
    elif result.edits:
        kind = "chosen wrongly"
    elif not any(_is_term(table, *_neighbours(table, normal(o))).any() for o in covered):
        kind = "no term"
    elif not never_seen(resources.language_model(), *_neighbours(table, spun)).any():
        kind = "plain English"
    else:
        kind = "too weak"
    return Outcome(fact, kind, result.text, False)


def _neighbours(table: PhraseTable, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids of the words of *text* that have a neighbour after them, and of these neighbours."""
    stream = tokenise(text, table.vocabulary).stream[2:-2]
    return stream[:-1], stream[1:]


def measure(facts: Sequence[Fact], given: Sequence[Fact], table: PhraseTable) -> list[Outcome]:
    """Restore every fact in its carrier with *table*; *given*: the same facts without corrections."""
    restorer = unspin.Restorer()
    restorer.__dict__["_engine"] = replace(restorer._engine, table=table)
    return [_outcome(restorer, table, f, g) for f, g in zip(facts, given)]


def _held_out(job: tuple[Path, int, bool]) -> list[Outcome]:
    path, fold, elsewhere = job
    rows = read_rows(_DATA / "phrases")
    given = read_facts(path)
    facts = with_corrections(given, rows)
    model = resources.language_model()
    # The listed terms alone: those of the shipped table hold the originals of the facts.
    listed = read_terms(_DATA / "terms", model)
    table = compile_rows(without(rows, facts, fold, elsewhere), model, listed)
    chosen = [k for k, f in enumerate(facts) if f.fold == fold]
    return measure([facts[k] for k in chosen], [given[k] for k in chosen], table)


def _line(name: str, outcomes: Sequence[Outcome]) -> str:
    count = Counter(o.kind for o in outcomes)
    parts = "  ".join(f"{kind} {count[kind]}" for kind in FAILURES)
    strict = sum(o.strict for o in outcomes)
    return (
        f"{name:22s} {count['right']} of {len(outcomes)} restored exactly ({count['right'] / len(outcomes):.1%}; "
        f"to the list's own wording {strict / len(outcomes):.1%})  {parts}"
    )


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("tortured", __doc__)
    parser.add_argument("tsv", type=Path)
    parser.add_argument("--hold-out", choices=[*map(str, range(FOLDS)), "all"], help="a tenth kept out of the table, or each")
    parser.add_argument("--elsewhere", action="store_true", help="word rows that news and web have too need no fact")
    parser.add_argument("--show", action="store_true", help="what went wrong, a line each")
    arguments = parser.parse_args(argv)

    def work() -> None:
        if arguments.hold_out is None:
            given = read_facts(arguments.tsv)
            facts = with_corrections(given, resources.rows())
            named = {"given": measure(facts, given, resources.phrase_table())}
        else:
            folds = range(FOLDS) if arguments.hold_out == "all" else [int(arguments.hold_out)]
            with Pool(min(len(folds), 2)) as pool:
                found = pool.map(_held_out, [(arguments.tsv, k, arguments.elsewhere) for k in folds], chunksize=1)
            named = {f"held out, tenth {k}": outcomes for k, outcomes in zip(folds, found)}
        for name, outcomes in named.items():
            print(_line(name, outcomes))
        if len(named) > 1:
            print(_line("held out, all", [o for outcomes in named.values() for o in outcomes]))
        if arguments.show:
            for outcome in (o for outcomes in named.values() for o in outcomes if o.kind != "right"):
                shown = outcome.text.removeprefix("In this paper the ").replace(" is discussed in detail.", " ·")
                print(f"{outcome.kind}\t{outcome.fact.spun}\t{' | '.join(outcome.fact.originals)}\t{shown}")

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
