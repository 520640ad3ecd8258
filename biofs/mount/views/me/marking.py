"""Documents that change something on the server by being read: marks are taken away.

No listing shows them, so nothing that walks a tree meets them; they have to be named. Looking at
one (stat) asks nothing: its size is known once it was read. Opening it asks, and waits: what is
older than its TTL is never asked for in the background, where nobody sees what was marked.
"""

from __future__ import annotations

from typing import ClassVar

from biofs.catalogue.caller import Caller
from biofs.catalogue.documents.document import Document
from biofs.mount.attributes import Stat
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentView
from biofs.tree.inodes import Address, Kind, pack, unpack


class ReadingView(DocumentView):
    """A view some of whose documents have `marks` in its table; for the owner alone."""

    private: ClassVar[bool] = True

    def volatile(self, address: Address) -> bool:
        row = self.rows.get(document_of(address))
        return row is not None and row.marks

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.VIEW_DOCUMENT and self.volatile(address):
            if not caller.may_fetch:  # whoever explains wants to know what opening it would fetch
                await self.body(address, caller)
            return self._stat(pack(*address), self.source(address, caller), caller)
        return await super().getattr(address, caller)

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        for row in self.rows.values():
            if row.marks and row.name == name and row.place is address.kind:
                ident = address.ident if address.kind is Kind.VIEW_ENTRY else 0
                inode = self.document(ident, row.number)
                return self._stat(inode, self.source(unpack(inode), caller), caller)
        return await super().lookup(address, name, caller)

    async def body(self, address: Address, caller: Caller) -> bytes:
        source = self.source(address, caller)
        if not self.volatile(address) or not isinstance(source, Document):
            return await super().body(address, caller)
        answers = self.catalogue.answers
        return await answers.get_new(source.key, source.ttl, source.fetch, caller)

    def _stat(self, inode: int, source: Document | bytes | None, caller: Caller) -> Stat:
        return self.file(inode, source, caller)._replace(keep=0.0)
