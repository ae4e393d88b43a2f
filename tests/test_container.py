"""The container file: whole or refused."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest

from unspin import DataError, container

ARRAYS = {
    "bytes": np.arange(5, dtype=np.uint8),
    "table": np.arange(12, dtype=np.int64).reshape(3, 4),
    "floats": np.array([0.5, -1.25], dtype=np.float32),
    "empty": np.zeros((0, 3), dtype=np.int16),
    "strided": np.arange(10, dtype=np.uint16)[::2],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "made" / "file.bin"
    container.write(path, "thing", {"made by": "a test", "n": 3}, ARRAYS)
    return path


def test_round_trip(path: Path) -> None:
    meta, arrays = container.read(path, "thing")
    assert meta == {"made by": "a test", "n": 3}
    assert list(arrays) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert (arrays[name] == array).all()


def test_arrays_are_aligned_and_read_only(path: Path) -> None:
    _, arrays = container.read(path, "thing")
    for array in arrays.values():
        if array.size:
            assert array.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        arrays["bytes"][0] = 1


def test_same_content_same_bytes(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    container.write(other, "thing", {"n": 3, "made by": "a test"}, ARRAYS)
    assert other.read_bytes() == path.read_bytes()


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        container.read(tmp_path / "none.bin", "thing")
    with pytest.raises(DataError, match="can't be read"):
        container.read(tmp_path, "thing")


def test_wrong_kind(path: Path) -> None:
    with pytest.raises(DataError, match="holds a thing, not a model"):
        container.read(path, "model")


@pytest.mark.parametrize("content", [b"", b"\0", b"UNSPIN", b"UNSPIN\x00\x02" + b" " * 200, b"PK\x03\x04" + b"x" * 100])
def test_foreign_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"foreign\.bin"):
        container.read(path, "thing")


def test_cut_short_anywhere(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    cut = tmp_path / "cut.bin"
    # The last array is 10 bytes, padded to 64: from there back, every cut takes something away.
    for length in [*range(0, 120, 7), *range(120, len(whole) - 64, 41), len(whole) - 55]:
        cut.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.bin"):
            container.read(cut, "thing")


def _with_header(path: Path, header: bytes) -> None:
    path.write_bytes(container.MAGIC + len(header).to_bytes(8, "little") + header + b"\0" * 256)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        b'{"kind": "thing", "meta": {}}',
        b'{"kind": "thing", "meta": {}, "arrays": {"a": {"dtype": "nonsense", "shape": [1], "offset": 0}}}',
        b'{"kind": "thing", "meta": {}, "arrays": {"a": {"dtype": "<i8", "offset": 0}}}',
        b'{"kind": "thing", "meta": {}, "arrays": {"a": {"dtype": "<i8", "shape": [4000], "offset": 0}}}',
        b'{"kind": "thing", "meta": {}, "arrays": {"a": {"dtype": "<i8", "shape": "x", "offset": 0}}}',
        b'{"kind": "thing", "arrays": {}}',
        b'{"kind": "thing", "meta": {}, "arrays": []}',
    ],
)
def test_damaged_headers(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "damaged.bin"
    _with_header(path, header)
    with pytest.raises(DataError, match=r"damaged\.bin"):
        container.read(path, "thing")


def test_header_length_out_of_range(tmp_path: Path) -> None:
    path = tmp_path / "long.bin"
    path.write_bytes(container.MAGIC + (2**63).to_bytes(8, "little") + json.dumps({}).encode() + b" " * 100)
    with pytest.raises(DataError, match=r"long\.bin"):
        container.read(path, "thing")


class _Unwritable:
    """Looks like an array until its content is asked for."""

    dtype = np.dtype(np.uint8)
    shape = (4,)
    nbytes = 4

    def __array__(self, *args: object, **kwargs: object) -> np.ndarray:
        raise RuntimeError("disk full")


def test_written_whole_or_not_at_all(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="disk full"):
        container.write(path, "thing", {}, {"good": np.ones(1000), "bad": _Unwritable()})  # type: ignore[dict-item]
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"], "nothing is left lying about"


def test_written_over_an_old_file(path: Path) -> None:
    meta, arrays = container.read(path, "thing")
    container.write(path, "thing", {"n": 4}, {"bytes": np.array([9], dtype=np.uint8)})
    assert container.read(path, "thing")[0] == {"n": 4}
    # Whoever had the old one open keeps it.
    assert meta["n"] == 3
    assert arrays["table"].tolist() == ARRAYS["table"].tolist()


#: One of every kind that the model and the table are made of.
PACKED = {
    "bytes": np.frombuffer("naïve café\n".encode() * 40, dtype=np.uint8),
    "short": np.arange(-300, 300, 7, dtype=np.int16),
    "ids": np.array([0, -1, 1, 255, 256, 65_536, 2**31 - 1, -(2**31)], dtype=np.int32),
    "keys": np.array([0, 1, 2**63, 2**64 - 1, 0x0102030405060708], dtype=np.uint64),
    "big": np.array([-1, 2**62, -(2**63)], dtype=np.int64),
    "half": np.array([0.0, -0.0, 1.5, -65504, np.inf, -np.inf], dtype=np.float16),
    "single": np.array([1e-45, 3.4e38, -np.pi], dtype=np.float32),
    "double": np.array([5e-324, np.e]),
    "flags": np.array([True, False, True]),
    "none": np.zeros(0, dtype=np.int32),
    "matrix": np.arange(-30, 30, dtype=np.int32).reshape(5, 4, 3),
    "turned": np.arange(12, dtype=np.uint16).reshape(3, 4).T,
    "nothing by six": np.zeros((0, 6), dtype=np.float16),
}


@pytest.mark.parametrize("names", [PACKED.keys(), {"ids", "half", "turned"}, set()])
def test_packed_round_trip(tmp_path: Path, names: set[str]) -> None:
    path = tmp_path / "packed.bin"
    container.write(path, "thing", {}, PACKED, names)
    _, arrays = container.read(path, "thing")
    assert arrays.keys() == PACKED.keys()
    for name, array in PACKED.items():
        assert arrays[name].dtype == array.dtype, name
        assert arrays[name].shape == array.shape, name
        assert arrays[name].tobytes() == array.tobytes(), name
        with pytest.raises(ValueError, match="read-only"):
            arrays[name].flat[:] = 0


def test_packed_by_significance_and_smaller(tmp_path: Path) -> None:
    rising = {"ids": np.arange(50_000, dtype=np.int32)}
    for name, packed in (("plain", ()), ("packed", ("ids",))):
        container.write(tmp_path / name, "thing", {}, rising, packed)
    plain, packed = ((tmp_path / name).stat().st_size for name in ("plain", "packed"))
    assert packed < plain / 20
    assert zlib.decompress(container.pack(np.array([0x0102, 0x0304], dtype="<u2"))) == bytes([2, 4, 1, 3])


def _packed_file(path: Path) -> tuple[bytes, int]:
    """Write a file that holds packed arrays alone; return it and where its header ends."""
    container.write(path, "thing", {"n": 3}, {k: PACKED[k] for k in ("bytes", "ids", "keys")}, ("bytes", "ids", "keys"))
    whole = path.read_bytes()
    return whole, len(container.MAGIC) + 8 + int.from_bytes(whole[8:16], "little")


def test_packed_cut_short_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "cut.bin"
    whole, _ = _packed_file(path)
    # Beyond the last array stand zeros, up to a multiple of 64.
    for length in range(len(whole.rstrip(b"\0"))):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.bin"):
            container.read(path, "thing")


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80, 0xFF])
def test_packed_with_a_flipped_byte(tmp_path: Path, mask: int) -> None:
    """In an array it is found out, or harmless (padding); in the header nothing but DataError comes of it."""
    path = tmp_path / "flipped.bin"
    whole, body = _packed_file(path)
    meta, arrays = container.read(path, "thing")
    before = {k: v.tobytes() for k, v in arrays.items()}
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
        try:
            _, got = container.read(path, "thing")
        except DataError as error:
            assert "flipped.bin" in str(error)
            refused += at >= body
            continue
        if at >= body:
            assert {k: v.tobytes() for k, v in got.items()} == before, at
    assert meta == {"n": 3}
    arrays_end = sum(json.loads(whole[16:body])["arrays"][k]["packed"] for k in before)
    assert refused >= arrays_end - len(before), "of an array at most the last bits are to spare"
