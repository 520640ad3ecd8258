"""Snapshots: a whole catalogue as one file that is never written again.

A snapshot holds what the server tells everyone. Of the account that fetched it, it keeps nothing:
only the catalogue's own tables are copied, and the marks in them that are the account's (what it
has bookmarked or downloaded) are taken back.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from biofs.store.coverage import Coverage, measure
from biofs.store.database import normal_form
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import check_ours, distrust, uri
from biofs.store.database.schema import APPLICATION_ID, VERSION, statements
from biofs.store.database.store import Store
from biofs.store.snapshots import cache, identity

T = TypeVar("T")
COPIED: Final = (
    *("groups", "torrents", "facets", "group_facets", "authors", "hashes"),
    *("details", "file_lists", "listings"),
)
LEFT: Final = (
    *("trees", "meta", "pages", "answers", "words", "notices", "pace"),
    "facet_kinds",
)
"""What is the account's, of use only to those who ask the server or fill the store, or must not
come from strangers. A mount of a snapshot has these tables in memory.

`totals` is neither copied nor left: it is computed again."""

MADE: Final = "snapshot made"  # keys of `meta`: epoch seconds, and the server's URL
SERVER: Final = "snapshot of"
_LAST: Final = 2.0**33
_STEPS: Final = 100_000  # of SQLite's virtual machine between two ticks
ATTACHED: Final = "snapshot"
_PAGE_BYTES: Final = 8192  # larger pages suit files that are only read

_INDEX: Final = re.compile(r"\s*(--.*\s+)*CREATE INDEX")
_MAKES: Final = re.compile(
    r"CREATE (?:TABLE IF NOT EXISTS (\w+)|INDEX IF NOT EXISTS \w+ ON (\w+))", re.ASCII
)


class About(NamedTuple):
    """What a snapshot says of itself: when it was made (epoch seconds), and of which server."""

    made: float
    server: str


def _statements() -> Iterator[tuple[str, str]]:
    """The statements that make a store's tables and indexes, each with its table's name."""
    for statement in statements():
        made = _MAKES.search(statement)
        if made is not None:
            yield made[1] or made[2], statement


def _write(
    source: Path, target: Path, now: float, server: str, tick: Callable[[], None] | None
) -> Coverage:
    connection = sqlite3.connect(uri(target, "mode=rwc"), uri=True, isolation_level=None)
    try:
        if tick is not None:
            connection.set_progress_handler(tick, _STEPS)
        # Until it is whole it is of no use to anybody: no journal is needed.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA secure_delete = ON")  # what is between rows is zero
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("ATTACH ? AS store", (uri(source, "mode=ro"),))
        check_ours(connection, source, "store")
        connection.execute("BEGIN")
        made = [statement for _, statement in _statements()]
        for statement in made:
            if not _INDEX.match(statement):
                connection.execute(statement)
        normal_form.copy(connection)
        # Afterwards: they are smaller then, and made faster.
        for statement in filter(_INDEX.match, made):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO main.meta VALUES (?, ?)", [(MADE, float(now)), (SERVER, server)]
        )
        identity.note(connection, identity.computed(connection, server, tick))
        connection.execute("COMMIT")
        connection.execute("DETACH store")
        return measure(connection)
    finally:
        connection.close()


def write(
    source: Path,
    target: Path,
    now: float,
    server: str,
    tick: Callable[[], None] | None = None,
) -> Coverage:
    """Write a snapshot of the store `source` to `target`, which is empty or not there yet.

    The store may be in use: what stands in it at one moment is taken. Returns what the snapshot
    holds; calls `tick` now and then. Raises StoreError if the store cannot be read or the file not
    be written.
    """
    try:
        return _write(source, target, now, server, tick)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{source}: {error}") from None


def about_of(connection: sqlite3.Connection, path: Path) -> About:
    """What the snapshot says of itself to which `connect` led. Raises StoreError."""
    try:
        meta = dict(connection.execute("SELECT key, value FROM snapshot.meta").fetchall())
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: not a snapshot: {error}") from None
    made, server = meta.get(MADE), meta.get(SERVER)
    if not isinstance(made, float) or not 0 <= made < _LAST or not isinstance(server, str):
        raise StoreError(f"{path}: not a snapshot; create one with `biofs export`")
    return About(made, server)


def connect(file: Path) -> sqlite3.Connection:
    """A database in memory with all tables but those that the snapshot brings. Raises StoreError.

    A name without a database before it is looked for in the main one first and then in what is
    attached (sqlite.org/lang_naming.html).
    """
    connection = sqlite3.connect(
        "file::memory:",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        distrust(connection)
        # Immutable: no locks either, so that it can lie where nobody can write.
        connection.execute("ATTACH ? AS snapshot", (uri(file, "mode=ro&immutable=1"),))
        check_ours(connection, file, ATTACHED, foreign=True)
        for table, statement in _statements():
            if table in LEFT:
                connection.execute(statement)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.DatabaseError):
            raise StoreError(f"{file}: not a snapshot: {error}") from None
        raise
    return connection


def opened(file: Path) -> tuple[sqlite3.Connection, About]:
    """As `connect`, ready for readers, and what the snapshot says of itself. Raises StoreError."""
    connection = connect(file)
    try:
        about = about_of(connection, file)
        normal_form.restore_times(connection, about.made)
    except BaseException:
        connection.close()
        raise
    return connection, about


class Snapshot(Store):
    """The store in a file made by `write`. The file is never written, nor is anything beside it.

    What else a mount notes is kept in memory. Raises StoreError for any other file.
    """

    read_only = True

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__(None)

    def _open(self, path: Path | None) -> None:
        self._reader, self.about = opened(self._file)
        self._writer = self._reader
        self._held = cache.hold(self._file)

    def close(self) -> None:
        """Close the connections, and say that the file is not in use any more."""
        super().close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        connection, _ = opened(self._file)
        with closing(connection):
            return read(connection)
