"""The state directory: who may enter it, what lies in it, and that one process has it."""

from __future__ import annotations

import fcntl
import os
import queue
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from biofs.settings import private_files

_MOST_RECORD: Final = 64 << 20


class NotPrivate(Exception):  # noqa: N818 - says what the directory is
    """The directory is not ours alone; the message says why."""


class Record(msgspec.Struct, kw_only=True):
    """What is wanted of a torrent, beside its .torrent file."""

    directory: str
    """Where its top name lies, percent-encoded."""
    wanted: list[int] = []
    unsaved: bool = True
    """Pieces may have come since libtorrent's resume data were written: hash what is there."""


def make(directory: Path) -> None:
    """Make the directory, if it is not there. Raises OSError and NotPrivate."""
    directory.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    directory.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotPrivate(f"{directory}: not a directory")
    if status.st_uid != os.geteuid():
        raise NotPrivate(f"{directory}: belongs to another user")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NotPrivate(f"{directory}: others can enter it: run `chmod 700 {directory}`")


def lock(directory: Path) -> int | None:
    """The descriptor that keeps all others out, until it is closed; None if another has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(directory / "lock", flags, stat.S_IRUSR | stat.S_IWUSR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


class Records:
    """The files from which torrents are resumed, three for each, all of them private.

    A .torrent file and libtorrent's resume data hold announce URLs, and so a passkey.

    What is written with `sync` is on the disk on return. All else outlives the process at once, and
    a thread has it on the disk some milliseconds later: so long nobody who reads has to wait.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def all(self) -> list[str]:
        """The info hashes in hexadecimal digits of which there is a torrent."""
        return sorted(path.stem for path in self._directory.glob("*.torrent"))

    def read(self, key: str) -> tuple[bytes, Record, bytes | None] | None:
        """The .torrent file, what is wanted, and the resume data; None if that is not there."""
        torrent = self._bytes(key, "torrent")
        try:
            record = msgspec.json.decode(self._bytes(key, "json") or b"", type=Record)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return None if torrent is None else (torrent, record, self._bytes(key, "resume"))

    def write_torrent(self, key: str, torrent: bytes, *, sync: bool = True) -> None:
        self._write(f"{key}.torrent", torrent, sync=sync)

    def write(self, key: str, record: Record, *, sync: bool = True) -> None:
        self._write(f"{key}.json", msgspec.json.encode(record), sync=sync)

    def write_resume(self, key: str, data: bytes) -> None:
        self._write(f"{key}.resume", data, sync=False)

    def forget(self, key: str) -> None:
        """Remove what was written of a torrent."""
        for kind in ("torrent", "json", "resume"):
            (self._directory / f"{key}.{kind}").unlink(missing_ok=True)

    def _write(self, name: str, data: bytes, *, sync: bool) -> None:
        path = self._directory / name
        private_files.write(path, data, sync=sync)
        if sync:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._sync, daemon=True)
            self._thread.start()
        self._written.put(path)

    def _sync(self) -> None:
        while (path := self._written.get()) is not None:
            with suppress(OSError):  # it may be gone; and a disk that fails will say so elsewhere
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)

    def close(self) -> None:
        """Return when all is on the disk."""
        if self._thread is not None:
            self._written.put(None)
            self._thread.join()
            self._thread = None

    def _bytes(self, key: str, kind: str) -> bytes | None:
        try:
            with (self._directory / f"{key}.{kind}").open("rb") as file:
                return file.read(_MOST_RECORD)
        except OSError:
            return None
