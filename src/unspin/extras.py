"""Optional dependencies, imported when first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import MissingExtraError


def require(module: str, extra: str) -> Any:
    """Import *module*, which the extra *extra* brings.

    Raises MissingExtraError, which is an ImportError too, where it is not installed.

    >>> require("json", "nothing").dumps([1])
    '[1]'
    """
    try:
        return import_module(module)
    except ImportError as error:
        # A module that is there and fails inside says so itself.
        if error.name is not None and error.name.split(".")[0] != module.split(".")[0]:
            raise
        name = module.split(".")[0]
        raise MissingExtraError(f"this needs {name}: pip install 'unspin[{extra}]'", name=name) from error
