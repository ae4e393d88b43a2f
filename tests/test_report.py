"""Summaries, and the report: numbers, self-containment, and how a real browser takes it."""

from __future__ import annotations

import html as html_module
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin import report
from unspin.batch import Failure
from unspin.edits import Detection, Edit, Restoration
from unspin.report import BINS, Summary, summarise, write_report
from unspin.report_html import histogram

from .test_display import HOSTILE, TAGS, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None)
PAGE_TAGS = TAGS | {
    "html", "head", "meta", "title", "body", "main", "h1", "h2", "h3", "b", "strong", "small", "figure", "figcaption", "p",
    "article", "a",
}  # fmt: skip
CLEAN = Restoration("The bridge is old.", (), Detection(0.01, 0.0, "", -0.1, 4))


def spun(*pairs: tuple[str, str, float], words: int = 50, rate: float = 0.8, family: str = "news") -> Restoration:
    """A restoration with one edit a pair (spun, original, confidence)."""
    source, edits = "", []
    for old, new, confidence in pairs:
        edits.append(Edit(len(source), len(source) + len(old), old, new, confidence))
        source += f"{old} and "
    return Restoration(source, tuple(edits), Detection(0.99, rate, family, 1.0, words))


ONE = spun(("Firm", "Company", 0.9), ("firm", "company", 0.7), ("legal guidelines", "laws", 1.0))
TWO = spun(("firm", "company", 0.8), ("{", "", 0.99), words=30, rate=0.31, family="web")
FAILED = Failure(3, 7, TypeError("unspin works on str, not int"))


def test_counts() -> None:
    s = summarise(iter([ONE, None, CLEAN, FAILED, TWO, float("nan")]))
    assert (s.documents, s.spun, s.missing, s.failures) == (3, 2, 2, 1)
    assert (s.words, s.edits, s.words_restored) == (84, 5, 5)
    assert s.share_spun == pytest.approx(2 / 3)
    assert s.families == {"news": 1, "web": 1}
    assert [(x.original, x.spun, x.count, round(x.confidence, 6)) for x in s.substitutions] == [
        ("company", "firm", 3, 0.8), ("", "{", 1, 0.99), ("laws", "legal guidelines", 1, 1.0),
    ]  # fmt: skip
    assert {k: n for k, n in enumerate(s.rates) if n} == {16: 1, 6: 1}
    assert {k: n for k, n in enumerate(s.confidences) if n} == {18: 1, 14: 1, 16: 1, 19: 2}
    assert len(s.rates) == len(s.confidences) == BINS


def test_capitals_of_names_are_shown() -> None:
    s = summarise([spun(("Chinese language", "Chinese", 0.9), ("Chinese language", "Chinese", 0.9), ("Firm", "Company", 0.9))])
    assert [(x.original, x.spun) for x in s.substitutions] == [("Chinese", "Chinese language"), ("Company", "Firm")]


def test_parts_add_up_to_the_whole() -> None:
    results = [ONE, None, CLEAN, FAILED, TWO, ONE]
    whole = summarise(results)
    parts = sum((summarise(results[k : k + 2]) for k in (0, 2, 4)), Summary())
    assert parts.substitutions == whole.substitutions
    assert (parts.rates, parts.confidences, parts.families) == (whole.rates, whole.confidences, whole.families)
    assert str(parts) == str(whole)
    before = summarise([ONE])
    _ = before + before
    assert before.edits == 3, "adding leaves the parts alone"


def test_nothing_at_all() -> None:
    s = summarise([])
    assert s == Summary()
    assert s.share_spun == 0
    assert str(s).startswith("0 documents, 0 spun (0.0%)")
    assert "Documents" in s._repr_html_()


@pytest.mark.parametrize("wrong", ["text", 7, Detection(1, 1, "news", 1, 1), (ONE,)])
def test_other_things_are_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="results of explain"):
        summarise([ONE, wrong])


def test_adding_something_else_is_refused() -> None:
    with pytest.raises(TypeError):
        Summary() + 1  # type: ignore[operator]


def test_memory_is_bounded_and_what_is_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "DISTINCT", 10)
    s = summarise(spun(("firm", "company", 0.9), (f"rare{k}", "x", 0.9)) for k in range(300))
    assert len(s.substitutions) <= 20
    assert s.substitutions[0].count == 300
    assert s.edits == 600
    assert s.forgotten == 600 - sum(x.count for x in s.substitutions) > 0


def test_terminal_text() -> None:
    text = str(summarise([ONE, CLEAN, TWO, FAILED]))
    assert text.splitlines()[0] == "3 documents, 2 spun (66.7%); 5 of 84 words restored in 5 edits"
    assert "1 failure" in text
    assert re.search(r"3 +company ← firm +0.80", text)


def test_notebook_html() -> None:
    page = Page(summarise([ONE, CLEAN, TWO])._repr_html_())
    assert page.tags <= PAGE_TAGS
    assert "legal guidelines" in page.everything


# the page


def test_report_of_real_results(tmp_path: Path, spun: str) -> None:
    out = tmp_path / "report.html"
    s = write_report(map(unspin.explain, [spun, "The bridge reopened in March."]), out, title="Two texts")
    page = out.read_text(encoding="utf-8")
    text = " ".join(Page(page).everything)
    assert (s.documents, s.spun) == (2, 1)
    assert "Two texts" in text
    assert "Document 1" in text
    assert "Document 2" not in text, "documents without an edit are not listed"
    assert "legal guidelines" in text
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_report_needs_nothing_but_itself(tmp_path: Path) -> None:
    write_report([ONE, FAILED, TWO], tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|<link|<img|<iframe|\bsrc=|url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert 'name="viewport"' in page
    assert "@media print" in page


def test_most_spun_first_and_names_go_with_their_results(tmp_path: Path) -> None:
    light, heavy = spun(("firm", "company", 0.9), words=90), spun(*[("firm", "company", 0.9)] * 30)
    write_report([light, None, CLEAN, heavy, FAILED], tmp_path / "r.html", names=["light", "gone", "clean", "heavy", "failed"])
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert 0 < text.index("heavy</a>") < text.index("light</a>")
    assert "clean<" not in text
    assert "gone<" not in text
    assert "<td>failed</td><td>TypeError: unspin works on str, not int</td>" in text


def test_only_so_many_are_listed_and_shown(tmp_path: Path) -> None:
    results = [spun(*[("firm", "company", 0.9)] * (k + 1), words=200) for k in range(60)]
    write_report(iter(results), tmp_path / "r.html", listed=40, shown=3)
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    listed = re.findall(r"<td>(?:<a[^>]*>)?Document (\d+)", text)
    assert listed == [str(k) for k in range(60, 20, -1)]
    assert re.findall(r"<article id=\"(d\d)\"><h3>Document (\d+)", text) == [("d1", "60"), ("d2", "59"), ("d3", "58")]
    assert "The 40 most spun; 60 documents are spun in all." in text
    write_report(iter(results), tmp_path / "r.html", listed=0, shown=3)
    assert "<article" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_report_of_nothing(tmp_path: Path) -> None:
    write_report([], tmp_path / "r.html")
    assert "No document was changed." in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_too_few_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 names and more results"):
        write_report([ONE, TWO], tmp_path / "r.html", names=["one"])
    assert not list(tmp_path.iterdir())


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    out.write_text("old")

    def broken() -> Iterator[Restoration]:
        yield ONE
        raise RuntimeError("input ends")

    with pytest.raises(RuntimeError, match="input ends"):
        write_report(broken(), out)
    assert out.read_text() == "old"
    with pytest.raises(OSError):
        write_report([ONE], tmp_path / "none" / "r.html")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_report_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "r.html").write_text("old")
    (tmp_path / "link.html").symlink_to("r.html")
    write_report([ONE], tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert "company" in (tmp_path / "r.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("counts", "labels"),
    [([0, 0], ["0", "1"]), ([1, 0], ["0", "1"]), ([3, 2], ["0", "2", "4"]), ([7, 0], ["0", "4", "8"]),
     ([41, 5], ["0", "30", "60"]), ([25_000, 1], ["0", "20k", "40k"]), ([4_500_000, 1], ["0", "3M", "6M"])],
)  # fmt: skip
def test_histogram_axis(counts: list[int], labels: list[str]) -> None:
    svg = histogram(counts, "x", "red")
    assert re.findall(r'text-anchor="end" opacity=".75">([^<%]+)</text>', svg) == labels
    assert svg.count("<rect") == sum(n > 0 for n in counts)
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([0-9.]+)"', svg)]
    assert all(1.0 <= h <= 112.0 for h in heights)


def test_plot(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    s = summarise([ONE, TWO, spun(("$worth_$", "a\u202e$^{", 0.6))])
    figure = s.plot()
    left, upper, lower = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Most frequent substitutions", "Spin rate of spun documents", "Confidence of edits",
    ]  # fmt: skip
    assert [b.get_width() for b in left.patches][-1] == 3
    assert left.get_yticklabels()[-1].get_text() == "company ← firm"
    assert sum(b.get_height() for b in upper.patches) == 3
    assert sum(b.get_height() for b in lower.patches) == 6
    figure.savefig(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    Summary().plot().savefig(tmp_path / "empty.png")


def test_plot_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"unspin\[report\]"):
        Summary().plot()


# in a browser

#: Loads a page in a frame as wide as a phone, opens what is folded, and writes down what it finds.
PROBE = """<!doctype html><meta charset=utf-8><body><iframe id=f style="width:390px;height:800px;border:0" srcdoc="PAGE"></iframe>
<pre id=found></pre><script>
window.ran = 0;
document.getElementById('f').addEventListener('load', e => {
  const d = e.target.contentDocument, root = d.documentElement;
  d.querySelectorAll('details').forEach(x => x.open = true);
  document.getElementById('found').textContent = JSON.stringify({
    ran: window.ran, width: root.clientWidth, needs: root.scrollWidth, elements: d.querySelectorAll('script,img,iframe').length,
    handlers: [...d.querySelectorAll('*')].filter(x => [...x.attributes].some(a => a.name.startsWith('on'))).length,
    text: d.body.innerText.length,
  });
});
</script>"""


def browse(page: str, folder: Path) -> dict[str, Any]:
    """Return what the probe finds, the page's own policy taken out, so that escaping alone has to hold."""
    assert CHROMIUM is not None
    page = re.sub(r"<meta http-equiv=[^\n]*\n", "", page)
    (folder / "probe.html").write_text(PROBE.replace("PAGE", html_module.escape(page)), encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
         f"--user-data-dir={folder / 'profile'}", "--window-size=800,900", "--virtual-time-budget=4000", "--dump-dom",
         (folder / "probe.html").as_uri()],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    found = re.search(r'<pre id="found">([^<]*)</pre>', done.stdout.decode("utf-8"))
    assert found is not None
    result: dict[str, Any] = json.loads(html_module.unescape(found[1]))
    return result


#: What hostile text would have to do to be noticed.
NOTED = "<script>parent.ran++</script><img src=x onerror='parent.ran++'><svg onload='parent.ran++'></svg>"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_browser_probe_notices(tmp_path: Path) -> None:
    found = browse(f"<!DOCTYPE html><html><body>{NOTED}<div style='width:900px'>x</div></body></html>", tmp_path)
    assert found["ran"] >= 1
    assert found["elements"] == 2
    assert found["handlers"] == 2
    assert found["needs"] > found["width"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_browser_runs_no_hostile_text_and_nothing_overflows(tmp_path: Path) -> None:
    long = "x" * 4_000
    link = f'"><a href="javascript:parent.ran++">{NOTED}'
    texts = [*HOSTILE, NOTED, f"</title></style></textarea>{NOTED}", link, long, "— " * 900, "W" * 12, "abcdefghijkl MMMMMMMM"]
    results: list[Restoration | Failure | None] = []
    for text in texts:
        source = f"{text} worth {text}"
        at = len(text) + 1
        edits = (Edit(0, len(text), text, text, 0.6), Edit(at, at + 5, "worth", text, 0.9, (), text, text, text))
        results.append(Restoration(source, edits, Detection(0.9, 0.5, "news", 1.0, 9)))
        results.append(Failure(1, text, ValueError(text)))
    names = [text for text in texts for _ in (0, 1)]
    write_report(results, tmp_path / "r.html", title=f"{NOTED}</title>{NOTED}{long}", names=names, shown=50)
    found = browse((tmp_path / "r.html").read_text(encoding="utf-8"), tmp_path)
    assert found["text"] > 4 * len(long), "the page is there"
    assert (found["ran"], found["elements"], found["handlers"]) == (0, 0, 0)
    assert found["width"] <= 390
    assert found["needs"] <= found["width"]
