"""Many texts at once: lazily, in order, over processes.

Texts travel in chunks to worker processes, each of which maps the models for itself (the pages are shared); a fixed
number of chunks is under way at a time, so that memory stays bounded however long the input is.
"""

from __future__ import annotations

import math
import operator
import os
import pickle
import signal
import subprocess
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from .errors import OptionError, UnspinError
from .restorer import Restorer

if TYPE_CHECKING:
    from .edits import Detection, Restoration

#: A chunk is full at so many code points, or so many items where no other number is asked for.
CHUNK_CHARACTERS = 1 << 16
CHUNK_ITEMS = 256
#: Chunks under way for each worker; enough that one slow chunk does not leave the others idle.
_AHEAD = 4
#: What a worker process runs. Its import path is that of this process.
_SERVE = "import sys; sys.path[:] = sys.argv[1:]; from unspin import batch; batch.serve()"


class WorkerError(UnspinError):
    """A worker process died or could not be started; no result is known for its chunk."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Stands in the results for an item that could not be done; it is false, where every other result object is true.

    ``index``  place of the item in the input, from 0
    ``value``  the item itself
    ``error``  what was raised: TypeError for an item that is no str

    >>> Failure(3, 7.5, TypeError("unspin works on str, not float"))
    <Failure of item 3: TypeError: unspin works on str, not float>
    """

    index: int
    value: object
    error: Exception

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        message = f"{type(self.error).__name__}: {self.error}"
        return f"<Failure of item {self.index}: {message if len(message) <= 120 else message[:119] + '…'}>"


def restore_many(
    texts: Iterable[str | None],
    *,
    workers: int | None = None,
    progress: bool | None = None,
    chunk: int | None = None,
    total: int | None = None,
    **options: Any,
) -> Iterator[str | Failure | None]:
    """Yield the restored text of each of *texts*, in order.

    ``texts``     any iterable of str, read as the results are asked for (some chunks ahead). None, NaN and pandas.NA
                  are passed through as they are.
    ``workers``   processes; 1 or 0: this process alone; None: as many as there are CPUs to use, or this process alone
                  where all the texts fit in one chunk or there is a ``rescorer``, which every process would load
    ``progress``  show a bar on standard error; None: where that is a terminal, and in notebooks
    ``chunk``     texts that travel to a process together, at most; None: 256, or 65,536 characters
    ``total``     number of texts, for the bar, where ``len(texts)`` does not tell

    The other options are those of `Restorer`. An item that can't be done becomes a `Failure` in its place, and the
    run goes on. Closing the iterator, or interrupting it, ends the processes.

    Raises OptionError and TypeError for arguments that mean nothing, when called; while it runs WorkerError where a
    worker process dies, and whatever *texts* itself raises, after the results of the texts before.

    >>> list(restore_many(["In accordance with the White Home, the legal guidelines are new.", None], workers=1))
    ['According to the White House, the laws are new.', None]
    """
    restorer = Restorer(**options)
    return restorer.restore_many(texts, workers=workers, progress=progress, chunk=chunk, total=total)


def explain_many(
    texts: Iterable[str | None],
    *,
    workers: int | None = None,
    progress: bool | None = None,
    chunk: int | None = None,
    total: int | None = None,
    **options: Any,
) -> Iterator[Restoration | Failure | None]:
    """Yield the `Restoration` of each of *texts*, in order; otherwise as `restore_many`.

    >>> [r] = explain_many(["In accordance with the White Home, the legal guidelines are new."], workers=1)
    >>> [e.original for e in r.edits if e.spun == "legal guidelines"]
    ['laws']
    """
    restorer = Restorer(**options)
    return restorer.explain_many(texts, workers=workers, progress=progress, chunk=chunk, total=total)


def detect_many(
    texts: Iterable[str | None],
    *,
    workers: int | None = None,
    progress: bool | None = None,
    chunk: int | None = None,
    total: int | None = None,
    **options: Any,
) -> Iterator[Detection | Failure | None]:
    """Yield the `Detection` for each of *texts*, in order; otherwise as `restore_many`.

    >>> [d.is_spun for d in detect_many(["It rained.", "In accordance with the White Home, it rained."], workers=1)]
    [False, True]
    """
    restorer = Restorer(**options)
    return restorer.detect_many(texts, workers=workers, progress=progress, chunk=chunk, total=total)


def run(
    restorer: Restorer,
    function: Callable[[Restorer, str], Any],
    texts: Iterable[Any],
    workers: int | None = None,
    progress: bool | None = None,
    chunk: int | None = None,
    total: int | None = None,
) -> Generator[Any, None, None]:
    """Yield ``function(restorer, text)`` for each of *texts*, in order; *function* is one that can be pickled.

    The arguments are those of `restore_many`.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"this takes an iterable of texts, not one {type(texts).__name__}: put it in a list")
    for name, value, least in (("workers", workers, 0), ("chunk", chunk, 1), ("total", total, 0)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise OptionError(f"{name} must be a whole number from {least} up, or None; not {value!r}")
    if total is None:
        total = operator.length_hint(texts) or None
    results = _results(restorer, function, iter(texts), workers, chunk)
    return _with_bar(results, total) if wants_bar(progress) else results


def usable_cpus() -> int:
    """Return how many CPUs this process may use: its affinity, and the quota of its container."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    # No such file, or "max": no quota.
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        count = min(count, math.ceil(int(quota) / int(period)))
    return max(count, 1)


def is_missing(item: object) -> bool:
    """Return whether *item* stands for no text: None, NaN, NaT, pandas.NA.

    >>> [is_missing(x) for x in (None, float("nan"), "", 0)]
    [True, True, False, False]
    """
    if item is None:
        return True
    if isinstance(item, str):
        return False
    try:
        differs: Any = item != item
        # pandas.NA compares to itself as pandas.NA, which is neither true nor false.
        return differs is item or bool(differs)
    except Exception:
        return False


def _results(
    restorer: Restorer, function: Callable[[Restorer, str], Any], items: Iterator[Any], workers: int | None, chunk: int | None
) -> Generator[Any, None, None]:
    # A model that gives a second opinion uses all CPUs by itself.
    count = (1 if restorer._rescorer is not None else usable_cpus()) if workers is None else workers
    if count > 1:
        chunks = _chunks(items, chunk or CHUNK_ITEMS)
        ahead = list(islice(chunks, 2))
        if workers is not None or len(ahead) > 1:
            yield from _pooled(restorer, function, chain(ahead, chunks), count)
            return
        items = chain.from_iterable(ahead)
    loaded = False
    for index, item in enumerate(items):
        if isinstance(item, _Raised):
            raise item.error
        if not loaded and isinstance(item, str):
            # Models that can't be loaded are no fault of an item.
            loaded = restorer._engine is not None
        outcome = _attempt(restorer, function, item) if isinstance(item, str) else None
        yield _settled(index, item, outcome)


class _Raised(NamedTuple):
    """What *function* raised for one text, or the input itself in place of a text."""

    error: Exception


def _attempt(restorer: Restorer, function: Callable[[Restorer, str], Any], text: str) -> Any:
    try:
        return function(restorer, text)
    except Exception as error:
        return _Raised(error)


def _settled(index: int, item: Any, outcome: Any) -> Any:
    """Return what stands in the results for an item."""
    if not isinstance(item, str):
        return item if is_missing(item) else Failure(index, item, TypeError(_no_text(item)))
    return Failure(index, item, outcome.error) if isinstance(outcome, _Raised) else outcome


def _no_text(item: object) -> str:
    hint = "; decode it first" if isinstance(item, (bytes, bytearray)) else ""
    return f"unspin works on str, not {type(item).__name__}{hint}"


def _chunks(items: Iterator[Any], most: int) -> Iterator[list[Any]]:
    """Yield the items in chunks; what *items* raises is the last item, to be raised when those before it are done."""
    chunk: list[Any] = []
    size = 0
    try:
        for item in items:
            chunk.append(item)
            size += len(item) if isinstance(item, str) else 0
            if size >= CHUNK_CHARACTERS or len(chunk) >= most:
                yield chunk
                chunk, size = [], 0
    except Exception as error:
        chunk.append(_Raised(error))
    if chunk:
        yield chunk


def _pooled(
    restorer: Restorer, function: Callable[[Restorer, str], Any], chunks: Iterator[list[Any]], workers: int
) -> Iterator[Any]:
    pool = _Pool(restorer, function, workers)
    under_way: deque[tuple[list[Any], int, Future[Sequence[Any]]]] = deque()
    characters = index = 0
    try:
        while True:
            while len(under_way) < _AHEAD * workers and (
                len(under_way) < workers or characters < _AHEAD * workers * CHUNK_CHARACTERS
            ):
                items = next(chunks, None)
                if items is None:
                    break
                # Exactly str: a subclass may carry anything along.
                texts = [str.__str__(item) for item in items if isinstance(item, str)]
                size = sum(map(len, texts))
                characters += size
                under_way.append((items, size, pool.submit(texts)))
            if not under_way:
                break
            items, size, future = under_way.popleft()
            outcomes = iter(future.result())
            characters -= size
            for item in items:
                if isinstance(item, _Raised):
                    raise item.error
                yield _settled(index, item, next(outcomes) if isinstance(item, str) else None)
                index += 1
    finally:
        pool.close()


class _Pool:
    """Worker processes and the threads that talk to them, one a process; processes start as they are needed.

    Plain child processes, not those of `multiprocessing`: nothing is forked while threads run, the caller's main
    module is not imported again (so it needs no ``if __name__ == "__main__"``), and daemons may have them.
    """

    def __init__(self, restorer: Restorer, function: Callable[[Restorer, str], Any], workers: int) -> None:
        try:
            self._setup = pickle.dumps((restorer, function))
        except Exception as error:
            if restorer._rescorer is None:
                raise
            raise OptionError(f"the rescorer can't be sent to worker processes ({error}); workers=1 needs none") from error
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="unspin")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._workers: list[_Worker] = []
        self._closed = False

    def submit(self, texts: Sequence[str]) -> Future[Sequence[Any]]:
        """Have some texts done; the future holds a result for each."""
        return self._threads.submit(self._do, texts)

    def _do(self, texts: Sequence[str]) -> Sequence[Any]:
        if not texts:
            return ()
        with self._lock:
            if self._closed:
                raise WorkerError("the pool is closed")
            if self._idle:
                worker = self._idle.pop()
            else:
                worker = _Worker(self._setup)
                self._workers.append(worker)
        results = worker.call(texts)
        with self._lock:
            self._idle.append(worker)
        return results

    def close(self) -> None:
        """End every process, whatever it is doing, and every thread."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.release()


class _Worker:
    """A child process that does one chunk after the other."""

    def __init__(self, setup: bytes) -> None:
        self._setup = setup
        self._ready = False
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _SERVE, *map(str, sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                # The processes are what runs in parallel; threads inside each would only compete.
                env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **os.environ},
            )
        except OSError as error:
            raise WorkerError(f"can't start a worker process ({error}); workers=1 needs none") from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to: Any = self._process.stdin
        self._from: Any = self._process.stdout

    def call(self, texts: Sequence[str]) -> Sequence[Any]:
        """Return the results for *texts*.

        Raises WorkerError where the process dies over them, and what kept it from loading the models.
        """
        if not self._ready:
            error = self._ask(self._setup)
            if error is not None:
                raise error
            self._ready = True
        results: Sequence[Any] = self._ask(pickle.dumps(texts, protocol=pickle.HIGHEST_PROTOCOL))
        return results

    def _ask(self, request: bytes) -> Any:
        try:
            self._to.write(request)
            self._to.flush()
            return pickle.load(self._from)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise WorkerError(self._obituary()) from None

    def _obituary(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            # It lives, but talks nonsense.
            self.kill()
            code = self._process.wait()
        if code >= 0:
            return f"a worker process ended with exit status {code}"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", as happens where memory runs out" if name == "SIGKILL" else ""
        return f"a worker process was ended by {name}{hint}; fewer workers need less memory"

    def kill(self) -> None:
        """End the process; whoever waits for it gets an error."""
        self._process.kill()

    def release(self) -> None:
        """Reap the process and close its pipes."""
        self._process.wait()
        for pipe in (self._to, self._from):
            with suppress(OSError):
                pipe.close()


def serve() -> None:
    """Be a worker process: restorer and function, then chunk after chunk, from standard input until it ends."""
    # An interrupt is for the process that reads the results; it ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = sys.stdin.buffer
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    # Whatever prints must not get between the results.
    os.dup2(2, 1)

    def answer(value: object) -> None:
        pickle.dump(value, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()

    # The other process is gone: so is the reason to go on.
    with suppress(EOFError, OSError):
        try:
            restorer, function = pickle.load(requests)
            restorer._engine  # noqa: B018
        except Exception as error:
            answer(_portable(error))
            return
        answer(None)
        while True:
            outcomes = [_attempt(restorer, function, text) for text in pickle.load(requests)]
            answer([_Raised(_portable(o.error)) if isinstance(o, _Raised) else o for o in outcomes])


def _portable(error: Exception) -> Exception:
    """Return *error*, or its text where it does not survive pickling."""
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:
        copy = None
    return error if type(copy) is type(error) else UnspinError(f"{type(error).__name__}: {error}")


def wants_bar(progress: bool | None) -> bool:
    """Return whether to show a progress bar: None asks whether anybody looks."""
    if progress is not None:
        return progress
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    # A kernel is a notebook's; a plain IPython shell is a terminal, which has been asked.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def open_bar(total: int | None, unit: str, *, bytes_: bool = False) -> Any:
    """Return a tqdm bar fit for the place, terminal or notebook."""
    with warnings.catch_warnings():
        # Without ipywidgets the bar is one of text; that needs no warning.
        warnings.simplefilter("ignore")
        tqdm = import_module("tqdm.auto").tqdm
    return tqdm(total=total, unit=unit, unit_scale=bytes_, dynamic_ncols=True)


def _with_bar(results: Generator[Any, None, None], total: int | None) -> Generator[Any, None, None]:
    with open_bar(total, "text") as bar, closing(results):
        for result in results:
            bar.update()
            yield result
