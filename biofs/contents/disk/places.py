"""Where one torrent's data lie, and under which name each of its files does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from biofs.contents.disk.beneath import Components, DataDirectory, Opened
from biofs.contents.disk.entries import UNFINISHED
from biofs.contents.disk.last_folder import LastFolder
from biofs.contents.disk.walk import Walk

T = TypeVar("T")

File = tuple[Components, int]
"""A file of a torrent as its metainfo has it: its path within the torrent, and its length."""


class Found(NamedTuple):
    """A regular file that may be a torrent's; nothing is known of its bytes."""

    components: Components
    """Its path beneath the data directory, for `DataDirectory.open`."""
    complete_name: bool
    """Whether it has its true name, which some clients give to unfinished files too."""
    size: int
    """In bytes; less than the torrent says if a client is still appending to it."""

    def is_whole(self, length: int) -> bool:
        """Whether it is the file as the torrent has it, as far as its name and size tell."""
        return self.complete_name and self.size == length


class Place(NamedTuple):
    """Where a torrent's data lie."""

    directory: DataDirectory
    top: Components
    """The directory that the paths in the torrent start from, beneath the data directory. Of a
    torrent that is a single file, that file, with the name that it has when it is complete."""
    single: bool

    def components(self, path: Sequence[bytes]) -> Components:
        """Where a file of the torrent lies beneath the data directory if it has its true name."""
        return self.top if self.single else (*self.top, *path)

    def find_file(self, path: Sequence[bytes], length: int) -> Found | None:
        """A file of the torrent: one with the true name and size, or else an unfinished one.

        `path` is that within the torrent, and counts for nothing if the torrent is a single file.
        An unfinished file has a suffix (`UNFINISHED`) or is too short; one that is too long belongs
        to something else. Nothing is opened for reading. Raises OSError if a file could not be
        looked at, as with `DataDirectory.open`.
        """
        with Walk(self.directory) as walk:
            return self.find_on(walk, path, length)

    def find_on(self, walk: Walk, path: Sequence[bytes], length: int) -> Found | None:
        """As `find_file`, for who looks for several; the walk is one in the place's directory."""
        components = self.components(path)
        if not components:
            return None
        folder, name = components[:-1], components[-1]
        try:
            handle = walk.folder(folder)
            size = handle.size_of(name)
            if size == length:
                return Found(components, True, size)
            for suffix in UNFINISHED:
                unfinished = handle.size_of(name + suffix)
                if unfinished is not None and unfinished <= length:
                    return Found((*folder, name + suffix), False, unfinished)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Found(components, True, size) if size is not None and size < length else None

    def open_file(self, path: Sequence[bytes], length: int) -> tuple[int, Found] | None:
        """A file of the torrent, open for reading, and what `find_file` says of it; None if it is
        not there. The caller closes it. Raises OSError as `find_file`.
        """
        descriptor = self.open_whole(path, length)
        if descriptor is not None:
            return descriptor, Found(self.components(path), True, length)
        found = self.find_file(path, length)
        if found is None:
            return None
        try:
            return self.directory.open(found.components), found
        except FileNotFoundError:
            return None

    def open_whole(self, path: Sequence[bytes], length: int) -> int | None:
        """A file of the torrent with its true name and size, open for reading; None if there is
        none. It takes one walk. The caller closes it. Raises OSError as `find_file`.
        """
        try:
            descriptor = self.directory.open(self.components(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        if os.fstat(descriptor).st_size == length:
            return descriptor
        os.close(descriptor)
        return None

    def open_cached(
        self, path: Sequence[bytes], length: int, last_folder: LastFolder
    ) -> Opened | None:
        """A file of the torrent with its true name and size, open for reading, if no disk has to be
        waited for; else None. See `DataDirectory.open_cached`.
        """
        opened = last_folder.open(self.directory, self.components(path))
        if opened is None or opened.status.st_size == length:
            return opened
        os.close(opened.descriptor)
        return None


def first_whole(found: Iterable[T], is_whole: Callable[[T], bool]) -> T | None:
    """Of files that may be the same one of a torrent: the first that is whole, else the first."""
    first: T | None = None
    for each in found:
        if is_whole(each):
            return each
        first = each if first is None else first
    return first


class Presence(NamedTuple):
    """How much of a torrent is at a place, as names and sizes tell; more is greater."""

    files: int
    """Files that `Place.find_file` finds."""
    full: int
    """Those of them that have their true name and size."""

    def plus(self, other: Presence) -> Presence:
        """That of both together, which are of different files."""
        return Presence(self.files + other.files, self.full + other.full)


ABSENT = Presence(0, 0)


def presence(place: Place, files: Sequence[File]) -> Presence:
    """How many of these files are at a place. What cannot be looked at is not there."""
    count = full = 0
    with Walk(place.directory) as walk:
        for path, length in files:
            try:
                found = place.find_on(walk, path, length)
            except OSError:
                continue
            if found is not None:
                count += 1
                full += found.is_whole(length)
    return Presence(count, full)
