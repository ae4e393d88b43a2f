"""Is spun text told from other text, and by whom it was spun? ``python -m benchmarks.detection GOLD --corpus CORPUS``.

* AUC of `Detection.evidence` and of `Detection.probability`, spun against clean, for excerpts of 100, 200 and 400 words: of
  the spun sides of the real pairs and of real spun passages, and of clean text that the language model was not counted
  from; and of that text spun by the table's own rows. Beside it how many of either are called spun.
* the family named, by the family that is true, of real texts and of texts spun here.
* clean documents in which anything is edited, with what it was.
* round trips and rewritings: what `detect` says of them, and whether they are left alone.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from unspin import Detection, Restorer, resources

from . import command, gold
from .quality import auc, errors, held_out_documents
from .spin import FAMILIES, Spinner

SIZES = (100, 200, 400)
#: What the labels of the development sets, and the families of the table, are taken for.
NEWS, WEB, ACADEMIC = "news", "web, turbo", "academic"
TRUE = {
    "news-synonym": NEWS, "turbo": WEB, "spinbot": WEB, "academic-tortured": ACADEMIC,
    "news": NEWS, "web": WEB, "academic": ACADEMIC, "thesaurus": ACADEMIC,
}  # fmt: skip
#: Of the held-out documents one in STEP is spun.
STEP = 10


def excerpts(text: str, words: int) -> Iterator[str]:
    """Yield consecutive excerpts of *text* of *words* words each; what is left over, if shorter, is left out.

    >>> list(excerpts("a b  c\\nd e", 2))
    ['a b', 'c\\nd']
    """
    start = count = 0
    inside = False
    for at, char in enumerate(text + " "):
        if char.isspace() and inside:
            inside, count = False, count + 1
            if count == words:
                yield text[start:at].strip()
                start, count = at, 0
        elif not char.isspace():
            inside = True


def joined_excerpts(texts: Sequence[str], words: int) -> list[str]:
    """Return the excerpts of *texts*; texts shorter than that are joined first, as passages of one kind."""
    long = [t for t in texts if len(t.split()) >= words]
    short = "\n".join(t for t in texts if len(t.split()) < words)
    return [e for t in [*long, short] for e in excerpts(t, words)]


def real_spun(folder: Path) -> list[tuple[str, str]]:
    """Return ``(label, text)`` of real synonym-spun texts: the spun sides of the pairs, and passages without originals."""
    pairs = [(p.family, p.spun) for p in gold.read_pairs(folder)]
    return [(f, t) for f, t in pairs + [(f, t) for _, f, t in gold.read_spun(folder)] if f in TRUE]


def report_excerpts(restorer: Restorer, spun: dict[str, list[str]], clean: Sequence[str]) -> Iterator[str]:
    """Yield AUC by size of the excerpts; *spun*: texts by where they are from."""
    yield "| spun | words | excerpts spun : clean | AUC, evidence | AUC, probability | spun called spun | clean called spun |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for size in SIZES:
        negative = [restorer.detect(t) for t in joined_excerpts(clean, size)]
        for name, texts in spun.items():
            positive = [restorer.detect(t) for t in joined_excerpts(texts, size)]
            if positive:
                yield f"| {name} | {size} | {_told_apart(positive, negative)} |"


def _told_apart(positive: Sequence[Detection], negative: Sequence[Detection]) -> str:
    by_evidence = auc([d.evidence for d in positive], [d.evidence for d in negative])
    by_probability = auc([d.probability for d in positive], [d.probability for d in negative])
    called = (sum(d.is_spun for d in found) / len(found) for found in (positive, negative))
    sizes = f"{len(positive)} : {len(negative)}"
    return " | ".join([sizes, f"{by_evidence:.4f}", f"{by_probability:.4f}", *(f"{c:.2%}" for c in called)])


def report_families(restorer: Restorer, texts: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield what family is named; *texts*: ``(source, label, text)``."""
    named: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for source, label, text in texts:
        found = restorer.detect(text)
        named[source, label][TRUE.get(found.family, "not spun")] += 1
    yield f"| true | texts | {NEWS} | {WEB} | {ACADEMIC} | not spun | right |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    rights: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (source, label), counts in named.items():
        total = counts.total()
        right = counts[TRUE[label]]
        rights[source][0] += right
        rights[source][1] += total
        cells = " | ".join(str(counts[f]) for f in (NEWS, WEB, ACADEMIC, "not spun"))
        yield f"| {source}: {label} ({TRUE[label]}) | {total} | {cells} | {right / total:.1%} |"
    for source, (right, total) in rights.items():
        yield f"| {source}, all | {total} | | | | | {right / total:.1%} |"


def report_clean(restorer: Restorer, documents: Sequence[str]) -> Iterator[str]:
    """Yield how many clean documents are touched, and by which edits."""
    touched, called, kinds, shown = 0, 0, Counter[str](), []
    for text in documents:
        result = restorer.explain(text)
        touched += bool(result.edits)
        called += result.spin.is_spun
        for e in result.edits:
            kinds[f"{e.kind}, {e.family or 'no family'}"] += 1
            shown.append(f"  {e.spun} → {e.original}  {e.confidence:.2f}  {e.entry}")
    one_in = f"1 in {len(documents) / max(touched, 1):.0f}"
    yield f"clean documents touched: {touched} of {len(documents)} ({one_in}); called spun: {called}"
    yield f"edits in them: {', '.join(f'{k} {n}' for k, n in kinds.most_common()) or 'none'}"
    yield from shown


def report_others(restorer: Restorer, folder: Path) -> Iterator[str]:
    """Yield what is made of round trips and rewritings, which substitution can't undo."""
    yield "| family | texts | not synonym-spun | probability, highest | evidence, nats a word | edits | word error |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    texts: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for pair in gold.read_pairs(folder):
        texts[f"{pair.family}, pairs"].append((pair.spun, pair.original))
    for _, family, text in gold.read_spun(folder):
        texts[f"{family}, passages"].append((text, None))
    for name, both in texts.items():
        if name.split(",")[0] in TRUE:
            continue
        results = [restorer.explain(t) for t, _ in both]
        clean = sum(not r.spin.is_spun for r in results)
        before = after = words = 0
        for result, (_, original) in zip(results, both):
            if original is not None:
                before += errors(result.source, original)[0]
                left, size = errors(result.text, original)
                after, words = after + left, words + size
        evidence = sum(r.spin.evidence * r.spin.words for r in results) / max(sum(r.spin.words for r in results), 1)
        error = f"{before / words:.4f} → {after / words:.4f}" if words else ""
        yield (
            f"| {name} | {len(both)} | {clean / len(both):.1%} | {max(r.spin.probability for r in results):.2f} | {evidence:.3f} "
            f"| {sum(len(r.edits) for r in results)} | {error} |"
        )


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("detection", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpus, for its held-out clean text")
    arguments = parser.parse_args(argv)
    restorer = Restorer()

    def work() -> None:
        documents = held_out_documents(arguments.corpus)
        rows = resources.rows()
        here = {f: [Spinner(rows, f).spin(t, k).text for k, t in enumerate(documents[::STEP])] for f in FAMILIES}
        real = real_spun(arguments.gold)
        spun = {"real, news": [t for f, t in real if TRUE[f] == NEWS], "real, all synonym spinners": [t for _, t in real]}
        spun |= {f"spun here, {f}": texts for f, texts in here.items()}
        clean = [t for _, t in gold.read_clean(arguments.gold)] + documents[1::STEP]
        texts = [("real", f, t) for f, t in real] + [("spun here", f, t) for f, mine in here.items() for t in mine]
        sections = (
            report_excerpts(restorer, spun, clean), report_families(restorer, texts),
            report_clean(restorer, documents), report_others(restorer, arguments.gold),
        )  # fmt: skip
        for section in sections:
            for line in section:
                print(line, flush=True)
            print()

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
