"""A catalogue with torrents made on the spot, a mount of it, and directories with their data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bencode2 import bdecode, bencode

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.model import Entry, Torrent
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from tests.support import torrents
from tests.support.mounting import Mount, mounted
from tests.support.overlay import Overlay
from tests.support.server import Server, running
from tests.support.torrents import Content

_FIRST_ID = 5_000


@dataclass
class Lab:
    """A server whose catalogue grows, a directory with data, and one with .torrent files."""

    base: Path
    overlay: Overlay
    server: Server
    groups: dict[int, int] = field(default_factory=dict)
    """The group of each torrent that was added."""

    @property
    def data(self) -> Path:
        """Given as --data."""
        return self.base / "data"

    @property
    def torrents(self) -> Path:
        """Given as --torrents."""
        return self.base / "torrents"

    def add(
        self,
        torrent: bytes,
        files: Sequence[Content],
        *,
        known: bool = True,
        laid_out: bool = True,
        beside: int | None = None,
    ) -> int:
        """List a torrent, keep its .torrent if `known`, and lay its data out. Returns its id.

        It gets a group of its own, or that of the torrent `beside`.
        """
        ident = _FIRST_ID + len(list(self.base.glob("*.listed")))
        (self.base / f"{ident}.listed").touch()
        info = bdecode(torrent)[b"info"]
        if known:
            (self.torrents / f"{ident}.torrent").write_bytes(torrent)
        if laid_out:
            torrents.lay_out(self.data, torrent, files)
        name = torrents.name_of(torrent).decode(errors="replace")
        single = files[0][0] == ()
        entries = [
            Entry(name if single else b"/".join(path).decode(errors="replace"), len(content))
            for path, content in files
        ]
        made = Torrent(
            id=ident,
            files=entries,
            size=sum(entry.length for entry in entries),
            file_count=len(entries),
            time=1_700_000_000,
            file_path="" if single else name,
            format="CSV",
            stated_hash=info_hash(info),
        )
        if beside is None:
            self.groups[ident] = self.overlay.insert(f"Made {ident}", torrents=0).id
        else:
            self.groups[ident] = self.groups[beside]
        group = self.overlay.group(self.groups[ident])
        assert group is not None
        self.overlay.bump(group.id, torrents=(*group.torrents, made))
        return ident

    @contextmanager
    def mount(self, *options: str, **extra: str) -> Iterator[Mount]:
        """Mount with --data and --torrents."""
        env = {"BIOFS_TOKEN": DONOR_TOKEN, **extra}
        given = ("--data", str(self.data), "--torrents", str(self.torrents))
        pace = ("--url", self.server.url, "--rate", "unlimited")
        with mounted(self.base, *pace, *given, *options, env=env) as mount:
            yield mount


def info_hash(info: object) -> str:
    """As the site has it: SHA-1 of the info dictionary; of v2 alone, SHA-256."""
    raw = bencode(info)
    assert isinstance(info, dict)
    if b"pieces" in info:
        return hashlib.sha1(raw, usedforsecurity=False).hexdigest().upper()
    return hashlib.sha256(raw).hexdigest().upper()


@contextmanager
def lab(base: Path) -> Iterator[Lab]:
    """A server with the embedded catalogue, to which torrents can be added."""
    overlay = Overlay(embedded())
    with running(create_app(overlay)) as server:
        made = Lab(base, overlay, server)
        made.data.mkdir()
        made.torrents.mkdir()
        yield made


def files_of(mount: Mount, ident: int) -> Path:
    """The `files` directory of a torrent."""
    return mount.path / f"torrents/{ident}/files"
