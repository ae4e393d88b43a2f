"""How fast unspin runs on one core: ``python -m benchmarks.speed GOLD``.

Prints MB/s of UTF-8 on spun and on clean text, one article a call, beside ``re.findall(r"\\w+")`` on the same text in
the same run, for articles as the development set has them (excerpts of 1–2 KB) and for whole ones of about 5 and
12 KB (excerpts joined); then the time to import and to load, and the memory, each in a fresh process. Machines are
noisy: the best of several rounds is printed, and the ratio to ``re.findall`` is what to compare.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import unspin

from . import gold

_ROUNDS = 12
_LOAD = """
import time, resource, sys
t0 = time.perf_counter(); import unspin; t1 = time.perf_counter()
from unspin import resources
imports = __import__("numpy"), __import__("regex"), __import__("rapidfuzz")
t2 = time.perf_counter(); model = resources.language_model(); t3 = time.perf_counter()
resources.phrase_table(); t4 = time.perf_counter()
unspin.restore("In accordance with a brand new report, the firm introduced its web site."); t5 = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"import unspin {1e3 * (t1 - t0):.0f} ms, its dependencies {1e3 * (t2 - t1):.0f} ms, "
      f"language model {1e3 * (t3 - t2):.0f} ms, "
      f"phrase table {1e3 * (t4 - t3):.0f} ms, first call {1e3 * (t5 - t4):.0f} ms; resident {memory:.0f} MB")
"""


def joined(texts: list[str], size: int) -> list[str]:
    """Join consecutive texts into articles of at least *size* bytes."""
    out: list[str] = []
    article: list[str] = []
    for text in texts:
        article.append(text)
        if sum(len(t.encode()) for t in article) >= size:
            out.append("\n".join(article))
            article = []
    return out

_RAW = argparse.RawDescriptionHelpFormatter


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__, formatter_class=_RAW)
    parser.add_argument("gold", type=Path)
    arguments = parser.parse_args(argv)
    spun = [p.spun for p in gold.read_pairs(arguments.gold) if p.family == "news-synonym"]
    spun += [t for _, family, t in gold.read_spun(arguments.gold) if family == "news-synonym"]
    clean = [t for _, t in gold.read_clean(arguments.gold)]
    restorer = unspin.Restorer()
    for name, texts in (("spun", spun), ("clean", clean)):
        for size in (0, 5_000, 12_000):
            articles = joined(texts, size)
            total = sum(len(a.encode()) for a in articles) / 1e6
            best = words = float("inf")
            for _ in range(_ROUNDS):
                start = time.perf_counter()
                for article in articles:
                    restorer.restore(article)
                middle = time.perf_counter()
                for article in articles:
                    re.findall(r"\w+", article)
                words = min(words, time.perf_counter() - middle)
                best = min(best, middle - start)
            print(
                f"{name:5s} articles of {1e3 * total / len(articles):5.1f} KB: {total / best:6.2f} MB/s   "
                f"re.findall {total / words:6.1f} MB/s   ratio 1 : {best / words:.0f}"
            )
    print(subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True).stdout.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
