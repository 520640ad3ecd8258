"""A large store in minutes: some groups are written by the catalogue's own code, then copied.

A copy has ids and info hashes of its own wherever they stand, also within documents. All ids have
eight digits, so that every copy is as long as what it was made from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from biofs.demo.generator import Generated
from biofs.demo.model import Group
from scripts.benchmarks.making.filling import BulkStore, fill
from scripts.benchmarks.making.sources import TREE_CATEGORY

TORRENTS: Final = 3
FILES: Final = 20
PROTOTYPES: Final = 1008
"""The generator's period: a group is like the one so many before it but for numbers and times."""

_FIRST: Final = PROTOTYPES * 9921  # from here on groups and torrents have ids of eight digits
_PER_TRANSACTION: Final = 20  # times PROTOTYPES

# Which rows belong to a group (parameter 1), and the columns in which ids stand as numbers.
TABLES: Final = {
    "groups": ("id = :id", {"id": "group"}),
    "torrents": ("group_id = :id", {"id": "torrent", "group_id": "group"}),
    "group_facets": ("group_id = :id", {"group_id": "group"}),
    "hashes": (
        "torrent_id IN (SELECT id FROM torrents WHERE group_id = :id)",
        {"torrent_id": "torrent"},
    ),
    "details": ("group_id = :id", {"group_id": "group"}),
    "file_lists": ("group_id = :id", {"group_id": "group"}),
    "texts": ("rowid IN (2 * :id, 2 * :id + 1)", {"rowid": "text"}),
}
_STEPS: Final = {"group": PROTOTYPES, "torrent": PROTOTYPES * TORRENTS, "text": PROTOTYPES * 2}
_BETWEEN: Final = "\x1f"
_BINARY: Final = {("hashes", "info_hash")}


def group_id(number: int) -> int:
    """The id of the group written as the `number`th, from 0."""
    return _FIRST + number + 1


def prototypes() -> Iterator[Group]:
    """The groups that are copied: of three torrents of twenty files."""
    source = Generated(2 * _FIRST, TORRENTS, FILES, (TREE_CATEGORY,))
    for number in range(PROTOTYPES):
        group = source.group(group_id(number))
        assert group is not None
        yield group


def grow(path: Path, known: int, wanted: int, say: Callable[[int], None]) -> None:
    """Have the store at `path`, which has `known` groups made here, hold `wanted`."""
    if known < PROTOTYPES:
        known += fill(path, islice(prototypes(), known, wanted))
    if wanted <= known:
        return
    store = BulkStore(path)
    connection = store.writer
    made = [_Prototype(connection, group_id(number)) for number in range(PROTOTYPES)]
    for copy in range(known // PROTOTYPES, -(-wanted // PROTOTYPES)):
        for number, prototype in enumerate(made):
            if known <= copy * PROTOTYPES + number < wanted:
                prototype.copy(connection, copy)
        if copy % _PER_TRANSACTION == 0:
            store.commit()
            say(min((copy + 1) * PROTOTYPES, wanted))
    store.finish()


class _Table:
    """The rows of one table that belong to a group."""

    def __init__(self, connection: sqlite3.Connection, table: str, group: int) -> None:
        condition, numbers = TABLES[table]
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        if "rowid" in numbers:
            columns.insert(0, "rowid")
        names, places = ", ".join(columns), ", ".join("?" * len(columns))
        self.insert = f"INSERT INTO {table} ({names}) VALUES ({places})"
        self.rows: list[tuple[object, ...]] = connection.execute(
            f"SELECT {names} FROM {table} WHERE {condition}", {"id": group}
        ).fetchall()
        self.numbers = [(columns.index(name), _STEPS[kind]) for name, kind in numbers.items()]
        self.binary = [columns.index(name) for known, name in _BINARY if known == table]


class _Prototype:
    """A group's rows, taken apart so that copies are quickly made."""

    def __init__(self, connection: sqlite3.Connection, group: int) -> None:
        self._tables = [_Table(connection, table, group) for table in TABLES]
        torrents = [int(str(row[0])) for row in self._rows("torrents")]
        step = PROTOTYPES * TORRENTS
        self._ids = [(group, PROTOTYPES, "d"), *((torrent, step, "d") for torrent in torrents)]
        self._ids += [(torrent, step, "016X") for torrent in torrents]
        self._places: list[tuple[int, int, int, str]] = []
        texts = []
        for at, table in enumerate(self._tables):
            for number, row in enumerate(table.rows):
                for column, value in enumerate(row):
                    found = _as_text(value, binary=column in table.binary)
                    if found is not None and self._has_id(found[1]):
                        self._places.append((at, number, column, found[0]))
                        texts.append(found[1])
        self._texts = _BETWEEN.join(texts)

    def _rows(self, name: str) -> Sequence[tuple[object, ...]]:
        return self._tables[list(TABLES).index(name)].rows

    def _has_id(self, text: str) -> bool:
        return any(format(ident, form) in text for ident, _, form in self._ids)

    def copy(self, connection: sqlite3.Connection, number: int) -> None:
        """Write the group's `number`th copy."""
        text = self._texts
        for ident, step, form in self._ids:
            text = text.replace(format(ident, form), format(ident + number * step, form))
        rows = [[list(row) for row in table.rows] for table in self._tables]
        for (at, row, column, kind), part in zip(self._places, text.split(_BETWEEN), strict=True):
            rows[at][row][column] = _from_text(kind, part)
        for table, changed in zip(self._tables, rows, strict=True):
            for values in changed:
                for column, step in table.numbers:
                    known = values[column]
                    assert isinstance(known, int)
                    values[column] = known + number * step
            connection.executemany(table.insert, changed)


def _as_text(value: object, *, binary: bool) -> tuple[str, str] | None:
    """What a value says, and which kind it is; None for what is no text."""
    if isinstance(value, str):
        return "str", value
    if not isinstance(value, bytes):
        return None
    if binary:
        return "hex", value.hex().upper()
    try:
        return "utf8", value.decode()
    except UnicodeDecodeError:
        return None  # compressed


def _from_text(kind: str, text: str) -> object:
    if kind == "hex":
        return bytes.fromhex(text)
    return text if kind == "str" else text.encode()
