"""A store as files on the disk: where it is, what belongs to it, who may read it."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from biofs.settings.load import Settings


class StoreError(Exception):
    """The file is not a store that this version can use; the message says why."""


class StoreCorrupt(StoreError):  # noqa: N818 - says what it is
    """The file is damaged, or no SQLite file at all."""


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
    make_directory(store.parent)
    descriptor = os.open(store, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Make a directory and those above it that are missing, for their owner only. Raises OSError.

    `Path.mkdir` gives its mode to the last one alone.
    """
    if not directory.is_dir():
        make_directory(directory.parent)
        directory.mkdir(mode=stat.S_IRWXU, exist_ok=True)


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


def store_path(settings: Settings) -> Path | None:
    """The file for this server and account, None for memory. Its name tells no secret."""
    if settings.cache_dir is None:
        return None
    account = settings.token or settings.cookie
    # The URL and the account, so that two of either never share what only one may know.
    text = f"{settings.url}\0{account.reveal() if account else ''}"
    digest = hashlib.blake2b(text.encode(), digest_size=6, person=b"biofs store").hexdigest()
    return settings.cache_dir / f"{_host(settings)}-{digest}{SUFFIX}"


def stores_of_server(settings: Settings) -> list[Path]:
    """The files for this server, of whatever account."""
    if settings.cache_dir is None:
        return []
    return sorted(
        path
        for path in settings.cache_dir.glob(f"*{SUFFIX}")
        if path.name.rpartition("-")[0] == _host(settings)
    )


def source_name(settings: Settings) -> str:
    """What a mount of this is called in mountinfo, as its source."""
    if settings.demo:
        return "demo"
    if settings.snapshot or settings.snapshot_url:
        return "snapshot"
    return "".join(c for c in urlsplit(settings.url).netloc if c.isalnum() or c in ".-:[]")


def _host(settings: Settings) -> str:
    netloc = urlsplit(settings.url).netloc
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in netloc)
