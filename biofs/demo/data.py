"""Lays the contents of small torrents out on the disk, where a BitTorrent client would have them.

The names of the embedded catalogue are hostile at places. A name is one component of a path or is
not used at all, and a path is walked from directory to directory without following links, so that
nothing is written outside of the directory that the user names.
"""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from biofs.demo.contents import content
from biofs.demo.metainfo import metainfo
from biofs.demo.model import Entry, Torrent

_Place: TypeAlias = tuple[str, ...]
"""The components of a path."""

_NAME_MAX: Final = 255
"""The longest name in bytes that Linux takes (limits.h)."""
_ENTER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What stands in a file's place may be a FIFO, and opening that would wait for a writer.
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class Laid:
    """What has been laid out, whether it was written now or there before."""

    torrents: int = 0
    files: int = 0
    size: int = 0
    """The bytes of all these files."""
    written: int = 0
    """How many of the files were not there before."""
    skipped: int = 0
    """Files whose names, or whose torrent's, cannot be used or are taken by another file."""


@dataclass
class _Taken:
    """The places that files have got, in one run."""

    files: set[_Place] = field(default_factory=set)
    directories: set[_Place] = field(default_factory=set)

    def take(self, place: _Place) -> bool:
        """Take a place for a file if it is free: no file and no directory is one of the other's."""
        above = [place[:end] for end in range(1, len(place))]
        if place in self.files or place in self.directories or not self.files.isdisjoint(above):
            return False
        self.files.add(place)
        self.directories.update(above)
        return True


@dataclass(frozen=True)
class _Root:
    """A directory that things are laid out below, open."""

    path: Path
    descriptor: int

    def put(self, place: _Place, made: bytes) -> bool:
        """Write a file, with its directories; whether it was not there. See lay_out for errors."""
        path = self.path.joinpath(*place)
        with _errors_name(path), _entered(self.descriptor, place[:-1]) as folder:
            try:
                descriptor = os.open(place[-1].encode(), _NEW, 0o666, dir_fd=folder)
            except FileExistsError:
                if _holds(folder, place[-1].encode(), made):
                    return False
                raise FileExistsError(errno.EEXIST, "there is something else") from None
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(made)
            except BaseException:
                # Half of a file would stand in the way of the next attempt.
                os.unlink(place[-1].encode(), dir_fd=folder)
                raise
        return True


def lay_out(torrents: Iterable[Torrent], data: Path, metainfos: Path | None = None) -> Laid:
    """Write the files of all torrents that have contents below `data`; files that are there stay.

    A torrent with a name becomes DATA/NAME/PATH, one of a single file without a name DATA/PATH. The
    .torrent files, without a passkey, become METAINFOS/INFOHASH.torrent, for those torrents of
    which any file is laid out. Both directories are made if need be.

    Raises:
        FileExistsError: Something else is in a file's place; what was laid out before it stays.
        OSError: The disk is full, a directory may not be written, a link stands for one.
    """
    laid, taken = Laid(), _Taken()
    with ExitStack() as stack:
        root = stack.enter_context(_opened(data))
        beside = stack.enter_context(_opened(metainfos)) if metainfos else None
        for torrent in torrents:
            if torrent.has_contents and _lay_out_one(torrent, root, taken, laid):
                laid.torrents += 1
                if beside is not None:
                    made = metainfo(torrent.id, torrent.file_path, torrent.files, passkey="")
                    beside.put((f"{torrent.info_hash.lower()}.torrent",), made)
    return laid


def _lay_out_one(torrent: Torrent, root: _Root, taken: _Taken, laid: Laid) -> bool:
    """Lay the files of one torrent out; whether there is any that can be."""
    before = laid.files
    for entry in torrent.files:
        place = _place(torrent, entry)
        if place is None or not taken.take(place):
            laid.skipped += 1
            continue
        made = content(torrent.file_path, entry.path, entry.length)
        laid.written += root.put(place, made)
        laid.files += 1
        laid.size += len(made)
    return laid.files > before


def _place(torrent: Torrent, entry: Entry) -> _Place | None:
    """Where a client has the file; None where it cannot be."""
    if not torrent.file_path and len(torrent.files) > 1:
        return None  # no client takes several files without a directory around them
    place = (torrent.file_path, *entry.path.split("/")) if torrent.file_path else (entry.path,)
    return place if all(map(_is_plain, place)) else None


def _is_plain(name: str) -> bool:
    """Whether it is the name of one file or directory, and none that disturbs a terminal."""
    if name in {"", ".", ".."} or "/" in name:
        return False
    if any(unicodedata.category(c) in {"Cc", "Cs"} for c in name):
        return False
    return len(name.encode()) <= _NAME_MAX


@contextmanager
def _opened(path: Path) -> Iterator[_Root]:
    with _errors_name(path):
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, _ENTER)
    try:
        yield _Root(path, descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _entered(root: int, place: _Place) -> Iterator[int]:
    """The directory at this place, made if need be, as a descriptor while the context is open."""
    descriptor = os.dup(root)
    try:
        for name in place:
            with suppress(FileExistsError):
                os.mkdir(name.encode(), dir_fd=descriptor)
            inner = os.open(name.encode(), _ENTER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _holds(folder: int, name: bytes, made: bytes) -> bool:
    """Whether it is a file with these contents."""
    try:
        descriptor = os.open(name, _LOOK, dir_fd=folder)
    except OSError:
        return False  # a link, or nothing that may be read
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size != len(made):
        os.close(descriptor)
        return False
    with os.fdopen(descriptor, "rb") as file:
        return file.read(len(made) + 1) == made


@contextmanager
def _errors_name(path: Path) -> Iterator[None]:
    """What goes wrong inside is said of this path, not of a component of it."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
