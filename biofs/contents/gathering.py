"""A piece's bytes, gathered from the files it has parts of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Final, NamedTuple, Self

from biofs.contents.disk.beneath import Opened
from biofs.contents.disk.places import Place
from biofs.contents.disk.walk import Walk
from biofs.contents.ledger import Identity
from biofs.contents.part_file import PartFile
from biofs.contents.rules import MOST_PIECE, pread
from biofs.tree.metainfo import Metainfo
from biofs.tree.pieces import ZEROS, Part, Piece

_TOGETHER: Final = 32
"""Files of a piece that are open at a time."""


class Neighbour(NamedTuple):
    """Another file that has a part of a piece, and what it was known by when that was read."""

    file: int
    identity: Identity


class Gathered(NamedTuple):
    """What lies on the disk of a piece: nothing says yet that it is right."""

    data: bytes | None
    """None if a part is missing, or the piece is larger than any that is read."""
    neighbours: Sequence[Neighbour]
    """Those that were whole, and did not change while they were read."""


def gather(metainfo: Metainfo, piece: Piece, place: Place, own: tuple[int, int]) -> Gathered:
    """Read a piece. `own` is the index of a file that is open already, and its descriptor.

    For a thread. Raises OSError of the disk for that file; another one is then missing.
    """
    neighbours: list[Neighbour] = []
    if piece.length > MOST_PIECE or piece.hash is None:
        return Gathered(None, neighbours)
    parts: list[bytes] = []
    with PartFile(metainfo, place) as beside, _Neighbours(place) as opened:
        for index, (part, offset) in enumerate(zip(piece.parts, offsets(piece), strict=True)):
            if not index % _TOGETHER:
                opened.open_all(metainfo, piece.parts[index : index + _TOGETHER], own[0])
            if part.file == ZEROS:
                found: bytes | None = bytes(part.length)
            elif part.file == own[0]:
                found = _whole(pread(own[1], part.start, part.length), part)
            else:
                found = _of_neighbour(metainfo, part, opened, neighbours)
                if found is None:
                    found = beside.read(piece.index, offset, part.length)
            if found is None:
                return Gathered(None, neighbours)
            parts.append(found)
    return Gathered(parts[0] if len(parts) == 1 else b"".join(parts), neighbours)


def offsets(piece: Piece) -> Iterator[int]:
    """Where in a piece each of its parts begins."""
    return accumulate((part.length for part in piece.parts[:-1]), initial=0)


class _Neighbours:
    """Opens files of a torrent. Closed on leaving `with`."""

    def __init__(self, place: Place) -> None:
        self._place: Final = place
        self._walk: Final = Walk(place.directory)
        self._opened: dict[int, Opened | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._walk.close()
        for opened in self._opened.values():
            if opened is not None:
                os.close(opened.descriptor)

    def open_all(self, metainfo: Metainfo, parts: Sequence[Part], own: int) -> None:
        """Open the files of these parts but one, and have the kernel begin to read them: a disk
        reads several in the time of one."""
        for part in parts:
            if part.file in {ZEROS, own} or part.file in self._opened:
                continue
            path, length = metainfo.files.servable_path(part.file), metainfo.files.length(part.file)
            if path is None:
                continue
            opened = self._opened[part.file] = self._open(path, length)
            if opened is not None and len(parts) > 1:
                with suppress(OSError):
                    advice = part.start, part.length, os.POSIX_FADV_WILLNEED
                    os.posix_fadvise(opened.descriptor, *advice)

    def take(self, file: int) -> Opened | None:
        """One that was opened, which the caller closes; None without one."""
        return self._opened.pop(file, None)

    def _open(self, path: Sequence[bytes], length: int) -> Opened | None:
        """What `Place.open_file` finds; None if it finds nothing, or cannot look."""
        components = self._place.components(path)
        if components:
            with suppress(OSError):
                opened = self._walk.open(components)
                if opened.status.st_size == length:
                    return opened
                os.close(opened.descriptor)
        try:
            found = self._place.open_file(path, length)
        except OSError:
            return None
        return None if found is None else Opened(found[0], os.fstat(found[0]))


def _of_neighbour(
    metainfo: Metainfo, part: Part, opened: _Neighbours, neighbours: list[Neighbour]
) -> bytes | None:
    found = opened.take(part.file)
    if found is None:
        return None
    descriptor, status = found
    try:
        before = Identity.of(status)
        data = _whole(pread(descriptor, part.start, part.length), part)
        if (
            before.size == metainfo.files.length(part.file)
            and Identity.of(os.fstat(descriptor)) == before
        ):
            neighbours.append(Neighbour(part.file, before))
        return data
    finally:
        os.close(descriptor)


def _whole(data: bytes, part: Part) -> bytes | None:
    return data if len(data) == part.length else None
