"""`comments/` and `.biofs/site/`: documents and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.mount.attributes import Stat
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, id_in
from biofs.tree.inodes import Address, Kind, unpack


class CommentsView(DocumentView):
    """An entry is a group's id, with one document. Lists the groups whose comments are known; any
    id can be named.

    A group that is not there is as one without comments: the server tells no difference.
    """

    def table(self) -> Sequence[DocumentRow]:
        return (DocumentRow(1, b"comments.json", self._comments),)

    def _comments(self, group_id: int, _caller: Caller) -> Document:
        return user_documents.comments(self.catalogue.freshness, group_id)

    def fixed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is Kind.VIEW_ENTRY:
            return self.documents(address, caller)
        keys = self.catalogue.answers.keys(user_documents.COMMENTS)
        idents = sorted(int(key.removeprefix(user_documents.COMMENTS)) for key in keys)
        return [(b"%d" % ident, self.listed_entry(ident)) for ident in idents]

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if address.kind is Kind.VIEW:
            ident = id_in(name)
            return None if ident is None else self._entry(ident, caller)
        return await super().lookup(address, name, caller)

    def _entry(self, ident: int, caller: Caller) -> Stat:
        return self.directory(unpack(self.entry(ident)), caller)

    def mtime(self, address: Address, caller: Caller) -> int:
        source = self._comments(address.ident, caller)
        known = self.catalogue.answers.known(source.key, caller)
        return source.mtime(known.body) if known else 0


# `.biofs/site/`: the site as a whole. Hidden, so that who searches the catalogue does not ask.


class SiteView(DocumentView):
    """The site's numbers and its news, each a document in the view's own directory."""

    def table(self) -> Sequence[DocumentRow]:
        freshness = self.catalogue.freshness
        stats, news = user_documents.site_stats, user_documents.announcements
        return (
            DocumentRow(1, b"stats.json", lambda *_: stats(freshness), Kind.VIEW),
            DocumentRow(2, b"announcements.json", lambda *_: news(freshness), Kind.VIEW),
        )
