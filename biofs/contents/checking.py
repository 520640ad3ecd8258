"""Checking whole files of a torrent against its piece hashes, whatever was verified before.

A piece is hashed once, also if it holds parts of many files: a torrent of a million small files
takes as long as one of a large file with as many bytes, and opens each file twice.

Who finds a piece wrong that holds parts of several files cannot tell which of them is. What is no
piece at all, because a file is not here or a client has not finished it, says nothing of the
others.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from biofs.contents.disk.places import Found, Place
from biofs.contents.gathering import offsets
from biofs.contents.ledger import Identity, Ledger, Verified
from biofs.contents.part_file import PartFile
from biofs.contents.piece_cache import PieceCache
from biofs.contents.rules import (
    LARGE_PIECE,
    MOST_PIECE,
    SETTLED_SECONDS,
    Shared,
    Unverified,
    key_of,
    pread,
)
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import Metainfo
from biofs.tree.pieces import ZEROS, Part, Piece, is_right


class State(StrEnum):
    """What was found of a file."""

    RIGHT = "right"
    """Each of its pieces is."""
    WRONG = "wrong"
    """A piece that no other file has a part of is wrong, or the file is too short."""
    SUSPECT = "suspect"
    """A piece is wrong that has parts of other files too: which file is wrong cannot be told."""
    UNFINISHED = "unfinished"
    """Not all of it is right, and it has a name that clients give to files not complete yet."""
    UNVERIFIABLE = "unverifiable"
    """No piece is wrong, but some cannot be verified: parts of them are in files not here."""
    UNREADABLE = "unreadable"
    """The disk has answered with an error."""
    MISSING = "missing"
    """It is not here."""


class Checked(NamedTuple):
    """A file of a torrent. `node` is its number in the catalogue's tree; numbers are of pieces."""

    node: int
    state: State
    pieces: int = 0
    wrong: int = 0
    shared: int = 0
    """Of those that are wrong, how many have parts of other files too, which may be the wrong
    ones."""
    unverifiable: int = 0
    error: str = ""
    """What the disk has answered."""


class _Verdict(StrEnum):
    """What was found of a piece."""

    RIGHT = "right"
    WRONG = "wrong"
    SHARED = "shared"
    """Wrong, with parts of other files in it."""
    UNTOLD = "untold"


class Places(Protocol):
    """Where a torrent's files are."""

    def __call__(self, node: int) -> tuple[Place, int, Found]:
        """As `Library.find_file`."""


class _Looked:
    """A piece that was looked at; `part` is asked for files in their order."""

    def __init__(self, piece: Piece) -> None:
        self.piece: Final = piece
        self.is_right = False
        self.data: bytes | None = None
        """Its bytes, if it is right and another file has a part of it."""
        self.whole = True
        """Whether all its parts are here, in files that clients call complete."""
        self.index: Final = piece.index
        self.several: Final = len({part.file for part in piece.parts} - {ZEROS}) > 1
        self._cursor = 0
        self._offset = 0

    @property
    def can_be_verified(self) -> bool:
        return self.piece.hash is not None and self.piece.length <= MOST_PIECE

    def part(self, file: int) -> tuple[int, Part]:
        """What a file has of it, and where in the piece that is."""
        parts = self.piece.parts
        while parts[self._cursor].file != file:
            self._offset += parts[self._cursor].length
            self._cursor += 1
        return self._offset, parts[self._cursor]


class _Own:
    """The file that is being checked, open."""

    def __init__(self, index: int, found: Found, descriptor: int, indexes: range) -> None:
        self.index: Final = index
        self.found: Final = found
        self.descriptor: Final = descriptor
        self.indexes: Final = indexes


class TorrentCheck:
    """Checks files of a torrent, step by step; the steps are for threads, one after the other.

    A file that changes meanwhile is judged by what its pieces were when each was hashed.
    """

    def __init__(
        self,
        shared: Shared,
        metainfo: Metainfo,
        indexes: Sequence[int],
        find: Places,
        nodes: Iterable[int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`indexes` and `nodes` as in `Library.check`."""
        self._ledger: Final[Ledger] = shared.ledger
        self._cache: Final[PieceCache] = shared.pieces
        self._wall: Final = shared.wall
        self._metainfo: Final = metainfo
        self._info_hash: Final = key_of(metainfo)
        self._find: Final = find
        self._clock: Final = clock
        # In the order of the metainfo, so that a piece is needed by files that follow each other.
        self._nodes: Final = array("I", sorted(nodes, key=indexes.__getitem__))
        self._at = 0
        self._piece = 0
        self._verdicts = dict.fromkeys(_Verdict, 0)
        self._looked: _Looked | None = None

    @property
    def finished(self) -> bool:
        """Whether all files are checked."""
        return self._at >= len(self._nodes)

    @property
    def node(self) -> int:
        """The file that is next, or is being checked; only until it is finished."""
        return self._nodes[self._at]

    @property
    def current_bytes(self) -> int:
        """How many bytes of the file that is being checked are done, about."""
        return self._piece * self._metainfo.piece_length

    def step(self, seconds: float) -> list[Checked]:
        """Go on for so many seconds, and at least by a piece. Returns the files that are done."""
        until = self._clock() + seconds
        done: list[Checked] = []
        while not self.finished:
            checked = self._go_on(self._nodes[self._at], until)
            if checked is None:
                break
            done.append(checked)
            self._at += 1
            self._piece = 0
            self._verdicts = dict.fromkeys(_Verdict, 0)
            if self._clock() >= until:
                break
        return done

    def _go_on(self, node: int, until: float) -> Checked | None:
        """Check more of a file; None if time is over before it is done."""
        try:
            place, index, found = self._find(node)
            descriptor = place.directory.open(found.components)
            try:
                length = self._metainfo.files[index].length
                indexes = self._metainfo.pieces(index, 0, length).indexes
                own = _Own(index, found, descriptor, indexes)
                return self._judged(node, own, length) if self._pieces(place, own, until) else None
            finally:
                os.close(descriptor)
        except (Unverified, FileNotFoundError):
            return Checked(node, State.MISSING)
        except OSError as error:
            said = error.strerror or "it cannot be read"
            return Checked(node, State.UNREADABLE, error=said)

    def _pieces(self, place: Place, own: _Own, until: float) -> bool:
        """Check the pieces that are left, as long as there is time; whether none is left."""
        remember = _Remembering(self._ledger, self._info_hash, own, self._wall)
        try:
            while self._piece < len(own.indexes):
                verdict = self._verdict(place, own, remember)
                self._verdicts[verdict] += 1
                remember.piece(self._piece, verdict)
                self._piece += 1
                if self._clock() >= until:
                    break
        finally:
            remember.save()
        return self._piece >= len(own.indexes)

    def _verdict(self, place: Place, own: _Own, remember: _Remembering) -> _Verdict:
        remember.begin()
        index, looked = own.indexes[self._piece], self._looked
        if looked is None or looked.index != index:
            self._looked = None  # a large one must not stay beside the next
            looked = self._looked = self._look(place, own, self._metainfo.piece(index))
            if looked.is_right:
                return _Verdict.RIGHT
        offset, part = looked.part(own.index)
        if looked.is_right:
            assert looked.data is not None  # noqa: S101 - another file has a part of it
            same = pread(own.descriptor, part.start, part.length) == _cut(looked, offset, part)
            return _Verdict.RIGHT if same else _Verdict.WRONG
        if not looked.can_be_verified:
            return _Verdict.UNTOLD
        if os.fstat(own.descriptor).st_size < part.start + part.length:
            return _Verdict.WRONG
        if not looked.whole:
            return _Verdict.UNTOLD if looked.several else _Verdict.WRONG
        return _Verdict.SHARED if looked.several else _Verdict.WRONG

    def _look(self, place: Place, own: _Own, piece: Piece) -> _Looked:
        looked = _Looked(piece)
        looked.whole = own.found.complete_name
        if not looked.can_be_verified:
            return looked
        one_at_a_time: AbstractContextManager[object] = (
            self._cache.large if piece.length > LARGE_PIECE else nullcontext()
        )
        with one_at_a_time:
            data = self._gather(place, own, looked)
            looked.is_right = data is not None and is_right(piece, data)
        if looked.is_right and looked.several:
            looked.data = data
        return looked

    def _gather(self, place: Place, own: _Own, looked: _Looked) -> bytes | None:
        """A piece's bytes; None if a part of it is not here. Raises OSError of the own file."""
        found: list[bytes] = []
        piece = looked.piece
        with PartFile(self._metainfo, place) as beside:
            for part, offset in zip(piece.parts, offsets(piece), strict=True):
                if part.file == ZEROS:
                    data = bytes(part.length)
                elif part.file == own.index:
                    data = pread(own.descriptor, part.start, part.length)
                else:
                    data = self._of_another(place, part, looked)
                    if len(data) != part.length:
                        looked.whole = False
                        data = beside.read(piece.index, offset, part.length) or b""
                if len(data) != part.length:
                    looked.whole = False
                    return None
                found.append(data)
        return found[0] if len(found) == 1 else b"".join(found)

    def _of_another(self, place: Place, part: Part, looked: _Looked) -> bytes:
        """What another file has of a piece, too little if it is not here."""
        file = self._metainfo.files[part.file]
        if not file.servable:
            return b""
        try:
            found = place.find_file(file.path, file.length)
            if found is None:
                return b""
            looked.whole = looked.whole and found.complete_name
            descriptor = place.directory.open(found.components)
            try:
                return pread(descriptor, part.start, part.length)
            finally:
                os.close(descriptor)
        except OSError:
            return b""

    def _judged(self, node: int, own: _Own, length: int) -> Checked:
        count = self._verdicts
        shared, untold = count[_Verdict.SHARED], count[_Verdict.UNTOLD]
        wrong = count[_Verdict.WRONG] + shared
        if not (wrong or untold or (length and not own.indexes)):
            state = State.RIGHT
        elif not own.found.complete_name:
            state = State.UNFINISHED
        elif wrong:
            state = State.WRONG if wrong > shared else State.SUSPECT
        else:
            state = State.UNVERIFIABLE
        return Checked(node, state, len(own.indexes), wrong, shared, untold)


class _Remembering:
    """Has the ledger know what was found of the pieces of a file."""

    def __init__(
        self, ledger: Ledger, info_hash: bytes, own: _Own, wall: Callable[[], float]
    ) -> None:
        self._ledger: Final = ledger
        self._info_hash: Final = info_hash
        self._own: Final = own
        self._wall: Final = wall
        self._before = Identity.of(os.fstat(own.descriptor))
        self._known: tuple[Identity, Verified] | None = None

    def begin(self) -> None:
        """A piece is about to be read."""
        self._before = Identity.of(os.fstat(self._own.descriptor))

    def piece(self, number: int, verdict: _Verdict) -> None:
        """What was found of it, unless the file has changed meanwhile."""
        before = self._before
        if verdict is _Verdict.UNTOLD or Identity.of(os.fstat(self._own.descriptor)) != before:
            return
        verified = self._verified(before)
        if verdict is not _Verdict.RIGHT:
            # A disk may lose bytes without the file having changed.
            verified.unmark(number)
        elif self._wall() - before.changed_ns / 1e9 > SETTLED_SECONDS:
            verified.mark(number)

    def _verified(self, identity: Identity) -> Verified:
        if self._known is None or self._known[0] != identity:
            self.save()
            own = self._own
            found = self._ledger.verified(identity, self._info_hash, own.index, len(own.indexes))
            self._known = identity, found
        return self._known[1]

    def save(self) -> None:
        """Write it down."""
        if self._known is not None:
            self._ledger.save(self._known[0], self._info_hash, self._own.index, self._known[1])


def _cut(looked: _Looked, offset: int, part: Part) -> bytes:
    assert looked.data is not None  # noqa: S101 - the caller has looked
    return looked.data[offset : offset + part.length]


def files_below(tree: FileTree, roots: Iterable[int]) -> array[int]:
    """The files among these nodes and below them, each once. Takes a second for a million."""
    chosen = bytearray(len(tree))
    for root in roots:
        chosen[root] = 1
    found = array("I")
    for node in range(len(tree)):
        # Children have higher numbers than their directory.
        if chosen[node] or chosen[tree.parent(node)]:
            chosen[node] = 1
            if not tree.is_dir(node):
                found.append(node)
    return found
