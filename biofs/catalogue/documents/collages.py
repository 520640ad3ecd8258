"""Collages and top lists: their documents, and links to what they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import trio

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Collage, Top10, TopTag, TopTorrent, TopUser
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document, Link, LinkDocument, encode
from biofs.store import group_rows
from biofs.store.group_rows import Stub
from biofs.store.groups import mtime_of
from biofs.tree import names, render
from biofs.tree.printable import unescape

KEY: Final = "collage "
"""What the keys of collages begin with; the id follows."""

_COLLAGE_HTML: Final = frozenset({"description"})


def collage(catalogue: Catalogue, collage_id: int) -> Document:
    """A collage: collage.json, description.txt, and a link to each group that it lists."""

    async def fetch(api: Api) -> bytes:
        answer = await api.collage(collage_id)
        try:
            document = await trio.to_thread.run_sync(_collage_directory, answer)
        except (ValueError, TypeError):
            raise BadAnswer("collage", "the answer cannot be shown") from None
        known = [
            Stub(group.id, group.category_id, group.name, _newest(group.torrents))
            for group in answer.torrent_groups
        ]
        await group_rows.add(catalogue.store, known, catalogue.clock())
        return encode(document)

    return Document(f"{KEY}{collage_id}", catalogue.freshness.collage, fetch)


def _collage_directory(collage: Collage) -> LinkDocument:
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


def top(catalogue: Catalogue, kind: str, limit: int) -> Document:
    """The top lists of a kind (torrents, tags, users): top.json, and a link for each row."""

    async def fetch(api: Api) -> bytes:
        answer = await api.top10(kind, limit)
        try:
            document = await trio.to_thread.run_sync(_top_directory, answer)
        except (ValueError, TypeError):
            raise BadAnswer("top10", "the answer cannot be shown") from None
        known = [
            Stub(row.group_id, row.category_id, row.group_name, 0)
            for each in answer.lists
            for row in each.results
            if isinstance(row, TopTorrent)
        ]
        await group_rows.add(catalogue.store, known, catalogue.clock())
        return encode(document)

    return Document(f"top {kind} {limit}", catalogue.freshness.top, fetch)


def _top_directory(top: Top10) -> LinkDocument:
    links = {link.name: link for link in _ranked(top)}
    return LinkDocument([render.document(render.decode_texts(top.raw))], list(links.values()))


def _ranked(top: Top10) -> Iterator[Link]:
    """A link for each row: its list's short name, its place in that, and what it is."""
    for each in top.lists:
        for place, row in enumerate(each.results, start=1):
            rank = f"{each.tag} {place:03}"
            match row:
                case TopTorrent():
                    yield Link(
                        names.with_id(f"{rank} {row.group_name}", row.group_id), row.group_id
                    )
                case TopUser():
                    yield Link(names.with_id(f"{rank} {row.username}", row.id), row.id)
                case TopTag() if names.clean(row.name):
                    yield Link(names.clean(f"{rank} {row.name}"), 0, unescape(row.name))
