"""What the commands of this folder have in common: how they read their arguments, and how they fail."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from unspin.errors import UnspinError


def parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return a parser for ``python -m benchmarks.name``; *about*: the module's docstring, shown as it is."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def status(work: Callable[[], None]) -> int:
    """Do *work* and return the exit status: 1 where an input can't be read, with what is wrong on standard error."""
    try:
        work()
    except (UnspinError, OSError, json.JSONDecodeError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    return 0
