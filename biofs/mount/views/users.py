"""`users/`, `users/search/` and `comments/`; and `.biofs/site/`.

Users are found by id and by name. The last two are documents and nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from biofs.api.values import to_count, to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import Freshness
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.entries import Listing
from biofs.mount.nodes.base import failure
from biofs.mount.views import base
from biofs.mount.views.base import Incomplete, LinkNodes, View, document_in, document_of, is_probed
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, id_in, object_in
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.printable import escape
from biofs.tree.views import BY_PATH, ViewLine

WORDS: Final = "user search"
"""The kind of `TextIds` that searches are."""

MOST_SEARCHES: Final = 10_000
"""Searches that are remembered; the oldest give way."""

_RESULTS: Final = 1
_INCOMPLETE: Final = 2
"""Document numbers, part of inode numbers."""

_REASON: Final = (
    f"These are the first {user_documents.MOST_SEARCH_PAGES} pages of what the server found, and "
    f"`pages` in\nresults.json says how many there are. More of the name finds fewer.\n"
)


def words_in(name: bytes) -> str | None:
    """The words that a name stands for; None if nobody is called so."""
    try:
        text = name.decode().strip()
    except UnicodeDecodeError:
        return None
    return text if text and text.isprintable() and not is_probed(text) else None


class UserSearchView(DocumentView):
    """`users/search/`: a directory for each search, with results.json and a link to each user that
    was found. Any printable text is a search; those that were made are listed.
    """

    def __init__(self, catalogue: Catalogue, links: LinkNodes, line: ViewLine) -> None:
        super().__init__(catalogue, links, line)
        self._incomplete: Final = Incomplete(line.number, _INCOMPLETE)

    def table(self) -> Sequence[DocumentRow]:
        return (DocumentRow(_RESULTS, b"results.json", self._search),)

    def _search(self, ident: int, _caller: Caller) -> Document:
        words = self.catalogue.text_ids.text(WORDS, ident)
        if words is None:
            raise failure(errno.ENOENT)
        return user_documents.search(self.catalogue.freshness, words)

    def source(self, address: Address, caller: Caller) -> Document | bytes | None:
        if self._incomplete.is_at(address):
            return base.body(_REASON)
        return super().source(address, caller)

    def fixed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is Kind.VIEW_ENTRY:
            return self.documents(address, caller)
        entries = []
        for key in self.catalogue.answers.keys(user_documents.SEARCHES):
            words = key.removeprefix(user_documents.SEARCHES)
            ident = self.catalogue.text_ids.number(WORDS, words)
            if ident is not None:
                entries.append((words.encode(), self.listed_entry(ident)))
        return entries

    async def listed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is Kind.VIEW:
            return []
        body = await self.body(unpack(self.document(address.ident, _RESULTS)), caller)
        answer = object_in(body)
        entries: dict[bytes, Stat] = {}
        if to_count(answer.get("pages")) > user_documents.MOST_SEARCH_PAGES:
            entries |= self._incomplete.entries(address.ident, _REASON)
        for row in to_rows(answer.get("results")) or ():
            ident = to_id(row.get("userId")) if isinstance(row, Mapping) else None
            if ident is not None and isinstance(row, Mapping):
                name = names.with_id(escape(to_text(row.get("username"))), ident)
                entries[name.encode()] = user_link(ident)
        return list(entries.items())

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if address.kind is Kind.VIEW_ENTRY:
            return await super().lookup(address, name, caller)
        words = words_in(name)
        if words is None:
            return None
        ident = self.catalogue.text_ids.add_recent(WORDS, words, MOST_SEARCHES)
        return self.directory(unpack(self.entry(ident)), caller)


# `users/`: a user's page, numbers, posts, and links to what he or she snatched and uploaded.


_RECENTS: Final = 3
_FOUND: Final = 5
"""Document numbers: of recents.json, and of a link to the user, from a search."""

_DIRECTORIES: Final = {1: "snatches", 2: "uploads"}
"""Directories in an entry by their parts; their groups are in a field of the recents of this
name."""


def group_links(view: View, rows: object, ident_field: str, name_field: str) -> Entries:
    """Links to the groups that the rows of a document name, each once, in the rows' order."""
    found: dict[int, bytes] = {}
    for row in to_rows(rows) or ():
        ident = to_id(row.get(ident_field)) if isinstance(row, Mapping) else None
        if ident is not None and isinstance(row, Mapping):
            # A document's texts are decoded, and names are made of escaped ones.
            name = names.group_dirname(escape(to_text(row.get(name_field))), ident)
            found.setdefault(ident, name.encode())
    return [(name, view.links.to_group(ident, view.depth)) for ident, name in found.items()]


class UsersView(DocumentView):
    """An entry is a user's id. Lists the users that are known; any id can be named.

    Entering one, or reading something of one, asks whether there is such a user: of nobody the
    server tells the same as of a user who did nothing.
    """

    def table(self) -> Sequence[DocumentRow]:
        def about(
            make: Callable[[Freshness, int], Document],
        ) -> Callable[[int, Caller], Document]:
            return lambda ident, _caller: make(self.catalogue.freshness, ident)

        return (
            DocumentRow(1, b"user.json", about(user_documents.user)),
            DocumentRow(2, b"stats.json", about(user_documents.stats)),
            DocumentRow(_RECENTS, b"recents.json", about(user_documents.recents)),
            DocumentRow(4, b"posts.json", about(user_documents.posts)),
        )

    def fixed(self, address: Address, caller: Caller) -> Entries:
        ident = address.ident
        if address.kind is Kind.VIEW:
            keys = self.catalogue.answers.keys(user_documents.USERS)
            known = sorted(int(key.removeprefix(user_documents.USERS)) for key in keys)
            users = [(b"%d" % user, self.listed_entry(user)) for user in known]
            return [*self.views_inside(), *users]
        if document_of(address):
            return []
        return [
            *self.documents(address, caller),
            *(
                (name.encode(), self._directory(ident, caller, part))
                for part, name in _DIRECTORIES.items()
            ),
        ]

    async def listed(self, address: Address, caller: Caller) -> Entries:
        field = _DIRECTORIES.get(document_of(address)) if address.kind is Kind.VIEW_ENTRY else None
        if field is None:
            return []
        body = await self.body(unpack(self.document(address.ident, _RECENTS)), caller)
        return group_links(self, object_in(body).get(field), "ID", "Name")

    async def lookup(self, address: Address, name: bytes, caller: Caller) -> Stat | None:
        if address.kind is Kind.VIEW:
            ident = id_in(name)
            return (
                dict(self.views_inside()).get(name)
                if ident is None
                else self._directory(ident, caller)
            )
        return await super().lookup(address, name, caller)

    async def opendir(self, address: Address, caller: Caller) -> Listing:
        if address.kind is Kind.VIEW_ENTRY:
            await self._exists(address.ident, caller)
        return await super().opendir(address, caller)

    async def body(self, address: Address, caller: Caller) -> bytes:
        if not self.is_out_of_reach(self.source(address, caller), caller):
            await self._exists(address.ident, caller)
        return await super().body(address, caller)

    async def _exists(self, ident: int, caller: Caller) -> None:
        source = user_documents.user(self.catalogue.freshness, ident)
        await self.catalogue.answers.get(source.key, source.ttl, source.fetch, caller)

    async def getattr(self, address: Address, caller: Caller) -> Stat:
        if address.kind is Kind.VIEW_DOCUMENT and document_of(address) == _FOUND:
            return user_link(address.ident)
        return await super().getattr(address, caller)

    async def readlink(self, address: Address, caller: Caller) -> bytes:
        if address.kind is not Kind.VIEW_DOCUMENT or document_of(address) != _FOUND:
            raise failure(errno.EINVAL)
        return _target(address.ident)

    def _directory(self, ident: int, caller: Caller, part: int = 0) -> Stat:
        return self.directory(unpack(self.entry(ident, part)), caller)

    def mtime(self, address: Address, caller: Caller) -> int:
        source = user_documents.user(self.catalogue.freshness, address.ident)
        known = self.catalogue.answers.known(source.key, caller)
        return source.mtime(known.body) if known else 0


def user_link(ident: int) -> Stat:
    """A link to a user from a directory in `users/search/`."""
    inode = document_in(BY_PATH["users"].number, ident, _FOUND)
    return attributes.link(inode, len(_target(ident)), 0)


def _target(ident: int) -> bytes:
    return b"../../%d" % ident


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
