"""Scores a restoration against a text whose spun stretches are marked by hand.

Markup of such a *gold* text::

    {In accordance with=>According to} a {brand new=>new} report, it {rose=>?grew|went up} {three=>3}.2%.

``{spun=>original|other}``   must be restored, to any of the readings listed
``{spun=>?original|other}``  may be: the spun text and the readings listed are all right
everything else              must stay as it is

Braces without ``=>`` between them are plain text, so ``{hardware}`` stays what it is, and
``{{hardware}=>hardware}`` asks for its braces to go. A mark ends in the paragraph in which it begins.

The restored text is aligned with the lattice of all readings by minimum edit distance over words. Where exactly an
edit began or ended is thereby of no matter, only what the text now says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .errors import DataError

# Apostrophes are tokens of their own, so that "{firm=>company}'s" and "company's" fall into the same ones.
_TOKEN = re.compile(r"\w+|[^\w\s]")
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_PARAGRAPH_END = re.compile(r"\n[ \t\r]*\n")
_MARKS = re.compile(r"[{}]|=>")
_LEADING = re.compile(r"\w+")
_TRAILING = re.compile(r"\w+\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """A spun stretch and its accepted readings, the preferred one first. ``line`` counts from 1."""

    spun: str
    accepted: tuple[str, ...]
    required: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True)
class Gold:
    """A marked text, as plain stretches and marks in order."""

    parts: tuple[str | Mark, ...]

    @property
    def spun(self) -> str:
        """The text as the spinner left it."""
        return "".join(p if isinstance(p, str) else p.spun for p in self.parts)

    @property
    def original(self) -> str:
        """The text with every mark at its preferred reading, optional ones too."""
        return "".join(p if isinstance(p, str) else p.accepted[0] for p in self.parts)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    ``kind``      "missed" (a required mark left as it was), "wrong" (changed, to no accepted reading) or "false"
                  (a change where the text, or an optional mark, was to stay)
    ``line``      line of the gold text
    ``source``    what stood there; ``found``: what stands there now
    ``accepted``  what might have
    """

    kind: str
    line: int
    source: str
    found: str
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """The tally of one text or, added up, of several.

    ``required``  marks to restore; ``restored``, ``wrong``: of those; the rest were missed
    ``false``     false edits: runs of changed words outside marks, and optional marks changed to no accepted reading
    """

    required: int = 0
    restored: int = 0
    wrong: int = 0
    false: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def missed(self) -> int:
        return self.required - self.restored - self.wrong

    @property
    def precision(self) -> float:
        """Share of the edits that are right; 1 where there was none. Optional marks count on neither side."""
        edits = self.restored + self.wrong + self.false
        return self.restored / edits if edits else 1.0

    @property
    def recall(self) -> float:
        """Share of the required marks that were restored; 1 where nothing was required."""
        return self.restored / self.required if self.required else 1.0

    @property
    def f05(self) -> float:
        """F-measure that weighs precision twice as much as recall."""
        p, r = self.precision, self.recall
        return 1.25 * p * r / (0.25 * p + r) if p and r else 0.0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.required + other.required,
            self.restored + other.restored,
            self.wrong + other.wrong,
            self.false + other.false,
            self.findings + other.findings,
        )


def parse_gold(text: str, name: str = "gold") -> Gold:
    """Parse marked *text*; raises DataError with ``name:line`` where a mark is malformed.

    >>> gold = parse_gold("a {brand new=>new} {web site=>?website|site}")
    >>> gold.spun, gold.original
    ('a brand new web site', 'a new website')
    """
    parts: list[str | Mark] = []
    plain = at = 0
    while (at := text.find("{", at)) >= 0:
        line = text.count("\n", 0, at) + 1
        end, arrow = _close(text, at)
        if arrow < 0:
            at += 1
            continue
        if end < 0:
            raise DataError(f"{name}:{line}: a mark is not closed")
        parts += (text[plain:at], _mark(text[at + 1 : arrow], text[arrow + 2 : end], f"{name}:{line}", line))
        plain = at = end + 1
    parts.append(text[plain:])
    return Gold(tuple(p for p in parts if p))


def _close(text: str, at: int) -> tuple[int, int]:
    """Return where the brace at *at* is closed and where its own ``=>`` stands; -1 for what there isn't."""
    stop = _PARAGRAPH_END.search(text, at)
    limit = stop.start() if stop is not None else len(text)
    depth, arrow = 0, -1
    for match in _MARKS.finditer(text, at, limit):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
            if not depth:
                return match.start(), arrow
        elif depth == 1 and arrow < 0:
            arrow = match.start()
    return -1, arrow


def _mark(spun: str, readings: str, where: str, line: int) -> Mark:
    required = not readings.startswith("?")
    accepted = tuple(readings.removeprefix("?").split("|"))
    if not spun.strip():
        raise DataError(f"{where}: a mark has no spun text")
    if not all(a.strip() for a in accepted):
        raise DataError(f"{where}: {spun!r} has an empty reading")
    if any("=>" in a for a in accepted):
        raise DataError(f"{where}: {spun!r} has more than one '=>'")
    if required and spun in accepted:
        raise DataError(f"{where}: {spun!r} must be restored to itself (mark it optional, with '=>?')")
    return Mark(spun, accepted, required, line)


# The lattice: a chain of slots. A slot that is a plain word has one reading of one token; a mark's has one reading
# for each accepted one and, last, the spun text.
@dataclass(frozen=True, slots=True)
class _Slot:
    readings: tuple[tuple[str, ...], ...]
    line: int
    mark: Mark | None = None


def _slots(gold: Gold) -> list[_Slot]:
    """Return the lattice of *gold*. A mark that ends inside a word takes the rest of the word into its readings."""
    texts = [p if isinstance(p, str) else "" for p in gold.parts]
    glue: dict[int, tuple[str, str]] = {}
    for k, part in enumerate(gold.parts):
        if isinstance(part, str):
            continue
        sides = (part.spun, *part.accepted)
        before = after = ""
        if k and any(map(_LEADING.match, sides)) and (match := _TRAILING.search(texts[k - 1])) is not None:
            before, texts[k - 1] = match[0], texts[k - 1][: match.start()]
        if k + 1 < len(texts) and any(map(_TRAILING.search, sides)) and (match := _LEADING.match(texts[k + 1])):
            after, texts[k + 1] = match[0], texts[k + 1][match.end() :]
        glue[k] = before, after
    slots: list[_Slot] = []
    line = 1
    for k, part in enumerate(gold.parts):
        if isinstance(part, str):
            at = 0
            for match in _TOKEN.finditer(texts[k]):
                line += texts[k].count("\n", at, match.start())
                at = match.start()
                slots.append(_Slot(((_plain(match[0]),),), line))
            line += texts[k].count("\n", at)
        else:
            before, after = glue[k]
            readings = tuple(_tokens(before + reading + after) for reading in (*part.accepted, part.spun))
            slots.append(_Slot(readings, part.line, part))
            line += part.spun.count("\n") + before.count("\n") + after.count("\n")
    return slots


def _plain(token: str) -> str:
    return token.replace("’", "'")


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(map(_plain, _TOKEN.findall(text)))


class _Rows:
    """Rows of the distance matrix. Neighbours in a row differ by at most one, which keeps them in a byte each."""

    def __init__(self) -> None:
        self._packed: list[tuple[int, np.ndarray]] = []

    def add(self, row: np.ndarray) -> int:
        self._packed.append((int(row[0]), np.diff(row).astype(np.int8)))
        return len(self._packed) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        first, steps = self._packed[index]
        return np.concatenate([[first], first + np.cumsum(steps, dtype=np.int64)])


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of the best alignment.

    ``slot``: index, -1 for an inserted token; ``reading``: index in the slot; ``token``: index of the aligned token of
    the restored text, -1 where it lacks one; ``right``: whether the two agree.
    """

    slot: int
    reading: int
    token: int
    right: bool


def advance(row: np.ndarray, word: int, ids: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    """Return the row after one more token of a reading: replaced or matched, left out, then any insertions."""
    best = row + 1
    np.minimum(best[1:], row[:-1] + (ids != word), out=best[1:])
    closed: np.ndarray = np.minimum.accumulate(best - ramp) + ramp
    return closed


def _align(slots: Sequence[_Slot], tokens: Sequence[str]) -> list[_Step]:
    """Return the alignment of *tokens* with the readings of *slots* that needs the fewest word edits.

    Of equally good ones: an accepted reading before the spun text, a replacement before an insertion.
    """
    number: dict[str, int] = {}
    ids = np.array([number.setdefault(t, len(number)) for t in tokens], dtype=np.int64)
    ramp = np.arange(len(tokens) + 1, dtype=np.int64)
    rows = _Rows()
    row = ramp.copy()
    # For each slot, the rows that each reading passes through, the one it enters by among them.
    passed: list[list[list[int]]] = []
    enter = rows.add(row)
    for slot in slots:
        ends, chains = [], []
        for reading in slot.readings:
            here, chain = row, [enter]
            for token in reading:
                here = advance(here, number.get(token, -1), ids, ramp)
                chain.append(rows.add(here))
            ends.append(here)
            chains.append(chain)
        row = np.minimum.reduce(ends)
        # Where readings meet, more insertions gain nothing: each end has had its own.
        enter = chains[0][-1] if len(ends) == 1 else rows.add(row)
        passed.append(chains)
    steps: list[_Step] = []
    j = len(tokens)
    for k in range(len(slots) - 1, -1, -1):
        lasts = [int(rows[chain[-1]][j]) for chain in passed[k]]
        choice = lasts.index(min(lasts))
        chain, reading = passed[k][choice], slots[k].readings[choice]
        for i in range(len(reading) - 1, -1, -1):
            before, now = rows[chain[i]], rows[chain[i + 1]]
            while True:
                if j and now[j] == before[j - 1] + (tokens[j - 1] != reading[i]):
                    j -= 1
                    steps.append(_Step(k, choice, j, tokens[j] == reading[i]))
                    break
                if now[j] == before[j] + 1:
                    steps.append(_Step(k, choice, -1, False))
                    break
                j -= 1
                steps.append(_Step(-1, 0, j, False))
    while j:
        j -= 1
        steps.append(_Step(-1, 0, j, False))
    return steps[::-1]


def _attribute(steps: Sequence[_Step], slots: Sequence[_Slot]) -> Iterator[tuple[int, _Step]]:
    """Yield each step with its slot; an insertion goes to an error beside it, else to a mark, else to no slot (-1)."""
    after: list[_Step | None] = [None] * len(steps)
    following: _Step | None = None
    for k in range(len(steps) - 1, -1, -1):
        after[k] = following
        if steps[k].slot >= 0:
            following = steps[k]
    previous: _Step | None = None
    for k, step in enumerate(steps):
        if step.slot >= 0:
            previous = step
            yield step.slot, step
            continue
        beside = [s for s in (previous, after[k]) if s is not None]
        at_error = [s.slot for s in beside if not s.right]
        at_mark = [s.slot for s in beside if slots[s.slot].mark is not None]
        yield (at_error or at_mark or [-1])[0], step


def score(gold: Gold, restored: str, *, ignore_case: bool = False) -> Score:
    """Score a *restored* text against *gold*.

    A mark counts as restored where the text reads as one of its accepted readings, letter case included unless
    *ignore_case* is set. Curly and straight apostrophes are the same.

    >>> gold = parse_gold("A {brand new=>new} {web site=>website} for {gross sales=>sales}.")
    >>> s = score(gold, "A new web site for selling.")
    >>> s.required, s.restored, s.wrong, s.missed, s.false
    (3, 1, 1, 1, 0)
    """
    slots = _slots(gold)
    tokens = _tokens(restored)
    if ignore_case:
        tokens = tuple(t.casefold() for t in tokens)
        slots = [_Slot(tuple(tuple(t.casefold() for t in r) for r in s.readings), s.line, s.mark) for s in slots]
    steps = list(_attribute(_align(slots, tokens), slots))
    found: dict[int, list[str]] = {}
    faulty: set[int] = set()
    chosen: dict[int, int] = {}
    for where, step in steps:
        if step.slot >= 0:
            chosen[where] = step.reading
        if step.token >= 0:
            found.setdefault(where, []).append(tokens[step.token])
        if not step.right:
            faulty.add(where)
    findings: list[Finding] = []
    required = restored_count = wrong = false = 0
    for k, slot in enumerate(slots):
        mark = slot.mark
        if mark is None:
            continue
        kept = chosen.get(k) == len(slot.readings) - 1
        text = " ".join(found.get(k, []))
        required += mark.required
        if not mark.required:
            if k in faulty:
                false += 1
                findings.append(Finding("false", slot.line, mark.spun, text, mark.accepted))
        elif k in faulty:
            wrong += 1
            findings.append(Finding("wrong", slot.line, mark.spun, text, mark.accepted))
        elif kept:
            findings.append(Finding("missed", slot.line, mark.spun, mark.spun, mark.accepted))
        else:
            restored_count += 1
    plain = list(_plain_runs(steps, slots, tokens))
    findings = sorted([*findings, *plain], key=lambda f: f.line)
    return Score(required, restored_count, wrong, false + len(plain), tuple(findings))


def _plain_runs(
    steps: Sequence[tuple[int, _Step]], slots: Sequence[_Slot], tokens: Sequence[str]
) -> Iterator[Finding]:
    """Yield each run of changed words outside marks."""
    source: list[str] = []
    found: list[str] = []
    line = first = 1
    for where, step in steps:
        slot = slots[where] if where >= 0 else None
        if slot is not None:
            line = slot.line
        if step.right or (slot is not None and slot.mark is not None):
            if source or found:
                yield Finding("false", first, " ".join(source), " ".join(found))
                source, found = [], []
            continue
        if not source and not found:
            first = line
        if step.slot >= 0:
            source.append(slots[step.slot].readings[0][0])
        if step.token >= 0:
            found.append(tokens[step.token])
    if source or found:
        yield Finding("false", first, " ".join(source), " ".join(found))


def word_errors(text: str, reference: str) -> tuple[int, int]:
    """Return the fewest word edits that turn *text* into *reference*, and how many words *reference* has.

    Words are compared with their letter case; punctuation is left out.

    >>> word_errors("a brand new web site", "A new website")
    (4, 3)
    """
    words = [_plain(w) for w in _WORD.findall(text)]
    wanted = [_plain(w) for w in _WORD.findall(reference)]
    number: dict[str, int] = {}
    ids = np.array([number.setdefault(w, len(number)) for w in words], dtype=np.int64)
    ramp = np.arange(len(words) + 1, dtype=np.int64)
    row = ramp.copy()
    for word in wanted:
        row = advance(row, number.get(word, -1), ids, ramp)
    return int(row[-1]), len(wanted)
