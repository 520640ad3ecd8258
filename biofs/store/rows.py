"""Tables of what is known, for people: groups, a group's torrents, tags and the like.

Reads a store's tables in portions, through whatever connection it is given: a mount's own, or one
of a command that reads the file. Nothing here asks the server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec
import orjson

from biofs.api.values import to_count, to_epoch, to_id, to_object, to_rows, to_text, to_texts
from biofs.store import facets
from biofs.tree import names, views
from biofs.tree.printable import escape

PORTION: Final = 250
"""Rows in a page. With what follows it fits what a mount's socket takes in one answer."""

MOST_CHARACTERS: Final = 1000
"""Of tags in a row, and of formats: those beyond are left out."""

What = Literal[
    "categories",
    "category",
    "group",
    "groups",
    "facet",
    "facets",
    "ids",
]

_COLUMNS: Final = (
    "groups.id, groups.name, groups.category, groups.mtime, groups.line,"
    " CASE WHEN groups.line IS NULL THEN"
    " (SELECT answer FROM details WHERE details.group_id = groups.id) END"
)
_ORDER: Final = "ORDER BY groups.id LIMIT ?"
_PLACED: Final = f"groups.category BETWEEN 0 AND {names.LARGEST_CATEGORY}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which table: the categories, the groups of the category `ident`, the torrents of the group
    `ident`, all groups, those of a facet (`facet`, `text`), those with certain ids (`ids`), or all
    facets of the kind `facet`.

    `after` is where the last page ended.
    """

    what: What
    ident: int = 0
    facet: str = ""
    text: str = ""
    ids: tuple[int, ...] = ()
    after: int = -1


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A row: a group, or a torrent of one. None is what is not known.

    `name` is the directory's, `time` its mtime (epoch seconds), `size` in bytes.
    """

    id: int
    name: str
    category: str
    time: int
    year: int | None = None
    size: int | None = None
    seeders: int | None = None
    leechers: int | None = None
    snatches: int | None = None
    files: int | None = None
    torrents: int | None = None
    here: int | None = None
    """Of a torrent, bytes of files whose data are on this machine, by name and size; None where
    nobody has looked. No store knows it: the mount adds it."""
    formats: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class FacetCount(msgspec.Struct, frozen=True, kw_only=True):
    """A row: a category, tag, year, format or author, and how many groups of it are known.

    `time` is the newest mtime of one (epoch seconds), `listed` whether all of them are known.
    """

    id: int
    name: str
    groups: int
    time: int
    listed: bool | None = None


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A portion of a table. `following` is the `after` of the next one, None at the end."""

    entries: list[Entry] = msgspec.field(default_factory=list)
    facets: list[FacetCount] = msgspec.field(default_factory=list, name="heaps")
    following: int | None = None


def page(connection: sqlite3.Connection, wanted: Wanted) -> Page:
    """The next rows of a table, in the order of their ids. Raises sqlite3.DatabaseError."""
    if wanted.what == "facets":
        return _page_of_facets(connection, wanted.facet, wanted.after)
    if wanted.what == "categories":
        return Page(facets=list(_categories(connection)))
    if wanted.what == "group":
        entries = list(_torrents(connection, wanted))
        return Page(entries=entries, following=_following(entries))
    rows = _groups(connection, wanted)
    entries = [_of_row(*row) for row in rows]
    return Page(entries=entries, following=None if wanted.what == "ids" else _following(entries))


def _following(rows: Sequence[Entry | FacetCount]) -> int | None:
    return rows[-1].id if len(rows) == PORTION else None


def _groups(
    connection: sqlite3.Connection, wanted: Wanted
) -> list[tuple[int, str, int, int, bytes | None, bytes | None]]:
    query: str
    parameters: tuple[object, ...]
    if wanted.what == "category":
        query = f"SELECT {_COLUMNS} FROM groups WHERE category = ? AND id > ? {_ORDER}"  # noqa: S608
        parameters = (wanted.ident, wanted.after, PORTION)
    elif wanted.what == "groups":
        # The + keeps SQLite from taking them in the order of their categories.
        query = f"SELECT {_COLUMNS} FROM groups WHERE +{_PLACED} AND id > ? {_ORDER}"  # noqa: S608
        parameters = (wanted.after, PORTION)
    elif wanted.what == "facet":
        # CROSS JOIN has SQLite take the tables in this order (sqlite.org/optoverview.html).
        query = (
            f"SELECT {_COLUMNS} FROM group_facets CROSS JOIN groups ON groups.id = group_id"  # noqa: S608
            " WHERE facet = (SELECT id FROM facets WHERE kind = ? AND text = ?)"
            f" AND group_id > ? AND +{_PLACED} {_ORDER.replace('groups.id', 'group_id')}"
        )
        parameters = (wanted.facet, wanted.text, wanted.after, PORTION)
    else:
        query = (
            f"SELECT {_COLUMNS} FROM groups WHERE +{_PLACED}"  # noqa: S608 - constants
            " AND id IN (SELECT value FROM json_each(?)) ORDER BY id"
        )
        parameters = (orjson.dumps(wanted.ids).decode(),)
    return connection.execute(query, parameters).fetchall()


def _of_row(
    ident: int, name: object, category: int, mtime: object, line: bytes | None, answer: bytes | None
) -> Entry:
    """A group as its browse row tells it, or else its detail."""
    entry = _entry(ident, name, category, mtime)
    decoded = _object(line or answer)
    if not decoded:
        return entry
    group = decoded if line else to_object(decoded.get("group")) or {}
    torrents = [_counts(torrent) for torrent in _objects(decoded.get("torrents"))]
    year = to_count(group.get("groupYear" if line else "year"))
    formats = dict.fromkeys(text for each in torrents if (text := each[-1]))
    return msgspec.structs.replace(
        entry,
        year=year or None,
        size=to_count(sum(each[0] for each in torrents)),
        seeders=to_count(sum(each[1] for each in torrents)),
        leechers=to_count(sum(each[2] for each in torrents)),
        snatches=to_count(sum(each[3] for each in torrents)),
        files=to_count(sum(each[4] for each in torrents)),
        torrents=len(torrents),
        formats=_first(formats),
        tags=_first(to_texts(group.get("tags"))),
    )


def _entry(ident: int, name: object, category: int, mtime: object) -> Entry:
    """A row without numbers. A snapshot may come from anybody: what is of another kind than the
    tables say is made to be of that.
    """
    place = names.category_dirname(category)
    return Entry(id=ident, name=to_text(name), category=place, time=to_epoch(mtime))


def _counts(torrent: Mapping[str, object]) -> tuple[int, int, int, int, int, str]:
    """A torrent's size, seeders, leechers, snatches, number of files, and format."""
    return (
        to_count(torrent.get("size")),
        to_count(torrent.get("seeders")),
        to_count(torrent.get("leechers")),
        to_count(torrent.get("snatches", torrent.get("snatched"))),
        to_count(torrent.get("fileCount")),
        to_text(torrent.get("format")),
    )


def _torrents(connection: sqlite3.Connection, wanted: Wanted) -> Iterator[Entry]:
    query = f"SELECT {_COLUMNS} FROM groups WHERE id = ?"  # noqa: S608 - constants
    found = connection.execute(query, (wanted.ident,)).fetchone()
    if found is None:
        return
    decoded = _object(found[4] or found[5])
    counts = {
        to_count(each.get("torrentId", each.get("id"))): _counts(each)
        for each in _objects(decoded.get("torrents"))
    }
    rows = connection.execute(
        "SELECT id, name, mtime FROM torrents WHERE group_id = ? AND id > ? ORDER BY id LIMIT ?",
        (wanted.ident, wanted.after, PORTION),
    )
    for ident, name, mtime in rows:
        entry = _entry(ident, name, found[2], mtime)
        known = counts.get(ident)
        if known is not None:
            size, seeders, leechers, snatches, files, kind = known
            entry = msgspec.structs.replace(
                entry,
                size=size,
                seeders=seeders,
                leechers=leechers,
                snatches=snatches,
                files=files,
                formats=_first([kind]) if kind else (),
            )
        yield entry


def _categories(connection: sqlite3.Connection) -> Iterator[FacetCount]:
    totals = dict(connection.execute("SELECT category, groups FROM totals"))
    listed = {category for (category,) in connection.execute("SELECT category FROM listings")}
    others = sorted(
        category
        for category, groups in totals.items()
        if groups > 0 and names.has_place(category) and category not in names.CATEGORIES
    )
    for category in (*names.CATEGORIES, *others):
        query = "SELECT ifnull(max(mtime), 0) FROM groups WHERE category = ?"
        (newest,) = connection.execute(query, (category,)).fetchone()
        yield FacetCount(
            id=category,
            name=names.category_dirname(category),
            groups=totals.get(category, 0),
            time=to_epoch(newest),
            listed=category in listed or category not in names.CATEGORIES,
        )


def is_listed(connection: sqlite3.Connection, category: int) -> bool:
    """Whether a category was ever listed whole."""
    query = "SELECT 1 FROM listings WHERE category = ?"
    return connection.execute(query, (category,)).fetchone() is not None


def id_in_line(line: bytes) -> int | None:
    """The group's id in a line of index.jsonl or results.jsonl."""
    return to_id(_object(line).get("groupId"))


def entry_of_line(line: bytes, path_name: str) -> Entry:
    """A group as a line of index.jsonl or results.jsonl tells it."""
    ident = names.id_of(path_name) or 0
    decoded = _object(line)
    entry = _of_row(ident, path_name, 0, to_count(decoded.get("groupTime")), line, None)
    return msgspec.structs.replace(entry, category="")


def _page_of_facets(connection: sqlite3.Connection, kind: str, after: int) -> Page:
    if kind == facets.AUTHOR:
        query = (
            "SELECT authors.id, authors.name, count(*), max(mtime) FROM authors"
            " JOIN facets ON kind = 'author' AND text = CAST(authors.id AS TEXT)"
            " JOIN group_facets ON facet = facets.id JOIN groups ON groups.id = group_id"
            " WHERE authors.id > ? GROUP BY authors.id ORDER BY authors.id LIMIT ?"
        )
        rows = connection.execute(query, (after, PORTION)).fetchall()
    else:
        query = (
            "SELECT facets.id, text, count(*), max(mtime) FROM facets"
            " JOIN group_facets ON facet = facets.id JOIN groups ON groups.id = group_id"
            " WHERE kind = ? AND facets.id > ? GROUP BY facets.id ORDER BY facets.id LIMIT ?"
        )
        rows = connection.execute(query, (kind, after, PORTION)).fetchall()
    found = [
        FacetCount(
            id=ident,
            name=_facet_name(kind, to_text(text), ident),
            groups=groups,
            time=to_epoch(newest),
        )
        for ident, text, groups, newest in rows
    ]
    return Page(facets=found, following=_following(found))


def _facet_name(kind: str, text: str, ident: int) -> str:
    if kind == facets.AUTHOR:
        return names.with_id(escape(text), ident)
    return text if kind == facets.YEAR else names.text_dirname(text, ident)


def text_named(connection: sqlite3.Connection, view: str, name: str) -> str | None:
    """The text of the facet whose directory in a facet view (`tags`, say) has this name; None if
    none is known.
    """
    kind, number = views.FACETS[view], names.id_of(name)
    if kind == facets.AUTHOR:
        return None if number is None else str(number)
    if number is not None:
        found = connection.execute(
            "SELECT text FROM facets WHERE id = ? AND kind = ?", (number, kind)
        ).fetchone()
        return found[0] if found and names.text_dirname(found[0], number) == name else None
    query = "SELECT text FROM facets WHERE kind = ? AND text = ?"
    found = connection.execute(query, (kind, name)).fetchone()
    return found[0] if found else None


def kind_of(view: str) -> str:
    """What the table `facets` calls the values of a facet view (`tags`, say)."""
    return views.FACETS[view]


def _object(document: bytes | None) -> Mapping[str, object]:
    if document is None:
        return {}
    try:
        found = to_object(orjson.loads(document))
    except orjson.JSONDecodeError:
        found = None  # a snapshot may come from anybody
    return found or {}


def _objects(value: object) -> Iterable[Mapping[str, object]]:
    rows: Sequence[object] = to_rows(value) or ()
    return [row for row in rows if isinstance(row, Mapping)]


def _first(texts: Iterable[str]) -> tuple[str, ...]:
    """As many as fit."""
    left, kept = MOST_CHARACTERS, []
    for text in texts:
        left -= len(text)
        if left < 0:
            break
        kept.append(text)
    return tuple(kept)
