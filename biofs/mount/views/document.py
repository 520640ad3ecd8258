"""Views whose documents are answers: named without asking, fetched when they are read."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

import orjson

from biofs.api.errors import AccessDenied
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes, texts
from biofs.mount.attributes import Stat
from biofs.mount.entries import FixedListing, Listing
from biofs.mount.nodes.base import Bytes, Content, failure
from biofs.mount.views import base
from biofs.mount.views.base import LinkNodes, View, document_of
from biofs.tree.inodes import MAX_ID, Address, Kind, pack, unpack
from biofs.tree.views import ViewLine

Entries = list[tuple[bytes, Stat]]

_OTHERS: Final = 0o077  # permission bits of the group and of others


def id_in(name: bytes) -> int | None:
    """The id that a name is: digits without a leading zero; None for any other name."""
    if not name.isdigit() or len(name) > 10 or (name[:1] == b"0" and name != b"0"):
        return None
    number = int(name)
    return number if number <= MAX_ID else None


def object_in(body: bytes) -> Mapping[str, object]:
    """A document that was written here, read again; it was an object."""
    value = orjson.loads(body)
    return value if isinstance(value, dict) else {}


class DocumentRow(NamedTuple):
    """A document of a view.

    Attributes:
        number: Part of inode numbers: never changed, never used for another document of the view.
        name: Its name.
        content: What it holds, by the number of the entry in which it stands, 0 in the view's own
            directory: an answer, bytes, or None if something else has to be known to tell. Raises
            OSError (ENOENT) if there is none.
        place: Where it stands: in the view's own directory (VIEW) or in its entries (VIEW_ENTRY).
        marks: Whether reading it changes something on the server. No listing shows such documents.
    """

    number: int
    name: bytes
    content: Callable[[int, Caller], Document | bytes | None]
    place: Kind = Kind.VIEW_ENTRY
    marks: bool = False


class DocumentView(View):
    """A view whose directories hold documents that stand in a table (`table`), and what else it
    says: `fixed` needs no answer, `listed` waits for one. Reading a document, or asking for its
    size, waits for the answer that it is.
    """

    private: ClassVar[bool] = False
    """Whether nobody but the owner of the mount (and root) may look."""

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line)
        self.rows: Final = {row.number: row for row in self.table()}

    def table(self) -> Sequence[DocumentRow]:
        """The view's documents, in the order in which listings show them; read once."""
        return ()

    def fixed(self, address: Address, caller: Caller) -> Entries:
        """What stands in a directory in any case."""
        return self.documents(address, caller)

    async def listed(self, address: Address, caller: Caller) -> Entries:
        """What else stands in it, waited for: names that end with `]`, and `.incomplete`."""
        return []

    def source(self, address: Address, caller: Caller) -> Document | bytes | None:
        """What a document holds; None if something else has to be known to tell.

        Raises OSError (ENOENT) if there is no such document.
        """
        row = self.rows.get(document_of(address))
        if row is None:
            raise failure(errno.ENOENT)
        return row.content(address.ident, caller)

    def mtime(self, address: Address, caller: Caller) -> int:
        """When the newest of what is known in a directory was written (epoch seconds)."""
        return 0

    def top(self) -> Stat:
        return self.own(super().top())

    def own(self, stat: Stat) -> Stat:
        """The same for the owner alone, if the view is private."""
        return stat._replace(mode=stat.mode & ~_OTHERS) if self.private else stat

    def directory(self, address: Address, caller: Caller) -> Stat:
        """A directory in the view. Its time may change with an answer that it does not show."""
        return self.own(
            attributes.directory(pack(*address), self.mtime(address, caller))._replace(keep=0.0)
        )

    def listed_entry(self, ident: int) -> Stat:
        """An entry as a listing of many shows it: who wants its time asks for it."""
        return self.own(attributes.directory(self.entry(ident), 0)._replace(keep=0.0))

    def file(self, inode: int, source: Document | bytes | None, caller: Caller) -> Stat:
        """A document as far as it is known."""
        if isinstance(source, bytes):
            return self.own(attributes.file(inode, len(source), texts.WRITTEN))
        known = self.catalogue.answers.known(source.key, caller) if source is not None else None
        if source is None or known is None:
            return self.own(attributes.file(inode, None, 0))
        return self.own(attributes.file(inode, len(known.body), source.mtime(known.body)))

    def documents(self, address: Address, caller: Caller) -> Entries:
        """The documents of the table that stand in a directory."""
        if document_of(address):
            return []  # a directory in an entry
        ident = address.ident if address.kind is Kind.VIEW_ENTRY else 0
        entries = []
        for row in self.rows.values():
            if row.place is address.kind and not row.marks:
                inode = self.document(ident, row.number)
                source = self.source(unpack(inode), caller)
                entries.append((row.name, self.file(inode, source, caller)))
        return entries

    async def body(self, address: Address, caller: Caller) -> bytes:
        """A document's content, waited for."""
        source = self.source(address, caller)
        if source is None:
            raise failure(errno.ENOENT)
        if isinstance(source, bytes):
            return source
        return await self.catalogue.answers.get(source.key, source.ttl, source.fetch, caller)

    def is_out_of_reach(self, source: Document | bytes | None, caller: Caller) -> bool:
        """Whether a document is not known and cannot be asked for with what there is to log in."""
        if not isinstance(source, Document) or source.needs is None:
            return False
        if self.catalogue.answers.known(source.key, caller) is not None:
            return False
        try:
            self.catalogue.queue.check(source.needs)
        except AccessDenied:
            return True
        return False

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.VIEW_ENTRY:
            return self.directory(address, caller)
        inode, source = pack(*address), self.source(address, caller)
        if self.is_out_of_reach(source, caller):
            # `ls -l` shows it all the same; opening it says why not.
            return self.own(attributes.file(inode, 0, 0)._replace(keep=0.0))
        await self.body(address, caller)
        return self.file(inode, self.source(address, caller), caller)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        found = dict(self.fixed(address, caller)).get(name)
        if found is None and (name.endswith(b"]") or name == base.NAME):
            found = dict(await self.listed(address, caller)).get(name)
        return found

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        waited_for = await self.listed(address, caller)
        return FixedListing([*self.fixed(address, caller), *waited_for])

    async def open(self, address: Address, caller: Caller) -> Content:
        if address.kind is not Kind.VIEW_DOCUMENT:
            raise failure(errno.EISDIR)
        return Bytes(await self.body(address, caller))
