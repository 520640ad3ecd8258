"""From a path in the mount to what stands there, without asking the server for anything."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from biofs.catalogue.peeking import WouldAsk
from biofs.catalogue.wants import Want
from biofs.mount.families.family import Family, failure
from biofs.mount.stat import Stat
from biofs.tree.inodes import Address, Kind, pack, unpack

_MOST_LINKS: Final = 40  # as path_resolution(7)


class Impatient:
    """A caller of the catalogue (`catalogue.Caller`) that does not wait."""

    async def wait(self, want: Want) -> None:
        """See Caller."""
        raise WouldAsk(want.key)


IMPATIENT: Final = Impatient()


class Found(NamedTuple):
    """What a path leads to, links followed. `path` is how it got there, from the mountpoint."""

    address: Address
    path: bytes
    is_directory: bool


class Families:
    """The families of nodes, by the kinds they answer for."""

    def __init__(self, families: Mapping[Kind, Family]) -> None:
        self._families: Final = families

    def of(self, address: Address) -> Family:
        """Raises OSError (ESTALE) for a kind that nobody answers for."""
        family = self._families.get(address.kind)
        if family is None:
            raise failure(errno.ESTALE)
        return family

    async def resolve(self, parts: Sequence[bytes]) -> Found:
        """Walk down from the root by names; `..` is the directory above.

        To be called while peeking. Raises OSError with the errno that open(2) would give, ApiError,
        and WouldAsk where the catalogue does not know what comes next.
        """
        left = deque(parts)
        address, trail = Address(Kind.ROOT, 0, 0), [b""]
        is_directory, links = True, 0
        while left:
            if not is_directory:
                raise failure(errno.ENOTDIR)
            name = left.popleft()
            if name == b"..":
                address = await self._above(address)
                trail = trail[:-1] or [b""]
                continue
            if len(name) > os.pathconf("/", "PC_NAME_MAX"):
                raise failure(errno.ENAMETOOLONG)
            found = await self.of(address).lookup(address, name, IMPATIENT)
            if found is None:
                raise failure(errno.ENOENT)
            below = unpack(found.inode)
            if stat.S_ISLNK(found.mode):
                links += 1
                target = await self._target(below, links)
                left.extendleft(reversed(target))
                continue
            address, is_directory = below, _is_directory(found)
            trail.append(name)
        return Found(address, b"/".join(trail[1:]), is_directory)

    async def _above(self, address: Address) -> Address:
        if address == unpack(pack(Kind.ROOT)):
            raise failure(errno.EXDEV)  # out of the mount
        return unpack(await self.of(address).parent(address))

    async def _target(self, link: Address, links: int) -> list[bytes]:
        if links > _MOST_LINKS:
            raise failure(errno.ELOOP)
        target = await self.of(link).readlink(link, IMPATIENT)
        if target.startswith(b"/"):
            raise failure(errno.EXDEV)
        return [part for part in target.split(b"/") if part not in {b"", b"."}]


def _is_directory(found: Stat) -> bool:
    return stat.S_ISDIR(found.mode)
