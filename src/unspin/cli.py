"""The command ``unspin``: restore, explain, detect, evaluate; corpus and report for many documents.

Text is read as UTF-8 and written byte for byte as it came, undecodable bytes and line ends included.
Exit codes: 0 all done; 1 a file failed (the others were done); 2 the command line means nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .errors import OptionError, TableError, UnspinError

if TYPE_CHECKING:
    from .batch import Failure
    from .corpus import Tally
    from .edits import Detection, Edit, Restoration
    from .restorer import Restorer
    from .scoring import Score

STDIN = "-"
#: Bytes from which on even one file is worth a word of progress.
LARGE = 5_000_000
_CONTEXT = 3
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class _Usage(Exception):
    """The command line means nothing: exit code 2."""


class _Failed(Exception):
    """One file can't be done: exit code 1."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"unspin: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with *argv* (default: the process's) and return its exit code."""
    try:
        arguments = _parser().parse_args(argv)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        status = command(arguments)
        sys.stdout.flush()
        return status
    except _Usage as error:
        _complain(str(error))
        return 2
    except (_Failed, UnspinError) as error:
        _complain(str(error))
        return 1
    except BrokenPipeError:
        # Whoever read has enough. What is still buffered must not fail again when the interpreter ends.
        _silence()
        return 0
    except OSError as error:
        # Reading and saving have been dealt with file by file: this is standard output.
        _complain(f"can't write: {_reason(error)}")
        _silence()
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="unspin", description="Restore English that a synonym spinner has reworded.")
    parser.add_argument("--version", action="version", version=f"unspin {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    options = _Parser(add_help=False)
    group = options.add_argument_group("what is restored")
    group.add_argument("--min-confidence", type=float, metavar="X", help="make no edit less probable than X (0 to 1)")
    group.add_argument("--protect", action="append", default=[], metavar="TERM", help="leave TERM alone (repeatable)")
    group.add_argument("--family", action="append", metavar="NAME", help="consider this family only (repeatable)")
    group.add_argument("--table", metavar="FILE", help="add the rows of a table file of your own")
    group.add_argument("--spelling", choices=("keep", "british", "american"), help="spelling of restored words")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=[options])
        command.set_defaults(command=run)
        return command

    restore = add("restore", _restore, "print the restored text")
    explain = add("explain", _explain, "list the edits, and how spun the text is")
    detect = add("detect", _detect, "say whether a text is spun: probability, rate, family, words, name")
    evaluate = add("evaluate", _evaluate, "restore marked texts and count what came out right")
    for command in (restore, explain, detect):
        command.add_argument("files", nargs="*", metavar="FILE", help="text files; standard input by default, or as -")
    evaluate.add_argument(
        "files",
        nargs="+",
        metavar="GOLD",
        help="text marked {spun=>original|other accepted} where it must be restored, {spun=>?original} where it may be",
    )
    evaluate.add_argument("--verbose", action="store_true", help="list what was missed, wrong or false")
    _add_corpus(add("corpus", _corpus, "restore every document of a corpus; a run that was killed goes on when repeated"))
    _add_report(add("report", _report, "write an HTML page on what is spun in a corpus or a text, and what is restored"))
    shape = restore.add_mutually_exclusive_group()
    shape.add_argument("--diff", action="store_true", help="print a unified diff instead")
    shape.add_argument("--in-place", action="store_true", help="write the files themselves, where anything changes")
    shape.add_argument("--json", action="store_true", help="print a JSON object a file, on a line each")
    for command in (explain, detect):
        command.add_argument("--json", action="store_true", help="print a JSON object a file, on a line each")
    return parser


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", metavar="IN", help="a .jsonl, .csv, .tsv (each .gz or .zst too) or .parquet file, or a folder")
    command.add_argument("--format", choices=("jsonl", "csv", "tsv", "parquet"), help="format of IN, where its name tells another")
    command.add_argument("--field", default="text", metavar="NAME", help="the field that holds the text (default: text)")
    command.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each CPU)")


def _add_corpus(command: argparse.ArgumentParser) -> None:
    _add_source(command)
    command.add_argument("target", metavar="OUT", help="where the restored corpus goes, in the format of IN")
    command.add_argument("--edits", metavar="FILE", help="write the edits too, as JSON Lines")
    command.add_argument("--only-spun", action="store_true", help="write the spun documents only, restored")
    command.add_argument("--force", action="store_true", help="replace OUT, and drop an unfinished run that was another")
    command.add_argument(
        "--checkpoint", type=float, default=8.0, metavar="MB", help="input between checkpoints, in megabytes (default: 8)"
    )


def _add_report(command: argparse.ArgumentParser) -> None:
    _add_source(command)
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="the HTML file to write")
    command.add_argument("--title", metavar="TEXT", help="title of the page (default: the name of IN)")


def _restorer(arguments: argparse.Namespace) -> Restorer:
    from .restorer import Restorer

    options: dict[str, Any] = {"protect": arguments.protect}
    if arguments.min_confidence is not None:
        options["min_confidence"] = arguments.min_confidence
    if arguments.family is not None:
        options["families"] = arguments.family
    if arguments.table is not None:
        options["tables"] = Path(arguments.table)
    if arguments.spelling is not None:
        options["spelling"] = arguments.spelling
    try:
        return Restorer(**options)
    except (OptionError, TableError) as error:
        raise _Usage(str(error)) from error


def _restore(arguments: argparse.Namespace) -> int:
    if arguments.in_place and (not arguments.files or STDIN in arguments.files):
        raise _Usage("--in-place needs files: standard input can't be rewritten")
    restorer = _restorer(arguments)

    def one(name: str, text: str) -> None:
        restoration = restorer.explain(text)
        if arguments.in_place:
            if restoration.text != text:
                _save(name, restoration.text)
        elif arguments.json:
            _print_json(_as_json(name, restoration))
        elif arguments.diff:
            for line in unified_diff(_shown_name(name), restoration):
                _print(line)
        else:
            _print(restoration.text)

    return _each(arguments.files, one)


def _explain(arguments: argparse.Namespace) -> int:
    restorer = _restorer(arguments)

    def one(name: str, text: str) -> None:
        restoration = restorer.explain(text)
        if arguments.json:
            _print_json(_as_json(name, restoration))
        else:
            _print("".join(f"{line}\n" for line in _account(_shown_name(name), restoration)))

    return _each(arguments.files, one)


def _detect(arguments: argparse.Namespace) -> int:
    restorer = _restorer(arguments)

    def one(name: str, text: str) -> None:
        found = restorer.detect(text)
        if arguments.json:
            _print_json({"file": _shown_name(name), **_spin(found)})
        else:
            name = _printable(_shown_name(name))
            _print(f"{found.probability:.4f}\t{found.rate:.4f}\t{found.family or '-'}\t{found.words}\t{name}\n")

    return _each(arguments.files, one)


def _evaluate(arguments: argparse.Namespace) -> int:
    from .scoring import Score, parse_gold, score

    restorer = _restorer(arguments)
    scores: list[Score] = []

    def one(name: str, text: str) -> None:
        gold = parse_gold(text, _shown_name(name))
        result = score(gold, restorer.restore(gold.spun))
        if not scores:
            _print("required restored  wrong  false precision recall   F0.5  name\n")
        _print(_score_line(result, _shown_name(name)))
        if arguments.verbose:
            for f in result.findings:
                wanted = f" (should be {' | '.join(f.accepted)})" if f.accepted else ""
                now = "" if f.kind == "missed" else f" became {_quote(f.found)}"
                _print(f"  {f.kind} in line {f.line}: {_quote(f.source)}{now}{_printable(wanted)}\n")
        scores.append(result)

    status = _each(arguments.files, one)
    if len(arguments.files) > 1 and scores:
        _print(_score_line(sum(scores, Score()), "in all"))
    return status


def _corpus(arguments: argparse.Namespace) -> int:
    from .corpus import restore_corpus

    if not arguments.checkpoint > 0:
        raise _Usage("--checkpoint must be more than 0")
    restorer = _restorer(arguments)
    with _said_clearly(arguments):
        tally = restore_corpus(
            arguments.source,
            arguments.target,
            restorer=restorer,
            format=arguments.format,
            field=arguments.field,
            edits=arguments.edits,
            only_spun=arguments.only_spun,
            workers=arguments.workers,
            force=arguments.force,
            checkpoint=arguments.checkpoint,
        )
    for line in _summary(tally):
        sys.stderr.write(f"{_printable(line)}\n")
    return 1 if tally.failures else 0


def _summary(tally: Tally) -> Iterator[str]:
    """Yield the lines of what a run over a corpus found."""
    share = f" ({100 * tally.spun / tally.documents:.1f} %)" if tally.documents else ""
    yield f"{tally.documents:,} documents, {tally.spun:,} spun{share}, {tally.written:,} written"
    yield f"{tally.words_restored:,} of {tally.words:,} words restored in {tally.edits:,} edits"
    pairs = sorted(tally.substitutions.items(), key=lambda p: (-p[1], p[0]))
    for (original, spun), count in pairs[:10]:
        yield f"{count:8,} × {_quote(spun)} → {_quote(original)}"
    if tally.without_text:
        yield f"{tally.without_text:,} without text"
    if tally.failures:
        yield f"{tally.failures:,} could not be done and stay as they were:"
        yield from (f"    {fault}" for fault in tally.faults)
        if tally.failures > len(tally.faults):
            yield "    …"


def _report(arguments: argparse.Namespace) -> int:
    from .corpus import explain_corpus
    from .report import write_report

    restorer = _restorer(arguments)
    if not Path(arguments.output).absolute().parent.is_dir():
        # Better said before all the work than after it.
        raise _Failed(f"{arguments.output}: No such folder")
    names: deque[str] = deque()

    def results() -> Iterator[Restoration | Failure | None]:
        found = explain_corpus(
            arguments.source,
            restorer=restorer,
            format=arguments.format,
            field=arguments.field,
            workers=arguments.workers,
        )
        for name, result in found:
            names.append(name)
            yield result

    title = arguments.title or f"Restoration report: {Path(arguments.source).resolve().name}"
    with _said_clearly(arguments):
        # A name is asked for when its result is there.
        write_report(results(), arguments.output, title=title, names=iter(names.popleft, None))
    return 0


@contextmanager
def _said_clearly(arguments: argparse.Namespace) -> Iterator[None]:
    """Name the file that an OSError is about; an option that means nothing is one of the command line's."""
    try:
        yield
    except OptionError as error:
        raise _Usage(str(error)) from error
    except OSError as error:
        raise _Failed(f"{error.filename or arguments.source}: {_reason(error)}") from error
    except KeyboardInterrupt:
        if arguments.command is _corpus:
            _complain("interrupted; the same command goes on from the last checkpoint")
        raise


def _score_line(score: Score, name: str) -> str:
    return (
        f"{score.required:8d} {score.restored:8d} {score.wrong:6d} {score.false:6d} {score.precision:9.3f} "
        f"{score.recall:6.3f} {score.f05:6.3f}  {_printable(name)}\n"
    )


def _each(names: Sequence[str], one: Callable[[str, str], None]) -> int:
    """Do every file (standard input where none is named); complain about each that fails and go on."""
    names = names or [STDIN]
    status = 0
    with _Progress(names) as progress:
        for name in names:
            progress.show(name)
            try:
                one(name, _read(name))
            except (_Failed, UnspinError) as error:
                progress.clear()
                _complain(str(error))
                status = 1
    return status


def _read(name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
    except OSError as error:
        raise _Failed(f"{_shown_name(name)}: {_reason(error)}") from error
    return data.decode("utf-8", "surrogateescape")


def _save(name: str, text: str) -> None:
    """Replace the file at once and whole, keeping its mode; a link stays a link."""
    path = Path(os.path.realpath(name))
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as out:
            out.write(_encoded(text))
        os.chmod(temporary, path.stat().st_mode & 0o7777)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _Failed(f"{name}: {_reason(error)}") from error
        raise


def unified_diff(name: str, restoration: Restoration) -> Iterator[str]:
    """Yield the lines of a unified diff from the source to the restored text; nothing where they are the same.

    The edits say which lines changed, so no lines are compared: linear, however long the text.
    """
    source = restoration.source
    lines = _LINES.findall(source)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    # Changes: (first line, line after the last, the edits inside).
    changes: list[tuple[int, int, list[Edit]]] = []
    for edit in restoration.edits:
        first = bisect_right(starts, edit.start, hi=len(lines)) - 1
        after = bisect_right(starts, edit.end, hi=len(lines))
        if changes and first < changes[-1][1]:
            first, edits = changes[-1][0], [*changes.pop()[2], edit]
        else:
            edits = [edit]
        changes.append((first, after, edits))
    hunks: list[list[tuple[int, int, list[Edit]]]] = []
    for change in changes:
        if hunks and change[0] - hunks[-1][-1][1] <= 2 * _CONTEXT:
            hunks[-1].append(change)
        else:
            hunks.append([change])
    if hunks:
        yield f"--- {name}\n"
        yield f"+++ {name}\n"
    shift = 0
    for hunk in hunks:
        first, after = max(hunk[0][0] - _CONTEXT, 0), min(hunk[-1][1] + _CONTEXT, len(lines))
        body: list[tuple[str, str]] = []
        at = first
        for begin, end, edits in hunk:
            body += ((" ", line) for line in lines[at:begin])
            body += (("-", line) for line in lines[begin:end])
            body += (("+", line) for line in _LINES.findall(_part(source, starts[begin], starts[end], edits)))
            at = end
        body += ((" ", line) for line in lines[at:after])
        old, new = sum(sign != "+" for sign, _ in body), sum(sign != "-" for sign, _ in body)
        yield f"@@ -{_range(first, old)} +{_range(first + shift, new)} @@\n"
        shift += new - old
        for sign, line in body:
            yield sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _part(source: str, start: int, end: int, edits: Sequence[Edit]) -> str:
    """Return a stretch of the source with its edits made."""
    out: list[str] = []
    for edit in edits:
        out += (source[start : edit.start], edit.original)
        start = edit.end
    return "".join((*out, source[start:end]))


def _range(first: int, count: int) -> str:
    if not count:
        return f"{first},0"
    return f"{first + 1}" if count == 1 else f"{first + 1},{count}"


def _account(name: str, restoration: Restoration) -> Iterator[str]:
    """Yield the lines of an explanation."""
    source = restoration.source
    starts = [0, *(m.end() for m in re.finditer("\n", source))]
    name = _printable(name)
    for e in restoration.edits:
        line = bisect_right(starts, e.start)
        column = e.start - starts[line - 1] + 1
        kind = "" if e.kind == "phrase" else f", {e.kind}"
        family = f", {e.family}" if e.family and e.kind == "phrase" else ""
        entry = f", {e.entry}" if e.entry else ""
        where = _printable(f"{kind}{family}{entry}")
        yield f"{name}:{line}:{column}: {_quote(e.spun)} → {_quote(e.original)}  {e.confidence:.2f}{where}"
        others = [a for a in e.alternatives if a.text != e.original]
        if others:
            yield "    or " + ", ".join(f"{_quote(a.text)} {a.confidence:.2f}" for a in others)
    spin = restoration.spin
    found = f"spun, family {spin.family}, rate {spin.rate:.2f}" if spin.is_spun else "not spun"
    edits = f"{len(restoration.edits)} edit{'s' * (len(restoration.edits) != 1)}"
    yield f"{name}: {found}, probability {spin.probability:.2f}, {spin.words} words, {edits}"


def _as_json(name: str, restoration: Restoration) -> dict[str, Any]:
    return {
        "file": _shown_name(name),
        "text": restoration.text,
        "edits": [
            {
                "start": e.start,
                "end": e.end,
                "spun": e.spun,
                "original": e.original,
                "confidence": e.confidence,
                "alternatives": [{"text": a.text, "confidence": a.confidence} for a in e.alternatives],
                "kind": e.kind,
                "family": e.family,
                "entry": e.entry,
            }
            for e in restoration.edits
        ],
        "spin": _spin(restoration.spin),
    }


def _spin(found: Detection) -> dict[str, Any]:
    return {
        "is_spun": found.is_spun,
        "probability": found.probability,
        "rate": found.rate,
        "family": found.family,
        "evidence": found.evidence,
        "words": found.words,
        "rates": dict(found.rates),
    }


class _Progress:
    """One line on a terminal's standard error, rewritten; silent for a single file of ordinary size."""

    def __init__(self, names: Sequence[str]) -> None:
        self._count = len(names)
        self._done = 0
        self._width = 0
        self._on = sys.stderr.isatty() and (len(names) > 1 or any(_size(n) > LARGE for n in names))

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clear()

    def show(self, name: str) -> None:
        """Say that *name* is being done."""
        self._done += 1
        if self._on:
            line = _printable(f"unspin: {self._done}/{self._count} {_shown_name(name)}")[:78]
            sys.stderr.write(f"\r{line:<{self._width}}")
            sys.stderr.flush()
            self._width = len(line)

    def clear(self) -> None:
        """Wipe the line, so that something else can stand there."""
        if self._width:
            sys.stderr.write(f"\r{'':<{self._width}}\r")
            sys.stderr.flush()
            self._width = 0


def _size(name: str) -> int:
    try:
        return os.stat(name).st_size if name != STDIN else 0
    except OSError:
        return 0


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _print(text: str) -> None:
    # The bytes themselves: no translation of line ends, whatever the platform's encoding.
    sys.stdout.buffer.write(_encoded(text))


def _print_json(value: dict[str, Any]) -> None:
    from .corpus_formats import dumps

    # Bytes that were no UTF-8 are lone surrogates here, which JSON can only carry as escapes.
    _print(dumps(value) + "\n")


def _complain(message: str) -> None:
    sys.stderr.write(_printable(f"unspin: {message}") + "\n")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _shown_name(name: str) -> str:
    return "stdin" if name == STDIN else name


def _printable(text: str) -> str:
    """Return *text* on one line, with control characters and lone surrogates as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _quote(text: str) -> str:
    return f"“{_printable(text)}”"


def _silence() -> None:
    # Where it is no real stream (a test's, a notebook's) there is nothing to flush into.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
