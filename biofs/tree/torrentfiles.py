"""The files of a torrent, and how one is found by its path.

A torrent may list a million. What is kept of each is some numbers, among them where in the info
dictionary it stands; its path is read from there when it is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias, overload

from biofs.tree.bencoded import Malformed

MOST_FILES: Final = 1_000_000
MOST_LENGTH: Final = 2**63 - 1
"""Of a file, and of all together, in bytes: what `off_t` holds."""

Path: TypeAlias = tuple[bytes, ...]

PAD: Final = 1
LINK: Final = 2
PROGRAM: Final = 4

_FEW: Final = 4096
_UNSORTED: Final = 8
"""So many files are looked for before all are sorted, which takes fifty times as long."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a torrent.

    Attributes:
        path: The components below the torrent's name, as they are in the info dictionary: any
            bytes. () for the file of a single-file torrent, whose name is the torrent's.
        length: In bytes.
        pad: It stands for zeros, and is not written (BEP 47).
        symlink: It has no content (BEP 47). Where it leads is a stranger's word, and not kept.
        executable: See BEP 47.
        safe: The torrent's name and the components are names of files: not empty, ``.`` or ``..``,
            and without ``/`` and NUL. A path that is not safe must never be opened.
    """

    path: Path
    length: int
    pad: bool
    symlink: bool
    executable: bool
    safe: bool

    @property
    def servable(self) -> bool:
        """Whether it may be looked for on a disk."""
        return self.safe and not self.pad and not self.symlink


def is_safe(component: bytes) -> bool:
    """Whether a component is the name of a file, and leads nowhere else."""
    return component not in {b"", b".", b".."} and b"/" not in component and b"\0" not in component


@dataclass(slots=True)
class Listing:
    """What is kept of the files, in their order.

    Attributes:
        lengths: In bytes.
        flags: `PAD`, `LINK` and `PROGRAM`, added.
        marks: A hash of each path, by which it is found. Strangers cannot foresee it.
        path: Reads the path of a file out of the info dictionary.
        roots: The offset of each file's root in the info dictionary, or `NOWHERE`; empty in v1.
        total: The sum of the lengths.
    """

    path: Callable[[bytes, int], Path]
    lengths: array[int] = field(default_factory=lambda: array("Q"))
    flags: bytearray = field(default_factory=bytearray)
    marks: array[int] = field(default_factory=lambda: array("q"))
    roots: array[int] = field(default_factory=lambda: array("Q"))
    total: int = 0

    def add(self, length: int, flags: int, mark: int) -> None:
        """Append a file. Raises `Malformed` if it is one too many, or they become too long."""
        if len(self.lengths) >= MOST_FILES:
            raise Malformed(f"more than {MOST_FILES:,} files")
        self.total += length
        if self.total > MOST_LENGTH:
            raise Malformed("more than 2**63 - 1 bytes")
        self.lengths.append(length)
        self.flags.append(flags)
        self.marks.append(mark)

    def pads(self) -> bytes:
        """For each file, not 0 if it is a pad file."""
        return bytes(flags & PAD for flags in self.flags)


def no_path(_info: bytes, _index: int) -> Path:
    """The path of the file of a single-file torrent."""
    return ()


def mark_of(path: Iterable[bytes]) -> int:
    """The hash of a path, as in `Listing.marks`."""
    mark = 0
    for component in path:
        mark = hash((mark, component))
    return mark


class Files(Sequence[File]):
    """The files of a torrent, in the order of the info dictionary; each is made when asked for."""

    __slots__ = ("_info", "_listing", "_looked_for", "_order", "_path", "_safe")

    def __init__(self, listing: Listing, info: bytes, *, single: bool, safe: bool) -> None:
        self._listing = listing
        self._info = info
        self._path = no_path if single else listing.path
        self._safe = safe
        self._order: array[int] | None = None
        self._looked_for = 0

    def __len__(self) -> int:
        return len(self._listing.lengths)

    @overload
    def __getitem__(self, index: int) -> File: ...
    @overload
    def __getitem__(self, index: slice) -> list[File]: ...
    def __getitem__(self, index: int | slice) -> File | list[File]:
        indexes = range(len(self))[index]
        return self._file(indexes) if isinstance(indexes, int) else list(map(self._file, indexes))

    def _file(self, index: int) -> File:
        flags = self._listing.flags[index]
        path = self._path(self._info, index)
        return File(
            path,
            self._listing.lengths[index],
            pad=bool(flags & PAD),
            symlink=bool(flags & LINK),
            executable=bool(flags & PROGRAM),
            safe=self._safe and all(map(is_safe, path)),
        )

    def length(self, index: int) -> int:
        """The bytes of a file, without making a `File` of it."""
        return self._listing.lengths[index]

    def servable_path(self, index: int) -> Path | None:
        """The path of a file that may be looked for on a disk, None of others.

        As the `File` says, in half the time.
        """
        if not self._safe or self._listing.flags[index] & (PAD | LINK):
            return None
        path = self._path(self._info, index)
        return path if all(map(is_safe, path)) else None

    @property
    def finds_at_once(self) -> bool:
        """Whether `find` takes less than a millisecond or two: all are sorted, or few."""
        return self._order is not None or len(self) <= _FEW

    def find(self, path: Path) -> int | None:
        """The index of the first servable file with this path, if there is any."""
        mark = mark_of(path)
        self._looked_for += 1
        few = self._looked_for <= _UNSORTED
        for index in self._marked(mark) if few else self._in_order(mark):
            if self._path(self._info, index) == path:
                return None if self.servable_path(index) is None else index
        return None

    def _marked(self, mark: int) -> Iterator[int]:
        """The files with content whose paths have a hash, by looking through all hashes.

        For the first ones that are looked for, this is less than to sort them.
        """
        marks, flags = self._listing.marks, self._listing.flags
        at = -1
        with suppress(ValueError):  # there is no other
            while True:
                at = marks.index(mark, at + 1)
                if not flags[at] & (PAD | LINK):
                    yield at

    def _in_order(self, mark: int) -> Iterator[int]:
        marks, order = self._listing.marks, self._sorted()
        for place in range(bisect_left(order, mark, key=marks.__getitem__), len(order)):
            index = order[place]
            if marks[index] != mark:
                break
            yield index

    def _sorted(self) -> array[int]:
        # Files of the same path stay in their order.
        if self._order is None:
            flags = self._listing.flags
            with_content = (i for i in range(len(self)) if not flags[i] & (PAD | LINK))
            self._order = array("Q", sorted(with_content, key=self._listing.marks.__getitem__))
        return self._order
