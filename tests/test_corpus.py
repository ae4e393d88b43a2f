"""Corpora: formats kept to the byte, runs that go on after a kill, and the commands over them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import unspin
from unspin import cli, corpus, corpus_formats
from unspin.corpus import Tally, explain_corpus, restore_corpus
from unspin.corpus_formats import CorpusError

from .conftest import SPUN

CLEAN = "The bridge reopened in March."
RESTORED = unspin.restore(SPUN)
SOURCE = str(Path(unspin.__file__).parents[1])


def restore(source: Path, target: Path, **options: Any) -> Tally:
    return restore_corpus(source, target, **{"workers": 1, "progress": False, **options})


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# JSON Lines


def test_json_lines_keep_everything_else(tmp_path: Path) -> None:
    source = put(
        tmp_path / "a.jsonl",
        '\ufeff{ "n" : 1.10, "text":' + json.dumps(SPUN) + ' ,"x": [1, {"text": "' + SPUN + '"}],'
        '"big": 123456789012345678901e5 }\r\n'
        "\n"
        '{"text": "It rained.", "n": 1.10, "n": 2}\n'
        '{"text": "Caf\\u00e9 \\ud83d\\ude00. ' + SPUN + '"}\n'
        '{"text": "Café \\/ \\ud800. ' + SPUN + '", "π": null}\n'
        '{"text": null}\n'
        '{"text": "' + SPUN + '", "text": "It rained."}\n'
        '{"text": "' + SPUN + '"}',
    )  # fmt: skip
    target = tmp_path / "b.jsonl"
    tally = restore(source, target)
    old = source.read_bytes().decode("utf-8").split("\n")
    new = target.read_bytes().decode("utf-8").split("\n")
    assert new[0] == old[0].replace(json.dumps(SPUN), json.dumps(RESTORED), 1)
    assert (new[1], new[2], new[5], new[6]) == (old[1], old[2], old[5], old[6])
    assert new[3] == '{"text": "Caf\\u00e9 \\ud83d\\ude00. ' + RESTORED + '"}'
    assert new[4] == '{"text": "Café / \\ud800. ' + RESTORED + '", "π": null}'
    assert new[7] == '{"text": "' + RESTORED + '"}'
    assert len(new) == len(old)
    assert (tally.documents, tally.spun, tally.without_text, tally.failures, tally.written) == (7, 4, 1, 0, 7)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "open', "not a JSON object"),
        ('["text"]', "not a JSON object"),
        ('"text"', "not a JSON object"),
        ('{"text": "a"} {"text": "b"}', "more after its end"),
        ('{"text": "a",}', "not a JSON object"),
        ('{"text" "a"}', "not a JSON object"),
        ("{", "not a JSON object"),
        ('{"a": ' + "[" * 100_000 + "}", "not a JSON object"),
        ('{"body": "a"}', "no field 'text' (but 'body')"),
        ("{}", "no field 'text' (but nothing)"),
        ('{"text": 5}', "no string: 5"),
        ('{"text": ["a"]}', "no string"),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
    ],
)
def test_json_lines_that_fail_stay_as_they_are(line: str | bytes, said: str, tmp_path: Path) -> None:
    bad = line if isinstance(line, bytes) else line.encode()
    good = json.dumps({"text": SPUN}).encode()
    tally = restore(put(tmp_path / "a.jsonl", b"\n".join((good, bad, good))), tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == b"\n".join((good, bad, good)).replace(SPUN.encode(), RESTORED.encode())
    assert (tally.documents, tally.failures, tally.spun) == (3, 1, 2)
    assert tally.faults[0].startswith("document 1: ")
    assert said in tally.faults[0]


def test_another_field(tmp_path: Path) -> None:
    source = put(tmp_path / "a.ndjson", json.dumps({"text": SPUN, "body": SPUN}) + "\n")
    restore(source, tmp_path / "b.ndjson", field="body")
    assert lines(tmp_path / "b.ndjson") == [{"text": SPUN, "body": RESTORED}]


def test_a_text_that_can_not_be_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = unspin.Restorer.explain

    def explain(self: unspin.Restorer, text: str) -> Any:
        if text == "bad":
            raise ArithmeticError("no good")
        return real(self, text)

    monkeypatch.setattr(unspin.Restorer, "explain", explain)
    source = put(tmp_path / "a.jsonl", "".join(json.dumps({"text": t}) + "\n" for t in (SPUN, "bad", SPUN)))
    tally = restore(source, tmp_path / "b.jsonl")
    assert [d["text"] for d in lines(tmp_path / "b.jsonl")] == [RESTORED, "bad", RESTORED]
    assert tally.faults == ["document 1: ArithmeticError: no good"]


# CSV


def test_csv_keeps_quoting(tmp_path: Path) -> None:
    rows = (
        '\ufeffid,"text",n\r\n'
        f'1,{SPUN.replace(",", "")},"x ""y"", z"\r\n'
        f'2,"{SPUN}",1.10\r\n'
        "\r\n"
        f'"3","Two\r\nlines, ""{SPUN}"". {SPUN}",\r\n'
        "4,,\r\n"
        "5,It rained.,\" \"\r\n"
        f'6,{SPUN.replace(",", "")},last'
    )  # fmt: skip
    source = put(tmp_path / "a.csv", rows)
    tally = restore(source, tmp_path / "b.csv", edits=tmp_path / "e.jsonl")
    plain = SPUN.replace(",", "")
    wanted = rows
    for k in (1, 6):
        wanted = wanted.replace(f"{k},{plain}", f"{k},{_cell(unspin.restore(plain))}")
    wanted = wanted.replace(f'2,"{SPUN}"', f'2,"{RESTORED}"')
    two = f'Two\r\nlines, "{SPUN}". {SPUN}'
    wanted = wanted.replace(two.replace('"', '""'), unspin.restore(two).replace('"', '""'))
    assert (tmp_path / "b.csv").read_bytes().decode() == wanted
    assert (tally.documents, tally.spun) == (6, 4)
    assert {e["id"] for e in lines(tmp_path / "e.jsonl")} == {"1", "2", "3", "6"}


def _cell(text: str) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([text])
    return out.getvalue()


def test_tsv_and_bytes_that_are_no_utf8(tmp_path: Path) -> None:
    data = f"text\tn\n{SPUN} caf".encode() + b"\xe9\t\xff\nIt rained, caf\xe9.\tx\n"
    restore(put(tmp_path / "a.tsv", data), tmp_path / "b.tsv")
    assert (tmp_path / "b.tsv").read_bytes() == data.replace(SPUN.encode(), RESTORED.encode())


def test_a_cell_is_quoted_where_its_new_text_needs_it(tmp_path: Path) -> None:
    table = corpus_formats.Csv(put(tmp_path / "a.csv", 'a,text\n"x,""y",plain\n'), "text")
    [record] = table.read(0)
    assert table.changed(record, 'one, "two"') == b'"x,""y","one, ""two"""\n'
    assert table.changed(record, "one") == b'"x,""y",one\n'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("a;b\n1;2\n", "no field 'text' (but 'a;b')"),
        ("\n", "no field 'text'"),
    ],
)
def test_csv_without_the_field(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as found:
        restore(put(tmp_path / "a.csv", content), tmp_path / "b.csv")
    assert said in str(found.value)
    assert left(tmp_path) == ["a.csv"]


def test_csv_rows_that_are_too_short_stay(tmp_path: Path) -> None:
    source = put(tmp_path / "a.csv", f'n,text\n1\n2,"{SPUN}"\n3,a,b\n')
    tally = restore(source, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == f'n,text\n1\n2,"{RESTORED}"\n3,a,b\n'
    assert tally.faults == ["document 0: 1 fields where there are 2 names", "document 2: 3 fields where there are 2 names"]


def test_csv_quote_that_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_formats, "_LONGEST_FIELD", 1000)
    before = csv.field_size_limit()
    source = put(tmp_path / "a.csv", 'n,text\n1,"open\n' + "2,a\n" * 1000)
    with pytest.raises(CorpusError, match=r"field larger.*'1,\"open"):
        restore(source, tmp_path / "b.csv")
    assert csv.field_size_limit() == before


def test_csv_with_a_header_only(tmp_path: Path) -> None:
    tally = restore(put(tmp_path / "a.csv", "n,text\n"), tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text() == "n,text\n"
    assert tally == Tally()


# Compression


def pack(data: bytes, codec: str) -> bytes:
    if codec == ".gz":
        return gzip.compress(data)
    if codec == ".zst":
        return pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    return data


def unpack(path: Path) -> bytes:
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        zstandard = pytest.importorskip("zstandard")
        return zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True).read()
    return path.read_bytes()


@pytest.mark.parametrize("codec", ["", ".gz", ".zst"])
@pytest.mark.parametrize("other", ["", ".gz", ".zst"])
def test_compression_is_that_of_each_name(codec: str, other: str, tmp_path: Path) -> None:
    data = "".join(json.dumps({"text": t}) + "\n" for t in [CLEAN, SPUN] * 5).encode()
    source = put(tmp_path / f"a.jsonl{codec}", pack(data, codec))
    # Several frames or members, each a part.
    restore(source, tmp_path / f"b.jsonl{other}", edits=tmp_path / f"e.jsonl{other}", checkpoint=0.0003)
    assert unpack(tmp_path / f"b.jsonl{other}") == data.replace(SPUN.encode(), RESTORED.encode())
    assert len(unpack(tmp_path / f"e.jsonl{other}").splitlines()) == 5 * len(unspin.explain(SPUN).edits)
    again = restore(tmp_path / f"b.jsonl{other}", tmp_path / "c.jsonl")
    assert again.documents == 10


@pytest.mark.parametrize("codec", [".gz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "not"])
def test_damaged_compression(codec: str, damage: str, tmp_path: Path) -> None:
    whole = pack(b'{"text": "It rained."}\n' * 100 + os.urandom(1000), codec)
    source = put(tmp_path / f"a.jsonl{codec}", whole[:-500] if damage == "cut" else b"not compressed at all" * 9)
    if codec == ".zst" and damage == "cut":
        pytest.importorskip("zstandard")
    with pytest.raises(CorpusError):
        restore(source, tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()


# Parquet


def test_parquet_keeps_schema_and_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    schema = pa.schema(
        [
            pa.field("id", pa.int32(), nullable=False, metadata={b"k": b"v"}),
            pa.field("text", pa.large_string()),
            pa.field("when", pa.timestamp("us", tz="UTC")),
            pa.field("tags", pa.list_(pa.struct([("a", pa.string())]))),
            pa.field("amount", pa.decimal128(9, 2)),
        ],
        metadata={b"pandas": b"{}", b"own": b"x"},
    )
    texts = [CLEAN, SPUN, None, ""] * 300
    table = pa.table(
        [
            pa.array(range(1200), pa.int32()),
            pa.array(texts, pa.large_string()),
            pa.array(range(1200), pa.timestamp("us", tz="UTC")),
            pa.array([[{"a": "x"}], None, [], [{"a": None}]] * 300, schema.field("tags").type),
            pa.array([None] * 1200, pa.decimal128(9, 2)),
        ],
        schema=schema,
    )
    source, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    pq.write_table(table, source, row_group_size=500, compression={"text": "zstd", "id": "none"})
    tally = restore(source, target, edits=tmp_path / "e.jsonl", checkpoint=0.02)
    found = pq.read_table(target)
    assert found.schema.equals(pq.read_table(source).schema, check_metadata=True)
    assert found.drop_columns("text").equals(pq.read_table(source).drop_columns("text"))
    assert found["text"].to_pylist() == [RESTORED if t == SPUN else t for t in texts]
    group = pq.ParquetFile(target).metadata.row_group(0)
    assert [group.column(k).compression for k in (0, 1)] == ["UNCOMPRESSED", "ZSTD"]
    assert pq.ParquetFile(target).metadata.num_row_groups > 2
    assert (tally.documents, tally.spun, tally.without_text) == (1200, 300, 300)
    assert [e["document"] for e in lines(tmp_path / "e.jsonl")][-1] == 1197
    only = restore(source, tmp_path / "c.parquet", only_spun=True)
    assert pq.read_table(tmp_path / "c.parquet")["id"].to_pylist() == list(range(1, 1200, 4))
    assert only.written == 300


def test_parquet_dictionary_of_texts_and_no_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    column = pa.array([SPUN, CLEAN, SPUN, None] * 200).dictionary_encode()
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    restore(tmp_path / "a.parquet", tmp_path / "b.parquet", checkpoint=0.001)
    found = pq.read_table(tmp_path / "b.parquet")
    assert found.schema == pq.read_table(tmp_path / "a.parquet").schema
    assert found["text"].to_pylist() == [RESTORED, CLEAN, RESTORED, None] * 200
    pq.write_table(found.slice(0, 0), tmp_path / "none.parquet")
    assert restore(tmp_path / "none.parquet", tmp_path / "none2.parquet").documents == 0
    assert pq.read_table(tmp_path / "none2.parquet").schema == found.schema


def test_parquet_that_can_not_be_done(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"text": [b"x"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match="holds binary, not strings"):
        restore(tmp_path / "a.parquet", tmp_path / "b.parquet")
    with pytest.raises(CorpusError, match="no field 'body'"):
        restore(tmp_path / "a.parquet", tmp_path / "b.parquet", field="body")
    with pytest.raises(CorpusError, match=r"a2\.parquet"):
        restore(put(tmp_path / "a2.parquet", "not Parquet"), tmp_path / "b.parquet")
    assert left(tmp_path) == ["a.parquet", "a2.parquet"]


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(unspin.MissingExtraError, match=r"unspin\[corpus\]"):
        restore(put(tmp_path / "a.parquet", ""), tmp_path / "b.parquet")


def test_zstandard_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(unspin.MissingExtraError, match=r"unspin\[corpus\]"):
        restore(put(tmp_path / "a.jsonl.zst", ""), tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()


# Folders


def test_folder(tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "sub" / "deep").mkdir(parents=True)
    put(source / "a.txt", SPUN + "\r\n").chmod(0o640)
    put(source / "sub" / "b", CLEAN + "\n")
    put(source / "sub" / "deep" / "ç.text", SPUN.encode() + b" caf\xe9")
    put(source / "z.png", b"\x89PNG\0" + SPUN.encode())
    put(source / "empty.txt", "")
    (source / "loop").symlink_to(source)
    target = tmp_path / "out"
    tally = restore(source, target, edits=tmp_path / "e.jsonl")
    found = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
    assert found == {
        "a.txt": (RESTORED + "\r\n").encode(),
        "sub/b": CLEAN.encode() + b"\n",
        "sub/deep/ç.text": RESTORED.encode() + b" caf\xe9",
        "z.png": b"\x89PNG\0" + SPUN.encode(),
        "empty.txt": b"",
    }
    assert (target / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (tally.documents, tally.spun, tally.without_text, tally.failures) == (5, 2, 1, 0)
    assert {e["id"] for e in lines(tmp_path / "e.jsonl")} == {"a.txt", "sub/deep/ç.text"}
    assert left(tmp_path) == ["e.jsonl", "in", "out"]
    restore(source, tmp_path / "spun", only_spun=True)
    assert sorted(p.name for p in (tmp_path / "spun").rglob("*") if p.is_file()) == ["a.txt", "ç.text"]


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    restore(tmp_path / "in", tmp_path / "out")
    assert left(tmp_path / "out") == []


def test_a_folder_is_never_replaced(tmp_path: Path) -> None:
    for name in ("in", "out"):
        (tmp_path / name).mkdir()
        put(tmp_path / name / "a.txt", SPUN)
    with pytest.raises(CorpusError, match="remove it first"):
        restore(tmp_path / "in", tmp_path / "out", force=True)
    with pytest.raises(CorpusError, match="remove it first"):
        restore(tmp_path / "in", put(tmp_path / "file", "x"), force=True)
    assert (tmp_path / "out" / "a.txt").read_text() == SPUN
    assert left(tmp_path) == ["file", "in", "out"]


# Edits and what is written


def write(path: Path, count: int = 40) -> Path:
    """Write documents, every third of them spun, with ids of several kinds."""
    with path.open("w", encoding="utf-8") as out:
        for k in range(count):
            text = f"{SPUN} {k}." if k % 3 == 0 else f"{CLEAN} {k}."
            out.write(json.dumps({"id": [k] if k % 2 else f"d{k}", "text": text}) + "\n")
    return path


def test_edits_lead_from_the_input_to_the_output(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    tally = restore(source, tmp_path / "b.jsonl", edits=tmp_path / "e.jsonl", checkpoint=0.001)
    old, new = lines(source), lines(tmp_path / "b.jsonl")
    by_document: dict[int, list[dict[str, Any]]] = {}
    for edit in lines(tmp_path / "e.jsonl"):
        assert list(edit) == ["document", "id", "start", "end", "spun", "original", "confidence", "family", "kind"]
        assert edit["id"] == old[edit["document"]]["id"]
        by_document.setdefault(edit["document"], []).append(edit)
    assert list(by_document) == [k for k in range(40) if k % 3 == 0]
    for k, (before, after) in enumerate(zip(old, new)):
        text = before["text"]
        for edit in reversed(by_document.get(k, [])):
            assert text[edit["start"] : edit["end"]] == edit["spun"]
            text = text[: edit["start"]] + edit["original"] + text[edit["end"] :]
        assert after == {**before, "text": text}
    assert tally.edits == sum(map(len, by_document.values())) == sum(tally.substitutions.values())
    assert tally.words == sum(unspin.detect(d["text"]).words for d in old)


def test_only_spun(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    with source.open("a") as out:
        out.write('{"text": null}\nbroken\n\n')
    tally = restore(source, tmp_path / "b.jsonl", edits=tmp_path / "e.jsonl", only_spun=True)
    whole = restore(source, tmp_path / "c.jsonl", edits=tmp_path / "f.jsonl")
    every = (tmp_path / "c.jsonl").read_text().splitlines()
    assert (tmp_path / "b.jsonl").read_text().splitlines() == [every[k] for k in range(0, 40, 3)]
    # The numbers stay those of the input.
    assert (tmp_path / "e.jsonl").read_bytes() == (tmp_path / "f.jsonl").read_bytes()
    assert (tally.written, tally.documents, tally.spun, tally.failures) == (14, 42, 14, 1)
    assert whole.written == 42


def test_a_spun_section_makes_a_document_spun(tmp_path: Path) -> None:
    text = f"{CLEAN}\n" * 2000 + f"{SPUN}\n" * 100
    assert not unspin.detect(text).is_spun
    tally = restore(put(tmp_path / "a.jsonl", json.dumps({"text": text}) + "\n"), tmp_path / "b.jsonl", only_spun=True)
    assert (tally.spun, tally.written) == (1, 1)


def test_workers_make_no_difference(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    restore(source, tmp_path / "b.jsonl", edits=tmp_path / "e.jsonl", checkpoint=0.001)
    restore(source, tmp_path / "c.jsonl", edits=tmp_path / "f.jsonl", checkpoint=8, workers=2)
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "c.jsonl").read_bytes()
    assert (tmp_path / "e.jsonl").read_bytes() == (tmp_path / "f.jsonl").read_bytes()
    assert left(tmp_path) == ["a.jsonl", "b.jsonl", "c.jsonl", "e.jsonl", "f.jsonl"]


def test_bytes_depend_on_nothing_but_the_input(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    restore(source, tmp_path / "b.jsonl.gz")
    time.sleep(1.1)
    restore(source, tmp_path / "c.jsonl.gz")
    assert (tmp_path / "b.jsonl.gz").read_bytes() == (tmp_path / "c.jsonl.gz").read_bytes()


# What is refused


def test_what_is_there_is_not_replaced_without_leave(tmp_path: Path) -> None:
    source, target, edits = write(tmp_path / "a.jsonl"), put(tmp_path / "b.jsonl", "mine"), put(tmp_path / "e.jsonl", "mine")
    with pytest.raises(CorpusError, match=r"b\.jsonl exists: --force"):
        restore(source, target)
    with pytest.raises(CorpusError, match=r"e\.jsonl exists: --force"):
        restore(source, tmp_path / "new.jsonl", edits=edits)
    assert left(tmp_path) == ["a.jsonl", "b.jsonl", "e.jsonl"]
    assert target.read_text() == edits.read_text() == "mine"
    restore(source, target, edits=edits, force=True)
    assert len(lines(target)) == 40


def test_places_that_get_in_each_others_way(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    (tmp_path / "in").mkdir()
    (tmp_path / "link.jsonl").symlink_to(source)
    for bad in (
        (source, source, None),
        (source, tmp_path / "link.jsonl", None),
        (source, tmp_path / "b.jsonl", source),
        (source, tmp_path / "b.jsonl", tmp_path / "b.jsonl"),
        (source, tmp_path / "none" / "b.jsonl", None),
        (source, tmp_path / "b.jsonl", tmp_path / "none" / "e.jsonl"),
        (tmp_path / "in", tmp_path / "in" / "out", None),
        (tmp_path / "in", tmp_path / "out", tmp_path / "in" / "e.jsonl"),
        (tmp_path / "in", tmp_path / "out", tmp_path / "out" / "e.jsonl"),
        (tmp_path / "in", tmp_path, None),
    ):
        with pytest.raises(CorpusError):
            restore(bad[0], bad[1], edits=bad[2], force=True)
    assert left(tmp_path) == ["a.jsonl", "in", "link.jsonl"]
    assert len(lines(source)) == 40


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("none.jsonl", {}, "No such file"),
        ("a.txt", {}, "can't tell the format"),
        ("a.txt.gz", {}, "can't tell the format"),
        ("a.jsonl", {"format": "text"}, "folders"),
        ("in", {"format": "csv"}, "is a folder"),
        ("a.jsonl", {"field": "body"}, "nothing can be restored: document 0: there is no field 'body'"),
        ("a.jsonl", {"workers": -1}, "workers"),
    ],
)
def test_input_that_can_not_be_had(name: str, options: dict[str, Any], said: str, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl")
    for other in ("a.txt", "a.txt.gz"):
        put(tmp_path / other, SPUN)
    (tmp_path / "in").mkdir()
    before = left(tmp_path)
    with pytest.raises(unspin.UnspinError) as found:
        restore(tmp_path / name, tmp_path / "b.jsonl", **options)
    assert said in str(found.value)
    assert left(tmp_path) == before


def test_format_of_the_output(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    with pytest.raises(CorpusError, match="the output has the format of the input"):
        restore(source, tmp_path / "b.csv")
    restore(shutil.copy(source, tmp_path / "a.data"), tmp_path / "b.data", format="jsonl")
    assert len(lines(tmp_path / "b.data")) == 40


def test_input_that_changes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "a.jsonl")
    real = corpus._account

    def account(restorer: unspin.Restorer, text: str) -> Any:
        with source.open("a") as out:
            out.write("\n")
        return real(restorer, text)

    monkeypatch.setattr(corpus, "_account", account)
    with pytest.raises(CorpusError, match="was changed while it was read"):
        restore(source, tmp_path / "b.jsonl")
    assert not (tmp_path / "b.jsonl").exists()
    monkeypatch.undo()
    with pytest.raises(CorpusError, match="another input"):
        restore(source, tmp_path / "b.jsonl")
    restore(source, tmp_path / "b.jsonl", force=True)
    assert len((tmp_path / "b.jsonl").read_bytes().splitlines()) == len(source.read_bytes().splitlines())


# Going on


class _Stop(BaseException):
    pass


def stopping_after(count: int) -> Callable[[unspin.Restorer, str], Any]:
    """Return what stops a run as a kill would: at a text, with no chance to tidy up in between."""
    done = 0
    real = corpus._account

    def account(restorer: unspin.Restorer, text: str) -> Any:
        nonlocal done
        done += 1
        if done > count:
            raise _Stop
        return real(restorer, text)

    return account


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def run(count: int, *arguments: Any, **options: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(corpus, "_account", stopping_after(count))
            with pytest.raises(_Stop):
                restore(*arguments, **options)

    return run


def sources(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    source = write(tmp_path / "a.jsonl")
    yield source, "b.jsonl"
    yield source, "b.jsonl.gz"
    yield put(tmp_path / "a.jsonl.gz", gzip.compress(source.read_bytes())), "b2.jsonl"
    rows = [(d["text"], "x") for d in lines(source)]
    with (tmp_path / "a.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("text", "n"), *rows])
    yield tmp_path / "a.csv", "b.csv"
    (tmp_path / "in").mkdir()
    for k, (text, _) in enumerate(rows):
        put(tmp_path / "in" / f"{k}.txt", text).chmod(0o444)
    yield tmp_path / "in", "out"


def content(path: Path) -> Any:
    return path.read_bytes() if path.is_file() else {p.name: p.read_bytes() for p in path.iterdir()}


@pytest.mark.parametrize("only_spun", [False, True])
def test_a_run_goes_on_where_it_was(only_spun: bool, tmp_path: Path, interrupted: Callable[..., None]) -> None:
    for source, name in sources(tmp_path):
        options: dict[str, Any] = {"checkpoint": 0.0003, "only_spun": only_spun}
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        whole = restore(source, folder / f"whole-{name}", edits=folder / "whole", **options)
        target = folder / name
        interrupted(21, source, target, edits=folder / "edits", **options)
        assert not target.exists()
        assert not (folder / "edits").exists()
        parts = folder / f"{name}.unspin-parts"
        kept = {p.name: p.stat().st_mtime_ns for p in parts.glob("[0-9]*.json")}
        assert len(kept) >= 3
        interrupted(9, source, target, edits=folder / "edits", **options)
        # What was done is not done again.
        assert kept.items() <= {p.name: p.stat().st_mtime_ns for p in parts.glob("[0-9]*.json")}.items()
        tally = restore(source, target, edits=folder / "edits", **options)
        assert content(target) == content(folder / f"whole-{name}")
        assert (folder / "edits").read_bytes() == (folder / "whole").read_bytes()
        assert tally == whole
        assert left(folder) == sorted(["edits", "whole", f"whole-{name}", name])


def test_a_parquet_run_goes_on(tmp_path: Path, interrupted: Callable[..., None]) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    # Longer and shorter rows, so that parts end within groups and batches.
    texts = [f"{SPUN} {k}." if k % 50 == 0 else "It rained. " * (k % 7) for k in range(900)]
    pq.write_table(pa.table({"id": range(900), "text": texts}), tmp_path / "a.parquet", row_group_size=400)
    options: dict[str, Any] = {"checkpoint": 0.004}
    whole = restore(tmp_path / "a.parquet", tmp_path / "whole.parquet", edits=tmp_path / "whole", **options)
    interrupted(500, tmp_path / "a.parquet", tmp_path / "b.parquet", edits=tmp_path / "edits", **options)
    interrupted(60, tmp_path / "a.parquet", tmp_path / "b.parquet", edits=tmp_path / "edits", **options)
    assert restore(tmp_path / "a.parquet", tmp_path / "b.parquet", edits=tmp_path / "edits", **options) == whole
    assert content(tmp_path / "b.parquet") == content(tmp_path / "whole.parquet")
    assert content(tmp_path / "edits") == content(tmp_path / "whole")


@pytest.mark.parametrize("missing", ["out", "edits"])
def test_stopped_between_the_last_steps(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, edits = write(tmp_path / "a.jsonl"), tmp_path / "b.jsonl", tmp_path / "e.jsonl"
    restore(source, tmp_path / "whole", edits=tmp_path / "whole-edits")
    step = "join" if missing == "out" else "clear_up"
    with monkeypatch.context() as patch:
        patch.setattr(*((corpus_formats.JsonLines, step) if missing == "out" else (corpus._Job, step)), _stop)
        with pytest.raises(_Stop):
            restore(source, target, edits=edits)
    assert target.exists() is (missing == "edits")
    if missing == "edits":
        edits.unlink()
    # All is done, so what is there is its own.
    restore(source, target, edits=edits)
    assert content(target) == content(tmp_path / "whole")
    assert content(edits) == content(tmp_path / "whole-edits")
    assert left(tmp_path) == ["a.jsonl", "b.jsonl", "e.jsonl", "whole", "whole-edits"]


def _stop(*arguments: object) -> None:
    raise _Stop


def test_stopped_after_a_folder_was_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    put(tmp_path / "in" / "a.txt", SPUN)
    with monkeypatch.context() as patch:
        patch.setattr(corpus._Job, "clear_up", _stop)
        with pytest.raises(_Stop):
            restore(tmp_path / "in", tmp_path / "out")
    restore(tmp_path / "in", tmp_path / "out")
    assert content(tmp_path / "out") == {"a.txt": RESTORED.encode()}
    assert left(tmp_path) == ["in", "out"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"restorer": unspin.Restorer(min_confidence=0.9)}, "options"),
        ({"restorer": unspin.Restorer(protect=["bridge"])}, "options"),
        ({"restorer": unspin.Restorer(tables={"widget": ["gizmo"]})}, "options"),
        ({"only_spun": True}, "--only-spun"),
        ({"edits": None}, "file of edits"),
        ({"field": "id"}, "field"),
        ({"checkpoint": 0.01}, "--checkpoint"),
        ({}, "input"),
        ({}, "version"),
    ],
)
def test_a_run_that_is_another_does_not_go_on(
    change: dict[str, Any], said: str, tmp_path: Path, interrupted: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = write(tmp_path / "a.jsonl"), tmp_path / "b.jsonl"
    options: dict[str, Any] = {"checkpoint": 0.001, "edits": tmp_path / "e.jsonl"}
    interrupted(21, source, target, **options)
    if said == "input":
        source.write_text(source.read_text().replace("bridge", "tunnel"))
    if said == "version":
        monkeypatch.setattr(corpus, "__version__", "99")
    before = {p.name: p.read_bytes() for p in (tmp_path / "b.jsonl.unspin-parts").iterdir()}
    with pytest.raises(CorpusError, match=f"unfinished run with another .*{said}.*--force"):
        restore(source, target, **{**options, **change})
    assert {p.name: p.read_bytes() for p in (tmp_path / "b.jsonl.unspin-parts").iterdir()} == before
    if said == "input":
        restore(source, target, **options, force=True)
        assert "tunnel" in target.read_text()
        assert "bridge" not in target.read_text()


def test_a_damaged_note_costs_its_part_and_those_after(tmp_path: Path, interrupted: Callable[..., None]) -> None:
    source = write(tmp_path / "a.jsonl")
    restore(source, tmp_path / "whole", format="jsonl", checkpoint=0.001)
    interrupted(30, source, tmp_path / "b.jsonl", checkpoint=0.001)
    put(tmp_path / "b.jsonl.unspin-parts" / "000002.json", '{"half')
    restore(source, tmp_path / "b.jsonl", checkpoint=0.001)
    assert content(tmp_path / "b.jsonl") == content(tmp_path / "whole")


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_two_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = write(tmp_path / "a.jsonl"), tmp_path / "b.jsonl"
    real = corpus._Job.work_through

    def meanwhile(self: Any, *arguments: Any) -> None:
        monkeypatch.undo()
        with pytest.raises(CorpusError, match="another run is writing"):
            restore(source, target)
        real(self, *arguments)

    monkeypatch.setattr(corpus._Job, "work_through", meanwhile)
    restore(source, target)
    assert len(lines(target)) == 40


# The commands


def command(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "unspin", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": SOURCE}, **options,
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_in_mid_corpus_and_run_again(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 3000)
    options = ("--workers", "2", "--checkpoint", "0.02")
    whole = command("corpus", source, tmp_path / "whole.jsonl", "--edits", tmp_path / "whole", *options)
    _, summary = whole.communicate(timeout=300)
    assert whole.returncode == 0
    again = ("corpus", source, tmp_path / "b.jsonl", "--edits", tmp_path / "edits", *options)
    parts = tmp_path / "b.jsonl.unspin-parts"
    for wanted in (2, 9):
        process = command(*again)
        end = time.monotonic() + 120
        while len(list(parts.glob("[0-9]*.json"))) < wanted and process.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        assert process.poll() is None, "it was done before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        kept = {p.name: p.stat().st_mtime_ns for p in parts.glob("[0-9]*.json")}
        assert len(kept) >= wanted
        assert not (tmp_path / "b.jsonl").exists()
    process = command(*again)
    while not (tmp_path / "b.jsonl").exists() and process.poll() is None:
        now = {p.name: _mtime(p) for p in parts.glob("[0-9]*.json")}
        assert all(now.get(name) in (None, when) for name, when in kept.items()), "what was done was done again"
        time.sleep(0.01)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, summary)
    assert content(tmp_path / "b.jsonl") == content(tmp_path / "whole.jsonl")
    assert content(tmp_path / "edits") == content(tmp_path / "whole")
    assert len(lines(tmp_path / "b.jsonl")) == 3000
    assert left(tmp_path) == ["a.jsonl", "b.jsonl", "edits", "whole", "whole.jsonl"]


def _mtime(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*arguments: str | Path) -> tuple[int, str]:
        capfd.readouterr()
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        assert out == ""
        return code, err

    return call


def test_command_and_its_summary(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl")
    code, err = run("corpus", source, tmp_path / "b.jsonl", "--workers", "1")
    assert code == 0
    said = err.splitlines()
    assert said[0] == "40 documents, 14 spun (35.0 %), 40 written"
    assert said[1].startswith("154 of ") or " words restored in " in said[1]
    assert any(line.endswith("× “legal guidelines” → “laws”") and line.split()[0] == "14" for line in said)
    assert len(lines(tmp_path / "b.jsonl")) == 40


def test_command_with_failures(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 3)
    with source.open("a") as out:
        out.write("broken\n" * 30 + '{"text": null}\n')
    code, err = run("corpus", source, tmp_path / "b.jsonl", "--workers", "1")
    assert code == 1
    assert "30 could not be done and stay as they were:" in err
    assert err.count("not a JSON object") == 20
    assert err.endswith("…\n")
    assert "1 without text" in err
    assert (tmp_path / "b.jsonl").read_text().count("broken\n") == 30


def test_command_options(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    source = put(tmp_path / "a.data", json.dumps({"body": SPUN}) + "\n" + json.dumps({"body": CLEAN}) + "\n")
    code, _ = run(
        "corpus", source, tmp_path / "b.data", "--format", "jsonl", "--field", "body", "--workers", "0", "--only-spun",
        "--protect", "White Home", "--min-confidence", "0.7", "--edits", tmp_path / "e.jsonl",
    )  # fmt: skip
    assert code == 0
    assert lines(tmp_path / "b.data") == [{"body": unspin.restore(SPUN, protect=["White Home"], min_confidence=0.7)}]
    assert {e["document"] for e in lines(tmp_path / "e.jsonl")} == {0}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["corpus"], 2, "IN"),
        (["corpus", "a.jsonl"], 2, "OUT"),
        (["corpus", "a.jsonl", "b.jsonl", "--workers", "-1"], 2, "workers"),
        (["corpus", "a.jsonl", "b.jsonl", "--workers", "two"], 2, "--workers"),
        (["corpus", "a.jsonl", "b.jsonl", "--checkpoint", "0"], 2, "--checkpoint"),
        (["corpus", "a.jsonl", "b.jsonl", "--checkpoint", "nan"], 2, "--checkpoint"),
        (["corpus", "a.jsonl", "b.jsonl", "--format", "xml"], 2, "--format"),
        (["corpus", "a.jsonl", "b.jsonl", "--spelling", "canadian"], 2, "canadian"),
        (["corpus", "a.jsonl", "b.jsonl", "--family", "newz"], 2, "newz"),
        (["corpus", "none.jsonl", "b.jsonl"], 1, "none.jsonl: No such file"),
        (["corpus", "a.jsonl", "a.jsonl"], 1, "is the input"),
        (["corpus", "a.jsonl", "b.jsonl", "--field", "body"], 1, "no field 'body' (but 'id', 'text')"),
        (["report", "a.jsonl"], 2, "-o"),
        (["report", "none.jsonl", "-o", "r.html"], 1, "none.jsonl"),
        (["report", "a.jsonl", "-o", "none/r.html"], 1, "none/r.html"),
    ],
)
def test_command_lines_that_fail(
    arguments: list[str], code: int, said: str, run: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.jsonl", 3)
    found, err = run(*arguments)
    assert found == code
    assert err.startswith("unspin: ")
    assert said in err
    assert err.count("\n") == 1
    assert left(tmp_path) == ["a.jsonl"]


def test_interrupted_command(run: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus._Job, "work_through", interrupt)
    code, err = run("corpus", write(tmp_path / "a.jsonl"), tmp_path / "b.jsonl")
    assert (code, err) == (130, "unspin: interrupted; the same command goes on from the last checkpoint\n")


# Reading for a report


def test_explain_corpus(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 4)
    with source.open("a") as out:
        out.write('\n{"text": null}\nbroken\n')
    found = list(explain_corpus(source, workers=1))
    assert [name for name, _ in found] == ["d0", "[1]", "d2", "[3]", "document 4", "document 5"]
    assert found[0][1] == unspin.explain(f"{SPUN} 0.")
    assert found[4][1] is None
    failure = found[5][1]
    assert isinstance(failure, unspin.Failure)
    assert failure.index == 5
    [(name, result)] = explain_corpus(put(tmp_path / "article.txt", SPUN))
    assert (name, result) == ("article.txt", unspin.explain(SPUN))


def test_report_command(run: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", 9)
    code, err = run("report", source, "-o", tmp_path / "r.html", "--title", "Nine <documents>", "--workers", "1")
    assert (code, err) == (0, "")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Nine &lt;documents&gt;" in page
    assert "d6" in page
