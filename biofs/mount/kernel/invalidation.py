"""What the kernel has cached is invalidated when it is no longer right, and only then.

Notices go out from a thread: the kernel answers one only when the requests of the same directory
that are under way have ended, and those may be waiting for us (libfuse, fuse_lowlevel.h).
"""

from __future__ import annotations

import errno
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

import pyfuse3
import trio
from pyfuse3 import FileNameT, InodeT

from biofs.mount.views.base import document_in, view_of
from biofs.store.groups import Before, Index
from biofs.tree.inodes import Kind, category_inode, pack, unpack
from biofs.tree.views import LINK_DEPTHS

log = logging.getLogger(__name__)

_GROUP_KINDS: Final = (Kind.GROUP, Kind.GROUP_JSON, Kind.DESCRIPTION)
FLUSH_SECONDS: Final = 2.0

_TORRENT_KINDS: Final = (Kind.TORRENT, Kind.TORRENT_JSON, Kind.FILELIST, Kind.MAGNET)


class _Notice(NamedTuple):
    """An inode whose attributes and pages to forget, or with `name` an entry in it."""

    inode: int
    name: bytes | None = None


class KernelCache:
    """Has the kernel drop what changed: an observer of the catalogue's changes."""

    def __init__(
        self,
        index: Index,
        notify: Callable[[int, bytes | None], None] | None = None,
        answer_inodes: AnswerInodes | None = None,
    ) -> None:
        self._index: Final = index
        self._answer_inodes: Final = answer_inodes if answer_inodes is not None else AnswerInodes()
        self._notify: Final = notify or _notify
        # An event between the notices is set when those before it have gone out.
        self._send, self._receive = trio.open_memory_channel[_Notice | trio.Event](math.inf)
        self.sent = 0

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """See Observer. Whole inodes: with the same size and mtime old pages would stay."""
        group = before.group
        for kind in _GROUP_KINDS:
            self._put(pack(kind, group.id))
        now = self._index.group(group.id)
        if gone or now is None or (now.name, now.category) != (group.name, group.category):
            self._put(category_inode(group.category), group.name.encode())
            self._links_changed(before)
        names = {torrent.name for torrent in self._index.torrents_of(group.id)}
        for torrent in before.torrents:
            for kind in _TORRENT_KINDS:
                self._put(pack(kind, torrent.id))
            if gone or torrent.name not in names:
                self._put(pack(Kind.GROUP, group.id), torrent.name.encode())
                for depth in LINK_DEPTHS:
                    self._put(pack(Kind.TORRENT_LINK, torrent.id, depth))

    def _links_changed(self, before: Before) -> None:
        """Links to a group and its torrents lead elsewhere now, and are longer or shorter."""
        for depth in LINK_DEPTHS:
            self._put(pack(Kind.GROUP_LINK, before.group.id, depth))
            for torrent in before.torrents:
                self._put(pack(Kind.TORRENT_LINK, torrent.id, depth))

    def listing_changed(self, category: int) -> None:
        self._put(pack(Kind.CATEGORY, category))
        self._put(pack(Kind.INDEX, category))

    def answer_changed(self, key: str) -> None:
        for inode in self._answer_inodes.take(key):
            self._put(inode)

    def forget(self, inode: int) -> None:
        """Have the kernel drop attributes and pages of an inode."""
        self._put(inode)

    def _put(self, inode: int, name: bytes | None = None) -> None:
        self._send.send_nowait(_Notice(inode, name))

    async def flush(self) -> None:
        """Return when all notices so far have gone out, or FLUSH_SECONDS later: the kernel takes
        none while requests wait in the same directory."""
        gone_out = trio.Event()
        self._send.send_nowait(gone_out)
        with trio.move_on_after(FLUSH_SECONDS):
            await gone_out.wait()

    async def run(self) -> None:
        """Send the notices in their order, until cancelled."""
        async for notice in self._receive:
            if isinstance(notice, trio.Event):
                notice.set()
                continue
            self.sent += 1
            await trio.to_thread.run_sync(self._notify, *notice, abandon_on_cancel=True)


def _notify(inode: int, name: bytes | None) -> None:
    try:
        if name is None:
            pyfuse3.invalidate_inode(InodeT(inode))
        else:
            pyfuse3.invalidate_entry(InodeT(inode), FileNameT(name))
    except OSError as error:
        # ENOENT: the kernel did not keep it. EBADF, ENOTCONN: the mount is just ending.
        if error.errno not in {errno.ENOENT, errno.EBADF, errno.ENOTCONN, errno.ENODEV}:
            log.warning("cannot invalidate the kernel's cache: %s", error)


# Which inodes show which answers: a change of an answer is a change of what shows it.


MOST_KEYS: Final = 65_536
_KINDS: Final = {Kind.VIEW_ENTRY, Kind.VIEW_DOCUMENT}
_DOCUMENTS: Final = range(1, 16)


class AnswerInodes:
    """A table from the keys of answers to inodes. It is bounded: what no longer fits is taken out
    as if it had changed, which is never wrong.
    """

    def __init__(self, most: int = MOST_KEYS) -> None:
        self._most: Final = most
        self._inodes: Final[OrderedDict[str, set[int]]] = OrderedDict()
        self._dropped: set[int] = set()

    def __len__(self) -> int:
        return len(self._inodes)

    def add(self, keys: Collection[str], inode: int) -> None:
        """What the kernel knows of `inode` comes from the answers under `keys`.

        Links are left out: where they lead does not depend on the answer that lists them.
        """
        if keys and unpack(inode).kind not in _KINDS:
            return
        for key in keys:
            self._inodes.setdefault(key, set()).add(inode)
            self._inodes.move_to_end(key)
        while len(self._inodes) > self._most:
            self._dropped |= self._inodes.popitem(last=False)[1]

    def take(self, key: str) -> Iterator[int]:
        """Every inode whose attributes or pages the kernel may not keep, now that the answer under
        `key` has changed; those are forgotten here, too.
        """
        inodes, self._dropped = self._dropped | self._inodes.pop(key, set()), set()
        for inode in sorted(inodes):
            yield inode
            address = unpack(inode)
            if address.kind in {Kind.VIEW, Kind.VIEW_ENTRY}:
                # The kernel has its documents from a listing of it.
                ident = address.ident if address.kind is Kind.VIEW_ENTRY else 0
                for number in _DOCUMENTS:
                    yield document_in(view_of(address), ident, number)
