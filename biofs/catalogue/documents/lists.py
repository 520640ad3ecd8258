"""Answers that make directories: searches, collages, top lists; fetched, and packed with links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import trio

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import Collage, GroupRow, Top10, TopTag, TopTorrent, TopUser
from biofs.api.paging import PAGE_SIZE, WINDOW, WINDOW_PAGES
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import MOST_BYTES, Source
from biofs.catalogue.documents.links import Link, Packed, pack
from biofs.catalogue.documents.search_syntax import Search
from biofs.store import stubs
from biofs.store.groups import mtime_of
from biofs.store.stubs import Stub
from biofs.tree import names, render
from biofs.tree.text import unescape

SEARCH_KEY: Final = "search "
COLLAGE_KEY: Final = "collage "
_COLLAGE_HTML: Final = frozenset({"description"})


def search_source(catalogue: Catalogue, search: Search) -> Source:
    """All pages that the server shows of a search: results.jsonl, and a link to each group."""

    async def fetch(api: Api) -> bytes:
        found: dict[int, tuple[bytes, Link, int]] = {}
        size, number, pages, new = 0, 0, 1, True
        while new and number < min(pages, WINDOW_PAGES):
            number += 1
            page = await api.browse(number, category=search.category, **dict(search.fields))
            pages, new = page.pages, False
            if search.category is not None:
                await _take_rows(catalogue, search.category, page.rows)
            for row in page.rows:
                if row.id not in found:
                    new = True
                    line = _written_row(row)
                    size += len(line)
                    title = names.group_dirname(row.name, row.id)
                    found[row.id] = line, Link(title, row.id), mtime_of(row.time)
            if size > MOST_BYTES:
                raise BadAnswer("browse", "the answer's pages are too large together")
        rows = found.values()
        incomplete = _beyond_the_window(pages) if pages > WINDOW_PAGES else ""
        return pack(
            Packed(
                [b"".join(line for line, _, _ in rows)],
                [link for _, link, _ in rows],
                max((time for _, _, time in rows), default=0),
                incomplete,
            )
        )

    return Source(SEARCH_KEY + search.key, catalogue.freshness.listing, fetch)


def _written_row(row: GroupRow) -> bytes:
    try:
        return render.index_line(row.raw)
    except (ValueError, TypeError):  # nested without end, say
        raise BadAnswer("browse", "a row of the answer cannot be shown") from None


def _beyond_the_window(pages: int) -> str:
    return (
        f"The server counts about {pages * PAGE_SIZE:,} groups and shows the newest {WINDOW:,} of "
        "any search.\nNarrow it, for instance with category: or year:, to see the others."
    )


async def _take_rows(catalogue: Catalogue, category: int, rows: Sequence[GroupRow]) -> None:
    """Rows whose category is known are as good as those of its listing."""
    if not catalogue.store.read_only:
        await catalogue.listings.learn(category, rows)


def collage_source(catalogue: Catalogue, collage_id: int) -> Source:
    """A collage: collage.json, description.txt, and a link to each group that it lists."""

    async def fetch(api: Api) -> bytes:
        collage = await api.collage(collage_id)
        try:
            packed = await trio.to_thread.run_sync(_packed_collage, collage)
        except (ValueError, TypeError):
            raise BadAnswer("collage", "the answer cannot be shown") from None
        known = [
            Stub(group.id, group.category_id, group.name, _newest(group.torrents))
            for group in collage.torrent_groups
        ]
        await stubs.add(catalogue.store, known, catalogue.clock())
        return pack(packed)

    return Source(f"{COLLAGE_KEY}{collage_id}", catalogue.freshness.collage, fetch)


def _packed_collage(collage: Collage) -> Packed:
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
    return Packed(documents, links, newest)


def _newest(torrents: Sequence[object]) -> int:
    times = (render.api_time(getattr(torrent, "time", "")) or 0 for torrent in torrents)
    return mtime_of(max(times, default=0))


def top_source(catalogue: Catalogue, kind: str, limit: int) -> Source:
    """The top lists of a kind (torrents, tags, users): top.json, and a link for each row."""

    async def fetch(api: Api) -> bytes:
        top = await api.top10(kind, limit)
        try:
            packed = await trio.to_thread.run_sync(_packed_top, top)
        except (ValueError, TypeError):
            raise BadAnswer("top10", "the answer cannot be shown") from None
        known = [
            Stub(row.group_id, row.category_id, row.group_name, 0)
            for each in top.lists
            for row in each.results
            if isinstance(row, TopTorrent)
        ]
        await stubs.add(catalogue.store, known, catalogue.clock())
        return pack(packed)

    return Source(f"top {kind} {limit}", catalogue.freshness.top, fetch)


def _packed_top(top: Top10) -> Packed:
    links = {link.name: link for link in _ranked(top)}
    return Packed([render.document(render.decode_texts(top.raw))], list(links.values()))


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
