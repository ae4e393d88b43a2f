"""A second opinion: another language model scores the readings of a sentence, and what was nearly a tie is settled.

Of each sentence that holds uncertain spans the readings are formed that the posteriors hold likeliest: the best one, and
those that differ from it in one place. They are scored as they would be read, after the restored text before them, and
weighed log-linearly:

    log P'(reading) = log P(reading) + weight · log P_model(text) + constant

The constant leaves a span's readings together as probable as they were. Where a choice has changed by that, the sentence
and its neighbours are read once more with it (iterated conditional modes, Besag 1986). Spans that are certain are not
asked about, so that text in which nothing is found is never scored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from .decoder import Choice
from .drafting import begins_sentence, chances_of, readings
from .errors import RescorerError
from .phrase_table import PhraseTable
from .tokens import BREAK, Tokens

#: Weight of the model's log-probability against the log-posterior, tuned on the development texts that were read.
WEIGHT = 0.15
#: A span is asked about where its best reading is less probable than ``SURE`` and more than ``WORTH``; a reading where it
#: is at least so probable as ``OPTION``, and among the ``OPTIONS`` most probable.
SURE, WORTH, OPTION, OPTIONS = 0.97, 0.1, 0.01, 8
#: Code points of restored text before a sentence that the model gets to see, and of one sentence: longer ones are cut.
BEFORE, SENTENCE = 300, 600
#: How often the sentences are read.
PASSES = 2

_REST = re.compile(r"\S*")


class Rescorer(Protocol):
    """What gives a second opinion; see `unspin.integrations.transformers` and `unspin.integrations.llama_cpp`."""

    def score(self, texts: list[str], /) -> Sequence[float]:
        """Return the log-probability (natural logarithm) of each text."""
        ...


def scores(rescorer: Rescorer, texts: list[str]) -> list[float]:
    """Return what *rescorer* says of *texts*.

    Raises RescorerError where that is not one finite number a text; what the rescorer raises passes.

    >>> class Short:
    ...     def score(self, texts):
    ...         return [-float(len(t)) for t in texts]
    >>> scores(Short(), ["one", "three"])
    [-3.0, -5.0]
    """
    found = rescorer.score(texts)
    name = type(rescorer).__name__
    try:
        values = [float(v) for v in found]
    except (TypeError, ValueError) as error:
        raise RescorerError(f"{name}.score must return a list of numbers, not {found!r:.80}") from error
    if len(values) != len(texts):
        raise RescorerError(f"{name}.score returned {len(values)} scores for {len(texts)} texts")
    for text, value in zip(texts, values):
        if not math.isfinite(value):
            raise RescorerError(f"{name}.score returned {value} for {text!r:.80}; a log-probability is a finite number")
    return values


@dataclass(slots=True)
class _Span:
    """An uncertain span: what may stand there, the spun text too.

    ``index``  of the span in the choice
    ``slot``   index of its first word among the parts of the text
    ``spun``   the spun text; ``texts``: of its readings, in the order of the choice
    ``prior``  probability of each text that may stand there
    ``after``  the same by the second opinion
    ``now``    the likeliest of the texts
    """

    index: int
    slot: int
    spun: str
    texts: list[str]
    prior: dict[str, float]
    after: dict[str, float]
    now: str


@dataclass(frozen=True, slots=True)
class _Window:
    """A sentence, or a piece of a long one, with the text before it.

    ``begin``, ``stop``: indices of the parts of both; ``tail``: the punctuation after the last one
    """

    begin: int
    stop: int
    tail: str
    spans: list[_Span]


def reconsider(
    table: PhraseTable, text: str, tokens: Tokens, choice: Choice, spelling: str, rescorer: Rescorer, weight: float = WEIGHT
) -> Choice:
    """Return *choice* with the confidences of uncertain spans as the second opinion has them, their readings ranked anew.

    ``choice``: of a section, its *text*; ``spelling``: that restored words are written in; ``weight``: see above
    """
    parts, curly = list(tokens.parts), "’" in text
    spans: list[_Span] = []
    for index, (first, last) in enumerate(zip(choice.first.tolist(), choice.last.tolist())):
        slot, spun = 2 * first + 1, "".join(parts[2 * first + 1 : 2 * last + 2])
        fresh = begins_sentence(tokens.parts[2 * first] if first else "", spun)
        span = _span(choice, index, slot, spun, readings(table, choice, index, spun, fresh, spelling, curly))
        # The restored text as it stands: all of a span in the place of its first word.
        parts[slot : 2 * last + 2] = [span.now, *[""] * (2 * (last - first))]
        best = max((p for t, p in span.prior.items() if t != spun), default=0.0)
        if len(span.prior) > 1 and WORTH < best < SURE:
            spans.append(span)
    windows = list(_windows(tokens, parts, spans))
    known: dict[str, float] = {}
    for _ in range(PASSES):
        asked = [[_texts(window, span, parts) for span in window.spans] for window in windows]
        new = [t for t in dict.fromkeys(chain.from_iterable(t.values() for w in asked for t in w)) if t not in known]
        if not new:
            break
        known.update(zip(new, scores(rescorer, new)))
        for window, texts in zip(windows, asked):
            for span, of_reading in zip(window.spans, texts):
                span.after = _weighed(span.prior, {t: known[text] for t, text in of_reading.items()}, weight)
        for span in spans:
            span.now = max(span.after, key=lambda t: span.after[t])
            parts[span.slot] = span.now
    return _ranked(choice, spans)


def _span(choice: Choice, index: int, slot: int, spun: str, texts: list[str]) -> _Span:
    """Gather what may stand in a span: the likeliest of *texts*, and the spun text if it is one."""
    chances = chances_of(choice, index, spun, texts)
    likely = sorted((t for t in chances if chances[t] >= OPTION), key=lambda t: -chances[t])[:OPTIONS]
    prior = {t: chances[t] for t in likely or [spun]}
    return _Span(index, slot, spun, texts, prior, prior, likely[0] if likely else spun)


def _windows(tokens: Tokens, parts: list[str], spans: Sequence[_Span]) -> Iterator[_Window]:
    """Yield the sentences that hold some of *spans*."""
    word = tokens.at >= 0
    # Of each word, the number of its sentence.
    sentence = np.cumsum(tokens.stream == BREAK)[word].tolist()
    k = 0
    while k < len(spans):
        first = stop = spans[k].slot // 2
        while first and sentence[first - 1] == sentence[stop]:
            first -= 1
        while stop < len(sentence) and sentence[stop] == sentence[first]:
            stop += 1
        inside = []
        while k < len(spans) and spans[k].slot < 2 * stop:
            inside.append(spans[k])
            k += 1
        yield from _cut(parts, first, stop, inside)


def _cut(parts: list[str], first: int, stop: int, spans: list[_Span]) -> Iterator[_Window]:
    """Yield words *first* to *stop*, a sentence, in pieces of bounded length, each with the text before it."""
    size = 0
    for word in range(first, stop):
        size += len(parts[2 * word + 1]) + len(parts[2 * word + 2])
        # Never amid a span, where parts are empty.
        if word + 1 < stop and not (size > SENTENCE and parts[2 * word + 3]):
            continue
        inside = [s for s in spans if first <= s.slot // 2 <= word]
        if inside:
            before, seen = first, 0
            while before and "\n" not in parts[2 * before]:
                seen += len(parts[2 * before]) + len(parts[2 * before - 1])
                if seen > BEFORE:
                    break
                before -= 1
            rest = _REST.match(parts[2 * word + 2])
            assert rest is not None
            yield _Window(2 * before + 1, 2 * word + 2, rest[0], inside)
        first, size = word + 1, 0


def _texts(window: _Window, span: _Span, parts: list[str]) -> dict[str, str]:
    """Return the text to be scored of each reading of *span*, all else in the window as it now stands."""
    head = "".join(parts[window.begin : span.slot])
    rest = "".join(parts[span.slot + 1 : window.stop]) + window.tail
    return {t: (head + t + rest).lstrip() for t in span.prior}


def _weighed(prior: dict[str, float], score: dict[str, float], weight: float) -> dict[str, float]:
    """Return *prior*, weighed anew; its sum stays.

    >>> _weighed({"data": 0.3, "skill": 0.3}, {"data": -10.0, "skill": -12.0}, 0.5)
    {'data': 0.438..., 'skill': 0.161...}
    """
    most = max(score.values())
    if most == min(score.values()):
        return prior
    raw = {t: p * math.exp(weight * (score[t] - most)) for t, p in prior.items()}
    scale = sum(prior.values()) / sum(raw.values())
    return {t: r * scale for t, r in raw.items()}


def _ranked(choice: Choice, spans: Sequence[_Span]) -> Choice:
    """Return *choice* with the posteriors of the uncertain *spans*, and their readings the best first."""
    kept, confidence = choice.kept.copy(), choice.confidence.copy()
    order = np.arange(len(confidence))
    for span in spans:
        begin, stop = int(choice.best[span.index]), int(choice.stop[span.index])
        factor = {t: span.after[t] / p for t, p in span.prior.items()}
        confidence[begin:stop] *= [factor.get(t, 1.0) for t in span.texts]
        kept[span.index] *= factor.get(span.spun, 1.0)
        order[begin:stop] = begin + np.argsort(-confidence[begin:stop], kind="stable")
    return choice._replace(
        kept=kept, confidence=confidence[order], entry=choice.entry[order], begin=choice.begin[order], end=choice.end[order]
    )
