"""Collages: collage.json, description.txt, and links to their groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Collage
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document
from biofs.catalogue.documents.links import Link, LinkDocument, encode
from biofs.store import stubs
from biofs.store.groups import mtime_of
from biofs.store.stubs import Stub
from biofs.tree import names, render

KEY: Final = "collage "
"""What the keys of collages begin with; the id follows."""

_COLLAGE_HTML: Final = frozenset({"description"})


def collage(catalogue: Catalogue, collage_id: int) -> Document:
    """A collage: collage.json, description.txt, and a link to each group that it lists."""

    async def fetch(api: Api) -> bytes:
        answer = await api.collage(collage_id)
        try:
            document = await trio.to_thread.run_sync(_directory, answer)
        except (ValueError, TypeError):
            raise BadAnswer("collage", "the answer cannot be shown") from None
        known = [
            Stub(group.id, group.category_id, group.name, _newest(group.torrents))
            for group in answer.torrent_groups
        ]
        await stubs.add(catalogue.store, known, catalogue.clock())
        return encode(document)

    return Document(f"{KEY}{collage_id}", catalogue.freshness.collage, fetch)


def _directory(collage: Collage) -> LinkDocument:
    titles = {group.id: group.name for group in collage.torrent_groups}
    ids = dict.fromkeys([*collage.torrent_group_ids, *titles])
    links = [
        Link(names.group_dirname(titles[ident], ident) if ident in titles else "", ident)
        for ident in ids
    ]
    documents = [
        render.document(render.decode_texts(collage.raw, _COLLAGE_HTML)),
        render.description_text(collage.description),
    ]
    newest = max((_newest(group.torrents) for group in collage.torrent_groups), default=0)
    return LinkDocument(documents, links, newest)


def _newest(torrents: Sequence[object]) -> int:
    times = (render.api_time(getattr(torrent, "time", "")) or 0 for torrent in torrents)
    return mtime_of(max(times, default=0))
