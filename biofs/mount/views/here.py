"""`here/`: links to the torrents of which something lies in the data directories."""

from __future__ import annotations

import errno
import logging
import sqlite3
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

import trio

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.contents.matching import Listed
from biofs.contents.present import Present, confirm_all
from biofs.mount.attributes import Stat
from biofs.mount.contents import Contents
from biofs.mount.entries import ById, Listing, Numbered
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import LinkNodes, View
from biofs.mount.views.by_id import newest_top
from biofs.store import file_lists, tops
from biofs.store.database.files import StoreError
from biofs.tree import names
from biofs.tree.inodes import Address
from biofs.tree.views import ViewLine

log = logging.getLogger(__name__)

_PORTION: Final = 128
_SOON: Final = 1.0
"""Seconds that whoever lists it waits for a look to end; then the result of the last one serves."""

_AT_ONCE: Final = 64
_MOST_NODES: Final = 100_000
"""Torrents of which the trees are in memory together, and their nodes if there are several."""


class Here:
    """Knows which torrents have something here, and looks again when somebody asks.

    A look runs in the background, one at a time: it may wait for disks.
    """

    def __init__(self, catalogue: Catalogue, contents: Contents) -> None:
        self._catalogue: Final = catalogue
        self._contents: Final = contents
        self._present: Final = Present(contents.library)
        self._tops: Sequence[tops.Top] = ()
        self._changes = -1
        self._looking: trio.Event | None = None
        self._ids: Sequence[int] | None = None
        self._set: frozenset[int] = frozenset()

    async def ids(self, caller: Caller) -> Sequence[int]:
        """The ids of the torrents, in their order.

        Waits for the first look, and after that no longer than _SOON. Raises OSError: what ends the
        caller's wait, and EIO if the store cannot be read.
        """
        looking = self._look_again()
        if self._ids is None:
            await caller.within(looking.wait)
        else:
            with trio.move_on_after(_SOON):
                await looking.wait()
        if self._ids is None:
            raise failure(errno.EIO)
        return self._ids

    def may_have(self, torrent_id: int) -> bool:
        """Whether something of a torrent is here, as far as that is known. Never waits."""
        self._look_again()
        return self._ids is None or torrent_id in self._set

    def _look_again(self) -> trio.Event:
        if self._looking is None:
            self._looking = trio.Event()
            self._contents.start(partial(self._run, self._looking))
        return self._looking

    async def _run(self, done: trio.Event) -> None:
        try:
            await self._look()
        except (sqlite3.DatabaseError, StoreError, OSError) as error:
            log.warning("here/ is as it was before: %s", error)
        except Exception:  # it would end the mount
            log.exception("here/ is as it was before: unexpected error")
        finally:
            self._looking = None
            done.set()

    async def _look(self) -> None:
        store, present = self._catalogue.store, self._present
        changes = store.changes
        if changes != self._changes:
            self._tops = await store.scan(tops.read)
            self._changes = changes
        try:
            outdated = deque(await self._contents.library.in_thread(present.outdated, self._tops))
            while outdated:
                listed = await store.scan(lambda connection: _listed(connection, outdated))
                await self._contents.library.in_thread(confirm_all, present, listed)
        except BaseException:
            present.forget_look()
            raise
        self._ids = await self._contents.library.in_thread(present.ids)
        self._set = frozenset(self._ids)


def _listed(connection: sqlite3.Connection, wanted: deque[str]) -> list[tuple[str, Listed | None]]:
    """Take some info hashes off `wanted` and read their trees; None for what is not there."""
    found: list[tuple[str, Listed | None]] = []
    nodes = 0
    while wanted and nodes < _MOST_NODES and len(found) < _AT_ONCE:
        info_hash = wanted.popleft()
        try:
            tree = file_lists.tree_of(connection, info_hash)
        except StoreError:
            tree = None
        found.append((info_hash, None if tree is None else Listed(info_hash, tree)))
        nodes += 0 if tree is None else len(tree)
    return found


class HereView(View):
    """An entry is a link to a torrent, named after it and its group."""

    def __init__(
        self, catalogue: Catalogue, links: LinkNodes, line: ViewLine, contents: Contents
    ) -> None:
        super().__init__(catalogue, links, line)
        self._here: Final = Here(catalogue, contents)

    def top(self) -> Stat:
        return newest_top(self)

    def _entry(self, torrent_id: int) -> Numbered | None:
        """A torrent's link; None if it is not known, or has no place in the tree."""
        index = self.catalogue.index
        torrent = index.torrent(torrent_id)
        group = index.group(torrent.group_id) if torrent else None
        if torrent is None or group is None or not names.has_place(group.category):
            return None
        name = names.torrent_of_group(group.name, torrent.name).encode()
        stat = self.links.to_known_torrent(torrent, group, self.depth)
        return Numbered(torrent_id, name, stat)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        torrent_id = names.id_of(name.decode(errors="replace"))
        if torrent_id is None or not self._here.may_have(torrent_id):
            return None
        entry = self._entry(torrent_id)
        return entry.stat if entry is not None and entry.name == name else None

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        ids = await self._here.ids(caller)

        def after(torrent_id: int) -> Iterator[Numbered]:
            known = map(self._entry, islice(ids, bisect_right(ids, torrent_id), None))
            return islice((entry for entry in known if entry is not None), _PORTION)

        return ById((), after)
