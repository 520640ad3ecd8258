"""What `biofs ls` shows of a path: rows of a running mount, or of the store without one."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, NamedTuple

import msgspec

from biofs.cli import mount_lookup, stores
from biofs.cli.output import quantities
from biofs.control.protocol import Ask
from biofs.errors import QuietError
from biofs.settings.load import Settings
from biofs.store import rows
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.rows import Entry, FacetCount, Page, Wanted
from biofs.tree import names, views

What = Literal["categories", "category", "group", "groups", "facets", "facet", "links"]

Show = Callable[[float, float | None, str], None]
"""Shows how far something is: done, of how many, in words."""

_IDS = 500
_RESULTS = "results.jsonl"

_WITH_LINKS: Final = {view.name: view.depth for view in views.with_table("links")}
"""Directories of links to groups, and how deep they stand."""


class Place(NamedTuple):
    """What to show. `ident` is a category's or group's, `of` the name of a view, `text` of an entry
    in it.
    """

    what: What
    ident: int = 0
    of: str = ""
    text: str = ""


def place_of(path: str) -> Place | None:
    """The table of a path from a mount's root, or of a category's name; None if there is none."""
    parts = _normal(path.split("/"))
    if parts is None:
        return None
    if parts in ([], ["categories"]):
        return Place("categories")
    head, rest = parts[0], parts[1:]
    if head in views.FACETS:
        return _in_facets(head, rest)
    if head in _WITH_LINKS:
        return _in_links(head, rest)
    return _in_groups(rest) if head == "groups" else _in_category(parts)


def _normal(parts: Sequence[str]) -> list[str] | None:
    found: list[str] = []
    for part in parts:
        if part in {"", "."}:
            continue
        if part != "..":
            found.append(part)
        elif found:
            found.pop()
        else:
            return None
    return found


def _in_category(parts: Sequence[str]) -> Place | None:
    parts = parts[1:] if parts[0] == "categories" else parts
    category = names.category_typed(parts[0])
    if category is None:
        return None
    return Place("category", category) if len(parts) == 1 else _group(parts[1:])


def _in_groups(parts: Sequence[str]) -> Place | None:
    if not parts:
        return Place("groups")
    if len(parts) == 1 and parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 12:
        return Place("group", int(parts[0]))
    return None


def _in_facets(view: str, parts: Sequence[str]) -> Place | None:
    if not parts:
        return Place("facets", of=view)
    return Place("facet", of=view, text=parts[0]) if len(parts) == 1 else _group(parts[1:])


def _in_links(view: str, parts: list[str]) -> Place | None:
    depth = _WITH_LINKS[view] - 1
    if view == "top" and parts[:1] != ["torrents"]:
        return None  # the other lists are of tags and of users
    if len(parts) == depth:
        return Place("links", of=view, text="/".join(parts))
    return _group(parts[depth:]) if len(parts) > depth else None


def _group(parts: Sequence[str]) -> Place | None:
    ident = names.id_of(parts[0]) if len(parts) == 1 else None
    return None if ident is None else Place("group", ident)


def in_mount(path: str | None) -> tuple[str, str, Place] | None:
    """The mount that is meant, the path in it, and the place; None if there is no mount for it.

    A path that leads into a mount means what stands there; any other is the name of a category or
    a path from the root of the only mount there is.
    """
    found = _located(path)
    if found is not None:
        mountpoint, rest = found
        place = place_of(rest)
        if place is not None:
            return mountpoint, rest, place
    else:
        mounts = mount_lookup.mine()
        if len(mounts) != 1:
            return None
        mountpoint = mounts[0].mountpoint
    place = place_of(path or "")
    if place is None or (path or "").startswith("/"):
        raise QuietError(f"{path or '.'}: nothing to make a table of: `ls` shows it")
    return mountpoint, _path_of(place, path or ""), place


def _located(path: str | None) -> tuple[str, str] | None:
    try:
        return mount_lookup.locate("." if path is None else path)
    except QuietError:
        return None


def _path_of(place: Place, typed: str) -> str:
    """The path of a place from a mount's root; `typed` may have been a category's name alone."""
    if place.what == "category":
        return f"categories/{names.category_dirname(place.ident)}"
    return "" if place.what == "categories" else typed.strip("/")


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
