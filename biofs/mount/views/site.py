"""`.biofs/site/`: the site as a whole. Hidden, so that who searches the catalogue does not ask."""

from __future__ import annotations

from collections.abc import Sequence

from biofs.catalogue.documents import users as user_documents
from biofs.mount.views.document import DocumentRow, DocumentView
from biofs.tree.inodes import Kind


class SiteView(DocumentView):
    """The site's numbers and its news, each a document in the view's own directory."""

    def table(self) -> Sequence[DocumentRow]:
        freshness = self.catalogue.freshness
        stats, news = user_documents.site_stats, user_documents.announcements
        return (
            DocumentRow(1, b"stats.json", lambda *_: stats(freshness), Kind.VIEW),
            DocumentRow(2, b"announcements.json", lambda *_: news(freshness), Kind.VIEW),
        )
