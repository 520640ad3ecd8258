"""Extended attributes, for mounts with `-o xattr`. They cost no request, whatever is asked for."""

from __future__ import annotations

import errno
from typing import Final

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.traits import KnownTraits
from biofs.mount.families.family import failure
from biofs.tree.inodes import Address, Kind
from biofs.tree.xattrs import attributes

_DOCUMENTS: Final = frozenset(
    {Kind.GROUP_JSON, Kind.DESCRIPTION, Kind.TORRENT_JSON, Kind.FILELIST, Kind.MAGNET}
)
_GROUP: Final = frozenset({Kind.GROUP, Kind.GROUP_JSON, Kind.DESCRIPTION})
_TORRENT: Final = frozenset({Kind.TORRENT, Kind.FILES}) | (_DOCUMENTS - _GROUP)
_OURS: Final = b"user."


class Xattrs:
    """Names and values of a node's attributes: what is known now.

    What is in a group's or a torrent's directory has the attributes of the group or torrent; the
    documents once they are known: before it hands over an attribute of theirs, the kernel checks
    permissions and so asks for their size, which only a request would tell. `site` is the server's
    address, "" without one.
    """

    def __init__(self, catalogue: Catalogue, site: str = "") -> None:
        self._traits: Final = KnownTraits(
            catalogue.store, catalogue.documents, catalogue.index, site
        )

    def names(self, address: Address) -> list[bytes]:
        """The names of the node's attributes."""
        return list(self._of(address))

    def value(self, address: Address, name: bytes) -> bytes:
        """One of them; raises OSError with ENODATA if the node has none of this name."""
        # `ls -l` asks for two of other kinds with each file.
        found = self._of(address).get(name) if name.startswith(_OURS) else None
        if found is None:
            raise failure(errno.ENODATA)
        return found

    def _of(self, address: Address) -> dict[bytes, bytes]:
        traits = None
        if address.kind in _GROUP:
            traits = self._traits.of_group(address.ident)
        elif address.kind in _TORRENT:
            traits = self._traits.of_torrent(address.ident)
        if traits is None or (address.kind in _DOCUMENTS and not traits.complete):
            return {}
        return attributes(traits)
