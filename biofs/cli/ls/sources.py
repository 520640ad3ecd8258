"""Where `biofs ls` gets its rows: from a running mount, or from the store without one."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from biofs.cli import mount_lookup, stores
from biofs.cli.ls import Place
from biofs.cli.output import quantities
from biofs.control.protocol import Ask
from biofs.errors import QuietError
from biofs.settings.load import Settings
from biofs.store import rows
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.rows import Entry, FacetCount, Page, Wanted
from biofs.tree import names

Show = Callable[[float, float | None, str], None]
"""Shows how far something is: done, of how many, in words."""

_IDS = 500
_RESULTS = "results.jsonl"


class Table(NamedTuple):
    """What was found. `root` is what stands before a path; `note` says what is missing, if so.

    `with_here`: the rows say how much of a torrent is on this machine.
    """

    entries: list[Entry]
    facets: list[FacetCount]
    root: str
    note: str = ""
    with_here: bool = False


def _wanted(place: Place, text: str | None = None) -> Wanted:
    match place.what:
        case "category" | "group":
            return Wanted(what=place.what, ident=place.ident)
        case "facets":
            return Wanted(what="facets", facet=rows.kind_of(place.of))
        case "facet":
            kind = rows.kind_of(place.of)
            return Wanted(what="facet", facet=kind, text=text or "")
        case "categories" | "groups":
            return Wanted(what=place.what)
    raise AssertionError(place)


def _collected(
    read: Callable[[Wanted], Page], wanted: Wanted
) -> tuple[list[Entry], list[FacetCount]]:
    """All pages of a table, however many groups were added or went meanwhile."""
    entries: list[Entry] = []
    facets: list[FacetCount] = []
    while True:
        page = read(wanted)
        entries += page.entries
        facets += page.facets
        if page.following is None:
            return entries, facets
        wanted = msgspec.structs.replace(wanted, after=page.following)


class InMount:
    """A running mount. With `known`, it asks nobody."""

    def __init__(self, mountpoint: str, rest: str, *, known: bool, show: Show) -> None:
        self._mountpoint = mountpoint
        self._path = f"{mountpoint.rstrip('/')}/{rest}" if rest else mountpoint
        self._known = known
        self._show = show

    def table(self, place: Place) -> Table:
        root = f"{self._mountpoint.rstrip('/')}/"
        if place.what in {"facet", "links"}:
            return Table(self._linked(place), [], root)
        self._complete, self._with_here = True, False
        entries, facets = _collected(self._page, _wanted(place))
        if place.what == "group" and not entries:
            # It may never have been heard of: a directory of that name has it fetched.
            self._names()
            entries, facets = _collected(self._page, _wanted(place))
            if not entries:
                raise QuietError(f"{self._path}: there is no such group")
        note = "" if self._complete else _not_all(place)
        return Table(entries, facets, root, note, self._with_here)

    def _page(self, wanted: Wanted) -> Page:
        asked = Ask(do="table", arguments=msgspec.to_builtins(wanted), wait=not self._known)
        answer = mount_lookup.ask_mount(self._mountpoint, asked, self._path, self._tell(wanted))
        if answer.get("complete") is False:
            self._complete = False
        self._with_here = answer.get("contents") is True
        try:
            return msgspec.convert(answer, Page)
        except msgspec.ValidationError:
            raise QuietError(
                f"{self._mountpoint}: this mount runs a different biofs version"
            ) from None

    def _tell(self, wanted: Wanted) -> Callable[[str], None]:
        name = names.category_dirname(wanted.ident)

        def tell(progress: str) -> None:
            done, _, left = progress.partition(" of ")
            pages, _, seconds = left.partition(" ")
            if not (done.isdigit() and seconds.isdigit()):
                return
            total = float(pages) if pages.isdigit() else None
            said = f"{name}: the first page is asked for"
            if total is not None:
                left = quantities.duration(float(seconds))
                said = f"{name}: {done} of {pages} pages, {left} left"
            self._show(float(done), total, said)

        return tell

    def _linked(self, place: Place) -> list[Entry]:
        """The groups to which a directory has links, as its names tell: what `ls` would cost."""
        found = {ident: name for name in self._names() if (ident := names.id_of(name)) is not None}
        entries_by_id = self._results(found) if place.of == "search" else {}
        numbers = list(found)
        for first in range(0, len(numbers), _IDS):
            ids = tuple(numbers[first : first + _IDS])
            page = self._page(Wanted(what="ids", ids=ids))
            entries_by_id |= {entry.id: entry for entry in page.entries}
        return [
            entries_by_id.get(ident) or Entry(id=ident, name=name, category="", time=0)
            for ident, name in found.items()
        ]

    def _results(self, found: dict[int, str]) -> dict[int, Entry]:
        """The rows of a search, which has groups whose categories were never listed."""
        entries_by_id: dict[int, Entry] = {}
        with open(f"{self._path}/{_RESULTS}", "rb") as lines:  # noqa: PTH123 - as it was typed
            for line in lines:
                ident = rows.id_in_line(line)
                if ident in found:
                    entries_by_id[ident] = rows.entry_of_line(line, found[ident])
        return entries_by_id

    def _names(self) -> list[str]:
        if self._known:
            facts = mount_lookup.ask(self._path, "explain")
            if facts.get("known") is not True:
                raise QuietError(f"{self._path}: not known yet: without --known it is asked for")
        try:
            return os.listdir(self._path)  # noqa: PTH208 - names, not paths
        except OSError as error:
            raise QuietError(f"{self._path}: {error.strerror}") from None


class InStore:
    """The store of an account, or a snapshot: what is known, without asking anybody."""

    def __init__(self, settings: Settings) -> None:
        self._foreign = settings.snapshot is not None or settings.snapshot_url is not None
        self._file: Path = stores.known_of(settings)

    def table(self, place: Place) -> Table:
        try:
            with closing(open_read_only(self._file, foreign=self._foreign)) as connection:
                return self._table(connection, place)
        except sqlite3.DatabaseError as error:
            raise QuietError(f"{self._file}: {error}") from None
        except StoreError as error:
            raise QuietError(str(error)) from None

    def _table(self, connection: sqlite3.Connection, place: Place) -> Table:
        if place.what == "links":
            raise QuietError(f"{place.of}/{place.text}: only in a running mount: `biofs mount`")
        text = None
        if place.what == "facet":
            text = rows.text_named(connection, place.of, place.text)
            if text is None:
                raise QuietError(f"{place.of}/{place.text}: not in the cache")
        wanted = _wanted(place, text)
        entries, facets = _collected(lambda part: rows.page(connection, part), wanted)
        if place.what == "group" and not entries:
            raise QuietError(
                f"group {place.ident}: not known: `biofs warm` fetches what is missing"
            )
        return Table(entries, facets, "", self._note(connection, place))

    def _note(self, connection: sqlite3.Connection, place: Place) -> str:
        if place.what == "category" and not (
            place.ident not in names.CATEGORIES or rows.is_listed(connection, place.ident)
        ):
            return _not_all(place)
        if place.what in {"groups", "facets", "facet"}:
            missing = [c for c in names.CATEGORIES if not rows.is_listed(connection, c)]
            if missing:
                listed = quantities.counted(len(missing), "category", "categories")
                return f"{listed} never listed whole: `biofs warm` fetches them"
        return ""


def _not_all(place: Place) -> str:
    name = names.category_dirname(place.ident)
    return f"{name} was never listed whole: `biofs warm {shlex.quote(name)}` fetches the rest"
