"""A torrent: torrent.json, filelist.json, magnet.txt, and `files/` with its virtual tree."""

from __future__ import annotations

import errno
from typing import ClassVar, Final

from biofs.catalogue.details import TorrentDetail
from biofs.catalogue.index import KnownTorrent
from biofs.catalogue.listings import Caller
from biofs.mount import stat
from biofs.mount.families.family import Bytes, Content, Family, failure
from biofs.mount.listings import FixedListing, Listing
from biofs.mount.stat import Stat
from biofs.tree.inodes import Address, Kind, pack

_DOCUMENTS: Final = {
    b"torrent.json": Kind.TORRENT_JSON,
    b"filelist.json": Kind.FILELIST,
    b"magnet.txt": Kind.MAGNET,
}
_FILES: Final = b"files"


class TorrentFamily(Family):
    """See the module."""

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.TORRENT,
        Kind.TORRENT_JSON,
        Kind.FILELIST,
        Kind.MAGNET,
    )

    def _torrent(self, torrent_id: int) -> KnownTorrent:
        torrent = self.catalogue.index.torrent(torrent_id)
        if torrent is None:
            raise failure(errno.ENOENT)
        return torrent

    async def _detail(self, torrent: KnownTorrent, caller: Caller) -> TorrentDetail:
        detail = await self.catalogue.documents.get(torrent.group_id, caller)
        found = detail.torrents.get(torrent.id)
        if found is None:  # the listing is older than the group's answer
            raise failure(errno.ENOENT)
        return found

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        torrent = self._torrent(address.ident)
        if address.kind is Kind.TORRENT:
            return stat.directory(pack(Kind.TORRENT, torrent.id), torrent.mtime)
        return _document(address.kind, torrent, await self._detail(torrent, caller))

    def _known(self, torrent: KnownTorrent) -> TorrentDetail | None:
        detail = self.catalogue.documents.known(torrent.group_id)
        return detail.torrents.get(torrent.id) if detail else None

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        torrent = self._torrent(address.ident)
        if name == _FILES:
            return stat.directory(pack(Kind.FILES, torrent.id), torrent.mtime)
        kind = _DOCUMENTS.get(name)
        return None if kind is None else _document(kind, torrent, self._known(torrent))

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        torrent = self._torrent(address.ident)
        known = self._known(torrent)
        entries = [(name, _document(kind, torrent, known)) for name, kind in _DOCUMENTS.items()]
        entries.append((_FILES, stat.directory(pack(Kind.FILES, torrent.id), torrent.mtime)))
        return FixedListing(entries)

    async def parent(self, address: Address) -> int:
        if address.kind is Kind.TORRENT:
            return pack(Kind.GROUP, self._torrent(address.ident).group_id)
        return pack(Kind.TORRENT, address.ident)

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is Kind.TORRENT:
            raise failure(errno.EISDIR)
        torrent = self._torrent(address.ident)
        detail = await self._detail(torrent, caller)
        if address.kind is Kind.TORRENT_JSON:
            return Bytes(detail.json)
        if address.kind is Kind.MAGNET:
            return Bytes(detail.magnet)
        document = await self.catalogue.trees.document(detail.list_key)
        if document is None:
            await self.catalogue.documents.fetch(torrent.group_id, caller)
            document = await self.catalogue.trees.document(detail.list_key)
        if document is None:
            raise failure(errno.EIO)
        return Bytes(document)


def _document(kind: Kind, torrent: KnownTorrent, detail: TorrentDetail | None) -> Stat:
    size = None
    if detail is not None:
        if kind is Kind.TORRENT_JSON:
            size = len(detail.json)
        else:
            size = len(detail.magnet) if kind is Kind.MAGNET else detail.filelist_size
    return stat.file(pack(kind, torrent.id), size, torrent.mtime)
