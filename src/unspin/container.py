"""One file of named arrays: a JSON header, then the arrays, aligned, to be memory-mapped as they are.

Arrays may be packed instead: their bytes by significance (all first bytes, then all second ones, …), deflated.
"""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError

MAGIC = b"UNSPIN\x00\x01"
_ALIGN = 64


def pack(array: np.ndarray) -> bytes:
    """Return an array as it is packed; `unpack` needs its type and shape."""
    planes = np.ascontiguousarray(array).reshape(-1).view(np.uint8).reshape(-1, array.dtype.itemsize).T
    return zlib.compress(planes.tobytes(), 9)


def unpack(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return the array that `pack` made *data* of, read-only; raises zlib.error or ValueError for what isn't one."""
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(dtype.itemsize, -1)
    # Little end first: shifting whole arrays is many times faster than copying bytes to every fourth place.
    whole = planes[-1].astype(f"u{dtype.itemsize}")
    for plane in planes[-2::-1]:
        whole <<= whole.dtype.type(8)
        whole |= plane
    out = whole.view(dtype).reshape(shape)
    out.flags.writeable = False
    return out


def write(
    path: str | os.PathLike[str],
    kind: str,
    meta: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    packed: Collection[str] = (),
) -> None:
    """Write *arrays* under a header that names *kind* and *meta*; the file appears whole or not at all.

    ``packed``: names of arrays that are to be packed; the others can be mapped.
    """
    path = Path(path)
    table: dict[str, dict[str, Any]] = {}
    bodies, offset = [], 0
    for name, array in arrays.items():
        table[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": offset}
        body = pack(array) if name in packed else np.ascontiguousarray(array).tobytes()
        if name in packed:
            table[name]["packed"] = len(body)
        bodies.append(body)
        offset += -(-len(body) // _ALIGN) * _ALIGN
    header = json.dumps({"kind": kind, "meta": dict(meta), "arrays": table}, sort_keys=True).encode()
    header += b" " * (-(len(MAGIC) + 8 + len(header)) % _ALIGN)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(MAGIC + len(header).to_bytes(8, "little") + header)
            for body in bodies:
                out.write(body + b"\0" * (-len(body) % _ALIGN))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class _Named(dict[str, Any]):
    """What a file holds, by name; asking for what it lacks is an error of the data."""

    path: Path

    def __missing__(self, name: str) -> Any:
        raise DataError(f"{self.path}: holds no {name!r}; it is damaged or of another version")


def read(path: str | os.PathLike[str], kind: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Map the file and return ``(meta, arrays)``; the arrays are read-only views of the map.

    Raises DataError where the file is missing, cut short, or not of *kind*.
    """
    path = Path(path)
    try:
        mapped = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: can't be read ({error})") from error
    start = len(MAGIC) + 8
    if bytes(mapped[: len(MAGIC)]) != MAGIC:
        raise DataError(f"{path}: not a data file of this version of unspin")
    length = int.from_bytes(bytes(mapped[len(MAGIC) : start]), "little")
    try:
        header = json.loads(bytes(mapped[start : start + length]))
        if header["kind"] != kind:
            raise DataError(f"{path}: holds a {header['kind']}, not a {kind}")
        arrays, meta = _Named(), _Named(header["meta"])
        arrays.path = meta.path = path
        for name, entry in header["arrays"].items():
            dtype, shape = np.dtype(entry["dtype"]), tuple(entry["shape"])
            first = start + length + entry["offset"]
            size = entry.get("packed", dtype.itemsize * int(np.prod(shape)))
            if first + size > len(mapped):
                raise DataError(f"{path}: cut short")
            if "packed" in entry:
                arrays[name] = unpack(mapped[first : first + size].tobytes(), dtype, shape)
                continue
            # A plain ndarray view: numpy.memmap's own indexing is many times slower.
            arrays[name] = np.asarray(mapped[first : first + size]).view(dtype).reshape(shape)
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        raise DataError(f"{path}: damaged header ({error})") from error
    return meta, arrays
