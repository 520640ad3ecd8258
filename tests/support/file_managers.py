"""What file managers ask of a file system, call by call, as strace shows it.

Recorded of Thunar 4.18.4 and Nautilus 43.2 (Debian 12). Both go through GLib, so that they read a
directory alike; Nautilus also counts the entries of each directory in sight.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
_MASK = 0xFCE  # what GLib asks for: the mask in /proc/PID/fdinfo
_SNIFFED = 4096
_NAMED_BY_SUFFIX = (".txt", ".gz", ".fsa")


class FileManager:
    """A window of a file manager, in this process: it watches the directory that it shows."""

    def __init__(self, *, counts: bool) -> None:
        self._counts = counts
        self._inotify = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self._watch = -1
        self.uncounted: list[str] = []
        """Directories whose entries it could not count."""

    def close(self) -> None:
        """Close the window."""
        os.close(self._inotify)

    def show(self, place: Path) -> dict[str, os.stat_result]:
        """Go to a directory; what it shows there."""
        os.lstat(place)
        os.statvfs(place)
        self._may(place)
        if self._watch >= 0:
            libc.inotify_rm_watch(self._inotify, self._watch)
        self._watch = libc.inotify_add_watch(self._inotify, os.fsencode(place), _MASK)
        assert self._watch >= 0, os.strerror(ctypes.get_errno())
        shown = {}
        for name in self._names(place):
            path = place / name
            shown[name] = self._look(path)
            self._may(path)
            self._sniff(path, shown[name])
        with suppress(FileNotFoundError):
            (place / ".hidden").read_bytes()
        if self._counts:
            for name in shown:
                if not name.startswith(".") and (place / name).is_dir():
                    self._count(place / name)
        return shown

    @staticmethod
    def _names(place: Path) -> list[str]:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fstat(descriptor)
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)

    @staticmethod
    def _may(path: Path) -> None:
        for mode in (os.R_OK, os.W_OK, os.X_OK):
            os.access(path, mode)

    @staticmethod
    def _look(path: Path) -> os.stat_result:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            os.readlink(path)
            with suppress(FileNotFoundError):
                os.stat(path)
        return found

    @staticmethod
    def _sniff(path: Path, found: os.stat_result) -> None:
        # What the suffix does not tell is read from the file's beginning.
        if (
            stat.S_ISREG(found.st_mode)
            and found.st_size
            and not path.name.endswith(_NAMED_BY_SUFFIX)
        ):
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
                os.read(descriptor, _SNIFFED)
                os.close(descriptor)

    def _count(self, place: Path) -> None:
        try:
            names = self._names(place)
        except OSError:
            self.uncounted.append(place.name)
            return
        for name in names:
            os.lstat(place / name)

    def properties(self, place: Path) -> int:
        """The size of all in a directory, as the dialogue adds it up (in bytes)."""
        watch = libc.inotify_add_watch(self._inotify, os.fsencode(place), _MASK)
        try:
            return self._size(place)
        finally:
            libc.inotify_rm_watch(self._inotify, watch)

    def _size(self, place: Path) -> int:
        size = 0
        try:
            names = self._names(place)
        except OSError:
            self.uncounted.append(place.name)
            return 0
        for name in names:
            found = os.lstat(place / name)
            if stat.S_ISDIR(found.st_mode):
                size += self._size(place / name)
            size += found.st_size
        return size


@contextmanager
def file_manager(*, counts: bool = False) -> Iterator[FileManager]:
    """A window, open as long as the context."""
    window = FileManager(counts=counts)
    try:
        yield window
    finally:
        window.close()
