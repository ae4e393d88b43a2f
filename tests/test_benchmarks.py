"""What the benchmarks compute: verdicts on edits, spinning for measuring, errors of calibration, parts taken out."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import ablation, command, gold, make_notebook_corpus, scaling
from benchmarks.calibration import Judged, bins, by_chance, calibration_error, fit, report, report_fit, weights
from benchmarks.curve import best_alternatives, fates, in_the_table
from benchmarks.detection import TRUE, excerpts, joined_excerpts
from benchmarks.judging import judge_line, judge_pair, judge_spun
from benchmarks.models import default_engine
from benchmarks.spin import Spinner, Spun
from benchmarks.tables import firing, one_list, uniform, without
from unspin import Alternative, Edit
from unspin.errors import UnspinError
from unspin.rows import FAMILIES, parse_rows
from unspin.table_compiler import fires

from .conftest import SPUN
from .small import made


def _change(line: str, spun: str, original: str) -> tuple[int, int, str]:
    start = line.index(spun)
    return start, start + len(spun), original


@pytest.mark.parametrize(
    ("spun", "original", "edit", "right"),
    [
        ("an precise ban", "an actual ban", ("precise", "actual"), True),
        ("an precise ban", "an actual ban", ("precise", "real"), False),
        # Neighbours that are wrong too, on either side, shorter or longer than what they stand for.
        ("in accordance with legal guidelines have been new", "according to laws were new", ("legal guidelines", "laws"), True),
        ("in accordance with legal guidelines have been new", "according to laws were new", ("legal guidelines", "rules"), False),
        ("the newest gross sales", "the latest sales", ("newest", "latest"), True),
        # Better than what stood there is not yet right.
        ("in accordance with it", "according to it", ("in accordance with", "as per"), False),
        # The right word in the wrong place, a word that was never spun, and half of what is due.
        ("a newest report on sales", "a latest report on sales", ("sales", "latest"), False),
        ("the staff of the firm", "the staff of the company", ("staff", "employees"), False),
        ("on the identical time", "at the same time", ("identical", "same"), True),
        ("on the identical time", "at the same time", ("on the identical time", "at the same time"), True),
        ("on the identical time", "at the same time", ("on the identical time", "at the identical time"), False),
        ("The Newest", "the latest", ("Newest", "Latest"), True),
        ("all of it is new", "it is new", ("all of it", "it"), True),
    ],
)
def test_an_edit_is_judged_by_itself(spun: str, original: str, edit: tuple[str, str], right: bool) -> None:
    assert judge_line(spun, original, [_change(spun, *edit)]) == [right]


def test_edits_of_several_lines() -> None:
    spun = "the newest\n\nthe firm’s customers\n"
    changes = (("newest", "latest"), ("firm", "company"), ("customers", "members"))
    edits = [Edit(*_change(spun, s, o)[:2], s, o, 0.9) for s, o in changes]
    assert judge_pair(spun, "the latest\n\nthe company’s users\n", edits) == [True, True, False]


ROWS = list(
    parse_rows(
        ["# family: news", "# fires: 1", "users = customers", "at the same time = on the identical time", "time = interval",
         "big = customers", "term = time period", "May = Might"],
        name="t",
    )
)  # fmt: skip


def test_spinning_keeps_its_rules_and_says_what_it_did() -> None:
    text = "At the same time users say “big time”, long-term big-time users. Users may in May."
    spun = Spinner(ROWS, "news").spin(text, 1)
    # Longest first; quotations and hyphenated words stay; what was inserted is not spun again.
    assert spun.text == "On the identical time customers say “big time”, long-term big-time customers. Customers may in Might."
    assert spun.original == text
    shown = [(spun.text[p.start : p.end], text[p.begin : p.stop]) for p in spun.places]
    assert shown == [
        ("On the identical time", "At the same time"), ("customers", "users"), ("customers", "users"), ("Customers", "Users"),
        ("Might", "May"),
    ]  # fmt: skip
    at = spun.text.index("customers say")
    right, wrong = Edit(at, at + 9, "customers", "users", 0.9), Edit(at, at + 9, "customers", "big", 0.9)
    clean = Edit(spun.text.index("say"), spun.text.index("say") + 3, "say", "state", 0.9)
    part = Edit(7, 16, "identical", "same", 0.9)
    assert judge_spun(spun, [right, wrong, clean, part]) == [True, False, False, True]


def test_spinning_draws_once_a_document_for_news_and_each_time_for_web() -> None:
    text = "big " * 60
    for family, forms in (("news", 1), ("web", 2)):
        rows = list(parse_rows([f"# family: {family}", "# fires: 1", "big = huge | vast"], name="t"))
        assert len(set(Spinner(rows, family).spin(text, 3).text.split())) == forms


def test_bins() -> None:
    confidence = np.array([0.0, 0.05, 0.1, 0.95, 1.0])
    assert [b.tolist() for b in bins(confidence)] == [[0, 1], [2], [], [], [], [], [], [], [], [3, 4]]
    assert sorted(np.concatenate(bins(confidence, mass=True)).tolist()) == [0, 1, 2, 3, 4]


def test_calibration_error() -> None:
    confidence = np.repeat([0.25, 0.75], 100)
    right = np.concatenate([np.arange(100) < 25, np.arange(100) < 75]).astype(float)
    for mass in (False, True):
        assert calibration_error(confidence, np.ones(200), mass=mass) == pytest.approx(0.5)
    assert calibration_error(confidence, right) == pytest.approx(0)
    assert calibration_error(np.zeros(0), np.zeros(0)) == 0
    assert 0 < by_chance(confidence) < 0.1
    assert by_chance(np.repeat(confidence, 100)) < by_chance(confidence)


def _edits(count: int = 4000) -> list[Judged]:
    draw = np.random.default_rng(1)
    posterior = draw.beta(3, 1, count)
    logit = 0.6 + 0.7 * np.log(posterior / (1 - posterior))
    right = draw.random(count) < 1 / (1 + np.exp(-logit))
    kinds = [("pairs read", "turbo"), ("pairs unread", "turbo"), ("spun here", "news"), ("clean", "")]
    return [Judged(*kinds[k % 4], k // 4, float(p), bool(r)) for k, (p, r) in enumerate(zip(posterior, right))]


def test_a_fit_finds_the_map_that_made_the_data() -> None:
    edits = _edits()
    confidence, right = np.array([e.confidence for e in edits]), np.array([e.right for e in edits], dtype=float)
    found = fit(confidence, right, np.ones(len(edits)))
    grid = np.linspace(0.2, 0.95, 16)
    made = 1 / (1 + np.exp(-(0.6 + 0.7 * np.log(grid / (1 - grid)))))
    assert np.abs(found(grid) - made).max() < 0.05


def test_real_edits_weigh_as_much_as_all_others() -> None:
    edits = _edits(900)
    weight = weights(edits)
    real = np.array([e.source.startswith("pairs") for e in edits])
    assert weight.sum() == pytest.approx(len(edits))
    assert weight[real].sum() == pytest.approx(weight[~real].sum())


def test_reports_name_every_source() -> None:
    edits = _edits(600)
    for lines in (list(report(edits)), list(report_fit(edits))):
        for name in ("pairs read", "pairs read turbo", "pairs unread", "spun here news", "all real pairs", "all"):
            assert any(line.startswith(f"| {name} |") for line in lines)


def _edit(text: str, spun: str, *options: str) -> Edit:
    start = text.index(spun)
    return Edit(start, start + len(spun), spun, options[0], 0.6, tuple(Alternative(o, 0.3) for o in options))


def _spun() -> Spun:
    text = "At the same time users say they say big users may be big."
    return Spinner(ROWS, "news").spin(text, 1)


def test_what_became_of_each_replacement() -> None:
    spun = _spun()
    assert spun.text == "On the identical time customers say they say customers customers may be customers."
    edits = [
        # Two edits that touch one replacement are judged together.
        _edit(spun.text, "On", "At"), _edit(spun.text, "identical", "same"), _edit(spun.text, "customers", "users"),
        _edit(spun.text, "they", "them"), _edit(spun.text, "customers customers", "users users"),
    ]  # fmt: skip
    found = [(f.kind, f.spun, f.original, f.found, f.before, f.after) for f in fates(spun, edits)]
    assert found == [
        ("restored", "On the identical time", "At the same time", "At the same time", 2, 0),
        ("restored", "customers", "users", "users", 1, 0),
        ("false", "they", "they", "them", 0, 1),
        ("wrong", "customers customers", "big users", "users users", 2, 1),
        ("kept", "customers", "big", "customers", 1, 1),
    ]


def test_oracles() -> None:
    spun = _spun()
    wrong = _edit(spun.text, "customers", "members", "users", "customers")
    # Of six word errors, two are the phrase, one is mended by an alternative.
    assert best_alternatives(spun, []) == 6
    assert best_alternatives(spun, [wrong]) == 5
    table = made("# family: news", "users = customers", "at the same time = on the identical time")
    assert in_the_table(table, spun) == 2


def test_rows_changed_for_measuring() -> None:
    rows = list(parse_rows(["a b = c | d*0.4 ; fires: 0.9", "e = f ; fires: 0.1", "g = h ; fires: 0.5"], name="t"))
    (first, last) = one_list(rows)
    assert (first.original, first.spun, first.weights, fires(first)) == ("a b", ("c",), (1.0,), 1.0)
    assert last.original == "g"
    assert one_list(rows, least=0.0, typical=0.4)[0].weights == (0.5, 0.5)
    assert uniform(rows)[0].weights == (0.5, 0.5)
    assert [fires(r) for r in firing(rows, 0.3)] == [0.3] * 3
    many = rows * 200
    fewer, fewest = without(many, 0.1, seed=4), without(many, 0.5, seed=4)
    assert without(many, 0.0) == many
    assert 500 < len(fewer) < 580
    assert 250 < len(fewest) < 350
    assert {id(r) for r in fewest} <= {id(r) for r in fewer}


def test_excerpts() -> None:
    assert list(excerpts("one two\nthree  four five", 2)) == ["one two", "three  four"]
    assert list(excerpts("", 2)) == list(excerpts("one", 2)) == []
    assert joined_excerpts(["a b c d", "e", "f"], 2) == ["a b", "c d", "e\nf"]
    assert set(gold.SYNONYM) <= set(TRUE)


def test_each_part_can_be_taken_out() -> None:
    whole = default_engine()
    text = whole.explain(SPUN).text
    assert text != SPUN
    changed = {}
    for name, make in ablation.variants(whole):
        if "weights" in name or "fires" in name or name == "both":
            continue  # compile the whole table: seconds each
        changed[name] = make().explain(SPUN).text
    assert len(changed) >= 14
    # Each is an engine that works; without n-grams it doesn't do as well.
    assert changed["composition of terms"] == text
    assert changed["language model (unigrams alone)"] != text


def test_taken_out() -> None:
    whole = default_engine()
    shut = f"`{SPUN}` {SPUN}"
    assert len(ablation._as(ablation.Unprotected, whole).explain(shut).edits) > len(whole.explain(shut).edits)
    table = ablation.without_survivors(whole.table)
    assert not table.fires.any()
    assert table.fires.shape[1] == len(FAMILIES)
    model = ablation.unigrams_only(whole.model)
    a, b = np.array([20, 30]), np.array([40, 50])
    probability, backoff = model.bigram(a, b)
    np.testing.assert_allclose(probability, model.unigrams[b])
    assert not backoff.any()


PROSE = "According to the report, the company said that the new laws may be important for many people at the same time.\n"


def test_articles_to_scale_by_are_texts_one_in_four_spun(tmp_path: Path) -> None:
    with lzma.open(tmp_path / "news.txt.xz", "wt", encoding="utf-8") as out:
        out.write(PROSE * 400)
    made_ = list(scaling.articles(tmp_path, 0.03))
    assert len(made_) >= 4
    assert all(isinstance(text, str) for text in made_)
    assert [set(text.splitlines(keepends=True)) == {PROSE} for text in made_[:4]] == [False, True, True, True]


def test_the_notebook_corpus_is_of_texts(tmp_path: Path) -> None:
    paragraphs = f"<p>{PROSE}</p>" * 10
    for k in range(8):
        page = f'<page xmlns="http://projectmallard.org/1.0/" id="p{k}"><title>Page {k}</title>{paragraphs}</page>'
        (tmp_path / f"p{k}.page").write_text(page, encoding="utf-8")
    records = list(make_notebook_corpus.corpus(tmp_path))
    assert len(records) == 8
    assert all(isinstance(value, str) for record in records for value in record.values())
    spun = [r for r in records if "original" in r]
    assert 0 < len(spun) < 8
    assert all(r["text"] != r["original"] for r in spun)


@pytest.mark.parametrize("error", [UnspinError("bad"), FileNotFoundError("none"), json.JSONDecodeError("no", "x", 0)])
def test_what_can_t_be_read_is_said_and_nothing_else_caught(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(what: Exception) -> Callable[[], None]:
        def work() -> None:
            raise what

        return work

    assert command.status(fails(error)) == 1
    assert capsys.readouterr().err == f"benchmarks: {error}\n"
    assert command.status(lambda: None) == 0
    with pytest.raises(ZeroDivisionError):
        command.status(fails(ZeroDivisionError()))

