"""`me/` and `me/bookmarks/`: the account behind the token or cookie, for its owner alone."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

from biofs.api.values import to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.changes import Freshness
from biofs.catalogue.documents import users
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, object_in
from biofs.mount.views.users import group_links
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.printable import escape

README: Final = b"""\
Your account. Only you can look in here (and root), and nothing in here changes anything, but for
two kinds of files that no listing shows and no search finds. They have to be named:

  inbox/SUBJECT [id]/READING-MARKS-AS-READ.json
                        the conversation; reading it marks it read, as on the site
  notifications/READING-CLEARS-THE-MARKS.json
                        uploads that your filters caught; reading it clears their marks

  user.json             your page, without the passkey
  index.json            your traffic, and what is new; without the keys
  inbox/, sentbox/      messages.json has every conversation's subject, sender and date
  bookmarks/            torrents.json and artists.json, and links
  notifications/        site.json has what the site tells you
  posts/                posts.json has your posts in the forum; needs a cookie
"""


class _OwnView(DocumentView):
    """A view with documents about the user whose account it is."""

    private: ClassVar[bool] = True

    def about_oneself(
        self, make: Callable[[Freshness, int], Document], caller: Caller
    ) -> Document | None:
        """A document about oneself; None while one's own id is not known."""
        index = users.index(self.catalogue.freshness)
        known = self.catalogue.answers.known(index.key, caller)
        ident = to_id(object_in(known.body).get("id")) if known else None
        return None if ident is None else make(self.catalogue.freshness, ident)

    async def body(self, address: Address, caller: Caller) -> bytes:
        if self.source(address, caller) is None:
            index = users.index(self.catalogue.freshness)
            await self.catalogue.answers.get(index.key, index.ttl, index.fetch, caller)
        return await super().body(address, caller)


class PostsView(_OwnView):
    """`me/posts/`: one's own posts in the forum."""

    def table(self) -> Sequence[DocumentRow]:
        return (DocumentRow(1, b"posts.json", lambda _, caller: self._posts(caller), Kind.VIEW),)

    def _posts(self, caller: Caller) -> Document | None:
        own = self.about_oneself(user_documents.posts, caller)
        if own is None:
            # Without a cookie nobody's can be read: no need to ask who one is.
            anybody_s = user_documents.posts(self.catalogue.freshness, 0)
            return anybody_s if self.is_out_of_reach(anybody_s, caller) else None
        return own


class MeView(_OwnView):
    """`me/`: documents about the account, and the views that stand in it."""

    def table(self) -> Sequence[DocumentRow]:
        return (
            DocumentRow(1, b"README.txt", lambda *_: README, Kind.VIEW),
            DocumentRow(
                2,
                b"user.json",
                lambda _, caller: self.about_oneself(user_documents.user, caller),
                Kind.VIEW,
            ),
            DocumentRow(3, b"index.json", lambda *_: self._index(), Kind.VIEW),
        )

    def _index(self) -> Document:
        return users.index(self.catalogue.freshness)

    def fixed(self, address: Address, caller: Caller) -> Entries:
        return [*self.documents(address, caller), *self.views_inside()]


# `me/bookmarks/`: bookmarked groups and authors, and links to them.


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
        return users.bookmarks(self.catalogue.freshness, kind)

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
