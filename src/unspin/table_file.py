"""The compiled table as a file: arrays packed, texts unpacked when somebody looks, the rows it was made from beside them."""

from __future__ import annotations

import json
import lzma
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from . import container
from .composition import index_terms
from .errors import DataError
from .language_model import LanguageModel
from .phrase_table import Later, PhraseTable, index_phrases
from .rows import FAMILIES, Row, parse_rows
from .tokens import FIRST_WORD, Vocabulary

KIND = "phrase table"
_U = np.uint64
#: Arrays as they stand in the file: those that begin where others end are kept as counts.
_COUNTS = {"tokens_from": "tokens.count", "entries_from": "entries.count", "pieces_from": "pieces.count"}
_ARRAYS: dict[str, type[np.generic]] = {
    "tokens": np.int32, "original": np.int32, "log_weight": np.float16, "family": np.uint8, "flags": np.uint8,
    "row": np.int32, "context": np.int32, "fires": np.float16, "suspicion": np.float16,
    "classes": np.uint8, "affinity": np.int8, "science": np.int8,
}  # fmt: skip
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
    arrays["terms.gap"] = np.diff(table.terms >> _U(21), prepend=_U(0)).astype(np.uint32)
    arrays["terms.second"] = (table.terms & _U((1 << 21) - 1)).astype(np.uint32)
    arrays["piece"] = table.piece[:, [0, 1, 2, 3, 5]].astype(np.uint8)
    arrays["piece.words"] = table.piece[:, 4]
    extra = list(table.vocabulary)[len(model.vocabulary) :]
    arrays["log_extra"] = table.log_unigram[len(model.unigrams) :]
    for name, lines in (("extra", extra), ("texts", table.texts), ("wheres", table.wheres)):
        # Packed by itself: unpacked when somebody looks.
        arrays[name] = np.frombuffer(zlib.compress("\n".join(lines).encode("utf-8"), 9), dtype=np.uint8)
    meta = {
        "vocabulary": model.mark,
        "families": list(FAMILIES),
        "contexts": [[list(needs), list(excludes)] for needs, excludes in table.contexts],
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
    vocabulary = Vocabulary(model.vocabulary | dict(zip(extra, range(base, base + len(extra)))))
    loaded = {name: arrays[name].astype(_WIDE[name]) if name in _WIDE else arrays[name] for name in _ARRAYS}
    for name, counts in _COUNTS.items():
        loaded[name] = np.zeros(len(arrays[counts]) + 1, dtype=np.int64)
        np.cumsum(arrays[counts], out=loaded[name][1:])
    piece = np.empty((len(arrays["piece.words"]), 6), dtype=np.int32)
    piece[:, [0, 1, 2, 3, 5]], piece[:, 4] = arrays["piece"], arrays["piece.words"]
    loaded["piece"] = piece
    loaded["terms"] = np.cumsum(arrays["terms.gap"], dtype=np.uint64) << _U(21) | arrays["terms.second"]
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
        wheres=Lines(arrays["wheres"].tobytes()),
        contexts=[(tuple(needs), tuple(excludes)) for needs, excludes in meta["contexts"]],
        **loaded,
    )
