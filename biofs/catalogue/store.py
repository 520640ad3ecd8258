"""The store: one SQLite file for a server and an account, or memory where no file is wanted.

Point reads happen in the event loop (13 µs each, a thread would cost 150 µs); writes and scans go
to a thread. Readers and the writer hold connections of their own, so that a write transaction in
its thread never keeps a point read in the loop waiting (SQLite's WAL mode, sqlite.org/wal.html).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import trio

from biofs.catalogue.schema import APPLICATION_ID, TABLES, VERSION

log = logging.getLogger(__name__)

T = TypeVar("T")
BUSY_TIMEOUT: Final = 10.0  # seconds a writer waits for another process's transaction


class StoreError(Exception):
    """The file is not a store that this version can use; the message says why."""


class Store:
    """Connections to one store.

    `path` None keeps everything in memory, for as long as the object lives. Raises StoreError for
    a file that is corrupt, belongs to another program or was written by a newer biofs.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._write_lock = threading.Lock()
        if path is not None:
            _make_private(path)
        try:
            self._writer = self._connect()
            self._prepare()
            # In memory a second connection would see another, empty database.
            self._reader = self._writer if path is None else self._connect()
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{path}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            ":memory:" if self.path is None else self.path,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA foreign_keys = OFF")
        if self.path is not None:
            connection.execute("PRAGMA journal_mode = WAL")
            # A crash of the machine may lose the last answers, never the file's consistency.
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self) -> None:
        """Create the tables of an empty file, or check that a filled one is ours."""
        (owner,) = self._writer.execute("PRAGMA application_id").fetchone()
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and owner != APPLICATION_ID:
            raise StoreError(f"{self.path}: not a store of biofs")
        if version > VERSION:
            raise StoreError(f"{self.path}: written by a newer biofs (format {version})")
        with self._transaction() as connection:
            for statement in TABLES.split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def one(self, query: str, *parameters: object) -> tuple[object, ...] | None:
        """The first row of a point read, or None. For the event loop: keep it to an index."""
        row: tuple[object, ...] | None = self._reader.execute(query, parameters).fetchone()
        return row

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """All rows of a read that is known to be short."""
        return self._reader.execute(query, parameters).fetchall()

    def write_now(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in one transaction in this thread."""
        with self._transaction() as connection:
            return change(connection)

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in one transaction in a thread; all of it happens or nothing."""
        return await trio.to_thread.run_sync(self.write_now, change)

    def close(self) -> None:
        """Close the connections. What was written stays."""
        with self._write_lock:
            if self._reader is not self._writer:
                self._reader.close()
            self._writer.close()


def _make_private(path: Path) -> None:
    """Make the directory 0700 and the file 0600, before SQLite would make them readable."""
    path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, stat.S_IRUSR | stat.S_IWUSR)
    os.close(descriptor)
