"""Where the package's data lies: in the wheel, or at the top of a checkout; loaded once a process."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from .errors import DataError
from .language_model import LanguageModel, open_model
from .phrase_table import PhraseTable
from .rows import Row
from .table_file import open_table, stored_rows


def data_path(*names: str) -> Path:
    """Return the path of a data file; raises DataError where it's missing."""
    package = Path(str(resources.files("unspin")))
    for root in (package / "data", package.parent.parent / "data"):
        path = root.joinpath(*names)
        if path.exists():
            return path
    raise DataError(f"unspin's data file {'/'.join(names)} is missing: reinstall the package, or build it (data/README.md)")


@lru_cache(maxsize=1)
def language_model() -> LanguageModel:
    """Return the shipped language model, mapped on first use."""
    return open_model(data_path("model", "english.lm"))


@lru_cache(maxsize=1)
def phrase_table() -> PhraseTable:
    """Return the shipped table, compiled for the shipped model."""
    return open_table(data_path("model", "phrases.table"), language_model())


def rows() -> list[Row]:
    """Return the rows that the shipped table was compiled from."""
    return stored_rows(data_path("model", "phrases.table"))
