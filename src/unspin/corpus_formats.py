"""The files that a corpus comes in: JSON Lines, CSV and TSV, Parquet, folders of text files.

Each format reads records from a position on, and writes them back with another text and everything else as it was:
in the line formats the bytes themselves.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from .errors import UnspinError
from .extras import require

#: Code points of one CSV field; more than that is a quote that was never closed.
_LONGEST_FIELD = 1 << 26
_COPY = 1 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = re.compile(r"[ \t\n\r]*")
# Numbers are not looked at, however long they are.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_CODECS = {".gz": "gz", ".zst": "zst"}


class CorpusError(UnspinError):
    """A corpus can't be read or written as it is asked; what was done of it so far is kept."""


@dataclass(slots=True)
class Record:
    """One record of the input.

    ``raw``       what its format needs to write it back
    ``end``       the position after it: bytes (decompressed), rows or files
    ``size``      about how many bytes it has
    ``text``      its text; None where it has none
    ``identity``  what its field "id" holds, or the name of the file; None where there is no such thing
    ``fault``     why the text can't be had, "" where nothing is wrong
    ``document``  False for what only stands between documents, such as an empty line
    """

    raw: Any
    end: int
    size: int
    text: str | None = None
    identity: object = None
    fault: str = ""
    document: bool = True


class Writer(Protocol):
    """Writes the records of one part."""

    def add(self, record: Record, text: str | None) -> None:
        """Write *record*, with another text where *text* is not None."""

    def close(self) -> None:
        """Finish the part; it is on the disk then."""


class Format(ABC):
    """A corpus in one of the formats."""

    #: Bytes to read in all, where that is known.
    total: int | None = None

    def __init__(self, path: Path, field: str) -> None:
        self.path = path
        self.field = field

    def fingerprint(self) -> object:
        """Return what changes when the input does, as JSON values."""
        found = self.path.stat()
        return [found.st_size, found.st_mtime_ns]

    @abstractmethod
    def read(self, position: int) -> Iterator[Record]:
        """Yield the records from *position* on; 0, or the ``end`` of a record."""

    @abstractmethod
    def writer(self, path: Path, codec: str, *, first: bool) -> Writer:
        """Return a writer for the part *path*, compressed with *codec*; ``first``: of the first part."""

    def join(self, parts: Sequence[Path], path: Path) -> None:
        """Make one corpus of the parts; here: parts that only need to stand one after the other."""
        concatenate(parts, path)


def format_of(path: Path) -> tuple[str, str]:
    """Return the name of the format and the compression that the name of *path* speaks of; "" where it tells nothing.

    >>> format_of(Path("a.jsonl.gz")), format_of(Path("a.parquet")), format_of(Path("a"))
    (('jsonl', 'gz'), ('parquet', ''), ('', ''))
    """
    codec = _CODECS.get(path.suffix.lower(), "")
    inner = path.with_suffix("") if codec else path
    return _SUFFIXES.get(inner.suffix.lower(), ""), codec


def open_corpus(path: Path, *, format: str | None = None, field: str = "text") -> Format:
    """Return the corpus in *path*, of the format that its name or *format* tells; folders are folders of text files.

    Raises CorpusError where it's not there, the format is not to be told, or it has no such field.
    """
    if path.is_dir():
        if format not in (None, "text"):
            raise CorpusError(f"{path} is a folder: its files are taken for texts, not for {format}")
        return Folder(path, field)
    if not path.exists():
        raise CorpusError(f"{path}: No such file or folder")
    name = format or format_of(path)[0]
    if name == "text":
        raise CorpusError(f"{path} is one file; the format text is for folders of text files")
    if not name:
        raise CorpusError(f"can't tell the format of {path} from its name: say --format {'|'.join(FORMATS)}")
    return FORMATS[name](path, field)


def dumps(value: object) -> str:
    """Return *value* as JSON on one line; lone surrogates, which UTF-8 can't carry, are escapes."""
    return _escaped(json.dumps(value, ensure_ascii=False))


def _escaped(literal: str) -> str:
    return _SURROGATE.sub(lambda m: f"\\u{ord(m[0]):04x}", literal)


# Bytes


def create(path: Path, codec: str) -> IO[bytes]:
    """Open a new file that compresses as *codec* tells; what it writes depends on nothing but what is written."""
    if codec == "gz":
        # Neither name nor time in the header.
        return _Both(gzip.GzipFile("", "wb", 6, raw := path.open("wb"), mtime=0), raw)  # type: ignore[return-value]
    if codec == "zst":
        zstandard = require("zstandard", "corpus")
        raw = path.open("wb")
        return _Both(zstandard.ZstdCompressor(level=3).stream_writer(raw, closefd=False), raw)  # type: ignore[return-value]
    return path.open("wb")


class _Both:
    """A compressing stream together with the file under it."""

    def __init__(self, stream: Any, raw: IO[bytes]) -> None:
        self._stream, self._raw = stream, raw
        self.write = stream.write

    def close(self) -> None:
        self._stream.close()
        self._raw.close()


def sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk before going on."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        if path.is_dir():
            return  # Not to be had for folders on Windows.
        raise
    try:
        if os.name == "posix" or not path.is_dir():
            os.fsync(handle)
    finally:
        os.close(handle)


def concatenate(parts: Sequence[Path], path: Path) -> None:
    """Write the parts one after the other: lines, gzip members and zstd frames all may stand so."""
    with path.open("wb") as out:
        for part in parts:
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, out, _COPY)


@contextmanager
def _opened(path: Path, position: int) -> Iterator[IO[bytes]]:
    """Open a file, decompressed, at a position of the decompressed bytes."""
    codec = format_of(path)[1]
    damaged: tuple[type[BaseException], ...] = (EOFError, zlib.error, gzip.BadGzipFile)
    with path.open("rb") as raw:
        stream: Any = raw
        if codec == "gz":
            stream = gzip.GzipFile(fileobj=raw)
        elif codec == "zst":
            zstandard = require("zstandard", "corpus")
            damaged = (*damaged, zstandard.ZstdError)
            stream = io.BufferedReader(_Frames(raw, zstandard.ZstdDecompressor()), _COPY)
        try:
            if stream is raw:
                raw.seek(position)
            else:
                while position > 0 and (skipped := len(stream.read(min(position, _COPY)))):
                    position -= skipped
            yield stream
        except damaged as error:
            raise CorpusError(f"{path}: the compressed data is damaged or ends early ({error})") from error


class _Frames(io.RawIOBase):
    """The content of zstd frames that stand one after the other; raises EOFError where the last is cut short.

    The package's own reader takes a frame that is cut short for a whole one.
    """

    _READ = 1 << 14

    def __init__(self, raw: IO[bytes], decompressor: Any) -> None:
        self._raw, self._decompressor = raw, decompressor
        self._frame: Any = None
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._output:
            self._input = self._input or self._raw.read(self._READ)
            if not self._input:
                if self._frame is not None:
                    raise EOFError("the last frame is cut short")
                return 0
            self._frame = self._frame or self._decompressor.decompressobj()
            self._output = memoryview(self._frame.decompress(self._input))
            self._input = b""
            if self._frame.eof:
                self._input, self._frame = self._frame.unused_data, None
        size = min(len(buffer), len(self._output))
        buffer[:size], self._output = self._output[:size], self._output[size:]
        return size


class _LineWriter:
    """Writes records of a line format; what they are changed to is bytes in place of bytes."""

    def __init__(self, corpus: _Lines, path: Path, codec: str, first: bool) -> None:
        self._corpus = corpus
        self._path = path
        self._out = create(path, codec)
        if first:
            self._out.write(corpus.head)

    def add(self, record: Record, text: str | None) -> None:
        self._out.write(record.raw[0] if text is None else self._corpus.changed(record, text))

    def close(self) -> None:
        self._out.close()
        sync(self._path)


class _Lines(Format):
    """What the line formats have in common."""

    #: What stands before the first record.
    head = b""

    def __init__(self, path: Path, field: str) -> None:
        super().__init__(path, field)
        if not format_of(path)[1]:
            self.total = path.stat().st_size

    def writer(self, path: Path, codec: str, *, first: bool) -> Writer:
        return _LineWriter(self, path, codec, first)

    @abstractmethod
    def changed(self, record: Record, text: str) -> bytes:
        """Return the bytes of *record* with another text."""


class JsonLines(_Lines):
    """A JSON object a line. Only the literal of the text is ever replaced."""

    def read(self, position: int) -> Iterator[Record]:
        with _opened(self.path, position) as stream:
            for line in stream:
                position += len(line)
                yield self._record(line, position)

    def _record(self, line: bytes, end: int) -> Record:
        record = Record((line, 0, 0), end, len(line))
        if not line.strip():
            record.document = False
            return record
        try:
            source = line.decode("utf-8")
            values = _members(source)
        except UnicodeDecodeError as error:
            record.fault = f"not UTF-8: {error.reason} at byte {error.start}"
        except (ValueError, RecursionError) as error:
            record.fault = f"not a JSON object: {error}"
        else:
            if "id" in values:
                start, stop, _ = values["id"]
                record.identity = json.loads(source[start:stop])
            if self.field not in values:
                record.fault = _no_field(self.field, values)
                return record
            start, stop, text = values[self.field]
            if isinstance(text, str) and source[start] == '"':
                record.raw = (line, start, stop)
                record.text = text
            elif source[start:stop] != "null":
                record.fault = f"the field {self.field!r} is no string: {source[start : min(stop, start + 40)]}"
        return record

    def changed(self, record: Record, text: str) -> bytes:
        line, start, stop = record.raw
        source = line.decode("utf-8")
        literal = _escaped(json.dumps(text, ensure_ascii=source[start:stop].isascii()))
        return f"{source[:start]}{literal}{source[stop:]}".encode()


def _members(source: str) -> dict[str, tuple[int, int, Any]]:
    """Return the members of a JSON object: where each value starts and ends, and what it is; of equals the last.

    >>> _members('{"a": 1, "b": "x"}')
    {'a': (6, 7, '1'), 'b': (14, 17, 'x')}
    """

    def at(k: int) -> int:
        return _SPACE.match(source, k).end()  # type: ignore[union-attr]

    def expect(k: int, wanted: str) -> str:
        found = source[k : k + 1]
        if not found or found not in wanted:
            raise ValueError(f"{' or '.join(wanted)} expected at character {k}")
        return found

    found: dict[str, tuple[int, int, Any]] = {}
    k = at(source.startswith("\ufeff"))
    expect(k, "{")
    k = at(k + 1)
    more = source[k : k + 1] != "}"
    while more:
        expect(k, '"')
        name, k = _DECODER.raw_decode(source, k)
        k = at(k)
        expect(k, ":")
        start = at(k + 1)
        value, stop = _DECODER.raw_decode(source, start)
        found[name] = (start, stop, value)
        k = at(stop)
        more = expect(k, ",}") == ","
        if more:
            k = at(k + 1)
    if at(k + 1) != len(source):
        raise ValueError(f"more after its end at character {at(k + 1)}")
    return found


def _no_field(field: str, names: Any) -> str:
    return f"there is no field {field!r} (but {', '.join(map(repr, list(names)[:10])) or 'nothing'})"


class Csv(_Lines):
    """Comma-separated values with a line of names; quoting stays as it is but where the new text needs it."""

    delimiter = ","

    def __init__(self, path: Path, field: str) -> None:
        super().__init__(path, field)
        with _opened(path, 0) as stream:
            first = next(self._rows(stream), None)
        if first is None:
            raise CorpusError(f"{path} is empty: the names of the fields are missing")
        names, raw = first
        self.head = raw.encode("utf-8", "surrogateescape")
        if names:
            names[0] = names[0].removeprefix("\ufeff").strip('"')
        if field not in names:
            raise CorpusError(f"{path}: {_no_field(field, names)}")
        self._width = len(names)
        self._column = names.index(field)
        self._id = names.index("id") if "id" in names else None
        # A cell as the csv module reads it: quoted, then perhaps more, or bare.
        self._cell = re.compile(rf'(?:"[^"]*(?:""[^"]*)*")?[^{self.delimiter}]*')

    def _rows(self, stream: IO[bytes]) -> Iterator[tuple[list[str], str]]:
        """Yield each row with its text, line ends included."""
        lines: list[str] = []

        def taken() -> Iterator[str]:
            for line in stream:
                lines.append(line.decode("utf-8", "surrogateescape"))
                yield lines[-1]

        reader = csv.reader(taken(), delimiter=self.delimiter)
        while True:
            # The limit is the interpreter's: it is put back at once.
            limit = csv.field_size_limit(_LONGEST_FIELD)
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise CorpusError(f"{self.path}: {error} (in the row that begins {''.join(lines)[:40]!r})") from error
            finally:
                csv.field_size_limit(limit)
            if row is None:
                return
            raw = "".join(lines)
            lines.clear()
            yield row, raw

    def read(self, position: int) -> Iterator[Record]:
        position = position or len(self.head)
        with _opened(self.path, position) as stream:
            for row, raw in self._rows(stream):
                data = raw.encode("utf-8", "surrogateescape")
                position += len(data)
                record = Record((data, raw), position, len(data), document=bool(row))
                if row:
                    if self._id is not None and self._id < len(row):
                        record.identity = row[self._id]
                    if len(row) != self._width:
                        record.fault = f"{len(row)} fields where there are {self._width} names"
                    else:
                        record.text = row[self._column]
                yield record

    def changed(self, record: Record, text: str) -> bytes:
        raw: str = record.raw[1]
        size = len(raw.rstrip("\r\n"))
        start = 0
        for _ in range(self._column):
            start = self._cell.match(raw, start, size).end() + 1  # type: ignore[union-attr]
        stop = self._cell.match(raw, start, size).end()  # type: ignore[union-attr]
        if raw[start : start + 1] == '"' or any(c in text for c in (self.delimiter, '"', "\n", "\r")):
            text = '"' + text.replace('"', '""') + '"'
        return f"{raw[:start]}{text}{raw[stop:]}".encode("utf-8", "surrogateescape")


class Tsv(Csv):
    """Tab-separated values, quoted as CSV is."""

    delimiter = "\t"


class Parquet(Format):
    """Parquet: a few hundred rows are in memory at a time, and one part as it is written."""

    _ROWS: ClassVar[int] = 256

    def __init__(self, path: Path, field: str) -> None:
        super().__init__(path, field)
        self._arrow = require("pyarrow", "corpus")
        self._module = require("pyarrow.parquet", "corpus")
        with self._file() as file:
            self.schema = file.schema_arrow
            if self.schema.names.count(field) != 1:
                raise CorpusError(f"{path}: {_no_field(field, self.schema.names)}")
            self._column = self.schema.names.index(field)
            kind = self.schema.field(self._column).type
            values = kind.value_type if self._arrow.types.is_dictionary(kind) else kind
            if str(values) not in ("string", "large_string", "string_view"):
                raise CorpusError(f"{path}: the field {field!r} holds {kind}, not strings")
            groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
            self.total = sum(g.total_byte_size for g in groups)
            columns = [groups[0].column(k) for k in range(groups[0].num_columns)] if groups else []
            self._compression = {c.path_in_schema: _parquet_codec(c.compression) for c in columns} or "snappy"

    @contextmanager
    def _file(self) -> Iterator[Any]:
        try:
            with self._module.ParquetFile(self.path, pre_buffer=False, buffer_size=_COPY) as file:
                yield file
        except self._arrow.ArrowException as error:
            raise CorpusError(f"{self.path}: {error}") from error

    def read(self, position: int) -> Iterator[Record]:
        with self._file() as file:
            at = 0
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if at + rows <= position:
                    at += rows
                    continue
                for batch in file.iter_batches(self._ROWS, row_groups=[group]):
                    skipped = min(max(position - at, 0), len(batch))
                    at += len(batch)
                    if skipped < len(batch):
                        yield from islice(self._records(batch, at), skipped, None)

    def _records(self, batch: Any, end: int) -> Iterator[Record]:
        size = batch.nbytes // len(batch)
        ids = batch.column(self.schema.names.index("id")).to_pylist() if self.schema.names.count("id") == 1 else None
        for k, text in enumerate(batch.column(self._column).to_pylist()):
            identity = ids[k] if ids is not None else None
            if not isinstance(identity, (str, int, float, type(None))):
                identity = str(identity)
            yield Record((batch, k), end - len(batch) + k + 1, size, text, identity)

    def writer(self, path: Path, codec: str, *, first: bool) -> Writer:
        return _ParquetWriter(self, path)

    def table(self, rows: Sequence[tuple[Any, int, str | None]]) -> Any:
        """Return a table of rows, each of a batch, with another text where there is one."""
        tables: list[Any] = []
        k = 0
        while k < len(rows):
            batch = rows[k][0]
            stop = k
            while stop < len(rows) and rows[stop][0] is batch:
                stop += 1
            taken = self._arrow.Table.from_batches([batch]).take(self._arrow.array([i for _, i, _ in rows[k:stop]]))
            if any(text is not None for _, _, text in rows[k:stop]):
                old = taken.column(self._column).to_pylist()
                new = [a if text is None else text for a, (_, _, text) in zip(old, rows[k:stop])]
                field = self.schema.field(self._column)
                taken = taken.set_column(self._column, field, self._arrow.array(new, type=field.type))
            tables.append(taken)
            k = stop
        return self._arrow.concat_tables([self.schema.empty_table(), *tables]).unify_dictionaries()

    def write(self, tables: Iterator[Any], path: Path) -> None:
        """Write tables, each as a row group."""
        with self._module.ParquetWriter(path, self.schema, compression=self._compression) as out:
            for table in tables:
                if len(table):
                    out.write_table(table, row_group_size=len(table))

    def join(self, parts: Sequence[Path], path: Path) -> None:
        self.write((self._module.ParquetFile(part).read() for part in parts), path)


def _parquet_codec(name: str) -> str:
    return "none" if name == "UNCOMPRESSED" else name.lower()


class _ParquetWriter:
    def __init__(self, corpus: Parquet, path: Path) -> None:
        self._corpus, self._path = corpus, path
        self._rows: list[tuple[Any, int, str | None]] = []

    def add(self, record: Record, text: str | None) -> None:
        self._rows.append((*record.raw, text))

    def close(self) -> None:
        self._corpus.write(iter([self._corpus.table(self._rows)]), self._path)
        sync(self._path)


class Folder(Format):
    """A folder of text files, and of folders of them. Files with a zero byte in them are no text, and copied."""

    def __init__(self, path: Path, field: str) -> None:
        super().__init__(path, field)
        self._names = sorted(_walk(path))
        self.total = sum((path / name).stat().st_size for name in self._names)

    def fingerprint(self) -> object:
        digest = hashlib.sha256()
        for name in sorted(_walk(self.path)):
            found = (self.path / name).stat()
            digest.update(f"{found.st_size} {found.st_mtime_ns} {name}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read(self, position: int) -> Iterator[Record]:
        for k in range(position, len(self._names)):
            name = self._names[k]
            data = (self.path / name).read_bytes()
            text = None if b"\0" in data else data.decode("utf-8", "surrogateescape")
            yield Record((name, data), k + 1, len(data), text, name)

    def writer(self, path: Path, codec: str, *, first: bool) -> Writer:
        return _FolderWriter(self, path.parent / "files")

    def join(self, parts: Sequence[Path], path: Path) -> None:
        # The folder is whole already; where it is gone, an earlier run came as far as to move it.
        files = path.parent / "files"
        if files.exists():
            files.rename(path)


def _walk(root: Path) -> Iterator[str]:
    """Yield the names of all files under *root*, relative to it, with "/" between; linked folders are followed once."""
    seen = {os.path.realpath(root)}
    for folder, folders, files in os.walk(root, followlinks=True, onerror=_raise):
        fresh = []
        for name in sorted(folders):
            real = os.path.realpath(os.path.join(folder, name))
            if real not in seen:
                seen.add(real)
                fresh.append(name)
        folders[:] = fresh
        for name in files:
            path = Path(folder, name)
            if path.is_file():
                yield path.relative_to(root).as_posix()


def _raise(error: OSError) -> None:
    raise error


class _FolderWriter:
    def __init__(self, corpus: Folder, folder: Path) -> None:
        self._corpus, self._folder = corpus, folder
        self._written: list[Path] = []
        folder.mkdir(exist_ok=True)

    def add(self, record: Record, text: str | None) -> None:
        name, data = record.raw
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # One that an interrupted run left may be read-only.
        path.unlink(missing_ok=True)
        path.write_bytes(data if text is None else text.encode("utf-8", "surrogateescape"))
        shutil.copymode(self._corpus.path / name, path)
        self._written.append(path)

    def close(self) -> None:
        # All are written before the first is waited for: the disk takes them together.
        for path in self._written:
            sync(path)


FORMATS: dict[str, type[Format]] = {"jsonl": JsonLines, "csv": Csv, "tsv": Tsv, "parquet": Parquet}
