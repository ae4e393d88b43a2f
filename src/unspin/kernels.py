"""The inner loops in C, where the wheel carries them; where it doesn't, numpy does the same work, slower.

``UNSPIN_PURE=1`` in the environment does without them. Nothing else in the package knows which of the two runs.
"""

from __future__ import annotations

import ctypes
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

#: Name of the library beside this module; `hatch_build.py` at the top of the project makes it.
LIBRARY = "_kernels.so"
_P, _I, _U, _D = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64, ctypes.c_double


@lru_cache(maxsize=1)
def library() -> Any:
    """Return the loaded library, or None where there is none for this platform."""
    path = Path(__file__).with_name(LIBRARY)
    if os.environ.get("UNSPIN_PURE") or not path.exists():
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        loaded.unspin_sums.restype = ctypes.c_int
        loaded.unspin_sums.argtypes = [_I, _I, *[_P] * 5, _D, _D, *[_P] * 4]
        loaded.unspin_find.restype = _I
        loaded.unspin_find.argtypes = [_I, _P, _U, _U, _U, *[_P] * 6]
        loaded.unspin_match.restype = _I
        loaded.unspin_match.argtypes = [_I, _P, _P, _I, *[_P] * 8]
    except (OSError, AttributeError):
        return None
    return loaded


def address(array: np.ndarray) -> int:
    """Return where the data of a contiguous array begins."""
    where: int = array.__array_interface__["data"][0]
    return where
