"""A store's file opened only to read: by a command that needs no mount, or as a snapshot.

A file may come from anybody. Its schema can hold a view that never ends, or columns that are
computed: SQLite runs what a schema says (sqlite.org/security.html). So a stranger's file is opened
with SQLite's own precautions, and refused if its schema holds what we would not have written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from biofs.store import fulltext
from biofs.store.database.files import BESIDE, StoreError
from biofs.store.database.schema import APPLICATION_ID, READABLE_FROM, VERSION, statements

_NOT_WRITABLE: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}
_SHADOW: Final = "texts_"
"""The tables of FTS5. How it writes them depends on SQLite's version; it checks them itself."""


def uri(path: Path, options: str) -> str:
    """The file as SQLite's URI (sqlite.org/uri.html)."""
    return f"file:{quote(bytes(path))}?{options}"


def open_read_only(path: Path, *, foreign: bool) -> sqlite3.Connection:
    """Open a store, or a `foreign` file that may come from anybody; the caller closes it.

    Works for a file of an older version, and on a file system where nothing can be written. Raises
    StoreError for a file that is not ours or of a version that cannot be read, and
    sqlite3.DatabaseError for one that is damaged or not there.
    """
    connection = _connected(path)
    try:
        distrust(connection)
        check_ours(connection, path, foreign=foreign)
    except BaseException:
        connection.close()
        raise
    return connection


def distrust(connection: sqlite3.Connection) -> None:
    """Have SQLite take care of what a file from anybody may hold (sqlite.org/security.html)."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")


def check_ours(
    connection: sqlite3.Connection, path: Path, database: str = "main", *, foreign: bool = False
) -> None:
    """Raise StoreError for a file of another program, or of a version that cannot be read.

    Also for a `foreign` file that holds what `biofs export` does not write. A store of the user's
    own may have other indexes, of a biofs that wrote these.
    """
    (owner,) = connection.execute(f"PRAGMA {database}.application_id").fetchone()
    (version,) = connection.execute(f"PRAGMA {database}.user_version").fetchone()
    if owner != APPLICATION_ID:
        raise StoreError(f"{path}: not a file of biofs")
    if version > VERSION:
        raise StoreError(f"{path}: written by a newer biofs (format {version})")
    if version < READABLE_FROM:
        remedy = "export it again" if foreign else "`biofs mount` brings it up to date"
        raise StoreError(f"{path}: written by an older biofs (format {version}): {remedy}")
    strange = foreign_in(connection, database) if foreign else ""
    if strange:
        raise StoreError(
            f"{path}: not a snapshot: holds {strange!r}, which `biofs export` does not write"
        )


def foreign_in(connection: sqlite3.Connection, database: str = "main") -> str:
    """The name of something in the schema of `database` that we did not write, "" if all is ours.

    Raises sqlite3.DatabaseError.
    """
    unknown = _schema(connection.execute, database) - _ours()
    return min((str(name) for _, name, _ in unknown), default="")


def _connected(path: Path) -> sqlite3.Connection:
    """A connection that has read from the file, which SQLite opens only then.

    To read a file in WAL mode SQLite makes one beside it. Where that cannot be, the file is taken
    as it is, unless changes stand beside it.
    """
    try:
        return _connect(path, "mode=ro")
    except sqlite3.OperationalError as error:
        unwritten = (path.with_name(path.name + suffix) for suffix in BESIDE)
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or any(map(_has_bytes, unwritten)):
            raise
        return _connect(path, "mode=ro&immutable=1")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri(path, options), uri=True)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


@cache
def _ours() -> frozenset[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        for statement in statements():
            fresh.execute(statement)
        fulltext.prepare(fresh)
        return _schema(fresh.execute, "main")


def _schema(
    execute: Callable[[str], sqlite3.Cursor], database: str
) -> frozenset[tuple[object, ...]]:
    rows = execute(f"SELECT type, name, sql FROM {database}.sqlite_master")  # noqa: S608 - ours
    return frozenset(
        (kind, name, None if _is_shadow(kind, name, sql) else sql) for kind, name, sql in rows
    )


def _is_shadow(kind: object, name: object, sql: object) -> bool:
    plain = kind == "table" and str(sql).startswith("CREATE TABLE")
    return plain and str(name).startswith(_SHADOW)
