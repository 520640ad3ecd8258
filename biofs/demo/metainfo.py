"""The .torrent files that the demo hands out: whole but for their pieces, which are made up."""

import hashlib
from collections.abc import Mapping, Sequence

from biofs.demo.bencode import Value, bencode

_MIN_PIECE = 256 * 1024
_MAX_PIECES = 2000


def _pieces(name: str, size: int) -> tuple[int, bytes]:
    """A piece length in bytes, a power of two, and that many made-up piece hashes of 20 bytes."""
    length = _MIN_PIECE
    while size > length * _MAX_PIECES:
        length *= 2
    count = -(-size // length)
    seed = hashlib.shake_128(f"{name} {size}".encode())
    return length, seed.digest(20 * count)


def _info(name: str, files: Sequence[tuple[str, int]]) -> Mapping[str, Value]:
    length, pieces = _pieces(name or (files[0][0] if files else ""), sum(size for _, size in files))
    info: dict[str, Value] = {
        "piece length": length,
        "pieces": pieces,
        "private": 1,
        "source": "BioTorrents.de-demo",
    }
    # A torrent without a top directory is a single-file one; BitTorrent knows no other such kind.
    if not name and len(files) == 1:
        return info | {"name": files[0][0], "length": files[0][1]}
    entries: list[Value] = [{"length": size, "path": path.split("/")} for path, size in files]
    return info | {"name": name, "files": entries}


def info_hash(name: str, files: Sequence[tuple[str, int]]) -> str:
    """The info hash, upper-case hex, of the torrent of (path, length) pairs under `name`."""
    return hashlib.sha1(bencode(_info(name, files)), usedforsecurity=False).hexdigest().upper()


def metainfo(torrent_id: int, name: str, files: Sequence[tuple[str, int]], passkey: str) -> bytes:
    """The .torrent file, laid out as in the recording download_passkey."""
    return bencode(
        {
            "announce": f"https://track.biotorrents.de:443/{passkey}/announce",
            "comment": f"https://biotorrents.de/torrents.php?torrentid={torrent_id}",
            "created by": "biofs demo",
            "creation date": 1600000000,
            "info": _info(name, files),
        }
    )
