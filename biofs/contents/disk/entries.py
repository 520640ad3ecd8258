"""The names in a data directory: read once, and again where something has changed.

Only names and kinds are read, with scandir and no stat for an entry. A directory is read again if
its times differ from those at the last reading, which takes one fstat a directory to find out. The
names of a directory are one byte string, so that 100,000 of them cost some megabytes.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from biofs.contents.disk.beneath import Components, DataDirectory, Handle
from biofs.tree import printable

log = logging.getLogger(__name__)

UNFINISHED: Final = (b".part", b".!qB", b".!ut", b".bc!")
"""What clients append to the name of a file that is not complete.

In this order: Transmission, qBittorrent (if told so), µTorrent, BitComet.
"""

DEEPEST: Final = 8
MOST_ENTRIES: Final = 1_000_000
MOST_FOLDERS: Final = 100_000
"""A directory costs ten times the memory of a file."""

TOPS_EVERY: Final = 1.0
REST_EVERY: Final = 30.0
"""Seconds between two looks at the data directory and those in it, and at all others."""

_PATIENT: Final = 10
"""Of the time, at most one part in so many is spent on looking."""

_FEW: Final = 256
"""With more directories in the data directory than this, they count among the rest."""

_RACY: Final = 2.0
"""Seconds in which a file system's clock may stand still: FAT's, the coarsest.

A directory that changed so shortly before it was read may change again and have the same time
(as racy-git.txt, in the documentation of git, has it of files): it is read once more.
"""

_GONE: Final = (0, 0, 0)
_MOST_LINES: Final = 20
_TO_BE_EXPECTED: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Listing:
    """The names in one directory, as they were when it was last read."""

    __slots__ = ("count", "files", "folders", "name", "racy", "stamp")

    def __init__(self, name: bytes) -> None:
        self.name: Final = name
        self.files = b""
        """The names of regular files, each between two NUL bytes."""
        self.folders: tuple[Listing, ...] = ()
        self.count = 0
        self.stamp: tuple[int, int, int] | None = None
        """Inode number and times in ns when it was read; None if it never was."""
        self.racy = False

    def holds(self, name: bytes) -> bool:
        """Whether a file of this name is there, or an unfinished one."""
        if not name or b"\0" in name:
            return False
        start = self.files.find(b"\0" + name)
        while start >= 0:
            end = start + 1 + len(name)
            if self.files[end : self.files.index(b"\0", end)] in (b"", *UNFINISHED):
                return True
            start = self.files.find(b"\0" + name, end)
        return False

    def names(self) -> list[bytes]:
        """The names of the files."""
        return self.files[1:-1].split(b"\0") if self.files else []

    def folder(self, name: bytes) -> Listing | None:
        return next((each for each in self.folders if each.name == name), None)


class Entries:
    """All names beneath a data directory, down to a depth. `check` may take long at first.

    May be used by several threads at once.
    """

    def __init__(
        self,
        directory: DataDirectory,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        deepest: int = DEEPEST,
        most: int = MOST_ENTRIES,
        most_folders: int = MOST_FOLDERS,
    ) -> None:
        """`clock` says in seconds when to look again, `wall` what the time is for files."""
        self.directory: Final = directory
        self.root: Final = Listing(b"")
        self.generation = 0
        """Grows whenever a name has come or gone."""
        self._clock = clock
        self._wall = wall
        self._deepest = deepest
        self._most = most
        self._most_folders = most_folders
        self._entries = 0
        self._folders = 0
        self._tops_due = float("-inf")
        self._rest_due = float("-inf")
        self._lock = threading.Lock()
        self._said: set[Components | str] = set()

    def check(self) -> None:
        """Read what was never read, and what has changed, if it is time to look.

        Nothing is raised: what cannot be read is logged once and has no names.
        """
        with self._lock:
            start = self._clock()
            if start < self._tops_due:
                return
            everything = start >= self._rest_due
            self._look(everything)
            end = self._clock()
            took = (end - start) * _PATIENT
            self._tops_due = end + max(TOPS_EVERY, took)
            if everything:
                self._rest_due = end + max(REST_EVERY, took)

    def look_soon(self) -> None:
        """Have the next `check` look at the data directory and those in it, whenever it is."""
        with self._lock:
            self._tops_due = float("-inf")

    def walk(self, path: Components = ()) -> Iterator[tuple[Components, Listing]]:
        """The directory at this path and all beneath, with their paths; nothing if it is unknown.

        Nothing is read: it is as `check` found it.
        """
        top: Listing | None = self.root
        for name in path:
            top = top.folder(name) if top else None
        stack = [(path, top)] if top else []
        while stack:
            here, listing = stack.pop()
            yield here, listing
            stack.extend(((*here, each.name), each) for each in reversed(listing.folders))

    def holding(self, names: Sequence[bytes]) -> Iterator[tuple[int, Components]]:
        """Where files of these names are, unfinished ones too: index of the name, directory."""
        for path, listing in self.walk():
            if listing.files:
                for number, name in enumerate(names):
                    if listing.holds(name):
                        yield number, path

    def _look(self, everything: bool) -> None:
        levels = self._deepest
        if not everything:
            levels = 1 if len(self.root.folders) <= _FEW else 0
        try:
            with self.directory.handle() as handle:
                self._visit(self.root, handle, (), levels)
        except OSError as error:
            # What is known of it is kept: a disk that returns need not be read again.
            self._say((), error)
        else:
            self._said.discard(())

    def _visit(self, listing: Listing, handle: Handle, path: Components, levels: int) -> None:
        """Look at a directory, at those `levels` below it, and at what was never read."""
        self._read_if_changed(listing, handle, path)
        for each in listing.folders:
            if levels or each.stamp is None:
                self._enter(each, handle, (*path, each.name), max(levels - 1, 0))

    def _enter(self, listing: Listing, above: Handle, path: Components, levels: int) -> None:
        try:
            with above.folder(listing.name) as handle:
                self._visit(listing, handle, path, levels)
        except OSError as error:
            self._replace(listing, [], [])
            listing.stamp = _GONE
            self._say(path, error)

    def _read_if_changed(self, listing: Listing, handle: Handle, path: Components) -> None:
        status = handle.status()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        if stamp == listing.stamp and not listing.racy:
            return
        files: list[bytes] = []
        folders: list[bytes] = []
        try:
            self._scan(handle, files, folders, listing, len(path))
        except OSError as error:
            self._say(path, error)
        self._replace(listing, files, folders)
        listing.stamp = stamp
        listing.racy = abs(self._wall() - max(status.st_mtime, status.st_ctime)) < _RACY

    def _scan(
        self,
        handle: Handle,
        files: list[bytes],
        folders: list[bytes],
        listing: Listing,
        depth: int,
    ) -> None:
        """Append the names in a directory to the two lists, as far as there is room."""
        room = self._most - self._entries + listing.count
        more = self._most_folders - self._folders + len(listing.folders)
        full = False
        descriptor = handle.listable()
        try:
            with os.scandir(descriptor) as scan:
                for entry in islice(scan, max(room, 0)):
                    if entry.is_file(follow_symlinks=False):
                        files.append(os.fsencode(entry.name))
                    elif depth < self._deepest and entry.is_dir(follow_symlinks=False):
                        if len(folders) < more:
                            folders.append(os.fsencode(entry.name))
                        else:
                            full = True
                full = full or next(scan, None) is not None
        finally:
            os.close(descriptor)
        if full:
            self._say_full()

    def _replace(self, listing: Listing, files: list[bytes], folders: list[bytes]) -> None:
        """Put these names in the place of those known, and keep what is known below."""
        joined = b"\0".join([b"", *files, b""]) if files else b""
        known = {each.name: each for each in listing.folders}
        below = tuple(
            known.pop(name) if name in known else Listing(name) for name in sorted(folders)
        )
        if joined != listing.files or below != listing.folders:
            self.generation += 1
        self._folders += len(below) - len(listing.folders)
        count = len(files) + len(folders)
        self._entries += count - listing.count
        listing.files, listing.folders, listing.count = joined, below, count
        for gone in known.values():
            self._replace(gone, [], [])

    def _say_full(self) -> None:
        if "full" not in self._said:
            self._said.add("full")
            log.warning(
                "%s: more than %d files or %d directories: not all of them will be found",
                self._shown(()),
                self._most,
                self._most_folders,
            )

    def _say(self, path: Components, error: OSError) -> None:
        """Log what cannot be read, once, and not for a whole tree of it."""
        if (path and error.errno in _TO_BE_EXPECTED) or path in self._said:
            return
        if len(self._said) < _MOST_LINES or not path:
            self._said.add(path)
            log.warning("%s: cannot be read: %s", self._shown(path), error.strerror)

    def _shown(self, path: Components) -> str:
        return printable.for_path(os.fsdecode(b"/".join([self.directory.path, *path])))
