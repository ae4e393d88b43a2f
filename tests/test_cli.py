"""The command, in-process and as a process of its own."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin import cli
from unspin.edits import Detection, Edit, Restoration

from .conftest import SPUN

SOURCE = Path(unspin.__file__).parents[1]
CLEAN = "The bridge reopened in March.\n"


class Run:
    def __init__(self, code: int, out: bytes, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "surrogateescape")


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    def call(*arguments: str | Path, stdin: bytes = b"") -> Run:
        monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        capfdbinary.readouterr()
        code = cli.main([str(a) for a in arguments])
        out, err = capfdbinary.readouterr()
        return Run(code, out, err.decode("utf-8"))

    return call


def process(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "unspin", *map(str, arguments)],
        input=stdin, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    return path


# Bytes


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r\n\r\n", "\r"])
def test_process_keeps_line_ends(ending: str) -> None:
    text = f"One.\r\n{SPUN}\nTwo.\r\n{SPUN}{ending}"
    done = process("restore", stdin=text.encode())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == unspin.restore(text).encode()
    assert done.stdout.count(b"\r\n") == text.count("\r\n")
    assert done.stdout.endswith(ending.encode())


def test_bytes_that_are_no_utf8_come_back(run: Any) -> None:
    data = SPUN.encode() + b" caf\xe9 \xff\xfe \x00 \xed\xa0\x80 end"
    assert run("restore", stdin=data).out == unspin.restore(SPUN).encode() + data[len(SPUN.encode()) :]


def test_all_bytes_of_a_clean_file_come_back(run: Any, tmp_path: Path) -> None:
    data = bytes(range(256)) * 3
    assert run("restore", put(tmp_path / "a", data)).out == data


# restore


def test_restore_files_in_order(run: Any, tmp_path: Path) -> None:
    a, b = put(tmp_path / "a.txt", SPUN + "\n"), put(tmp_path / "b.txt", CLEAN)
    done = run("restore", a, b, a)
    restored = unspin.restore(SPUN) + "\n"
    assert (done.code, done.text, done.err) == (0, restored + CLEAN + restored, "")


def test_dash_is_standard_input(run: Any, tmp_path: Path) -> None:
    done = run("restore", put(tmp_path / "a.txt", CLEAN), "-", stdin=SPUN.encode())
    assert done.text == CLEAN + unspin.restore(SPUN)


def test_one_file_failing_leaves_the_others(run: Any, tmp_path: Path) -> None:
    good = put(tmp_path / "good.txt", CLEAN)
    done = run("restore", tmp_path / "none.txt", good, tmp_path)
    assert done.code == 1
    assert done.text == CLEAN
    errors = done.err.splitlines()
    assert errors[0] == f"unspin: {tmp_path / 'none.txt'}: No such file or directory"
    assert errors[1].startswith(f"unspin: {tmp_path}: ")
    assert len(errors) == 2


def test_json(run: Any, tmp_path: Path) -> None:
    a = put(tmp_path / "a.txt", SPUN + " caf\udce9\n")
    done = run("restore", "--json", a, "-", stdin=CLEAN.encode())
    first, second = map(json.loads, done.out.decode("utf-8").splitlines())
    r = unspin.explain(SPUN + " caf\udce9\n")
    assert (first["file"], first["text"]) == (str(a), r.text)
    assert set(first) == {"file", "text", "edits", "spin"}
    assert [(e["start"], e["end"], e["spun"], e["original"], e["confidence"]) for e in first["edits"]] == [
        (e.start, e.end, e.spun, e.original, e.confidence) for e in r.edits
    ]
    assert set(first["edits"][0]) == {
        "start", "end", "spun", "original", "confidence", "alternatives", "kind", "family", "entry",
    }  # fmt: skip
    assert first["edits"][0]["alternatives"][0] == {
        "text": r.edits[0].original, "confidence": r.edits[0].alternatives[0].confidence,
    }  # fmt: skip
    assert first["spin"]["probability"] == r.spin.probability
    assert first["spin"]["rates"] == dict(r.spin.rates)
    assert (second["file"], second["text"], second["edits"]) == ("stdin", CLEAN, [])
    # The same object from explain.
    assert run("explain", "--json", a).out == done.out.splitlines(keepends=True)[0]


# diff


def test_diff_of_nothing_is_nothing(run: Any) -> None:
    assert run("restore", "--diff", stdin=CLEAN.encode()).out == b""


def test_diff_format(run: Any, tmp_path: Path) -> None:
    a = put(tmp_path / "a.txt", f"1\n2\n3\n4\n{SPUN}\r\n5\n6\n7\n8")
    assert run("restore", "--diff", a).text == (
        f"--- {a}\n+++ {a}\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-{SPUN}\r\n+{unspin.restore(SPUN)}\r\n 5\n 6\n 7\n"
    )


def test_diff_without_final_newline(run: Any) -> None:
    mark = "\\ No newline at end of file\n"
    assert run("restore", "--diff", stdin=SPUN.encode()).text == (
        f"--- stdin\n+++ stdin\n@@ -1 +1 @@\n-{SPUN}\n{mark}+{unspin.restore(SPUN)}\n{mark}"
    )


def _patched(source: str, diff: str) -> str:
    """Apply a unified diff by the book."""
    lines = source.split("\n")
    lines = [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    out: list[str] = []
    at = 0
    body = [line + "\n" for line in diff.split("\n")[:-1]]
    for k, line in enumerate(body):
        if k < 2 or line.startswith("\\"):
            continue
        content = line[1:]
        if k + 1 < len(body) and body[k + 1].startswith("\\"):
            content = content[:-1]
        if line.startswith("@@"):
            old, new = line.split()[1:3]
            start, _, count = old[1:].partition(",")
            first = int(start) - (count != "0")
            out += lines[at:first]
            at = first
            start, _, count = new[1:].partition(",")
            assert int(start) - (count != "0") == len(out)
        elif line.startswith("+"):
            out.append(content)
        else:
            assert lines[at] == content
            at += 1
            if line.startswith(" "):
                out.append(content)
    return "".join(out + lines[at:])


@pytest.mark.parametrize(
    "edits",
    [
        [(0, 1, "X")],
        [(0, 1, "X"), (1, 2, "Y")],
        [(0, 1, "X"), (20, 21, "Y")],
        [(0, 1, "X\nZ"), (8, 9, ""), (30, 31, "Y")],
        [(1, 2, "")],
        [(0, 3, "joined"), (39, 40, "last")],
        [(0, 42, "all of it")],
        [(41, 42, "X")],
    ],
)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_diff_applies(edits: list[tuple[int, int, str]], ending: str) -> None:
    source = "\n".join("abcdefghijklmnopqrstu") + " " + ending
    made = tuple(Edit(a, b, source[a:b], new, 1.0) for a, b, new in edits)
    r = Restoration(source, made, Detection(1, 1, "news", 1, 21))
    diff = "".join(cli.unified_diff("x", r))
    assert _patched(source, diff) == r.text
    assert diff.startswith("--- x\n+++ x\n@@ ")


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch(1)")
def test_patch_takes_the_diff(run: Any, tmp_path: Path) -> None:
    text = f"1\r\n{SPUN}\r\n" + "x\n" * 20 + SPUN
    a = put(tmp_path / "a.txt", text)
    diff = run("restore", "--diff", a).out
    subprocess.run(["patch", "--binary", "-s", str(a)], input=diff, check=True)
    assert a.read_bytes() == unspin.restore(text).encode()


# in place


def test_in_place(run: Any, tmp_path: Path) -> None:
    a, b = put(tmp_path / "a.txt", SPUN + "\r\n"), put(tmp_path / "b.txt", CLEAN)
    a.chmod(0o640)
    before = b.stat()
    done = run("restore", "--in-place", a, b)
    assert (done.code, done.out, done.err) == (0, b"", "")
    assert a.read_bytes() == (unspin.restore(SPUN) + "\r\n").encode()
    assert a.stat().st_mode & 0o7777 == 0o640
    after = b.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "unchanged, so not written"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_in_place_renames_so_that_readers_keep_the_old_file(run: Any, tmp_path: Path) -> None:
    a = put(tmp_path / "a.txt", SPUN)
    with a.open("rb") as old:
        assert run("restore", "--in-place", a).code == 0
        assert old.read() == SPUN.encode()


def test_in_place_through_a_link(run: Any, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    a, link = put(tmp_path / "d" / "a.txt", SPUN), tmp_path / "link.txt"
    link.symlink_to(a)
    assert run("restore", "--in-place", link).code == 0
    assert link.is_symlink()
    assert a.read_text() == unspin.restore(SPUN)


def test_in_place_that_fails_leaves_the_file(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = put(tmp_path / "a.txt", SPUN), put(tmp_path / "b.txt", SPUN)
    real = os.replace

    def replace(source: str, target: Path) -> None:
        if Path(target) == a:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    done = run("restore", "--in-place", a, b)
    assert done.code == 1
    assert done.err == f"unspin: {a}: No space left on device\n"
    assert a.read_text() == SPUN
    assert b.read_text() == unspin.restore(SPUN)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.txt"]


# options


def test_options(run: Any, tmp_path: Path) -> None:
    table = put(tmp_path / "own.txt", "smart speaker = gizmo wotsit\n")
    data = SPUN.encode()
    done = run("restore", "--protect", "white home", "--protect", "legal guidelines", stdin=data)
    assert done.text == unspin.restore(SPUN, protect=["white home", "legal guidelines"])
    assert run("restore", "--family", "academic", stdin=data).text == SPUN
    assert run("restore", "--family", "academic", "--family", "news", stdin=data).text == unspin.restore(
        SPUN, families=["academic", "news"]
    )
    assert run("restore", "--min-confidence", "0.9", stdin=data).text == unspin.restore(SPUN, min_confidence=0.9)
    own = run("restore", "--table", table, stdin=f"{SPUN} The gizmo wotsit could also be new.".encode())
    assert "smart speaker" in own.text
    assert run("restore", "--spelling", "british", stdin=data).text == unspin.restore(SPUN, spelling="british")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["undo"], "undo"),
        (["restore", "--nonsense"], "--nonsense"),
        (["restore", "--min-confidence", "high"], "--min-confidence"),
        (["restore", "--min-confidence", "2"], "from 0 to 1"),
        (["restore", "--family", "newz"], "newz"),
        (["restore", "--spelling", "canadian"], "canadian"),
        (["restore", "--diff", "--json"], "--json"),
        (["restore", "--in-place", "--diff", "a"], "--diff"),
        (["restore", "--in-place"], "standard input"),
        (["restore", "--in-place", "-"], "standard input"),
        (["restore", "--table", "/none/own.txt"], "/none/own.txt"),
        (["evaluate"], "GOLD"),
        (["explain", "--diff"], "--diff"),
    ],
)
def test_usage(run: Any, arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.code == 2
    assert done.out == b""
    assert done.err.startswith("unspin: ")
    assert message in done.err
    assert done.err.count("\n") == 1


def test_faulty_table_names_its_line(run: Any, tmp_path: Path) -> None:
    done = run("detect", "--table", put(tmp_path / "own.txt", "a = b\nbroken\n"))
    assert done.code == 2
    assert done.err.startswith("unspin: own.txt:2: ")


def test_version_and_help(run: Any) -> None:
    assert run("--version").text == f"unspin {unspin.__version__}\n"
    done = run("--help")
    assert done.code == 0
    assert all(name in done.text for name in ("restore", "explain", "detect", "evaluate"))


# explain, detect


def test_explain(run: Any, tmp_path: Path) -> None:
    a = put(tmp_path / "a.txt", f"One.\n  {SPUN}\n")
    done = run("explain", a)
    lines = done.text.splitlines()
    r = unspin.explain(f"One.\n  {SPUN}\n")
    first = r.edits[0]
    change = f"“{first.spun}” → “{first.original}”"
    assert lines[0].startswith(f"{a}:2:3: {change}  {first.confidence:.2f}, news, {first.entry}")
    assert len([line for line in lines if " → " in line]) == len(r.edits)
    assert any(line.startswith("    or “") for line in lines)
    assert lines[-1] == (
        f"{a}: spun, family news, rate {r.spin.rate:.2f}, probability {r.spin.probability:.2f}, "
        f"{r.spin.words} words, {len(r.edits)} edits"
    )


def test_explain_clean(run: Any) -> None:
    probability = unspin.detect(CLEAN).probability
    expected = f"stdin: not spun, probability {probability:.2f}, 5 words, 0 edits\n"
    assert run("explain", stdin=CLEAN.encode()).text == expected


def test_detect(run: Any, tmp_path: Path) -> None:
    a, b = put(tmp_path / "a.txt", SPUN), put(tmp_path / "b.txt", CLEAN)
    done = run("detect", a, b)
    spin, clean = unspin.detect(SPUN), unspin.detect(CLEAN)
    assert done.text == (
        f"{spin.probability:.4f}\t{spin.rate:.4f}\tnews\t20\t{a}\n{clean.probability:.4f}\t0.0000\t-\t5\t{b}\n"
    )
    found = json.loads(run("detect", "--json", a).text)
    assert found == {
        "file": str(a), "is_spun": True, "probability": spin.probability, "rate": spin.rate, "family": "news",
        "evidence": spin.evidence, "words": 20, "rates": dict(spin.rates),
    }  # fmt: skip


# evaluate

GOLD = (
    "{In accordance with=>According to} the {White Home=>White House}, the {Chinese language=>Chinese} "
    "{content material=>content} {could also be=>may be} {eliminated=>?removed}. {The bridge=>Every wall} was old.\n"
)


def test_evaluate(run: Any, tmp_path: Path) -> None:
    gold = put(tmp_path / "gold.txt", GOLD)
    lines = run("evaluate", gold).text.splitlines()
    assert lines[0].split() == ["required", "restored", "wrong", "false", "precision", "recall", "F0.5", "name"]
    assert lines[1].split() == ["6", "5", "0", "0", "1.000", "0.833", "0.962", str(gold)]
    assert len(lines) == 2


def test_evaluate_several(run: Any, tmp_path: Path) -> None:
    gold, broken = put(tmp_path / "gold.txt", GOLD), put(tmp_path / "broken.txt", "a\n{b=>")
    done = run("evaluate", "--verbose", gold, broken, gold)
    assert done.code == 1
    assert done.err == f"unspin: {broken}:2: a mark is not closed\n"
    lines = done.text.splitlines()
    assert lines[2] == "  missed in line 1: “The bridge” (should be Every wall)"
    assert lines[-1].split() == ["12", "10", "0", "0", "1.000", "0.833", "0.962", "in", "all"]


# terminals and pipes


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = put(tmp_path / "a.txt", CLEAN), put(tmp_path / "b.txt", CLEAN)
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert run("restore", a, tmp_path / "none", b).text == CLEAN * 2
    shown = terminal.getvalue()
    assert "\runspin: 1/3 " in shown
    assert "\runspin: 3/3 " in shown
    assert shown.count("\n") == 1, "only the error has a line of its own"
    assert "\runspin: " + str(tmp_path / "none") in shown
    assert shown.endswith("\r")


def test_no_progress_for_one_ordinary_file(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a = put(tmp_path / "a.txt", CLEAN)
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run("restore", a)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(cli, "LARGE", 10)
    run("restore", a)
    assert "unspin: 1/1 " in terminal.getvalue()


def test_reader_that_goes_away(tmp_path: Path) -> None:
    big = put(tmp_path / "big.txt", CLEAN * 20_000)
    pipe = subprocess.Popen(
        [sys.executable, "-m", "unspin", "restore", str(big)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert pipe.stdout is not None
    assert pipe.stderr is not None
    pipe.stdout.read(10)
    pipe.stdout.close()
    assert pipe.stderr.read() == b""
    pipe.stderr.close()
    assert pipe.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "unspin", "restore"], input=CLEAN.encode(), stdout=full, stderr=subprocess.PIPE,
            check=False, env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == b"unspin: can't write: No space left on device\n"


def test_command_needs_no_models_to_complain() -> None:
    done = process("restore", "--spelling", "canadian")
    assert done.returncode == 2
    assert done.stderr.startswith(b"unspin: ")
