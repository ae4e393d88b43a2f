"""The loops in C against the numpy code that does the same work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unspin import forward_backward, kernels, lattice, resources, xor_map
from unspin.calibration import CALIBRATION
from unspin.channel import Channel
from unspin.channel import Settings as Constants
from unspin.composition import _seams
from unspin.decoder import _readings, _readings_native, choose
from unspin.evidence import _weights, find_matches, gather
from unspin.forward_backward import schedule
from unspin.inference import Reading, _alive, _own
from unspin.phrase_table import PhraseTable
from unspin.resources import language_model, phrase_table
from unspin.rows import FAMILIES
from unspin.tokens import FIRST_WORD, Vocabulary, _tokenise_native, split, tokenise

from .small import Laid, laid, made

TREE = Path(__file__).resolve().parents[1]
native = pytest.mark.skipif(kernels.library() is None, reason="no C compiler when the package was installed")


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_source_compiles_without_a_warning(tmp_path: Path) -> None:
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2", "-fPIC", "-shared"]
    sources = map(str, (TREE / "src/unspin/native").glob("*.c"))
    done = subprocess.run([*command, *sources, "-o", str(tmp_path / "k.so"), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_addresses() -> None:
    """The quick way agrees with the one that numpy documents."""
    arrays = [np.zeros(3), np.arange(9)[2:7], np.zeros(0), np.ones((4, 5))[1], np.frombuffer(b"12345678", dtype=np.uint8)]
    assert [kernels.address(a) for a in arrays] == [a.__array_interface__["data"][0] for a in arrays]


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Call a function as if there was no library."""

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(kernels, "library", lambda: None)
            return function(*arguments)

    yield call


def assert_same(fast: Any, slow: Any) -> None:
    """Both are equal, dataclasses and tuples part by part; numbers to float tolerance."""
    if is_dataclass(fast):
        assert type(fast) is type(slow)
        for field in fields(fast):
            assert_same(getattr(fast, field.name), getattr(slow, field.name))
    elif isinstance(fast, (tuple, list)):
        assert len(fast) == len(slow)
        for a, b in zip(fast, slow):
            assert_same(a, b)
    elif isinstance(fast, np.ndarray):
        assert fast.shape == slow.shape and fast.dtype == slow.dtype
        np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-12)
    else:
        assert fast == (pytest.approx(slow, rel=1e-9, abs=1e-12) if isinstance(fast, float) else slow)


def _layered(rng: np.random.Generator) -> tuple[forward_backward.Schedule, np.ndarray, np.ndarray]:
    """A random graph of states on levels, cut every few, every state reached from the level before or two before."""
    source, first, arrives, cut, level, begin = [], [0, 0], [0], [True], [0], 0
    for depth in range(1, 40):
        single = depth % 5 == 0
        for _ in range(1 if single else int(rng.integers(1, 4))):
            state = len(level)
            for s in range(begin, state):
                if depth - level[s] in (1, 2) and level[s] >= depth - depth % 5 - (5 if single else 0):
                    source.append(s)
            first.append(len(source))
            arrives.append(depth - (depth - 1) // 5 * 5)
            level.append(depth)
            cut.append(single)
        if single:
            begin = len(level) - 1
    weight = rng.uniform(0.01, 5.0, len(source))
    weight[rng.random(len(weight)) < 0.05] = 0.0
    to_int = [np.array(x, dtype=np.int64) for x in (source, first, arrives)]
    return schedule(*to_int, np.array(cut)), weight, rng.uniform(0.5, 2.0, len(level))


@native
@pytest.mark.parametrize("seed", range(20))
def test_sums(seed: int) -> None:
    plan, *weights = _layered(np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        slow, fast = forward_backward._linear(plan, *weights), forward_backward._native(kernels.library(), plan, *weights)
    assert_same(fast, slow)


@native
def test_sums_out_of_range_are_left_to_logarithms() -> None:
    n = 300
    cut = np.zeros(n + 1, dtype=bool)
    cut[[0, n]] = True
    plan = schedule(np.arange(n), np.append(0, np.arange(n + 1)), np.arange(n + 1), cut)
    weights = np.full(n, 1e-3), np.ones(n + 1)
    assert forward_backward._native(kernels.library(), plan, *weights) is None
    assert forward_backward.run(plan, *weights).log_total == pytest.approx(n * np.log(1e-3))


@native
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("asked", [0, 1, 31, 32, 33, 5000])
def test_look_ups(columns: int, asked: int, pure: Callable[..., Any]) -> None:
    rng = np.random.default_rng(columns)
    keys = np.unique(rng.integers(0, 2**63, 4000, dtype=np.uint64))
    table = xor_map.build(keys, [rng.integers(0, 256, len(keys), dtype=np.uint8) for _ in range(columns)])
    wanted = np.where(rng.random(asked) < 0.5, rng.choice(keys, asked), rng.integers(0, 2**63, asked, dtype=np.uint64))
    hits, values = table.find(wanted)
    slow_hits, slow_values = pure(table.find, wanted)
    assert hits.tolist() == slow_hits.tolist()
    assert [v.tolist() for v in values] == [v.tolist() for v in slow_values]
    assert asked < 32 or 0 < len(hits) < asked


def _laid(text: str, families: Sequence[str]) -> Laid:
    return laid(phrase_table(), text, families)


#: Texts as they come: an article, an original longer than its span, hardly any words, more than one cluster a sentence.
TEXTS = [
    (TREE / "examples/article.txt").read_text(encoding="utf-8"),
    "On the identical time, the White Home introduced new legal guidelines. With a view to tackle this, staff are employed.",
    "Identical knowledge.",
    "",
    "a",
    "deep studying and profound learning, in accordance with colossal information, " * 30,
]
cases = pytest.mark.parametrize("families", [("news",), ("news", "web", "agreement"), ("academic", "thesaurus")], ids="-".join)
texts = pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))


def made_contexts() -> PhraseTable:
    """A table whose entries ask for capitals and for what the text is about."""
    return made(
        "# family: news",
        "White House = White Home",
        "law = legal guideline; with: congress",
        "laws = legal guidelines; without: congress",
        "at the same time = on the identical time",
        "knowledge = data*3 | information",
    )


@native
@texts
@cases
def test_lattice(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    """Laying out, stepping, scheduling, pruning: each on what the one before gave."""
    table, at = phrase_table(), _laid(text, families)
    stream, arcs = at.tokens.stream, at.evidence.arcs
    graph = lattice.build(table, stream, arcs)
    assert_same(graph, pure(lattice.build, table, stream, arcs))
    rng = np.random.default_rng(len(text))
    for share in (0.0, 0.3, 0.9):
        steps = lattice.steps(graph.left, graph.right, len(graph.level))
        assert_same(steps, pure(lattice.steps, graph.left, graph.right, len(graph.level)))
        plan = lattice.schedule(graph, steps, 1)
        assert_same(plan, pure(lattice.schedule, graph, steps, 1))
        further = lattice.steps(steps.source, steps.target, len(graph.word))
        assert_same(further, pure(lattice.steps, steps.source, steps.target, len(graph.word)))
        plan = lattice.schedule(graph, further, 2, steps.target)
        assert_same(plan, pure(lattice.schedule, graph, further, 2, steps.target))
        arc_alive = rng.random(len(graph.arcs)) >= share
        alive = np.append(arc_alive, True)[graph.arc]
        # A kept word may go too.
        alive &= (graph.arc >= 0) | (rng.random(len(alive)) >= share / 3)
        assert_same(lattice.select_steps(steps, alive), pure(lattice.select_steps, steps, alive))
        smaller = lattice.select(graph, alive)
        assert_same(smaller, pure(lattice.select, graph, alive))
        graph = smaller


@native
@texts
@cases
def test_language_model(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    model, graph = language_model(), _laid(text, families).graph
    word = np.where(graph.word < len(model.unigrams), graph.word, 0)
    pairs = lattice.steps(graph.left, graph.right, len(graph.level))
    a, b = word[pairs.source], word[pairs.target]
    scores = model.bigram(a, b)
    assert_same(scores, pure(model.bigram, a, b))
    assert_same(model.bigram(pairs.source, pairs.target, word), scores)
    assert_same(pure(model.bigram, pairs.source, pairs.target, word), scores)
    inner = (graph.arc >= 0) & ~graph.head
    assert_same(model.inside(word, pairs, inner, scores[0]), pure(model.inside, word, pairs, inner, scores[0]))
    triples = lattice.steps(pairs.source, pairs.target, len(word))
    asked = (word, pairs, triples, *reversed(scores))
    assert_same(model.along(*asked), pure(model.along, *asked))


#: Characters that words, numbers, gaps and abbreviations are made of, and some that few texts hold.
PIECES = [
    *"the firm said Mr U.S. dr. IPHONE don't firm's firm’s it's's rock’n’roll 3.2 1,000.50 4th three.2%".split(),
    *"3. x1 snake_case web-site {hardware} **bold** naïve Straße Élan 北京 موقع ² ٣ ǅ ß İ K".split(),
    *"𝐀 🎉 \ud800 \x00 ’S ’s' '' ' . . . . , ; : ( ) - – — … “ ” / = %".split(),
    *[" ", " ", " ", "\n", "\r\n", "\xa0", ".\xa0", ". ", " - ", "\u2028", "\u200b", "\t"],
]
_pieces = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=()), max_size=40).map("".join)


def assert_same_tokens(text: str, vocabulary: Vocabulary) -> None:
    fast, slow = tokenise(text, vocabulary), tokenise(text, dict(vocabulary))
    assert slow.codes is None
    for name in ("offsets", "stream", "at", "capital"):
        assert_same(getattr(fast, name), getattr(slow, name))
    assert (fast.parts, fast.words) == (slow.parts, slow.words) == split(text)


@native
@settings(deadline=None, max_examples=500)
@given(_pieces)
def test_tokens(text: str) -> None:
    for vocabulary in (VOCABULARY, SMALL):
        assert_same_tokens(text, vocabulary)


VOCABULARY = resources.language_model().vocabulary
#: One that lacks most words, abbreviations too, and holds some that aren't ASCII.
SMALL = Vocabulary({w: FIRST_WORD + k for k, w in enumerate(["the", "naïve", "'s", "don't", "dr", "ß", "3.2", "two words", "🎉"])})


@native
def test_tokens_of_texts() -> None:
    for text in [*TEXTS, (TREE / "README.md").read_text(encoding="utf-8"), "".join(map(chr, range(0x300))), "a" * 10_000]:
        assert_same_tokens(text, phrase_table().vocabulary)


@native
def test_what_c_cannot_tokenise_is_left_to_python() -> None:
    index = VOCABULARY.index
    assert index is not None
    for text, known in (("naïve", True), ("🎉", True), ("İ", False), ("\u212a", False), ("\U000e0001", False)):
        assert (_tokenise_native(kernels.library(), text, VOCABULARY, index) is not None) is known
    # Words that no index can hold.
    assert Vocabulary({"the": 3}).index is None
    assert Vocabulary({"a\nb": FIRST_WORD}).index is None
    assert_same_tokens("the a", Vocabulary({"a\nb": FIRST_WORD, "the": FIRST_WORD + 1}))


@native
@texts
@cases
def test_evidence(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    table = made_contexts() if families == ("news",) else phrase_table()
    tokens = tokenise(text, table.vocabulary)
    considered = np.array([f in families for f in FAMILIES])
    found = table.match(tokens.stream)
    assert_same(found, pure(table.match, tokens.stream))
    assert_same(_weights(table, found), pure(_weights, table, found))
    for free in (np.ones(len(tokens.words), dtype=bool), np.arange(len(tokens.words)) % 3 > 0):
        matches = find_matches(found, tokens, free)
        assert_same(matches, pure(find_matches, found, tokens, free))
        assert_same(gather(table, tokens, matches, considered), pure(gather, table, tokens, matches, considered))


@native
@pytest.mark.parametrize("seed", range(20))
def test_evidence_of_a_shuffled_text(seed: int, pure: Callable[..., Any]) -> None:
    """Breaks, hyphens and capitals anywhere."""
    rng = np.random.default_rng(seed)
    table = phrase_table()
    words = [w.title() if rng.random() < 0.4 else w for w in " ".join(TEXTS[:3]).split()]
    gaps = rng.choice([" ", "-", ". ", "\n\n", ", "], len(words), p=[0.6, 0.1, 0.1, 0.1, 0.1])
    tokens = tokenise("".join(w + g for w, g in zip(rng.permutation(words), gaps)), table.vocabulary)
    matches = find_matches(table.match(tokens.stream), tokens, rng.random(len(tokens.words)) < 0.9)
    considered = rng.random(len(FAMILIES)) < 0.5
    assert_same(gather(table, tokens, matches, considered), pure(gather, table, tokens, matches, considered))


@native
@pytest.mark.parametrize("seed", range(40))
def test_seams(seed: int, pure: Callable[..., Any]) -> None:
    rng = np.random.default_rng(seed)
    table, model = phrase_table(), language_model()
    # Words that terms are made of, and what they are reworded to; beside each other, few of them are a term.
    words = np.flatnonzero(table.term_index.value.sides[seed % 4])
    for drawn in (int(rng.integers(0, 100)), 3000):
        stream = np.concatenate([[1, 1], rng.choice(words, drawn), [len(table.log_unigram) - 1, 1, 1]])
        found = _seams(table, model, stream)
        assert_same(found, pure(_seams, table, model, stream))
    assert len(found)
    text = np.concatenate([tokenise(t, table.vocabulary).stream for t in TEXTS])
    assert_same(_seams(table, model, text), pure(_seams, table, model, text))


@native
@texts
@cases
def test_readings(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    at = _laid(text, families)
    if not len(at.evidence.arcs):
        return
    reading, n = at.read(), len(at.tokens.stream)
    for least in (reading, replace(reading, posterior=np.full(len(reading.arcs), 1e-3))):
        assert_same(_readings_native(kernels.library(), at.table, least, n), _readings(at.table, least, n))
        for confidence in (0.0, 0.5):
            asked = at.table, at.tokens, least, confidence, CALIBRATION, 0.55
            assert_same(choose(*asked), pure(choose, *asked))


@native
@pytest.mark.parametrize("seed", range(20))
def test_readings_of_any_posteriors(seed: int, pure: Callable[..., Any]) -> None:
    """Ties, too: equal posteriors on many arcs of one place."""
    rng = np.random.default_rng(seed)
    at = _laid(TEXTS[seed % len(TEXTS)] or TEXTS[0], ("news", "web", "academic", "thesaurus"))
    posterior = rng.choice([0.0, 0.01, 0.25, 0.5, 0.9], len(at.evidence.arcs))
    kept, none = rng.random(len(at.tokens.stream)), np.zeros(len(FAMILIES))
    reading = Reading(at.evidence.arcs, posterior, kept, 0.0, none, none, none, 0.0)
    asked = at.table, at.tokens, reading, 0.1, CALIBRATION, 0.55
    assert_same(choose(*asked), pure(choose, *asked))


_CHANNEL = "family original weight penalty spun heads begins quoted one_word kept word number standing position kinds".split()


def assert_same_channel(fast: Channel, slow: Channel) -> None:
    """Numbers for equal things may differ, as long as equal ones have equal ones."""
    for name in _CHANNEL:
        a, b = getattr(fast, name), getattr(slow, name)
        if name in ("original", "spun", "number", "kept"):
            a, b = (np.unique(x, return_index=True, return_inverse=True)[1:] for x in (a, b))
            a, b = (first[inverse] for first, inverse in (a, b))
        assert_same(a, b)
    assert fast.nodes == slow.nodes


@native
@texts
@cases
@pytest.mark.parametrize("seed", range(4))
def test_channel(text: str, families: tuple[str, ...], seed: int, pure: Callable[..., Any]) -> None:
    """Chances and rates under any posteriors, of all nodes and of what is left of them; some words in quotations."""
    at, rng = _laid(text, families), np.random.default_rng(seed)
    size, arcs = len(at.tokens.stream), len(at.evidence.arcs)
    quoted = (np.arange(size) // 7 % 4 == 0) & (seed % 2 > 0)
    composed = np.where(rng.random(arcs) < 0.2, rng.normal(0.0, 3.0, arcs), 0.0) if seed > 1 else None
    at.evidence = replace(at.evidence, quoted=quoted, composed=composed, nested=rng.random(arcs) < 0.1)
    constants = Constants(draw=0.3 + seed, own_rate=1.5, pool=0.2 * seed, cache=0.1 * seed, name=-0.3, quoted=(0.7, 1.9))
    fast, slow = at.channel(constants), pure(at.channel, constants)
    assert_same_channel(fast, slow)
    for share in (0.0, 0.3, 0.8):
        alive = np.append(rng.random(arcs) >= share, True)[at.graph.arc]
        alive &= (at.graph.arc >= 0) | (rng.random(len(alive)) >= share / 3)
        less, slower = fast.select(alive), pure(slow.select, alive)
        assert_same_channel(less, slower)
        for sure in (1.0, 0.1):
            mass, rates = rng.beta(0.3 * sure, 1.0 * sure, less.nodes), rng.uniform(0.01, 0.99, len(FAMILIES))
            mass[rng.random(less.nodes) < 0.2] = 0.0
            for given_ in (None, mass):
                chances = less.factor(rates, given_)
                np.testing.assert_allclose(chances, pure(slower.factor, rates, given_), rtol=1e-9, atol=0.0)
                # The numpy code takes what C has laid out.
                np.testing.assert_allclose(chances, pure(less.factor, rates, given_), rtol=1e-9, atol=0.0)
            assert_same(less.maximise(mass), pure(slower.maximise, mass))
            assert less.quoted_rate == pytest.approx(slower.quoted_rate, rel=1e-9)


@native
@texts
@cases
def test_around_the_sums(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    at, model = _laid(text, families), language_model()
    # As if the model knew fewer words, too.
    for fewer in (model, replace(model, unigrams=model.unigrams[:2000])):
        assert_same(_own(at.table, fewer, at.graph, Constants()), pure(_own, at.table, fewer, at.graph, Constants()))
    mass = np.random.default_rng(len(text)).random(len(at.graph.word))
    for least in (0.0, 0.5, 1.0):
        assert_same(_alive(at.graph, mass, least), pure(_alive, at.graph, mass, least))


@native
@texts
@cases
def test_inference(text: str, families: tuple[str, ...], pure: Callable[..., Any]) -> None:
    at = _laid(text, families)
    if len(at.evidence.arcs):
        assert_same(at.read(), pure(at.read))


def test_same_text_without_them() -> None:
    """What is restored doesn't depend on whether the wheel carries the library."""
    code = (
        "import unspin; from unspin import kernels; "
        "print(kernels.library() is None, unspin.restore(open('examples/article.txt', encoding='utf-8').read()))"
    )

    def run(**environment: str) -> list[str]:
        path = {"PYTHONPATH": str(TREE / "src"), "PATH": "", **environment}
        done = subprocess.run([sys.executable, "-c", code], cwd=TREE, env=path, capture_output=True, text=True, check=True)
        return done.stdout.split(" ", 1)

    pure, restored = run(UNSPIN_PURE="1")
    assert pure == "True"
    assert restored == run()[1]
