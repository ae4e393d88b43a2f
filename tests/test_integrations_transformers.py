"""A second opinion through transformers, from a real model and from one of a few random numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin.errors import DataError

from . import second_opinion


@pytest.mark.parametrize("missing", ["transformers", "torch"])
def test_without_the_libraries(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from unspin.integrations.transformers import CausalModel

    for name in ("transformers", "torch"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    with pytest.raises(unspin.MissingExtraError, match=r"unspin\[transformers\]"):
        CausalModel("model")


torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from unspin.integrations.transformers import SHARED, CausalModel  # noqa: E402


@pytest.fixture(scope="module")
def model() -> CausalModel:
    pytest.importorskip("gguf")
    return CausalModel(second_opinion.small_model())


class Bytes:
    """A tokenizer of a token a byte."""

    bos_token_id, eos_token_id = None, 1

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        return {"input_ids": [b + 2 for b in text.encode("utf-8", "surrogatepass")]}


@pytest.fixture(scope="module")
def random_model() -> Any:
    torch.manual_seed(1)
    config = transformers.LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=128,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


SAME = "What all begin with"
TEXTS = [
    f"{SAME}, one", f"{SAME}, two and more", "", "a", SAME, f"{SAME}.", "Another", f"{SAME}, one", "long " * 50,
    *(f"{SAME}{k}" for k in ("", " a", " b c d", " b")),
]  # fmt: skip


@pytest.fixture(scope="module")
def alone(random_model: Any) -> list[float]:
    """The log-probability of each of TEXTS, all its tokens by themselves: no batch, no cache."""
    out = []
    for text in TEXTS:
        row = torch.tensor([1, *Bytes()(text, add_special_tokens=False)["input_ids"]][-128:])
        with torch.inference_mode():
            logs = torch.log_softmax(random_model(row[None]).logits[0].double(), dim=1)
        out.append(sum(float(logs[k, token]) for k, token in enumerate(row[1:].tolist())))
    return out


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_batches_that_share_their_beginning_come_to_the_same(random_model: Any, alone: list[float], batch_size: int) -> None:
    assert len(SAME) > SHARED
    assert CausalModel(random_model, Bytes(), batch_size=batch_size).score(TEXTS) == pytest.approx(alone, abs=1e-3)


def test_scores(model: CausalModel) -> None:
    second_opinion.check_scores(model)


def test_odd_texts(random_model: Any) -> None:
    second_opinion.check_odd_texts(CausalModel(random_model, Bytes()))


def test_restoration(model: CausalModel) -> None:
    second_opinion.check_restoration(model)


def test_pickling(model: CausalModel, random_model: Any) -> None:
    second_opinion.check_pickling(model, CausalModel(random_model, Bytes()))


def test_what_is_no_model(tmp_path: Path, random_model: Any) -> None:
    with pytest.raises(DataError, match=r"none"):
        CausalModel(tmp_path / "none").score(["a"])
    with pytest.raises(unspin.OptionError, match="tokenizer"):
        CausalModel(random_model)
    with pytest.raises(unspin.OptionError, match="batch_size"):
        CausalModel("model", batch_size=0)
