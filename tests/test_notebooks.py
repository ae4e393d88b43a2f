"""The notebooks run from end to end as they stand, and were saved with what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
NAMES = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


def read(name: str) -> Any:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    return notebook


def shown(notebook: Any) -> list[tuple[int, str, tuple[str, ...]]]:
    """What each cell shows: its number, the kind of output, and the forms that the output has."""
    found = (
        (k, output.output_type, tuple(sorted(output.get("data", {}))))
        for k, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        # What a library warns of differs from one version to another.
        if output.get("name") != "stderr"
    )
    # What a slow cell prints comes in pieces, as many as time would have it.
    return list(dict.fromkeys(found))


def test_there_are_notebooks() -> None:
    assert {"restore-one-article.ipynb", "clean-a-corpus.ipynb"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs(name: str) -> None:
    if name == "clean-a-corpus.ipynb":
        pytest.importorskip("matplotlib")
    saved = read(name)
    notebook = read(name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    # Raises CellExecutionError, with the traceback, where a cell fails.
    nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    assert shown(notebook) == shown(saved), "saved with all of its outputs, in order"


@pytest.mark.parametrize("name", NAMES)
def test_notebook_is_saved_clean(name: str) -> None:
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    assert len(text) < 300_000
    counts = [cell.execution_count for cell in read(name).cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1)), "run from top to bottom"
    outputs = [output for cell in read(name).cells for output in cell.get("outputs", [])]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
