"""The compiled table as a file: arrays packed, texts unpacked when somebody looks, the rows it was made from beside them."""

from __future__ import annotations

import json
import lzma
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import container
from .composition import index_terms
from .errors import DataError
from .language_model import LanguageModel, pair_keys, split_pairs
from .phrase_table import Later, PhraseTable, index_phrases
from .rows import FAMILIES, Row, parse_rows
from .tokens import FIRST_WORD, Vocabulary

KIND = "phrase table"
#: Arrays as they stand in the file: those that begin where others end are kept as counts.
_COUNTS = {"tokens_from": "tokens.count", "entries_from": "entries.count", "pieces_from": "pieces.count"}
_ARRAYS: dict[str, type[np.generic]] = {
    "tokens": np.int32, "log_weight": np.float16, "row": np.int32, "fires": np.float16, "suspicion": np.float16,
    "classes": np.uint8, "affinity": np.int8, "science": np.int8,
}  # fmt: skip
#: What an entry has of its row: kept once a row.
_OF_ROW: dict[str, type[np.generic]] = {"family": np.uint8, "flags": np.uint8, "context": np.int32}
#: Originals of rows, in the order of which phrases are numbered: none, one numbered before, or how far on after the last.
_NONE, _AGAIN, _ON = 0, 1, 1
_PLACE = re.compile(r"(.*?)(?::(0|[1-9][0-9]{0,8}))?( \(inflected\))?", re.S)
#: Types in memory, where they differ from the file's.
_WIDE: dict[str, type[np.generic]] = {
    "tokens": np.int64, "log_weight": np.float32, "fires": np.float32, "suspicion": np.float32
}  # fmt: skip


class Lines(Sequence[str]):
    """The lines of a text, split when somebody looks: who reads clean text never does."""

    __slots__ = ("_lines", "_packed")

    def __init__(self, packed: bytes) -> None:
        """``packed``: the deflated text."""
        self._packed = packed
        self._lines: list[str] | None = None

    def _all(self) -> list[str]:
        lines = self._lines
        if lines is None:
            # Threads may both split it; it comes to the same.
            text = zlib.decompress(self._packed).decode("utf-8")
            lines = self._lines = text.split("\n") if text else []
        return lines

    def __getitem__(self, index: Any) -> Any:
        lines = self._lines
        return (self._all() if lines is None else lines)[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == list(other)


class Places(Sequence[str]):
    """Where rows stand, "file:line": numbers, unpacked when somebody looks."""

    __slots__ = ("_count", "_heads", "_numbers", "_packed")

    def __init__(self, heads: Sequence[str], packed: bytes, count: int) -> None:
        """``heads``: names of files; ``packed``: int32[3, count], see `_places`."""
        self._heads, self._packed, self._count = heads, packed, count
        self._numbers: np.ndarray | None = None

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(self._count))]
        numbers = self._numbers
        if numbers is None:
            try:
                numbers = container.unpack(self._packed, np.dtype(np.int32), (3, self._count)).copy()
            except (zlib.error, ValueError) as error:
                raise DataError(f"the places of the rows are damaged ({error})") from error
            np.cumsum(numbers[1], out=numbers[1])
            self._numbers = numbers
        head, line, inflected = numbers[:, index].tolist()
        return f"{self._heads[head]}{f':{line}' if line >= 0 else ''}{' (inflected)' if inflected else ''}"

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


def _places(wheres: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Return the files, and int32[3, R]: the file of each row, its line less that before (-1: none), whether it's inflected."""
    heads: dict[str, int] = {}
    numbers = np.zeros((3, len(wheres)), dtype=np.int32)
    for k, where in enumerate(wheres):
        found = _PLACE.fullmatch(where)
        assert found is not None
        line = -1 if found[2] is None else int(found[2])
        numbers[:, k] = heads.setdefault(found[1], len(heads)), line, found[3] is not None
    numbers[1] = np.diff(numbers[1], prepend=0)
    return list(heads), numbers


def _steps(table: PhraseTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the original of each row, uint16[R]: _NONE, _AGAIN, or _ON and how far on; and those of _AGAIN, int32."""
    original = np.full(len(table.texts), -1, dtype=np.int64)
    original[table.row] = table.original
    latest = np.maximum.accumulate(np.append(-1, original))[:-1]
    step = np.where(original < 0, _NONE, _AGAIN)
    fresh = (original > latest) & (original - latest + _ON < 1 << 16)
    step[fresh] = (original - latest)[fresh] + _ON
    # What is further on than that would leave what comes after it behind.
    if (original > latest).sum() > fresh.sum():
        step[original >= 0] = _AGAIN
    return step.astype(np.uint16), original[step == _AGAIN].astype(np.int32)


def _originals(step: np.ndarray, again: np.ndarray) -> np.ndarray:
    """Return int32[R], what `_steps` was made of; 0 for rows that have none."""
    on = step > _ON
    original: np.ndarray = np.cumsum(np.where(on, step, _ON).astype(np.int32) - _ON, dtype=np.int32) - 1
    original[~on] = 0
    original[step == _AGAIN] = again
    return original


def save_table(
    table: PhraseTable, model: LanguageModel, path: str | os.PathLike[str], source: Mapping[str, str] | None = None
) -> None:
    """Write a compiled table; the file is tied to the model's vocabulary.

    ``source``: the row files that it was compiled from, name → text; they go along, for `stored_rows`.
    """
    arrays = {name: getattr(table, name).astype(kind) for name, kind in _ARRAYS.items()}
    for name, counts in _COUNTS.items():
        arrays[counts] = np.diff(getattr(table, name)).astype(np.uint8)
        if int(np.diff(getattr(table, name)).max(initial=0)) > 255:
            raise DataError(f"more than 255 {counts.split('.')[0]} of one phrase")
    # By first word, and by second: gaps between the former are small.
    first, second = split_pairs(table.terms)
    arrays["terms.gap"], arrays["terms.second"] = np.diff(first, prepend=0).astype(np.uint32), second.astype(np.uint32)
    for name, kind in _OF_ROW.items():
        arrays[f"row.{name}"] = np.full(len(table.texts), -1 if name == "context" else 0, dtype=kind)
        arrays[f"row.{name}"][table.row] = getattr(table, name)
    arrays["row.step"], arrays["row.again"] = _steps(table)
    arrays["piece"] = table.piece[:, [0, 1, 2, 3, 5]].astype(np.uint8)
    # Most pieces are the whole original: of the others the number, and one more.
    whole = np.repeat(table.original, np.diff(table.pieces_from))
    arrays["piece.words"] = np.where(table.piece[:, 4] == whole, 0, table.piece[:, 4] + 1).astype(np.int32)
    extra = list(table.vocabulary)[len(model.vocabulary) :]
    arrays["log_extra"] = table.log_unigram[len(model.unigrams) :]
    # Packed by themselves: unpacked when somebody looks.
    heads, places = _places(table.wheres)
    arrays["wheres"] = np.frombuffer(container.pack(places), dtype=np.uint8)
    for name, lines in (("extra", extra), ("texts", table.texts)):
        arrays[name] = np.frombuffer(zlib.compress("\n".join(lines).encode("utf-8"), 9), dtype=np.uint8)
    meta = {
        "vocabulary": model.mark,
        "families": list(FAMILIES),
        "contexts": [[list(needs), list(excludes)] for needs, excludes in table.contexts],
        "files": heads,
        "rows": len(table.texts),
        "phrases": len(table.fires),
        "entries": len(table.original),
    }
    packed = arrays.keys() - {"extra", "texts", "wheres"}
    # Packed by itself, and smaller: only who compiles anew unpacks it.
    text = json.dumps(dict(source or {}), ensure_ascii=False, sort_keys=True).encode("utf-8")
    arrays["source"] = np.frombuffer(lzma.compress(text, preset=9), dtype=np.uint8)
    container.write(path, KIND, meta, arrays, packed)


def stored_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows that the table at *path* was compiled from; raises DataError where it's damaged."""
    _, arrays = container.read(path, KIND)
    try:
        files = json.loads(lzma.decompress(arrays["source"].tobytes()))
    except (lzma.LZMAError, ValueError) as error:
        raise DataError(f"{path}: its rows are damaged ({error})") from error
    return [row for name, text in files.items() for row in parse_rows(text.splitlines(), name=name)]


def open_table(path: str | os.PathLike[str], model: LanguageModel) -> PhraseTable:
    """Map a compiled table; raises DataError where it's damaged or was compiled for another model."""
    meta, arrays = container.read(path, KIND)
    if meta["families"] != list(FAMILIES) or meta["vocabulary"] != model.mark:
        raise DataError(f"{path}: was compiled for another language model; run python -m unspin.build table")

    extra = Lines(arrays["extra"].tobytes())
    base = FIRST_WORD + len(model.vocabulary)
    vocabulary = Vocabulary(model.vocabulary)
    vocabulary.update(zip(extra, range(base, base + len(extra))))
    loaded = {name: arrays[name].astype(_WIDE[name]) if name in _WIDE else arrays[name] for name in _ARRAYS}
    for name, counts in _COUNTS.items():
        loaded[name] = np.zeros(len(arrays[counts]) + 1, dtype=np.int64)
        np.cumsum(arrays[counts], out=loaded[name][1:])
    row = loaded["row"]
    loaded |= {name: arrays[f"row.{name}"][row] for name in _OF_ROW}
    loaded["original"] = _originals(arrays["row.step"], arrays["row.again"])[row]
    piece = np.empty((len(arrays["piece.words"]), 6), dtype=np.int32)
    piece[:, [0, 1, 2, 3, 5]], words = arrays["piece"], arrays["piece.words"]
    piece[:, 4] = np.where(words == 0, np.repeat(loaded["original"], arrays["pieces.count"]), words - 1)
    loaded["piece"] = piece
    loaded["terms"] = pair_keys(np.cumsum(arrays["terms.gap"], dtype=np.uint64), arrays["terms.second"])
    size = base + len(extra)
    single, longer, keys_from, keys, found = index_phrases(loaded["tokens"], loaded["tokens_from"], size)
    log_unigram = np.concatenate([model.unigrams, arrays["log_extra"]])
    names = "tokens", "tokens_from", "entries_from", "original", "log_weight", "family", "flags", "terms", "science"
    term_index = Later(index_terms, model, log_unigram, *(loaded[name] for name in names))
    return PhraseTable(
        vocabulary=vocabulary,
        log_unigram=log_unigram,
        single=single,
        starts_longer=longer,
        keys_from=keys_from,
        keys=keys,
        found=found,
        term_index=term_index,
        texts=Lines(arrays["texts"].tobytes()),
        wheres=Places(meta["files"], arrays["wheres"].tobytes(), meta["rows"]),
        contexts=[(tuple(needs), tuple(excludes)) for needs, excludes in meta["contexts"]],
        **loaded,
    )
