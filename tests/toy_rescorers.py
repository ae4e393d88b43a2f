"""Rescorers of a few lines, in a module of their own so that other processes can unpickle them."""

from __future__ import annotations


class Words:
    """The log-probability of a text is the sum of those of its words: 0 but for the ones told."""

    def __init__(self, **of_word: float) -> None:
        self.of_word = of_word
        self.seen: list[str] = []
        self.calls = 0

    def score(self, texts: list[str]) -> list[float]:
        self.seen += texts
        self.calls += 1
        return [self.of(text) for text in texts]

    def of(self, text: str) -> float:
        words = text.replace(".", " ").replace(",", " ").split()
        return sum(self.of_word.get(word, 0.0) for word in words)


class Never:
    """Must not be asked."""

    def score(self, texts: list[str]) -> list[float]:
        raise AssertionError(f"asked about {texts}")


class Says:
    """Returns whatever it was told to."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def score(self, texts: list[str]) -> list[float]:
        return self.answer  # type: ignore[return-value]


class Broken:
    """Has a NaN for one text of those with *word* in it."""

    def __init__(self, word: str) -> None:
        self.word = word

    def score(self, texts: list[str]) -> list[float]:
        return [float("nan") if self.word in text else 0.0 for text in texts]
