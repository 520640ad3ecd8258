"""Metainfo: what a .torrent file says of its files (BEP 3, 47, 52), read as a stranger's.

A .torrent has an info dictionary, whose hash is the torrent's name among clients, and around it
what is the user's own: announce URLs hold a passkey. Only the info dictionary is read and kept, and
the layers of piece hashes that v2 has beside it.

Only canonical bencode is accepted, in what is read: a .torrent with keys that are not in order, or
come twice, is refused. So it means to every client what it means here. The info hashes are those of
the info dictionary's bytes as they stand.

``path.utf-8`` and ``name.utf-8``, of old clients, are ignored.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from biofs.tree.bencoded import Malformed, Reader
from biofs.tree.piecelayers import Layers, placed, read_layers
from biofs.tree.pieces import (
    BLOCK,
    NOWHERE,
    FilePieces,
    Piece,
    Pieces,
    Source,
    StreamPieces,
    count,
)
from biofs.tree.torrentfiles import MOST_FILES, Files, Listing, Path, is_safe
from biofs.tree.torrentlists import one_file, read_list, read_tree, roots_for

__all__ = [
    "MOST_BYTES",
    "MOST_FILES",
    "MOST_PIECES",
    "InvalidMetainfo",
    "Metainfo",
    "has_announce",
    "parse",
]

MOST_BYTES: Final = 128 << 20
"""The longest .torrent: a million files with paths of a hundred bytes."""

MOST_PIECES: Final = MOST_BYTES // 20
"""More have no place for their hashes in a .torrent of `MOST_BYTES`."""

MOST_PIECE_LENGTH: Final = 1 << 31

_SHA1: Final = 20


class InvalidMetainfo(ValueError):  # noqa: N818 - says what the file is
    """A .torrent is not one. The message is one printable line and quotes nothing of it."""


class Metainfo:
    """A torrent.

    Attributes:
        name: The file's name, or that of the directory around all files. Any bytes.
        single: Whether it is the file's.
        files: In the order of the info dictionary, pad files included.
        total: The bytes of all, pad files included.
        piece_length: In bytes; the last piece (v2: of a file) may be shorter.
        piece_count: At most `MOST_PIECES`.
        info_hash_v1: 20 bytes; None if it is a torrent of v2 alone.
        info_hash_v2: 32 bytes; None if it is a torrent of v1 alone.
    """

    def __init__(self, info: _Info, raw: bytes, layers: Layers | None) -> None:
        listing, self.single = _joined(info, raw)
        self.name: bytes = info.name
        self.piece_length = info.piece_length
        self.total = listing.total
        self.files = Files(listing, raw, single=self.single, safe=is_safe(info.name))
        self.info_hash_v1 = (
            None if info.pieces is None else hashlib.sha1(raw, usedforsecurity=False).digest()
        )
        self.info_hash_v2 = hashlib.sha256(raw).digest() if info.version == 2 else None
        self._lengths = listing.lengths
        self._raw = raw
        self._layers = layers if info.version == 2 else None
        self._source = self._pieces_of(info, listing)
        self.piece_count = self._source.piece_count

    def _pieces_of(self, info: _Info, listing: Listing) -> Source:
        """The pieces of v2, if each can be verified or there are no others."""
        if info.version == 2:
            layers, whole = placed(self._layers, listing, self._raw, info.piece_length)
            if whole or info.pieces is None:
                data = self._layers.data if self._layers else b""
                return FilePieces(
                    listing.lengths, listing.roots, layers, info.piece_length, self._raw, data
                )
            self._layers = None
        assert info.pieces is not None  # noqa: S101 - checked with the info dictionary
        return StreamPieces(
            listing.lengths, listing.pads(), info.piece_length, self._raw, info.pieces[0]
        )

    def matches(self, info_hash_hex: str) -> bool:
        """Whether this is its info hash: 40 digits of v1, 64 or the first 40 of v2, in any case."""
        own = [self.info_hash_v1] if self.info_hash_v1 else []
        if self.info_hash_v2:
            own += [self.info_hash_v2, self.info_hash_v2[:_SHA1]]
        return info_hash_hex.lower() in {each.hex() for each in own}

    def pieces(self, file: int, start: int, stop: int) -> Pieces:
        """The pieces that hold bytes start to stop of a file, as far as it has them.

        Of v2, if the torrent has them and each can be verified: they hold no other file's bytes.
        Otherwise of v1. A torrent of v2 alone may lack layers, or have wrong ones: the pieces of a
        file longer than a piece then have no hash, and `is_right` is false for them.

        Takes time for the search among files; each piece is made when it is asked for, so `indexes`
        of the result says at no cost which they are.

        Args:
            file: Index in `files`. A pad file of a hybrid may have no pieces.
            start: In bytes, not negative.

        Raises:
            IndexError: There is no such file.
            ValueError: start is negative.
        """
        if not 0 <= file < len(self.files):
            raise IndexError(file)
        if start < 0:
            raise ValueError(f"{start} bytes into a file")
        stop = min(stop, self._lengths[file])
        indexes = self._source.span(file, start, stop) if start < stop else range(0)
        return Pieces(self._source, indexes)

    def indexes(self, file: int) -> range:
        """The numbers of the pieces that hold bytes of a file, which is one of `files`.

        As `pieces` of the whole file has them, in less time.
        """
        length = self._lengths[file]
        return self._source.span(file, 0, length) if length else range(0)

    def piece_count_of(self, file: int) -> int:
        """How many pieces hold bytes of a file, by its index in `files`."""
        return len(self.indexes(file))

    def piece_length_of(self, index: int) -> int:
        """The bytes of one piece, by its number. Raises `IndexError` if there is none."""
        if not 0 <= index < self.piece_count:
            raise IndexError(index)
        return self._source.length(index)

    def piece(self, index: int) -> Piece:
        """One piece, by its number. Raises `IndexError` if there is none."""
        if not 0 <= index < self.piece_count:
            raise IndexError(index)
        return self._source.piece(index)

    def before(self, file: int) -> int:
        """How many bytes of a file's first piece come before the file, which is one of `files`."""
        return self._source.before(file)

    def find(self, path: Path) -> int | None:
        """The index of the file with this path, () in a single-file torrent; None if there is none.

        Of several, it is the first in the info dictionary. Pad files, symbolic links and paths that
        are not safe are never found.
        """
        return self.files.find(path)

    def kept(self) -> bytes:
        """What may be kept: a .torrent of the info dictionary and the layers of v2, nothing else.

        `parse` makes the same of it again.
        """
        layers = b"12:piece layers" + self._layers.data if self._layers else b""
        return b"d4:info" + self._raw + layers + b"e"


def parse(data: bytes) -> Metainfo:
    """Read a .torrent.

    Time and memory are in proportion to its size: a million files take seconds.

    Raises:
        InvalidMetainfo: It is none, or one that clients would read in different ways, or it is
            larger than any should be.
    """
    if len(data) > MOST_BYTES:
        raise InvalidMetainfo(f"it has more than {MOST_BYTES} bytes")
    try:
        return _parsed(Reader(data))
    except Malformed as error:
        raise InvalidMetainfo(str(error)) from None


def has_announce(data: bytes) -> bool:
    """Whether a .torrent says where its peers are to be found (BEP 3, 12); False for what is none.

    The URLs hold a passkey, and are not read.
    """
    reader = Reader(data)
    found = False
    try:
        for key in reader.members():
            if key in {b"announce", b"announce-list"} and data[reader.at : reader.at + 2] not in {
                *(b"0:", b"le"),
            }:
                found = True
    except Malformed:
        return False
    return found


def _parsed(reader: Reader) -> Metainfo:
    info, raw, layers = None, b"", None
    for key in reader.members():
        start = reader.at
        if key == b"info":
            reader.origin = start
            info = _read_info(reader)
            raw = reader.data[start : reader.at]
        elif key == b"piece layers" and info and info.version == 2:
            reader.skip()
            layers = read_layers(reader.data[start : reader.at])
    if info is None:
        raise Malformed("no info dictionary")
    if reader.at != len(reader.data):
        raise reader.wrong("something behind the end")
    return Metainfo(info, raw, layers)


@dataclass(slots=True)
class _Info:
    """What an info dictionary says; None for what it lacks. Offsets are in its bytes."""

    name: bytes = b""
    piece_length: int = 0
    version: int = 1
    pieces: tuple[int, int] | None = None  # offset and bytes of the hashes of v1
    length: int | None = None
    attributes: object = b""
    listed: Listing | None = None
    tree: Listing | None = None
    seen: set[bytes] = field(default_factory=set)


def _read_info(reader: Reader) -> _Info:
    info = _Info()
    for key in reader.members():
        match key:
            case b"attr":
                info.attributes = reader.string()
            case b"file tree":
                info.tree = read_tree(reader)
            case b"files":
                info.listed = read_list(reader)
            case b"length":
                info.length = reader.integer()
            case b"meta version":
                info.version = reader.integer()
            case b"name":
                info.name = reader.string()
            case b"piece length":
                info.piece_length = reader.integer()
            case b"pieces":
                size = reader.length()
                info.pieces = (reader.offset, size)
                reader.at += size
            case _:
                continue
        info.seen.add(key)
    _check(info)
    return info


def _check(info: _Info) -> None:
    if not {b"name", b"piece length"} <= info.seen:
        raise Malformed("an info dictionary without name or piece length")
    if info.version not in {1, 2}:
        raise Malformed("a version of metainfo that is not known")
    if not 1 <= info.piece_length <= MOST_PIECE_LENGTH:
        raise Malformed("a piece length that is none")
    if info.version == 2:
        if info.tree is None:
            raise Malformed("version 2 without a file tree")
        if info.piece_length < BLOCK or info.piece_length & (info.piece_length - 1):
            raise Malformed("a piece length of version 2 that is no power of two from 16384 on")
    if info.length is not None:
        if info.listed is not None:
            raise Malformed("both a single file and a list of files")
        info.listed = one_file(info.length, info.attributes)
    if info.pieces is None:
        if info.version == 1:
            raise Malformed("no hashes of pieces")
        return
    if info.listed is None:
        raise Malformed("hashes of pieces and no files")
    if info.pieces[1] != _SHA1 * count(info.listed.total, info.piece_length):
        raise Malformed("not one hash for each piece")


def _joined(info: _Info, raw: bytes) -> tuple[Listing, bool]:
    """The files as they are numbered, with their roots in v2, and whether it is a single file."""
    listing, single = info.listed, info.length is not None
    if info.version == 2:
        assert info.tree is not None  # noqa: S101 - checked with the info dictionary
        if info.pieces is None or listing is None:
            # BEP 52: a single file is one at the top of the tree with the torrent's name.
            listing = info.tree
            single = len(listing.lengths) == 1 and listing.path(raw, 0) == (info.name,)
            if single:
                listing.marks[0] = 0
        else:
            listing.roots = roots_for(listing, info.tree, raw, (info.name,) if single else ())
    if listing is None or not listing.lengths:
        raise Malformed("no files")
    if info.version == 2:
        pieces = (
            0 if at == NOWHERE else count(length, info.piece_length)
            for length, at in zip(listing.lengths, listing.roots, strict=True)
        )
        if sum(pieces) > MOST_PIECES:
            raise Malformed("more pieces than a .torrent has hashes for")
    return listing, single
