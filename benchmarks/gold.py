"""The development sets, read from a folder given on the command line; none of them is part of the project."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from unspin.scoring import Gold, parse_gold

#: Families of `pairs.jsonl` that synonym spinning explains; the rest are round trips and rewritings.
SYNONYM = ("news-synonym", "turbo", "spinbot")

#: A third of the pairs, by hash of how the original begins (so that twins stay together), is never read by who
#: curates or tunes. The salt was drawn once, before curation began, so that articles seen by then are not in it.
_SALT = 1580


@dataclass(frozen=True)
class Pair:
    """A spun article and its original, line by line."""

    name: str
    family: str
    spun: str
    original: str

    @property
    def unread(self) -> bool:
        """Whether the pair belongs to the third that nobody read."""
        key = " ".join(re.findall(r"\w+", self.original.lower())[:8])
        return int(hashlib.sha256(f"{_SALT}:{key}".encode()).hexdigest(), 16) % 3 == 0


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def read_pairs(folder: Path) -> list[Pair]:
    """Read ``pairs.jsonl``."""
    return [Pair(r["id"], r["family"], r["spun"], r["original"]) for r in _rows(folder / "pairs.jsonl")]


def read_spun(folder: Path) -> list[tuple[str, str, str]]:
    """Read ``spun.jsonl`` as (name, family, text)."""
    return [(r["id"], r["family"], r["text"]) for r in _rows(folder / "spun.jsonl")]


def read_clean(folder: Path) -> list[tuple[str, str]]:
    """Read ``clean.jsonl`` as (name, text)."""
    return [(r["id"], r["text"]) for r in _rows(folder / "clean.jsonl")]


def read_article(folder: Path) -> Gold:
    """Read ``seed.gold.txt``, the marked-up article."""
    return parse_gold((folder / "seed.gold.txt").read_text(encoding="utf-8"), "seed.gold.txt")
