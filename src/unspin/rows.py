"""The human-edited phrase table: rows of text, parsed and checked.

A row says what a spinner family makes of an original (forward, because that is how spun text comes about)::

    according to = in accordance with*2 | in line with ; fires: 0.9
    cancer = malignant growth ; with: cancer
    New York = Big Apple

Alternatives are separated by ``|``; ``*2`` gives one twice the weight. After ``;`` come fields:

``fires``    probability that the family touches the original at all (default: the file's, else `table_compiler.FIRES`)
``with``     terms, one of which must stand elsewhere in the document
``without``  terms, none of which may
``common``   the spun side is ordinary English too: it needs stronger evidence

A capital in the original means that it is a name: its spun side then matches only capitalised. ``#`` starts a
comment line; ``# family: news`` and ``# fires: 0.8`` at the head hold for the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import TableError
from .tokens import split

FAMILIES = ("news", "web", "spinbot", "turbo", "academic", "thesaurus", "agreement", "user")
#: Families that draw an alternative anew for each occurrence; the others once an original and document.
EVERY_ITEM = frozenset({"web", "spinbot", "turbo"})
_ALTERNATIVE = re.compile(r"(.*?)(?:\s*\*\s*([0-9.]+))?", re.S)
_FIELDS = frozenset({"fires", "with", "without", "common", "note"})


@dataclass(frozen=True, slots=True)
class Row:
    """One original and its spun forms. ``where`` is ``file:line``, the name that explains an edit."""

    original: str
    spun: tuple[str, ...]
    weights: tuple[float, ...]
    family: str
    fires: float | None
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    common: bool = False
    where: str = ""

    @property
    def file(self) -> str:
        """The name of the file that the row stands in."""
        return self.where.partition(":")[0]


def parse_row(line: str, *, family: str = "user", fires: float | None = None, where: str = "row") -> Row:
    """Parse one line of a table; raises TableError with *where* in the message.

    >>> parse_row("price = worth*3 | value").weights
    (0.75, 0.25)
    """
    body, *fields = line.split(";")
    original, equals, right = body.partition("=")
    original = original.strip()
    if not equals or not original:
        raise TableError(f"{where}: a row reads 'original = spun | spun', not {line!r}")
    spun, weights = [], []
    for part in right.split("|"):
        match = _ALTERNATIVE.fullmatch(part.strip())
        assert match is not None
        form = match[1].strip()
        if not form:
            raise TableError(f"{where}: an alternative of {original!r} is empty")
        if form == original:
            raise TableError(f"{where}: {original!r} is among its own alternatives")
        if form in spun:
            raise TableError(f"{where}: {form!r} stands twice in the row of {original!r}")
        spun.append(form)
        weights.append(_number(match[2] or "1", where))
    total = sum(weights)
    if total <= 0:
        raise TableError(f"{where}: the weights of {original!r} add up to nothing")
    values: dict[str, str] = {}
    for field in fields:
        key, _, value = (x.strip() for x in field.partition(":"))
        if key not in _FIELDS:
            raise TableError(f"{where}: unknown field {key!r} (known: {', '.join(sorted(_FIELDS))})")
        values[key] = value
    if "fires" in values:
        fires = _number(values["fires"], where)
    if fires is not None and not 0 < fires <= 1:
        raise TableError(f"{where}: fires must be over 0 and at most 1, not {fires}")
    return Row(
        original,
        tuple(spun),
        tuple(w / total for w in weights),
        family,
        fires,
        _terms(values.get("with", "")),
        _terms(values.get("without", "")),
        "common" in values,
        where,
    )


def _number(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TableError(f"{where}: {text!r} is not a number") from None


def _terms(text: str) -> tuple[str, ...]:
    return tuple(t.strip() for t in text.split(",") if t.strip())


def parse_rows(lines: Iterable[str], *, family: str = "user", fires: float | None = None, name: str = "rows") -> Iterator[Row]:
    """Yield the rows of a table's lines (see the module); header comments change *family* and *fires*."""
    for number, line in enumerate(lines, 1):
        line = line.strip()
        where = f"{name}:{number}"
        if line.startswith("#"):
            key, colon, value = line[1:].partition(":")
            if colon and key.strip() == "family":
                family = value.strip()
                if family not in FAMILIES:
                    raise TableError(f"{where}: unknown family {family!r} (known: {', '.join(FAMILIES)})")
            elif colon and key.strip() == "fires":
                fires = _number(value.strip(), where)
        elif line:
            yield parse_row(line, family=family, fires=fires, where=where)


def read_lines(file: Path) -> list[str]:
    """Return the lines of a file of the table; raises TableError where it can't be read."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{file}: can't be read ({error})") from error


def read_rows(path: Path) -> list[Row]:
    """Read a table file, or every ``*.txt`` of a folder in order of name."""
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    rows: list[Row] = []
    for file in files:
        rows.extend(parse_rows(read_lines(file), name=file.name))
    return rows


def lint(rows: Iterable[Row]) -> list[str]:
    """Return the faults of a table, a line each: doubled rows, doubled pairs, rows that only shift spelling."""
    faults: list[str] = []
    seen: dict[tuple[object, ...], str] = {}
    pairs: dict[tuple[str, str, str, str], str] = {}
    for row in rows:
        # Two files may hold one word: they come from different sources.
        key = (row.family, row.original, row.needs, row.excludes, row.common, row.file)
        if key in seen:
            faults.append(f"{row.where}: {row.original!r} has a row already at {seen[key]}")
        seen[key] = row.where
        for side in (row.original, *row.spun):
            if not split(side)[1]:
                faults.append(f"{row.where}: {side!r} has no word")
            if side != " ".join(side.split()):
                faults.append(f"{row.where}: {side!r} has stray spaces")
        for form in row.spun:
            pair = (row.family, row.original, form, row.file)
            if pair in pairs:
                faults.append(f"{row.where}: {row.original!r} → {form!r} stands already at {pairs[pair]}")
            pairs[pair] = row.where
            if is_spelling_variant(row.original, form):
                faults.append(f"{row.where}: {row.original!r} → {form!r} only changes the spelling")
    return faults


_BRITISH = (
    ("isation", "ization"), ("isations", "izations"), ("ise", "ize"), ("ised", "ized"), ("ises", "izes"),
    ("ising", "izing"), ("our", "or"), ("ours", "ors"), ("oured", "ored"), ("ouring", "oring"), ("ourable", "orable"),
    ("ourite", "orite"), ("ourites", "orites"), ("tre", "ter"), ("tres", "ters"), ("ence", "ense"), ("ences", "enses"),
    ("yse", "yze"), ("ysed", "yzed"), ("yses", "yzes"), ("ysing", "yzing"), ("ogue", "og"), ("ogues", "ogs"),
    ("lled", "led"), ("lling", "ling"), ("ller", "ler"), ("llers", "lers"), ("aeo", "eo"), ("amme", "am"), ("ammes", "ams"),
    ("isational", "izational"), ("iser", "izer"), ("isers", "izers"), ("ourful", "orful"), ("elling", "eling"),
)  # fmt: skip


def is_spelling_variant(a: str, b: str) -> bool:
    """Whether two forms differ only as British and American spelling do, or by a hyphen or space.

    >>> is_spelling_variant("organise", "organize"), is_spelling_variant("price", "worth")
    (True, False)
    """
    if a.replace("-", "").replace(" ", "").casefold() == b.replace("-", "").replace(" ", "").casefold():
        # "on-line" for "online" is what spinners do; only case or nothing at all differs here otherwise.
        return a.casefold() == b.casefold()
    for x, y in _BRITISH:
        for left, right in ((a, b), (b, a)):
            if left.endswith(x) and right.endswith(y) and left[: -len(x)] == right[: -len(y)] and len(left) > len(x) + 1:
                return True
    return False
