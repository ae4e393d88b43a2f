"""How well unspin restores: ``python -m benchmarks.quality GOLD [--corpus CORPUS]``.

GOLD is a folder with the development sets (``seed.gold.txt``, ``pairs.jsonl``, ``spun.jsonl``, ``clean.jsonl``), CORPUS
the folder that the language model was counted from: its held-out lines are clean text that the model has not seen.
Word error is the edit distance to the true original over its length; *undone* is the share of it that restoration
takes away. False edits are edits made in clean text. Coverage says for how many of the true edits the phrase table
offers the right original.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import unspin
from unspin import resources
from unspin.build.count import corpus_files, held_out, read_lines
from unspin.scoring import score, word_errors
from unspin.tokens import split

from . import command, gold
from .coverage import Coverage, coverage
from .spin import FAMILIES, Spinner
from .tortured import carrier

#: Words of a document made from held-out lines of one domain.
DOCUMENT = 300


def auc(positive: list[float], negative: list[float]) -> float:
    """Area under the ROC curve: the chance that a positive ranks above a negative, ties counting half."""
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


def errors(text: str, original: str) -> tuple[int, int]:
    """Word errors of *text* against *original* and the words of the latter, line by line."""
    pairs = [word_errors(a, b) for a, b in zip(text.split("\n"), original.split("\n"))]
    return sum(p[0] for p in pairs), sum(p[1] for p in pairs)


def undone(restore: Callable[[str], str], texts: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """Return the word errors of *texts*, each spun and as its original, before and after."""
    lines = [(spun, restore(spun), original) for spun, original in texts]
    return sum(errors(a, t)[0] for a, _, t in lines), sum(errors(b, t)[0] for _, b, t in lines)


def held_out_documents(corpus: Path) -> list[str]:
    """Return documents of about DOCUMENT words from the lines that the language model was not counted from."""
    documents: list[str] = []
    for path in corpus_files(corpus):
        lines: list[str] = []
        words = 0
        for line in read_lines(path):
            if held_out(line):
                lines.append(line.rstrip("\n"))
                words += len(line.split())
                if words >= DOCUMENT:
                    documents.append("\n".join(lines))
                    lines, words = [], 0
    return documents


def report_seed(restorer: unspin.Restorer, folder: Path) -> None:
    """Print how the marked-up article is restored."""
    markup = gold.read_article(folder)
    result = score(markup, restorer.restore(markup.spun))
    required = "".join(p if isinstance(p, str) else p.accepted[0] if p.required else p.spun for p in markup.parts)
    offered = coverage(resources.phrase_table(), markup.spun, required)
    print(
        f"seed            required {result.required}  restored {result.restored}  wrong {result.wrong}  "
        f"false {result.false}  precision {result.precision:.3f}  recall {result.recall:.3f}  F0.5 {result.f05:.3f}  "
        f"coverage {offered.share:.3f} of {offered.edits} edits"
    )


def report_pairs(restorer: unspin.Restorer, folder: Path) -> None:
    """Print word error before and after, and table coverage, by family and by whether anybody read the pair."""
    table = resources.phrase_table()
    before: dict[str, int] = defaultdict(int)
    after: dict[str, int] = defaultdict(int)
    words: dict[str, int] = defaultdict(int)
    covered: dict[str, Coverage] = defaultdict(Coverage)
    for pair in gold.read_pairs(folder):
        b, n = errors(pair.spun, pair.original)
        a, _ = errors(restorer.restore(pair.spun), pair.original)
        half = "unread" if pair.unread else "read"
        keys = [f"{pair.family} {half}"]
        if pair.family in gold.SYNONYM:
            keys += [f"synonym {half}", "synonym all"]
            found = coverage(table, pair.spun, pair.original)
            for key in keys:
                covered[key].add(found)
        for key in keys:
            before[key] += b
            after[key] += a
            words[key] += n
    for key in sorted(before, key=lambda k: (not k.startswith("synonym "), k)):
        offered = f"  coverage {covered[key].share:.3f} of {covered[key].edits} edits" if key in covered else ""
        print(
            f"pairs {key:20s} word error {before[key] / words[key]:.3f} → {after[key] / words[key]:.3f}  "
            f"undone {1 - after[key] / before[key]:6.1%}{offered}"
        )


def report_detection(restorer: unspin.Restorer, folder: Path) -> None:
    """Print how well spun and clean passages are told apart."""
    clean = [restorer.detect(text).evidence for _, text in gold.read_clean(folder)]
    spun = {f: [restorer.detect(t).evidence for _, g, t in gold.read_spun(folder) if g == f] for f in ("news-synonym",)}
    everything = [restorer.detect(t) for _, g, t in gold.read_spun(folder) if g != "round-trip"]
    print(f"detect news-synonym : clean    AUC {auc(spun['news-synonym'], clean):.4f}")
    print(f"detect any synonym  : clean    AUC {auc([d.evidence for d in everything], clean):.4f}")


def report_clean(restorer: unspin.Restorer, name: str, documents: list[str]) -> None:
    """Print false edits in clean text."""
    edits = words = touched = 0
    for text in documents:
        result = restorer.explain(text)
        edits += len(result.edits)
        touched += bool(result.edits)
        words += len(split(text)[1])
    print(
        f"clean {name:20s} {words} words  false edits {edits}  per 10,000 words {edits / words * 1e4:.2f}  "
        f"documents touched {touched} of {len(documents)}"
    )


def report_generated(restorer: unspin.Restorer, name: str, documents: list[str]) -> None:
    """Print how much of a spinning by the table's own rows is undone (an upper bound: the table is known)."""
    rows = resources.rows()
    for family in FAMILIES:
        spinner = Spinner(rows, family)
        b = a = n = 0
        for seed, text in enumerate(documents):
            spun = spinner.spin(text, seed).text
            x, k = errors(spun, text)
            y, _ = errors(restorer.restore(spun), text)
            b, a, n = b + x, a + y, n + k
        print(f"spun {name} by {family:10s} word error {b / n:.3f} → {a / n:.3f}  undone {1 - a / b:6.1%}")


def tortured(restore: Callable[[str], str], step: int = 1) -> tuple[int, int]:
    """Return how many tortured phrases of the table are restored exactly in a plain carrier sentence, and of how many.

    ``step``: one row in so many is tried
    """
    rows = [r for r in resources.rows() if r.where.startswith("academic-phrases.txt") and not r.needs and not r.excludes]
    forms = [(form, row.original) for row in rows[::step] for form in row.spun]
    right = sum(restore(carrier(form)).casefold() == carrier(original).casefold() for form, original in forms)
    return right, len(forms)


def report_tortured(restorer: unspin.Restorer) -> None:
    """Print how many tortured phrases are restored exactly in a plain carrier sentence."""
    right, total = tortured(restorer.restore)
    print(f"tortured phrases in a carrier sentence: {right} of {total} restored exactly ({right / total:.1%})")

def main(argv: list[str] | None = None) -> int:
    parser = command.parser("quality", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--corpus", type=Path, help="folder of the corpus, for held-out clean text and spun samples of it")
    parser.add_argument("--min-confidence", type=float, help="instead of the default")
    arguments = parser.parse_args(argv)
    options = {} if arguments.min_confidence is None else {"min_confidence": arguments.min_confidence}

    def work() -> None:
        restorer = unspin.Restorer(**options)
        report_seed(restorer, arguments.gold)
        report_pairs(restorer, arguments.gold)
        clean = [text for _, text in gold.read_clean(arguments.gold)]
        report_clean(restorer, "development set", clean)
        report_detection(restorer, arguments.gold)
        report_tortured(restorer)
        if arguments.corpus:
            documents = held_out_documents(arguments.corpus)
            report_clean(restorer, "held-out corpus", documents)
            report_clean(restorer, "its lines, alone", [line for text in documents for line in text.split("\n")])
            report_generated(restorer, "held-out sample", documents[:: max(1, len(documents) // 200)])

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
