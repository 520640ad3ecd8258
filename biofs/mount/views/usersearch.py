"""`users/search/`: users by name; a search is made by naming it."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Final

from biofs.api.values import to_count, to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.nodes.links import LinkNodes
from biofs.mount.views import incomplete
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, object_in
from biofs.mount.views.incomplete import Incomplete
from biofs.mount.views.probed import is_probed
from biofs.mount.views.users import user_link
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.text import escape
from biofs.tree.views import ViewLine

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
            return incomplete.body(_REASON)
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
