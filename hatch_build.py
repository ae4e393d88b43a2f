"""Compiles what is in src/unspin/native into the wheel, if there is a C compiler; else the wheel is pure Python and slower."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES, LIBRARY = Path("src/unspin/native"), Path("src/unspin/_kernels.so")


class KernelsHook(BuildHookInterface):  # type: ignore[type-arg]
    """Sets the wheel's tag to the platform where the library could be compiled."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        made = compile_library(root / SOURCES, root / LIBRARY)
        if made and version != "editable":
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
            build_data["force_include"][str(root / LIBRARY)] = f"unspin/{LIBRARY.name}"


def compile_library(sources: Path, library: Path) -> bool:
    """Compile the C files in a folder to *library*; returns whether that was possible."""
    if os.environ.get("UNSPIN_PURE") or sys.platform == "win32":
        return False
    compiler = next(filter(None, map(shutil.which, (os.environ.get("CC") or "cc", "gcc", "clang"))), None)
    if compiler is None:
        return False
    handle, temporary = tempfile.mkstemp(dir=library.parent, prefix=library.name, suffix=".tmp")
    os.close(handle)
    files = sorted(map(str, sources.glob("*.c")))
    flags = ["-O2", "-std=c99", "-fPIC", "-shared", "-fvisibility=hidden"]
    try:
        done = subprocess.run([compiler, *flags, *files, "-o", temporary, "-lm"], capture_output=True, check=False)
        if done.returncode:
            return False
        os.chmod(temporary, 0o755)
        os.replace(temporary, library)
    except OSError:
        return False
    finally:
        Path(temporary).unlink(missing_ok=True)
    return True


if __name__ == "__main__":
    here = Path(__file__).parent
    sys.exit(0 if compile_library(here / SOURCES, here / LIBRARY) else "no C compiler: unspin stays pure Python")
