"""Restorers that fail and that tell, in a module of their own so that other processes can unpickle them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from unspin import resources
from unspin.restorer import Restorer

#: The text that can't be restored.
BOOM = "boom"


class FailingRestorer(Restorer):
    """Raises RuntimeError for `BOOM`, whatever is to be done with it."""

    @cached_property
    def _engine(self) -> Any:
        return _Engine(super()._engine)


class TellingRestorer(Restorer):
    """In place of each text tells: process id, batches this very object has done, times this process loaded the model."""

    batches = 0

    def restore_many(self, texts: Any, **options: Any) -> Iterator[str]:
        self.batches += 1
        done = list(super().restore_many(texts, **options))
        yield from [f"{os.getpid()} {self.batches} {resources.language_model.cache_info().misses}"] * len(done)


class _Engine:
    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def explain(self, text: str) -> Any:
        return self._engine.explain(_allowed(text))

    def detect(self, text: str) -> Any:
        return self._engine.detect(_allowed(text))


def _allowed(text: str) -> str:
    if text == BOOM:
        raise RuntimeError("out of luck")
    return text
