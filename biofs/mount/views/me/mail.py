"""`me/inbox/` and `me/sentbox/`: conversations, which stay unread until one is read by name."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Final

from biofs.api.values import to_id, to_rows, to_text
from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import account as account_documents
from biofs.catalogue.documents.document import Document
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentRow, Entries, object_in
from biofs.mount.views.me.marking import ReadingView
from biofs.tree import names, render
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.text import escape

_README: Final = b"""\
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
            DocumentRow(3, b"README.txt", lambda *_: _README),
            DocumentRow(
                _CONVERSATION, b"READING-MARKS-AS-READ.json", self._conversation, marks=True
            ),
        )

    def _conversation(self, ident: int, _caller: Caller) -> Document:
        return account_documents.conversation(self.catalogue.freshness, ident)

    def _list(self) -> Document:
        return account_documents.messages(self.catalogue.freshness, self.line.name)

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
