"""`me/inbox/` and `me/sentbox/`: conversations, which stay unread until one is read by name."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import ClassVar, Final

from biofs.api.values import to_id, to_rows, to_text
from biofs.catalogue.documents import account as account_documents
from biofs.catalogue.documents.document import Document
from biofs.catalogue.listings import Caller
from biofs.mount import attributes
from biofs.mount.attributes import Stat
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import Entries, object_in
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
_README_NUMBER: Final = 3
_CONVERSATION: Final = 4
_IN_FOLDER: Final = {b"messages.json": _MESSAGES}
_IN_CONVERSATION: Final = {b"message.json": _MESSAGE, b"README.txt": _README_NUMBER}


class _Folder(ReadingView):
    """A folder. Entering it asks for the list of its conversations, which marks none."""

    folder: ClassVar[str]
    reading: ClassVar[Mapping[bytes, int]] = {b"READING-MARKS-AS-READ.json": _CONVERSATION}

    def holds_reading(self, address: Address) -> bool:
        return address.kind is Kind.VIEW_ENTRY

    def source(self, address: Address) -> Document | bytes | None:
        match document_of(address):
            case 1:
                return self._list()
            case 2:
                return self._message(address.ident)
            case 3:
                return _README
            case 4:
                return account_documents.conversation(self.catalogue.freshness, address.ident)
        raise failure(errno.ENOENT)

    def _list(self) -> Document:
        return account_documents.messages(self.catalogue.freshness, self.folder)

    def _message(self, ident: int) -> bytes | None:
        """What the list says of a conversation; None while there is no list."""
        known = self.catalogue.answers.known(self._list().key)
        if known is None:
            return None
        row = _rows(known.body).get(ident)
        if row is None:
            raise failure(errno.ENOENT)
        return render.document(row)

    async def body(self, address: Address, caller: Caller) -> bytes:
        if document_of(address) in {_MESSAGE, _CONVERSATION}:
            # The server crashes on a conversation that is not the user's own.
            listed = _rows(await super().body(unpack(self.document(0, _MESSAGES)), caller))
            if address.ident not in listed:
                raise failure(errno.ENOENT)
        return await super().body(address, caller)

    def fixed(self, address: Address) -> Entries:
        if address.kind is Kind.VIEW:
            return self.documents(0, _IN_FOLDER)
        return self.documents(address.ident, _IN_CONVERSATION)

    async def listed(self, address: Address, caller: Caller) -> Entries:
        if address.kind is not Kind.VIEW:
            return []
        rows = _rows(await self.body(unpack(self.document(0, _MESSAGES)), caller))
        return [
            (
                names.with_id(escape(to_text(row.get("subject"))), ident, "no subject").encode(),
                self._conversation(ident, row),
            )
            for ident, row in rows.items()
        ]

    def _conversation(self, ident: int, row: Mapping[str, object]) -> Stat:
        mtime = render.api_time(to_text(row.get("date"))) or 0
        return self.own(attributes.directory(self.entry(ident), mtime)._replace(keep=0.0))

    def mtime(self, address: Address) -> int:
        known = self.catalogue.answers.known(self._list().key)
        row = _rows(known.body).get(address.ident, {}) if known else {}
        return render.api_time(to_text(row.get("date"))) or 0


class InboxView(_Folder):
    """`me/inbox/`."""

    folder: ClassVar[str] = "inbox"


class SentboxView(_Folder):
    """`me/sentbox/`."""

    folder: ClassVar[str] = "sentbox"


def _rows(body: bytes) -> Mapping[int, Mapping[str, object]]:
    """The conversations in a list, by their ids, in its order."""
    rows: dict[int, Mapping[str, object]] = {}
    for row in to_rows(object_in(body).get("messages")) or ():
        ident = to_id(row.get("convId")) if isinstance(row, Mapping) else None
        if ident and isinstance(row, Mapping):
            rows.setdefault(ident, row)
    return rows
