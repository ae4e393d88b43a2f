"""What is written where: the text against its edits, articles, edits that are built late, by several threads at once."""

from __future__ import annotations

import copy
import pickle
import re
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unspin
from unspin import Alternative, Detection, Edit, Restoration
from unspin.decoder import Choice
from unspin.drafting import Account, Drafts, _words_of
from unspin.edits import Alternatives, apply_edits
from unspin.rendering import article
from unspin.tokens import split, tokenise

from .conftest import SPUN, load_cases
from .small import made

TEXTS = [c["text"] for g in ("passages", "in-the-wild", "synthetic", "known-failures") for c in load_cases(g)]

TABLE = made(
    "actual = precise", "big = enormous | huge", "enormous = big", "hour = sixty minutes", "useful = helpful", "idea = concept",
    "concept = idea", "many a = loads of", "such an = so a", "an = a kind of", "Chinese = Chinese language",
    "don't = do now no longer", "an = a", "favourite = most popular", "White House = White Home", "MRI = scanner",
)  # fmt: skip


def _drafted(text: str, *wanted: str, spelling: str = "keep", shut: str = "") -> Restoration:
    """Restore the phrases of ``spun=>original`` in *text*, first come, first served; the words of *shut* are protected."""
    tokens = tokenise(text, TABLE.vocabulary)
    found = TABLE.match(tokens.stream)
    spans: list[tuple[int, int, int, int]] = []
    for pair in wanted:
        spun, _, original = pair.partition("=>")
        size = len(split(spun)[1])
        for start, length, phrase in zip(found.start.tolist(), found.length.tolist(), found.phrase.tolist()):
            first = int(tokens.at[start])
            if length == size and tokens.words[first : first + size] == split(spun)[1]:
                for entry in range(int(TABLE.entries_from[phrase]), int(TABLE.entries_from[phrase + 1])):
                    if TABLE.texts[int(TABLE.row[entry])] == original:
                        spans.append((first, first + size - 1, entry, len(split(original)[1])))
    spans.sort()
    assert len(spans) >= len(wanted), "each stands in the text and in the table"
    first, last, entry, words = (np.array(x, dtype=np.int64) for x in zip(*spans))
    k = np.arange(len(spans))
    choice = Choice(
        first, last, k, k + 1, np.full(len(k), 0.1), entry, np.zeros(len(k), dtype=np.int64), words, np.full(len(k), 0.9)
    )
    free = np.array([word not in shut.split() for word in tokens.words])
    account = Account()
    account.add(0, Drafts(TABLE, text, tokens, choice, free, [], spelling))
    return Restoration(text, account, Detection(1, 1, "user", 1, len(tokens.words)))


@pytest.mark.parametrize(
    ("text", "wanted", "expect"),
    [
        ("It was a precise ban.", ["precise=>actual"], "It was an actual ban."),
        ("It was an precise ban.", ["precise=>actual"], "It was an actual ban."),
        ("An enormous cat.", ["enormous=>big"], "A big cat."),
        ("AN ENORMOUS CAT.", ["enormous=>big"], "A BIG CAT."),
        ("It took a sixty minutes or so.", ["sixty minutes=>hour"], "It took an hour or so."),
        ("It is a helpful tool.", ["helpful=>useful"], "It is a useful tool."),
        ("They have a scanner here.", ["scanner=>MRI"], "They have an MRI here."),
        ("It was a big concept, a concept.", ["concept=>idea"], "It was a big idea, an idea."),
        # An article further off, after a comma, or one that is a letter, is none of this word's.
        ("Plan a, precise as it is.", ["precise=>actual"], "Plan a, actual as it is."),
        ("Take vitamin a\nprecise or not.", ["precise=>actual"], "Take vitamin a\nactual or not."),
        # One after the other: each agrees with what stands after it in the end.
        ("An enormous concept.", ["enormous=>big", "concept=>idea"], "A big idea."),
        ("A big idea.", ["big=>enormous", "idea=>concept"], "An enormous concept."),
        # An article that was restored itself follows what stands after it now; there it comes out as it was.
        ("It is a enormous cat.", ["a=>an", "enormous=>big"], "It is a big cat."),
        ("It is a precise cat.", ["a=>an", "precise=>actual"], "It is an actual cat."),
        # Originals that end in an article agree with what follows.
        ("He saw loads of apples.", ["loads of=>many a"], "He saw many an apples."),
        ("He saw loads of cats.", ["loads of=>many a"], "He saw many a cats."),
        ("It was so a cat.", ["so a=>such an"], "It was such a cat."),
        ("It was so a hour.", ["so a=>such an"], "It was such an hour."),
        # Unless that changes too: then the word that comes in brings its own.
        ("It was so a precise ban.", ["so a=>such an", "precise=>actual"], "It was such an actual ban."),
        ("He has a kind of precise plan.", ["a kind of=>an", "precise=>actual"], "He has an actual plan."),
        ("He has a kind of enormous plan.", ["a kind of=>an", "enormous=>big"], "He has a big plan."),
        # Case, apostrophes, names.
        ("Precise bans are rare.", ["precise=>actual"], "Actual bans are rare."),
        ("It’s the rule: I do now no longer care.", ["do now no longer=>don't"], "It’s the rule: I don’t care."),
        ("the white home burnt.", ["white home=>White House"], "the White House burnt."),
    ],
)  # fmt: skip
def test_drafted(text: str, wanted: list[str], expect: str) -> None:
    r = _drafted(text, *wanted)
    assert r.text == expect
    assert apply_edits(text, r.edits) == expect


def test_a_protected_article_stays() -> None:
    assert _drafted("It was a precise ban.", "precise=>actual", shut="a").text == "It was a actual ban."


def test_spelling() -> None:
    text = "Their most popular colour is red."
    assert _drafted(text, "most popular=>favourite").text == "Their favourite colour is red."
    assert _drafted(text, "most popular=>favourite", spelling="american").text == "Their favorite colour is red."


def test_edits_say_what_they_follow_from() -> None:
    r = _drafted("A {precise} ban, an enormous ban.", "precise=>actual", "enormous=>big")
    shown = [(e.spun, e.original, e.kind, e.family, e.entry, e.confidence) for e in r.edits]
    row = "small.txt:1 actual", "small.txt:3 big"
    assert ("precise", "actual", "phrase", "user", row[0], 0.9) in shown
    assert ("an", "a", "article", "", "", 0.9) in shown
    for e in r.edits:
        assert e.alternatives[0] == (e.original, e.confidence)
        assert e.spun in [a.text for a in e.alternatives]


def test_words_of_an_original() -> None:
    assert _words_of("state-of-the-art thing", 0, 5) == "state-of-the-art thing"
    assert _words_of("state-of-the-art thing", 1, 4) == "of-the-art"
    assert _words_of("at the same time", 3, 4) == "time"


# -- Articles ---------------------------------------------------------------------------------------------------------


def _disagreeing(r: Restoration) -> list[str]:
    """Restored words that stand after the wrong one of "a" and "an"."""
    out, shift = [], 0
    text = r.text
    for e in r.edits:
        at = e.start + shift
        shift += len(e.original) - len(e.spun)
        before = re.search(r"(?<![\w'’])(an?) $", text[:at], re.I)
        word = split(e.original)[1]
        if e.kind == "phrase" and before and word and before[1].lower() != article(e.original):
            out.append(f"{before[1]} {e.original}")
    return out


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_articles_agree(text: str) -> None:
    assert _disagreeing(unspin.explain(text)) == []


_PHRASES = st.sampled_from(
    "precise brand-new|brand new|content material|legal guidelines|web site|Chinese language|software program|honest|"
    "enormous|gross sales|data|concept|usual|sixty|company|hour".split("|")
)
_NOUNS = st.lists(st.tuples(st.sampled_from(["a ", "an ", "A ", "the "]), _PHRASES, st.sampled_from([". ", ", ", " "])), max_size=8)


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(_NOUNS)
def test_articles_agree_in_any_weave(nouns: list[tuple[str, str, str]]) -> None:
    text = f"{SPUN} It is {''.join(a + b + c for a, b, c in nouns)}"
    assert _disagreeing(unspin.explain(text)) == []


# -- Built late -------------------------------------------------------------------------------------------------------


def _plain(edits: Iterable[Edit]) -> list[tuple[Any, ...]]:
    return [(*e[:5], [tuple(a) for a in e.alternatives], *e[6:]) for e in edits]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_late_edits_equal_early_ones(text: str) -> None:
    late, early = unspin.explain(text), unspin.explain(text)
    edits = early.edits
    readings = [tuple(e.alternatives) for e in edits]
    for e, texts in zip(edits, ([a.text for a in e.alternatives] for e in edits)):
        assert texts[0] == e.original
        assert e.spun in texts
        assert len(set(texts)) == len(texts)
    # The text first, from the drafts; then other documents; then the edits.
    shown = late.text
    unspin.explain(SPUN)
    assert late._edits is None
    assert _plain(late.edits) == _plain(edits)
    assert [tuple(e.alternatives) for e in late.edits] == readings
    assert late.edits is late.edits
    assert shown == late.text == early.text == apply_edits(text, edits)
    assert late == early
    assert hash(late) == hash(early)


def test_sections_account_for_themselves() -> None:
    """Offsets of a later section are those of the document."""
    text = f"{SPUN}\n" * 400
    r = unspin.explain(text)
    shown = r.text
    assert len(r.edits) > 400
    assert r.edits[-1].start > 30_000
    assert [e.spun for e in r.edits] == [text[e.start : e.end] for e in r.edits]
    assert apply_edits(text, r.edits) == shown


def _by_pickle(protocol: int) -> Callable[[Restoration], Restoration]:
    return lambda r: pickle.loads(pickle.dumps(r, protocol))


@pytest.mark.parametrize("copied", [_by_pickle(2), _by_pickle(pickle.HIGHEST_PROTOCOL), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("looked_at", [False, True])
def test_pickled_and_copied(copied: Any, looked_at: bool) -> None:
    r, known = unspin.explain(SPUN), unspin.explain(SPUN)
    assert known.edits
    if looked_at:
        assert r.edits
    again = copied(r)
    assert again == known
    assert again.text == known.text
    assert _plain(again.edits) == _plain(known.edits)
    with pytest.raises(AttributeError, match="immutable"):
        again.source = ""
    # Neither the table nor the document's tokens travel along.
    assert len(pickle.dumps(r)) < 20_000


def test_alternatives_are_a_tuple_to_all_purposes() -> None:
    items = (Alternative("a", 0.7), Alternative("b", 0.2))
    asked = []
    late = Alternatives(lambda: asked.append(1) or iter(items))  # type: ignore[func-returns-value]
    assert asked == []
    assert (late[0], late[-1], late[:1], len(late), list(late)) == (items[0], items[1], items[:1], 2, list(items))
    assert late == items and items == late and late == Alternatives(lambda: items) and hash(late) == hash(items)
    assert late != items[:1] and late != () and late != Alternatives(lambda: items[::-1])
    assert repr(late) == repr(items)
    assert pickle.loads(pickle.dumps(late)) == items
    assert items[1] in late and "a" not in late
    assert asked == [1], "rendered once"


class _Slow:
    """An account whose edits are built by two threads at the same time, as far as there are two."""

    def __init__(self) -> None:
        self.meeting = Barrier(2)

    def changes(self) -> list[tuple[int, int, str]]:
        return [(0, 1, "x")]

    def edits(self) -> tuple[Edit, ...]:
        try:
            self.meeting.wait(timeout=5)
        except BrokenBarrierError:
            return ()
        return (Edit(0, 1, "a", "x", 0.9, (Alternative("x", 0.9),)),)


def test_two_threads_may_build_the_edits_at_once() -> None:
    r = Restoration("a b", _Slow(), Detection(1, 1, "news", 1, 2))
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda _: r.edits, range(2))
    assert one == two == r.edits
    assert [e.original for e in r.edits] == ["x"]
    assert r.text == "x b"


def test_threads_that_look_at_one_restoration() -> None:
    known = unspin.explain(SPUN)
    expected = (known.text, _plain(known.edits))
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            for _ in range(60):
                r, start = unspin.explain(SPUN), Barrier(4)

                def look(k: int, r: Restoration = r, start: Barrier = start) -> tuple[str, list[tuple[Any, ...]]]:
                    start.wait(timeout=20)
                    if k % 2:
                        edits = _plain(r.edits)
                        return r.text, edits
                    return r.text, _plain(r.edits)

                assert all(seen == expected for seen in pool.map(look, range(4)))
    finally:
        sys.setswitchinterval(switch)
