"""`me/bookmarks/`: bookmarked groups and authors, and links to them."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

from biofs.api.values import to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import account as account_documents
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, object_in
from biofs.mount.views.users import group_links
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.text import escape

_ARTISTS: Final = 2
_KINDS: Final = {1: "torrents", _ARTISTS: "artists"}
"""The numbers of entries and of the documents they come from; the server's names of both."""

_AUTHOR: Final = 3
"""The document number of a link to an author."""


class BookmarksView(DocumentView):
    """Two documents, and a directory of links for each: bookmarked groups and authors, which the
    server calls torrents and artists."""

    private: ClassVar[bool] = True

    def table(self) -> Sequence[DocumentRow]:
        return [
            DocumentRow(number, f"{kind}.json".encode(), partial(self._bookmarks, kind), Kind.VIEW)
            for number, kind in _KINDS.items()
        ]

    def _bookmarks(self, kind: str, _ident: int, _caller: Caller) -> Document:
        return account_documents.bookmarks(self.catalogue.freshness, kind)

    def fixed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is not Kind.VIEW:
            return []
        directories = [
            (kind.encode(), self.directory(unpack(self.entry(number)), caller))
            for number, kind in _KINDS.items()
        ]
        return [*self.documents(address, caller), *directories]

    async def listed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is not Kind.VIEW_ENTRY:
            return []
        body = await self.body(unpack(self.document(0, address.ident)), caller)
        if _KINDS.get(address.ident) == "torrents":
            return group_links(self, object_in(body).get("bookmarks"), "id", "name")
        return [(name, self._link(ident, name)) for ident, name in _authors(body).items()]

    def _link(self, ident: int, name: bytes) -> Stat:
        stat = attributes.link(self.document(ident, _AUTHOR), len(_target(name)), 0)
        return stat._replace(keep=1.0)  # an author can be renamed

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.VIEW_DOCUMENT and document_of(address) == _AUTHOR:
            return self._link(address.ident, await self._author(address.ident, caller))
        return await super().getattr(address, caller)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.VIEW_DOCUMENT or document_of(address) != _AUTHOR:
            raise failure(errno.EINVAL)
        return _target(await self._author(address.ident, caller))

    async def _author(self, ident: int, caller: Caller) -> bytes:
        body = await self.body(unpack(self.document(0, _ARTISTS)), caller)
        name = _authors(body).get(ident)
        if name is None:
            raise failure(errno.ENOENT)
        return name


def _authors(body: bytes) -> dict[int, bytes]:
    """The names of authors' directories in a document, by the authors' ids."""
    found: dict[int, bytes] = {}
    for row in to_rows(object_in(body).get("artists")) or ():
        ident = to_id(row.get("artistId")) if isinstance(row, Mapping) else None
        if ident is not None and isinstance(row, Mapping):
            name = names.with_id(escape(to_text(row.get("artistName"))), ident)
            found.setdefault(ident, name.encode())
    return found


def _target(name: bytes) -> bytes:
    return b"../../../authors/" + name
