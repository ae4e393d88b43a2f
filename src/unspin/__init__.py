"""Restore English that a synonym spinner has reworded.

>>> import unspin
>>> unspin.restore("In accordance with a brand new report, the firm stated that its software program shall be up to date.")
'According to a new report, the company said that its software will be updated.'

`restore` returns text, `explain` the edits behind it, `detect` whether a text is spun at all; `restore_many`,
`explain_many` and `detect_many` do many texts over processes, `summarise` counts what was found; `Restorer` holds
options for many calls. Nothing is loaded before the first call, and nothing is ever downloaded.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .batch import Failure, detect_many, explain_many, restore_many
    from .edits import Alternative, Detection, Edit, Restoration
    from .errors import DataError, MissingExtraError, OptionError, TableError, UnspinError
    from .report import summarise
    from .restorer import Restorer

__version__ = "0.1.0"
__all__ = [
    "Alternative",
    "DataError",
    "Detection",
    "Edit",
    "Failure",
    "MissingExtraError",
    "OptionError",
    "Restoration",
    "Restorer",
    "TableError",
    "UnspinError",
    "detect",
    "detect_many",
    "explain",
    "explain_many",
    "restore",
    "restore_many",
    "summarise",
]

logging.getLogger("unspin").addHandler(logging.NullHandler())

_HOMES = {
    "Alternative": "edits", "Detection": "edits", "Edit": "edits", "Restoration": "edits",
    "DataError": "errors", "MissingExtraError": "errors", "OptionError": "errors", "TableError": "errors",
    "UnspinError": "errors", "Restorer": "restorer", "summarise": "report",
    "Failure": "batch", "restore_many": "batch", "explain_many": "batch", "detect_many": "batch",
}  # fmt: skip
_default: Any = None


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'unspin' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def _restorer(options: dict[str, Any]) -> Any:
    global _default
    from .restorer import Restorer

    if options:
        return Restorer(**options)
    if _default is None:
        _default = Restorer()
    return _default


def restore(text: str, **options: Any) -> str:
    """Return *text* with its likely original wording; text that is not spun comes back unchanged.

    Options are those of `Restorer`; for many calls with options, make one Restorer. Raises TypeError where
    *text* is not a str or an option is unknown.
    """
    result: str = _restorer(options).restore(text)
    return result


def explain(text: str, **options: Any) -> Restoration:
    """Return the `Restoration` of *text*: ``.text``, ``.edits`` (offsets in code points of *text*) and ``.spin``."""
    result: Restoration = _restorer(options).explain(text)
    return result


def detect(text: str, **options: Any) -> Detection:
    """Return the `Detection` for *text*: the probability that it was synonym-spun, the rate and the family."""
    result: Detection = _restorer(options).detect(text)
    return result
