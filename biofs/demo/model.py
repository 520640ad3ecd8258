"""What the demo's catalogues are made of: texts unescaped, times in seconds since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from biofs.demo.contents import has_contents
from biofs.demo.metainfo import info_hash

CATEGORIES: Mapping[int, str] = {
    1: "Sequences",
    2: "Graphs",
    3: "Systems",
    4: "Geometric",
    5: "Scalars/Vectors",
    6: "Patterns",
    7: "Constraints",
    8: "Images",
    9: "Spatial",
    10: "Models",
    11: "Documents",
    12: "Machine Data",
}
"""Category names by id, as the site numbers them; any other id is "Unknown"."""


class Entry(NamedTuple):
    """A file of a torrent: its path, `/` separated, and its length in bytes."""

    path: str
    length: int


class Author(NamedTuple):
    """An author, who the API also calls an artist."""

    id: int
    name: str


@dataclass(frozen=True)
class Torrent:
    """A torrent; `size` and `file_count` are what the server states, true to `files` or not."""

    id: int
    files: Sequence[Entry]
    size: int
    file_count: int
    time: int
    file_path: str = ""
    platform: str = ""
    format: str = ""
    license: str = ""
    scope: str = ""
    annotated: bool = False
    archive: str = ""
    description: str = ""
    seeders: int = 0
    leechers: int = 0
    snatched: int = 0
    free: bool = False
    user_id: int = 0
    username: str = "Anonymous"
    raw_file_list: str | None = None
    """A fileList to be sent as it stands, in place of one made from `files`."""
    stated_hash: str | None = None
    """An info hash that is no hash of the metainfo, so that nobody need make one to know it."""

    @cached_property
    def info_hash(self) -> str:
        """The info hash, upper-case hex, of the .torrent that `metainfo` makes of this torrent."""
        return self.stated_hash or info_hash(self.file_path, self.files)

    @property
    def has_contents(self) -> bool:
        """Whether its files have contents that its .torrent, with that info hash, is true to."""
        return self.stated_hash is None and has_contents(self.files)


@dataclass(frozen=True)
class Group:
    """A group; `time` is its newest torrent's, as in the recordings."""

    id: int
    name: str
    category: int
    time: int
    torrents: Sequence[Torrent] = ()
    authors: Sequence[Author] = ()
    """Sorted by name, as the server does."""
    tags: Sequence[str] = ()
    year: int = 0
    organism: str = ""
    strain: str = ""
    accession: str = ""
    lab: str = ""
    location: str = ""
    picture: str = ""
    description: str = ""
    """HTML."""


@dataclass(frozen=True)
class User:
    """A user; byte counts in bytes."""

    id: int
    name: str
    user_class: str = "User"
    avatar: str = ""
    title: str | None = None
    joined: int = 0
    seen: int = 0
    uploaded: int = 0
    downloaded: int = 0
    uploads: int = 0
    seeding: int = 0
    enabled: bool = True
    snatched: Sequence[int] = ()
    """Group ids, newest first."""
    uploaded_groups: Sequence[int] = ()
    """Group ids, newest first."""


@dataclass(frozen=True)
class Comment:
    """A comment on a group."""

    id: int
    user_id: int
    time: int
    bb_body: str
    body: str
    """HTML."""
    edited_by: int = 0
    edited_time: int = 0


@dataclass(frozen=True)
class Collage:
    """A collage; `listed` may name groups that are gone."""

    id: int
    name: str
    description: str
    creator_id: int
    listed: Sequence[int]
    category: int = 1
    category_name: str = "Theme"
    deleted: bool = False
    subscribers: int = 0


@dataclass(frozen=True)
class Message:
    """A message of a conversation; sender 0 is the System."""

    id: int
    sender_id: int
    time: int
    bb_body: str
    body: str
    """HTML."""


@dataclass(frozen=True)
class Conversation:
    """A conversation in somebody's inbox or sentbox; its date is the last message's."""

    id: int
    subject: str
    messages: Sequence[Message]
    folder: str = "inbox"
    unread: bool = False
    sticky: bool = False


@dataclass(frozen=True)
class Post:
    """The last post of a user in a forum topic."""

    id: int
    topic_id: int
    title: str
    last_post_id: int
    time: int
    bb_body: str
    body: str
    """HTML."""
    locked: bool = False
    edited_by: int = 0
    edited_time: int = 0


@dataclass(frozen=True)
class Announcement:
    """A news item or a blog post."""

    id: int
    title: str
    bb_body: str
    body: str
    """HTML."""
    time: int
    author: str = ""


@dataclass(frozen=True)
class Request:
    """Somebody's wish for a data set by an author."""

    id: int
    author_id: int
    category: int
    title: str
    time: int
    tags: Sequence[str] = ()
    votes: int = 1
    bounty: int = 0


@dataclass(frozen=True)
class Belongings:
    """What a user's account holds besides the user's public side."""

    bookmarked_groups: Sequence[int] = ()
    bookmarked_authors: Sequence[int] = ()
    conversations: Sequence[Conversation] = ()
    posts: Sequence[Post] = ()
    notified_torrents: Sequence[int] = ()
    """Torrent ids, newest first, that the user's upload filter caught."""
    friends: Sequence[int] = ()


@dataclass(frozen=True)
class Community:
    """The people and what they wrote: small, so kept in memory beside any catalogue."""

    users: Mapping[int, User] = field(default_factory=dict)
    comments: Mapping[int, Sequence[Comment]] = field(default_factory=dict)
    """By group id, oldest first."""
    collages: Mapping[int, Collage] = field(default_factory=dict)
    belongings: Mapping[int, Belongings] = field(default_factory=dict)
    """By user id."""
    requests: Sequence[Request] = ()
    news: Sequence[Announcement] = ()
    blog: Sequence[Announcement] = ()
