"""Whether a database from somebody else holds our tables and nothing else.

A table can be a view that never ends, or have columns that are computed: SQLite runs what a schema
says (sqlite.org/security.html). So what stands in the schema must be what we would have written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Final

from biofs.catalogue import fulltext
from biofs.catalogue.schema import statements

_SHADOW: Final = "texts_"
"""The tables of FTS5. How it writes them hangs on SQLite's version; it sees to them itself."""


@cache
def _ours() -> frozenset[tuple[object, ...]]:
    with closing(sqlite3.connect(":memory:")) as fresh:
        for statement in statements():
            fresh.execute(statement)
        fulltext.prepare(fresh)
        return _schema(fresh.execute, "main")


def foreign_in(connection: sqlite3.Connection, database: str = "main") -> str:
    """The name of something in the schema of `database` that we did not write, "" if all is ours.

    Raises sqlite3.DatabaseError.
    """
    unknown = _schema(connection.execute, database) - _ours()
    return min((str(name) for _, name, _ in unknown), default="")


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
