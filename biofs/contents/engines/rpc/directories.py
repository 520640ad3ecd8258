"""What `check` can say of a client's directories, as this machine sees them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from biofs.contents.engines.engine import EngineError, Finding
from biofs.contents.engines.rpc.path_map import PathMap
from biofs.tree.printable import for_path

_LITTLE: Final = 1 << 30


def path_map(pairs: Sequence[tuple[str, str]]) -> PathMap:
    """As `PathMap`, which it makes.

    Raises:
        EngineError: A path in it cannot be used.
    """
    problem = ""
    try:
        return PathMap(pairs)
    except ValueError as error:
        problem = str(error)
    raise EngineError(f"path_map cannot be used: {problem}")


def local(paths: PathMap, remote: str, name: str) -> Path:
    """A directory that a client names, on this machine.

    Raises:
        EngineError: `path_map` says nothing of it and it is not a path of this machine.
    """
    problem = ""
    try:
        return paths.local(remote)
    except ValueError as error:
        problem = str(error)
    raise EngineError(
        f"{name} names a directory that cannot be used here ({problem}): see path_map"
    )


def readable(directory: Path, what: str) -> Iterator[Finding]:
    """Whether biofs can read a directory, and how much room there is."""
    shown = for_path(str(directory))
    if not directory.is_dir():
        yield Finding(
            False,
            f"{what} {shown}: not a directory of this machine; if the client runs in a container "
            "or elsewhere, say in path_map where its directory is here",
        )
        return
    if not os.access(directory, os.R_OK | os.X_OK):
        yield Finding(
            False, f"{what} {shown}: not readable for you; let the client's group read, and join it"
        )
        return
    yield Finding(True, f"{what} {shown}: readable")


def room(free: int, what: str) -> Finding:
    """Whether there is room; `free` in bytes."""
    amount = f"{free / 1e9:.1f} GB free"
    if free < _LITTLE:
        return Finding(False, f"{what}: only {amount}; make room, or nothing large can be fetched")
    return Finding(True, f"{what}: {amount}")


def free_here(directory: Path) -> int | None:
    """Free bytes where a directory is, for users without rights; None if it cannot be said."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None
