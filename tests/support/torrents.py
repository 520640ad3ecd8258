"""Makes .torrent files of v1, v2 and both (BEP 3, 47, 52), with hashes made here and nowhere else.

Nothing of this comes from biofs: what biofs says of these torrents is compared with it. libtorrent
makes the same of the same files (tests/data/metainfo).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from bencode2 import bdecode

Content: TypeAlias = tuple[tuple[bytes, ...], bytes]
"""A file: its path below the torrent's name, and what is in it."""

Listed: TypeAlias = tuple[tuple[bytes, ...], bytes, bool]
"""The same, and whether it is a pad file."""

Kind: TypeAlias = Literal["v1", "v2", "hybrid"]

BLOCK = 16 * 1024
ANNOUNCE = b"https://tracker.invalid/0123456789abcdef0123456789abcdef/announce"


def bytes_of(seed: str, length: int) -> bytes:
    """Bytes that look random, always the same."""
    return hashlib.shake_128(seed.encode()).digest(length)


LAYOUTS: Mapping[str, tuple[int, Sequence[Content]]] = {
    "several": (
        BLOCK,
        (
            ((b"a",), bytes_of("a", 100)),
            ((b"dir", b"big"), bytes_of("big", 4 * BLOCK + 6157)),
            ((b"dir", b"empty"), b""),
            ((b"dir", b"exact"), bytes_of("exact", 2 * BLOCK)),
            ((b"dir", b"one"), bytes_of("one", BLOCK)),
            ((b"z",), bytes_of("z", BLOCK + 1)),
        ),
    ),
    "larger-pieces": (
        4 * BLOCK,
        (
            (("Grüße".encode(), b"h"), bytes_of("h", 2 * BLOCK + 5)),
            (("Grüße".encode(), b"inner", b"f"), bytes_of("f", 18 * BLOCK + 1)),
            (("Grüße".encode(), b"inner", b"g"), bytes_of("g", 4 * BLOCK)),
            (("Grüße".encode(), b"twin"), bytes_of("f", 18 * BLOCK + 1)),
            (("Äther".encode(),), bytes_of("x", 9 * BLOCK)),
        ),
    ),
}
"""Piece length and files of the torrents in tests/data/metainfo, in the order of v2."""

SINGLE = bytes_of("single", 6 * BLOCK + 77)
"""The file of the single-file torrents in tests/data/metainfo."""


def bencode(value: object) -> bytes:
    """Encode; keys are bytes and are sorted."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, Mapping):
        pairs = (bencode(key) + bencode(value[key]) for key in sorted(value))
        return b"d%se" % b"".join(pairs)
    assert isinstance(value, Sequence), value
    return b"l%se" % b"".join(map(bencode, value))


def make(
    name: bytes,
    files: Sequence[Content],
    *,
    piece_length: int = BLOCK,
    kind: Kind = "v1",
    private: bool = True,
    announce: bytes = ANNOUNCE,
) -> bytes:
    """A torrent of a directory with files.

    In v2 and hybrids, the files are put into the order of v2, which is that of the names. In
    hybrids, pad files stand between those of v1 (BEP 47).
    """
    if kind == "v1":
        listed = [(path, content, False) for path, content in files]
        return _torrent(_v1(listed, piece_length), {}, name, piece_length, private, announce)
    tree = _tree(files)
    in_order = _flat(tree)
    info = {b"file tree": _shown(tree), b"meta version": 2}
    if kind == "hybrid":
        info |= _v1(padded(in_order, piece_length), piece_length)
    layers = _layers([content for _, content in in_order], piece_length)
    return _torrent(info, layers, name, piece_length, private, announce)


def single(
    name: bytes,
    content: bytes,
    *,
    piece_length: int = BLOCK,
    kind: Kind = "v1",
    private: bool = True,
    announce: bytes = ANNOUNCE,
) -> bytes:
    """A torrent of one file."""
    info: dict[bytes, Any] = {}
    layers: dict[bytes, bytes] = {}
    if kind != "v2":
        info |= {b"length": len(content), b"pieces": _sha1s(content, piece_length)}
    if kind != "v1":
        info |= {b"file tree": _shown(_tree([((name,), content)]))}
        info |= {b"meta version": 2}
        layers = _layers([content], piece_length)
    return _torrent(info, layers, name, piece_length, private, announce)


def padded(files: Sequence[Content], piece_length: int) -> list[Listed]:
    """The files and, behind each that does not end with a piece, a pad file, as libtorrent does."""
    result: list[Listed] = []
    for path, content in files:
        result.append((path, content, False))
        if missing := -len(content) % piece_length:
            result.append(((b".pad", b"%d" % missing), bytes(missing), True))
    return result


def with_pads(
    name: bytes, files: Sequence[Content], *, piece_length: int = BLOCK, announce: bytes = ANNOUNCE
) -> bytes:
    """A torrent of v1 with pad files, as some programs make them."""
    info = _v1(padded(files, piece_length), piece_length)
    return _torrent(info, {}, name, piece_length, True, announce)


def lay_out(directory: Path, torrent: bytes, files: Sequence[Content]) -> Path:
    """Write the files of a torrent as a client would: below its name in a directory.

    Args:
        files: As given to `make`; for `single`, one with the path ().

    Returns:
        The file or directory that has the torrent's name.
    """
    top = directory / name_of(torrent).decode("utf-8", "surrogateescape")
    for path, content in files:
        at = top.joinpath(*(each.decode("utf-8", "surrogateescape") for each in path))
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content)
    return top


def name_of(torrent: bytes) -> bytes:
    """The name in the info dictionary of a torrent."""
    name = bdecode(torrent)[b"info"][b"name"]
    assert isinstance(name, bytes)
    return name


def merkle(leaves: Sequence[bytes], width: int, missing: bytes = bytes(32)) -> bytes:
    """The root over `width` leaves, those that are not there being `missing`."""
    level = [*leaves, *[missing] * (width - len(leaves))]
    while len(level) > 1:
        level = [
            hashlib.sha256(left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=True)
        ]
    return level[0]


def pieces_root(content: bytes) -> bytes:
    """The root of the whole tree of a file (BEP 52), made without pieces."""
    leaves = _leaves(content)
    width = 1
    while width < len(leaves):
        width *= 2
    return merkle(leaves, width)


def layer(content: bytes, piece_length: int) -> list[bytes]:
    """The hash of each piece of a file that is longer than one (BEP 52)."""
    chunks = (content[at : at + piece_length] for at in range(0, len(content), piece_length))
    return [merkle(_leaves(chunk), piece_length // BLOCK) for chunk in chunks]


def _leaves(content: bytes) -> list[bytes]:
    chunks = (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
    return [hashlib.sha256(chunk).digest() for chunk in chunks]


def _sha1s(content: bytes, piece_length: int) -> bytes:
    chunks = (content[at : at + piece_length] for at in range(0, len(content), piece_length))
    return b"".join(hashlib.sha1(chunk).digest() for chunk in chunks)


def _v1(files: Sequence[Listed], piece_length: int) -> dict[bytes, Any]:
    entries: list[dict[bytes, Any]] = []
    for path, content, pad in files:
        entries.append({b"length": len(content), b"path": list(path)})
        if pad:
            entries[-1][b"attr"] = b"p"
    whole = b"".join(content for _, content, _ in files)
    return {b"files": entries, b"pieces": _sha1s(whole, piece_length)}


def _tree(files: Sequence[Content]) -> dict[bytes, Any]:
    """Nested dictionaries, a file being its content."""
    top: dict[bytes, Any] = {}
    for path, content in files:
        inner = top
        for component in path[:-1]:
            inner = inner.setdefault(component, {})
        inner[path[-1]] = content
    return top


def _shown(tree: Mapping[bytes, Any]) -> dict[bytes, Any]:
    """The tree as BEP 52 writes it."""
    shown: dict[bytes, Any] = {}
    for name, inner in tree.items():
        if isinstance(inner, dict):
            shown[name] = _shown(inner)
        else:
            leaf: dict[bytes, Any] = {b"length": len(inner)}
            if inner:
                leaf[b"pieces root"] = pieces_root(inner)
            shown[name] = {b"": leaf}
    return shown


def _flat(tree: Mapping[bytes, Any], above: tuple[bytes, ...] = ()) -> list[Content]:
    """The files of a tree in the order of BEP 52."""
    result: list[Content] = []
    for name, inner in sorted(tree.items()):
        path = (*above, name)
        result += _flat(inner, path) if isinstance(inner, dict) else [(path, inner)]
    return result


def _layers(contents: Sequence[bytes], piece_length: int) -> dict[bytes, bytes]:
    return {
        pieces_root(content): b"".join(layer(content, piece_length))
        for content in contents
        if len(content) > piece_length
    }


def _torrent(
    info: Mapping[bytes, Any],
    layers: Mapping[bytes, bytes],
    name: bytes,
    piece_length: int,
    private: bool,
    announce: bytes,
) -> bytes:
    info = {**info, b"name": name, b"piece length": piece_length}
    if private:
        info[b"private"] = 1
    torrent: dict[bytes, Any] = {b"announce": announce, b"created by": b"tests", b"info": info}
    if b"file tree" in info:
        torrent[b"piece layers"] = layers
    return bencode(torrent)
