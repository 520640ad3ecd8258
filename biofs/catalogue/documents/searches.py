"""What the server finds: results.jsonl, and links to the groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from biofs.api.actions import Api
from biofs.api.errors import BadAnswer
from biofs.api.models import BrowsePage, GroupRow
from biofs.api.requests import PAGE_SIZE, WINDOW, WINDOW_PAGES
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.documents.document import (
    MOST_BYTES,
    Document,
    Link,
    LinkDocument,
    encode,
)
from biofs.catalogue.documents.search_syntax import Search
from biofs.catalogue.paging import read_pages
from biofs.store.groups import mtime_of
from biofs.tree import names, render

KEY: Final = "search "
"""What the keys of searches begin with; `Search.key` follows."""


def search(catalogue: Catalogue, searched: Search) -> Document:
    """All pages that the server shows of a search: results.jsonl, and a link to each group."""

    async def fetch(api: Api) -> bytes:
        found: dict[int, _Hit] = {}
        size = 0

        async def ask(number: int) -> BrowsePage:
            page = await api.browse(number, category=searched.category, **dict(searched.fields))
            if searched.category is not None:
                await _learn(catalogue, searched.category, page.rows)
            return page

        def take(page: BrowsePage) -> bool:
            nonlocal size
            before = len(found)
            for row in page.rows:
                if row.id not in found:
                    found[row.id] = _hit(row)
                    size += len(found[row.id].line)
            if size > MOST_BYTES:
                raise BadAnswer("browse", "the answer's pages are too large together")
            return len(found) > before

        pages = await read_pages(ask, take, WINDOW_PAGES)
        hits = found.values()
        incomplete = _beyond_the_window(pages) if pages > WINDOW_PAGES else ""
        return encode(
            LinkDocument(
                [b"".join(hit.line for hit in hits)],
                [hit.link for hit in hits],
                max((hit.mtime for hit in hits), default=0),
                incomplete,
            )
        )

    return Document(KEY + searched.key, catalogue.freshness.listing, fetch)


class _Hit(NamedTuple):
    """A group that was found: its line in results.jsonl, its link, and its mtime."""

    line: bytes
    link: Link
    mtime: int


def _hit(row: GroupRow) -> _Hit:
    try:
        line = render.index_line(row.raw)
    except (ValueError, TypeError):  # nested without end, say
        raise BadAnswer("browse", "a row of the answer cannot be shown") from None
    return _Hit(line, Link(names.group_dirname(row.name, row.id), row.id), mtime_of(row.time))


def _beyond_the_window(pages: int) -> str:
    return (
        f"The server counts about {pages * PAGE_SIZE:,} groups and shows the newest {WINDOW:,} of "
        "any search.\nNarrow it, for instance with category: or year:, to see the others."
    )


async def _learn(catalogue: Catalogue, category: int, rows: Sequence[GroupRow]) -> None:
    """Rows whose category is known are as good as those of its listing."""
    if not catalogue.store.read_only:
        await catalogue.listings.learn(category, rows)
