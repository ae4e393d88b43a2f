"""The wheel, built from a copy of the tree and used with nothing of the checkout in reach."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from unspin import resources
from unspin.rows import read_rows

pytest.importorskip("build")
pytest.importorskip("hatchling")

TREE = Path(__file__).resolve().parents[1]
#: What goes into a wheel, or the build needs.
PARTS = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "src", "data")

PROBE = """
import hashlib, json, sys
installed, tree = sys.argv[1:]
# The environment may itself lie in the checkout (.venv): what it holds of others is needed.
ours = lambda p: (p == tree or p.startswith(tree + "/")) and not p.startswith(sys.prefix + "/")
sys.path[:] = [installed, *(p for p in sys.path if not ours(p))]
import unspin
from unspin import resources
text = ("In accordance with the White Home, the legal guidelines are new. "
        "On the identical time, the Chinese language content material could also be blocked.")
# Rows of one's own are compiled together with the shipped ones, which takes seconds: what would be compiled is enough.
from unspin import restorer
from unspin.rows import parse_row
compiled = []
restorer.compile_rows = lambda rows, model, terms: compiled.extend((len(rows), len(terms.pairs)))
restorer._table_with((parse_row("smart speaker = gizmo wotsit"),))
print(json.dumps({
    "file": unspin.__file__,
    "restored": unspin.restore(text),
    "data": [str(resources.data_path("model", n)) for n in ("english.lm", "phrases.table")],
    "rows": hashlib.sha256(repr(resources.rows()).encode()).hexdigest(),
    "compiled": compiled,
    "path": sys.path,
    "modules": [m.__file__ for n, m in sys.modules.items() if n.partition(".")[0] == "unspin"],
}))
"""


def _run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in PARTS:
        source = TREE / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        elif source.exists():
            shutil.copy2(source, tree / name)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist", tree, cwd=folder)
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    _run(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", target, wheel,
        cwd=target,
    )  # fmt: skip
    return target


def test_wheel_holds_code_and_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {n.partition("/")[0].partition("-")[0] for n in names} == {"unspin"}
    assert {"unspin/__init__.py", "unspin/py.typed", "unspin/data/model/english.lm"} <= set(names)
    assert "unspin/data/model/phrases.table" in names
    # The inner loops are compiled on the way, where that can be done.
    assert ("unspin/_kernels.so" in names) == any(map(shutil.which, ("cc", "gcc", "clang")))
    # The rows lie in the table; what it is built from stays behind.
    assert {n for n in names if n.startswith("unspin/data/")} == {
        "unspin/data/model/english.lm", "unspin/data/model/phrases.table",
    }  # fmt: skip
    sources = {p.relative_to(TREE / "src").as_posix() for p in (TREE / "src" / "unspin").rglob("*.py")}
    assert sources <= set(names)
    assert [n for n in names if "__pycache__" in n or n.startswith(("tests", "benchmarks"))] == []


def test_installed_wheel_restores_with_its_own_data(installed: Path, tmp_path: Path) -> None:
    """The dependencies come from the environment; the checkout, installed there editable, is out of reach."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    # -I: neither the folder nor PYTHONPATH on sys.path; the probe takes the checkout off it too.
    found: dict[str, Any] = json.loads(_run(sys.executable, "-I", "-c", PROBE, installed, TREE, cwd=tmp_path, env=env))
    assert Path(found["file"]) == installed / "unspin" / "__init__.py"
    assert found["restored"] == (
        "According to the White House, the laws are new. At the same time, the Chinese content may be blocked."
    )
    rows = read_rows(TREE / "data" / "phrases")
    assert found["rows"] == hashlib.sha256(repr(rows).encode()).hexdigest()
    own = sum(r.original == "smart speaker" for r in rows)
    assert found["compiled"] == [len(rows) - own + 1, len(resources.phrase_table().terms)]
    for path in (*found["data"], *found["modules"]):
        assert Path(path).is_relative_to(installed), path
    reach = [p for p in map(Path, found["path"]) if p.is_relative_to(TREE) and not p.is_relative_to(sys.prefix)]
    assert reach == []
