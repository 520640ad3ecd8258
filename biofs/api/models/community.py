"""What users make of the catalogue: comments, collages, authors' pages, top lists."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Self

from msgspec import field

from biofs.api.models.base import (
    Count,
    Flag,
    Id,
    Integer,
    Model,
    Raw,
    Real,
    Text,
    Texts,
    part_of,
    read_rows,
    rows_of,
)
from biofs.api.values import to_count, to_id, to_rows, to_text


class Commenter(Model, frozen=True):
    """Who wrote a comment."""

    id: Count = field(name="authorId")
    name: Text = field(name="authorName")
    artist: Flag
    donor: Flag
    warned: Flag
    avatar: Text
    enabled: Flag
    user_title: Text
    raw: Raw


class Comment(Model, frozen=True):
    """A comment; `body` is HTML, `bb_body` BBcode. Never edited: `edited_time` is `""`."""

    id: Id = field(name="postId")
    added_time: Text
    bb_body: Text
    body: Text
    edited_user_id: Count
    edited_time: Text
    edited_username: Text
    userinfo: Annotated[Commenter, part_of(Commenter)]
    raw: Raw


class Comments(Model, frozen=True):
    """A page of ten comments on a group, oldest first. None at all: page 1 of 0."""

    action: ClassVar[str] = "tcomments"
    page: int
    pages: int
    comments: list[Comment]
    skipped: int
    raw: Raw

    @classmethod
    def from_json(cls, value: object) -> Self:
        fields = cls._object(value)
        rows, skipped = read_rows(Comment.from_json, fields.get("comments"), cls, "comments")
        page, pages = to_count(fields.get("page")), to_count(fields.get("pages"))
        return cls(page, pages, rows, skipped, fields)


class CollageTorrent(Model, frozen=True):
    """A torrent as a collage has it. `size` is in bytes."""

    id: Id = field(name="torrentid")
    platform: Text
    file_count: Count
    size: Count
    seeders: Count
    leechers: Count
    snatched: Count
    free_torrent: Flag
    reported: Flag
    time: Text
    raw: Raw


class CollageGroup(Model, frozen=True):
    """A group as a collage has it; `tag_list` has spaces between the tags."""

    id: Id
    name: Text
    year: Integer
    category_id: Count
    accession: Text
    tag_list: Text
    picture: Text
    torrents: Annotated[list[CollageTorrent], rows_of(CollageTorrent)]
    raw: Raw


def _to_ids(value: object) -> tuple[int, ...]:
    numbers = (to_id(row) for row in to_rows(value) or ())
    return tuple(number for number in numbers if number is not None)


class Collage(Model, frozen=True):
    """A collage. `torrent_group_ids` can name groups that `torrent_groups` lacks."""

    action: ClassVar[str] = "collage"
    id: Id
    name: Text
    description: Text
    creator_id: Count = field(name="creatorID")
    deleted: Flag
    category_id: Count = field(name="collageCategoryID")
    category_name: Text = field(name="collageCategoryName")
    locked: Flag
    max_groups: Count
    max_groups_per_user: Count
    has_bookmarked: Flag
    subscriber_count: Count
    torrent_group_ids: Annotated[tuple[int, ...], _to_ids] = field(name="torrentGroupIDList")
    torrent_groups: Annotated[list[CollageGroup], rows_of(CollageGroup)] = field(
        name="torrentgroups"
    )
    raw: Raw


class ArtistGroup(Model, frozen=True):
    """A group on an author's page."""

    id: Id = field(name="groupId")
    name: Text = field(name="groupName")
    year: Integer = field(name="groupYear")
    category_id: Count = field(name="groupCategoryID")
    tags: Texts
    raw: Raw


class TagCount(Model, frozen=True):
    """A tag and how often an author's groups have it."""

    name: Text
    count: Count
    raw: Raw


class ArtistStatistics(Model, frozen=True):
    """Sums over an author's groups."""

    num_groups: Count
    num_torrents: Count
    num_seeders: Count
    num_leechers: Count
    num_snatches: Count
    raw: Raw


class Artist(Model, frozen=True):
    """An author's page; `torrent_groups` is often empty although there are groups."""

    action: ClassVar[str] = "artist"
    id: Id
    name: Text
    notifications_enabled: Flag
    has_bookmarked: Flag
    image: Text
    body: Text
    vanity_house: Flag
    tags: Annotated[list[TagCount], rows_of(TagCount)]
    statistics: Annotated[ArtistStatistics, part_of(ArtistStatistics)]
    torrent_groups: Annotated[list[ArtistGroup], rows_of(ArtistGroup)] = field(name="torrentgroup")
    raw: Raw


class TopTorrent(Model, frozen=True):
    """A torrent of a top list. `size` and `data` (bytes transferred in all) are in bytes."""

    id: Id = field(name="torrentId")
    group_id: Id
    author: Text
    group_name: Text
    category_id: Count = field(name="groupCategory")
    group_year: Integer
    platform: Text
    tags: Texts
    snatched: Count
    seeders: Count
    leechers: Count
    data: Count
    size: Count
    raw: Raw


class TopTag(Model, frozen=True):
    """A tag of a top list."""

    name: Text
    uses: Count
    raw: Raw


class TopUser(Model, frozen=True):
    """A user of a top list. Sizes are in bytes, speeds in bytes a second."""

    id: Id
    username: Text
    uploaded: Count
    up_speed: Real
    downloaded: Count
    down_speed: Real
    num_uploads: Count
    join_date: Text
    raw: Raw


TopRow = TopTorrent | TopTag | TopUser

_READ_TOP: Mapping[str, Callable[[object], TopRow]] = {
    "torrents": TopTorrent.from_json,
    "tags": TopTag.from_json,
    "users": TopUser.from_json,
}


class TopList(Model, frozen=True):
    """One list of `top10`, and how many of its rows make no sense."""

    action: ClassVar[str] = "top10"
    caption: str
    tag: str
    limit: int
    results: list[TopRow]
    skipped: int
    raw: Raw


class Top10(Model, frozen=True):
    """The lists of one type: torrents, tags or users, and rows accordingly."""

    action: ClassVar[str] = "top10"
    type: str
    lists: list[TopList]
    raw: Sequence[object]

    @classmethod
    def from_json(cls, value: object, type: str = "torrents") -> Self:  # noqa: A002
        """Raises BadAnswer unless it is a list of lists, KeyError for another type."""
        read, values = _READ_TOP[type], to_rows(value)
        if values is None:
            raise cls._bad("is no list")
        lists = []
        for item in values:
            fields = cls._object(item)
            rows, skipped = read_rows(read, fields.get("results"), cls, "results")
            caption, tag = to_text(fields.get("caption")), to_text(fields.get("tag"))
            limit = to_count(fields.get("limit"))
            lists.append(TopList(caption, tag, limit, rows, skipped, fields))
        return cls(type, lists, values)
