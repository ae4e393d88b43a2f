"""The pipeline component for spaCy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unspin

from .conftest import SPUN

spacy = pytest.importorskip("spacy")
from spacy.tokens import Doc, DocBin  # noqa: E402

import unspin.integrations.spacy  # noqa: E402

CLEAN = "It rained. Nothing else was new."


def pipeline(**config: Any) -> Any:
    nlp = spacy.blank("en")
    nlp.add_pipe("unspin", config=config)
    return nlp


@pytest.fixture(scope="module")
def nlp() -> Any:
    return pipeline()


def test_document(nlp: Any) -> None:
    doc = nlp(SPUN)
    expected = unspin.explain(SPUN)
    assert doc.text == SPUN, "the document itself stays"
    assert doc._.restored == expected.text
    assert doc._.edits == expected.edits
    assert doc._.spin == expected.spin
    assert isinstance(doc._.unspin, unspin.Restoration)
    assert doc._.unspin.keep(lambda e: e.confidence > 2).text == SPUN


def test_clean_document(nlp: Any) -> None:
    doc = nlp(CLEAN)
    assert doc._.restored == CLEAN
    assert doc._.edits == ()
    assert not doc._.spin.is_spun


@pytest.mark.parametrize("text", ["", " ", "\n\n", "😀"])
def test_hardly_a_document(nlp: Any, text: str) -> None:
    assert nlp(text)._.restored == text


def test_offsets_fit_the_document(nlp: Any) -> None:
    doc = nlp(f"😀  {SPUN}\n\n{SPUN}")
    assert doc._.edits
    for edit in doc._.edits:
        assert doc.char_span(edit.start, edit.end, alignment_mode="expand").text == edit.spun


def test_spans(nlp: Any) -> None:
    doc = nlp(f"{CLEAN} {SPUN}")
    first = doc._.edits[0]
    exact = doc.char_span(first.start, first.end)
    assert exact._.edits == (first,)
    assert exact._.restored == first.original
    assert doc[:2]._.edits == ()
    assert doc[:2]._.restored == doc[:2].text
    assert doc[:]._.restored == doc._.restored
    inside = doc.char_span(first.start, first.end)[:-1]
    assert inside._.edits == (first,), "an edit that reaches out of the span touches it"
    assert inside._.restored == inside.text, "but isn't made in it"


def test_without_the_component() -> None:
    doc = spacy.blank("en")(SPUN)
    assert doc._.unspin is None
    assert doc._.restored is None
    assert doc._.spin is None
    assert doc._.edits == ()
    assert doc[:3]._.edits == ()
    assert doc[:3]._.restored == doc[:3].text


def test_settings() -> None:
    assert pipeline(families=["academic"])(SPUN)._.edits == ()
    assert pipeline(protect=["legal guidelines"])(SPUN)._.restored == unspin.restore(SPUN, protect=["legal guidelines"])
    assert pipeline(min_confidence=0.99)(SPUN)._.restored == unspin.restore(SPUN, min_confidence=0.99)


@pytest.mark.parametrize(
    "config",
    [{"min_confidence": 2}, {"min_confidence": "high"}, {"families": ["newz"]}, {"spelling": "canadian"}, {"nonsense": 1}],
)
def test_settings_that_mean_nothing(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(config)).removesuffix("ies")):
        pipeline(**config)


def test_documents_survive_bytes(nlp: Any) -> None:
    doc = nlp(SPUN)
    copy = Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert copy._.unspin.edits == doc._.unspin.edits == unspin.explain(SPUN).edits
    assert copy._.edits[0].alternatives == tuple(unspin.explain(SPUN).edits[0].alternatives)
    assert copy._.spin == doc._.spin
    store = DocBin(store_user_data=True, docs=[doc])
    [again] = DocBin().from_bytes(store.to_bytes()).get_docs(nlp.vocab)
    assert again._.restored == doc._.restored


def test_processes(nlp: Any) -> None:
    texts = [SPUN, CLEAN] * 3
    got = [doc._.restored for doc in nlp.pipe(texts, n_process=2, batch_size=2)]
    assert got == [unspin.restore(t) for t in texts]


def test_error_handler(nlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str) -> None:
        raise RuntimeError("no")

    own = pipeline()
    monkeypatch.setattr(own.get_pipe("unspin"), "restorer", type("Broken", (), {"explain": staticmethod(fail)}))
    with pytest.raises(RuntimeError, match="no"):
        own(SPUN)
    seen: list[str] = []
    own.set_error_handler(lambda name, component, docs, error: seen.append(name))
    assert list(own.pipe([SPUN])) == []
    assert seen == ["unspin"]


def test_saved_and_found_by_entry_point(tmp_path: Path) -> None:
    pipeline(protect=["legal guidelines"]).to_disk(tmp_path)
    code = "import spacy, sys; print(spacy.load(sys.argv[1])(sys.argv[2])._.restored)"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), SPUN], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == unspin.restore(SPUN, protect=["legal guidelines"])
