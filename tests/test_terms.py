"""Technical terms and classes of words: ``data/terms`` read, and what its files may not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unspin.errors import DataError
from unspin.resources import language_model, phrase_table
from unspin.terms import NO_CLASS, Terms, no_terms, read_terms, term_pairs

from .conftest import DATA


@pytest.fixture(scope="module")
def terms() -> Terms:
    return read_terms(DATA / "terms", language_model())


def _affinity(terms: Terms, pair: str) -> float:
    a, b = (language_model().vocabulary[w] for w in pair.split())
    return float(terms.affinity[terms.classes[0, a], terms.classes[1, b]]) / 16


def test_the_shipped_table_holds_them(terms: Terms) -> None:
    table, size = phrase_table(), len(language_model().unigrams)
    assert np.isin(terms.pairs, table.terms).all()
    assert (table.classes[:, :size] == terms.classes).all() and (table.classes[:, size:] == NO_CLASS).all()
    assert (table.affinity == terms.affinity).all()
    assert (table.science[:size] == terms.science).all() and not table.science[size:].any()


@pytest.mark.parametrize("pair", ["hepatic carcinoma", "oxidative injury", "severely tainted", "liver cancer"])
def test_words_that_keep_such_company(terms: Terms, pair: str) -> None:
    """Unseen or not, neighbours of these kinds are ordinary."""
    assert _affinity(terms, pair) > 1.0


@pytest.mark.parametrize("pair", ["kidney disappointment", "disarray grid", "registered tomography"])
def test_words_that_do_not(terms: Terms, pair: str) -> None:
    assert _affinity(terms, pair) < 0.0


def test_words_of_science(terms: Terms) -> None:
    known = language_model().vocabulary
    hepatic, neuronal, yesterday = (int(terms.science[known[w]]) for w in ("hepatic", "neuronal", "yesterday"))
    assert min(hepatic, neuronal) > 20 > -20 > yesterday


def test_pairs_of_both_formats() -> None:
    model = language_model()
    lines = ["# deep water", "deep learning", "deep: learning | sea | qwertzuiop", "qwertzuiop: learning"]
    names = {v: k for k, v in model.vocabulary.items()}
    pairs = {(names[int(k) >> 21], names[int(k) & (1 << 21) - 1]) for k in term_pairs(lines, model)}
    assert pairs == {("deep", "learning"), ("deep", "sea")}


def test_of_added_words_nothing_is_known(terms: Terms) -> None:
    size = len(language_model().unigrams)
    more = terms.sized(size + 3)
    assert (more.classes[:, size:] == NO_CLASS).all() and not more.science[size:].any()
    assert not terms.affinity[NO_CLASS].any() and not terms.affinity[:, NO_CLASS].any()
    assert no_terms(5).sized(8).classes.shape == (2, 8)


@pytest.mark.parametrize("damage", ["missing", "short", "words"])
def test_damaged_files(tmp_path: Path, damage: str) -> None:
    (tmp_path / "academic.txt").write_text("deep learning\n")
    matrix = [" ".join(["0"] * (NO_CLASS + 1))] * (NO_CLASS + 1)
    if damage == "short":
        matrix = matrix[:-1]
    if damage != "missing":
        (tmp_path / "classes.txt").write_text("\n".join(["deep 1 2" if damage == "words" else "deep 1 2 3", *matrix]))
    with pytest.raises(DataError, match="can't be read"):
        read_terms(tmp_path, language_model())
