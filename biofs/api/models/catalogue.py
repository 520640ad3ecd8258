"""Groups and torrents: answers of browse, torrentgroup and torrent.

Release 0.1.3 of the server (2021-07-29) tells the same of a group under other names, and nothing
but authors, torrents, sizes and times in a browse row.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import msgspec
from msgspec import field

from biofs.api.models.base import (
    Count,
    Id,
    Integer,
    Model,
    Raw,
    Text,
    Texts,
    read_rows,
    rows_of,
)
from biofs.api.values import (
    to_count,
    to_epoch,
    to_id,
    to_info_hash,
    to_rows,
    to_tags,
    to_text,
)


class Author(msgspec.Struct, frozen=True):
    """An author; the name is the one text that is not HTML-escaped."""

    id: int
    name: str


def to_authors(value: object) -> tuple[Author, ...]:
    """The authors of a list that have an id."""
    return tuple(
        Author(number, to_text(row.get("name")))
        for row in to_rows(value) or ()
        if isinstance(row, dict) and (number := to_id(row.get("id"))) is not None
    )


Authors = Annotated[tuple[Author, ...], to_authors]


class TorrentRow(Model, frozen=True):
    """A torrent in a browse row: without hash and file list. `size` is in bytes."""

    id: Id = field(name="torrentId")
    authors: Authors
    platform: Text
    format: Text
    license: Text
    scope: Text
    file_count: Count
    time: Text
    size: Count
    seeders: Count
    leechers: Count
    raw: Raw


class GroupRow(Model, frozen=True):
    """A group in a browse answer. `time` is in seconds since 1970."""

    id: Id = field(name="groupId")
    name: Text = field(name="groupName")
    author: Text
    tags: Texts
    year: Integer = field(name="groupYear")
    time: Annotated[int, to_epoch] = field(name="groupTime")
    accession: Text
    lab: Text
    location: Text
    torrents: Annotated[list[TorrentRow], rows_of(TorrentRow)]
    raw: Raw


class BrowsePage(Model, frozen=True):
    """A page of 50 groups. A query without any hit is answered as page 1 of 0.

    `pages` is the true number for the query, but a page past the 20th repeats the 20th. `skipped`
    counts the invalid groups and torrents.
    """

    action: ClassVar[str] = "browse"
    current_page: int
    pages: int
    rows: list[GroupRow]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without a list of results: that must not look like an empty page."""
        fields = cls._object(value)
        if "results" not in fields:
            raise cls._bad("has no results")
        rows, skipped = read_rows(GroupRow.from_json, fields["results"], cls, "results")
        for row in rows:
            skipped += len(to_rows(row.raw.get("torrents")) or ()) - len(row.torrents)
        page, pages = to_count(fields.get("currentPage", 1)), to_count(fields.get("pages"))
        return cls(page, pages, rows, skipped, fields)


_LATER_NAMES: Mapping[str, str] = {
    "name": "title",
    "organism": "subject",
    "strain": "object",
    "accession": "identifier",
    "lab": "workgroup",
    "categoryName": "icategoryName",  # sic
    "time": "timestamp",
    "tags": "tagList",
}
"""What release 0.1.3 calls a field of a group."""


class Group(Model, frozen=True):
    """A group's detail. `description` is HTML; `time` reads YYYY-MM-DD HH:MM:SS, in UTC.

    Fields can have the names of either age. `lab` and `location` are in 0.1.3's answers alone.
    """

    action: ClassVar[str] = "torrentgroup"
    id: Id
    name: Text
    description: Text
    organism: Text
    strain: Text
    authors: Authors
    year: Integer
    accession: Text
    lab: Text
    location: Text
    category_id: Count
    category_name: Text
    time: Text
    tags: Annotated[tuple[str, ...], to_tags]
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without a group's id; of two names the one with a value counts."""
        fields = cls._object(value)
        later = {
            name: fields[other]
            for name, other in _LATER_NAMES.items()
            if other in fields and not fields.get(name)
        }
        if not later:
            return super().from_json(fields)
        return msgspec.structs.replace(super().from_json({**fields, **later}), raw=fields)

    @property
    def tells_authors(self) -> bool:
        """Whether the answer tells who the authors are, if only that there are none.

        The answer about one torrent has NULL there in release 0.1.3.
        """
        return self.raw.get("authors") is not None


class Torrent(Model, frozen=True):
    """A torrent's detail, with its file list as the server writes it. `size` is in bytes.

    `info_hash` is in upper case, or `""` if it is invalid; `description` is escaped BBcode.
    """

    action: ClassVar[str] = "torrent"
    id: Id
    info_hash: Annotated[str, to_info_hash]
    platform: Text
    format: Text
    license: Text
    scope: Text
    file_count: Count
    size: Count
    seeders: Count
    leechers: Count
    time: Text
    description: Text
    file_list: Text
    file_path: Text
    raw: Raw


class GroupAnswer(Model, frozen=True):
    """A group and its torrents, with all their file lists. `skipped` counts the invalid ones."""

    action: ClassVar[str] = "torrentgroup"
    group: Group
    torrents: list[Torrent]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without a group, its id, or a list of torrents."""
        fields = cls._object(value)
        group = Group.from_json(fields.get("group"))
        torrents, skipped = read_rows(Torrent.from_json, fields.get("torrents"), cls, "torrents")
        return cls(group, torrents, skipped, fields)


class TorrentAnswer(Model, frozen=True):
    """A torrent and its group."""

    action: ClassVar[str] = "torrent"
    group: Group
    torrent: Torrent
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Raises BadAnswer without a group or torrent, or their ids."""
        fields = cls._object(value)
        group, torrent = fields.get("group"), fields.get("torrent")
        return cls(Group.from_json(group), Torrent.from_json(torrent), fields)
