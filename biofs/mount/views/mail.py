"""`me/inbox/`, `me/sentbox/`, `me/notifications/`: what loses its marks by being read.

Documents that change something on the server by being read: marks are taken away.
No listing shows them, so nothing that walks a tree meets them; they have to be named. Looking at
one (stat) asks nothing: its size is known once it was read. Opening it asks, and waits: what is
older than its TTL is never asked for in the background, where nobody sees what was marked.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from biofs.api.values import to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import users
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentRow, DocumentView, Entries, object_in
from biofs.tree import names, render
from biofs.tree.inodes import Address, Kind, pack, unpack
from biofs.tree.printable import escape


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


# `me/inbox/` and `me/sentbox/`: conversations, which stay unread until one is read by name.


_MARKS_README: Final = b"""\
message.json has this conversation's subject, sender and date; reading it changes nothing.

The conversation itself is in READING-MARKS-AS-READ.json. No listing shows it, because reading it
marks the conversation read on the server:

  jq -r '.messages[] | .sentDate, .senderName, .bbBody' READING-MARKS-AS-READ.json
"""

_MESSAGES: Final = 1
_MESSAGE: Final = 2
_CONVERSATION: Final = 4
"""Document numbers, part of inode numbers."""


class FolderView(ReadingView):
    """The folder of the view's name (inbox, sentbox), with an entry for each conversation.

    Entering it asks for the list of its conversations, which marks none.
    """

    def table(self) -> Sequence[DocumentRow]:
        return (
            DocumentRow(_MESSAGES, b"messages.json", lambda *_: self._list(), Kind.VIEW),
            DocumentRow(_MESSAGE, b"message.json", self._message),
            DocumentRow(3, b"README.txt", lambda *_: _MARKS_README),
            DocumentRow(
                _CONVERSATION, b"READING-MARKS-AS-READ.json", self._conversation, marks=True
            ),
        )

    def _conversation(self, ident: int, _caller: Caller) -> Document:
        return users.conversation(self.catalogue.freshness, ident)

    def _list(self) -> Document:
        return users.messages(self.catalogue.freshness, self.line.name)

    def _message(self, ident: int, caller: Caller) -> bytes | None:
        """What the list says of a conversation; None while there is no list."""
        known = self.catalogue.answers.known(self._list().key, caller)
        if known is None:
            return None
        row = _rows(known.body).get(ident)
        if row is None:
            raise failure(errno.ENOENT)
        return render.document(row)

    async def body(self, address: Address, caller: Caller) -> bytes:
        if document_of(address) in {_MESSAGE, _CONVERSATION}:
            # The server crashes on a conversation that is not the user's own.
            rows = _rows(await super().body(unpack(self.document(0, _MESSAGES)), caller))
            if address.ident not in rows:
                raise failure(errno.ENOENT)
        return await super().body(address, caller)

    async def listed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is not Kind.VIEW:
            return []
        rows = _rows(await self.body(unpack(self.document(0, _MESSAGES)), caller))
        return [
            (
                names.with_id(escape(to_text(row.get("subject"))), ident, "no subject").encode(),
                self._entry(ident, row),
            )
            for ident, row in rows.items()
        ]

    def _entry(self, ident: int, row: Mapping[str, object]) -> Stat:
        mtime = render.api_time(to_text(row.get("date"))) or 0
        return self.own(attributes.directory(self.entry(ident), mtime)._replace(keep=0.0))

    def mtime(self, address: Address, caller: Caller) -> int:
        known = self.catalogue.answers.known(self._list().key, caller)
        row = _rows(known.body).get(address.ident, {}) if known else {}
        return render.api_time(to_text(row.get("date"))) or 0


def _rows(body: bytes) -> Mapping[int, Mapping[str, object]]:
    """The conversations in a list, by their ids, in its order."""
    rows: dict[int, Mapping[str, object]] = {}
    for row in to_rows(object_in(body).get("messages")) or ():
        ident = to_id(row.get("convId")) if isinstance(row, Mapping) else None
        if ident and isinstance(row, Mapping):
            rows.setdefault(ident, row)
    return rows


# `me/notifications/`: what the site tells the user, and which uploads the filters caught.


_NOTIFICATIONS_README: Final = b"""\
site.json has what the site tells you; reading it changes nothing.

The uploads that your filters caught are in READING-CLEARS-THE-MARKS.json. No listing shows it,
because reading it clears their "new" marks on the server. It needs a cookie:

  jq . READING-CLEARS-THE-MARKS.json

To clear what site.json tells: biofs notifications clear TYPE
"""


class NotificationsView(ReadingView):
    """Three documents in the view's own directory, one of which marks what it shows."""

    def table(self) -> Sequence[DocumentRow]:
        freshness = self.catalogue.freshness
        site, caught = users.site_notifications, users.notifications
        return (
            DocumentRow(1, b"README.txt", lambda *_: _NOTIFICATIONS_README, Kind.VIEW),
            DocumentRow(2, b"site.json", lambda *_: site(freshness), Kind.VIEW),
            DocumentRow(
                3,
                b"READING-CLEARS-THE-MARKS.json",
                lambda *_: caught(freshness),
                Kind.VIEW,
                marks=True,
            ),
        )
