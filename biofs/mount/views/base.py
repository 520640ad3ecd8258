"""What every view answers, and how its nodes are numbered."""

from __future__ import annotations

from typing import Final

from biofs.catalogue.catalogue import Catalogue
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import Nodes
from biofs.mount.nodes.links import LinkNodes
from biofs.tree.inodes import Address, Kind, pack
from biofs.tree.views import ViewLine

_DOCUMENT_SHIFT: Final = 8


class View(Nodes):
    """Answers for the nodes of one view: its directory, the entries in it (directories), and the
    documents in those. What its methods get and raise is as in Nodes; `address` is a VIEW, a
    VIEW_ENTRY, a VIEW_DOCUMENT or a WORD_LINK of this view.

    `links` makes the links to groups and torrents, `line` is what the list of views says of it.
    """

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue)
        self.links: Final = links
        self.line: Final = line
        self.number: Final = line.number
        self.depth: Final = line.depth
        self.inside: Final[dict[bytes, View]] = {}
        """The views that stand in this one's directory, by their names; the registry adds them."""

    def top(self) -> Stat:
        """The view's own directory."""
        return attributes.directory(self.inode, 0)._replace(keep=1.0)

    def views_inside(self) -> list[tuple[bytes, Stat]]:
        """The views that stand in this one, as entries of its directory."""
        return [(name, view.top()) for name, view in self.inside.items()]

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
