"""Files of torrents, their .torrent files, and the groups of the catalogue that have them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bencode2 import bencode

from biofs.demo.model import Entry, Group
from scripts.benchmarks.making import sources

_BLOCK: Final = 1 << 20


@dataclass(frozen=True)
class Laid:
    """A torrent whose files lie below a directory: their paths there, and the group that has it."""

    paths: Sequence[str]
    size: int
    group: Group

    @property
    def info_hash(self) -> str:
        """Of v1, 40 hexadecimal digits."""
        return (self.group.torrents[0].stated_hash or "").lower()


def lay_out(
    directory: Path,
    torrents: Path,
    number: int,
    files: Sequence[Entry],
    piece_length: int,
    announce: str = "",
) -> Laid:
    """Write the files, and the .torrent of them, of BitTorrent v1 (BEP 3).

    One file has a torrent of its own; several, all in the same directory, are that directory's.
    `number` is another one for each torrent. With a tracker's URL, `announce`, it is private
    (BEP 27).
    """
    paths = [entry.path for entry in files]
    for entry in files:
        _write(directory / entry.path, entry.length)
    pieces = b"".join(
        hashlib.sha1(piece, usedforsecurity=False).digest()
        for piece in _pieces(directory, paths, piece_length)
    )
    info = {"piece length": piece_length, "pieces": pieces, **_files(files)}
    around = {"announce": announce} if announce else {}
    if announce:
        info["private"] = 1
    info_hash = hashlib.sha1(bencode(info), usedforsecurity=False).hexdigest()
    torrents.mkdir(exist_ok=True)
    (torrents / f"{info_hash}.torrent").write_bytes(bencode({**around, "info": info}))
    top, _, _ = paths[0].rpartition("/")
    listed = [Entry(entry.path.removeprefix(f"{top}/"), entry.length) for entry in files]
    size = sum(entry.length for entry in files)
    return Laid(paths, size, sources.group_of_data(number, top, listed, info_hash.upper()))


def _files(files: Sequence[Entry]) -> dict[str, object]:
    if len(files) == 1:
        return {"name": files[0].path, "length": files[0].length}
    top = files[0].path.partition("/")[0]
    entries = [{"length": each.length, "path": each.path.split("/")[1:]} for each in files]
    return {"name": top, "files": entries}


def _write(path: Path, size: int) -> None:
    """Random bytes, so that nothing between here and the disk can make them fewer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for start in range(0, size, _BLOCK):
            file.write(os.urandom(min(_BLOCK, size - start)))


def _pieces(directory: Path, paths: Sequence[str], length: int) -> Iterator[bytes]:
    """The files one behind the other, cut into pieces."""
    held = bytearray()
    for path in paths:
        with (directory / path).open("rb") as file:
            while data := file.read(length):
                held += data
                while len(held) >= length:
                    yield bytes(held[:length])
                    del held[:length]
    if held:
        yield bytes(held)
