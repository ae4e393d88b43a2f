"""A second opinion through llama-cpp-python, from a real model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin.errors import DataError

from . import second_opinion
from .conftest import SPUN


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    from unspin.integrations.llama_cpp import CausalModel

    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(unspin.MissingExtraError, match=r"unspin\[llama-cpp\]"):
        CausalModel("model.gguf")


llama_cpp = pytest.importorskip("llama_cpp")
from unspin.integrations.llama_cpp import CausalModel  # noqa: E402


@pytest.fixture(scope="module")
def model() -> CausalModel:
    return CausalModel(second_opinion.small_model(), threads=1)


@pytest.fixture(scope="module")
def llama() -> Any:
    return llama_cpp.Llama(second_opinion.small_model(), n_ctx=256, logits_all=True, n_threads=1, n_threads_batch=1, verbose=False)


def test_scores(model: CausalModel) -> None:
    second_opinion.check_scores(model)


def test_odd_texts(llama: Any) -> None:
    second_opinion.check_odd_texts(CausalModel(llama))


def test_restoration(model: CausalModel) -> None:
    second_opinion.check_restoration(model)


def test_pickling(model: CausalModel, llama: Any) -> None:
    second_opinion.check_pickling(model, CausalModel(llama))


def test_a_model_that_somebody_else_uses_too(model: CausalModel, llama: Any) -> None:
    shared = CausalModel(llama)
    expected = model.score(second_opinion.TEXTS)
    assert shared.score(second_opinion.TEXTS) == pytest.approx(expected, abs=0.05)
    llama.create_completion("Quite another text", max_tokens=4)
    assert shared.score(second_opinion.TEXTS) == pytest.approx(expected, abs=0.05)
    llama.reset()
    assert shared.score(second_opinion.TEXTS) == pytest.approx(expected, abs=0.05)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        unspin.Restorer(rescorer=CausalModel(tmp_path / "none.gguf")).restore(SPUN * 3)
    (tmp_path / "bad.gguf").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"bad\.gguf"):
        CausalModel(tmp_path / "bad.gguf").score(["a"])
    mute = llama_cpp.Llama(second_opinion.small_model(), n_ctx=64, vocab_only=False, verbose=False)
    with pytest.raises(unspin.OptionError, match="logits_all=True"):
        CausalModel(mute)
