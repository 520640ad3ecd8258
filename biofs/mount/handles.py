"""What is open: directories in the middle of their listing, and files that were not read yet."""

from __future__ import annotations

import errno
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, NamedTuple

import pyfuse3

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.mount.attributes import DIRECTORY, KEEP, Attributes
from biofs.mount.contents import Data
from biofs.mount.entries import Listed, Listing
from biofs.mount.kernel import names_only
from biofs.mount.kernel.names_only import LongListing, LongListings
from biofs.mount.kernel.waiting import Patience, Waiter
from biofs.mount.nodes.base import Bytes, Content, Nodes, failure
from biofs.store.database.files import StoreError
from biofs.store.database.store import Store, Version
from biofs.tree.inodes import Address, unpack

log = logging.getLogger(__name__)


class OpenDirectory:
    """A directory handle: `.` and `..` first, then the listing, whose offsets are shifted by 2."""

    DOTS: Final = 2

    def __init__(
        self,
        inode: int,
        parent: int,
        listing: Listing,
        caller: Waiter,
        long_listings: LongListings,
        version: Version | None = None,
    ) -> None:
        self.inode: Final = inode
        self.parent: Final = parent
        self.listing: Final = listing
        self.caller: Final = caller
        self._version: Final = version
        self._long_listings: Final = long_listings
        self._long: LongListing | None = None
        self._sent = 0

    async def reply(self, start: int, token: pyfuse3.ReaddirToken, attributes: Attributes) -> None:
        """Answer a readdir with the entries behind an offset, as many as the kernel takes.

        Raises what `Listing.portion` does.
        """
        reply, offset, shift, fitted = pyfuse3.readdir_reply, start, 0, 0
        fill: names_only.Way[pyfuse3.EntryAttributes] = attributes.fill
        fill_others = fill
        if self._sent >= names_only.FIRST:
            self._long = self._long or LongListing(self.inode, self._long_listings)
            fill, fill_others = self._long.ways(self._sent, fill, attributes.fill_name)
        portion: Sequence[Listed] = self.dots()[offset:] if offset < self.DOTS else ()
        try:
            while True:
                for entry in portion:
                    following = entry[1] + shift
                    if not reply(token, entry[0], fill(entry[2:]), following):
                        return
                    offset, fill = following, fill_others
                    fitted += 1
                shift = self.DOTS
                # What is there already is sent at once, without waiting for the rest.
                with self._reading():
                    portion = await self.listing.portion(
                        offset - shift, self.caller, wait=not fitted
                    )
                if not portion:
                    return
        finally:
            self._sent += fitted

    def _reading(self) -> AbstractContextManager[None]:
        """What is read while the context is open is as it was when the directory was opened."""
        return nullcontext() if self._version is None else self._version.reading()

    def close(self) -> None:
        """Nobody reads it any more."""
        if self._long is not None:
            self._long.close()
        if self._version is not None:
            self._version.let_go()

    def dots(self) -> Sequence[Listed]:
        """The first two entries. Of their attributes the kernel takes the inode alone."""
        return (
            Listed(b".", 1, self.inode, DIRECTORY, 0, 0, KEEP),
            Listed(b"..", 2, self.parent, DIRECTORY, 0, 0, KEEP),
        )


class Later(NamedTuple):
    """What an open document holds before it is read: the kernel may have all of it already.

    `pid` and `uid` are those of who opened it.
    """

    nodes: Nodes
    inode: int
    group: int
    """The group to which the document belongs."""
    pid: int
    uid: int

    def close(self) -> None:
        """Nothing was made."""


class Outdated:
    """Files that were open when what is known was replaced as a whole.

    Their readers go on with what they opened, and so put it into the kernel's pages of the inode,
    which all its readers share. So until the last of them is closed, others read past the pages,
    and then `forget` has the kernel drop them.
    """

    def __init__(self, forget: Callable[[int], None]) -> None:
        self._forget: Final = forget
        self._inodes: Final[dict[int, int]] = {}
        self._counts: Final[Counter[int]] = Counter()

    def add(self, fh: int, inode: int) -> None:
        """This one is open."""
        if fh not in self._inodes:
            self._inodes[fh] = inode
            self._counts[inode] += 1

    def closed(self, fh: int) -> None:
        """This one is closed, whether it was added or not."""
        inode = self._inodes.pop(fh, None)
        if inode is None:
            return
        self._counts[inode] -= 1
        if not self._counts[inode]:
            del self._counts[inode]
            self._forget(inode)

    def has(self, inode: int) -> bool:
        """Whether one of the inode is still open."""
        return inode in self._counts


class Gone(NamedTuple):
    """The content of an open file that could not be made when it was needed."""

    why: str

    def size(self) -> int:
        """Nothing is known."""
        return 0

    def read(self, offset: int, size: int) -> bytes:
        """Raises OSError."""
        raise failure(errno.EIO)

    def close(self) -> None:
        """Nothing was made."""


class OpenFiles:
    """Files by their handles. `forget_pages` has the kernel drop what it has of an inode."""

    def __init__(
        self, store: Store, patience: Patience, forget_pages: Callable[[int], None]
    ) -> None:
        self._store: Final = store
        self._patience: Final = patience
        self._outdated: Final = Outdated(forget_pages)
        self._held: Final[dict[int, Content | Data | Later]] = {}
        self._inodes: Final[dict[int, int]] = {}
        self.opened = 0
        """How many were opened so far."""

    def __len__(self) -> int:
        return len(self._held)

    def add(self, inode: int, content: Content | Data | Later) -> int:
        """A file is open; its handle."""
        self.opened = number = self.opened + 1
        self._held[number], self._inodes[number] = content, inode
        return number

    def is_outdated(self, inode: int) -> bool:
        """Whether another reader may put older pages of it into the kernel's memory."""
        return self._outdated.has(inode)

    async def made(self, nodes: Nodes, address: Address, caller: Caller) -> Content | Data:
        """A file's content, all of it as of one moment."""
        version = self._store.hold()
        if version is None:
            return await nodes.open(address, caller)
        try:
            with version.reading():
                return await nodes.open(address, caller)
        finally:
            version.let_go()

    async def read(self, fh: int, offset: int, size: int) -> bytes:
        """At most `size` bytes of an open file. Raises what the nodes do."""
        content = self._held[fh]
        if isinstance(content, Later):
            known = content.nodes.at_hand(content.inode, content.group)
            if known is None:
                content = await self._content_now(fh, content)
            else:
                content = self._held[fh] = Bytes(known)
        if isinstance(content, Bytes):  # whether it is Data takes as long to ask as all the rest
            return content.read(offset, size)
        if isinstance(content, Data):
            data: Any = content.read(offset, size)  # pyfuse3 takes any buffer
            return await content.read_from_disk(offset, size) if data is None else data
        return content.read(offset, size)

    async def settle(self) -> None:
        """Have every open file hold its content, before what is known is replaced as a whole."""
        while True:
            later = [(fh, held) for fh, held in self._held.items() if isinstance(held, Later)]
            if not later:
                break
            for fh, held in later:
                try:
                    if self._held.get(fh) is held:
                        await self._content_now(fh, held)
                except (OSError, ApiError, StoreError) as error:
                    # Its reader gets an error, now or later: at least it gets nothing mixed.
                    log.debug("an open file is not read before the exchange: %s", error)
                    self._held[fh] = Gone(str(error))
        for fh, content in self._held.items():
            if not isinstance(content, Data):
                self._outdated.add(fh, self._inodes[fh])

    async def _content_now(self, fh: int, later: Later) -> Content | Data:
        """The content of a file that is read for the first time, the same for all its readers."""
        caller = self._patience.of(later.pid, later.uid)
        made = await self.made(later.nodes, unpack(later.inode), caller)
        held = self._held.get(fh)
        if held is later:
            self._held[fh] = made
            return made
        made.close()  # another reader was first
        if held is None or isinstance(held, Later):
            raise failure(errno.EBADF)
        return held

    def close(self, fh: int) -> None:
        """Nobody reads it any more."""
        content = self._held.pop(fh, None)
        self._inodes.pop(fh, None)
        self._outdated.closed(fh)
        if content is not None:
            content.close()
