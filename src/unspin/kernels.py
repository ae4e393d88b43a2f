"""The inner loops in C, where the wheel carries them; where it doesn't, numpy does the same work, slower.

``UNSPIN_PURE=1`` in the environment does without them. Nothing else in the package knows which of the two runs.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

#: Name of the library beside this module; `hatch_build.py` at the top of the project makes it of what is in `native`.
LIBRARY = "_kernels.so"
_P, _I, _U, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_double
#: What each function returns and takes.
_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "index": (ctypes.c_int, [_I, ctypes.c_char_p, _P, _U, _I, _P]),
    "tokenise": (_I, [_I, _P, _P, _I, _P, _I, _U, _I, *[_P] * 8]),
    "spell": (_I, [_P, _I, _P, _P]),
    "sums": (ctypes.c_int, [_I, *[_P] * 6, _D, _D, *[_P] * 4]),
    "find": (_I, [_I, _P, _U, _U, _U, *[_P] * 6]),
    "bigrams": (None, [_I, *[_P] * 5, _U, _U, _U, *[_P] * 7]),
    "trigrams": (None, [_I, _P, _P, _P, _U, _U, _U, *[_P] * 4]),
    "along": (None, [_I, *[_P] * 5, _U, _U, _U, *[_P] * 6]),
    "inside": (None, [_I, *[_P] * 4, _U, _U, _U, *[_P] * 4]),
    "own": (None, [_I, *[_P] * 4, _I, _P, *[_D] * 3, _P, _P]),
    "alive": (None, [_I, _P, _D, *[_P] * 3]),
    "numbered": (_I, [_I, _P, _I, _P, _P]),
    "seams": (_I, [_I, _P, _I, *[_P] * 3, _I, _P, _I, _P, _I, _I, _U, _U, _U, *[_P] * 12]),
    "match": (_I, [_I, _P, _P, _P, _I, *[_P] * 8]),
    "weights": (None, [_I, _I, _P, _I, _P, _P, _P]),
    "free_matches": (_I, [_I, _P, _P, _P, _I, _I, *[_P] * 7]),
    "gather": (_I, [_I, _I, _P, _P, _P, _I, *[_P] * 6, ctypes.c_uint8, *[_P] * 9]),
    "nested": (None, [_I, _I, _P, _P, _I, _P, _P]),
    "named": (None, [_I, _P, _P, _P, _I, _D, _I, *[_P] * 4]),
    "build": (None, [_I, _P, _I, *[_P] * 11]),
    "count_steps": (_I, [_I, _P, _P, _I, _P, _P, _P]),
    "list_steps": (None, [_I, *[_P] * 5]),
    "select": (_I, [_I, *[_P] * 12]),
    "select_steps": (_I, [_I, *[_P] * 8]),
    "stand": (None, [_I, _I, _I, _P, _P, _P, _I, _P, _P, _I, _I, *[_P] * 6]),
    "readings": (None, [_I, _I, *[_P] * 4, _D, *[_P] * 14]),
    "lay": (
        None,
        [_I, _I, *[_P] * 4, _I, *[_P] * 13, _I, _P, ctypes.c_uint8, _I, *[_D] * 4, _I, *[_P] * 13],
    ),
    "thin": (None, [_I, *[_P] * 3, _I, *[_P] * 9, _I, *[_P] * 17]),
    "factor": (
        None,
        [_I, _I, _I, *[_P] * 4, _D, _I, _I, *[_P] * 5, _I, *[_P] * 11, _I, *[_P] * 4, _I, _P, *[_D] * 10, _I, _P],
    ),
    "maximise": (None, [_I, _I, _I, *[_P] * 3, _D, _I, *[_P] * 3, _I, *[_P] * 3, *[_D] * 9, *[_P] * 5]),
    "agreed": (_I, [_I, *[_P] * 5, _I, _P, _D, _D, *[_P] * 3]),
    "settle": (None, [_I, _I, *[_P] * 6]),
}


@lru_cache(maxsize=1)
def library() -> Any:
    """Return the loaded library, or None where there is none for this platform."""
    path = Path(__file__).with_name(LIBRARY)
    if os.environ.get("UNSPIN_PURE") or not path.exists():
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(loaded, f"unspin_{name}")
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError):
        return None
    return loaded


def _slow_address(array: np.ndarray) -> int:
    where: int = array.__array_interface__["data"][0]
    return where


def _quick_address(array: np.ndarray) -> int:
    # An array object begins with the address of its data, which numpy's C interface fixes. Six times as fast.
    return _P.from_address(id(array) + _HEAD).value or 0


_HEAD = object.__basicsize__
_PROBES = [np.arange(k) for k in range(1, 4)] if sys.implementation.name == "cpython" else []
#: Return where the data of a contiguous array begins.
address = _quick_address if _PROBES and all(_quick_address(p) == _slow_address(p) for p in _PROBES) else _slow_address
