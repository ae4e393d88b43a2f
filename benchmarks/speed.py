"""How fast unspin runs on one core: ``python -m benchmarks.speed GOLD``.

Prints MB/s of UTF-8 on spun and on clean text, one article a call, beside ``re.findall(r"\\w+")`` on the same text in
the same run, for articles as the development set has them (excerpts of 1–2 KB) and for whole ones of about 5 and
12 KB (excerpts joined); then the time to import and to load, and the memory, each in a fresh process. Machines are
noisy: printed are the best of several rounds, and the speed by the least processor time that each article took in any of
them, which is the steadier the busier the machine is; the ratio to ``re.findall`` is by the latter.

``--against SRC`` runs the package in another folder in turn with this one (the ``src`` of an older checkout, its kernels
compiled there), and prints the speed of both, how many times as fast this one is by processor time, and whether they restore
the same: texts, edits, alternatives and, within 1e-3, confidences.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import unspin

from . import command, gold

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



# Reads articles; then, for each byte that comes, restores them all and answers with the times, or the results.
_OTHER = """
import pickle, sys
from benchmarks.speed import account, timed
import unspin
answer, restorer = sys.stdout.buffer, unspin.Restorer()
articles = pickle.load(sys.stdin.buffer)
while asked := sys.stdin.buffer.read(1):
    pickle.dump(timed(restorer, articles) if asked == b"t" else account(restorer, articles), answer)
    answer.flush()
"""


class Other:
    """The package in another folder, in a process of its own, and the articles given to it."""

    def __init__(self, source: Path, articles: list[str]) -> None:
        path = os.pathsep.join(map(str, (source.resolve(), Path(__file__).parents[1])))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OTHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout
        pickle.dump(articles, self._to)

    def ask(self, what: bytes) -> Any:
        """Return what `timed` does of the other package (b"t"), or what is restored (b"r")."""
        self._to.write(what)
        self._to.flush()
        return pickle.load(self._from)

    def close(self) -> None:
        self._to.close()
        self._process.wait()


def timed(restorer: unspin.Restorer, articles: list[str]) -> tuple[float, list[float]]:
    """Return the seconds that restoring *articles* takes, one a call, and the seconds of processor time of each."""
    start, spent = time.perf_counter(), [time.process_time()]
    for article in articles:
        restorer.restore(article)
        spent.append(time.process_time())
    return time.perf_counter() - start, [after - before for before, after in pairwise(spent)]


def account(restorer: unspin.Restorer, articles: list[str]) -> list[Any]:
    """Return all that is said of each article, as plain tuples."""
    out = []
    for article in articles:
        result = restorer.explain(article)
        edits = [(*edit[:5], [tuple(a) for a in edit.alternatives], *edit[6:]) for edit in result.edits]
        out.append((result.text, edits, result.spin.probability, result.spin.rate, result.spin.family, result.spin.evidence))
    return out


def same(a: Any, b: Any) -> bool:
    """Whether two accounts agree, numbers within 1e-3."""
    if isinstance(a, (list, tuple)):
        return isinstance(b, type(a)) and len(a) == len(b) and all(map(same, a, b))
    return abs(a - b) <= 1e-3 if isinstance(a, float) and isinstance(b, float) else a == b


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


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("speed", __doc__)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--against", type=Path, metavar="SRC", help="a folder with another version of the package")
    parser.add_argument("--rounds", type=int, default=12, help="rounds, the best of which counts (default: %(default)s)")
    parser.add_argument("--only", choices=("spun", "clean"), help="one kind of text alone")
    arguments = parser.parse_args(argv)
    spun = [p.spun for p in gold.read_pairs(arguments.gold) if p.family == "news-synonym"]
    spun += [t for _, family, t in gold.read_spun(arguments.gold) if family == "news-synonym"]
    clean = [t for _, t in gold.read_clean(arguments.gold)]
    restorer = unspin.Restorer()
    for name, texts in (("spun", spun), ("clean", clean)):
        if arguments.only not in (None, name):
            continue
        for size in (0, 5_000, 12_000):
            articles = joined(texts, size)
            total = sum(len(a.encode()) for a in articles) / 1e6
            words = float("inf")
            ours: list[tuple[float, list[float]]] = []
            theirs: list[tuple[float, list[float]]] = []
            other = Other(arguments.against, articles) if arguments.against else None
            for _ in range(arguments.rounds):
                ours.append(timed(restorer, articles))
                start = time.perf_counter()
                for article in articles:
                    re.findall(r"\w+", article)
                words = min(words, time.perf_counter() - start)
                if other is not None:
                    theirs.append(other.ask(b"t"))
            least = sum(map(min, zip(*(spent for _, spent in ours))))
            print(
                f"{name:5s} articles of {1e3 * total / len(articles):5.1f} KB: {total / min(ours)[0]:6.2f} MB/s   "
                f"of processor time {total / least:6.2f}   re.findall {total / words:6.1f} MB/s   ratio 1 : {least / words:.0f}",
                flush=True,
            )
            if other is not None:
                agree = sum(map(same, account(restorer, articles), other.ask(b"r")))
                before = sum(map(min, zip(*(spent for _, spent in theirs))))
                print(
                    f"{'against':>28s}: {total / min(theirs)[0]:6.2f} MB/s   of processor time {total / before:6.2f}: "
                    f"{before / least:.2f} times as fast, {agree} of {len(articles)} articles the same"
                )
                other.close()
    print(subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, text=True, check=True).stdout.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
