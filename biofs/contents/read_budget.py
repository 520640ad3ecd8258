"""How much may be fetched only because somebody read it: in bytes, kept across restarts.

What is charged is what the engine is asked for, before it is asked. All mounts of a user share one
SQLite file, so that two mounts do not have two budgets. Its journal is a WAL that the kernel writes
to the disk in its own time, and `settle` does what has to wait for the disk: no read waits for it.
What was charged outlives every process; a power failure may lose the charges of the last half
minute (vm.dirty_expire_centisecs).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

from cachetools import LRUCache

from biofs.store.database.files import make_directory
from biofs.store.database.store import enter_wal

_DAY_SECONDS: Final = 86_400
_MOST_CHARGED: Final = 1 << 20
"""Pieces that are known to be charged; others are charged again."""
_BUSY_SECONDS: Final = 10.0
_FILES: Final = """CREATE TABLE IF NOT EXISTS files
    (info_hash BLOB, file INTEGER, bytes INTEGER, PRIMARY KEY (info_hash, file))"""
_DAYS: Final = "CREATE TABLE IF NOT EXISTS days (day INTEGER PRIMARY KEY, bytes INTEGER)"


class Limits(NamedTuple):
    """In bytes: of one file, on one day (UTC), and in all."""

    file: int
    day: int
    total: int


class ReadBudget:
    """See the module. For threads; may be called from several. `path` None keeps it in memory."""

    def __init__(self, path: Path | None, limits: Limits) -> None:
        self._path: Final = path
        self._limits: Final = limits
        self._lock: Final = threading.Lock()
        self._turn: Final = threading.Lock()
        """Held while it is found out what is to be charged."""
        self._paid: Final[LRUCache[tuple[bytes, int], None]] = LRUCache(_MOST_CHARGED)
        self._connection: sqlite3.Connection | None = None
        self._settled = False
        """Nothing was charged since."""
        self._closed = False

    def settle(self) -> None:
        """Move what was charged from the journal to the file, and begin the journal anew.

        SQLite waits for the disk in all of that (sqlite.org/wal.html), for seconds if it is busy:
        so somebody has to call this before anything is charged, and then now and then. Whatever
        goes wrong will go wrong for who charges next.
        """
        with suppress(sqlite3.Error, OSError):
            with self._lock:
                if self._settled or self._closed:
                    return
                self._connected()
                self._settled = True
            if self._path is not None:
                with closing(sqlite3.connect(self._path)) as own:
                    own.execute("PRAGMA wal_checkpoint(PASSIVE)")
            with self._lock:
                if self._connection is not None:
                    # Any write: the first one in a journal waits until its header is on the disk.
                    self._connection.execute("PRAGMA user_version = 1")

    def charge_once(
        self, info_hash: bytes, file: int, pieces: Sequence[int], sizes: Sequence[int], now: float
    ) -> int:
        """Charge those of the pieces that were not charged before, as `charge` does.

        How many of all pieces, in order, may be asked for.
        """
        with self._turn:
            new = [at for at, piece in enumerate(pieces) if (info_hash, piece) not in self._paid]
            count = self.charge(info_hash, file, [sizes[at] for at in new], now) if new else 0
            for at in new[:count]:
                self._paid[info_hash, pieces[at]] = None
            return len(pieces) if count == len(new) else new[count]

    def charge(self, info_hash: bytes, file: int, sizes: Sequence[int], now: float) -> int:
        """Charge pieces of these sizes, in order, and say how many of them there was room for.

        `now` is in seconds since the epoch. Raises OSError if the state cannot be kept: then
        nothing may be fetched.
        """
        day = int(now // _DAY_SECONDS)
        with self._lock:
            try:
                return self._charged(self._connected(), (info_hash, file), day, sizes)
            except sqlite3.Error as error:
                self._drop()
                raise OSError(f"the budget of reads cannot be kept: {error}") from None

    def _charged(
        self, connection: sqlite3.Connection, key: tuple[bytes, int], day: int, sizes: Sequence[int]
    ) -> int:
        connection.execute("BEGIN IMMEDIATE")
        try:
            room = self._room(connection, key, day)
            count = taken = 0
            for size in sizes:
                if taken + size > room:
                    break
                taken += size
                count += 1
            if taken:
                self._settled = False
                connection.execute(
                    "INSERT INTO files VALUES (?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
                    (*key, taken),
                )
                connection.execute(
                    "INSERT INTO days VALUES (?, ?)"
                    " ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
                    (day, taken),
                )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return count

    def _room(self, connection: sqlite3.Connection, key: tuple[bytes, int], day: int) -> int:
        def one(query: str, *values: object) -> int:
            found = connection.execute(query, values).fetchone()
            return int(found[0] or 0) if found else 0

        limits = self._limits
        return min(
            limits.file
            - one("SELECT bytes FROM files WHERE info_hash = ? AND file = ?", key[0], key[1]),
            limits.day - one("SELECT bytes FROM days WHERE day = ?", day),
            limits.total - one("SELECT sum(bytes) FROM days"),
        )

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            name = ":memory:"
            if self._path is not None:
                make_directory(self._path.parent)
                name = str(self._path)
            connection = sqlite3.connect(
                name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                enter_wal(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_autocheckpoint = 0")
                for statement in (_FILES, _DAYS):
                    connection.execute(statement)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with closing(connection):
                pass

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            self._drop()
