"""How restoration grows with processes: ``python -m benchmarks.scaling CORPUS --megabytes 200``.

CORPUS is a folder of ``*.txt.xz`` files, a paragraph a line. Paragraphs are joined to articles of 4–8 KB, every fourth
of them spun with the rows of the table, and written to a temporary file; from there `unspin.restore_many` restores them
with each number of workers in turn, each run in a fresh process. Printed for each: MB/s of UTF-8, the ratio to the first,
and the most memory that all the processes of the run held together at one time (PSS, so that a page that several share
counts once). The time includes the start of the workers and the loading of the models.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import unspin
from unspin import resources
from unspin.resources import data_path

from . import command
from .spin import Spinner

_SPUN = 4
_FAMILIES = ("news", "web", "academic")


def paragraphs(corpus: Path) -> Iterator[str]:
    """Yield paragraphs of all files in turn, so that every domain is there from the start."""
    with ExitStack() as stack:
        files = [stack.enter_context(lzma.open(path, "rt", encoding="utf-8")) for path in sorted(corpus.glob("*.txt.xz"))]
        while files:
            for file in list(files):
                line = file.readline()
                if line:
                    yield line
                else:
                    files.remove(file)


def articles(corpus: Path, megabytes: float, seed: int = 1) -> Iterator[str]:
    """Yield articles of 4–8 KB, *megabytes* of them in all; every fourth is spun."""
    draw = random.Random(seed)
    rows = resources.rows()
    spinners = [Spinner(rows, family) for family in _FAMILIES]
    count, total = 0, 0.0
    size, wanted = 0, draw.randint(4000, 8000)
    parts: list[str] = []
    for paragraph in paragraphs(corpus):
        parts.append(paragraph)
        size += len(paragraph.encode())
        if size < wanted:
            continue
        text = "".join(parts)
        if count % _SPUN == 0:
            text = spinners[count // _SPUN % len(spinners)].spin(text, count).text
        yield text
        count += 1
        total += len(text.encode()) / 1e6
        if total >= megabytes:
            return
        parts, size, wanted = [], 0, draw.randint(4000, 8000)


class Memory(threading.Thread):
    """Watches the memory of a process and all below it, ten times a second; ``peak`` in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak = 0.0

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.peak = max(self.peak, sum(map(proportional_set_size, family(self._pid))))

    def stop(self) -> float:
        """Return the peak, and watch no more."""
        self._ended.set()
        self.join()
        return self.peak


def family(pid: int) -> Iterator[int]:
    """Yield *pid* and the processes below it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def proportional_set_size(pid: int) -> float:
    """Return the memory of a process in MB, its share only of pages that others map too; 0 where it has ended."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def _measured(path: Path, workers: int) -> None:
    """Restore the articles of a file; print what it took as JSON."""

    def texts() -> Iterator[str]:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)

    memory = Memory(os.getpid())
    memory.start()
    start = time.perf_counter()
    changed = 0
    for source, text in zip(texts(), unspin.restore_many(texts(), workers=workers)):
        if not isinstance(text, str):
            raise SystemExit(f"not restored: {text!r}")
        changed += text != source
    print(json.dumps({"seconds": time.perf_counter() - start, "changed": changed, "memory": memory.stop()}))


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("scaling", __doc__)
    parser.add_argument("corpus", type=Path, help="a folder of *.txt.xz")
    parser.add_argument("--megabytes", type=float, default=200, help="text for each run (default: %(default)s)")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="numbers of workers (default: 1 2)")
    parser.add_argument("--rounds", type=int, default=1, help="rounds, the best of which counts (default: %(default)s)")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.run is not None:
        _measured(arguments.run, arguments.workers[0])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "articles.jsonl")
        size = count = 0
        with path.open("w", encoding="utf-8") as out:
            for text in articles(arguments.corpus, arguments.megabytes):
                out.write(json.dumps(text) + "\n")
                size += len(text.encode())
                count += 1
        if not count:
            parser.error(f"no articles to be had from {arguments.corpus}/*.txt.xz")
        print(f"{count} articles, {size / 1e6:.1f} MB, one of {_SPUN} spun; {len(os.sched_getaffinity(0))} CPUs", flush=True)
        # What all runs map is in the page cache for the first of them too.
        for name in ("english.lm", "phrases.table"):
            data_path("model", name).read_bytes()
        found: dict[int, list[dict[str, float]]] = {workers: [] for workers in arguments.workers}
        # Rounds outside, so that what else the machine does meets all alike.
        for _ in range(arguments.rounds):
            for workers, runs in found.items():
                call = [sys.executable, "-m", "benchmarks.scaling", str(arguments.corpus), "--run", str(path)]
                call += ["--workers", str(workers)]
                runs.append(json.loads(subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True).stdout))
    first = min(run["seconds"] for run in found[arguments.workers[0]])
    for workers, runs in found.items():
        seconds, memory = min(run["seconds"] for run in runs), max(run["memory"] for run in runs)
        print(
            f"{workers} worker{'s' * (workers != 1)}: {size / 1e6 / seconds:5.2f} MB/s, {first / seconds:4.2f} × the first, "
            f"{memory:4.0f} MB of memory in all, {runs[0]['changed']} articles changed"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
