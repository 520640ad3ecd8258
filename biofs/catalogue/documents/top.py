"""The top lists: top.json, and a link for each row."""

from __future__ import annotations

from collections.abc import Iterator

import trio

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Top10, TopTag, TopTorrent, TopUser
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import Document
from biofs.catalogue.documents.links import Link, LinkDocument, encode
from biofs.store import stubs
from biofs.store.stubs import Stub
from biofs.tree import names, render
from biofs.tree.text import unescape


def top(catalogue: Catalogue, kind: str, limit: int) -> Document:
    """The top lists of a kind (torrents, tags, users): top.json, and a link for each row."""

    async def fetch(api: Api) -> bytes:
        answer = await api.top10(kind, limit)
        try:
            document = await trio.to_thread.run_sync(_directory, answer)
        except (ValueError, TypeError):
            raise BadAnswer("top10", "the answer cannot be shown") from None
        known = [
            Stub(row.group_id, row.category_id, row.group_name, 0)
            for each in answer.lists
            for row in each.results
            if isinstance(row, TopTorrent)
        ]
        await stubs.add(catalogue.store, known, catalogue.clock())
        return encode(document)

    return Document(f"top {kind} {limit}", catalogue.freshness.top, fetch)


def _directory(top: Top10) -> LinkDocument:
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
