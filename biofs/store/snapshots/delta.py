"""Deltas: what leads from one snapshot to another, at the cost of the rows that differ.

A delta is a compressed sequence of records, each its length (4 bytes, big-endian) and a MessagePack
array:

    ["biofs delta", 1, from id, to id, server, when the new one was made (epoch seconds)]
    [t]                     what follows is of table t (`tables.TABLES`, by number)
    [[key …]]               the row with this key goes
    [column …, column]      the row as it is now, whether it was there or not
    []                      the end

A sequence of records needs no parser that a stranger could surprise, and no room of its own: it is
applied as it is unpacked. A table's rows that go stand before those that come.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from biofs.settings import private_files
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import check_ours, distrust, uri
from biofs.store.snapshots import identity
from biofs.store.snapshots.description import DeltaFile
from biofs.store.snapshots.packing import MOST_UNPACKED, Packer, Unpacker
from biofs.store.snapshots.tables import Table, present

MOST_OF_A_RECORD: Final = 300 << 20
"""Bytes. A file list has at most 256 MiB, a detail no more."""

_TITLE: Final = "biofs delta"
_FORMAT: Final = 1
_LENGTH: Final = struct.Struct(">I")
_STEP: Final = 1 << 20

_VALUES: Final = (type(None), int, float, str, bytes)
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Any]).decode


class Header(msgspec.Struct, array_like=True, frozen=True):
    """What a delta begins with: see the module."""

    title: str
    format: int
    from_id: str
    to_id: str
    server: str
    made: float


_decode_header: Final = msgspec.msgpack.Decoder(Header).decode


class Made(msgspec.Struct, frozen=True):
    """A delta that was written: between which snapshots, and how many bytes it has unpacked."""

    from_id: str
    to_id: str
    unpacked_size: int
    rows: int


# Making one.


def make(old: Path, new: Path, target: BinaryIO) -> Made:
    """Write the delta between two snapshots, which `biofs export` wrote; for a thread.

    The same two give the same bytes. Raises StoreError for other files, sqlite3.DatabaseError for
    damaged ones, OSError if it cannot be written.
    """
    # Compressed with its size at the head, so that a reader knows what to expect.
    with tempfile.TemporaryFile() as plain, closing(_both(old, new)) as connection:
        sums = [identity.known(connection, database) for database in ("old", "main")]
        if sums[0] is None or sums[1] is None:
            raise StoreError(f"{old if sums[0] is None else new}: has no identity: export it again")
        meta = dict(connection.execute("SELECT key, value FROM main.meta"))
        header = Header(
            *(_TITLE, _FORMAT, sums[0].id, sums[1].id, sums[1].server, meta["snapshot made"])
        )
        rows = 0
        for number, record in enumerate(_records(connection, header)):
            plain.write(_LENGTH.pack(len(record)) + record)
            rows = number
        size = plain.tell()
        plain.seek(0)
        packer = Packer(target, size)
        while portion := plain.read(_STEP):
            packer.write(portion)
        packer.end()
    return Made(header.from_id, header.to_id, size, rows)


def _both(old: Path, new: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri(new, "mode=ro&immutable=1"), uri=True, isolation_level=None)
    try:
        distrust(connection)
        connection.execute("ATTACH ? AS old", (uri(old, "mode=ro&immutable=1"),))
        check_ours(connection, new, foreign=True)
        check_ours(connection, old, "old", foreign=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _records(connection: sqlite3.Connection, header: Header) -> Iterator[bytes]:
    yield _encode(header)
    had = present(connection, "old")
    if had != present(connection):
        raise StoreError("one of the snapshots has a full text, and the other has none")
    for number, table in enumerate(had):
        yield _encode([number])
        for row in connection.execute(_gone(table)):
            yield _encode([row])
        for row in connection.execute(_come(table)):
            yield _encode(row)
    yield _encode([])


def _gone(table: Table) -> str:
    # Where rows that change might meet before all have changed, they go first.
    return _missing(table, table.key, "old", "main", whole=table.unique)


def _come(table: Table) -> str:
    return _missing(table, table.columns, "main", "old", whole=True)


def _missing(table: Table, columns: Iterable[str], here: str, there: str, *, whole: bool) -> str:
    """Which rows of `here` are not `there`: with their key, or with all that is in them."""
    same = [f"t.{name} = h.{name}" for name in table.key]
    if whole:
        same += [f"t.{name} IS h.{name}" for name in table.columns[table.keys :]]
    return (
        f"SELECT {', '.join(columns)} FROM {here}.{table.name} AS h"  # noqa: S608 - our own names
        f" WHERE NOT EXISTS (SELECT 1 FROM {there}.{table.name} AS t WHERE {' AND '.join(same)})"
        f" ORDER BY {', '.join(table.key)}"
    )


# Applying one.


def apply(
    base: Path,
    delta: Path,
    into: Path,
    wanted: DeltaFile,
    *,
    most: int = MOST_UNPACKED,
    tick: Callable[[], None] | None = None,
) -> None:
    """Write to `into` what `delta` makes of the snapshot `base`; for a thread.

    `base` stays as it is, and may be mounted. `into` is there whole or not at all, and has the
    identity that `wanted` says: computed from the sums that `base` has of itself and the rows that
    changed. Raises StoreError for a delta that is damaged, does not fit, or leads elsewhere,
    OSError if the disk does not take it.
    """
    try:
        with delta.open("rb") as opened, private_files.replacing(into) as fresh:
            unpacker = Unpacker(opened, delta, min(most, wanted.unpacked_size))
            _copy(base, fresh)
            with closing(_open(fresh, base)) as connection:
                _apply(connection, unpacker, wanted, tick)
            if unpacker.sha256() != wanted.sha256:
                raise unpacker.refused("not the checksum that the description says")
    except sqlite3.Error as error:
        raise StoreError(f"{delta}: does not fit {base}: {error}") from None


def _copy(base: Path, fresh: Path) -> None:
    """In the kernel, and without the bytes where the file system can (copy_file_range(2))."""
    with base.open("rb") as source, fresh.open("r+b") as target:
        left = os.fstat(source.fileno()).st_size
        while left:
            try:
                done = os.copy_file_range(source.fileno(), target.fileno(), min(left, 1 << 30))
            except OSError:
                done = 0
            if not done:
                source.seek(target.seek(0, os.SEEK_END))
                shutil.copyfileobj(source, target, _STEP)
                return
            left -= done


def _open(fresh: Path, base: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(uri(fresh, "mode=rw"), uri=True, isolation_level=None)
    try:
        distrust(connection)
        check_ours(connection, base, foreign=True)
        # What fails is thrown away, so no journal is needed.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA secure_delete = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _apply(
    connection: sqlite3.Connection,
    unpacker: Unpacker,
    wanted: DeltaFile,
    tick: Callable[[], None] | None,
) -> None:
    sums = identity.known(connection)
    if sums is None or sums.id != wanted.from_id:
        raise unpacker.refused("leads from another snapshot than the one at hand")
    records = _split(unpacker)
    header = _header(next(records, b""), unpacker)
    if (header.from_id, header.to_id) != (wanted.from_id, wanted.to_id):
        raise unpacker.refused("is not between the snapshots that the description says")
    if header.server != sums.server:
        raise unpacker.refused(f"of another catalogue: {header.server}")
    change = _Change(connection, sums, unpacker)
    connection.execute("BEGIN")
    for record in records:
        change.take(record)
        if tick is not None:
            tick()
    if not change.ended:
        raise unpacker.refused("cut off")
    if sums.id != wanted.to_id:
        raise unpacker.refused("does not lead to the snapshot that the description says")
    identity.note(connection, sums)
    connection.execute(
        "INSERT OR REPLACE INTO main.meta VALUES ('snapshot made', ?)", (header.made,)
    )
    connection.execute("COMMIT")


def _header(record: bytes, unpacker: Unpacker) -> Header:
    try:
        header = _decode_header(record)
    except (msgspec.MsgspecError, ValueError):
        raise unpacker.refused("not a delta of a snapshot") from None
    if header.title != _TITLE:
        raise unpacker.refused("not a delta of a snapshot")
    if header.format != _FORMAT:
        raise unpacker.refused(f"format {header.format}, which this version of biofs does not know")
    return header


def _split(unpacker: Unpacker) -> Iterator[bytes]:
    """The records; never more of them in memory than one, and a portion."""
    buffer = bytearray()
    for portion in unpacker.portions():
        buffer += portion
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MOST_OF_A_RECORD:
                raise unpacker.refused("damaged: a record that is too large")
            end = start + _LENGTH.size + length
            if end > len(buffer):
                break
            yield bytes(memoryview(buffer)[start + _LENGTH.size : end])
            start = end
        del buffer[:start]
    if buffer:
        raise unpacker.refused("cut off")


class _Change:
    """Takes the records one by one, and keeps the sums."""

    def __init__(
        self, connection: sqlite3.Connection, sums: identity.Sums, unpacker: Unpacker
    ) -> None:
        self._connection = connection
        self._sums = sums
        self._refused = unpacker.refused
        self._tables = present(connection)
        self._table: Table | None = None
        self.ended = False

    def take(self, record: bytes) -> None:
        """Do what a record says. Raises StoreError, sqlite3.Error."""
        try:
            values = _decode(record)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise self._refused("damaged: what is no record") from None
        if self.ended:
            raise self._refused("damaged: goes on behind its end")
        if not values:
            self.ended = True
        elif len(values) == 1 and isinstance(values[0], int):
            self._begin(values[0])
        elif self._table is None:
            raise self._refused("damaged: a row of no table")
        elif len(values) == 1 and isinstance(values[0], list):
            self._remove(self._table, values[0])
        elif len(values) == len(self._table.columns):
            self._put(self._table, values)
        else:
            raise self._refused(f"damaged: a row that {self._table.name} cannot have")

    def _begin(self, number: int) -> None:
        if not 0 <= number < len(self._tables):
            raise self._refused("of a table that this snapshot does not have")
        self._table = self._tables[number]
        self._here = " AND ".join(f"{name} = ?" for name in self._table.key)

    def _remove(self, table: Table, key: list[Any]) -> None:
        if len(key) != table.keys or not _are_values(key):
            raise self._refused(f"damaged: a key that {table.name} cannot have")
        if not self._forget(table, key):
            raise self._refused("removes a row that is not there")

    def _put(self, table: Table, row: list[Any]) -> None:
        if not _are_values(row):
            raise self._refused(f"damaged: a row that {table.name} cannot have")
        self._forget(table, row[: table.keys])
        # Not OR REPLACE, which would remove rows that the sum still has.
        self._run(
            f"INSERT INTO main.{table.name} ({', '.join(table.columns)})"  # noqa: S608 - ours
            f" VALUES ({', '.join('?' * len(row))})",
            row,
        )
        self._sums.tables[table.name].add(tuple(row))

    def _forget(self, table: Table, key: list[Any]) -> bool:
        """Remove the row with this key, if there is one, and take it out of the sum."""
        row = self._run(f"{table.select()} WHERE {self._here}", key).fetchone()
        if row is None:
            return False
        self._sums.tables[table.name].remove(row)
        self._run(f"DELETE FROM main.{table.name} WHERE {self._here}", key)  # noqa: S608 - ours
        return True

    def _run(self, statement: str, values: list[Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except (OverflowError, ValueError) as error:
            raise self._refused(f"damaged: {error}") from None


def _are_values(row: list[Any]) -> bool:
    """Whether SQLite can hold them all."""
    return all(isinstance(value, _VALUES) for value in row)
