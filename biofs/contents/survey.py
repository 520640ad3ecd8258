"""How much of a torrent is on this machine, told by names, sizes and what was verified before.

No file is opened: each is looked at by its status, beneath one handle for each directory, so that
100,000 files take about a second. Names and sizes prove nothing of the bytes; `verified` does.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from typing import Final, NamedTuple

from biofs.contents.disk.beneath import Components, Handle
from biofs.contents.disk.entries import MOST_ENTRIES, UNFINISHED
from biofs.contents.disk.places import Place, first_whole
from biofs.contents.ledger import Identity, Ledger
from biofs.contents.library import Library
from biofs.contents.matching import NONE, Listed, Local
from biofs.contents.rules import key_of
from biofs.tree.layout import FileTree

MOST_LACKING: Final = 1000
"""Files that are named in a survey because they are unfinished or missing."""

_MISSES: Final = 16
"""After so many names that are not in a directory, its names are read instead of tried."""

_DEEPEST: Final = 32
"""Handles of directories within each other that are held at once."""

_NOT_THERE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)


class Amount(NamedTuple):
    """Some files, and their bytes together."""

    files: int = 0
    bytes: int = 0


class Lacking(NamedTuple):
    """A file of the catalogue's tree that is not here as a whole."""

    node: int
    name: bytes | None
    """What a candidate on the disk is called; None if there is none."""
    size: int
    """Its bytes on the disk."""


class Survey(NamedTuple):
    """What is here of a torrent, in files of the catalogue's tree.

    `here` are those with the true name and the full size, as far as names and sizes tell;
    `unfinished` those with another name or too short, with their bytes on the disk; `missing` all
    others. `verified` are those of either kind all of whose pieces were verified since they last
    changed; none without metainfo.
    """

    place: Place | None
    """Where most of it lies; files in other directories with its name are counted as well."""
    source: str | None
    """Where the metainfo comes from ("file" or "server"); None if it is not known."""
    total: Amount
    here: Amount = Amount()
    unfinished: Amount = Amount()
    missing: Amount = Amount()
    verified: Amount = Amount()
    lacking: tuple[Lacking, ...] = ()
    """The first MOST_LACKING of the unfinished and the missing; none if nothing is anywhere."""
    problem: str | None = None
    """Why something could not be looked at, which then counts as missing."""


def survey(library: Library, listed: Listed, local: Local | None) -> Survey:
    """What is here of a torrent; `local` has its metainfo, if that is known. For a thread.

    Without metainfo it goes by the catalogue's names. What a disk answers is in `problem`.
    """
    tree = listed.tree
    total = Amount(tree.file_count, tree.total_size)
    place = library.place(listed)
    if place is None:
        return Survey(None, local.source if local else None, total, missing=total)
    count = _Count(tree, _Known(library.ledger, local))
    with _Search(library.places(listed)) as search:
        for node, wanted in _wanted(listed, local):
            _count_one(count, search, node, wanted)
    return Survey(
        place,
        local.source if local else None,
        total,
        here=count.here.amount,
        unfinished=count.unfinished.amount,
        missing=count.missing.amount,
        verified=count.verified.amount,
        lacking=tuple(count.lacking),
        problem=search.problem,
    )


def _count_one(count: _Count, search: _Search, node: int, wanted: _Wanted | None) -> None:
    found = search.find(wanted) if wanted else None
    if wanted is None or found is None:
        count.add_missing(node)
    else:
        count.add(node, wanted, found)


def text_of(place: Place, components: Components = ()) -> str:
    """The path of what lies at a place, or of the place itself; U+FFFD is for what is no UTF-8."""
    path = b"/".join([place.directory.path.rstrip(b"/"), *(components or place.top)])
    return path.decode("utf-8", "replace")


class _Wanted(NamedTuple):
    path: Components
    length: int
    file: int
    """Its index in the metainfo; -1 without one."""


class _OnDisk(NamedTuple):
    """As `Found`, with the file's status."""

    name: bytes
    status: os.stat_result
    is_whole: bool


def _wanted(listed: Listed, local: Local | None) -> Iterator[tuple[int, _Wanted | None]]:
    """The files of the tree, one directory after the other, and where each should lie.

    None is for what must not be looked for, or is not known in the metainfo.
    """
    indexes = local.indexes.all() if local is not None else None
    for node, path, length in _files(listed.tree):
        own: Components | None = path
        index = NONE
        if local is not None and indexes is not None:
            index = indexes[node]
            own = None if index == NONE else local.metainfo.files.servable_path(index)
        yield node, _Wanted(own, length, index) if own is not None else None


def _files(tree: FileTree) -> Iterator[tuple[int, Components, int]]:
    """Each file's node, path (as `Listed.path` has it) and length, directory by directory."""
    stack: list[tuple[int, Components]] = [(0, ())]
    while stack:
        directory, path = stack.pop()
        below: list[tuple[int, Components]] = []
        for node, (name, size, is_dir) in enumerate(
            tree.described(tree.children(directory)), tree.children(directory).start
        ):
            inner = (*path, name) if directory else ()
            if is_dir:
                below.append((node, inner))
            else:
                yield node, inner, size
        stack.extend(reversed(below))


class _Known:
    """Which files of a torrent were verified whole."""

    def __init__(self, ledger: Ledger, local: Local | None) -> None:
        self._metainfo = local.metainfo if local is not None else None
        self._counts: dict[tuple[Identity, int], int] = {}
        if local is not None:
            for identity, file, count in ledger.of_torrent(key_of(local.metainfo)):
                self._counts[identity, file] = count

    def is_whole(self, wanted: _Wanted, status: os.stat_result) -> bool:
        if self._metainfo is None:
            return False
        if status.st_size != wanted.length:
            return False
        if not wanted.length:
            return True
        count = self._counts.get((Identity.of(status), wanted.file)) if self._counts else None
        return bool(count) and count == self._metainfo.piece_count_of(wanted.file)


class _Sum:
    __slots__ = ("_bytes", "_files")

    def __init__(self) -> None:
        self._files = self._bytes = 0

    def add(self, size: int) -> None:
        self._files += 1
        self._bytes += size

    @property
    def amount(self) -> Amount:
        return Amount(self._files, self._bytes)


class _Count:
    """Counts what was found."""

    def __init__(self, tree: FileTree, known: _Known) -> None:
        self._tree = tree
        self._known = known
        self.here, self.unfinished = _Sum(), _Sum()
        self.missing, self.verified = _Sum(), _Sum()
        self.lacking: list[Lacking] = []

    def add_missing(self, node: int) -> None:
        self.missing.add(self._tree.size(node))
        self._lacks(node, None, 0)

    def add(self, node: int, wanted: _Wanted, found: _OnDisk) -> None:
        size = found.status.st_size
        if found.is_whole:
            self.here.add(wanted.length)
        else:
            self.unfinished.add(size)
            self._lacks(node, found.name, size)
        if self._known.is_whole(wanted, found.status):
            self.verified.add(wanted.length)

    def _lacks(self, node: int, name: bytes | None, size: int) -> None:
        if len(self.lacking) < MOST_LACKING:
            self.lacking.append(Lacking(node, name, size))


class _Search:
    """Finds files of a torrent where `Library.found` finds them, with a handle for many of them."""

    def __init__(self, places: Iterator[Place]) -> None:
        self._more = places
        self._folders: list[_Folders] = []
        self._rest = ExitStack()
        self.problem: str | None = None
        """The first of what a disk answered."""

    def __enter__(self) -> _Search:
        return self

    def __exit__(self, *_error: object) -> None:
        self._rest.close()

    def find(self, wanted: _Wanted) -> _OnDisk | None:
        """A file as `Library.found` finds it; but one that cannot be looked at is not there."""
        each = (folders.find(wanted) for folders in self._all())
        try:
            return first_whole(filter(None, each), lambda found: found.is_whole)
        except OSError as error:
            self.problem = self.problem or _words(error)
            return None

    def _all(self) -> Iterator[_Folders]:
        yield from self._folders
        for place in self._more:
            self._folders.append(self._rest.enter_context(_Folders(place)))
            yield self._folders[-1]


class _Folders:
    """Finds files at a place that come one directory after the other.

    The handles that lead to the last directory stay open until another one is looked into.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._path: Components | None = None
        self._folder: _Folder | None = None
        self._steps: list[tuple[bytes, Handle]] = []
        self._top: Handle | None = None
        self._rest = ExitStack()

    def __enter__(self) -> _Folders:
        return self

    def __exit__(self, *_error: object) -> None:
        self._rest.close()
        self._leave(0)
        if self._top is not None:
            self._top.__exit__()

    def find(self, wanted: _Wanted) -> _OnDisk | None:
        """A file with the true name and size, or else an unfinished one: see `Place.find_file`."""
        components = self._place.components(wanted.path)
        if not components:
            return None
        folder = self._enter(components[:-1])
        return folder.find(components[-1], wanted.length) if folder else None

    def _enter(self, path: Components) -> _Folder | None:
        if path != self._path:
            self._path, self._folder = path, None
            self._rest.close()
            try:
                self._folder = _Folder(self._handle(path))
            except OSError as error:
                if error.errno not in _NOT_THERE:
                    raise
        return self._folder

    def _handle(self, path: Components) -> Handle:
        if len(path) > _DEEPEST:
            return self._rest.enter_context(self._place.directory.folder(path))
        same = 0
        while same < min(len(path), len(self._steps)) and self._steps[same][0] == path[same]:
            same += 1
        self._leave(same)
        if self._top is None:
            self._top = self._place.directory.handle()
        for name in path[same:]:
            above = self._steps[-1][1] if self._steps else self._top
            self._steps.append((name, above.folder(name)))
        return self._steps[-1][1] if self._steps else self._top

    def _leave(self, length: int) -> None:
        while len(self._steps) > length:
            self._steps.pop()[1].__exit__()


class _Folder:
    """One directory. Its names are read if many are looked for that it does not have."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._misses = 0
        self._names: frozenset[bytes] | None = None

    def find(self, name: bytes, length: int) -> _OnDisk | None:
        """See `_Folders.find`."""
        status = self._status(name)
        if status is not None and status.st_size == length:
            return _OnDisk(name, status, True)
        for suffix in UNFINISHED:
            unfinished = self._status(name + suffix)
            if unfinished is not None and unfinished.st_size <= length:
                return _OnDisk(name + suffix, unfinished, False)
        if status is not None and status.st_size < length:
            return _OnDisk(name, status, False)
        return None

    def _status(self, name: bytes) -> os.stat_result | None:
        if self._names is not None and name not in self._names:
            return None
        try:
            # Of a link, its own status: it is not followed.
            status = os.stat(name, dir_fd=self._handle.descriptor, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            self._missed()
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _missed(self) -> None:
        self._misses += 1
        if self._misses == _MISSES:
            try:
                self._names = _names_in(self._handle)
            except OSError:
                return  # it may be entered and not be read: its names are tried one by one


def _names_in(handle: Handle) -> frozenset[bytes] | None:
    """The names in a directory; None if it has too many."""
    descriptor = handle.listable()
    try:
        with os.scandir(descriptor) as scan:
            found = frozenset(os.fsencode(entry.name) for entry in islice(scan, MOST_ENTRIES))
            return found if next(scan, None) is None else None
    finally:
        os.close(descriptor)


def _words(error: OSError) -> str:
    return os.strerror(error.errno or errno.EIO)
