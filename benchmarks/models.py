"""An engine as `Restorer` builds it, with something of it changed: what measuring asks for and options don't offer."""

from __future__ import annotations

from typing import Any

import numpy as np

from unspin import Restorer, resources
from unspin.engine import Engine
from unspin.rows import FAMILIES


def default_engine() -> Engine:
    """Return the engine of a restorer with default options."""
    return Restorer()._engine


def engine(**changes: Any) -> Engine:
    """Return an engine of the shipped models that makes every edit it weighs; *changes*: fields of `Engine`."""
    fields: dict[str, Any] = {"families": np.ones(len(FAMILIES), dtype=bool)} | changes
    fields.setdefault("model", resources.language_model())
    fields.setdefault("table", resources.phrase_table())
    return Engine(**fields)
