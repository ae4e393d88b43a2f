"""What a core restores under Spark and Dask: ``python -m benchmarks.cluster DOCUMENTS [--megabytes 8] [--clean]``.

DOCUMENTS is JSON Lines (.gz too) with a field ``text``, and ``original`` where that is spun; its documents are repeated,
in an order drawn anew each time, up to the size. ``--clean`` takes the originals: what is unspun costs a tenth.

Prints MB/s of UTF-8 for `Restorer.restore` in this process, for ``spark.restore`` on ``local[1]`` and for
``dask.restore_bag`` with one worker, each after a short run that loads the model, and what that makes in an hour. One
core is meant to do all the work, and nothing else to run: the JVM and Dask's scheduler need a little of a second core.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import unspin
from unspin.extras import require

from . import command

_PARTITIONS = 8


def read(path: Path, megabytes: float, clean: bool) -> list[str]:
    """Return documents of *path*, over and over, of *megabytes* in all."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    documents = [row.get("original") or row["text"] if clean else row["text"] for row in rows]
    draw = random.Random(1)
    out: list[str] = []
    left = megabytes * 1e6
    while left > 0:
        for text in draw.sample(documents, len(documents)):
            out.append(text)
            left -= len(text.encode())
            if left <= 0:
                break
    return out


def here(texts: list[str]) -> None:
    restorer = unspin.Restorer()
    for text in texts:
        restorer.restore(text)


def on_spark() -> Callable[[list[str]], None]:
    sql = require("pyspark.sql", "spark")
    from unspin.integrations.spark import restore

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    spark = builder.config("spark.driver.host", "127.0.0.1").config("spark.ui.showConsoleProgress", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")

    def run(texts: list[str]) -> None:
        rows = spark.sparkContext.parallelize([(t,) for t in texts], _PARTITIONS)
        frame = spark.createDataFrame(rows, "text string")
        frame.select(restore("text")).write.format("noop").mode("overwrite").save()

    return run


def on_dask() -> Callable[[list[str]], None]:
    bags = require("dask.bag", "dask")
    distributed = require("dask.distributed", "dask")
    from unspin.integrations.dask import restore_bag

    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None)
    client = distributed.Client(cluster)

    def run(texts: list[str]) -> None:
        bag = bags.from_sequence(texts, npartitions=_PARTITIONS)
        client.compute(restore_bag(bag).map(len).sum()).result()

    return run


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("cluster", __doc__)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--megabytes", type=float, default=8)
    parser.add_argument("--clean", action="store_true")
    arguments = parser.parse_args(argv)
    texts = read(arguments.documents, arguments.megabytes, arguments.clean)
    size = sum(len(t.encode()) for t in texts) / 1e6
    spun = sum(len(t.encode()) for t in texts if unspin.detect(t).is_spun) / 1e6
    print(f"{len(texts)} documents, {size:.1f} MB, of which {spun / size:.0%} spun")
    ways: dict[str, Callable[[], Any]] = {"this process": lambda: here, "Spark": on_spark, "Dask": on_dask}
    for name, start in ways.items():
        run = start()
        run(texts[:50])
        begin = time.perf_counter()
        run(texts)
        speed = size / (time.perf_counter() - begin)
        print(f"{name}: {speed:.2f} MB/s, {speed * 3.6:.1f} GB an hour", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
