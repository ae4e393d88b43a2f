"""Functions for datasets' map."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin.errors import OptionError
from unspin.integrations import ItemError, ItemWarning
from unspin.integrations.datasets import detector, restorer

from .conftest import SPUN

datasets = pytest.importorskip("datasets")
from datasets.fingerprint import Hasher  # noqa: E402

CLEAN = "It rained. Nothing else was new."
TEXTS = [SPUN, None, CLEAN, ""]
RESTORED = [t and unspin.restore(t) for t in TEXTS]


@pytest.fixture
def dataset() -> Any:
    return datasets.Dataset.from_dict({"id": list(range(len(TEXTS))), "text": TEXTS})


def test_restore_in_place(dataset: Any) -> None:
    got = dataset.map(restorer(), batched=True)
    assert list(got["text"]) == RESTORED
    assert list(got["id"]) == [0, 1, 2, 3]


def test_restore_into(dataset: Any) -> None:
    got = dataset.map(restorer(into="restored"), batched=True, batch_size=2)
    assert list(got["text"]) == TEXTS
    assert list(got["restored"]) == RESTORED


def test_one_by_one(dataset: Any) -> None:
    assert list(dataset.map(restorer(into="restored"))["restored"]) == RESTORED


def test_processes(dataset: Any) -> None:
    many = datasets.concatenate_datasets([dataset] * 3)
    got = many.map(restorer(protect=["legal guidelines"]), batched=True, batch_size=2, num_proc=2)
    expected = [t and unspin.restore(t, protect=["legal guidelines"]) for t in TEXTS]
    assert list(got["text"]) == expected * 3


def test_streamed(dataset: Any) -> None:
    stream = dataset.to_iterable_dataset().map(restorer(), batched=True, batch_size=3)
    assert [row["text"] for row in stream] == RESTORED


def test_edits(dataset: Any) -> None:
    # The first batches hold no edits, which must not settle the type of the column.
    back = dataset.select([3, 2, 1, 0])
    function = restorer(into="restored", edits="edits")
    got = back.map(function, batched=True, batch_size=1, features=function.features(back.features), writer_batch_size=1)
    assert got[0]["edits"] == []
    assert got[2]["edits"] is None
    e = unspin.explain(SPUN).edits[0]
    assert got[3]["edits"][0] == {
        "start": e.start, "end": e.end, "spun": e.spun, "original": e.original, "confidence": e.confidence,
        "family": e.family, "kind": e.kind,
    }  # fmt: skip
    assert list(got["restored"]) == RESTORED[::-1]


def test_detect(dataset: Any) -> None:
    function = detector(prefix="s_")
    got = dataset.map(function, batched=True, features=function.features(dataset.features))
    assert got.column_names == ["id", "text", "s_probability", "s_rate", "s_family", "s_evidence", "s_words"]
    found = unspin.detect(SPUN)
    assert got[0]["s_probability"] == found.probability
    assert (got[0]["s_family"], got[0]["s_words"]) == (found.family, found.words)
    assert got[1]["s_family"] is None and got[1]["s_words"] is None
    assert list(got.filter(lambda p: p is not None and p > 0.5, input_columns="s_probability")["id"]) == [0]


def test_pickle() -> None:
    function = restorer(into="restored", min_confidence=0.9)
    batch = {"text": TEXTS}
    expected = {"restored": [t and unspin.restore(t, min_confidence=0.9) for t in TEXTS]}
    assert function(batch) == expected
    assert pickle.loads(pickle.dumps(function))(batch) == expected


def test_fingerprint_is_that_of_the_options() -> None:
    function = restorer(protect=["a", "b"])
    before = Hasher.hash(function)
    function({"text": TEXTS})
    assert Hasher.hash(function) == before, "use must not change it"
    assert Hasher.hash(restorer(protect=["a", "b"])) == before
    others = [
        restorer(), restorer(protect=["a"]), restorer(protect=["a", "b"], into="x"), restorer("other", protect=["a", "b"]),
        restorer(protect=["a", "b"], errors="keep"), restorer(protect=["a", "b"], min_confidence=0.9), detector(),
        detector(prefix="x"),
    ]  # fmt: skip
    assert len({before, *map(Hasher.hash, others)}) == len(others) + 1


def test_fingerprint_is_that_of_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Hasher.hash(restorer())
    monkeypatch.setattr("unspin.integrations.datasets.__version__", "99")
    assert Hasher.hash(restorer()) != before


def test_fingerprint_is_the_same_in_every_process(tmp_path: Path) -> None:
    code = (
        "from datasets.fingerprint import Hasher; from unspin.integrations.datasets import restorer;"
        "print(Hasher.hash(restorer(protect=['a', 'b'], families=['news', 'web'], tables={'widget': ['gizmo']})))"
    )
    seen = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "HF_HOME": str(tmp_path)}
        seen.add(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment).stdout)
    assert len(seen) == 1
    assert seen != {b""}


def test_mapped_again_comes_from_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "It rained."}\n', encoding="utf-8")
    source = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    one = source.map(restorer(), batched=True)
    again = source.map(restorer(), batched=True)
    other = source.map(restorer(min_confidence=0.9), batched=True)
    assert one.cache_files == again.cache_files != other.cache_files


def test_item_that_is_no_text() -> None:
    with pytest.raises(ItemError, match="item 1: unspin works on str, not int"):
        restorer()({"text": [SPUN, 5]})
    with pytest.warns(ItemWarning, match="1 left"):
        assert restorer(errors="keep")({"text": [SPUN, 5]}) == {"text": [RESTORED[0], 5]}
    with pytest.warns(ItemWarning):
        assert detector(errors="keep")({"text": [5]})["spin_rate"] == [None]


def test_column_that_is_not_there(dataset: Any) -> None:
    with pytest.raises(KeyError, match=r"no column 'body' among id, text"):
        restorer("body")(dataset[:2])


def test_options_that_mean_nothing() -> None:
    for make in (restorer, detector):
        with pytest.raises(OptionError, match="errors must be one of"):
            make(errors="ignore")
        with pytest.raises(OptionError, match="min_confidence"):
            make(min_confidence=7)
        with pytest.raises(TypeError, match="nonsense"):
            make(nonsense=1)
