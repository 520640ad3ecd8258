"""Facets: by what groups are found. Each tag, year, format and author, and the groups that have it.

They come with browse rows and with details, and are written down with these. Info hashes, which
only a detail tells, are kept here likewise.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

import orjson

from biofs.api.models import Author, Group, GroupRow, Torrent
from biofs.api.values import LARGEST_ID
from biofs.tree import names
from biofs.tree.printable import escape, scalar, unescape

T = TypeVar("T", bound=Hashable)

TAG: Final = "tag"
YEAR: Final = "year"
FORMAT: Final = "format"
AUTHOR: Final = "author"

KINDS: Final = (TAG, YEAR, FORMAT, AUTHOR)
"""All kinds. What a new one holds is said in `_facets_of`; rows that a store already has are filled
in by `facet_fill`."""

MOST_VALUES: Final = 1000
"""Of one group that are kept, and of one value's characters: no query could ask for more."""


class FacetValues(NamedTuple):
    """What a group is found by: pairs of a kind and a text, and rows of the table `authors`.

    A year and an author are their number in digits. `authors` is None if nothing tells them.
    """

    values: list[tuple[str, str]]
    authors: list[tuple[int, str, str]] | None


class Found(NamedTuple):
    """A group, its mtime (epoch seconds) and what it is found by."""

    id: int
    mtime: int
    facts: FacetValues


def of_row(row: GroupRow, *, decoded: bool = False) -> FacetValues:
    """What a browse row tells. A row without torrents tells no authors.

    `decoded` if the row comes from the store, where texts are not HTML-escaped any more.
    """
    authors: list[Author] | None = None
    if row.torrents:
        authors = [author for torrent in row.torrents for author in torrent.authors]
    formats = [torrent.format for torrent in row.torrents]
    return _facets_of(row.tags, row.year, formats, authors, decoded=decoded)


def of_group(group: Group, torrents: Sequence[Torrent], *, decoded: bool = False) -> FacetValues:
    """What a detail tells; `decoded` as in `of_row`."""
    formats = [torrent.format for torrent in torrents]
    authors = group.authors if group.tells_authors else None
    return _facets_of(group.tags, group.year, formats, authors, decoded=decoded)


def _facets_of(
    tags: Iterable[str],
    year: int,
    formats: Iterable[str],
    authors: Iterable[Author] | None,
    *,
    decoded: bool,
) -> FacetValues:
    values = [(YEAR, str(year))] if 0 < year <= LARGEST_ID else []
    for kind, texts in ((TAG, tags), (FORMAT, formats)):
        for text in texts:
            plain = scalar(text if decoded else unescape(text)).strip()
            if plain and len(plain) <= MOST_VALUES:
                values.append((kind, plain))
    if authors is None:
        return FacetValues(_first(values), None)
    people = [author_row(author.id, author.name) for author in _first(authors) if author.id]
    values += [(AUTHOR, str(ident)) for ident, _, _ in people]
    return FacetValues(_first(values), people)


def _first(values: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(values))[:MOST_VALUES]


@lru_cache(maxsize=4096)
def author_row(ident: int, name: str) -> tuple[int, str, str]:
    """An author as a row: the id, the name, and the name as one would type it in a path."""
    name = scalar(name[:MOST_VALUES])
    return ident, name, names.clean(escape(name))


def register_kinds(connection: sqlite3.Connection, *, empty: bool) -> None:
    """Write down which kinds the store's groups are still to be filled with.

    An `empty` store has nothing to fill. A kind that is not known here is not written here
    either, so whoever knows it has to fill it again.
    """
    known = {kind for (kind,) in connection.execute("SELECT kind FROM facet_kinds")}
    for kind in known.difference(KINDS):
        connection.execute("DELETE FROM facet_kinds WHERE kind = ?", (kind,))
    for kind in set(KINDS) - known:
        connection.execute(
            "INSERT INTO facet_kinds (kind, filled_to) VALUES (?, ?)", (kind, None if empty else -1)
        )


def write(connection: sqlite3.Connection, groups: Iterable[Found]) -> None:
    """Make these the facets of groups; of a page's groups at once, which saves half the time."""
    different = []
    for group in groups:
        known = _facets_known(connection, group)
        values = set(group.facts.values)
        if known.keys() == values and all(newest >= group.mtime for newest in known.values()):
            # What a detail tells is mostly what the browse row told.
            write_authors(connection, group.facts.authors or ())
            continue
        if known.keys() - values:
            connection.execute(
                "DELETE FROM group_facets WHERE group_id = ?"
                " AND (SELECT kind FROM facets WHERE id = facet) IS NOT ?",
                (group.id, AUTHOR if group.facts.authors is None else None),
            )
        different.append(group)
    if different:
        add(connection, different, KINDS)


def _facets_known(connection: sqlite3.Connection, group: Found) -> dict[tuple[str, str], int]:
    """A group's facets, and of each the newest mtime; without authors if nothing tells them."""
    rows = connection.execute(
        "SELECT kind, text, newest FROM group_facets JOIN facets ON id = facet WHERE group_id = ?",
        (group.id,),
    )
    told = group.facts.authors is not None
    return {(kind, text): newest for kind, text, newest in rows if told or kind != AUTHOR}


def add(connection: sqlite3.Connection, groups: Iterable[Found], kinds: Collection[str]) -> None:
    """Add facets of these kinds to groups, which keep those that they have."""
    newest: dict[tuple[str, str], int] = {}
    authors: dict[int, tuple[int, str, str]] = {}
    members: list[tuple[int, str, str]] = []
    for group in groups:
        for value in group.facts.values:
            if value[0] in kinds:
                newest[value] = max(group.mtime, newest.get(value, 0))
                members.append((group.id, *value))
        if AUTHOR in kinds:
            authors |= {row[0]: row for row in group.facts.authors or ()}
    connection.executemany(
        "INSERT INTO facets (kind, text, newest) VALUES (?, ?, ?) ON CONFLICT (kind, text)"
        " DO UPDATE SET newest = excluded.newest WHERE excluded.newest > newest",
        [(*value, mtime) for value, mtime in newest.items()],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO group_facets (facet, group_id)"
        " SELECT id, ? FROM facets WHERE kind = ? AND text = ?",
        members,
    )
    write_authors(connection, authors.values())


def write_authors(connection: sqlite3.Connection, authors: Iterable[tuple[int, str, str]]) -> None:
    """Take up authors' names (rows as `author_row` makes them)."""
    connection.executemany(
        "INSERT INTO authors (id, name, title) VALUES (?, ?, ?) ON CONFLICT (id)"
        " DO UPDATE SET name = excluded.name, title = excluded.title WHERE excluded.name != name",
        authors,
    )


def write_hashes(connection: sqlite3.Connection, torrents: Iterable[Torrent]) -> None:
    """Take up the info hashes of torrents that have one."""
    connection.executemany(
        "INSERT INTO hashes (torrent_id, info_hash) VALUES (?, ?) ON CONFLICT (torrent_id)"
        " DO UPDATE SET info_hash = excluded.info_hash WHERE excluded.info_hash != info_hash",
        [
            (torrent.id, bytes.fromhex(torrent.info_hash))
            for torrent in torrents
            if torrent.info_hash
        ],
    )


def keep_hashes(
    connection: sqlite3.Connection, group_id: object, torrent_ids: Iterable[object]
) -> None:
    """Before a group's torrents are replaced: forget the hashes of those that it will lack."""
    connection.execute(
        "DELETE FROM hashes WHERE torrent_id IN (SELECT id FROM torrents WHERE group_id = ?)"
        " AND torrent_id NOT IN (SELECT value FROM json_each(?))",
        (group_id, orjson.dumps(list(torrent_ids)).decode()),
    )


def forget(connection: sqlite3.Connection, group_id: object) -> None:
    """Before a group and its torrents are forgotten. Tags and authors stay known."""
    connection.execute("DELETE FROM group_facets WHERE group_id = ?", (group_id,))
    keep_hashes(connection, group_id, ())
