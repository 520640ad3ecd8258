"""Pieces: where the bytes of a torrent's files are, and whether they are the right ones.

BitTorrent v1 (BEP 3) puts all files after each other, in the order of the info dictionary, and cuts
the whole into pieces, each with a SHA-1: a piece may hold the end of one file, several files, and
the beginning of another. In v2 (BEP 52) each file is cut for itself, and the piece's hash is the
root of a tree of SHA-256 over blocks of 16 KiB.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, NamedTuple, Protocol, overload

BLOCK: Final = 16 * 1024
"""What a leaf of the tree of v2 covers, in bytes."""

ZEROS: Final = -1
"""The file of a part that is no file's, but as many zero bytes (a pad file, BEP 47)."""

NOWHERE: Final = 2**64 - 1
"""The offset of a hash that there is none of."""

_SHA1: Final = 20
_SHA256: Final = 32


class Part(NamedTuple):
    """Bytes of a file: its index in the info dictionary or `ZEROS`; offset and length in bytes."""

    file: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Piece:
    """What is verified as a whole.

    Attributes:
        index: Its number in the torrent, as clients count: 0 to the torrent's `piece_count` - 1.
        length: Its bytes.
        parts: Where they are, in order. None is empty.
        hash: 20 bytes, a SHA-1; 32 bytes, a root (BEP 52); or None, and nothing can be verified.
        leaves: The leaves of the tree below that root, a power of two; 0 if there is none.
    """

    index: int
    length: int
    parts: tuple[Part, ...]
    hash: bytes | None
    leaves: int = 0


def is_right(piece: Piece, data: bytes | bytearray | memoryview) -> bool:
    """Whether these are the piece's bytes. False if that cannot be verified."""
    view = memoryview(data).cast("B")
    if piece.hash is None or len(view) != piece.length:
        return False
    if not piece.leaves:
        return hashlib.sha1(view, usedforsecurity=False).digest() == piece.hash
    leaves = bytearray()
    for start in range(0, len(view), BLOCK):
        leaves += hashlib.sha256(view[start : start + BLOCK]).digest()
    return root(leaves, piece.leaves, bytes(_SHA256)) == piece.hash


def root(nodes: bytes | bytearray, width: int, missing: bytes) -> bytes:
    """The root of the tree over `nodes`, each of 32 bytes (BEP 52).

    Args:
        nodes: At least one, and at most `width`.
        width: How many there would be, a power of two.
        missing: What stands for each that is not there.
    """
    while width > 1:
        if len(nodes) // _SHA256 % 2:
            nodes = nodes + missing
        above = bytearray()
        for start in range(0, len(nodes), 2 * _SHA256):
            above += hashlib.sha256(nodes[start : start + 2 * _SHA256]).digest()
        missing = hashlib.sha256(missing * 2).digest()
        nodes = above
        width //= 2
    return bytes(nodes)


def power_of_two(number: int) -> int:
    """The smallest power of two that is not less than `number`, which is positive."""
    return int(1 << (number - 1).bit_length())


def count(length: int, piece_length: int) -> int:
    """How many pieces that many bytes are."""
    return -(-length // piece_length)


class Source(Protocol):
    """Where the pieces of a torrent are; they are made when asked for."""

    @property
    def piece_count(self) -> int:
        """How many there are."""

    def span(self, file: int, start: int, stop: int) -> range:
        """The pieces that hold bytes start to stop of a file, 0 <= start < stop <= its length."""

    def length(self, index: int) -> int:
        """The bytes of one piece, 0 <= index < piece_count."""

    def piece(self, index: int) -> Piece:
        """One piece, 0 <= index < piece_count."""

    def before(self, file: int) -> int:
        """How many bytes of a file's first piece come before the file."""


class Pieces(Sequence[Piece]):
    """Consecutive pieces, each made when it is asked for."""

    __slots__ = ("indexes", "source")

    def __init__(self, source: Source, indexes: range) -> None:
        self.source = source
        self.indexes = indexes

    def __len__(self) -> int:
        return len(self.indexes)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Pieces: ...
    def __getitem__(self, index: int | slice) -> Piece | Pieces:
        if isinstance(index, slice):
            return Pieces(self.source, self.indexes[index])
        return self.source.piece(self.indexes[index])


class StreamPieces:
    """The pieces of v1.

    Args:
        lengths: Of each file, in bytes, pad files too.
        pads: For each file, not 0 if it is a pad file.
        info: The info dictionary.
        hashes: The offset in it of the first hash; the others follow.
    """

    __slots__ = ("_hashes", "_info", "_pads", "_piece_length", "_starts", "piece_count")

    def __init__(
        self, lengths: array[int], pads: bytes, piece_length: int, info: bytes, hashes: int
    ) -> None:
        self._starts = array("Q", accumulate(lengths, initial=0))
        self._pads = pads
        self._piece_length = piece_length
        self._info = info
        self._hashes = hashes
        self.piece_count = count(self._starts[-1], piece_length)

    def span(self, file: int, start: int, stop: int) -> range:
        """See `Source.span`."""
        before = self._starts[file]
        return range(
            (before + start) // self._piece_length,
            count(before + stop, self._piece_length),
        )

    def before(self, file: int) -> int:
        """See `Source.before`."""
        return self._starts[file] % self._piece_length

    def length(self, index: int) -> int:
        """See `Source.length`."""
        return int(min(self._piece_length, self._starts[-1] - index * self._piece_length))

    def piece(self, index: int) -> Piece:
        """See `Source.piece`. Takes time for each of its parts."""
        start = index * self._piece_length
        stop = min(start + self._piece_length, self._starts[-1])
        at = self._hashes + index * _SHA1
        return Piece(index, stop - start, self._parts(start, stop), self._info[at : at + _SHA1])

    def _parts(self, start: int, stop: int) -> tuple[Part, ...]:
        parts = []
        while start < stop:
            # Of files that begin here, the last: those before it are empty.
            file = bisect_right(self._starts, start) - 1
            end = min(stop, self._starts[file + 1])
            shown = ZEROS if self._pads[file] else file
            offset = 0 if self._pads[file] else start - self._starts[file]
            parts.append(Part(shown, offset, end - start))
            start = end
        return tuple(parts)


class FilePieces:
    """The pieces of v2, counted file by file.

    Args:
        lengths: Of each file, in bytes.
        roots: For each file, the offset of its root in `info`; `NOWHERE` for one without pieces.
        layers: For each file, the offset of its layer in `layer_data`; `NOWHERE` if there is none.
        info: The info dictionary.
        layer_data: The value of "piece layers".
    """

    __slots__ = ("_first", "_info", "_layer_data", "_layers", "_lengths", "_piece_length", "_roots")

    def __init__(
        self,
        lengths: array[int],
        roots: array[int],
        layers: array[int],
        piece_length: int,
        info: bytes,
        layer_data: bytes,
    ) -> None:
        counts = (
            0 if at == NOWHERE else count(length, piece_length)
            for length, at in zip(lengths, roots, strict=True)
        )
        self._first = array("Q", accumulate(counts, initial=0))
        self._lengths = lengths
        self._roots = roots
        self._layers = layers
        self._piece_length = piece_length
        self._info = info
        self._layer_data = layer_data

    @property
    def piece_count(self) -> int:
        """See `Source.piece_count`."""
        return self._first[-1]

    def span(self, file: int, start: int, stop: int) -> range:
        """See `Source.span`. Empty for a file without a root: a pad file of a hybrid."""
        first = self._first[file]
        if first == self._first[file + 1]:
            return range(0)
        return range(
            first + start // self._piece_length,
            first + count(stop, self._piece_length),
        )

    def before(self, file: int) -> int:
        """See `Source.before`."""
        return 0

    def length(self, index: int) -> int:
        """See `Source.length`."""
        file = bisect_right(self._first, index) - 1
        start = (index - self._first[file]) * self._piece_length
        return int(min(self._piece_length, self._lengths[file] - start))

    def piece(self, index: int) -> Piece:
        """See `Source.piece`."""
        file = bisect_right(self._first, index) - 1
        number = index - self._first[file]
        length, start = self._lengths[file], number * self._piece_length
        part = Part(file, start, min(self._piece_length, length - start))
        if length <= self._piece_length:
            at = self._roots[file]
            leaves = power_of_two(count(length, BLOCK))
            return Piece(index, length, (part,), self._info[at : at + _SHA256], leaves)
        leaves = self._piece_length // BLOCK
        return Piece(index, part.length, (part,), self._of_layer(file, number), leaves)

    def _of_layer(self, file: int, number: int) -> bytes | None:
        at = self._layers[file]
        if at == NOWHERE:
            return None
        at += number * _SHA256
        return self._layer_data[at : at + _SHA256]
