"""`me/`: the account behind the token or cookie, for the owner of the mount alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from biofs.api.values import to_id
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import account as account_documents
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.catalogue.freshness import Freshness
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, object_in
from biofs.tree.inodes import Address, Kind

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
        index = account_documents.index(self.catalogue.freshness)
        known = self.catalogue.answers.known(index.key, caller)
        ident = to_id(object_in(known.body).get("id")) if known else None
        return None if ident is None else make(self.catalogue.freshness, ident)

    async def body(self, address: Address, caller: Caller) -> bytes:
        if self.source(address, caller) is None:
            index = account_documents.index(self.catalogue.freshness)
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
        return account_documents.index(self.catalogue.freshness)

    def fixed(self, address: Address, caller: Caller) -> Entries:
        return [*self.documents(address, caller), *self.views_inside()]
