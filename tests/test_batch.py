"""Many texts: order, what is missing, what fails, and processes that come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unspin
from unspin import batch, resources
from unspin.batch import Failure, WorkerError, is_missing, run
from unspin.errors import DataError, OptionError, UnspinError

from .conftest import SPUN

CLEAN = "The bridge reopened in March."
RESTORER = unspin.Restorer()
SOURCE = str(Path(unspin.__file__).parents[1])

#: In this process, and in two others.
everywhere = pytest.mark.parametrize("workers", [0, 1, 2])
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")


# What workers are made to do here; they import it by name.


def process_id(restorer: unspin.Restorer, text: str) -> int:
    return os.getpid()


def long_process_id(restorer: unspin.Restorer, text: str) -> int:
    if text == "long":
        time.sleep(60)
    return os.getpid()


def failing(restorer: unspin.Restorer, text: str) -> str:
    if text == "bad":
        raise ArithmeticError("no good")
    print("this must not get between the results")
    return text.upper()


class _Awkward(Exception):
    def __init__(self, one: int, two: Callable[[], int]) -> None:
        super().__init__(f"{one}, {two()}")
        self.two = two


def failing_awkwardly(restorer: unspin.Restorer, text: str) -> str:
    raise _Awkward(1, lambda: 2)


def dying(restorer: unspin.Restorer, text: str) -> str:
    if text == "exit":
        os._exit(3)
    if text == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return text


class Unloadable(unspin.Restorer):
    @property
    def _engine(self) -> Any:  # type: ignore[override]
        raise DataError("no model here")


def numbered(count: int) -> list[str]:
    return [f"{SPUN} {k}." if k % 3 else f"{CLEAN} {k}." for k in range(count)]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Killed and waiting for a parent that is slow to look.
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return False


def all_gone(pids: set[int]) -> bool:
    end = time.monotonic() + 20
    while not all(map(gone, pids)):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


# Results


@everywhere
def test_the_same_as_one_by_one_and_in_order(workers: int) -> None:
    texts = numbered(23)
    assert list(unspin.restore_many(texts, workers=workers, chunk=2)) == [unspin.restore(t) for t in texts]
    assert list(unspin.detect_many(texts, workers=workers, chunk=2)) == [unspin.detect(t) for t in texts]
    explained = list(unspin.explain_many(texts, workers=workers, chunk=2))
    # Alternatives too, which are rendered where the models are.
    assert explained == [unspin.explain(t) for t in texts]
    assert explained[1].edits[0].alternatives == unspin.explain(texts[1]).edits[0].alternatives  # type: ignore[union-attr]


@everywhere
def test_nothing_in_nothing_out(workers: int) -> None:
    assert list(unspin.restore_many([], workers=workers)) == []
    assert list(unspin.restore_many(iter(["", CLEAN]), workers=workers)) == ["", CLEAN]


@everywhere
def test_options_and_methods(workers: int) -> None:
    protected = unspin.Restorer(protect=["White Home"], min_confidence=0.7)
    for results in (
        unspin.restore_many([SPUN], workers=workers, protect=["White Home"], min_confidence=0.7),
        protected.restore_many([SPUN], workers=workers),
        (r.text for r in protected.explain_many([SPUN], workers=workers)),  # type: ignore[union-attr]
    ):
        assert list(results) == [protected.restore(SPUN)]
    assert unspin.restore(SPUN) != protected.restore(SPUN)
    assert [d.is_spun for d in unspin.Restorer(families="academic").detect_many([SPUN], workers=workers)] == [False]  # type: ignore[union-attr]


def test_tables_of_ones_own_reach_the_workers() -> None:
    own = unspin.Restorer(tables={"smart speaker": ["gizmo wotsit"]})
    [restored] = own.restore_many([f"{SPUN} The gizmo wotsit could also be new."], workers=2)
    assert isinstance(restored, str)
    assert "smart speaker" in restored


class NA:
    """Compares as pandas.NA does."""

    def __ne__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


@everywhere
def test_missing_values_are_passed_through(workers: int) -> None:
    missing = [None, float("nan"), np.float64("nan"), np.datetime64("NaT"), NA()]
    texts: list[Any] = [CLEAN, *missing, SPUN]
    out = list(unspin.restore_many(texts, workers=workers, chunk=3))
    assert all(a is b for a, b in zip(out[1:-1], missing)), out
    assert (out[0], out[-1]) == (CLEAN, unspin.restore(SPUN))


def test_missing_values_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    assert is_missing(pandas.NA)
    assert is_missing(pandas.NaT)
    assert list(unspin.restore_many(pandas.Series(["a", None], dtype="string"), workers=1)) == ["a", pandas.NA]


@pytest.mark.parametrize("item", ["", "nan", 0, 1.5, [], (), b"", np.array([1.0, 2.0]), {"a": None}, object()])
def test_what_is_not_missing(item: object) -> None:
    assert not is_missing(item)


@everywhere
def test_kinds_of_str(workers: int) -> None:
    class Own(str):
        def __reduce__(self) -> Any:
            raise AssertionError("not to be pickled")

    out = list(unspin.restore_many([np.str_(SPUN), Own(SPUN), "caf\udce9 \ud800"], workers=workers))
    assert out == [unspin.restore(SPUN)] * 2 + ["caf\udce9 \ud800"]


# What fails


@everywhere
def test_items_that_are_no_text(workers: int) -> None:
    bad: list[Any] = [7, b"bytes", ["list"], lambda: None]
    out = list(unspin.restore_many([CLEAN, *bad, SPUN], workers=workers, chunk=2))
    assert (out[0], out[-1]) == (CLEAN, unspin.restore(SPUN))
    for k, (failure, value) in enumerate(zip(out[1:-1], bad), 1):
        assert isinstance(failure, Failure)
        assert not failure
        assert failure.index == k
        assert failure.value is value
        assert type(failure.error) is TypeError
    assert "decode it first" in str(out[2].error)  # type: ignore[union-attr]


@everywhere
def test_one_text_that_fails_leaves_the_others(workers: int, capfd: pytest.CaptureFixture[str]) -> None:
    out = list(run(RESTORER, failing, ["a", "bad", None, "b", "bad"], workers, chunk=2))
    assert [o for o in out if not isinstance(o, Failure)] == ["A", None, "B"]
    first, second = (o for o in out if isinstance(o, Failure))
    assert (first.index, second.index, first.value) == (1, 4, "bad")
    assert type(first.error) is ArithmeticError
    assert repr(first) == "<Failure of item 1: ArithmeticError: no good>"


@everywhere
def test_errors_that_do_not_travel(workers: int) -> None:
    [failure] = run(RESTORER, failing_awkwardly, ["a"], workers)
    assert "1, 2" in str(failure.error)
    assert isinstance(failure.error, UnspinError if workers == 2 else _Awkward)


def test_failure_is_short_and_frozen() -> None:
    failure = Failure(1, "x" * 10_000, ValueError("y" * 10_000))
    assert len(repr(failure)) < 200
    with pytest.raises(AttributeError):
        failure.index = 2  # type: ignore[misc]


@everywhere
def test_models_that_cannot_be_loaded_are_no_fault_of_the_texts(workers: int) -> None:
    with pytest.raises(DataError, match="no model here"):
        list(run(Unloadable(), unspin.Restorer.restore, [CLEAN, SPUN], workers))


def test_missing_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise DataError("english.lm is missing")

    monkeypatch.setattr(resources, "language_model", missing)
    with pytest.raises(DataError, match="is missing"):
        list(unspin.restore_many([CLEAN], workers=1))


@everywhere
def test_input_that_raises_does_so_after_what_came_before(workers: int) -> None:
    def texts() -> Iterator[str]:
        yield from numbered(7)
        raise LookupError("the disk is gone")

    out = []
    with pytest.raises(LookupError, match="the disk is gone"):
        for text in unspin.restore_many(texts(), workers=workers, chunk=2):
            out.append(text)
    assert out == [unspin.restore(t) for t in numbered(7)]


def test_input_that_raises_at_once() -> None:
    def texts() -> Iterator[str]:
        yield CLEAN
        raise LookupError("the disk is gone")

    results = unspin.restore_many(texts())
    assert next(results) == CLEAN
    with pytest.raises(LookupError):
        next(results)


@posix
@pytest.mark.parametrize(("way", "said"), [("exit", "exit status 3"), ("kill", "SIGKILL.*memory")])
def test_a_worker_that_dies_is_an_error(way: str, said: str) -> None:
    with pytest.raises(WorkerError, match=said):
        list(run(RESTORER, dying, ["a"] * 20 + [way] + ["b"] * 20, 2, chunk=1))


def test_a_worker_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/none/python")
    with pytest.raises(WorkerError, match="workers=1"):
        list(unspin.restore_many([CLEAN], workers=2))


def test_arguments_that_mean_nothing() -> None:
    for arguments in ({"workers": -1}, {"workers": 1.5}, {"workers": True}, {"chunk": 0}, {"total": -1}, {"min_confidence": 2}):
        with pytest.raises(OptionError):
            unspin.restore_many([CLEAN], **arguments)  # type: ignore[arg-type]
    for texts in (CLEAN, b"bytes", 7):
        with pytest.raises(TypeError):
            unspin.restore_many(texts)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        unspin.restore_many([CLEAN], nonsense=1)


# Laziness and processes


def test_lazy_in_this_process() -> None:
    taken = []

    def texts() -> Iterator[str]:
        for text in numbered(5):
            taken.append(text)
            yield text

    results = unspin.restore_many(texts(), workers=1)
    assert taken == []
    next(results)
    assert len(taken) == 1


def test_bounded_ahead_over_processes() -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "x"

    results = run(RESTORER, process_id, texts(), 2, chunk=5)
    for done in range(1, 200):
        next(results)
        assert taken <= done + 5 * 2 * 4 + 5 * 4
    results.close()


def test_long_texts_are_bounded_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "CHUNK_CHARACTERS", 10)
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "x" * 100

    results = run(RESTORER, process_id, texts(), 2)
    next(results)
    assert taken <= 4
    results.close()


def test_few_texts_need_no_processes() -> None:
    assert set(run(RESTORER, process_id, ["a"] * 10)) == {os.getpid()}
    assert os.getpid() not in run(RESTORER, process_id, ["a"] * 10, 2)


def test_many_texts_take_as_many_processes_as_there_are_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "usable_cpus", lambda: 3)
    pids = set(run(RESTORER, process_id, ["a"] * 200, chunk=2))
    assert 1 <= len(pids) <= 3
    assert os.getpid() not in pids
    monkeypatch.setattr(batch, "usable_cpus", lambda: 1)
    assert set(run(RESTORER, process_id, ["a"] * 200, chunk=2)) == {os.getpid()}


def test_cpus() -> None:
    assert 1 <= batch.usable_cpus() <= (os.cpu_count() or 1)


@posix
def test_the_end_ends_the_processes() -> None:
    assert all_gone(set(run(RESTORER, process_id, ["a"] * 30, 2, chunk=1)))


@posix
@pytest.mark.parametrize("way", ["close", "interrupt", "forget"])
def test_closing_ends_the_processes_whatever_they_do(way: str) -> None:
    texts = ["a"] * 8 + ["long"] * 8
    results = run(RESTORER, long_process_id, texts, 2, chunk=1)
    pids = {next(results) for _ in range(4)}
    begun = time.monotonic()
    if way == "close":
        results.close()
    elif way == "interrupt":
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt())
    else:
        del results
    assert all_gone(pids)
    # Not after the sleeps of sixty seconds: that would be waiting for the texts.
    assert time.monotonic() - begun < 50


def test_two_at_a_time() -> None:
    texts = numbered(12)
    pairs = zip(
        unspin.restore_many(texts, workers=2, chunk=1), unspin.restore_many(reversed(texts), workers=2, chunk=1)
    )
    restored = [unspin.restore(t) for t in texts]
    assert list(pairs) == list(zip(restored, reversed(restored)))


SCRIPT = f"""
import sys, unspin
from tests.test_batch import process_id
from unspin.batch import run
texts = ["It rained."] * int(sys.argv[1])
for pid in run(unspin.Restorer(), process_id, texts, 2, chunk=1):
    print(pid, flush=True)
    if len(sys.argv) > 2:
        sys.stdin.read(1)
print(len(list(unspin.restore_many(texts[:9], workers=2, chunk=1))), {SPUN!r} == unspin.restore({SPUN!r}))
"""


def script(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that has no ``if __name__ == "__main__"``."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    root = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True, env={**os.environ, "PYTHONPATH": os.pathsep.join((SOURCE, root))},
    )  # fmt: skip


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    out, err = script(tmp_path, "9").communicate(timeout=120)
    assert err == ""
    assert out.splitlines()[-1] == "9 False"


@posix
def test_an_interrupt_from_the_terminal(tmp_path: Path) -> None:
    process = script(tmp_path, "100000", "wait")
    assert process.stdin is not None
    assert process.stdout is not None
    pids = set()
    for _ in range(6):
        pids.add(int(process.stdout.readline()))
        process.stdin.write("x")
        process.stdin.flush()
    # As Ctrl-C does: to the whole group.
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 130)
    assert err.count("Traceback") == 1
    assert err.strip().endswith("KeyboardInterrupt")
    assert all_gone(pids)


@posix
def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    process = script(tmp_path, "100000", "wait")
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=60)
    assert all_gone({pid})


# The bar


class _Terminal:
    encoding = "utf-8"

    def __init__(self, isatty: bool) -> None:
        self.text = ""
        self.isatty = lambda: isatty

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("progress", "terminal", "shown"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_bar(progress: bool | None, terminal: bool, shown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = _Terminal(terminal)
    monkeypatch.setattr(sys, "stderr", stderr)
    assert list(unspin.restore_many([CLEAN] * 3, workers=1, progress=progress)) == [CLEAN] * 3
    assert ("3/3" in stderr.text) is shown
    assert bool(stderr.text) is shown


def test_bar_of_unknown_and_of_given_length(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = _Terminal(True)
    monkeypatch.setattr(sys, "stderr", stderr)
    list(unspin.restore_many((t for t in [CLEAN] * 3), workers=1))
    assert "3text" in stderr.text
    list(unspin.restore_many((t for t in [CLEAN] * 3), workers=1, total=3))
    assert "3/3" in stderr.text


def test_no_bar_where_there_is_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert list(unspin.restore_many([CLEAN], workers=1)) == [CLEAN]
