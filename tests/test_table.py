"""The shipped model and table: the table is what the rows make, and both are of a size to ship."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from unspin.resources import data_path

from .conftest import DATA

MEGABYTE = 10**6


def test_table_is_what_the_rows_make(tmp_path: Path) -> None:
    """Where this fails, the rows, the model or the compiler changed: ``python -m unspin.build table`` brings it up."""
    made = tmp_path / "phrases.table"
    command = [sys.executable, "-m", "unspin.build", "table", str(DATA / "phrases"), "-o", made]
    command += ["-t", str(DATA / "terms")]
    done = subprocess.run(
        [*map(str, command), "-m", str(data_path("model", "english.lm"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert made.read_bytes() == data_path("model", "phrases.table").read_bytes(), "data/model/phrases.table is stale"


def test_model_is_small_enough_to_ship() -> None:
    assert data_path("model", "english.lm").stat().st_size <= 25 * MEGABYTE
