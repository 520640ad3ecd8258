"""What the server needs of a catalogue: never the whole of it at once."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from biofs.demo.model import Author, Community, Group
from biofs.demo.query import Query


class Totals(NamedTuple):
    """The sums that the `stats` action tells."""

    groups: int
    torrents: int
    authors: int
    seeders: int
    leechers: int


class Source(Protocol):
    """A catalogue of groups and the community around it."""

    @property
    def community(self) -> Community:
        """The users and what they wrote."""

    def count(self, query: Query) -> int:
        """How many groups match."""

    def page(self, query: Query, offset: int, limit: int) -> Sequence[Group]:
        """At most `limit` matching groups from the 0-based `offset` on, in the query's order."""

    def group(self, group_id: int) -> Group | None:
        """A group by id."""

    def group_of_torrent(self, torrent_id: int) -> Group | None:
        """The group that has this torrent."""

    def group_of_hash(self, info_hash: str) -> Group | None:
        """The group that has the torrent with this info hash, upper-case hex."""

    def author(self, author_id: int) -> Author | None:
        """An author by id."""

    def author_named(self, name: str) -> Author | None:
        """An author by name, in any case."""

    def tag_uses(self, limit: int) -> Sequence[tuple[str, int]]:
        """The most used tags and how many groups use them, most used first."""

    def totals(self) -> Totals:
        """The catalogue's sums."""
