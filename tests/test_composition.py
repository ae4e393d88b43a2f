"""Tortured phrases known by their parts alone: ``cases/composition.json``; "expect" is null where the text stays."""

from __future__ import annotations

import numpy as np
import pytest

import unspin
from unspin import resources
from unspin.composition import _is_term, composed, never_seen, promising
from unspin.evidence import gather
from unspin.phrase_table import PhraseTable
from unspin.rows import FAMILIES, parse_rows
from unspin.table_compiler import compile_rows
from unspin.terms import no_terms, term_pairs
from unspin.tokens import FIRST_WORD, tokenise

from .conftest import load_cases

CASES = load_cases("composition")
REWORDED = [(c["text"], c["expect"]) for c in CASES if c["expect"]]
PLAIN = [c["text"] for c in CASES if not c["expect"]]


def _is_promising(text: str, table: PhraseTable | None = None) -> bool:
    table = table or resources.phrase_table()
    return promising(table, resources.language_model(), tokenise(text, table.vocabulary).stream)


def _by_parts(text: str, table: PhraseTable) -> set[tuple[str, str]]:
    """(spun, original) of the arcs that are taken for parts of a term."""
    tokens = tokenise(text, table.vocabulary)
    evidence = gather(table, tokens, table.match(tokens.stream), np.ones(len(FAMILIES), dtype=bool))
    arcs = evidence.arcs
    good = composed(table, resources.language_model(), tokens.stream, arcs)
    return {
        (" ".join(tokens.words[k] for k in tokens.at[arcs.start[m] : arcs.stop[m]]), table.texts[table.row[arcs.entry[m]]])
        for m in np.flatnonzero(good > 1.0).tolist()
    }


def test_cases_are_in_order() -> None:
    assert len(PLAIN) >= len(REWORDED) >= 6
    assert len({c["text"] for c in CASES}) == len(CASES)


@pytest.mark.parametrize(("text", "expect"), REWORDED, ids=lambda s: s[:30])
def test_reworded_terms_are_restored(text: str, expect: str) -> None:
    r = unspin.explain(text)
    assert r.text == expect
    # No row holds the phrase: its words are rows.
    assert {e.family for e in r.edits} == {"thesaurus"}
    assert r.spin.is_spun
    assert _is_promising(text)


@pytest.mark.parametrize(("text", "expect"), REWORDED, ids=lambda s: s[:30])
def test_the_terms_themselves_stay(text: str, expect: str) -> None:
    assert unspin.restore(expect) == expect
    assert not unspin.detect(expect).is_spun


@pytest.mark.parametrize("text", PLAIN, ids=lambda s: s[:30])
def test_the_same_words_in_their_own_sense_stay(text: str) -> None:
    r = unspin.explain(text)
    assert r.text == text
    assert not r.spin.is_spun


ROWS = (
    "# family: thesaurus", "deep = profound", "learning = studying", "neural = neuronic", "noise = commotion ; common",
    "# family: academic", "signal processing = sign handling",
)  # fmt: skip


def _table(*terms: str) -> PhraseTable:
    model = resources.language_model()
    return compile_rows(parse_rows(ROWS, name="t"), model, no_terms(len(model.unigrams), term_pairs(terms, model)))


def test_a_pair_needs_its_term() -> None:
    text = "We use profound studying to classify the images."
    assert _by_parts(text, _table("deep learning")) == {("profound", "deep"), ("studying", "learning")}
    assert _is_promising(text, _table("deep learning"))
    for terms in ((), ("deep water", "machine learning"), ("learning deep",)):
        assert _by_parts(text, _table(*terms)) == set()
        assert not _is_promising(text, _table(*terms))


def test_a_pair_needs_to_stand_together_and_in_order() -> None:
    table = _table("deep learning")
    for text in (
        "We use profound and studying to classify the images.", "We use studying profound to classify the images.",
        "The thought was profound. Studying it helps.", "We use profound, studying to classify the images.",
        "We use deep learning to classify the images.",
    ):  # fmt: skip
        assert _by_parts(text, table) == set(), text


def test_a_pair_that_the_model_has_seen_is_english() -> None:
    model = resources.language_model()
    rows = ("# family: thesaurus", "deep = murky | profound", "learning = waters")
    known = no_terms(len(model.unigrams), term_pairs(["deep learning"], model))
    table = compile_rows(parse_rows(rows, name="t"), model, known)
    assert _by_parts("We use profound waters to classify the images.", table) == {("profound", "deep"), ("waters", "learning")}
    assert _by_parts("We use murky waters to classify the images.", table) == set()


def test_a_pair_that_is_a_term_itself_is_english() -> None:
    text = "We use profound studying to classify the images."
    assert _by_parts(text, _table("deep learning"))
    assert not _by_parts(text, _table("deep learning", "profound studying"))
    assert not _is_promising(text, _table("deep learning", "profound studying"))


def test_never_seen() -> None:
    model = resources.language_model()
    beyond = len(model.unigrams) + 3
    pairs = ["of the", "big data", "machine learning", "profound studying", "the of", "commotion proportion"]
    a, b = (np.array([model.vocabulary[p.split()[k]] for p in pairs]) for k in (0, 1))
    assert never_seen(model, a, b).tolist() == [False, False, False, True, False, True]
    # Marks are no words, and of a word beyond the model nothing is known.
    odd = np.array([*range(FIRST_WORD), beyond])
    word = np.full(len(odd), a[3])
    assert not never_seen(model, odd, word).any()
    assert not never_seen(model, word, odd).any()


def test_rows_of_other_families_and_common_ones_make_no_term() -> None:
    table = _table("signal processing", "deep noise")
    assert _by_parts("We use sign handling to classify the images.", table) == set()
    # "profound" alone would be one of the two, "commotion" is ordinary English.
    assert ("commotion", "noise") not in _by_parts("We heard profound commotion in the recordings.", table)


@pytest.mark.parametrize(
    "text", ["The clever telephone rang twice.", "The distant sensing of danger woke the dog.", "The crude information was late."]
)
def test_neighbours_that_make_a_term_by_chance(text: str) -> None:
    """Smart phone, remote sensing, raw data: alone they may be reworded, one of them in an article is chance."""
    story = (
        "They had walked all day along the river, and when the sun went down they found a farm where an old man let them sleep "
        "in the barn. In the morning it rained. Nobody spoke much at breakfast, and the road back to town was long and muddy. "
        "The children counted the bridges, the mother carried the bags, and the father told them how his own father had once "
        "crossed the hills on foot with nothing but a loaf of bread and a map that he could not read."
    )
    for whole in (f"{text} {story} {story}", f"{story} {story} {text}"):
        assert _by_parts(whole, resources.phrase_table()) == set()


def test_of_other_fields_more_is_asked() -> None:
    """One pair is enough where a paper speaks of it, and not between words that papers don't have."""
    assert _is_promising("The crude information was collected and the analysis was repeated.")
    assert not _is_promising("Yesterday the crude information came, and she laughed all evening.")


def test_more_of_them_are_no_chance() -> None:
    """What one pair in a long text can't show, several do; and beside a pair less is asked of the next one."""
    text = "We use crude information, profound studying, neural organization and the haze figuring of arbitrary woodland."
    assert unspin.restore(text) == "We use raw data, deep learning, neural network and the cloud computing of random forest."


def test_terms_against_a_set() -> None:
    model = resources.language_model()
    words = "deep learning machine neural network of signal processing the".split()
    ids = [model.vocabulary[w] for w in words]
    table = _table("deep learning", "machine learning", "neural network")
    known = {("deep", "learning"), ("machine", "learning"), ("neural", "network"), ("signal", "processing")}
    a, b = (np.array(x) for x in zip(*((i, j) for i in ids for j in ids)))
    shown = [(x, y) for x in words for y in words]
    assert {p for p, yes in zip(shown, _is_term(table, a, b).tolist()) if yes} == known
    nothing = compile_rows([], model)
    assert not _is_term(nothing, a, b).any()


def test_promising_is_what_composed_will_find() -> None:
    """The quick look never misses: whatever is composed in any of the texts was promising."""
    table = resources.phrase_table()
    texts = [c["text"] for g in ("composition", "synthetic", "negative", "in-the-wild", "passages") for c in load_cases(g)]
    found = [text for text in texts if _by_parts(text, table)]
    assert len(found) >= len(REWORDED)
    assert [text for text in found if not _is_promising(text)] == []
