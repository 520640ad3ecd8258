"""`files/`: a torrent's virtual tree. It has names, sizes and times, and content where the data
are on this machine.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import ClassVar, Final

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.contents import Contents, Data, LocalData
from biofs.mount.entries import (
    MOST_ENTRIES,
    PORTION,
    Directory,
    Listed,
    Listing,
    directory_entry,
    file_entry,
)
from biofs.mount.nodes.base import Content, Nodes, failure, known_torrent
from biofs.store.details import TorrentDetail
from biofs.store.groups import KnownTorrent
from biofs.tree.inodes import ID_STEP, Address, Kind, pack
from biofs.tree.layout import FileTree

_FILES: Final = pack(Kind.FILES)


def _stat(tree: FileTree, node: int, torrent: KnownTorrent) -> Stat:
    inode = pack(Kind.FILES, torrent.id, node)
    if tree.is_dir(node):
        return attributes.directory(inode, torrent.mtime)
    return attributes.file(inode, tree.size(node), torrent.mtime)


def _entries(tree: FileTree, nodes: range, torrent: KnownTorrent, place: int) -> list[Listed]:
    """Nodes in a row as entries of their directory, the first of them at `place`, from 1 on."""
    mtime = torrent.mtime
    inode = _FILES + torrent.id * ID_STEP + nodes.start
    return [
        directory_entry(name, place + index, inode + index, mtime)
        if is_dir
        else file_entry(name, place + index, inode + index, size, mtime)
        for index, (name, size, is_dir) in enumerate(tree.described(nodes))
    ]


class _Children:
    """The children of a node; an entry's offset is its place among them."""

    def __init__(self, tree: FileTree, node: int, torrent: KnownTorrent) -> None:
        self._tree = tree
        self._children = tree.children(node)
        self._torrent = torrent
        self._held: list[Listed] = []
        self._start = 0

    async def portion(self, offset: int, caller: Caller, *, wait: bool) -> Sequence[Listed]:
        # The kernel's buffer holds fewer entries than a portion: go on in the one at hand.
        if not self._start <= offset < self._start + len(self._held):
            nodes = self._children[offset : offset + PORTION]
            self._held = _entries(self._tree, nodes, self._torrent, offset + 1)
            self._start = offset
        return self._held[offset - self._start :] if offset > self._start else self._held


class FilesNodes(Nodes):
    """Answers for `files/` and everything below it.

    Opening a file raises OSError (ENODATA), unless `contents` finds its data on this machine.
    """

    kinds: ClassVar[tuple[Kind, ...]] = (Kind.FILES,)
    kept: ClassVar[tuple[Kind, ...]] = (Kind.FILES,)

    def __init__(self, catalogue: Catalogue, contents: Contents | None = None) -> None:
        super().__init__(catalogue)
        self._contents: Final = contents

    async def _detail(self, torrent: KnownTorrent, caller: Caller) -> TorrentDetail:
        detail = await self.catalogue.groups.get(torrent.group_id, caller)
        found = detail.torrents.get(torrent.id)
        if found is None:
            raise failure(errno.ENOENT)
        return found

    async def _tree(self, torrent: KnownTorrent, caller: Caller) -> FileTree:
        found = await self._detail(torrent, caller)
        tree = await self.catalogue.trees.tree(found)
        if tree is None:
            await self.catalogue.groups.fetch(torrent.group_id, caller)
            tree = await self.catalogue.trees.tree(found)
        if tree is None:
            raise failure(errno.EIO)
        return tree

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        torrent = known_torrent(self.catalogue, address.ident)
        if address.part == 0:
            return attributes.directory(pack(Kind.FILES, torrent.id), torrent.mtime)
        tree = await self._tree(torrent, caller)
        _check(tree, address.part)
        return _stat(tree, address.part, torrent)

    def cached_directory(self, address: Address, caller: Caller) -> Directory | None:
        torrent = known_torrent(self.catalogue, address.ident)
        detail = self.catalogue.groups.known(torrent.group_id, caller)
        found = detail.torrents.get(torrent.id) if detail else None
        tree = self.catalogue.trees.at_hand(found) if found else None
        if tree is None:
            return None
        node = address.part
        _check(tree, node)
        children = tree.children(node)
        if len(children) > MOST_ENTRIES or not tree.is_dir(node):
            return None
        inode = pack(Kind.FILES, torrent.id, tree.parent(node))
        return Directory(
            _entries(tree, children, torrent, 1),
            inode if node else pack(Kind.TORRENT, torrent.id),
        )

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        torrent = known_torrent(self.catalogue, address.ident)
        tree = await self._tree(torrent, caller)
        _check(tree, address.part)
        node = tree.find(address.part, name)
        return None if node is None else _stat(tree, node, torrent)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        torrent = known_torrent(self.catalogue, address.ident)
        tree = await self._tree(torrent, caller)
        _check(tree, address.part)
        if not tree.is_dir(address.part):
            raise failure(errno.ENOTDIR)
        return _Children(tree, address.part, torrent)

    async def parent(self, address: Address) -> int:
        if address.part == 0:
            return pack(Kind.TORRENT, address.ident)
        detail = self.catalogue.groups.at_hand(
            known_torrent(self.catalogue, address.ident).group_id
        )
        found = detail.torrents.get(address.ident) if detail else None
        tree = await self.catalogue.trees.tree(found) if found else None
        if tree is None:
            raise failure(errno.ENOENT)
        _check(tree, address.part)
        return pack(Kind.FILES, address.ident, tree.parent(address.part))

    async def open(self, address: Address, caller: Caller) -> Content | Data:
        # Never zeros, never an empty success: there is nothing behind the name, and this says so.
        if self._contents is None:
            raise failure(errno.ENODATA)
        torrent = known_torrent(self.catalogue, address.ident)
        detail = await self._detail(torrent, caller)
        tree = self.catalogue.trees.at_hand(detail)
        if tree is None:
            tree = await self._tree(torrent, caller)
            detail = await self._detail(torrent, caller)
        _check(tree, address.part)
        if tree.is_dir(address.part):
            raise failure(errno.EISDIR)
        return await self._contents.open(detail, tree, address.part, caller)

    def keeps_pages(self, inode: int, content: Content | Data) -> bool:
        if self._contents is None or not isinstance(content, LocalData):
            return True
        return self._contents.keeps_pages(inode, content)


def _check(tree: FileTree, node: int) -> None:
    """A number from a torrent's earlier file list may lie outside the tree."""
    if node >= len(tree):
        raise failure(errno.ESTALE)
