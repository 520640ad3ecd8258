"""The files of a store on the disk: what they are called, and who may read them."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".sqlite"

BESIDE: Final = ("-wal", "-shm", "-journal")
"""What the names of the files end with that SQLite puts beside a store."""


def size(store: Path) -> int:
    """What a store takes on the disk, in bytes, with what is beside it; 0 if it is not there."""
    total = 0
    for path in (store, *beside(store)):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def beside(store: Path) -> list[Path]:
    """The files that SQLite may have put beside a store."""
    return [store.with_name(store.name + suffix) for suffix in BESIDE]


def make_private(store: Path) -> None:
    """Make the directory 0700 and the file 0600, before SQLite would make them readable.

    Raises OSError.
    """
    store.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    descriptor = os.open(store, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    os.close(descriptor)


def set_aside(store: Path) -> Path:
    """Move a damaged store away, with what belongs to it, and say where to. Raises OSError."""
    number = 1
    while (aside := store.with_name(f"{store.name}.corrupt-{number}")).exists():
        number += 1
    store.rename(aside)
    for old, new in zip(beside(store), beside(aside), strict=True):
        with suppress(FileNotFoundError):
            old.rename(new)
    return aside
