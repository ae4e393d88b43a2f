"""What the benchmarks compute: verdicts on edits, spinning for measuring, errors of calibration."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.calibration import Judged, bins, by_chance, calibration_error, fit, report, report_fit, weights
from benchmarks.judging import judge_line, judge_pair, judge_spun
from benchmarks.spin import Spinner
from unspin import Edit
from unspin.rows import parse_rows


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
