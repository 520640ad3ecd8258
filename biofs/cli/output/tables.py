"""Rows as a table for a terminal, as columns with tabs for a pipe, or as JSON.

The name stands last: whatever a terminal makes of emoji, combining marks or scripts written from
the right, the other columns stay in line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from biofs.cli.output import quantities
from biofs.cli.output.terminal import safe
from biofs.store.rows import Entry, FacetCount

_GAP: Final = 2
_LEAST_NAME: Final = 24
_ROWS_AT_ONCE: Final = 500
_UNKNOWN: Final = "-"
Row = Entry | FacetCount


class Column(NamedTuple):
    """A column. `weight`: the terminal is too narrow for all, those with the least go first."""

    title: str
    shown: Callable[[Row], str]
    plain: Callable[[Row], str]
    weight: int


def _number(field: str, title: str | None = None, weight: int = 5) -> Column:
    def value(row: Row) -> int | None:
        number: int | None = getattr(row, field)
        return number

    def shown(row: Row) -> str:
        number = value(row)
        return _UNKNOWN if number is None else f"{number:,}"

    def plain(row: Row) -> str:
        number = value(row)
        return "" if number is None else str(number)

    return Column(title or field, shown, plain, weight)


def _year() -> Column:
    column = _number("year", weight=9)
    return column._replace(shown=lambda row: column.plain(row) or _UNKNOWN)


def _size() -> Column:
    column = _number("size", weight=8)

    def shown(row: Row) -> str:
        size = row.size if isinstance(row, Entry) else None
        return _UNKNOWN if size is None else quantities.short_size(size)

    return column._replace(shown=shown)


def _time() -> Column:
    def shown(row: Row) -> str:
        return f"{datetime.fromtimestamp(row.time, UTC):%Y-%m-%d}" if row.time else _UNKNOWN

    def plain(row: Row) -> str:
        return f"{datetime.fromtimestamp(row.time, UTC):%Y-%m-%dT%H:%M:%SZ}" if row.time else ""

    return Column("added", shown, plain, 4)


def _listed() -> Column:
    def shown(row: Row) -> str:
        return "all" if isinstance(row, FacetCount) and row.listed else "not all"

    return Column("known", shown, shown, 5)


def _here() -> Column:
    """The share of a torrent's bytes whose data are on this machine; in a pipe the bytes."""
    column = _number("here", weight=10)

    def shown(row: Row) -> str:
        if not isinstance(row, Entry) or row.here is None:
            return _UNKNOWN
        if row.here <= 0:
            return "0 %"
        share = 100 * row.here // max(row.size or row.here, 1)
        return f"{min(share, 100)} %" if share else "<1 %"

    return column._replace(shown=shown)


GROUPS: Final = (
    _year(),
    _size(),
    _number("files", weight=6),
    _number("seeders", weight=7),
    _time(),
)
TORRENTS: Final = (
    *(_size(), _number("files", weight=6), _number("seeders", weight=7)),
    *(_number("leechers", weight=3), _number("snatches", weight=2), _time()),
)
HERE: Final = _here()
FACETS: Final = (_number("groups", weight=9), _time())
CATEGORIES: Final = (_number("groups", weight=9), _listed(), _time())


def lines(rows: Iterable[Row], columns: Sequence[Column]) -> Iterable[str]:
    """Every column, numbers as they are, tabs between them, the name last."""
    for row in rows:
        yield "\t".join([*(column.plain(row) for column in columns), safe(row.name)])


def show(rows: Sequence[Row], columns: Sequence[Column], console: Console) -> None:
    """A table that fits the console; only the columns that leave room for names are shown."""
    cells = [[column.shown(row) for column in columns] for row in rows]
    widths = [
        max([len(column.title), *(len(row[number]) for row in cells)])
        for number, column in enumerate(columns)
    ]
    kept = _fitting(columns, widths, console.width)
    room = console.width - sum(widths[number] + _GAP for number in kept)
    for first in range(0, max(len(rows), 1), _ROWS_AT_ONCE):
        table = Table(box=None, show_header=first == 0, pad_edge=False, padding=(0, _GAP, 0, 0))
        for number in kept:
            table.add_column(
                columns[number].title, justify="right", no_wrap=True, width=widths[number]
            )
        table.add_column("name", no_wrap=True, overflow="crop")
        for row, shown in zip(
            rows[first : first + _ROWS_AT_ONCE],
            cells[first : first + _ROWS_AT_ONCE],
            strict=True,
        ):
            table.add_row(
                *(Text(shown[number]) for number in kept),
                Text(fitted(safe(row.name), room), end=""),
            )
        console.print(table, crop=True, soft_wrap=False)


def _fitting(columns: Sequence[Column], widths: Sequence[int], width: int) -> list[int]:
    kept = list(range(len(columns)))
    while kept and sum(widths[n] + _GAP for n in kept) + _LEAST_NAME > width:
        kept.remove(min(kept, key=lambda n: columns[n].weight))
    return kept


def fitted(name: str, width: int) -> str:
    """A name cut to so many columns of the terminal; the number at its end stays."""
    if cell_len(name) <= width:
        return name
    text, space, number = name.rpartition(" [")
    tail = f"…{space}{number}" if number.endswith("]") and number[:-1].isdigit() else "…"
    left = width - cell_len(tail)
    if not text or left < 1:
        return set_cell_size(name, max(width, 0))
    return set_cell_size(text, left).rstrip(" ") + tail
