"""A store filled as if everything had been fetched, by the catalogue's own code, without HTTP.

The embedded catalogue renders each group as the server would, the API's models read it, and index
and details write it down. Only the transactions are larger.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import trio
from starlette.responses import Response

from biofs.api.models import BrowsePage, GroupAnswer
from biofs.demo.accounts import DONOR
from biofs.demo.actions.call import AccountState, Call
from biofs.demo.actions.groups import PAGE, browse, torrentgroup
from biofs.demo.memory import Memory
from biofs.demo.model import Community, Group
from biofs.demo.source import Source
from biofs.store.database.store import Store
from biofs.store.details import Details
from biofs.store.groups import Index, stable_digest

T = TypeVar("T")

UNBOUNDED: Final = 1 << 50
_PER_TRANSACTION: Final = 200  # pages of 50 groups
_decode: Final = msgspec.json.Decoder().decode


class BulkStore(Store):
    """A store whose writes become durable when `commit` is called, and only then."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer.execute("PRAGMA synchronous = OFF")
        self._writer.execute("PRAGMA cache_size = -262144")
        self._writer.execute("PRAGMA wal_autocheckpoint = 20000")
        self._writer.execute("BEGIN IMMEDIATE")

    @property
    def writer(self) -> sqlite3.Connection:
        """The connection that writes, in the midst of a transaction."""
        return self._writer

    def write_now(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """See Store."""
        return change(self._writer)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """See Store; in this thread."""
        return change(self._writer)

    def commit(self) -> None:
        """Make durable what was written, and begin the next transaction."""
        self._writer.execute("COMMIT")
        self._writer.execute("BEGIN IMMEDIATE")

    def finish(self) -> None:
        """Make durable what was written, and close."""
        self._writer.execute("COMMIT")
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.close()


def fill(path: Path, groups: Iterable[Group], say: Callable[[int], None] = lambda _: None) -> int:
    """Write the groups, their details and file lists to the store at `path`; how many there were.

    Every category met is then known whole. `say` is told now and then how many are written.
    """
    return trio.run(_fill, path, groups, say)


async def _fill(path: Path, groups: Iterable[Group], say: Callable[[int], None]) -> int:
    store = BulkStore(path)
    index, details = Index(store), Details(store, UNBOUNDED)
    now = time.time()
    categories: set[int] = set()
    written = 0
    for number, page in enumerate(_pages(groups), 1):
        for category, members in _by_category(page).items():
            categories.add(category)
            await _write(index, details, category, members, now)
            written += len(members)
        if number % _PER_TRANSACTION == 0:
            store.commit()
            say(written)
    for category in categories:
        # `whole` False: nothing is to be forgotten, so the ids need not be remembered.
        await index.complete(category, set(), now, now, whole=False)
        store.write_now(lambda c: c.execute("UPDATE listings SET whole = 1"))
    store.finish()
    return written


async def _write(
    index: Index, details: Details, category: int, groups: Sequence[Group], now: float
) -> None:
    source: Source = Memory(lambda: groups, Community())
    rows = BrowsePage.from_json(_response(browse, source, {"page": "1"})).rows
    await index.add_rows(category, rows, now)
    stable = {row.id: stable_digest(row) for row in rows}
    for group in groups:
        answer = _response(torrentgroup, source, {"id": str(group.id)})
        await details.save(GroupAnswer.from_json(answer), now, stable[group.id])


def _response(action: Callable[[Call], Response], source: Source, params: dict[str, str]) -> object:
    call = Call(source, DONOR, by_cookie=False, params=params, form={}, now=0, state=AccountState())
    return _decode(bytes(action(call).body))["response"]


def _pages(groups: Iterable[Group]) -> Iterator[list[Group]]:
    rest = iter(groups)
    while page := list(islice(rest, PAGE)):
        yield page


def _by_category(groups: Iterable[Group]) -> dict[int, list[Group]]:
    found: dict[int, list[Group]] = {}
    for group in groups:
        found.setdefault(group.category, []).append(group)
    return found
