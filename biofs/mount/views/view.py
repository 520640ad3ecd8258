"""What every view answers, and how its nodes are numbered."""

from __future__ import annotations

import enum
from typing import ClassVar, Final

from biofs.mount import stat
from biofs.mount.families.family import Family
from biofs.mount.stat import Stat
from biofs.tree.inodes import Address, Kind, pack

_DOCUMENT_SHIFT: Final = 8


class Number(enum.IntEnum):
    """The views' numbers, part of inode numbers: never changed or reused, at most 255."""

    GROUPS = 1
    TORRENTS = 2
    HASHES = 3
    AUTHORS = 4
    TAGS = 5
    YEARS = 6
    FORMATS = 7
    SEARCH = 8
    COLLAGES = 9
    TOP = 10
    USERS = 11
    USER_SEARCH = 12
    COMMENTS = 13
    ME = 14


class View(Family):
    """A Family for one view: for its directory under the root, the entries in it (directories),
    and the documents in those. Override what Family's methods answer; `address` is as in Family.
    """

    number: ClassVar[Number]
    name: ClassVar[str]
    """Of its directory under the root; views that stand elsewhere have ""."""

    def top(self) -> Stat:
        """The view's own directory."""
        return stat.directory(self.inode, 0)._replace(keep=1.0)

    @property
    def inode(self) -> int:
        """The inode of the view's own directory."""
        return pack(Kind.VIEW, self.number)

    def entry(self, ident: int) -> int:
        """The inode of an entry."""
        return pack(Kind.VIEW_ENTRY, ident, self.number)

    def document(self, ident: int, document: int) -> int:
        """The inode of a document (1 and up) in an entry, or of the view itself with ident 0."""
        return pack(Kind.VIEW_DOCUMENT, ident, self.number | document << _DOCUMENT_SHIFT)


def view_of(address: Address) -> int:
    """The number of the view in which a node stands."""
    if address.kind is Kind.VIEW:
        return address.ident
    return address.part & ((1 << _DOCUMENT_SHIFT) - 1)


def document_of(address: Address) -> int:
    """Which document a VIEW_DOCUMENT is."""
    return address.part >> _DOCUMENT_SHIFT
