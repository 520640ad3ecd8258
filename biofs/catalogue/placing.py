"""Placing: finding the categories of groups that a query found.

A browse row has no category, and without it a link cannot say where its group stands. Asking for a
group's detail tells it, at a request a group. For many groups of one query there is a cheaper way:
the same query, restricted to every second category, then to two in four, and so on. The twelve
categories' numbers have four binary digits, so four such queries tell all of them. Who follows
one link pays one request; only from the fifth on, as for an `ls` that colours links by what they
lead to, all are placed together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from cachetools import LRUCache

from biofs.api.actions import Api
from biofs.api.models import GroupRow
from biofs.catalogue.documents import Documents
from biofs.catalogue.enumeration import WINDOW_PAGES
from biofs.catalogue.index import Index
from biofs.catalogue.listings import Caller, Listings
from biofs.catalogue.queue import Queue
from biofs.catalogue.wants import Want, Wants
from biofs.tree import names

BITS: Final = max(names.CATEGORIES).bit_length()
SINGLY: Final = BITS
"""Groups of a query that are placed by their details before the others are placed together."""

_NOTED: Final = 64  # queries that are remembered


class _Noted:
    """A query, the groups it found, and how many of them were placed one by one."""

    def __init__(self, fields: dict[str, str], ids: frozenset[int]) -> None:
        self.fields: Final = fields
        self.ids: Final = ids
        self.singly = 0


class Placing:
    """See the module."""

    def __init__(
        self,
        index: Index,
        documents: Documents,
        listings: Listings,
        queue: Queue,
        wants: Wants,
    ) -> None:
        self._index: Final = index
        self._documents: Final = documents
        self._listings: Final = listings
        self._queue: Final = queue
        self._wants: Final = wants
        self._noted: LRUCache[str, _Noted] = LRUCache(_NOTED)

    def note(self, key: str, fields: Iterable[tuple[str, str]], ids: Iterable[int]) -> None:
        """Remember which groups a query (parameters of `browse`, by the API's names) found."""
        noted = _Noted(dict(fields), frozenset(ids))
        if key not in self._noted or self._noted[key].ids != noted.ids:
            self._noted[key] = noted

    async def place(self, group_id: int, caller: Caller) -> None:
        """Have the index learn of a group.

        Raises NotFound if the server has no such group, other ApiErrors, and what the caller
        raises.
        """
        for key, noted in self._noted.items():
            if group_id in noted.ids:
                noted.singly += 1
                if noted.singly > SINGLY:
                    await self._together(key, noted, caller)
                break
        if self._index.group(group_id) is None:
            await self._documents.get(group_id, caller)

    async def _together(self, key: str, noted: _Noted, caller: Caller) -> None:
        want = self._wants.start(("places", key), self._fetching(noted))
        while not want.done:
            await caller.wait(want)
        want.raise_error()
        noted.singly = 0  # those that no query showed have to be placed one by one

    def _fetching(self, noted: _Noted) -> Callable[[Want], Awaitable[None]]:
        async def fetch(want: Want) -> None:
            api = Api(self._queue.sender(want))
            rows: dict[int, GroupRow] = {}
            places: dict[int, int] = dict.fromkeys(noted.ids, 0)
            for bit in range(BITS):
                categories = [each for each in names.CATEGORIES if each >> bit & 1]
                number, pages = 0, 1
                while number < min(pages, WINDOW_PAGES):
                    number += 1
                    page = await api.browse(number, category=categories, **noted.fields)
                    pages = page.pages
                    want.progress()
                    for row in page.rows:
                        if row.id in places:
                            rows[row.id] = row
                            places[row.id] |= 1 << bit
            # Were all restrictions but the first or the last ignored, the groups of one category
            # would still get its number, and others none: those have to be placed one by one.
            for category in names.CATEGORIES:
                await self._listings.learn(
                    category, [row for row in rows.values() if places[row.id] == category]
                )

        return fetch
