"""llama.cpp: a second opinion by a causal language model in a GGUF file (option ``rescorer`` of `unspin.Restorer`).

    from unspin.integrations.llama_cpp import CausalModel

    restorer = unspin.Restorer(rescorer=CausalModel("SmolLM2-135M-Instruct.Q4_1.gguf"))

Needs the extra ``llama-cpp`` (llama-cpp-python, which is compiled at installation).
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, OptionError
from ..extras import require

_EXTRA = "llama-cpp"
#: Tokens of context that a model is loaded with: no text is longer, or its last ones count.
CONTEXT = 1024


class CausalModel:
    """Scores texts by a model in a GGUF file.

    ``model``    the path of the file, or a `llama_cpp.Llama` made with ``logits_all=True``
    ``threads``  that the model runs on; None: all CPUs

    A file is opened at the first text to be scored; such an object pickles as the path, and every process has its own copy
    of the model. Texts are scored one after the other: what one begins with as the one before is not computed again, so
    give the readings of a sentence together. Threads take turns.

    Raises MissingExtraError where llama-cpp-python is not installed, OptionError for a model that gives no logits, and
    DataError where the file can't be read, at the first text.
    """

    def __init__(self, model: Any, *, threads: int | None = None) -> None:
        llama = require("llama_cpp", _EXTRA)
        given = isinstance(model, llama.Llama)
        if given and not model._logits_all:
            raise OptionError("the model must give the logits of all tokens: Llama(…, logits_all=True)")
        self._path = None if given else os.fspath(model)
        self._threads = threads
        self._set_up(model if given else None)

    def _set_up(self, model: Any) -> None:
        self._model = model
        self._lock = threading.Lock()
        # The tokens computed last, and the log-probability of each but the first, given those before it.
        self._tokens: list[int] = []
        self._logs: list[float] = []

    def score(self, texts: list[str], /) -> list[float]:
        """Return the log-probability of each text (natural logarithm), the model's begin token before it."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return [self._score(text) for text in texts]

    def _load(self) -> Any:
        llama = require("llama_cpp", _EXTRA)
        assert self._path is not None
        if not Path(self._path).is_file():
            raise DataError(f"{self._path}: no such file")
        try:
            threads = self._threads
            return llama.Llama(
                self._path, n_ctx=CONTEXT, logits_all=True, verbose=False, n_threads=threads, n_threads_batch=threads
            )
        except ValueError as error:
            raise DataError(f"{self._path}: {error}") from error

    def _score(self, text: str) -> float:
        model = self._model
        start = [t for t in (model.token_bos(), model.token_eos()) if t >= 0][:1]
        # Without a begin token the first word is given away.
        tokens = (start + model.tokenize(text.encode("utf-8", "replace"), add_bos=False))[-model.n_ctx() :]
        if len(tokens) < 2:
            return 0.0
        if model.input_ids[: model.n_tokens].tolist() != self._tokens:
            # The model was used for something else in between.
            self._tokens, self._logs = [], []
        seen = tokens[:-1]
        shared = next((k for k, (old, new) in enumerate(zip(self._tokens, seen)) if old != new), min(len(self._tokens), len(seen)))
        model.n_tokens = shared
        if seen[shared:]:
            model.eval(seen[shared:])
        # The logits after token k say how likely token k + 1 was; those of shared tokens are still there.
        first = max(shared - 1, 0)
        logits = model.scores[first : len(seen)]
        most = logits.max(axis=1)
        total = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
        logs = logits[np.arange(len(logits)), tokens[first + 1 :]] - total
        self._tokens, self._logs = seen, [*self._logs[:first], *logs.tolist()]
        return sum(self._logs)

    def __getstate__(self) -> dict[str, Any]:
        if self._path is None:
            raise TypeError("a model given as an object can't be sent to another process; give its path")
        return {"path": self._path, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._path, self._threads = state["path"], state["threads"]
        self._set_up(None)

    def __repr__(self) -> str:
        return f"CausalModel({self._path or self._model.model_path!r})"
