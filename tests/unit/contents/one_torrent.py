"""A torrent of a few files that share pieces, its data, and the library that finds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from biofs.contents.ledger import Ledger
from biofs.contents.library import Library
from biofs.contents.matching import Listed, Local
from biofs.contents.survey import Amount, Survey, survey
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import parse
from tests.support import torrents
from tests.support.torrents import BLOCK, Content, bytes_of
from tests.unit.contents.contents_support import Clock

NAME = b"top"
FILES: Sequence[Content] = (
    ((b"a",), bytes_of("a", 100)),
    ((b"dir", b"big"), bytes_of("big", 4 * BLOCK + 6157)),
    ((b"dir", b"empty"), b""),
    ((b"dir", b"inner", b"one"), bytes_of("one", BLOCK)),
    ((b"z",), bytes_of("z", BLOCK + 1)),
)
TOTAL = Amount(len(FILES), sum(len(content) for _, content in FILES))


class World:
    """Data directories, and a torrent as the catalogue knows it."""

    def __init__(self, base: Path, clock: Clock, files: Sequence[Content] = FILES) -> None:
        self.data = base / "data"
        self.data.mkdir(parents=True)
        self.torrents = base / "torrents"
        self.torrents.mkdir()
        self.torrent = torrents.make(NAME, files)
        self.metainfo = parse(self.torrent)
        assert self.metainfo.info_hash_v1 is not None
        entries = [Entry(b"/".join(path).decode(), len(content)) for path, content in files]
        self.listed = Listed(
            self.metainfo.info_hash_v1.hex(), FileTree.build(entries, NAME.decode())
        )
        self.clock = clock
        self.library = self.other_library()
        self.top = torrents.lay_out(self.data, self.torrent, files)

    def other_library(
        self, ledger: Ledger | None = None, directories: Sequence[Path] = ()
    ) -> Library:
        return Library(
            directories or [self.data],
            [self.torrents],
            ledger or Ledger(None),
            clock=self.clock.monotonic,
            wall=self.clock.wall,
        )

    def with_torrent(self) -> Local:
        (self.torrents / "x.torrent").write_bytes(self.torrent)
        self.clock.now += 100
        local = self.library.local(self.listed)
        assert local is not None
        return local

    def node(self, path: str) -> int:
        found = 0
        for name in f"{NAME.decode()}/{path}".split("/"):
            child = self.listed.tree.find(found, name.encode())
            assert child is not None
            found = child
        return found

    def verify(self, local: Local, path: str, *, keep_open: bool = False) -> Any:
        file = self.library.open(self.listed, local, self.node(path))
        assert all(file.verify(number) for number in range(file.piece_count))
        if keep_open:
            return file
        return file.close()

    def survey(self, local: Local | None = None) -> Survey:
        self.clock.now += 100
        return survey(self.library, self.listed, local)
