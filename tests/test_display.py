"""HTML of results: faithful to the text, safe whatever it holds, limited."""

from __future__ import annotations

from html.parser import HTMLParser
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unspin
from unspin.display import (
    LIMIT,
    count_words,
    detection_html,
    diff_html,
    escape,
    evidence_html,
    percent,
    restoration_html,
    visible,
)
from unspin.edits import Alternative, Detection, Edit, Restoration

SPIN = Detection(0.98, 0.8, "news", 1.2, 40, MappingProxyType({"news": 0.8, "web": 0.0}))
TAGS = {
    "div", "span", "style", "del", "ins", "mark", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "i",
    "svg", "rect", "line", "circle", "text",
}  # fmt: skip
ATTRIBUTES = {
    "class", "title", "style", "dir", "viewbox", "role", "aria-label", "aria-hidden", "colspan", "x", "y", "x1", "x2", "y1",
    "y2", "cx", "cy", "r", "rx", "width", "height", "fill", "opacity", "stroke", "text-anchor",
}  # fmt: skip
HOSTILE = [
    "<script>alert(1)</script>",
    "</style></div><img src=x onerror=alert(1)>",
    "\" onmouseover='alert(1)' x=\"",
    "&lt;b&gt; &amp;lt; &#60;script&#62;",
    "<!-- --> <![CDATA[ ]]> </textarea></title>",
    "a\u202ecod.exe\u2066b\u200fc",
    "\x00\x07\x1b[31m\x85",
    "caf\udce9 \ud800",
    "javascript:alert(1) {{7*7}} ${7*7}",
]


class Page(HTMLParser):
    """Tags, attributes, and the text inside and outside of del and ins."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.titles: list[str] = []
        self.open: list[str] = []
        self.source: list[str] = []
        self.restored: list[str] = []
        self.everything: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.titles += [value for name, value in attrs if name == "title" and value is not None]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.everything.append(data)
        if "summary" in self.open:
            return
        if "ins" not in self.open:
            self.source.append(data)
        if "del" not in self.open:
            self.restored.append(data)


def made(source: str, *edits: tuple[int, int, str, float]) -> Restoration:
    return Restoration(
        source,
        tuple(Edit(a, b, source[a:b], new, p, (Alternative(new, p), Alternative("other", 0.2))) for a, b, new, p in edits),
        SPIN,
    )


def test_diff_holds_source_and_restored_text(spun: str) -> None:
    r = unspin.explain(spun)
    page = Page(diff_html(r))
    assert r.edits
    assert "".join(page.source) == r.source
    assert "".join(page.restored) == r.text


@settings(max_examples=60)
@given(st.text(max_size=80), st.text(max_size=12), st.integers(0, 80), st.integers(0, 80))
def test_any_text_is_shown_and_no_more(source: str, new: str, a: int, b: int) -> None:
    a, b = sorted((min(a, len(source)), min(b, len(source))))
    r = made(source, (a, b, new, 0.5))
    # Line ends are normalised as any browser does, so pieces are compared as they are shown.
    page = Page(diff_html(r))
    shown = [visible(part.replace("\r\n", "\n")) for part in (source[:a], source[a:b], source[b:], new)]
    assert "".join(page.source) == "".join(shown[:3])
    assert "".join(page.restored) == shown[0] + shown[3] + shown[2]
    assert page.tags <= TAGS


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text: str) -> None:
    source = f"{text} worth {text}"
    start = len(text) + 1
    edit = Edit(start, start + 5, text, text, 0.6, (Alternative(text, 0.6), Alternative(f"2{text}", 0.3)), text, text, text)
    spin = Detection(0.9, 0.5, text, 1.0, 9, {text: 0.5})
    r = Restoration(source, (edit,), spin)
    for html in (restoration_html(r), detection_html(spin, r), r._repr_html_(), spin._repr_html_()):
        page = Page(html)
        assert page.tags <= TAGS
        assert page.attributes <= ATTRIBUTES
        html.encode("utf-8")
        assert not set(html) & set("\x00\x07\x1b\x85\u202e\u2066\u200f\udce9\ud800")
        assert visible(text) in "".join(page.everything)


def test_unseen_characters_are_named_and_seen_ones_left() -> None:
    assert escape("a\u202eb\x00c\ud800") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩"
    assert escape("tab\tline\nnaïve שלום 日本 👩‍💻 e\u0301") == "tab\tline\nnaïve שלום 日本 👩‍💻 e\u0301"


def test_confidence_is_told_and_shaded() -> None:
    html = diff_html(made("worth and worth", (0, 5, "value", 0.99), (10, 15, "price", 0.6)))
    first, second = (t for t in Page(html).titles if "→" in t and "value" in t), (t for t in Page(html).titles if "price" in t)
    title = next(first)
    assert title.splitlines()[0] == "worth → value  (99\u00a0% sure)"
    assert title.splitlines()[1] == "or other 20\u00a0%"
    assert "60\u00a0% sure" in next(second)
    assert html.count("unspin-doubt") == 1
    assert "rgba(40,150,90,0.37)" in html
    assert "rgba(40,150,90,0.19)" in html


def test_alternatives_are_listed_without_the_choice_and_the_improbable() -> None:
    edit = Edit(0, 1, "a", "b", 0.7, (Alternative("b", 0.7), Alternative("c", 0.29), Alternative("d", 0.001)), entry="t:1 b")
    text = " ".join(Page(restoration_html(Restoration("a", (edit,), SPIN))).everything)
    assert "c 29\u00a0%" in text
    assert "t:1 b" in text
    assert "d 0" not in text


def test_removed_text_has_no_insertion() -> None:
    html = diff_html(made("{x}", (0, 1, "", 0.99)))
    assert html.count("<del") == 1
    assert "<ins" not in html


def test_nearly_sure_is_not_sure() -> None:
    assert percent(0.9999) == ">\u00a099\u00a0%"
    assert percent(1.0) == "100\u00a0%"
    assert percent(0.125) == "12\u00a0%"


def test_long_unchanged_stretches_are_folded_but_there() -> None:
    filler = "plain words " * 200
    source = f"{filler}worth {filler}worth {filler}"
    at = len(filler)
    r = made(source, (at, at + 5, "value", 0.9), (2 * at + 6, 2 * at + 11, "price", 0.9))
    html = diff_html(r)
    assert html.count("<details") == 3
    assert "".join(Page(html).source) == source
    assert "<details" not in diff_html(made("plain words " * 20))


def test_limit_says_what_is_left_out() -> None:
    source = "worth " * 10_000
    r = made(source, *((6 * k, 6 * k + 5, "value", 0.9) for k in range(10_000)))
    html = diff_html(r, limit=600)
    assert html.count("<del") == 100
    assert "… 59,400 more characters with 9,900 edits, not shown." in html
    assert "".join(Page(html).source).startswith(source[:600])
    assert len(restoration_html(r)) < 60 * LIMIT
    assert "… and 9,800 more." in restoration_html(r)
    assert "not shown" not in diff_html(r, limit=len(source))


def test_limit_inside_an_edit_shows_it_whole() -> None:
    html = diff_html(made("ab worth cd", (3, 8, "value", 0.9)), limit=5)
    assert "".join(Page(html).source).startswith("ab worth")
    assert "3 more characters with 0 edits" in html


def test_detection() -> None:
    text = " ".join(Page(SPIN._repr_html_()).everything)
    assert "Spun" in text
    assert "98\u00a0%" in text
    assert "+1.20 nats a word, which speaks for spinning; 40 words weighed." in text
    assert "web" not in text, "families that replaced nothing are not listed"
    assert 'cx="343.2"' in SPIN._repr_html_()


def test_detection_of_clean_and_of_empty_text() -> None:
    clean = " ".join(Page(Detection(0.02, 0.0, "", -0.3, 50)._repr_html_()).everything)
    assert "Not spun" in clean
    assert "−0.30 nats a word, which speaks against spinning" in clean
    assert "No words to weigh" in unspin.detect("")._repr_html_()
    assert "No words to weigh" in unspin.explain("")._repr_html_()


def test_evidence_is_marked_in_the_text_as_it_came(spun: str) -> None:
    r = unspin.explain(spun)
    html = evidence_html(r)
    assert "".join(Page(html).source) == spun
    assert html.count("<mark") == len(r.edits)
    assert html in detection_html(r.spin, r)
    assert "<mark" not in detection_html(r.spin)


def test_no_outside_resource(spun: str) -> None:
    html = unspin.explain(spun)._repr_html_()
    assert not any(word in html for word in ("http:", "https:", "url(", "@import", "<script", "src="))


def test_words() -> None:
    assert count_words("") == 0
    assert count_words("{ }") == 0
    assert count_words("a state-of-the-art don’t 3.2") == 5
