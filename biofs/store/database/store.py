"""The store: one SQLite file for a server and an account, or memory where no file is wanted.

Point reads happen in the event loop (13 µs each, a thread would cost 150 µs); writes and scans go
to a thread. Readers and the writer hold connections of their own, so that a write transaction in
its thread never keeps a point read in the loop waiting (SQLite's WAL mode, sqlite.org/wal.html).

A file that fails while it is in use, or is removed, is left: what can still be read of it is taken
along into memory, with one warning, and the mount goes on. A cache is worth nothing that stops its
reader.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

import trio

from biofs.store import facets, fulltext
from biofs.store.database import schema
from biofs.store.database.files import (
    StoreCorrupt,
    StoreError,
    beside,
    make_private,
    set_aside,
)
from biofs.store.database.read_only import uri
from biofs.store.database.schema import APPLICATION_ID, VERSION, statements
from biofs.store.database.writing import Writes

log = logging.getLogger(__name__)

T = TypeVar("T")
BUSY_TIMEOUT: Final = 10.0  # seconds a writer waits for another process's transaction
_BUSY_PAUSE: Final = 0.01  # seconds
_COPIED_AT_MOST: Final = 256 << 20  # bytes of a failing file that are taken along into memory

_CORRUPT: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_FAILING: Final = _CORRUPT | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
}


class Version(Protocol):
    """A store as it was at some moment: what a reader began with, and goes on with."""

    def reading(self) -> AbstractContextManager[None]:
        """While the context is open, the task and the threads it starts read this."""

    def let_go(self) -> None:
        """The reader has ended."""


class Store:
    """Connections to one store.

    `path` None keeps everything in memory, for as long as the object lives. Raises StoreError for
    a file that is corrupt, belongs to another program or was written by a newer biofs, OSError for
    one that cannot be made or opened.
    """

    read_only = False
    """Whether what is known stays as it is."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.changes = 0
        """Grows with every change: what was read at the same number is still right."""
        self._write_lock = threading.Lock()
        self._writes: Final = Writes(self.write_now)
        self._data_version = 0
        if path is not None:
            make_private(path)
        try:
            self._open(path)
        except sqlite3.DatabaseError as error:
            kind = StoreCorrupt if _code(error) in _CORRUPT else StoreError
            raise kind(f"{path}: {error}") from error

    def _open(self, path: Path | None) -> None:
        self._writer = _connect(path)
        try:
            self._prepare()
            # In memory a second connection would see another, empty database.
            self._reader = self._writer if path is None else _connect(path)
        except BaseException:
            self._writer.close()
            raise
        self._files = _identities(path)

    def _prepare(self) -> None:
        """Create the tables of an empty file; migrate those of an older version."""
        with self._transaction("DEFERRED") as connection:  # one view of it: another may make it now
            self._check(connection)
        with self._transaction() as connection:
            # Again: another process may have migrated it while this one waited for the lock.
            version = self._check(connection)
            if version:
                schema.migrate(connection, version)
            for statement in statements():
                connection.execute(statement)
            fulltext.prepare(connection)
            facets.register_kinds(connection, empty=not version)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")

    def _check(self, connection: sqlite3.Connection) -> int:
        """The version of the store, 0 of an empty file. Raises StoreError if it is not ours."""
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            return 0
        if owner != APPLICATION_ID or version < 1:
            raise StoreError(f"{self.path}: not a store of biofs")
        if version > VERSION:
            raise StoreError(f"{self.path}: written by a newer biofs (format {version})")
        return int(version)

    @contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        connection = self._writer
        connection.execute(f"BEGIN {kind}")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.DatabaseError):  # SQLite has rolled back already after some
                connection.execute("ROLLBACK")
            raise

    def one(self, query: str, *parameters: object) -> tuple[object, ...] | None:
        """The first row of a point read, or None. For the event loop: keep it to an index."""
        reader = self._reader
        try:
            row: tuple[object, ...] | None = reader.execute(query, parameters).fetchone()
        except sqlite3.DatabaseError as error:
            self._leave_failed(reader, error)
            row = self._reader.execute(query, parameters).fetchone()
        return row

    def integer(self, query: str, *parameters: object) -> int | None:
        """The integer that is the first row of a point read; None without a row, or for NULL."""
        row = self.one(query, *parameters)
        return row[0] if row and isinstance(row[0], int) else None

    def blob(self, query: str, *parameters: object) -> bytes | None:
        """The bytes that are the first row of a point read; None without a row, or for NULL."""
        row = self.one(query, *parameters)
        return row[0] if row and isinstance(row[0], bytes) else None

    def record(self, make: Callable[..., T], query: str, *parameters: object) -> T | None:
        """The first row of a point read, its columns given to `make` in their order, or None."""
        row = self.one(query, *parameters)
        return None if row is None else make(*row)

    def records(self, make: Callable[..., T], query: str, *parameters: object) -> list[T]:
        """All rows of a read that is known to be short, as `record` makes one."""
        return [make(*row) for row in self.rows(query, *parameters)]

    def integers(self, query: str, *parameters: object) -> list[int]:
        """The integers that are the rows of a read that is known to be short."""
        return [row[0] for row in self.rows(query, *parameters) if isinstance(row[0], int)]

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """All rows of a read that is known to be short."""
        reader = self._reader
        try:
            return reader.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            self._leave_failed(reader, error)
            return self._reader.execute(query, parameters).fetchall()

    def early(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """All rows of a short read of what may be needed next; none if that fails, which whoever
        needs them finds out."""
        try:
            return self._in_use().execute(query, parameters).fetchall()
        except sqlite3.DatabaseError:
            return []

    def _in_use(self) -> sqlite3.Connection:
        """The connection from which the task reads."""
        return self._reader

    def write_now(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in one transaction in this thread; it may be run again."""
        with self._write_lock:
            try:
                with self._transaction() as connection:
                    return change(connection)
            except sqlite3.DatabaseError as error:
                self._leave_file(error, locked=True)
                with self._transaction() as connection:
                    return change(connection)
            finally:
                self.changes += 1

    async def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` in a transaction in a thread, perhaps with others; all of it happens or
        nothing. It may be run again."""
        return await self._writes.write(change)

    def data_version(self) -> int:
        """A number that changes when another connection than our writer's has written.

        Asked once a second, so this is where it is noticed that the file is gone.
        """
        if self._is_gone():
            self._leave_gone()
        if not self._write_lock.acquire(blocking=False):
            return self._data_version  # we are writing ourselves: it can be asked later
        try:
            (self._data_version,) = self._writer.execute("PRAGMA data_version").fetchone()
        except sqlite3.DatabaseError as error:
            self._leave_file(error, locked=True)
        finally:
            self._write_lock.release()
        return self._data_version

    async def shrink(self) -> None:
        """Give the pages that nothing stands on any more back to the disk."""

        def vacuum() -> None:
            with self._write_lock, suppress(sqlite3.OperationalError):  # another process writes
                self._writer.execute("PRAGMA incremental_vacuum").fetchall()

        await trio.to_thread.run_sync(vacuum)

    async def scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        """Run a long read in a thread, on a connection of its own: no point read waits for it."""
        return await trio.to_thread.run_sync(self._scan, read)

    def _scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        path = self.path
        if path is None:
            return read(self._reader)
        try:
            with closing(_connect(path, create=False)) as connection:
                # What stands at the path now may be another file, and this one's content is
                # known only after it was opened.
                if not self._is_gone():
                    return read(connection)
        except sqlite3.DatabaseError as error:
            if not self._is_gone():
                self._leave_file(error)
        self._leave_gone()
        return read(self._reader)

    def _is_gone(self) -> bool:
        """Whether the file that is open was removed, or another one stands in its place."""
        path = self.path
        return path is not None and any(
            before not in {None, now}
            for before, now in zip(self._files, _identities(path), strict=True)
        )

    def _leave_gone(self) -> None:
        self._leave("was removed", corrupt=False)

    def _leave_failed(self, reader: sqlite3.Connection, error: sqlite3.DatabaseError) -> None:
        """As `_leave_file`, unless another thread has left it while `reader` read from it."""
        if reader is self._reader:
            self._leave_file(error)

    def _leave_file(self, error: sqlite3.DatabaseError, *, locked: bool = False) -> None:
        """Go on in memory if the file has failed; raise `error` if that is not what it says."""
        code = _code(error)
        if self.path is None or code not in _FAILING:
            raise error
        self._leave(str(error), corrupt=code in _CORRUPT, locked=locked)

    def _leave(self, why: str, *, corrupt: bool, locked: bool = False) -> None:
        """Go on in memory, once. Until what can be read is there, readers have the file."""
        with _holding(locked, self._write_lock):
            path = self.path
            if path is None:
                return  # another thread was here first
            log.warning("%s: %s: continuing with an in-memory cache", path, why)
            old = self._reader, self._writer
            gone = self._is_gone()
            self._writer = _connect(None)
            self._prepare()
            if not corrupt:
                with suppress(sqlite3.DatabaseError):
                    _copy(old[0], self._writer)
            self._reader = self._writer
            self.path = None
            self.changes += 1
            if corrupt and not gone:  # what stands there now may be another process's
                set_aside(path)
            for connection in old:
                with suppress(sqlite3.DatabaseError):
                    connection.close()

    def hold(self) -> Version | None:
        """What is known now, kept for a reader that goes on later, until it calls `let_go`.

        None where nothing needs to be kept: the store changes row by row, never as a whole.
        """
        return None

    def close(self) -> None:
        """Close the connections. What was written stays."""
        with self._write_lock:
            if self._reader is not self._writer:
                self._reader.close()
            self._writer.close()


@contextmanager
def _holding(held: bool, lock: threading.Lock) -> Iterator[None]:
    """Hold `lock`, unless this thread has it already."""
    if held:
        yield
    else:
        with lock:
            yield


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Take along what a file has, unless that is too much. Raises sqlite3.DatabaseError."""
    (pages,) = source.execute("PRAGMA page_count").fetchone()
    (size,) = source.execute("PRAGMA page_size").fetchone()
    if pages * size <= _COPIED_AT_MOST:
        source.backup(target)


def _identities(path: Path | None) -> list[tuple[int, int] | None]:
    """Which files stand at a store's paths: device and inode, None where there is none.

    Its log and the log's index count: without them, a store lacks what was written last. They are
    there as long as anybody has the store open (sqlite.org/walformat.html).
    """
    return [] if path is None else [_identity(each) for each in (path, *beside(path)[:2])]


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path | None, *, create: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:" if path is None else uri(path, "mode=rwc" if create else "mode=rw"),
        uri=path is not None,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    if path is not None:
        try:
            # Lets space that eviction frees go back to the disk. It has an effect on an empty file
            # only, and entering WAL writes the first page.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            enter_wal(connection)
            # A crash of the machine may lose the last answers, never the file's consistency.
            connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
    return connection


def enter_wal(connection: sqlite3.Connection) -> None:
    """Journal as WAL. SQLite does not wait here for another process that does the same: each would
    hold what the other needs (sqlite.org/c3ref/busy_handler.html).
    """
    give_up = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_BUSY_PAUSE)
        else:
            return


def _code(error: sqlite3.DatabaseError) -> int:
    """SQLite's primary result code (sqlite.org/rescode.html), 0 if there is none."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
