"""A torrent: torrent.json, filelist.jsonl, magnet.txt, and `files/` with its virtual tree.

In mounts with data directories there is contents.json as well.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Mapping
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.contents import Contents
from biofs.mount.entries import Directory, Listing, directory_entry, file_entry
from biofs.mount.nodes.base import Bytes, Content, Nodes, Spool, failure, known_torrent
from biofs.store.details import TorrentDetail
from biofs.store.groups import KnownTorrent
from biofs.tree.inodes import ID_STEP, KIND_SHIFT, MAX_ID, Address, Kind, pack

_JSON: Final = pack(Kind.TORRENT_JSON)
_FILELIST: Final = pack(Kind.FILELIST)
_MAGNET: Final = pack(Kind.MAGNET)
_FILES: Final = pack(Kind.FILES)
_CONTENTS: Final = pack(Kind.CONTENTS)
_JSON_KIND: Final = int(Kind.TORRENT_JSON)
_FILELIST_KIND: Final = int(Kind.FILELIST)


class TorrentNodes(Nodes):
    """Answers for a torrent's directory and its documents. `address.ident` is the torrent's id.

    Without `contents` there is no contents.json.

    Without `lists_files` a listing leaves `files/` out, so that who copies the directory gets the
    documents alone and no errors; it is found all the same by who names it.
    """

    kinds: ClassVar[tuple[Kind, ...]] = (
        Kind.TORRENT,
        Kind.TORRENT_JSON,
        Kind.FILELIST,
        Kind.MAGNET,
        Kind.CONTENTS,
    )
    kept: ClassVar[tuple[Kind, ...]] = (Kind.TORRENT,)
    listed_in: ClassVar[Mapping[Kind, Kind]] = {
        Kind.TORRENT_JSON: Kind.TORRENT,
        Kind.FILELIST: Kind.TORRENT,
        Kind.MAGNET: Kind.TORRENT,
    }

    def __init__(
        self,
        catalogue: Catalogue,
        contents: Contents | None = None,
        *,
        lists_files: bool = True,
    ) -> None:
        super().__init__(catalogue)
        self._contents: Final = contents
        self._lists_files: Final = lists_files

    async def _detail(self, torrent: KnownTorrent, caller: Caller) -> TorrentDetail:
        detail = await self.catalogue.groups.get(torrent.group_id, caller)
        found = detail.torrents.get(torrent.id)
        if found is None:  # the listing is older than the group's answer
            raise failure(errno.ENOENT)
        return found

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        torrent = known_torrent(self.catalogue, address.ident)
        if address.kind is Kind.TORRENT:
            return attributes.directory(pack(Kind.TORRENT, torrent.id), torrent.mtime)
        detail = await self._detail(torrent, caller)
        if address.kind is Kind.CONTENTS:
            # As of status.json: with a size, and what is shown now stays for an open that follows.
            size = len(await self._survey(torrent, detail, caller))
            return attributes.file(_inode_of_contents(torrent), size, torrent.mtime)._replace(
                keep=0.0
            )
        return _document(address.kind, torrent, detail)

    async def _survey(self, torrent: KnownTorrent, detail: TorrentDetail, caller: Caller) -> bytes:
        if self._contents is None:
            raise failure(errno.ENOENT)
        found = await self._contents.surveys.of(detail, caller)
        if found is None:  # the file list was evicted
            await self.catalogue.groups.fetch(torrent.group_id, caller)
            found = await self._contents.surveys.of(detail, caller)
        if found is None:
            raise failure(errno.EIO)
        return found.document

    def cached_directory(self, address: Address, caller: Caller) -> Directory:
        torrent = known_torrent(self.catalogue, address.ident)
        documents = self.catalogue.groups
        detail = documents.known(torrent.group_id, caller)
        known = detail.torrents.get(torrent.id) if detail else None
        json = filelist = magnet = None
        if known is not None:
            json, filelist, magnet = len(known.json), known.filelist_size, len(known.magnet)
        step, mtime = torrent.id * ID_STEP, torrent.mtime
        entries = [
            file_entry(b"torrent.json", 1, _JSON + step, json, mtime),
            file_entry(b"filelist.jsonl", 2, _FILELIST + step, filelist, mtime),
            file_entry(b"magnet.txt", 3, _MAGNET + step, magnet, mtime),
        ]
        files = directory_entry(b"files", 4, _FILES + step, mtime)
        if self._lists_files:
            entries.append(files)
        if self._contents is not None:
            # Its size is asked for whenever it is looked at, and costs no request by itself.
            number = len(entries) + 1
            entries.append(file_entry(b"contents.json", number, _CONTENTS + step, None, mtime))
        good_until = math.inf if detail is None else documents.good_until(detail)
        above = pack(Kind.GROUP, torrent.group_id)
        unlisted = () if self._lists_files else (files,)
        group = torrent.group_id
        return Directory(entries, above, good_until, unlisted, asks=known is None, group=group)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        found = self.cached_directory(address, caller).find(name)
        return found.stat if found else None

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        return self.cached_directory(address, caller)

    async def parent(self, address: Address) -> int:
        if address.kind is Kind.TORRENT:
            return pack(Kind.GROUP, known_torrent(self.catalogue, address.ident).group_id)
        return pack(Kind.TORRENT, address.ident)

    def at_hand(self, inode: int, group: int) -> bytes | None:
        detail = self.catalogue.groups.known_now(group)
        found = detail.torrents.get(inode // ID_STEP & MAX_ID) if detail else None
        if found is None:
            return None
        kind = inode >> KIND_SHIFT
        if kind == _FILELIST_KIND:
            return self.catalogue.trees.short_document(found)
        return found.json if kind == _JSON_KIND else found.magnet

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is Kind.TORRENT:
            raise failure(errno.EISDIR)
        torrent = known_torrent(self.catalogue, address.ident)
        detail = await self._detail(torrent, caller)
        if address.kind is Kind.TORRENT_JSON:
            return Bytes(detail.json)
        if address.kind is Kind.MAGNET:
            return Bytes(detail.magnet)
        if address.kind is Kind.CONTENTS:
            return Bytes(await self._survey(torrent, detail, caller))
        document = await self.catalogue.trees.document(detail)
        if document is None:  # it was evicted
            await self.catalogue.groups.fetch(torrent.group_id, caller)
            document = await self.catalogue.trees.document(detail)
        if document is None:
            raise failure(errno.EIO)
        return Bytes(document) if isinstance(document, bytes) else Spool(document)

    def volatile(self, address: Address) -> bool:
        return address.kind is Kind.CONTENTS


def _inode_of_contents(torrent: KnownTorrent) -> int:
    return pack(Kind.CONTENTS, torrent.id)


def _document(kind: Kind, torrent: KnownTorrent, detail: TorrentDetail | None) -> Stat:
    size = None
    if detail is not None:
        if kind is Kind.TORRENT_JSON:
            size = len(detail.json)
        else:
            size = len(detail.magnet) if kind is Kind.MAGNET else detail.filelist_size
    return attributes.file(pack(kind, torrent.id), size, torrent.mtime)
