"""`biofs ls`: a category, a group, a view as a table for people, or as JSON for programs.

A `Selection` says which rows are wanted, and in which order; `biofs.cli.ls_rows` gets them. What
makes tables is imported once the command line is known to be right.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from biofs.cli import options
from biofs.cli.output.report import complain
from biofs.cli.output.terminal import json_line, safe
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings, load
from biofs.settings.values import parse_size
from biofs.tree import names

if TYPE_CHECKING:
    from biofs.cli.ls_rows import Place, Table
    from biofs.cli.output import tables
    from biofs.store.rows import Entry, FacetCount

ENTRY_ORDERS: Final = (
    "name",
    "time",
    "year",
    "size",
    "files",
    "seeders",
    "leechers",
    "snatches",
    "here",
    "id",
)
"""Keys by which groups and torrents can be sorted: fields of `biofs.store.rows.Entry`."""

FACET_ORDERS: Final = ("name", "time", "groups", "id")
"""Keys by which tags, years and the like can be sorted: fields of `FacetCount`."""

ORDERS: Final = tuple(dict.fromkeys((*ENTRY_ORDERS, *FACET_ORDERS)))

T = TypeVar("T", bound="Entry | FacetCount")

_ASCENDING: Final = {"name", "id"}


@click.command(
    "ls",
    epilog="\b\nExamples:\n"
    "  biofs ls Sequences --sort seeders --limit 20\n"
    "  biofs ls tags/fungi --year 2000- --min-size 1G\n"
    "  biofs ls Images --json | jq -r .path",
)
@click.option(
    "--sort",
    "order",
    type=click.Choice(ORDERS),
    metavar="KEY",
    default="name",
    help="By name, time, year, size, files, seeders, groups …",
)
@click.option("-r", "--reverse", is_flag=True, help="Reverse the order.")
@click.option("--match", metavar="TEXT", help="Only names with TEXT in them.")
@click.option("--year", metavar="YEARS", help="Only groups of these years: 2005, 2000-2005, 2000-.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only groups with this tag.")
@click.option(
    "--format", "formats", multiple=True, metavar="NAME", help="Only groups in this format."
)
@click.option("--min-size", metavar="SIZE", help="Only groups of at least SIZE, e.g. 500M.")
@click.option("--max-size", metavar="SIZE", help="Only groups of at most SIZE.")
@click.option(
    "--min-seeders",
    type=click.IntRange(0),
    metavar="N",
    help="Only groups with at least N seeders.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show the first N.")
@click.option("--json", "as_json", is_flag=True, help="Print an object a line, for programs.")
@click.option("--known", is_flag=True, help="Cached rows only; send no request.")
@options.options(options.account)
@click.option(
    "--snapshot",
    metavar="FILE|URL",
    help="Look into a file made by `biofs export`, or what a mount of URL fetched.",
    shell_complete=options.complete_file,
)
@options.setting("snapshot_key")
@click.option("--demo", is_flag=True, help="Use the embedded catalogue (needs --cache-dir).")
@click.argument("path", metavar="[PATH]", required=False, shell_complete=options.complete_place)
def command(path: str | None, as_json: bool, known: bool, year: str | None, **given: object) -> int:
    """Show a category, a tag, a group … as a table.

    PATH is a category, such as Sequences, or a path in a mount. In a running mount it costs what
    `ls` of PATH does; without one, what is known is shown. A pipe gets columns with tabs.
    """
    from biofs.cli import ls_rows  # noqa: PLC0415 - msgspec and rich take a tenth of a second

    wanted = selection(year=year, **{k: given.pop(k) for k in SELECTED})
    where = (
        None if any(given.get(name) for name in options.OF_THE_STORE) else ls_rows.in_mount(path)
    )
    if where is not None:
        return _of_mount(*where, wanted, known=known, as_json=as_json)
    place = ls_rows.place_of(path or "")
    if place is None:
        raise QuietError(f"{path}: not a category, and not a path in a biofs mount", USAGE)
    settings = load({**given, "offline": True}, os.environ)
    return _of_store(settings, place, wanted, as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for; None and () stand for everything."""

    match: str | None = None
    years: tuple[int, int] | None = None
    tags: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    min_seeders: int | None = None
    order: str = "name"
    reverse: bool = False
    limit: int | None = None

    @property
    def of_entries_alone(self) -> bool:
        """Whether something is asked for that only groups and torrents have."""
        numbers = (self.years, self.min_size, self.max_size, self.min_seeders)
        return bool(self.tags or self.formats) or any(each is not None for each in numbers)

    def entries(self, rows: list[Entry]) -> list[Entry]:
        """The rows that pass, in order. A row that lacks a number passes no test of it."""
        chosen = [row for row in rows if self._has(row)]
        return self._ordered(chosen)

    def facets(self, rows: list[FacetCount]) -> list[FacetCount]:
        """The values of a facet that pass, in order."""
        chosen = [row for row in rows if self._named(row.name)]
        return self._ordered(chosen)

    def _ordered(self, rows: list[T]) -> list[T]:
        def value(row: T) -> tuple[str | int, int]:
            found = _value(row, self.order)
            assert found is not None  # noqa: S101 - the others are kept apart
            return found, row.id

        descending = (self.order not in _ASCENDING) != self.reverse
        known: list[T] = [row for row in rows if _value(row, self.order) is not None]
        unknown: list[T] = [row for row in rows if _value(row, self.order) is None]
        known.sort(key=value, reverse=descending)
        return [*known, *unknown][: self.limit]

    def _named(self, name: str) -> bool:
        return self.match is None or folded(self.match) in folded(name)

    def _has(self, row: Entry) -> bool:
        return (
            self._named(row.name)
            and _within(row.year, self.years or (None, None))
            and _within(row.size, (self.min_size, self.max_size))
            and _within(row.seeders, (self.min_seeders, None))
            and _all_in(self.tags, row.tags)
            and _all_in(self.formats, row.formats)
        )


def years(text: str) -> tuple[int, int]:
    """`2005`, `2000-2005`, `2000-` or `-2005`. Raises ValueError."""
    first, last = names.years(text.strip())
    return first or 0, 9999 if last is None else last


def folded(text: str) -> str:
    """For comparing: without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def _value(row: Entry | FacetCount, order: str) -> str | int | None:
    if order == "name":
        return folded(row.name)
    value: int | None = getattr(row, order)
    return value


def _within(value: int | None, span: tuple[int | None, int | None]) -> bool:
    least, most = span
    if least is None and most is None:
        return True
    return value is not None and (least or 0) <= value and (most is None or value <= most)


def _all_in(wanted: tuple[str, ...], there: tuple[str, ...]) -> bool:
    return {folded(text) for text in wanted} <= {folded(text) for text in there}


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


def _of_mount(
    mountpoint: str, rest: str, place: Place, wanted: Selection, *, known: bool, as_json: bool
) -> int:
    """Show what a running mount has."""
    from biofs.cli.ls_rows import InMount  # noqa: PLC0415
    from biofs.cli.output import progress  # noqa: PLC0415

    _check(place, wanted)
    with progress.shown() as show:
        table = InMount(mountpoint, rest, known=known, show=show).table(place)
    return _show(place, table, wanted, as_json=as_json)


def _of_store(settings: Settings, place: Place, wanted: Selection, *, as_json: bool) -> int:
    """Show what the store knows."""
    from biofs.cli.ls_rows import InStore  # noqa: PLC0415

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
    from biofs.cli.output import tables  # noqa: PLC0415

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
    from biofs.cli.output import tables  # noqa: PLC0415

    if place.what == "categories":
        return tables.CATEGORIES
    if place.what == "facets":
        return tables.FACETS
    if place.what != "group":
        return tables.GROUPS
    return (tables.HERE, *tables.TORRENTS) if table.with_here else tables.TORRENTS


def _show_on_terminal(place: Place, rows: Sequence[Entry | FacetCount], table: Table) -> None:
    from rich.console import Console  # noqa: PLC0415

    from biofs.cli.output import tables  # noqa: PLC0415

    console = Console(highlight=False, markup=False, emoji=False)
    tables.show(rows, columns_of(place, table), console)
    console.print(f"\n{'; '.join(_sums(place, rows, table))}", soft_wrap=False)


def _sums(place: Place, rows: Sequence[Entry | FacetCount], table: Table) -> Iterator[str]:
    from biofs.cli.output import quantities  # noqa: PLC0415
    from biofs.store.rows import Entry  # noqa: PLC0415

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
    import msgspec  # noqa: PLC0415

    from biofs.store.rows import FacetCount  # noqa: PLC0415

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
