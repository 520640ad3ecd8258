"""Where snapshots are published: a directory here, or whatever else can do what `Place` says."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from biofs.errors import QuietError
from biofs.settings import private_files
from biofs.store.snapshots.files import sync_directory

LOCK: Final = ".biofs-publish.lock"
READABLE: Final = 0o644
"""Whatever the umask is: a web server reads these files under its own name."""


class Place(Protocol):
    """Files by name, without directories. All raise OSError or QuietError if it does not work."""

    def read(self, name: str, most: int) -> bytes | None:
        """At most `most` bytes of a file; None if there is none."""

    def fetch(self, name: str, into: Path) -> None:
        """Copy a file that is there into one that is here."""

    def put(self, name: str, file: Path) -> None:
        """Have a file there that is here: whole or not at all, in place of one of that name."""

    def times(self) -> dict[str, float]:
        """All names, and when each was last written (seconds since the epoch)."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


class Directory:
    """A directory of this machine, which a web server may serve."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str, most: int) -> bytes | None:
        try:
            with (self._path / name).open("rb") as opened:
                return opened.read(most)
        except FileNotFoundError:
            return None

    def fetch(self, name: str, into: Path) -> None:
        shutil.copyfile(self._path / name, into)

    def put(self, name: str, file: Path) -> None:
        """See Place. The file is later than the one before by a second at least.

        Some web servers tell files apart by whole seconds and size alone (nginx, in
        ngx_http_set_etag): who asks whether it is another one must not be told that it is not.
        """
        before = self._modified(name)
        with private_files.replacing(self._path / name, READABLE) as fresh:
            shutil.copyfile(file, fresh)
            if before is not None and fresh.stat().st_mtime < before + 1:
                os.utime(fresh, (before + 1, before + 1))
        sync_directory(self._path)

    def _modified(self, name: str) -> int | None:
        """Epoch seconds, rounded down."""
        try:
            return int((self._path / name).stat().st_mtime)
        except FileNotFoundError:
            return None

    def times(self) -> dict[str, float]:
        return {path.name: path.lstat().st_mtime for path in self._path.iterdir()}

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


@contextmanager
def alone(lock: Path, place: str) -> Iterator[None]:
    """Be the only one of this machine that publishes there. Raises QuietError, OSError.

    The lock's file stays: to remove it would let in two at once.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise QuietError(f"{place}: is being published to already") from None
        yield
    finally:
        os.close(descriptor)
