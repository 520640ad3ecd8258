"""The .torrent files that the demo hands out.

The piece hashes of small torrents (`contents.has_contents`) are those of their made-up contents.
The others have no contents, and their piece hashes are made up.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from bencode2 import bencode

from biofs.demo.contents import content, has_contents

_MIN_PIECE = 256 * 1024
_MAX_PIECES = 2000
_TRACKER = "https://track.biotorrents.de:443"


def _piece_length(size: int) -> int:
    """A piece length in bytes, a power of two, for a torrent of `size` bytes."""
    length = _MIN_PIECE
    while size > length * _MAX_PIECES:
        length *= 2
    return length


def _made_up_pieces(name: str, size: int, length: int) -> bytes:
    seed = hashlib.shake_128(f"{name} {size}".encode())
    return seed.digest(20 * -(-size // length))


def _true_pieces(name: str, files: Sequence[tuple[str, int]], length: int) -> bytes:
    """The SHA-1 of each piece of all files one behind the other (BEP 3)."""
    # It is as small as contents.MOST_BYTES says.
    whole = memoryview(b"".join([content(name, path, size) for path, size in files]))
    pieces = [whole[start : start + length] for start in range(0, len(whole), length)]
    return b"".join([hashlib.sha1(piece, usedforsecurity=False).digest() for piece in pieces])


def _pieces(name: str, files: Sequence[tuple[str, int]]) -> tuple[int, bytes]:
    """The piece length in bytes and the piece hashes of 20 bytes."""
    size = sum(size for _, size in files)
    length = _piece_length(size)
    if has_contents(files):
        return length, _true_pieces(name, files, length)
    return length, _made_up_pieces(name or (files[0][0] if files else ""), size, length)


def _info(name: str, files: Sequence[tuple[str, int]]) -> Mapping[str, Any]:
    length, pieces = _pieces(name, files)
    info: dict[str, Any] = {
        "piece length": length,
        "pieces": pieces,
        "private": 1,
        "source": "BioTorrents.de-demo",
    }
    # A torrent without a top directory is a single-file one; BitTorrent knows no other such kind.
    if not name and len(files) == 1:
        return info | {"name": files[0][0], "length": files[0][1]}
    entries = [{"length": size, "path": path.split("/")} for path, size in files]
    return info | {"name": name, "files": entries}


def info_hash(name: str, files: Sequence[tuple[str, int]]) -> str:
    """The info hash, upper-case hex, of the torrent of (path, length) pairs under `name`."""
    return hashlib.sha1(bencode(_info(name, files)), usedforsecurity=False).hexdigest().upper()


def metainfo(torrent_id: int, name: str, files: Sequence[tuple[str, int]], passkey: str) -> bytes:
    """The .torrent file, laid out as in the recording download_passkey; "" is no passkey."""
    key = f"/{passkey}" if passkey else ""
    return bencode(
        {
            "announce": f"{_TRACKER}{key}/announce",
            "comment": f"https://biotorrents.de/torrents.php?torrentid={torrent_id}",
            "created by": "biofs demo",
            "creation date": 1600000000,
            "info": _info(name, files),
        }
    )
