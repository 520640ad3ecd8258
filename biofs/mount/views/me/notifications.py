"""`me/notifications/`: what the site tells the user, and which uploads the filters caught."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import ClassVar, Final

from biofs.catalogue.documents import account as account_documents
from biofs.catalogue.documents.document import Document
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import Entries
from biofs.mount.views.me.marking import ReadingView
from biofs.tree.inodes import Address

_README: Final = b"""\
site.json has what the site tells you; reading it changes nothing.

The uploads that your filters caught are in READING-CLEARS-THE-MARKS.json. No listing shows it,
because reading it clears their "new" marks on the server. It needs a cookie:

  jq . READING-CLEARS-THE-MARKS.json

To clear what site.json tells: biofs notifications clear TYPE
"""

_NAMES: Final = {b"README.txt": 1, b"site.json": 2}


class NotificationsView(ReadingView):
    """See the module."""

    reading: ClassVar[Mapping[bytes, int]] = {b"READING-CLEARS-THE-MARKS.json": 3}

    def source(self, address: Address) -> Document | bytes:
        match document_of(address):
            case 1:
                return _README
            case 2:
                return account_documents.site_notifications(self.catalogue.freshness)
            case 3:
                return account_documents.notifications(self.catalogue.freshness)
        raise failure(errno.ENOENT)

    def fixed(self, address: Address) -> Entries:
        return self.documents(0, _NAMES)
