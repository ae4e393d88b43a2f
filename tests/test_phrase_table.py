"""The compiled table: written and opened again, and its index against a dictionary."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin import DataError, container, kernels, resources
from unspin.phrase_table import PhraseTable, index_phrases
from unspin.resources import language_model
from unspin.rows import Row, parse_rows, read_rows
from unspin.table_compiler import compile_rows
from unspin.table_file import KIND, Places, _originals, _places, _steps, open_table, save_table, stored_rows
from unspin.terms import no_terms, term_pairs

from .conftest import DATA

SOURCE = {
    "news.txt": (
        "# family: news\naccording to = in accordance with*2 | in line with ; fires: 0.9\nChinese = Chinese language\n"
        "prototype = zzyzxotype | early modell\nfilm = picture ; with: cinema ; without: oil, canvas\n"
    ),
    "deep.txt": "# family: academic\ndeep neural network = profound neural organization\n# a note = with an equals sign\n",
    "words.txt": "# family: thesaurus\ndeep = profound\nmachine = my contraption\nlearning = studying ; common\ncafés = bars\n",
}



def _rows(source: dict[str, str]) -> list[Row]:
    return [row for name in sorted(source) for row in parse_rows(source[name].splitlines(), name=name)]


@pytest.fixture(scope="module")
def table() -> PhraseTable:
    model = language_model()
    pairs = term_pairs(["deep learning", "machine: learning | qwertzuiop", "# deep sea", "deep qwertzuiop"], model)
    return compile_rows(_rows(SOURCE), model, no_terms(len(model.unigrams), pairs))


@pytest.fixture(scope="module")
def path(table: PhraseTable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "small.table"
    save_table(table, language_model(), path, SOURCE)
    return path


def test_saved_and_opened(table: PhraseTable, path: Path) -> None:
    again = open_table(path, language_model())
    halved = {"log_weight", "fires", "suspicion"}
    for field in fields(PhraseTable):
        was, now = getattr(table, field.name), getattr(again, field.name)
        if isinstance(was, np.ndarray):
            assert now.dtype == was.dtype or field.name in ("piece",), field.name
            assert now.shape == was.shape, field.name
            # These are stored with eleven bits.
            expected = was.astype(np.float16).astype(was.dtype) if field.name in halved else was
            assert (now == expected).all(), field.name
        elif field.name == "term_index":
            for name in ("sides", "readings_from", "readings", "reading_worth", "worth"):
                # Made of those.
                assert np.allclose(getattr(now.value, name), getattr(was.value, name), atol=0.02), name
        elif field.name in ("keys", "found"):
            assert now.keys() == was.keys()
            assert all((now[k] == was[k]).all() for k in was), field.name
        else:
            assert now == was or list(now) == list(was), field.name
    assert "zzyzxotype" in again.vocabulary
    assert again.contexts == [(("cinema",), ("oil", "canvas"))]


def test_opened_and_saved_is_the_same_file(path: Path, tmp_path: Path) -> None:
    model = language_model()
    save_table(open_table(path, model), model, tmp_path / "again.table", SOURCE)
    assert (tmp_path / "again.table").read_bytes() == path.read_bytes()


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    model = language_model()
    save_table(compile_rows([], model), model, tmp_path / "none.table")
    again = open_table(tmp_path / "none.table", model)
    assert (len(again.original), len(again.texts), len(again.piece)) == (0, 0, 0)
    assert len(again.match(np.array([1, 1, 20, 21, 1, 1])).phrase) == 0
    assert stored_rows(tmp_path / "none.table") == []


def test_stored_rows_are_the_rows(path: Path) -> None:
    rows = stored_rows(path)
    assert rows == _rows(SOURCE)
    assert {r.where for r in rows} >= {"news.txt:2", "news.txt:5", "deep.txt:2", "words.txt:5"}


def test_the_shipped_rows_are_those_of_the_files() -> None:
    assert resources.rows() == read_rows(DATA / "phrases")


def test_what_the_rows_say_is_found(table: PhraseTable) -> None:
    get = table.vocabulary.__getitem__
    stream = np.array([1, 1, *map(get, "in accordance with profound zzyzxotype".split()), 1, 1])
    found = table.match(stream)
    by_place: dict[tuple[int, int], set[str]] = {}
    for start, length, phrase in zip(found.start.tolist(), found.length.tolist(), found.phrase.tolist()):
        entries = range(table.entries_from[phrase], table.entries_from[phrase + 1])
        by_place[start, length] = {table.texts[table.row[e]] for e in entries}
    assert by_place == {(2, 3): {"according to"}, (5, 1): {"deep"}, (6, 1): {"prototype"}}


def test_terms(table: PhraseTable) -> None:
    model = language_model()
    names = {v: k for k, v in model.vocabulary.items()}
    pairs = {(names[int(t) >> 21], names[int(t) & (1 << 21) - 1]) for t in table.terms}
    # The listed ones that the model knows, and those inside the academic originals.
    assert pairs == {("deep", "learning"), ("machine", "learning"), ("deep", "neural"), ("neural", "network")}
    sides = [{w for w, k in table.vocabulary.items() if side[k]} for side in table.term_index.value.sides]
    # The first and the second words of those; and what the thesaurus family makes of them, ordinary English left out.
    assert sides[:2] == [{"deep", "machine", "neural"}, {"learning", "neural", "network"}]
    assert sides[2:] == [{"profound", "contraption"}, set()]


def test_places_and_originals_of_rows(table: PhraseTable) -> None:
    """Kept as numbers they come back, whatever a row says of its place, and however phrases are numbered."""
    wheres = ["a.txt:3", "a.txt:4 (inflected)", "", "C:\\rows", "a:b:07", "a.txt:0", "b (inflected)", "b:12345678901"]
    heads, numbers = _places(wheres)
    places = Places(heads, container.pack(numbers), len(wheres))
    assert list(places) == wheres and places[-1] == wheres[-1] and places[1:3] == wheres[1:3]
    for original in ([0, 4, -1, 2, 4, 9], [7, -1, 70_000, 3], [-1], []):
        has = np.flatnonzero(np.array(original) >= 0) if original else np.zeros(0, dtype=np.int64)
        bent = replace(table, texts=[""] * len(original), row=has, original=np.array(original, dtype=np.int32)[has])
        assert (_originals(*_steps(bent))[has] == bent.original).all()


def test_another_model_is_refused(path: Path) -> None:
    model = language_model()
    with pytest.raises(DataError, match="another language model"):
        open_table(path, replace(model, mark=model.mark + 1))


def test_a_table_that_lacks_an_array_is_refused(path: Path, tmp_path: Path) -> None:
    meta, arrays = container.read(path, KIND)
    for name in ("tokens", "pieces.count", "terms.gap", "texts", "source"):
        rest = {k: v for k, v in arrays.items() if k != name}
        container.write(tmp_path / "less.table", KIND, meta, rest)
        with pytest.raises(DataError, match=rf"less\.table: holds no '{name}'"):
            (stored_rows if name == "source" else lambda p: open_table(p, language_model()))(tmp_path / "less.table")


def test_damaged_rows_are_refused(path: Path, tmp_path: Path) -> None:
    meta, arrays = container.read(path, KIND)
    for at in (0, len(arrays["source"]) // 2, len(arrays["source"]) - 1):
        source = arrays["source"].copy()
        source[at] ^= 0x40
        container.write(tmp_path / "bent.table", KIND, meta, {**arrays, "source": source})
        with pytest.raises(DataError, match=r"bent\.table: its rows are damaged"):
            stored_rows(tmp_path / "bent.table")
    # Whoever restores doesn't need them.
    assert len(open_table(tmp_path / "bent.table", language_model()).texts) > 0


_IDS = st.integers(8, 14)
_PHRASES = st.lists(st.lists(_IDS, min_size=1, max_size=5).map(tuple), unique=True, max_size=30)


def _table_of(phrases: list[tuple[int, ...]], template: PhraseTable) -> PhraseTable:
    """A table that holds these phrases and nothing else that `PhraseTable.match` looks at."""
    tokens = np.array([t for p in phrases for t in p], dtype=np.int64)
    tokens_from = np.zeros(len(phrases) + 1, dtype=np.int64)
    np.cumsum([len(p) for p in phrases], out=tokens_from[1:])
    single, longer, keys_from, keys, found = index_phrases(tokens, tokens_from, 20)
    return replace(template, single=single, starts_longer=longer, keys_from=keys_from, keys=keys, found=found)


@settings(deadline=None, max_examples=200)
@given(_PHRASES, st.lists(_IDS, max_size=40))
def test_index_against_a_dictionary(phrases: list[tuple[int, ...]], text: list[int]) -> None:
    number = {p: k for k, p in enumerate(phrases)}
    small = _table_of(phrases, _EMPTY)
    found = small.match(np.array([1, 1, *text, 1, 1], dtype=np.int64))
    stream = (1, 1, *text, 1, 1)
    expected = {
        (start, length, number[stream[start : start + length]])
        for start in range(len(stream))
        for length in range(1, 6)
        if start + length <= len(stream) and stream[start : start + length] in number
    }
    got = list(zip(found.start.tolist(), found.length.tolist(), found.phrase.tolist()))
    assert len(got) == len(set(got))
    assert set(got) == expected
    # `screen` counts on it: those of one word come first.
    assert found.length.tolist() == sorted(found.length.tolist())
    if (native := kernels.library()) is not None:
        # The loop in C and the whole-array one find the same, in the same order.
        ids = np.array(stream, dtype=np.int64)
        fast, slow = small._match_native(native, ids), small._match(ids)
        for name in ("start", "length", "phrase"):
            assert getattr(fast, name).tolist() == getattr(slow, name).tolist()


_EMPTY = compile_rows([], language_model())


def test_two_phrases_of_one_hash_are_refused() -> None:
    with pytest.raises(DataError, match="one hash"):
        index_phrases(np.array([8, 9, 8, 9]), np.array([0, 2, 4]), 20)
