"""What each part of the model is worth: ``python -m benchmarks.ablation GOLD --corpus CORPUS``.

Each part is taken out in turn, everything else as shipped, ``min_confidence`` and calibration too (they were fitted to the
whole). Prints a Markdown table: word error undone on the pairs, read and unread, and on held-out articles spun by the
table's news rows; precision and recall on the marked-up article; false edits per 10,000 words of clean text; AUC of real
synonym-spun excerpts against clean ones, 100 words each; tortured phrases of the table restored in a plain sentence (of one
row in five); processor time on the pairs, against the whole in the same run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from unspin import Restoration, resources, xor_map
from unspin.engine import Engine, Section
from unspin.language_model import LanguageModel
from unspin.phrase_table import Matches, PhraseTable
from unspin.protected import Place
from unspin.scoring import Gold, score
from unspin.tokens import split

from . import command, gold
from .detection import joined_excerpts, real_spun
from .models import default_engine
from .quality import auc, held_out_documents, tortured, undone
from .spin import Spinner
from .tables import compiled, firing, uniform

#: Held-out documents spun for measuring; words of an excerpt; rounds of timing, the best of which counts.
DOCUMENTS, EXCERPT, ROUNDS = 100, 100, 8
COLUMNS = (
    "without", "read", "unread", "generated news", "article: precision / recall", "false edits", "AUC", "tortured phrases", "time",
)  # fmt: skip
#: One academic row in TORTURED is tried.
TORTURED = 5
#: So many pseudo-counts that no document changes what they say.
FIXED = 1e9
#: The rate of every family where none is inferred, and P(a row fires) where rows don't say.
RATE, FIRES = 0.7, 0.5


class AllFamilies(Engine):
    """Reads a text as the work of all families at once."""

    def _read(self, section: Section, found: Matches, families: np.ndarray, *, phrases_only: bool = False) -> Section:
        return super()._read(section, found, families if phrases_only else self.families, phrases_only=phrases_only)


class Unprotected(Engine):
    """Leaves nothing alone, quotations and links neither."""

    def _places(self, text: str) -> tuple[list[Place], list[Place]]:
        return [], []


class NoArticles(Engine):
    """Leaves a and an as they stand."""

    def explain(self, text: str) -> Restoration:
        return super().explain(text).keep(lambda e: e.kind != "article")


def _as(kind: type[Engine], engine: Engine) -> Engine:
    fields: dict[str, Any] = {name: getattr(engine, name) for name in Engine.__dataclass_fields__}
    return kind(**fields)


def _empty(columns: int) -> xor_map.XorMap:
    """A map of n-grams that holds none of the vocabulary."""
    return xor_map.build(np.array([1 << 63], dtype=np.uint64), [np.zeros(1, dtype=np.uint8)] * columns)


def bigrams_only(model: LanguageModel) -> LanguageModel:
    """Return *model* without its trigrams, and without what backing off from them costs."""
    return replace(model, trigrams=_empty(1), backoff_codebook=np.zeros_like(model.backoff_codebook))


def unigrams_only(model: LanguageModel) -> LanguageModel:
    """Return *model* without n-grams of any length over one."""
    return replace(bigrams_only(model), bigrams=_empty(2), unigram_backoff=np.zeros_like(model.unigram_backoff))


def without_survivors(table: PhraseTable) -> PhraseTable:
    """Return *table* with no phrase that a spinner would have touched."""
    return replace(table, fires=np.zeros_like(table.fires))


def without_terms(table: PhraseTable) -> PhraseTable:
    """Return *table* with no established terms to compose."""
    return replace(table, terms=table.terms[:0])


def settings(engine: Engine, **changes: Any) -> Engine:
    return replace(engine, settings=replace(engine.settings, **changes))


def variants(engine: Engine) -> Iterator[tuple[str, Callable[[], Engine]]]:
    """Yield the name of each part and what makes an engine without it."""
    model, table = engine.model, engine.table
    rows = resources.rows()
    yield "trigrams (bigrams alone)", lambda: replace(engine, model=bigrams_only(model))
    yield "language model (unigrams alone)", lambda: replace(engine, model=unigrams_only(model))
    yield "document cache", partial(settings, engine, cache=0.0)
    yield "pooling of a spun form’s occurrences", partial(settings, engine, pool=0.0)
    yield "readings of a spun form drawn together", partial(settings, engine, agree=0.0)
    yield "own draws and own record of an original", partial(settings, engine, draw=FIXED, own_rate=FIXED)
    yield "cache, pooling and own draws", partial(settings, engine, cache=0.0, pool=0.0, draw=FIXED, own_rate=FIXED)
    yield "evidence of survivors", lambda: replace(engine, table=without_survivors(table))
    yield f"inference of the rate ({RATE})", partial(settings, engine, prior=(FIXED * RATE, FIXED * (1 - RATE)))
    yield "one family a document (all at once)", partial(_as, AllFamilies, engine)
    yield "weights of alternatives (uniform)", lambda: replace(engine, table=compiled(uniform(rows)))
    yield f"`fires` ({FIRES} for all rows)", lambda: replace(engine, table=compiled(firing(rows, FIRES)))
    yield "both", lambda: replace(engine, table=compiled(firing(uniform(rows), FIRES)))
    yield "protected places", partial(_as, Unprotected, engine)
    yield "quotations by the document (left alone)", partial(settings, engine, quoted=(0.0, FIXED))
    yield "fingerprint of academic phrases", partial(settings, engine, fingerprint=0.0)
    yield "composition of terms", lambda: replace(engine, table=without_terms(table))
    yield "penalty of parts of long phrases", partial(settings, engine, nested=0.0)
    yield "penalty of names", partial(settings, engine, name=0.0)
    yield "articles that agree", partial(_as, NoArticles, engine)


@dataclass(frozen=True)
class Texts:
    """What everything is measured on: spun texts with their originals, the marked-up article, clean texts, excerpts."""

    read: list[tuple[str, str]]
    unread: list[tuple[str, str]]
    generated: list[tuple[str, str]]
    article: Gold
    clean: list[str]
    spun_excerpts: list[str]
    clean_excerpts: list[str]


def texts(folder: Path, documents: Sequence[str]) -> Texts:
    pairs = [p for p in gold.read_pairs(folder) if p.family in gold.SYNONYM]
    read, unread = ([(p.spun, p.original) for p in pairs if p.unread == unread] for unread in (False, True))
    spinner = Spinner(resources.rows(), "news")
    chosen = documents[:: max(1, len(documents) // DOCUMENTS)]
    clean = [t for _, t in gold.read_clean(folder)] + list(documents)
    return Texts(
        read, unread, [(s.text, s.original) for s in (spinner.spin(t, k) for k, t in enumerate(chosen))],
        gold.read_article(folder), clean,
        joined_excerpts([t for _, t in real_spun(folder)], EXCERPT), joined_excerpts(clean[::10], EXCERPT),
    )  # fmt: skip


def measure(engine: Engine, on: Texts) -> list[str]:
    """Return the cells of one line, the speed left out."""

    def restore(text: str) -> str:
        return engine.explain(text).text

    shares = [1 - after / before for before, after in (undone(restore, t) for t in (on.read, on.unread, on.generated))]
    article = score(on.article, restore(on.article.spun))
    false = words = 0
    for text in on.clean:
        false += len(engine.explain(text).edits)
        words += len(split(text)[1])
    right, total = tortured(restore, TORTURED)
    evidence = [[engine.explain(t).spin.evidence for t in side] for side in (on.spun_excerpts, on.clean_excerpts)]
    return [
        *(f"{s:.1%}" for s in shares), f"{article.precision:.3f} / {article.recall:.3f}", f"{false / words * 1e4:.2f}",
        f"{auc(*evidence):.4f}", f"{right / total:.1%}",
    ]  # fmt: skip


def slower(engine: Engine, whole: Engine, spun: Sequence[tuple[str, str]]) -> float:
    """Return the processor time that *engine* takes over *spun*, against *whole*.

    Round by round one after the other, because the machine may have other things to do; the best round of each counts.
    """
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        for k, one in enumerate((engine, whole)):
            start = time.process_time()
            for text, _ in spun:
                _ = one.explain(text).text
            best[k] = min(best[k], time.process_time() - start)
    return best[0] / best[1]


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("ablation", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--corpus", type=Path, required=True, help="folder of the corpus, for its held-out clean text")
    parser.add_argument("--only", help="only the parts whose names hold this")
    arguments = parser.parse_args(argv)

    def work() -> None:
        on = texts(arguments.gold, held_out_documents(arguments.corpus))
        whole = default_engine()
        timed = on.read + on.unread
        print(f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}")
        print(f"| **nothing** | {' | '.join(measure(whole, on))} | 1.00 |", flush=True)
        for name, make in variants(whole):
            if arguments.only and arguments.only not in name:
                continue
            engine = make()
            cells = measure(engine, on)
            print(f"| {name} | {' | '.join(cells)} | {slower(engine, whole, timed):.2f} |", flush=True)

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
