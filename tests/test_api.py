"""The public face: names, laziness, examples."""

from __future__ import annotations

import doctest
import importlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

import unspin

PACKAGE = Path(unspin.__file__).parent
MODULES = sorted(p.stem for p in PACKAGE.glob("*.py") if p.stem not in ("__init__", "__main__"))


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=True, env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
    )  # fmt: skip
    return done.stdout.strip()


def test_all() -> None:
    assert unspin.__all__ == [
        "Alternative", "DataError", "Detection", "Edit", "Failure", "MissingExtraError", "OptionError", "Restoration",
        "Restorer", "TableError", "UnspinError", "detect", "detect_many", "explain", "explain_many", "restore",
        "restore_many", "summarise",
    ]  # fmt: skip
    for name in unspin.__all__:
        assert getattr(unspin, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'spin'"):
        unspin.spin  # noqa: B018


def test_star_import() -> None:
    assert python("from unspin import *; print(Restorer.__name__, restore.__name__)") == "Restorer restore"


def test_import_loads_nothing() -> None:
    loaded = python(
        "import sys, unspin\n"
        "heavy = ('numpy', 'regex', 'wordfreq', 'rapidfuzz', 'unspin.')\n"
        "print([m for m in sys.modules if m.startswith(heavy)])"
    )
    assert loaded == "[]"


def test_wordfreq_is_not_needed_to_restore() -> None:
    loaded = python("import sys, unspin; unspin.restore('It rained.'); print('wordfreq' in sys.modules)")
    assert loaded == "False"


def test_nothing_is_logged_or_warned_by_default() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import unspin; unspin.restore('In accordance with the White Home.')"],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert any(isinstance(h, logging.NullHandler) for h in logging.getLogger("unspin").handlers)


@pytest.mark.parametrize("name", ["", *MODULES])
def test_docstring_examples(name: str) -> None:
    module = importlib.import_module(f"unspin.{name}" if name else "unspin")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags).failed == 0


def test_every_module_says_what_it_is() -> None:
    for name in MODULES:
        assert (importlib.import_module(f"unspin.{name}").__doc__ or "").strip(), name


def test_restore_is_the_text_of_explain(spun: str) -> None:
    r = unspin.explain(spun)
    assert unspin.restore(spun) == r.text != spun
    assert r.spin == unspin.detect(spun)
    assert r.source == spun


def test_options_reach_the_restorer(spun: str) -> None:
    assert "White Home" in unspin.restore(spun, protect=["White Home"])
    assert unspin.restore(spun, families=["academic"]) == spun
    assert unspin.restore(spun, protect="White Home") == unspin.Restorer(protect=["White Home"]).restore(spun)
    assert not unspin.detect(spun, families=["academic"]).is_spun


def test_detection(spun: str) -> None:
    found = unspin.detect(spun)
    assert found.is_spun
    assert found.family == "news"
    assert 0.5 < found.rate <= 1
    assert found.words == 20
    assert set(found.rates) == {"news", "web", "spinbot", "turbo", "academic", "thesaurus", "user"}
    clean = unspin.detect("The bridge reopened in March. It had been closed for repairs since autumn.")
    assert not clean.is_spun
    assert (clean.family, clean.rate) == ("", 0)
    nothing = unspin.detect("")
    assert (nothing.probability, nothing.words, nothing.is_spun) == (0, 0, False)


def test_edits_account_for_themselves(spun: str) -> None:
    edits = {e.spun: e for e in unspin.explain(spun).edits}
    e = edits["legal guidelines"] if "legal guidelines" in edits else edits["The legal guidelines"]
    assert e.kind == "phrase"
    assert e.family == "news"
    assert ".txt:" in e.entry
    texts = [a.text for a in e.alternatives]
    assert texts[0] == e.original
    assert e.spun in texts
    assert len(set(texts)) == len(texts)
    assert repr(e).startswith("<Edit ")


def test_results_are_immutable(spun: str) -> None:
    r = unspin.explain(spun)
    with pytest.raises(AttributeError):
        r.edits[0].original = "x"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        r.spin.rate = 0.0  # type: ignore[misc]
    with pytest.raises(TypeError):
        r.spin.rates["news"] = 0.0  # type: ignore[index]
