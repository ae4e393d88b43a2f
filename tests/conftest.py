"""What several test modules need: the cases, a small language model and a table over it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

CASES = Path(__file__).with_name("cases")
#: The rows and terms that the shipped table is compiled from; the package holds their result only.
DATA = Path(__file__).parents[1] / "data"
GROUPS = ("in-the-wild", "synthetic", "negative", "known-failures")

#: Spun by any measure; the readings of its phrases are not in doubt.
SPUN = (
    "In accordance with the White Home, the Chinese language content material could also be eliminated. "
    "The legal guidelines are new."
)


def load_cases(group: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((CASES / f"{group}.json").read_text(encoding="utf-8"))
    return cases


@pytest.fixture(scope="session")
def spun() -> str:
    return SPUN
