"""What holds for every text."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unspin
from unspin import Edit, OptionError, Restoration, Restorer, UnspinError
from unspin.edits import apply_edits
from unspin.engine import SECTION, sections
from unspin.protected import find_places, set_apart
from unspin.tokens import split

from .conftest import SPUN, load_cases

CASES = [c for g in ("in-the-wild", "synthetic", "negative", "known-failures") for c in load_cases(g)]
TEXTS = [c["text"] for c in CASES]
#: What is left for want of evidence may be found when the restored text is restored again: not as it should be.
AGAIN = {"link"}

# Spun phrases, everything that is protected, and what breaks tokenisers, strung together.
_PIECES = st.sampled_from(
    [
        *("In accordance with", "the White Home", "content material", "could also be", "legal guidelines", "web site"),
        *("Chinese language", "an precise", "a brand new", "{hardware}", "three.2%", "gross sales", "a", "an", "the"),
        *("firm’s", "firm's", "“content material”", '"brand new"', "'could also be'", "`web site`", "$brand new$"),
        *("https://a.example/brand-new", "brand.new@web-site.org", "@firm", "#content", "\\emph{content material}"),
        *("<b>content material</b>", "&amp;", "[web site](http://a.example)", "```\nweb site\n```", "A1B2"),
        *(".", ",", "!", "\n", "\r\n", "\n\n", "\t", " ", "-", "…", "(", ")", '"', "“", "{", "}", "<", "`", "\x00"),
        *("İ", "ß", "\ud83d", "\udce9", "e\u0301", "\u202e", "👩‍👩‍👧", "ﬁrm", "٣", "\u2028", "\x85", "ǅ", "ŉ"),
    ]
)
_WEAVE = st.lists(st.tuples(_PIECES, st.sampled_from([" ", " ", " ", ""])), max_size=40).map(
    lambda pieces: "".join(a + b for a, b in pieces)
)
#: Texts that are sure to be taken for spun, so that the edits are there to be tested.
_SPUN = _WEAVE.map(lambda text: f"{SPUN} {SPUN} {text}")
_ANY = st.text(st.characters(exclude_categories=()), max_size=300)
_settings = settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))


def check(r: Restoration) -> None:
    """Everything that a restoration promises."""
    assert apply_edits(r.source, r.edits) == r.text
    end = 0
    kept: list[str] = []
    for e in r.edits:
        assert end <= e.start < e.end <= len(r.source)
        assert r.source[e.start : e.end] == e.spun
        assert e.original != e.spun
        assert 0 <= e.confidence <= 1
        assert e.alternatives
        kept.append(r.source[end : e.start])
        end = e.end
    kept.append(r.source[end:])
    # The stretches between edits come back as they are, in order.
    at = 0
    for k, stretch in enumerate(kept):
        assert r.text.startswith(stretch, at)
        at += len(stretch) + (len(r.edits[k].original) if k < len(r.edits) else 0)
    assert at == len(r.text)
    # Quotations may be touched, where the document shows that its spinner did not spare them; what stands in them never.
    for start, stop, kind in set_apart(r.source, find_places(r.source))[0]:
        touching = [e for e in r.edits if e.start < stop and start < e.end]
        assert touching == [], kind
    assert 0 <= r.spin.probability <= 1
    assert 0 <= r.spin.rate <= 1
    if r.edits:
        assert r.spin.words > 0


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_cases_keep_the_promises(case: dict[str, Any]) -> None:
    check(unspin.explain(case["text"], **case.get("options", {})))


@_settings
@given(_SPUN)
def test_spun_weaves_keep_the_promises(text: str) -> None:
    r = unspin.explain(text)
    assert r.source == text
    # Nonsense half as long as the spun passage may drown it.
    assert r.edits or len(text) > 2.5 * len(SPUN)
    check(r)


@_settings
@given(_ANY | _WEAVE)
def test_any_text_keeps_the_promises(text: str) -> None:
    r = unspin.explain(text)
    assert r.source == text
    check(r)
    assert unspin.restore(text) == r.text
    assert unspin.detect(text) == r.spin


@_settings
@given(_ANY | _WEAVE)
def test_parts_joined_are_the_text(text: str) -> None:
    parts, words = split(text)
    assert "".join(parts) == text
    assert len(parts) == 2 * len(words) + 1
    assert "".join(part for _, part in sections(text)) == text


@_settings
@given(_SPUN)
def test_protected_places_come_back_byte_for_byte(text: str) -> None:
    restored = unspin.restore(text)
    at = 0
    for start, stop, _ in set_apart(text, find_places(text))[0]:
        at = restored.index(text[start:stop], at) + stop - start


@_settings
@given(
    st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4), st.text(max_size=3)), max_size=5)
)
def test_apply_edits_against_a_rebuilt_list(source: str, wanted: list[tuple[int, int, str]]) -> None:
    edits: list[Edit] = []
    at = 0
    for start, length, new in sorted(wanted):
        if start >= at and start + length <= len(source):
            edits.append(Edit(start, start + length, source[start : start + length], new, 0.5))
            at = start + length
    expected = source
    for e in reversed(edits):
        expected = expected[: e.start] + e.original + expected[e.end :]
    assert apply_edits(source, edits) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_restored_text_is_left_alone(case: dict[str, Any]) -> None:
    if case["name"] in AGAIN:
        pytest.xfail("'study extra' is left at first, and restored once all around it is")
    options = case.get("options", {})
    once = unspin.restore(case["text"], **options)
    assert unspin.restore(once, **options) == once


@pytest.mark.parametrize(
    "text",
    [
        "“It rained all day,” she said.",
        "He said: “In accordance with the White Home, the legal guidelines are new.” It rained.",
        f"“{SPUN}”",
        f"```\n{SPUN}\n```",
        "The choice of tree depends on the soil and the rainfall.",
    ],
)
def test_a_text_without_anything_to_restore_is_not_called_spun(text: str) -> None:
    r = unspin.explain(text)
    assert r.text == text
    assert not r.spin.is_spun


def test_long_text_is_done_section_by_section() -> None:
    paragraph = f"{SPUN}\n" * 4 + "It rained.\r\n"
    text = paragraph * (2 * SECTION // len(paragraph))
    r = unspin.explain(text)
    check(r)
    parts = list(sections(text))
    assert len(parts) > 1
    assert all(part.endswith("\n") for _, part in parts)
    assert r.text == "".join(unspin.restore(part) for _, part in parts)
    assert [offset for offset, _ in parts] == [sum(len(p) for _, p in parts[:k]) for k in range(len(parts))]


def test_long_text_without_any_break() -> None:
    # Few opening quotation marks: finding places among unbroken ones takes quadratic time at present.
    for text in ("a" * (3 * SECTION), "web, site " * (SECTION // 8), "{" * (2 * SECTION), "“" * 1000):
        r = unspin.explain(text)
        check(r)
        assert "".join(part for _, part in sections(text)) == text


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_long_repetition_neither_over_nor_underflows() -> None:
    check(unspin.explain("content material " * 1400))


@pytest.mark.parametrize("least", [0.0, 0.5, 0.9, 1.0])
def test_min_confidence_bounds_every_edit(least: float) -> None:
    restorer = Restorer(min_confidence=least)
    for text in TEXTS[:30]:
        for e in restorer.explain(text).edits:
            # Articles and debris follow from the edits beside them.
            assert e.kind != "phrase" or e.confidence >= least - 1e-4


def test_fewer_edits_at_higher_confidence() -> None:
    counts = [len(Restorer(min_confidence=least).explain(TEXTS[0]).edits) for least in (0.0, 0.3, 0.9, 1.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_drop_and_keep() -> None:
    r = unspin.explain(SPUN)
    assert len(r.edits) > 3
    first, second, *rest = r.edits
    assert r.drop(0).edits == (second, *rest)
    assert r.drop(first, 1).edits == tuple(rest)
    assert r.drop(-1).edits == r.edits[:-1]
    assert r.drop() == r
    assert r.drop(first).text == apply_edits(SPUN, r.edits[1:])
    assert r.keep(lambda e: False).text == SPUN
    assert r.keep(lambda e: True) == r
    assert r.keep(lambda e: e.spun == second.spun).edits == (second,)
    assert r.edits[0] is first, "the restoration itself is left as it was"
    with pytest.raises(ValueError, match="not among the edits"):
        r.drop(first).drop(first)
    with pytest.raises(IndexError):
        r.drop(len(r.edits))


def test_restorer_and_results_pickle() -> None:
    restorer = Restorer(min_confidence=0.4, protect=["White Home"], tables={"smart speaker": ["gizmo wotsit"]})
    before = restorer.explain(SPUN)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(restorer, protocol))
        assert again.explain(SPUN) == before
        assert repr(again) == repr(restorer)
        assert pickle.loads(pickle.dumps(before, protocol)) == before
    # Unused, too: nothing is loaded by it.
    assert pickle.loads(pickle.dumps(Restorer(protect=["White Home"]))).restore(SPUN).count("White Home") == 1
    assert len(pickle.dumps(restorer)) < 10_000, "the models don't travel with it"


def test_threads_agree() -> None:
    texts = TEXTS[:40]
    alone = [unspin.explain(text) for text in texts]
    # A restorer nobody has used yet: its first use is raced for.
    restorer = Restorer()
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(restorer.explain, texts * 3))
    assert together == alone * 3


@pytest.mark.parametrize("function", [unspin.restore, unspin.explain, unspin.detect])
@pytest.mark.parametrize("value", [b"text", bytearray(b"text"), None, 3, ["text"]])
def test_only_str_is_taken(function: Any, value: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        function(value)


def test_bytes_are_told_apart() -> None:
    with pytest.raises(TypeError, match="decode it first"):
        unspin.restore(b"text")  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [unspin.restore, unspin.explain, unspin.detect])
def test_misspelt_option(function: Any) -> None:
    with pytest.raises(TypeError, match="min_confidense"):
        function("text", min_confidense=0.5)
    with pytest.raises(TypeError):
        Restorer(0.5)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_confidence": 1.5}, "from 0 to 1"),
        ({"min_confidence": -0.1}, "from 0 to 1"),
        ({"min_confidence": float("nan")}, "from 0 to 1"),
        ({"min_confidence": "0.5"}, "a number"),
        ({"min_confidence": True}, "a number"),
        ({"min_confidence": None}, "a number"),
        ({"protect": [3]}, "not int"),
        ({"protect": ["a", None]}, "not NoneType"),
        ({"families": ["newz"]}, "newz"),
        ({"families": "agreement"}, "agreement"),
        ({"spelling": "canadian"}, "canadian"),
        ({"spelling": None}, "spelling"),
    ],
)
def test_options_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        Restorer(**options)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, UnspinError)
