"""`comments/`: what users say about a group, under the group's id."""

from __future__ import annotations

from typing import Final

from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.catalogue.listings import Caller
from biofs.mount.attributes import Stat
from biofs.mount.views.document import DocumentView, Entries, id_in
from biofs.tree.inodes import Address, Kind, unpack

_NAMES: Final = {b"comments.json": 1}


class CommentsView(DocumentView):
    """See the module. Lists the groups whose comments are known; any id can be named.

    A group that is not there is as one without comments: the server tells no difference.
    """

    def source(self, address: Address) -> Document:
        return user_documents.comments(self.catalogue.freshness, address.ident)

    def fixed(self, address: Address) -> Entries:
        if address.kind is Kind.VIEW_ENTRY:
            return self.documents(address.ident, _NAMES)
        keys = self.catalogue.answers.keys(user_documents.COMMENTS)
        idents = sorted(int(key.removeprefix(user_documents.COMMENTS)) for key in keys)
        return [(b"%d" % ident, self.listed_entry(ident)) for ident in idents]

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if address.kind is Kind.VIEW:
            ident = id_in(name)
            return None if ident is None else self._entry(ident)
        return await super().lookup(address, name, caller)

    def _entry(self, ident: int) -> Stat:
        return self.directory(unpack(self.entry(ident)))

    def mtime(self, address: Address) -> int:
        source = self.source(address)
        known = self.catalogue.answers.known(source.key)
        return source.mtime(known.body) if known else 0
