"""From a path in the mount to what stands there, without asking the server for anything."""

from __future__ import annotations

import errno
import stat
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import trio

from biofs.catalogue.caller import Caller, DryRun
from biofs.catalogue.fetches import Fetch
from biofs.mount.nodes.base import Nodes, failure
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.names import NAME_MAX

_MOST_LINKS: Final = 40  # path_resolution(7)
_ROOT: Final = Address(Kind.ROOT, 0, 0)


class Found(NamedTuple):
    """What a path leads to, links followed."""

    address: Address
    is_directory: bool


class Resolver:
    """Walks the tree of a mount. `nodes` has who answers for each kind of node."""

    def __init__(self, nodes: Mapping[Kind, Nodes]) -> None:
        self._nodes: Final = nodes

    def nodes_at(self, address: Address) -> Nodes:
        """Who answers for a node. Raises OSError (ESTALE) if nobody does."""
        nodes = self._nodes.get(address.kind)
        if nodes is None:
            raise failure(errno.ESTALE)
        return nodes

    async def touch(self, found: Found, caller: Caller) -> None:
        """Have a file's content, or a directory's names, fetched if they are not known."""
        nodes = self.nodes_at(found.address)
        if found.is_directory:
            await nodes.opendir(found.address, caller)
        else:
            await nodes.getattr(found.address, caller)

    async def resolve(self, parts: Sequence[bytes], caller: DryRun) -> Found:
        """Walk down from the root by names; `..` is the directory above.

        Raises OSError with the errno that open(2) would give, EXDEV where the path leads out of
        the mount, ApiError, and WouldFetch for what is not known.
        """
        left = deque(parts)
        here, links = Found(_ROOT, is_directory=True), 0
        while left:
            name = left.popleft()
            if not here.is_directory:
                raise failure(errno.ENOTDIR)
            if name == b"..":
                here = Found(await self._above(here.address), is_directory=True)
                continue
            if len(name) > NAME_MAX:
                raise failure(errno.ENAMETOOLONG)
            found = await self.nodes_at(here.address).lookup(here.address, name, caller)
            if found is None:
                raise failure(errno.ENOENT)
            if not stat.S_ISLNK(found.mode):
                here = Found(unpack(found.inode), stat.S_ISDIR(found.mode))
                continue
            links += 1
            if links > _MOST_LINKS:
                raise failure(errno.ELOOP)
            left.extendleft(reversed(await self._target(unpack(found.inode), caller)))
        return here

    async def _above(self, address: Address) -> Address:
        if address == _ROOT:
            raise failure(errno.EXDEV)
        return unpack(await self.nodes_at(address).parent(address))

    async def _target(self, link: Address, caller: DryRun) -> list[bytes]:
        target = await self.nodes_at(link).readlink(link, caller)
        if target.startswith(b"/"):
            raise failure(errno.EXDEV)
        return [part for part in target.split(b"/") if part not in {b"", b"."}]


# Waiting for a fetch for a client at the socket, which gets reports of how it goes.


REPORT_SECONDS: Final = 5.0
"""How often a client gets a report while it waits."""

_READER: Final = 0  # the id of a reader that is no process (`Fetch.join`)


async def step(fetch: Fetch, report: Callable[[], None], every: float = REPORT_SECONDS) -> None:
    """Wait for the fetch's next progress as a reader does, so that it goes first.

    `report` is called at once and then every so many seconds.
    """
    changed = fetch.changed
    fetch.join(_READER)
    try:
        while not changed.is_set():
            report()
            with trio.move_on_after(every):
                await changed.wait()
    finally:
        fetch.leave(_READER)
