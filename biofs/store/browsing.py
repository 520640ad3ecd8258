"""Browsing: what is known by id, by info hash and by facet, in portions of `CHUNK`.

Only groups of which an inode can hold the category have a place in the tree, so only those are
returned.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final, NamedTuple

from biofs.store import facets
from biofs.store.database.store import Store
from biofs.store.groups import CHUNK, KnownGroup, KnownTorrent
from biofs.tree import names

# The + keeps SQLite from taking the groups in the order of their categories.
_PLACED: Final = f"+groups.category BETWEEN 0 AND {names.LARGEST_CATEGORY}"
_GROUP: Final = "groups.id, groups.name, groups.mtime, groups.category"
_TORRENT: Final = "torrents.id, torrents.name, torrents.mtime, torrents.group_id"
_HAS_GROUPS: Final = "EXISTS (SELECT 1 FROM group_facets WHERE facet = facets.id)"


class Gaps(NamedTuple):
    """Why not every group is known: categories never listed whole, and categories of which the
    server counts more groups than it shows."""

    unlisted: list[int]
    hidden: list[int]

    def __bool__(self) -> bool:
        return bool(self.unlisted or self.hidden)


class Facet(NamedTuple):
    """A facet by which groups are known; `newest` is the newest mtime of one (epoch seconds)."""

    id: int
    text: str
    newest: int


class KnownAuthor(NamedTuple):
    """An author; `newest` as in Facet, 0 without groups."""

    id: int
    name: str
    newest: int


class PlacedTorrent(NamedTuple):
    """A torrent and its group."""

    torrent: KnownTorrent
    group: KnownGroup


class HashedTorrent(NamedTuple):
    """A torrent by its info hash, in upper case."""

    info_hash: str
    placed: PlacedTorrent


class Browsing:
    """Reads of the tables `facets`, `group_facets`, `authors` and `hashes`.

    CROSS JOIN has SQLite take the tables in their order here (sqlite.org/optoverview.html), so that
    a portion costs its rows and no more.
    """

    def __init__(self, store: Store) -> None:
        self._store: Final = store

    def gaps(self) -> Gaps:
        """What is missing until every group of the catalogue is known."""
        listed: dict[object, object] = {
            row[0]: row[1] for row in self._store.rows("SELECT category, whole FROM listings")
        }
        return Gaps(
            [category for category in names.CATEGORIES if category not in listed],
            [category for category in names.CATEGORIES if listed.get(category) == 0],
        )

    def newest(self) -> int:
        """The newest mtime of all groups (epoch seconds)."""
        newest = self._store.integer("SELECT max(newest) FROM facets WHERE kind = ?", facets.YEAR)
        return newest or 0

    def groups_after(self, group_id: int) -> list[KnownGroup]:
        """The next groups behind an id, in the order of their ids."""
        return self._store.records(
            KnownGroup,
            f"SELECT {_GROUP} FROM groups WHERE id > ? AND {_PLACED}"  # noqa: S608 - constants
            " ORDER BY id LIMIT ?",
            *(group_id, CHUNK),
        )

    def torrents_after(self, torrent_id: int) -> list[PlacedTorrent]:
        """The next torrents behind an id, in the order of their ids."""
        return self._store.records(
            _placed,
            f"SELECT {_TORRENT}, {_GROUP} FROM torrents"  # noqa: S608 - constants
            " CROSS JOIN groups ON groups.id = torrents.group_id"
            f" WHERE torrents.id > ? AND {_PLACED} ORDER BY torrents.id LIMIT ?",
            *(torrent_id, CHUNK),
        )

    def hashes_after(self, torrent_id: int) -> list[HashedTorrent]:
        """The next torrents behind an id whose info hash is known; each hash once."""
        return self._store.records(
            _hashed,
            f"SELECT info_hash, {_TORRENT}, {_GROUP} FROM hashes"  # noqa: S608 - constants
            " CROSS JOIN torrents ON torrents.id = torrent_id"
            " CROSS JOIN groups ON groups.id = torrents.group_id"
            f" WHERE torrent_id > ? AND {_PLACED} AND NOT EXISTS"
            " (SELECT 1 FROM hashes AS other WHERE other.info_hash = hashes.info_hash"
            " AND other.torrent_id < hashes.torrent_id)"
            " ORDER BY torrent_id LIMIT ?",
            *(torrent_id, CHUNK),
        )

    def torrent_of(self, info_hash: str) -> int | None:
        """The torrent with this info hash (upper case), if it is known."""
        return self._store.integer(
            "SELECT torrent_id FROM hashes JOIN torrents ON id = torrent_id"
            " WHERE info_hash = ? ORDER BY torrent_id LIMIT 1",
            bytes.fromhex(info_hash),
        )

    async def lacks_hashes(self) -> bool:
        """Whether there are torrents whose info hash is not known; for a million in a second."""

        def read(connection: sqlite3.Connection) -> bool:
            query = (
                "SELECT EXISTS (SELECT 1 FROM torrents WHERE NOT EXISTS"
                " (SELECT 1 FROM hashes WHERE torrent_id = torrents.id))"
            )
            return bool(connection.execute(query).fetchone()[0])

        return await self._store.scan(read)

    def facet(self, kind: str, text: str) -> Facet | None:
        """A facet that a known group has."""
        return self._store.record(
            Facet,
            "SELECT id, text, newest FROM facets"  # noqa: S608 - a constant
            f" WHERE kind = ? AND text = ? AND {_HAS_GROUPS}",
            *(kind, text),
        )

    def text_of(self, kind: str, facet_id: int) -> str | None:
        """The text of a facet, also of one that no group has any more."""
        row = self._store.one("SELECT text FROM facets WHERE id = ? AND kind = ?", facet_id, kind)
        return str(row[0]) if row else None

    def facets_after(self, kind: str, facet_id: int) -> list[Facet]:
        """The next facets of a kind behind an id that a known group has, by id."""
        return self._store.records(
            Facet,
            "SELECT id, text, newest FROM facets"  # noqa: S608 - a constant
            f" WHERE kind = ? AND id > ? AND {_HAS_GROUPS} ORDER BY id LIMIT ?",
            *(kind, facet_id, CHUNK),
        )

    def members_after(self, facet_id: int, group_id: int) -> list[KnownGroup]:
        """The next groups that have a facet, behind an id, in the order of their ids."""
        return self._store.records(
            KnownGroup,
            f"SELECT {_GROUP} FROM group_facets"  # noqa: S608 - constants
            " CROSS JOIN groups ON groups.id = group_id"
            f" WHERE facet = ? AND group_id > ? AND {_PLACED} ORDER BY group_id LIMIT ?",
            *(facet_id, group_id, CHUNK),
        )

    def is_member(self, facet_id: int, group_id: int) -> bool:
        """Whether a group has a facet."""
        query = "SELECT 1 FROM group_facets WHERE facet = ? AND group_id = ?"
        return self._store.one(query, facet_id, group_id) is not None

    def author(self, author_id: int) -> KnownAuthor | None:
        """An author by id."""
        rows = self._authors("authors.id = ?", author_id)
        return rows[0] if rows else None

    def author_titled(self, title: str) -> KnownAuthor | None:
        """The first author whose name stands so in a path."""
        rows = self._authors("title = ? ORDER BY authors.id LIMIT 1", title)
        return rows[0] if rows else None

    def authors_after(self, author_id: int) -> list[KnownAuthor]:
        """The next authors behind an id, in the order of their ids."""
        return self._authors("authors.id > ? ORDER BY authors.id LIMIT ?", author_id, CHUNK)

    def _authors(self, condition: str, *parameters: object) -> list[KnownAuthor]:
        return self._store.records(
            KnownAuthor,
            "SELECT authors.id, name, ifnull(newest, 0) FROM authors"  # noqa: S608 - constants
            " LEFT JOIN facets ON kind = 'author' AND text = CAST(authors.id AS TEXT)"
            f" WHERE {condition}",
            *parameters,
        )

    async def learn_author(self, author_id: int, name: str) -> None:
        """Take up an author's name, as an answer about the author tells it."""
        row = facets.author_row(author_id, name)
        if author_id and not self._store.read_only:
            await self._store.write(lambda connection: facets.write_authors(connection, [row]))


def _placed(*row: Any) -> PlacedTorrent:
    return PlacedTorrent(KnownTorrent(*row[:4]), KnownGroup(*row[4:8]))


def _hashed(info_hash: bytes, *row: Any) -> HashedTorrent:
    return HashedTorrent(info_hash.hex().upper(), _placed(*row))
