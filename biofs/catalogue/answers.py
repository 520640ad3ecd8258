"""Answers that are neither listing nor detail: kept whole under a key, each kind with its TTL."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

import trio
from cachetools import TTLCache

from biofs.api.actions import Api
from biofs.api.errors import NetworkError, NotFound
from biofs.api.requests import Answer, Request
from biofs.catalogue.caller import Caller
from biofs.catalogue.changes import Changes, is_old
from biofs.catalogue.fetches import Fetch, Fetches, Priority, Work
from biofs.catalogue.queue import Queue
from biofs.store.database.store import Store
from biofs.store.group_rows import CLOCK_SLACK

_ABSENT: Final = 4096
_KEPT: Final = 50_000  # answers in the store; the oldest are evicted

FetchBody = Callable[[Api], Awaitable[bytes]]
"""Requests an answer, all its pages if it has several, and renders it as a document."""


class KnownAnswer(NamedTuple):
    """A document and when it was fetched (epoch seconds)."""

    body: bytes
    fetched: float


class Answers:
    """Documents from the store or the server. A key names all that the answer depends on.

    `most_bytes` bounds them all together in the store: the oldest are evicted.
    """

    def __init__(
        self,
        store: Store,
        queue: Queue,
        fetches: Fetches,
        changes: Changes,
        absence: float,
        clock: Callable[[], float],
        most_bytes: int,
    ) -> None:
        self._store: Final = store
        self._queue: Final = queue
        self._fetches: Final = fetches
        self._changes: Final = changes
        self._clock: Final = clock
        self._most_bytes: Final = most_bytes
        self._absent: TTLCache[str, bool] = TTLCache(_ABSENT, absence, timer=trio.current_time)

    def known(self, key: str, caller: Caller) -> KnownAnswer | None:
        """The document under `key` as it was last fetched, however old; nothing is fetched."""
        caller.used_answers.add(key)
        return self._load(key)

    def _load(self, key: str) -> KnownAnswer | None:
        row = self._store.one("SELECT body, fetched FROM answers WHERE key = ?", key)
        return KnownAnswer(*row) if row else None  # type: ignore[arg-type]

    def keys(self, prefix: str) -> list[str]:
        """The keys that begin so, in their order."""
        rows = self._store.rows(
            "SELECT key FROM answers WHERE key >= ? AND key < ? ORDER BY key",
            prefix,
            prefix + "\U0010ffff",
        )
        return [str(row[0]) for row in rows]

    async def get(self, key: str, ttl: float, body: FetchBody, caller: Caller) -> bytes:
        """The document under `key`; one older than `ttl` seconds is refreshed in the background.

        Raises NotFound if a successful answer said so, other ApiErrors, and what the caller raises.
        """
        while (known := self.known(key, caller)) is None or caller.must_fetch(key):
            if key in self._absent:
                raise NotFound(key, "the server has no such thing")
            await caller.result(self.start(key, body, caller))
            caller.fetched_fresh.add(key)
        if is_old(known.fetched, ttl, self._clock()) and not self._queue.offline:
            self._fetches.refresh(("answer", key), self._work(key, body), caller)
        return known.body

    async def get_new(self, key: str, ttl: float, body: FetchBody, caller: Caller) -> bytes:
        """As `get`, for what must never be fetched in the background: one older than `ttl` is
        fetched again and waited for. Only without a network is it answered as it is.
        """
        known = self.known(key, caller)
        if known is None:
            return await self.get(key, math.inf, body, caller)
        if is_old(known.fetched, ttl, self._clock()) and not self._queue.offline:
            with suppress(NetworkError):
                await caller.result(self.start(key, body, caller))
            known = self.known(key, caller) or known
        return known.body

    async def keep(self, key: str, body: bytes) -> None:
        """Store a document, also one that came with the answer to something else."""
        before, now = self._load(key), self._clock()
        await self._store.write(self._saving(key, body, now))
        if before is not None and before.body != body:
            self._changes.answer_changed(key)

    def _saving(self, key: str, body: bytes, now: float) -> Callable[[sqlite3.Connection], None]:
        return lambda connection: _save(connection, key, body, now, self._most_bytes)

    def start(
        self,
        key: str,
        body: FetchBody,
        caller: Caller,
        priority: Priority = Priority.INTERACTIVE,
    ) -> Fetch:
        """Have an answer fetched, once for all callers."""
        return self._fetches.start(("answer", key), self._work(key, body), caller, priority)

    def _work(self, key: str, body: FetchBody) -> Work:
        async def run(fetch: Fetch) -> None:
            sender = self._queue.sender(fetch)

            async def send(request: Request) -> Answer:
                answer = await sender(request)
                fetch.progress()  # of an answer of many pages: each page starts the wait again
                return answer

            try:
                document = await body(Api(send))
            except NotFound:
                self._absent[key] = True
                await self._store.write(lambda connection: _forget(connection, key))
                self._changes.answer_changed(key)
                raise
            await self.keep(key, document)

        return run


def _forget(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("DELETE FROM answers WHERE key = ?", (key,))


def _save(
    connection: sqlite3.Connection, key: str, body: bytes, now: float, most_bytes: int
) -> None:
    connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, body, now))
    # Fetched while the clock was ahead: or they would count as the newest for years, and stay.
    connection.execute("UPDATE answers SET fetched = 0 WHERE fetched > ?", (now + CLOCK_SLACK,))
    connection.execute(
        "DELETE FROM answers WHERE key IN"
        " (SELECT key FROM answers ORDER BY fetched DESC LIMIT -1 OFFSET ?)",
        (_KEPT,),
    )
    (size,) = connection.execute("SELECT sum(length(body)) FROM answers").fetchone()
    if size > most_bytes:
        connection.execute(
            "DELETE FROM answers WHERE key != ? AND rowid IN (SELECT rowid FROM"
            " (SELECT rowid, sum(length(body)) OVER (ORDER BY fetched DESC, rowid DESC) AS size"
            " FROM answers) WHERE size > ?)",
            (key, most_bytes),
        )
