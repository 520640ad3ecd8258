"""A snapshot's identity: a checksum of what it says, whatever its file looks like.

For each table, the hashes of its rows (BLAKE2b of the row as MessagePack, 16 bytes) are added up
modulo 2^128. A sum has no order, and a row can be taken out of it again: so a snapshot that a delta
has changed has the sum that the whole one has, at the cost of the rows that changed. The id is the
SHA-256 of the server's URL, and of each table's name, number of rows and sum. When the snapshot was
made is no part of it.

Sums of short hashes can be forged by who may choose many rows. They show that a file was put
together rightly; that it comes from whom one trusts is shown by the SHA-256 of what was fetched,
which the signed description has.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.snapshots.tables import Table, present

KEY: Final = "snapshot sums"
"""Under which `meta` has the sums: of a snapshot that was exported or reached by deltas."""

_MODULUS: Final = 1 << 128
_ROWS: Final = 10_000  # between two ticks
_encode: Final = msgspec.msgpack.Encoder().encode
_PLACES: Final = 32  # hexadecimal digits of a sum


def row_hash(row: tuple[object, ...]) -> int:
    """A row's part of its table's sum. Raises OverflowError or TypeError for what is no row."""
    return int.from_bytes(hashlib.blake2b(_encode(row), digest_size=16).digest(), "big")


@dataclass
class Sum:
    """The number of a table's rows, and the sum of their hashes."""

    rows: int = 0
    total: int = 0

    def add(self, row: tuple[object, ...]) -> None:
        self.rows += 1
        self.total = (self.total + row_hash(row)) % _MODULUS

    def remove(self, row: tuple[object, ...]) -> None:
        self.rows -= 1
        self.total = (self.total - row_hash(row)) % _MODULUS


@dataclass
class Sums:
    """The sums of a snapshot's tables, by name, and the server whose catalogue it is."""

    server: str
    tables: dict[str, Sum] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The snapshot's identity: 64 hexadecimal digits."""
        return hashlib.sha256(_encode([1, self.server, self._listed()])).hexdigest()

    def text(self) -> str:
        """The sums, to be kept."""
        return msgspec.json.encode([self.server, self._listed()]).decode()

    def _listed(self) -> list[tuple[str, int, str]]:
        return [
            (name, each.rows, f"{each.total:0{_PLACES}x}")
            for name, each in sorted(self.tables.items())
        ]


def parse(text: object) -> Sums | None:
    """The sums in what `text` gave; None for anything else."""
    try:
        server, tables = msgspec.json.decode(str(text), type=tuple[str, list[tuple[str, int, str]]])
        return Sums(server, {name: Sum(rows, int(total, 16)) for name, rows, total in tables})
    except (msgspec.MsgspecError, ValueError):
        return None


def known(connection: sqlite3.Connection, database: str = "main") -> Sums | None:
    """The sums that a snapshot itself says it has; None if it says none."""
    row = connection.execute(
        f"SELECT value FROM {database}.meta WHERE key = ?",  # noqa: S608 - a name of ours
        (KEY,),
    ).fetchone()
    return parse(row[0]) if row else None


def note(connection: sqlite3.Connection, sums: Sums) -> None:
    """Write the sums into the snapshot that has them."""
    connection.execute("INSERT OR REPLACE INTO main.meta VALUES (?, ?)", (KEY, sums.text()))


def computed(
    connection: sqlite3.Connection, server: str, tick: Callable[[], None] | None = None
) -> Sums:
    """Read all of a snapshot: for a thread, some seconds for 100,000 groups.

    Raises sqlite3.DatabaseError for a damaged one.
    """
    tables = present(connection)
    return Sums(server, {table.name: _sum(connection, table, tick) for table in tables})


def _sum(connection: sqlite3.Connection, table: Table, tick: Callable[[], None] | None) -> Sum:
    rows, total = 0, 0
    cursor = connection.execute(table.select())
    while portion := cursor.fetchmany(_ROWS):
        rows += len(portion)
        total += _added(portion)
        if tick is not None:
            tick()
    return Sum(rows, total % _MODULUS)


def _added(rows: Iterable[tuple[object, ...]]) -> int:
    encode, blake2b, number = _encode, hashlib.blake2b, int.from_bytes
    return sum(number(blake2b(encode(row), digest_size=16).digest(), "big") for row in rows)


def verify(file: Path, tick: Callable[[], None] | None = None) -> str:
    """Read all of a snapshot and return its id, if that is what it says of itself; for a thread.

    Raises StoreError if it says another or none, sqlite3.DatabaseError if it is damaged.
    """
    with closing(open_read_only(file, foreign=True)) as connection:
        said = known(connection)
        if said is None:
            raise StoreError(f"{file}: says nothing of its identity: export it again")
        found = computed(connection, said.server, tick).id
        if found != said.id:
            raise StoreError(f"{file}: holds something else than it says")
        return found
