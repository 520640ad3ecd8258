"""What every view answers, and how its nodes are numbered."""

from __future__ import annotations

import enum
from typing import ClassVar, Final

from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Nodes
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
    SITE = 15
    INBOX = 16
    SENTBOX = 17
    BOOKMARKS = 18
    NOTIFICATIONS = 19
    POSTS = 20


class View(Nodes):
    """The nodes of one view: its directory under the root, the entries in it (directories), and
    the documents in those. Override the methods of Nodes; `address` is as there.
    """

    number: ClassVar[Number]
    name: ClassVar[str]
    """Of its directory; "" for views that stand in another view, which see to that themselves."""
    place: ClassVar[Kind] = Kind.ROOT
    """Where a view with a name stands: in the root, or in `.biofs`."""

    def top(self) -> Stat:
        """The view's own directory."""
        return attributes.directory(self.inode, 0)._replace(keep=1.0)

    @property
    def inode(self) -> int:
        """The inode of the view's own directory."""
        return pack(Kind.VIEW, self.number)

    def entry(self, ident: int, part: int = 0) -> int:
        """The inode of an entry, or of a directory in it (`part` 1 and up)."""
        return pack(Kind.VIEW_ENTRY, ident, self.number | part << _DOCUMENT_SHIFT)

    def document(self, ident: int, document: int) -> int:
        """The inode of a document (1 and up) in an entry, or of the view itself with ident 0."""
        return document_in(self.number, ident, document)

    def above(self, address: Address) -> int:
        """The inode of the directory in which an entry, a directory in it or a document stands."""
        in_top = address.kind is Kind.VIEW_ENTRY and not document_of(address)
        return self.inode if in_top or address.ident == 0 else self.entry(address.ident)


def document_in(view: int, ident: int, document: int) -> int:
    """The inode of a document in an entry of the view with this number."""
    return pack(Kind.VIEW_DOCUMENT, ident, view | document << _DOCUMENT_SHIFT)


def view_of(address: Address) -> int:
    """The number of the view in which a node stands."""
    if address.kind is Kind.VIEW:
        return address.ident
    return address.part & ((1 << _DOCUMENT_SHIFT) - 1)


def document_of(address: Address) -> int:
    """Which document a VIEW_DOCUMENT is, or which part a VIEW_ENTRY is of its entry."""
    return address.part >> _DOCUMENT_SHIFT
