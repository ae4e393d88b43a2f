"""UDFs on a local Spark, whose Python workers are processes of their own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin.errors import OptionError

from .conftest import SPUN
from .failing_restorer import BOOM, FailingRestorer, TellingRestorer

pytest.importorskip("pyspark")
pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
    pytest.skip("Spark needs Java", allow_module_level=True)

from pyspark.sql import SparkSession, functions

from unspin.integrations.spark import detect, explain, restore

CLEAN = "It rained. Nothing else was new."
TEXTS = [SPUN, None, CLEAN, "", f"😀😀 {SPUN}"]
RESTORED = [t and unspin.restore(t) for t in TEXTS]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        # The workers import the failing restorer.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture(scope="module")
def frame(spark: Any) -> Any:
    return spark.createDataFrame([(i, t) for i, t in enumerate(TEXTS)], "id int, text string").repartition(3).cache()


def test_restore(frame: Any) -> None:
    got = frame.withColumn("restored", restore("text"))
    assert got.schema["restored"].dataType.simpleString() == "string"
    rows = got.orderBy("id").collect()
    assert [r.restored for r in rows] == RESTORED
    assert [r.text for r in rows] == TEXTS


def test_detect(frame: Any) -> None:
    got = frame.select("id", detect(frame.text).alias("spin"))
    kind = got.schema["spin"].dataType.simpleString()
    assert kind == "struct<probability:double,rate:double,family:string,evidence:double,words:bigint>"
    rows = got.select("id", "spin.*").orderBy("id").collect()
    found = unspin.detect(SPUN)
    assert tuple(rows[0])[1:] == (found.probability, found.rate, found.family, found.evidence, found.words)
    assert tuple(rows[1])[1:] == (None,) * 5
    spun = frame.filter(detect("text").getField("probability") > 0.5)
    assert sorted(r.id for r in spun.collect()) == [0, 4]


def test_explain(frame: Any) -> None:
    got = frame.select("id", "text", explain("text").alias("edits"))
    rows = got.orderBy("id").collect()
    assert [r.edits if r.edits is None else len(r.edits) for r in rows] == [
        t if t is None else len(unspin.explain(t).edits) for t in TEXTS
    ]
    table = got.select("id", "text", functions.explode("edits").alias("edit")).select("id", "text", "edit.*").collect()
    assert {r.id for r in table} == {0, 4}
    assert all(r.text[r.start : r.end] == r.spun for r in table)
    first = min((r for r in table if r.id == 0), key=lambda r: r.start)
    e = unspin.explain(SPUN).edits[0]
    assert tuple(first)[2:] == (e.start, e.end, e.spun, e.original, e.confidence, e.family, e.kind)


def test_sql_and_options(spark: Any, frame: Any) -> None:
    spark.udf.register("unspun", restore(protect=["legal guidelines"]))
    frame.createOrReplaceTempView("articles")
    [row] = spark.sql("select unspun(text) as text from articles where id = 0").collect()
    assert row.text == unspin.restore(SPUN, protect=["legal guidelines"]) != RESTORED[0]


def test_restorer(frame: Any) -> None:
    rows = frame.select("id", restore("text", restorer=unspin.Restorer(families=["academic"])).alias("text")).collect()
    assert sorted((r.id, r.text) for r in rows if r.text) == [(i, t) for i, t in enumerate(TEXTS) if t]


def test_model_is_loaded_once_a_worker(spark: Any) -> None:
    many = spark.createDataFrame([(i, SPUN) for i in range(16)], "id int, text string").repartition(8)
    rows = many.select(restore("text", restorer=TellingRestorer()).alias("seen")).collect()
    seen = [tuple(map(int, r.seen.split())) for r in rows]
    assert os.getpid() not in {process for process, _, _ in seen}
    assert max(batches for _, batches, _ in seen) > 1, "one restorer serves several tasks"
    assert {loaded for _, _, loaded in seen} == {1}


def test_column_of_numbers(spark: Any) -> None:
    numbers = spark.createDataFrame([(1,), (2,)], "n int")
    for errors in ("raise", "keep"):
        with pytest.raises(Exception, match="unspin works on columns of strings"):
            numbers.select(restore("n", errors=errors)).collect()


def test_text_that_fails(spark: Any) -> None:
    frame = spark.createDataFrame([(0, BOOM), (1, SPUN)], "id int, text string").coalesce(1)
    failing = FailingRestorer()
    for udf in (restore, explain, detect):
        with pytest.raises(Exception, match="ItemError: item 0: out of luck"):
            frame.select(udf("text", restorer=failing)).collect()
    kept = frame.select(
        restore("text", restorer=failing, errors="keep").alias("text"),
        explain("text", restorer=failing, errors="keep").alias("edits"),
        detect("text", restorer=failing, errors="keep").alias("spin"),
    )
    first, second = kept.collect()
    assert (first.text, first.edits, first.spin.words) == (BOOM, None, None)
    assert (second.text, len(second.edits)) == (RESTORED[0], len(unspin.explain(SPUN).edits))
    assert second.spin.words == unspin.detect(SPUN).words


def test_options_that_mean_nothing() -> None:
    for make in (restore, explain, detect):
        with pytest.raises(OptionError, match="errors must be one of"):
            make("text", errors="ignore")
        with pytest.raises(OptionError, match="min_confidence"):
            make(min_confidence=7)
        with pytest.raises(TypeError, match="nonsense"):
            make(nonsense=1)
