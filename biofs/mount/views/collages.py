"""`collages/3/`: a collage's documents, and links to its groups."""

from __future__ import annotations

from typing import ClassVar

from biofs.catalogue.caller import Caller
from biofs.catalogue.documents import collages
from biofs.catalogue.documents.document import Document
from biofs.mount.attributes import Stat
from biofs.mount.views.document import id_in
from biofs.mount.views.link import LinkView


class CollagesView(LinkView):
    """An entry is a collage's id; those that were fetched are listed, any id can be named."""

    documents: ClassVar[tuple[bytes, ...]] = (b"collage.json", b"description.txt")

    def source(self, ident: int) -> Document:
        return collages.collage(self.catalogue, ident)

    def lookup_entry(self, name: bytes, caller: Caller) -> Stat | None:
        ident = id_in(name)
        return None if ident is None else self.directory(ident, caller)

    async def entries(self) -> list[tuple[bytes, Stat]]:
        keys = self.catalogue.answers.keys(collages.KEY)
        known = sorted(int(key.removeprefix(collages.KEY)) for key in keys)
        return [(b"%d" % ident, self.listed_entry(ident)) for ident in known]
