"""A corpus restored as a whole, over processes, so that a run that was killed goes on where it was.

The input is done in parts of some megabytes. A part is written beside the output, each file under another name first,
synced and renamed; a note of what it holds and where the next begins comes last, and makes it count. In the end the
parts are joined and the result renamed to its place. Where parts end depends on the input alone, so that the result
is the same, byte for byte, however often the run was interrupted and whatever the number of workers.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from . import __version__, resources
from .batch import Failure, open_bar, run, wants_bar
from .corpus_formats import CorpusError, Format, Record, concatenate, create, dumps, format_of, open_corpus, sync
from .restorer import Restorer

if TYPE_CHECKING:
    from .edits import Restoration

#: Megabytes of input between checkpoints, and records at most.
CHECKPOINT = 8.0
_MOST_RECORDS = 20_000
#: Faults that are kept to be shown.
_SHOWN = 20


@dataclass
class Tally:
    """What a run found; tallies of parts add up.

    ``documents``      records of the corpus, ``without_text`` of them with no text (null, or a file that is no text)
    ``spun``           documents that are synonym-spun, or have a spun section
    ``words``          words weighed, ``words_restored`` of them replaced, in ``edits`` edits
    ``failures``       documents that could not be done; ``faults``: the first of them, each with its reason
    ``written``        documents in the output
    ``substitutions``  how often a spun wording was restored to an original: ``{(original, spun): count}``, lower case
    """

    documents: int = 0
    without_text: int = 0
    spun: int = 0
    words: int = 0
    words_restored: int = 0
    edits: int = 0
    failures: int = 0
    written: int = 0
    faults: list[str] = field(default_factory=list)
    substitutions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add what another tally counted."""
        for name in ("documents", "without_text", "spun", "words", "words_restored", "edits", "failures", "written"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.faults = [*self.faults, *other.faults][:_SHOWN]
        self.substitutions.update(other.substitutions)

    def _state(self) -> dict[str, Any]:
        pairs = [[original, spun, count] for (original, spun), count in self.substitutions.items()]
        return {**vars(self), "substitutions": pairs}

    @classmethod
    def _of(cls, state: dict[str, Any]) -> Tally:
        pairs = Counter({(original, spun): count for original, spun, count in state["substitutions"]})
        return cls(**{**state, "substitutions": pairs})


class _Outcome(NamedTuple):
    """What a worker sends back: the text where it changed, and the edits without what is not asked for."""

    text: str | None
    spun: bool
    words: int
    edits: list[tuple[int, int, str, str, float, str, str]]


def _account(restorer: Restorer, text: str) -> _Outcome:
    result = restorer.explain(text)
    edits = [(e.start, e.end, e.spun, e.original, e.confidence, e.family, e.kind) for e in result.edits]
    return _Outcome(result.text if edits else None, result.spin.is_spun or bool(edits), result.spin.words, edits)


def restore_corpus(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    restorer: Restorer | None = None,
    format: str | None = None,
    field: str = "text",
    edits: str | os.PathLike[str] | None = None,
    only_spun: bool = False,
    workers: int | None = None,
    progress: bool | None = None,
    force: bool = False,
    checkpoint: float = CHECKPOINT,
) -> Tally:
    """Restore the corpus *source* into *target*, of the same format, and return what was found.

    ``format``      "jsonl", "csv", "tsv" or "parquet"; None: as the name tells. Folders are folders of text files.
                    Line formats whose name ends in .gz or .zst are compressed, input and output each by its own name
    ``field``       the field that holds the text; all others are kept as they are
    ``edits``       a JSON Lines file for the edits, one a line
    ``only_spun``   write only the documents that are spun, restored; otherwise those that are not are written untouched
    ``workers``, ``progress``  as in `restore_many`
    ``force``       replace files that are there, and drop an unfinished run with other options or of another input
    ``checkpoint``  megabytes of input after which what is done is safe

    A run that was killed goes on when it is called again with the same arguments. Raises CorpusError where the
    corpus can't be read or *target* must not be written, OSError where the disk fails; what was done is kept.
    """
    job = _Job(Path(source), Path(os.path.realpath(target)), None if edits is None else Path(os.path.realpath(edits)))
    job.check()
    corpus = open_corpus(job.source, format=format, field=field)
    restorer = restorer or Restorer()
    name = "text" if job.source.is_dir() else format or format_of(job.source)[0]
    other = format_of(job.target)[0]
    if other and other != name and format is None:
        raise CorpusError(f"the output has the format of the input: {name}, which {job.target.name} is not")
    job.plan = {
        "unspin": [__version__, *_data_digests()],
        "input": corpus.fingerprint(),
        "options": _described(restorer),
        "format": [name, field, format_of(job.target)[1]],
        "edits": None if job.edits is None else format_of(job.edits)[1],
        "only_spun": only_spun,
        "checkpoint": checkpoint,
    }
    with job.locked():
        tally, finished = job.resume(force)
        if not finished:
            job.may_write(force)
            with ExitStack() as stack:
                bar = stack.enter_context(open_bar(corpus.total, "B", bytes_=True)) if wants_bar(progress) else None
                job.work_through(corpus, restorer, workers, bar, tally)
            if corpus.fingerprint() != job.plan["input"]:
                raise CorpusError(f"{source} was changed while it was read: run again with --force, for the whole of it")
        job.finish(corpus)
    job.clear_up()
    return tally


def explain_corpus(
    source: str | os.PathLike[str],
    *,
    restorer: Restorer | None = None,
    format: str | None = None,
    field: str = "text",
    workers: int | None = None,
    progress: bool | None = None,
) -> Iterator[tuple[str, Restoration | Failure | None]]:
    """Yield the name and the `Restoration` of each document of a corpus, or of a single text file.

    The arguments are those of `restore_corpus`. A document is named by its field "id", its file name or its number,
    from 0; where it has no text the result is None, and where the text can't be had a `Failure`.
    """
    path = Path(source)
    restorer = restorer or Restorer()
    if path.is_file() and format is None and not format_of(path)[0]:
        yield path.name, restorer.explain(path.read_bytes().decode("utf-8", "surrogateescape"))
        return
    corpus = open_corpus(path, format=format, field=field)
    waiting: deque[Record] = deque()

    def texts() -> Iterator[str | None]:
        for record in corpus.read(0):
            if record.document:
                waiting.append(record)
                yield record.text

    for number, outcome in enumerate(restorer.explain_many(texts(), workers=workers, progress=progress)):
        record = waiting.popleft()
        result = Failure(number, None, CorpusError(record.fault)) if record.fault else outcome
        yield f"document {number}" if record.identity is None else str(record.identity), result


def _data_digests() -> list[str]:
    """Return what tells one build of the models from another."""
    paths = [resources.data_path("model", name) for name in ("english.lm", "phrases.table")]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def _described(restorer: Restorer) -> list[str]:
    rows = hashlib.sha256(repr(restorer._rows).encode("utf-8", "surrogateescape")).hexdigest() if restorer._rows else ""
    options = restorer._options()
    rescorer = options.get("rescorer")
    if rescorer is not None and f"{id(rescorer):x}" in repr(rescorer).lower():
        # The address of an object says nothing in the next run.
        options["rescorer"] = f"{type(rescorer).__module__}.{type(rescorer).__qualname__}"
    return [*(f"{name}={value!r}" for name, value in options.items()), f"tables={rows}"]


_NAMES = {
    "unspin": "version of unspin or its data", "input": "input", "options": "options", "format": "format or field",
    "edits": "file of edits", "only_spun": "choice of --only-spun", "checkpoint": "--checkpoint",
}  # fmt: skip


@dataclass
class _Job:
    """Where a run keeps what it has done, and how it goes on."""

    source: Path
    target: Path
    edits: Path | None
    plan: dict[str, Any] = field(default_factory=dict)
    _done: list[dict[str, Any]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.target.with_name(f"{self.target.name}.unspin-parts")

    def check(self) -> None:
        """Refuse what would read and write the same place."""
        source = Path(os.path.realpath(self.source))
        for path in (self.target, self.edits):
            if path is None:
                continue
            if path == source or source in path.parents or path in source.parents:
                raise CorpusError(f"{path} is the input, or part of it: write to another place")
            if not path.parent.is_dir():
                raise CorpusError(f"{path.parent}: No such folder")
        if self.edits is not None and self.edits == self.target:
            raise CorpusError("the corpus and the edits need a file each")
        if self.edits is not None and (self.target in self.edits.parents or self.edits.is_dir()):
            raise CorpusError(f"{self.edits} can't be a file of edits: it lies in the output, or is a folder")

    def may_write(self, force: bool) -> None:
        """Refuse to replace what is there, but with leave; folders are never replaced."""
        for path in (self.target, self.edits):
            if path is None or not path.exists():
                continue
            fixed = path.is_dir() or (path == self.target and self.source.is_dir())
            if fixed or not force:
                self._clear(if_empty=True)
                hint = "remove it first" if fixed else "--force replaces it"
                raise CorpusError(f"{path} exists: {hint}")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out while this one is at it."""
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            # Not to be had on Windows.
            with suppress(ImportError):
                import fcntl

                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise CorpusError(f"another run is writing {self.target}") from error
            yield

    def resume(self, force: bool) -> tuple[Tally, bool]:
        """Take up what an earlier run left; return its tally, and whether all parts are done."""
        tally = Tally()
        notes = self._notes()
        if notes:
            with suppress(OSError, ValueError):
                plan = json.loads((self.folder / "plan.json").read_text(encoding="utf-8"))
                differs = [name for key, name in _NAMES.items() if plan.get(key) != self.plan[key]]
                if differs and not force:
                    raise CorpusError(
                        f"{self.folder} holds an unfinished run with another {', '.join(differs)}: "
                        "run it again as it was, or drop it with --force"
                    )
                if not differs:
                    self._done = notes
        if not self._done:
            self._clear()
            _write(self.folder / "plan.json", json.dumps(self.plan))
        for note in self._done:
            tally.add(Tally._of(note["tally"]))
        return tally, bool(self._done) and self._done[-1]["last"]

    def _notes(self) -> list[dict[str, Any]]:
        """Return the notes of the parts that are done; the first that is not ends them."""
        notes: list[dict[str, Any]] = []
        with suppress(OSError, ValueError):
            while True:
                notes.append(json.loads(self._path(len(notes), "json").read_text(encoding="utf-8")))
        return notes

    def _path(self, part: int, kind: str) -> Path:
        return self.folder / f"{part:06d}.{kind}"

    def _clear(self, *, if_empty: bool = False) -> None:
        """Empty the folder, but for the lock; *if_empty*: remove it where there's nothing in it to be lost."""
        if if_empty:
            if not self._done:
                shutil.rmtree(self.folder)
            return
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def work_through(self, corpus: Format, restorer: Restorer, workers: int | None, bar: Any, tally: Tally) -> None:
        """Do the parts that are not done."""
        start = position = self._done[-1]["position"] if self._done else 0
        if bar is not None:
            bar.update(sum(note["size"] for note in self._done))
        waiting: deque[Record] = deque()

        def texts() -> Iterator[str | None]:
            for record in corpus.read(start):
                waiting.append(record)
                yield record.text

        part: _Part | None = None
        try:
            with closing(run(restorer, _account, texts(), workers=workers, progress=False)) as results:
                for outcome in results:
                    record = waiting.popleft()
                    part = part or _Part(self, corpus, tally)
                    part.add(record, outcome)
                    if bar is not None:
                        bar.update(record.size)
                    if part.size >= self.plan["checkpoint"] * 1e6 or part.records >= _MOST_RECORDS:
                        part.finish(record.end)
                        part = None
                        position = record.end
                part = part or _Part(self, corpus, tally)
                part.finish(position, last=True)
        except BaseException:
            if part is not None:
                part.drop()
            self._clear(if_empty=True)
            raise

    def finish(self, corpus: Format) -> None:
        """Join the parts, and put the result in its place."""
        parts = range(len(self._done))
        if self.edits is not None:
            # Beside its place, which may be on another disk than the parts.
            joined = self.edits.with_name(f"{self.edits.name}.unspin-part")
            concatenate([self._path(k, "edits") for k in parts], joined)
            sync(joined)
            os.replace(joined, self.edits)
            sync(self.edits.parent)
        joined = self.folder / "joined"
        corpus.join([self._path(k, "out") for k in parts], joined)
        if joined.exists():
            if joined.is_file():
                sync(joined)
            os.replace(joined, self.target)
            sync(self.target.parent)

    def clear_up(self) -> None:
        """Remove what the run has kept, which is of no use any more."""
        # Renamed first: a folder half removed must not be taken for an unfinished run.
        rubbish = self.folder.with_suffix(".unspin-done")
        shutil.rmtree(rubbish, ignore_errors=True)
        self.folder.rename(rubbish)
        shutil.rmtree(rubbish)


class _Part:
    """The part that is being written."""

    def __init__(self, job: _Job, corpus: Format, tally: Tally) -> None:
        self._job, self._in_all = job, tally
        self._number = len(job._done)
        self._first = job._done[-1]["next"] if job._done else 0
        self._tally = Tally()
        self.size = self.records = 0
        self._made = [job._path(self._number, "out")]
        self._out = corpus.writer(_unfinished(self._made[0]), job.plan["format"][2], first=not self._number)
        self._edits = None
        if job.edits is not None:
            self._made.append(job._path(self._number, "edits"))
            self._edits = create(_unfinished(self._made[1]), job.plan["edits"])

    def add(self, record: Record, outcome: Any) -> None:
        """Write a record, restored."""
        self.size += record.size
        self.records += 1
        tally = self._tally
        text, spun = None, False
        if record.document:
            number = self._first + tally.documents
            tally.documents += 1
            if isinstance(outcome, Failure):
                record.fault = f"{type(outcome.error).__name__}: {outcome.error}"
            if record.fault:
                tally.failures += 1
                if len(tally.faults) < _SHOWN:
                    tally.faults.append(f"document {number}: {record.fault}")
            elif outcome is None:
                tally.without_text += 1
            else:
                text, spun = outcome.text, outcome.spun
                tally.spun += spun
                tally.words += outcome.words
                self._add_edits(number, record, outcome)
        if spun or not self._job.plan["only_spun"]:
            tally.written += record.document
            self._out.add(record, text)

    def _add_edits(self, number: int, record: Record, outcome: _Outcome) -> None:
        lines = []
        for start, end, spun, original, confidence, family, kind in outcome.edits:
            self._tally.edits += 1
            self._tally.words_restored += len(spun.split())
            self._tally.substitutions[original.lower(), spun.lower()] += 1
            if self._edits is not None:
                named = {} if record.identity is None else {"id": record.identity}
                lines.append(dumps({
                    "document": number, **named, "start": start, "end": end, "spun": spun, "original": original,
                    "confidence": confidence, "family": family, "kind": kind,
                }) + "\n")  # fmt: skip
        if lines and self._edits is not None:
            self._edits.write("".join(lines).encode())

    def finish(self, position: int, *, last: bool = False) -> None:
        """Make the part count."""
        job, tally = self._job, self._tally
        if not self._number and tally.documents and tally.failures == tally.documents:
            # Not one: it's the field that is wrong, or the format.
            raise CorpusError(f"{job.source}: nothing can be restored: {tally.faults[0]}")
        self._close()
        for path in self._made:
            # A folder's part is its files.
            if _unfinished(path).exists():
                sync(_unfinished(path))
                os.replace(_unfinished(path), path)
        note = {
            "position": position, "next": self._first + tally.documents, "size": self.size, "last": last,
            "tally": tally._state(),
        }  # fmt: skip
        sync(job.folder)
        _write(job._path(self._number, "json"), json.dumps(note))
        job._done.append({**note, "tally": None})
        self._in_all.add(tally)

    def drop(self) -> None:
        """Close the files of a part that will not be finished; the next run writes over them."""
        # Something has gone wrong already, and that is what is to be raised.
        with suppress(Exception):
            self._close()

    def _close(self) -> None:
        self._out.close()
        if self._edits is not None:
            self._edits.close()
            self._edits = None


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.name}.tmp")


def _write(path: Path, content: str) -> None:
    temporary = _unfinished(path)
    temporary.write_text(content, encoding="utf-8")
    sync(temporary)
    os.replace(temporary, path)
    sync(path.parent)
