"""Reading a file of a torrent: no byte leaves that was not verified.

A piece is hashed when a read touches it for the first time, and the bytes that were hashed are the
bytes that are served. What was verified is remembered for as long as the file stays the same; then
reads go straight to it, and are served only if it is still the same afterwards.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from biofs.contents.disk.at_once import aligned, fills, in_memory
from biofs.contents.disk.places import Place
from biofs.contents.gathering import gather
from biofs.contents.ledger import Identity, Verified
from biofs.contents.piece_cache import PieceKey
from biofs.contents.rules import LARGE_PIECE, SETTLED_SECONDS, Shared, Unverified, key_of, pread
from biofs.contents.soon.ahead import NEVER, ahead_of
from biofs.tree.metainfo import Metainfo
from biofs.tree.pieces import is_right

_LOCKS: Final = 16

_SMALL: Final = 2
"""Pieces of a file that is verified when it is opened."""

State = tuple[Identity, Verified]
"""What a file is known by, and what was verified of it as that."""


def known_now(
    shared: Shared, metainfo: Metainfo, file: int, status: os.stat_result
) -> State | None:
    """What was verified of a file with this status; None if that, or `OpenFile.check`, would have
    to be waited for. For the event loop.
    """
    identity, count = Identity.of(status), len(metainfo.indexes(file))
    known = shared.ledger.verified_now(identity, key_of(metainfo), file, count)
    if known is None or not (count > _SMALL or known.has(0, count)):
        return None
    return identity, known


class OpenFile:
    """A file of a torrent, open for reading. `close` lets go of it.

    `local` says that pages that are in memory can be read at once, and the status of a file: not so
    of a file system on a network.
    """

    def __init__(
        self,
        shared: Shared,
        metainfo: Metainfo,
        place: Place,
        file: int,
        descriptor: int,
        *,
        local: bool,
        known: State | None = None,
    ) -> None:
        """Takes the descriptor over. `file` is the index in the metainfo.

        Waits for the ledger, unless `known_now` has given what is `known`.
        """
        self._shared: Final = shared
        self._metainfo: Final = metainfo
        self._place: Final = place
        self._file: Final = file
        self._descriptor = descriptor
        self._local: Final = local
        self._using = 0
        self._closed = False
        self._ended = False
        self._lock: Final = threading.Lock()
        self._info_hash: Final = key_of(metainfo)
        self.length: Final = metainfo.files.length(file)
        self._indexes: Final = metainfo.indexes(file)
        self._ahead: Final = ahead_of(self.length, len(self._indexes), metainfo.piece_length)
        self._aligned: Final = metainfo.before(file)
        self._hashing: list[threading.Lock] = []
        self._compared = bytearray()
        # Exchanged as a whole: a read in the event loop sees one that belongs together.
        self._state = known or self._known(Identity.of(os.fstat(descriptor)))

    @property
    def identity(self) -> Identity:
        """What the file is known by, as of the last look at it."""
        return self._state[0]

    def _known(self, identity: Identity) -> State:
        known = self._shared.ledger.verified
        return identity, known(identity, self._info_hash, self._file, len(self._indexes))

    def _span(self, start: int, stop: int) -> range:
        """The numbers, from the file's first piece on, of those that hold these bytes."""
        length = self._metainfo.piece_length
        return range((self._aligned + start) // length, -(-(self._aligned + stop) // length))

    def read_now(self, offset: int, size: int) -> bytes | memoryview | None:
        """At most `size` bytes from `offset`, if they were verified and are in memory; else None.

        For the event loop: never blocks. What it gives is good until it is called again, for this
        file or another one. Raises OSError of the disk.
        """
        stop = min(offset + size, self.length)
        if offset >= stop:
            return b""
        identity, verified = self._state
        span = self._span(offset, stop)
        if not self._local or not verified.has(span.start, span.stop):
            return None
        data = in_memory(self._descriptor, offset, stop)
        if data is None or Identity.of(os.fstat(self._descriptor)) != identity:
            return None
        return data

    def at_hand(self, offset: int, size: int) -> bytes | memoryview | None:
        """As `read_now`, of a file that may still change."""
        found = self.read_now(offset, size)
        return self._read_kept(offset, size) if found is None else found

    def _read_kept(self, start: int, size: int) -> memoryview | None:
        """Nothing is remembered of a file that still changes: bytes of verified pieces that we
        have in memory, if the disk has them as well."""
        stop = min(start + size, self.length)
        if start >= stop or not self._local:
            return None
        span, length = self._span(start, stop), self._metainfo.piece_length
        first = self._aligned + start - span.start * length
        keys = [self._key(number) for number in span]
        data = self._shared.pieces.bytes_of(keys, length, first, stop - start)
        if data is None or self._is_settled(Identity.of(os.fstat(self._descriptor))):
            return None
        # Who goes on asks for as many bytes again.
        on_disk = self._compared if len(self._compared) == len(data) else aligned(len(data))
        self._compared = on_disk
        if not fills(self._descriptor, on_disk, start):
            return None
        # A bytearray compares as memcmp(3) does, a memoryview byte by byte.
        as_kept: object = data
        return memoryview(on_disk) if on_disk == as_kept else None

    def _key(self, number: int) -> PieceKey:
        return PieceKey(self._info_hash, self._indexes[number])

    def to_verify(self, offset: int, size: int) -> bool:
        """Whether who reads here should have pieces verified that will be read soon, in a thread
        more with `verify_soon`. For the event loop.
        """
        if self._ahead is NEVER:
            return False
        stop = min(offset + size, self.length)
        numbers = self._ahead.next(offset, stop, self._span(offset, stop).stop)
        if not numbers or self._state[1].has(numbers.start, numbers.stop):
            return False
        return self._ahead.add(numbers)

    def not_now(self) -> None:
        """There is no thread for `verify_soon`."""
        self._ahead.leave()

    def verify_soon(self) -> None:
        """Verify pieces that will be read. What is wrong with them, who reads them will be told."""
        try:
            with self._in_use():
                while (number := self._ahead.take()) is not None:
                    if not self._state[1].has(number, number + 1):
                        with suppress(Unverified):
                            self._piece(number)
        except OSError:
            self._ahead.leave()

    async def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`, verified first if they were not.

        Raises OSError: Unverified if any of the pieces is wrong or not whole; another, of the disk.
        May be cancelled.
        """
        stop = min(offset + size, self.length)
        if offset >= stop:
            return b""
        return await self._shared.in_thread(self._read, offset, stop)

    def _read(self, start: int, stop: int) -> bytes:
        with self._in_use():
            span = self._span(start, stop)
            for _ in range(3):  # it changes while it is read
                identity, verified = self._state
                if verified.has(span.start, span.stop):
                    data = self._straight(start, stop, identity)
                else:
                    parts = [self._part_of(number, start, stop) for number in span]
                    whole = [part for part in parts if part is not None]
                    data = b"".join(whole) if len(whole) == len(parts) else None
                if data is not None:
                    return data
            raise Unverified

    def _straight(self, start: int, stop: int, identity: Identity) -> bytes | None:
        """Bytes of pieces that were verified of the file as `identity` has it; None if it is
        another one by now."""
        data = pread(self._descriptor, start, stop - start)
        now = Identity.of(os.fstat(self._descriptor))
        if now == identity:
            return data
        self._state = self._known(now)
        return None

    def _part_of(self, number: int, start: int, stop: int) -> bytes | None:
        """What a piece has of the bytes from `start` to `stop` of the file; None as `_straight`."""
        offset, _, length = self._extent(number)
        first, last = max(start, offset), min(stop, offset + length)
        piece = self._piece(number)
        if isinstance(piece, Identity):
            return self._straight(first, last, piece)
        return piece[first - offset : last - offset]

    def check(self) -> None:
        """Verify a small file. Raises Unverified if nothing of it is right.

        Of a larger one nothing is looked at: any part of it may be right.
        """
        with self._in_use():
            if 0 < len(self._indexes) <= _SMALL and not any(map(self._is_right, range(_SMALL))):
                raise Unverified

    def _is_right(self, number: int) -> bool:
        if number >= len(self._indexes):
            return False
        if self._state[1].has(number, number + 1):
            return True
        try:
            self._piece(number)
        except Unverified:
            return False
        return True

    @property
    def is_verified(self) -> bool:
        """Whether all of it was verified, as of the last look at it."""
        return self._state[1].has(0, len(self._indexes))

    @property
    def piece_count(self) -> int:
        """How many pieces the file has bytes of."""
        return len(self._indexes)

    def verify(self, number: int) -> bool:
        """Whether a piece is right as it is now, by its number from the file's first. For a thread.

        Raises OSError of the disk.
        """
        with self._in_use():
            try:
                self._hash(number)
            except Unverified:
                return False
            return True

    def _piece(self, number: int) -> bytes | Identity:
        """The file's own bytes in a piece, verified; if another reader has just seen to that, what
        the file was known by then."""
        key = self._key(number)
        with self._hashing_of(number):  # the kernel reads ahead, and asks for the rest of a piece
            identity, verified = self._state
            if verified.has(number, number + 1):
                return identity
            data = self._shared.pieces.right(key)
            if data is None:
                if self._shared.pieces.was_wrong(key, Identity.of(os.fstat(self._descriptor))):
                    raise Unverified
                data = self._hash(number)
            elif not self._is_here(number, data):
                raise Unverified
        _, start, length = self._extent(number)
        return data if length == len(data) else data[start : start + length]

    def _hashing_of(self, number: int) -> threading.Lock:
        if not self._hashing:
            with self._lock:
                # Most files are opened when all of them is known.
                self._hashing = self._hashing or [threading.Lock() for _ in range(_LOCKS)]
        return self._hashing[number % _LOCKS]

    def _extent(self, number: int) -> tuple[int, int, int]:
        """Where the bytes that are both the file's and a piece's begin, in the file and in the
        piece, and how many they are."""
        length = self._metainfo.piece_length
        before = number * length - self._aligned  # where the piece begins, seen from the file
        offset, start = max(before, 0), max(-before, 0)
        return offset, start, min(length - start, self.length - offset)

    def _is_here(self, number: int, data: bytes) -> bool:
        """Whether the disk has what a piece in memory has of the file.

        It may have been read through another file, or before the disk changed.
        """
        offset, start, length = self._extent(number)
        before = Identity.of(os.fstat(self._descriptor))
        if pread(self._descriptor, offset, length) != data[start : start + length]:
            return False
        self._remember(number, before)
        return True

    def _hash(self, number: int) -> bytes:
        """A piece's bytes as they are on the disk now. Raises Unverified if they are wrong."""
        piece = self._metainfo.piece(self._indexes[number])
        key = PieceKey(self._info_hash, piece.index)
        before = Identity.of(os.fstat(self._descriptor))
        own = (self._file, self._descriptor)
        if piece.length > LARGE_PIECE:
            with self._shared.pieces.large:
                data, neighbours = gather(self._metainfo, piece, self._place, own)
        else:
            data, neighbours = gather(self._metainfo, piece, self._place, own)
        if data is None or not is_right(piece, data):
            self._shared.pieces.is_wrong(key, before)
            raise Unverified
        self._remember(number, before)
        for file, identity in neighbours:
            self._remember_neighbour(file, piece.index, identity)
        if len(piece.parts) > 1 or not self._state[1].has(number, number + 1):
            # It will be needed: by other files, or since only these bytes are known to be right.
            self._shared.pieces.keep(key, data)
        return data

    def _remember(self, number: int, before: Identity) -> None:
        if Identity.of(os.fstat(self._descriptor)) != before:
            return
        # Another thread may exchange the state meanwhile: what is marked is what was hashed.
        identity, verified = state = self._state
        if before != identity:
            _, verified = state = self._known(before)
            self._state = state
        if self._is_settled(before):
            verified.mark(number)

    def _remember_neighbour(self, file: int, piece: int, identity: Identity) -> None:
        """Its bytes in the piece were right as well: who opens it next need not hash it again."""
        if not self._is_settled(identity):
            return
        indexes = self._metainfo.indexes(file)
        ledger = self._shared.ledger
        verified = ledger.verified(identity, self._info_hash, file, len(indexes))
        verified.mark(piece - indexes.start)
        ledger.save_later(identity, self._info_hash, file, verified)

    def _is_settled(self, identity: Identity) -> bool:
        return self._shared.wall() - identity.changed_ns / 1e9 > SETTLED_SECONDS

    @property
    def closes_at_once(self) -> bool:
        """Whether `close` waits for nothing, as it may for a network."""
        return self._local

    def close(self) -> None:
        """Have the ledger save what was verified. A read in a thread that was abandoned closes the
        file."""
        with self._lock:
            self._closed = True
            last = not self._using
        self._end_if(last)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """As long as a thread reads the file, its descriptor must not become another file's."""
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            self._using += 1
        try:
            yield
        finally:
            with self._lock:
                self._using -= 1
                last = not self._using
            self._end_if(last)

    def _end_if(self, last: bool) -> None:
        with self._lock:
            if not (last and self._closed) or self._ended:
                return
            self._ended = True
        os.close(self._descriptor)
        identity, verified = self._state
        if verified.changed:
            self._shared.ledger.save_later(identity, self._info_hash, self._file, verified)
