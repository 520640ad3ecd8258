"""What the processes that share a store tell each other through it: the pace of their account.

Each request stands in the store's table `pace` from before it is sent until its window has passed.
A request whose answer's headers have not come back yet holds its place; if its process died, it
counts as sent at the moment that is noticed, because nobody knows when the server had it.

That the server speaks an API which biofs cannot use is kept, too: a mount asks nothing when it
starts, and what the last one was told is all that it knows.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from biofs.api.pace import Pace, Slot
from biofs.api.server import Rate
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.database.store import Store

_LOST_AFTER: Final = 180.0  # seconds after which a request counts as arrived, as in api.pace
_LONGEST_PENALTY: Final = 600.0  # seconds, as in api.pace
_PENALTY: Final = "pace not before"  # a key of `meta`: epoch seconds


class SharedSlot(NamedTuple):
    """Leave to send one request. Call `arrived` once the server must have had it, or it failed."""

    slot: Slot
    row: int | None

    def arrived(self) -> None:
        """Idempotent."""
        self.slot.arrived()


class _Claim(NamedTuple):
    """What the store said: the row taken, or the ages of others' requests and seconds to wait."""

    row: int | None
    ages: list[float]
    wait: float


def process_start(pid: int) -> str:
    """What tells a process from another one with the same id later: its start, "" if it is gone.

    Field 22 of /proc/PID/stat (proc(5)), behind the command's name, which may hold anything.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


class SharedPace:
    """`Pace` for all processes that share a store. `clock` gives epoch seconds."""

    def __init__(self, rate: Rate, store: Store, clock: Callable[[], float] = time.time) -> None:
        self.rate: Final = rate
        self._pace: Final = Pace(rate)
        self._store: Final = store
        self._clock: Final = clock
        self._pid: Final = os.getpid()
        self._start: Final = process_start(os.getpid())

    async def slot(self) -> SharedSlot:
        """Wait until a request may start; never two processes at once."""
        while True:
            slot = await self._pace.slot()
            if self.rate.unlimited:
                return SharedSlot(slot, None)
            claim = await self._store.write(self._claim)
            if claim.row is not None:
                return SharedSlot(slot, claim.row)
            self._pace.give_back(slot)
            self._pace.restore(claim.ages)
            await trio.sleep(claim.wait)

    def _claim(self, connection: sqlite3.Connection) -> _Claim:
        now = self._clock()
        stamps = sorted(self._stamps(connection, now))
        penalty = connection.execute("SELECT value FROM meta WHERE key = ?", (_PENALTY,)).fetchone()
        wait = penalty[0] - now if penalty else 0.0
        if wait > _LONGEST_PENALTY:
            # The clock was set back. What is left of it nobody knows: the longest, but once only.
            wait = _LONGEST_PENALTY
            connection.execute("UPDATE meta SET value = ? WHERE key = ?", (now + wait, _PENALTY))
        if len(stamps) >= self.rate.requests:
            wait = max(wait, stamps[-self.rate.requests] + self.rate.seconds - now)
        if wait > 0:
            return _Claim(None, [now - stamp for stamp in stamps], wait)
        cursor = connection.execute(
            "INSERT INTO pace (stamp, pid, start) VALUES (?, ?, ?)", (now, self._pid, self._start)
        )
        return _Claim(cursor.lastrowid, [], 0.0)

    def _stamps(self, connection: sqlite3.Connection, now: float) -> Iterator[float]:
        """When the requests of the last window reached the server, whoever sent them."""
        rows = connection.execute("SELECT slot, stamp, pid, start FROM pace").fetchall()
        for row, stamp, pid, start in rows:
            oldest = now - (_LOST_AFTER if pid else self.rate.seconds)
            if stamp <= oldest:
                connection.execute("DELETE FROM pace WHERE slot = ?", (row,))
            elif pid and process_start(pid) == start:
                if stamp > now:  # the clock was set back: it counts as lost later, but some time
                    connection.execute("UPDATE pace SET stamp = ? WHERE slot = ?", (now, row))
                yield now  # in flight: as late as can be
            elif pid or stamp > now:
                # Its process died and nobody knows how far it came, or the clock was set back:
                # as late as can be, but once only.
                self._settle(row, now, connection)
                yield now
            else:
                yield stamp

    async def settle(self, slot: SharedSlot) -> None:
        """The request of this slot was answered, or failed: its window begins."""
        slot.slot.arrived()
        if slot.row is None:
            return
        age = trio.current_time() - slot.slot.stamp
        await self._store.write(partial(self._settle, slot.row, self._clock() - max(age, 0.0)))

    def _settle(self, row: int, stamp: float, connection: sqlite3.Connection) -> None:
        connection.execute(
            "UPDATE pace SET stamp = ?, pid = 0, start = '' WHERE slot = ?", (stamp, row)
        )

    async def penalise(self, retry_after: float | None) -> None:
        """The server said "rate limit exceeded": no process of the account asks for a while."""
        self._pace.penalise(retry_after)
        until = self._clock() + self._pace.delay()

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PENALTY, until))

        await self._store.write(change)

    def success(self) -> None:
        """The server answered: the next penalty starts from one window again."""
        self._pace.success()

    def delay(self) -> float:
        """Seconds until the next request may start, as far as this process knows."""
        return self._pace.delay()


_UNFIT: Final = "server unfit"  # a key of `meta`: why, in a line
_META: Final = "SELECT value FROM meta WHERE key = ?"


def unfit_reason(store: Store) -> str:
    """Why the server is unfit; "" if it is not known to be."""
    return _text(store.one(_META, _UNFIT))


def unfit_reason_of(path: Path) -> str:
    """As `unfit_reason`, from a store's file; "" if that cannot be read, too."""
    try:
        with closing(open_read_only(path, foreign=False)) as connection:
            return _text(connection.execute(_META, (_UNFIT,)).fetchone())
    except (StoreError, sqlite3.DatabaseError):
        return ""


def keep_unfit(store: Store, why: str) -> None:
    """Write down why the server is unfit; "" that it is not."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM meta WHERE key = ?", (_UNFIT,))
        if why:
            connection.execute("INSERT INTO meta VALUES (?, ?)", (_UNFIT, why))

    if not store.read_only:
        store.write_now(change)


def _text(row: tuple[object, ...] | None) -> str:
    return row[0] if row is not None and isinstance(row[0], str) else ""
