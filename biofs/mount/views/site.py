"""`.biofs/site/`: the site as a whole. Hidden, so that who searches the catalogue does not ask."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Final

from biofs.catalogue.documents import users as user_documents
from biofs.catalogue.documents.document import Document
from biofs.catalogue.freshness import Freshness
from biofs.mount.nodes.base import failure
from biofs.mount.views.base import document_of
from biofs.mount.views.document import DocumentView, Entries
from biofs.tree.inodes import Address

_NAMES: Final = {b"stats.json": 1, b"announcements.json": 2}
_SOURCES: Final[Mapping[int, Callable[[Freshness], Document]]] = {
    1: user_documents.site_stats,
    2: user_documents.announcements,
}


class SiteView(DocumentView):
    """See the module."""

    def source(self, address: Address) -> Document:
        make = _SOURCES.get(document_of(address))
        if make is None:
            raise failure(errno.ENOENT)
        return make(self.catalogue.freshness)

    def fixed(self, address: Address) -> Entries:
        return self.documents(0, _NAMES)
