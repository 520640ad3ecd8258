"""What `biofs ls` does once its command line is known to be right."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

import click
import msgspec
from rich.console import Console

from biofs.cli.ls import ENTRY_ORDERS, FACET_ORDERS
from biofs.cli.ls.filters import Selection, years
from biofs.cli.ls.paths import Place
from biofs.cli.ls.sources import InMount, InStore, Table
from biofs.cli.output import progress, quantities, tables
from biofs.cli.output.report import complain
from biofs.cli.output.terminal import json_line, safe
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings
from biofs.settings.values import parse_size
from biofs.store.rows import Entry, FacetCount

SELECTED: Final = (
    *("order", "reverse", "match", "tags", "formats"),
    *("min_size", "max_size", "min_seeders", "limit"),
)
"""Options of the command that say which rows are wanted."""


def selection(*, year: str | None, **given: Any) -> Selection:
    """The selection that the options name. Raises QuietError for an invalid one."""
    for name in ("min_size", "max_size"):
        if given[name] is not None:
            given[name] = _size(name, given[name])
    try:
        span = None if year is None else years(year)
    except ValueError as error:
        raise QuietError(f"--year: {error}", USAGE) from None
    return Selection(years=span, **given)


def _size(name: str, text: str) -> int:
    if text.isascii() and text.isdecimal():
        return int(text[:20])
    try:
        return parse_size(text)
    except ValueError as error:
        raise QuietError(f"--{name.replace('_', '-')}: {error}", USAGE) from None


def of_mount(
    mountpoint: str, rest: str, place: Place, wanted: Selection, *, known: bool, as_json: bool
) -> int:
    """Show what a running mount has."""
    _check(place, wanted)
    with progress.shown() as show:
        table = InMount(mountpoint, rest, known=known, show=show).table(place)
    return _show(place, table, wanted, as_json=as_json)


def of_store(settings: Settings, place: Place, wanted: Selection, *, as_json: bool) -> int:
    """Show what the store knows."""
    _check(place, wanted)
    return _show(place, InStore(settings).table(place), wanted, as_json=as_json)


def _check(place: Place, wanted: Selection) -> None:
    of_facets = place.what in {"categories", "facets"}
    orders = FACET_ORDERS if of_facets else ENTRY_ORDERS
    if wanted.order not in orders:
        raise QuietError(f"--sort {wanted.order}: not here: there are {', '.join(orders)}", USAGE)
    if of_facets and wanted.of_entries_alone:
        raise QuietError("only --match, --sort and --limit are of use here: name a category", USAGE)


def _show(place: Place, table: Table, wanted: Selection, *, as_json: bool) -> int:
    rows: Sequence[Entry | FacetCount]
    rows = wanted.entries(table.entries) if table.entries else wanted.facets(table.facets)
    # A locale without these letters must not end the command.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    if as_json:
        for row in rows:
            click.echo(json_line(_facts(place, table, row)))
    elif sys.stdout.isatty():
        _show_on_terminal(place, rows, table)
    else:
        for line in tables.lines(rows, columns_of(place, table)):
            click.echo(line)
    if table.note:
        complain(table.note)
    return 0


def columns_of(place: Place, table: Table) -> Sequence[tables.Column]:
    """What is shown of a row."""
    if place.what == "categories":
        return tables.CATEGORIES
    if place.what == "facets":
        return tables.FACETS
    if place.what != "group":
        return tables.GROUPS
    return (tables.HERE, *tables.TORRENTS) if table.with_here else tables.TORRENTS


def _show_on_terminal(place: Place, rows: Sequence[Entry | FacetCount], table: Table) -> None:
    console = Console(highlight=False, markup=False, emoji=False)
    tables.show(rows, columns_of(place, table), console)
    console.print(f"\n{'; '.join(_sums(place, rows, table))}", soft_wrap=False)


def _sums(place: Place, rows: Sequence[Entry | FacetCount], table: Table) -> Iterator[str]:
    all_rows = table.entries or table.facets
    nouns = {
        "categories": ("category", "categories"),
        "group": ("torrent", "torrents"),
        "facets": (place.of.removesuffix("s"), place.of),
    }
    one, many = nouns.get(place.what, ("group", "groups"))
    if len(rows) == len(all_rows):
        yield quantities.counted(len(rows), one, many)
    else:
        yield f"{len(rows):,} of {quantities.counted(len(all_rows), one, many)}"
    sizes = [row.size for row in rows if isinstance(row, Entry) and row.size is not None]
    if sizes:
        yield quantities.size(sum(sizes))


def _facts(place: Place, table: Table, row: Entry | FacetCount) -> dict[str, object]:
    facts: dict[str, object] = msgspec.to_builtins(row)
    root, name = table.root, safe(row.name)
    if not table.with_here:
        facts.pop("here", None)
    if isinstance(row, FacetCount):
        view = "categories" if place.what == "categories" else place.of
        return {"path": f"{root}{view}/{name}", **facts}
    if place.what == "group":
        return facts
    path = f"{root}categories/{row.category}/{name}" if row.category else None
    return {"path": path, **facts}
