"""The second opinion: what it is asked, and what comes of its answer."""

from __future__ import annotations

import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unspin
from unspin import rescoring
from unspin.calibration import RAW
from unspin.corpus import _described
from unspin.decoder import Choice, choose, settled
from unspin.drafting import begins_sentence, chances_of, readings
from unspin.errors import RescorerError

from .conftest import SPUN
from .small import Laid, laid, made
from .toy_rescorers import Broken, Never, Says, Words

#: Spun, with ties between near-synonyms in it.
TIES = (
    "In accordance with the White Home, the Chinese language content material could also be eliminated. The legal guidelines "
    "are new. The newest knowledge of the customers is shared with the staff, and the corporate desires to assist."
)
CLEAN = (
    "The bridge reopened in March, after repairs that had taken two years. Customers of the ferry were told to use it again, "
    "and the staff of the company moved to an office on the other bank. Knowledge of the river helped."
)


def confidences(result: unspin.Restoration) -> dict[str, float]:
    return {e.spun: e.confidence for e in result.edits}


def text_of(result: unspin.Restoration, spun: str) -> str:
    return next((e.original for e in result.edits if e.spun == spun), spun)


# What it says changes what is chosen.


def test_a_choice_is_turned() -> None:
    plain = unspin.explain(TIES)
    assert text_of(plain, "customers") == "users"
    turned = unspin.Restorer(rescorer=Words(clients=100.0)).explain(TIES)
    [edit] = [e for e in turned.edits if e.spun == "customers"]
    assert edit.original == "clients"
    assert edit.alternatives[0] == ("clients", edit.confidence)
    assert [a.confidence for a in edit.alternatives] == sorted((a.confidence for a in edit.alternatives), reverse=True)
    assert edit.spun in [a.text for a in edit.alternatives]
    assert turned.text == plain.text.replace("users", "clients")
    assert unspin.Restorer(rescorer=Words(clients=100.0)).restore(TIES) == turned.text
    # The rest has other words, but neither more nor fewer edits, as sure as before.
    others = {k: v for k, v in confidences(turned).items() if k != "customers"}
    assert others == {k: v for k, v in confidences(plain).items() if k != "customers"}


def test_an_edit_sinks_under_the_least_confidence() -> None:
    assert text_of(unspin.explain(TIES), "knowledge") == "data"
    sunk = unspin.Restorer(rescorer=Words(knowledge=100.0)).explain(TIES)
    assert "knowledge" in sunk.text
    assert "knowledge" not in confidences(sunk)


def test_an_edit_rises_above_the_least_confidence() -> None:
    plain = unspin.Restorer(min_confidence=0.85)
    assert "users" not in plain.restore(TIES)
    risen = unspin.Restorer(min_confidence=0.85, rescorer=Words(users=100.0)).explain(TIES)
    assert text_of(risen, "customers") == "users"
    assert confidences(risen)["customers"] >= 0.85


def test_the_weight_says_how_much_it_counts() -> None:
    plain = unspin.explain(TIES)
    assert unspin.Restorer(rescorer=Words(clients=100.0), rescorer_weight=0).explain(TIES) == plain
    surer = [
        confidences(unspin.Restorer(rescorer=Words(users=1.0), rescorer_weight=w).explain(TIES))["customers"]
        for w in (0.1, 0.5, 2.0)
    ]
    assert confidences(plain)["customers"] < surer[0] < surer[1] < surer[2]


# What it does not.


@pytest.mark.parametrize("least", [0.0, 0.3, 0.56, 0.9, 1.0])
@pytest.mark.parametrize("value", [0.0, -123.4])
def test_equal_scores_change_nothing(least: float, value: float) -> None:
    class Constant:
        def score(self, texts: list[str]) -> list[float]:
            return [value] * len(texts)

    for text in (TIES, SPUN, f"{TIES}\n\n{SPUN}\n\n{CLEAN}", TIES.upper(), TIES.replace("'", "’")):
        given_, plain = (unspin.Restorer(min_confidence=least, **o).explain(text) for o in ({"rescorer": Constant()}, {}))
        assert given_ == plain
        assert [e.alternatives for e in given_.edits] == [e.alternatives for e in plain.edits]


_SENTENCES = [
    "In accordance with the White Home, the legal guidelines are new.", "The newest knowledge of the customers is shared.",
    "It’s the identical place.", "Bytedance monitored the accounts of its staff.", "\n", "They desires to assist the corporate.",
]  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(_SENTENCES), max_size=8), st.sampled_from([0.0, 0.4, 0.56, 0.8]))
def test_equal_scores_change_nothing_whatever_the_text(sentences: list[str], least: float) -> None:
    text = " ".join(sentences)
    assert unspin.Restorer(min_confidence=least, rescorer=Words()).explain(text) == unspin.explain(text, min_confidence=least)


@pytest.mark.parametrize("text", ["", "It rained.", CLEAN, "42", "“In accordance with the White Home,” he said."])
def test_clean_text_is_never_scored(text: str) -> None:
    assert unspin.Restorer(rescorer=Never()).restore(text) == text
    assert unspin.Restorer(rescorer=Never()).detect(TIES) == unspin.detect(TIES)


def test_detection_stays() -> None:
    assert unspin.Restorer(rescorer=Words(clients=100.0)).explain(TIES).spin == unspin.detect(TIES)


# The arithmetic, against the obvious.


def reference(it: Laid, choice: Choice, rescorer: Words, weight: float) -> list[dict[str, float]]:
    """Probability of each text of each span, from all combinations of all texts of all spans."""
    parts = list(it.tokens.parts)
    priors: list[dict[str, float]] = []
    for k, (first, last) in enumerate(zip(choice.first.tolist(), choice.last.tolist())):
        spun = "".join(parts[2 * first + 1 : 2 * last + 2])
        texts = readings(it.table, choice, k, spun, begins_sentence(parts[2 * first] if first else "", spun), "", False)
        priors.append(chances_of(choice, k, spun, texts))
    totals: list[dict[str, float]] = [dict.fromkeys(prior, 0.0) for prior in priors]
    for combination in itertools.product(*priors):
        out = list(parts)
        for text, first, last in zip(combination, choice.first.tolist(), choice.last.tolist()):
            out[2 * first + 1 : 2 * last + 2] = [text, *[""] * (2 * (last - first))]
        probability = math.prod(prior[text] for prior, text in zip(priors, combination))
        probability *= math.exp(weight * rescorer.of("".join(out)))
        for total, text in zip(totals, combination):
            total[text] += probability
    return [
        {t: v * sum(prior.values()) / sum(total.values()) for t, v in total.items()} for prior, total in zip(priors, totals)
    ]


_TABLE = made(
    "# family: news", "# fires: 0.2", "data = knowledge", "skill = knowledge", "users = customers", "clients = customers",
    "laws = legal guidelines", "company = corporate",
)  # fmt: skip
_WORDS = "knowledge data skill customers users clients laws company corporate Knowledge Data Skill".split()


@settings(deadline=None, max_examples=40)
@given(
    st.dictionaries(st.sampled_from(_WORDS), st.floats(-6, 6), max_size=8),
    st.floats(0, 1.5),
    st.sampled_from([
        "The knowledge of the customers falls under the legal guidelines.",
        "Knowledge of customers, the corporate says, is knowledge.",
    ]),
)  # fmt: skip
def test_as_by_all_combinations_where_spans_do_not_matter_to_each_other(
    of_word: dict[str, float], weight: float, text: str
) -> None:
    # Where the log-probability is a sum over words, one place at a time comes to the same as all readings together.
    it = laid(_TABLE, text)
    choice = choose(it.table, it.tokens, it.read(), 0.0, RAW, worth=0.0)
    assert len(choice.first) >= 3
    rescorer = Words(**of_word)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SURE", 2.0), ("WORTH", 0.0), ("OPTION", 0.0)):
            patch.setattr(rescoring, name, value)
        after = rescoring.reconsider(it.table, text, it.tokens, choice, "", rescorer, weight)
    for k, expected in enumerate(reference(it, choice, rescorer, weight)):
        first, last = int(after.first[k]), int(after.last[k])
        spun = "".join(it.tokens.parts[2 * first + 1 : 2 * last + 2])
        texts = readings(it.table, after, k, spun, begins_sentence(it.tokens.parts[2 * first] if first else "", spun), "", False)
        got = chances_of(after, k, spun, texts)
        assert got == pytest.approx(expected, abs=1e-9)
        ranked = after.confidence[after.best[k] : after.stop[k]].tolist()
        assert ranked == sorted(ranked, reverse=True)


def test_settled_leaves_what_is_probable_enough() -> None:
    it = laid(_TABLE, "The knowledge of the customers falls under the legal guidelines.")
    reading = it.read()
    for least in (0.0, 0.3, 0.6, 0.9, 0.999):
        wide = choose(it.table, it.tokens, reading, least, RAW, worth=0.0)
        narrow = choose(it.table, it.tokens, reading, least, RAW)
        assert len(wide.first) >= len(narrow.first)
        for a, b in zip(settled(wide, least), narrow):
            np.testing.assert_array_equal(a, b)


# What is asked.


def asked(text: str, **options: Any) -> list[str]:
    rescorer = Words()
    unspin.Restorer(rescorer=rescorer, **options).explain(text)
    return rescorer.seen


def test_readings_differ_in_one_place_and_are_asked_once() -> None:
    seen = asked(TIES)
    assert len(seen) == len(set(seen)) > 3
    last = [t for t in seen if t.endswith("assist.") or t.endswith("help.")]
    best = unspin.restore(TIES, min_confidence=0)
    assert best in last
    for text in last:
        pairs = list(itertools.zip_longest(best.split(), text.split()))
        assert len(text.split()) != len(best.split()) or sum(a != b for a, b in pairs) <= 1


def test_sentences_are_asked_with_what_stands_before_them_in_their_paragraph() -> None:
    seen = asked(TIES)
    assert all(t.startswith("According to the White House") or t.startswith("In accordance") for t in seen)
    apart = asked(TIES.replace(". The newest", ".\nThe newest"))
    assert any(t.startswith("The latest") for t in apart)
    assert not any("\n" in t for t in apart)


def test_texts_are_of_bounded_length() -> None:
    endless = " and ".join([TIES.replace(".", ",")] * 20)
    seen = asked(endless)
    assert seen
    assert max(map(len, seen)) < rescoring.BEFORE + rescoring.SENTENCE + 100
    assert unspin.Restorer(rescorer=Words()).explain(endless) == unspin.explain(endless)


def test_protected_words_are_in_no_question_but_in_the_context() -> None:
    seen = asked(TIES, protect=["customers"])
    assert all("customers" in t for t in seen if "is shared" in t)


def test_one_call_a_pass() -> None:
    rescorer = Words(clients=100.0)
    unspin.Restorer(rescorer=rescorer).restore(TIES)
    assert 1 <= rescorer.calls <= rescoring.PASSES


# What goes wrong.


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ([], "0 scores for"), ([1.0], "1 scores for"), (None, "list of numbers"), (["a"], "list of numbers"),
        (3.0, "list of numbers"),
    ],
)  # fmt: skip
def test_answers_that_are_none(answer: object, complaint: str) -> None:
    restorer = unspin.Restorer(rescorer=Says(answer))  # type: ignore[arg-type]
    with pytest.raises(RescorerError, match=complaint):
        restorer.restore(TIES)
    assert restorer.restore(CLEAN) == CLEAN


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none(value: float) -> None:
    class Odd:
        def score(self, texts: list[str]) -> list[float]:
            return [value] * len(texts)

    with pytest.raises(RescorerError, match=r"Odd.score returned -?(nan|inf) for"):
        unspin.Restorer(rescorer=Odd()).restore(TIES)
    assert issubclass(RescorerError, unspin.UnspinError)


def test_any_sequence_of_numbers_will_do() -> None:
    class Array:
        def score(self, texts: list[str]) -> Any:
            return np.array([100.0 * ("clients" in t) for t in texts], dtype=np.float32)

    assert "clients" in unspin.Restorer(rescorer=Array()).restore(TIES)


def test_what_the_rescorer_raises_passes() -> None:
    with pytest.raises(AssertionError, match="asked about"):
        unspin.Restorer(rescorer=Never()).restore(TIES)


@pytest.mark.parametrize(
    "options",
    [
        {"rescorer": 3}, {"rescorer": "path"}, {"rescorer": Words(), "rescorer_weight": -1},
        {"rescorer": Words(), "rescorer_weight": "much"}, {"rescorer": Words(), "rescorer_weight": math.nan},
        {"rescorer": Words(), "rescorer_weight": True},
    ],
)  # fmt: skip
def test_options_that_mean_nothing(options: dict[str, Any]) -> None:
    with pytest.raises(unspin.OptionError, match="rescorer"):
        unspin.Restorer(**options)


# Many texts.


@pytest.mark.parametrize("workers", [None, 1, 2])
def test_batches_carry_it(workers: int | None) -> None:
    restorer = unspin.Restorer(rescorer=Words(clients=100.0))
    expected = [restorer.restore(TIES), CLEAN, restorer.restore(TIES)]
    assert "clients" in expected[0]
    assert list(restorer.restore_many([TIES, CLEAN, TIES], workers=workers, chunk=1)) == expected


def test_by_default_no_other_process_loads_it() -> None:
    rescorer = Words()
    list(unspin.restore_many([TIES] * 3, chunk=1, rescorer=rescorer))
    assert rescorer.seen, "this very object was asked"


def test_one_that_cannot_be_sent_is_refused() -> None:
    class Local(Words):
        pass

    restorer = unspin.Restorer(rescorer=Local())
    with pytest.raises(unspin.OptionError, match="workers=1"):
        list(restorer.restore_many([TIES], workers=2))
    assert len(list(restorer.restore_many([TIES], workers=1))) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_text_over_which_it_fails_leaves_the_others(workers: int) -> None:
    texts = [SPUN, f"Zanzibar is new. {TIES}", SPUN]
    out = list(unspin.restore_many(texts, workers=workers, chunk=1, rescorer=Broken("Zanzibar")))
    assert out[0] == out[2] == unspin.restore(SPUN)
    assert isinstance(out[1], unspin.Failure)
    assert (out[1].index, out[1].value) == (1, texts[1])
    assert isinstance(out[1].error, RescorerError)


def test_restorers_pickle_and_show_themselves() -> None:
    restorer = unspin.Restorer(rescorer=Words(clients=100.0))
    assert pickle.loads(pickle.dumps(restorer)).restore(TIES) == restorer.restore(TIES)
    assert "rescorer=" in repr(restorer)
    assert "rescorer" not in repr(unspin.Restorer())


def test_a_corpus_that_goes_on_tells_one_from_another() -> None:
    one, same, other = (unspin.Restorer(rescorer=r) for r in (Words(), Words(), Never()))
    assert _described(one) == _described(same)
    assert len({tuple(_described(r)) for r in (one, other, unspin.Restorer())}) == 3
