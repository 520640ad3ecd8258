"""`me/notifications/`: what the site tells the user, and which uploads the filters caught."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from biofs.catalogue.documents import account as account_documents
from biofs.mount.views.document import DocumentRow
from biofs.mount.views.me.marking import ReadingView
from biofs.tree.inodes import Kind

_README: Final = b"""\
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
        site, caught = account_documents.site_notifications, account_documents.notifications
        return (
            DocumentRow(1, b"README.txt", lambda *_: _README, Kind.VIEW),
            DocumentRow(2, b"site.json", lambda *_: site(freshness), Kind.VIEW),
            DocumentRow(
                3,
                b"READING-CLEARS-THE-MARKS.json",
                lambda *_: caught(freshness),
                Kind.VIEW,
                marks=True,
            ),
        )
