"""What is kept of a URL at which snapshots are published: one directory in the cache directory.

| file | holds |
| --- | --- |
| `snapshot.json` | which file is the snapshot at hand, and what the server said of it (`Known`) |
| `ID.sqlite` | a snapshot; mounts hold a shared lock (flock(2)) on it as long as they read it |
| `fetching…`, `making…` | what is being fetched or made; left behind by whoever was killed |
| `lock` | held by the process that fetches: others wait, and find the result |

`snapshot.json` is replaced whole, after the file that it names is on the disk. So whoever is killed
leaves the old one or the new one, and `sweep` removes the rest.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from biofs.settings import private_files
from biofs.store.database.files import make_directory

FETCHING: Final = "fetching"
MAKING: Final = "making"
_RECORD: Final = "snapshot.json"
_LOCK: Final = "lock"
_SUFFIX: Final = ".sqlite"
_LARGEST_RECORD: Final = 1 << 16


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot at hand: its file's name, and what its publisher said of it.

    `made` and `checked` are epoch seconds: when it was published, and when the server was last
    asked. `etag` and `modified` are what a conditional request repeats (RFC 9110, section 13.1).
    """

    url: str
    file: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}(-[0-9]{1,20})?\.sqlite\Z")]
    id: str
    catalogue: str
    made: float
    checked: float
    etag: str = ""
    modified: str = ""
    signed_with: str = ""
    """The key with which its description was signed, if that was looked at."""


_decode: Final = msgspec.json.Decoder(Known).decode


def directory_of(cache_dir: Path, url: str) -> Path:
    """Where the snapshot of a URL is kept. Its name shows the host and no more."""
    netloc = urlsplit(url).netloc or "file"
    host = "".join(c if c.isalnum() or c in ".-" else "_" for c in netloc)
    digest = hashlib.blake2b(url.encode(), digest_size=6, person=b"biofs snapshot").hexdigest()
    return cache_dir / "published" / f"{host}-{digest}"


class Kept:
    """The directory of one URL."""

    def __init__(self, cache_dir: Path, url: str) -> None:
        self.url: Final = url
        self.directory: Final = directory_of(cache_dir, url)

    def make(self) -> None:
        """Make the directory, for its owner only. Raises OSError."""
        make_directory(self.directory)

    def known(self) -> Known | None:
        """The snapshot at hand; None without one, also if what is written of it is damaged."""
        try:
            with (self.directory / _RECORD).open("rb") as file:
                text = file.read(_LARGEST_RECORD + 1)
            known = _decode(text)
        except (OSError, msgspec.DecodeError, RecursionError):
            return None
        return known if known.url == self.url and self.path(known).is_file() else None

    def version(self) -> tuple[int, int]:
        """A value that changes when another snapshot, or another word about it, is at hand."""
        try:
            found = (self.directory / _RECORD).stat()
        except OSError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def path(self, known: Known) -> Path:
        """The file of a snapshot."""
        return self.directory / known.file

    def write(self, known: Known) -> None:
        """Have this be the snapshot at hand; its file is on the disk already. Raises OSError."""
        private_files.write(self.directory / _RECORD, msgspec.json.encode(known))

    def new_name(self, ident: str) -> str:
        """A name for a snapshot's file that no other one has."""
        name, number = f"{ident}{_SUFFIX}", 0
        while (self.directory / name).exists():
            number += 1
            name = f"{ident}-{number}{_SUFFIX}"
        return name

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Try to be the only one that fetches: True if so, False if another process is.

        The lock's file stays: to remove it would let in two at once. Raises OSError.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.directory / _LOCK, flags, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Remove what nobody needs any more. Only for the process that holds the lock.

        A file that was begun to be fetched stays, to be continued.
        """
        known = self.known()
        for path in self.directory.iterdir():
            if path.name.startswith((MAKING, f".{MAKING}", f".{_RECORD}")):
                with suppress(OSError):
                    path.unlink()
            elif path.suffix == _SUFFIX and (known is None or path.name != known.file):
                _remove_unused(path)


def _remove_unused(path: Path) -> None:
    """Remove a snapshot's file unless a mount reads it: that one removes it later."""
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def _check_there(descriptor: int, path: Path) -> None:
    if os.fstat(descriptor).st_nlink == 0:
        raise FileNotFoundError(path)


class Held:
    """A snapshot's file that is being read: nobody removes it before `let_go`.

    Raises FileNotFoundError if it is gone, other OSErrors if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._descriptor: Final = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            _check_there(self._descriptor, path)
        except BaseException:
            os.close(self._descriptor)
            raise

    def let_go(self, *, remove: bool = False) -> None:
        """It is not read any more; with `remove` it goes, unless another process reads it."""
        os.close(self._descriptor)
        if remove:
            _remove_unused(self.path)
