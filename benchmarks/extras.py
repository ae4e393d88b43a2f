"""Whether each extra is enough for its integration: ``python -m benchmarks.extras [EXTRA…]``.

For every extra a fresh virtual environment is made, ``.[extra]`` alone installed, the integration imported and one call
made; one more without any extra must say, for each integration, which extra to install. Exit code 0 where all is well.

Takes some minutes and the network; ``--quick`` leaves out the environments with an extra. ``none`` names the one without.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from . import command

ROOT = Path(__file__).parents[1]
_HEAD = """
text = "In accordance with the White Home, the legal guidelines are new."
restored = "According to the White House, the laws are new."
if __name__ == "__main__":
"""
#: What is done with an extra: the body of a main module. Other modules of the package must do without it.
CALLS = {
    "pandas": """
    import pandas, unspin.integrations.pandas
    assert pandas.Series([text, None]).unspin.restore().tolist()[0] == restored
    assert len(pandas.Series([text]).unspin.explain()) > 0
    """,
    "polars": """
    import polars, unspin.integrations.polars
    got = polars.DataFrame({"text": [text]}).select(polars.col("text").unspin.restore(), spin=polars.col("text").unspin.detect())
    assert got["text"].to_list() == [restored]
    """,
    "datasets": """
    import datasets
    from unspin.integrations.datasets import restorer
    got = datasets.Dataset.from_dict({"text": [text, text]}).map(restorer(), batched=True, batch_size=1, num_proc=2)
    assert list(got["text"]) == [restored] * 2
    """,
    "spacy": """
    import spacy
    nlp = spacy.blank("en")
    nlp.add_pipe("unspin")
    assert nlp(text)._.restored == restored
    """,
    "spark": """
    from pyspark.sql import SparkSession
    from unspin.integrations.spark import detect, restore
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1"}
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    [row] = spark.createDataFrame([(text,)], "text string").select(restore("text"), detect("text")).collect()
    assert row[0] == restored
    """,
    "dask": """
    import dask.bag, dask.dataframe, pandas
    from dask.distributed import Client, LocalCluster
    from unspin.integrations.dask import detect_series, restore_bag, restore_series
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        assert restore_bag(dask.bag.from_sequence([text])).compute() == [restored]
        series = dask.dataframe.from_pandas(pandas.Series([text]), npartitions=1)
        assert restore_series(series).compute().tolist() == [restored]
        assert detect_series(series).compute()["words"].tolist() == [11]
    """,
    "corpus": """
    import pyarrow, pyarrow.parquet
    from unspin.cli import main
    pyarrow.parquet.write_table(pyarrow.table({"text": [text]}), "in.parquet")
    assert main(["corpus", "in.parquet", "out.parquet", "--workers", "1"]) == 0
    assert pyarrow.parquet.read_table("out.parquet")["text"].to_pylist() == [restored]
    """,
    "report": """
    import unspin
    assert len(unspin.summarise([unspin.explain(text)]).plot().axes) == 3
    """,
    "transformers": """
    import transformers, unspin
    from unspin.integrations.transformers import CausalModel
    class Bytes:
        bos_token_id = eos_token_id = 1
        def __call__(self, text, add_special_tokens):
            return {"input_ids": [b + 2 for b in text.encode()]}
    config = transformers.LlamaConfig(
        vocab_size=258, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    model = CausalModel(transformers.LlamaForCausalLM(config), Bytes())
    assert model.score(["a", text])[1] < -10
    assert unspin.Restorer(rescorer=model, rescorer_weight=1e-3).restore(text) == restored
    """,
    "llama-cpp": """
    import unspin
    from unspin.integrations.llama_cpp import CausalModel
    open("bad.gguf", "w").close()
    try:
        CausalModel("bad.gguf").score(["a"])
    except unspin.DataError as error:
        print(error)
    else:
        raise AssertionError("a model of no bytes")
    """,
}  # fmt: skip
#: A call for each extra that must fail without it.
WITHOUT = {
    "pandas": "import unspin.integrations.pandas",
    "polars": "import unspin.integrations.polars",
    "datasets": "from unspin.integrations.datasets import restorer; restorer().features({})",
    "spacy": "import unspin.integrations.spacy",
    "spark": "from unspin.integrations.spark import restore; restore('text')",
    "dask": "from unspin.integrations.dask import restore_bag; restore_bag(None)",
    "corpus": "import pathlib as p, unspin.corpus_formats as f; p.Path('a.parquet').touch(); f.open_corpus(p.Path('a.parquet'))",
    "report": "unspin.summarise([]).plot()",
    "transformers": "from unspin.integrations.transformers import CausalModel; CausalModel('model')",
    "llama-cpp": "from unspin.integrations.llama_cpp import CausalModel; CausalModel('model.gguf')",
}
_COMPLAINT = """
import unspin
try:
    {call}
except unspin.MissingExtraError as error:
    assert isinstance(error, ImportError) and "pip install 'unspin[{extra}]'" in str(error), str(error)
    print(error)
else:
    raise AssertionError("it did not complain")
"""
_PLAIN = "import unspin; assert unspin.restore({text!r}) == {restored!r}; assert list(unspin.restore_many(['a'])) == ['a']"


def check(python: Path, code: str) -> tuple[bool, str]:
    """Run *code* as the main module of a file; return whether it went well, and its output."""
    # Away from the checkout: what is installed is what is tried.
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "try_extra.py"
        script.write_text(code, encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYSPARK_PYTHON": str(python)}
        done = subprocess.run([python, script], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode == 0, (done.stdout if done.returncode == 0 else done.stdout + done.stderr).strip()


def install(folder: Path, extra: str | None) -> Path:
    """Make a virtual environment with the package and *extra*; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    package = f"{ROOT}[{extra}]" if extra else str(ROOT)
    call = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]
    subprocess.run(call, check=True, stderr=subprocess.DEVNULL)
    return python


def bad(name: str, output: str) -> int:
    print(f"{name}: FAILED\n{output}")
    return 1


def try_extra(extra: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        python = install(Path(folder), extra)
        installed = time.monotonic()
        fine, output = check(python, _HEAD + CALLS[extra])
        if not fine:
            return bad(extra, output)
        print(f"{extra}: installed in {installed - start:.0f} s, called in {time.monotonic() - installed:.0f} s", flush=True)
    return 0


def try_none() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder), None)
        names: dict[str, str] = {}
        exec(_HEAD.split("if __name__")[0], names)
        fine, output = check(python, _PLAIN.format(**names))
        failed += 0 if fine else bad("none", output)
        for extra, call in WITHOUT.items():
            fine, output = check(python, _COMPLAINT.format(call=call, extra=extra))
            if fine:
                print(f"none, {extra}: {output}", flush=True)
            else:
                failed += bad(f"none, {extra}", output)
    return failed


def main(argv: list[str] | None = None) -> int:
    parser = command.parser("extras", __doc__)
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help=f"of {', '.join(CALLS)}, none; by default all")
    parser.add_argument("--quick", action="store_true", help="only the environment without extras")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.extras) - {*CALLS, "none"}
    if unknown:
        parser.error(f"unknown extra {', '.join(sorted(unknown))}")
    extras = ["none"] if arguments.quick else arguments.extras or ["none", *CALLS]
    return 1 if sum([try_none() if e == "none" else try_extra(e) for e in extras]) else 0


if __name__ == "__main__":
    sys.exit(main())
