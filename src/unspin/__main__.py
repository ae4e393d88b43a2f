"""``python -m unspin``: the same as the command ``unspin``."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
