"""A browse query: what it matches, and in which order. The same for every source of groups."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from biofs.demo.model import Group, Torrent

_WORD = re.compile(r"[^\W_]+")


def data_transferred(torrent: Torrent) -> int:
    """Bytes that a torrent's takers have got; one still at it counts half."""
    return torrent.size * (2 * torrent.snatched + torrent.leechers) // 2


def taking_part(torrent: Torrent) -> int:
    """How many seed or leech a torrent."""
    return torrent.seeders + torrent.leechers


ORDERS: dict[str, Callable[[Group], Any]] = {
    "time": lambda group: group.time,
    "year": lambda group: group.year,
    "name": lambda group: group.name,
    "size": lambda group: max((torrent.size for torrent in group.torrents), default=0),
    "filecount": lambda group: max((torrent.file_count for torrent in group.torrents), default=0),
    "snatched": lambda group: max((torrent.snatched for torrent in group.torrents), default=0),
    "seeders": lambda group: max((torrent.seeders for torrent in group.torrents), default=0),
    "leechers": lambda group: max((torrent.leechers for torrent in group.torrents), default=0),
    "data": lambda group: max(map(data_transferred, group.torrents), default=0),
    "overall": lambda group: max(map(taking_part, group.torrents), default=0),
}


def words(text: str) -> frozenset[str]:
    """The words of a text, case folded: what the full-text search compares."""
    return frozenset(_WORD.findall(text.casefold()))


def group_words(group: Group) -> frozenset[str]:
    """The words of a group that `searchstr` searches."""
    texts = (group.name, group.organism, group.strain, group.accession, group.lab, str(group.year))
    return words(" ".join((*texts, *group.tags, *(author.name for author in group.authors))))


@dataclass(frozen=True)
class Query:
    """A browse query; empty fields do not restrict. Words must all occur, as whole words."""

    search: frozenset[str] = frozenset()
    name: frozenset[str] = frozenset()
    author_name: frozenset[str] = frozenset()
    file: frozenset[str] = frozenset()
    author_id: int | None = None
    tags: frozenset[str] = frozenset()
    all_tags: bool = True
    categories: frozenset[int] = frozenset()
    years: tuple[int, int] | None = None
    """First and last year, both included."""
    platform: str | None = None
    format: str | None = None
    free: bool = False
    order_by: str = "time"
    descending: bool = True

    @cached_property
    def unrestricted(self) -> bool:
        """Whether every group matches."""
        return self == Query(order_by=self.order_by, descending=self.descending)

    @cached_property
    def looks_at_torrents(self) -> bool:
        """Whether matching or ordering needs more of a group than its own fields."""
        return bool(
            self.platform
            or self.format
            or self.free
            or self.file
            or self.order_by not in {"time", "year", "name"}
        )

    def matches(self, group: Group) -> bool:
        """Whether the group is one of the answers."""
        return self.unrestricted or (self._matches_group(group) and self._matches_torrents(group))

    def _matches_group(self, group: Group) -> bool:
        # Cheapest first: a category or a year is what narrows most queries.
        if self.categories and group.category not in self.categories:
            return False
        if self.years and not self.years[0] <= group.year <= self.years[1]:
            return False
        if self.tags:
            found = self.tags & frozenset(group.tags)
            if not (found == self.tags if self.all_tags else found):
                return False
        if self.author_id is not None and self.author_id not in {a.id for a in group.authors}:
            return False
        if self.author_name and not any(self.author_name <= words(a.name) for a in group.authors):
            return False
        return self.name <= words(group.name) and self.search <= group_words(group)

    def _matches_torrents(self, group: Group) -> bool:
        if not (self.platform or self.format or self.free or self.file):
            return True
        return any(
            (self.platform is None or torrent.platform == self.platform)
            and (self.format is None or torrent.format == self.format)
            and (torrent.free or not self.free)
            and (not self.file or any(self.file <= words(e.path) for e in torrent.files))
            for torrent in group.torrents
        )

    def place(self, group: Group) -> "Place":
        """A key that sorts groups in this query's order; those that tie, by id the same way."""
        return Place((ORDERS[self.order_by](group), group.id), self.descending)

    def sorted(self, groups: Iterable[Group]) -> list[Group]:
        """The matching ones of the groups, in order."""
        return sorted(filter(self.matches, groups), key=self.place)


@dataclass(frozen=True)
class Place:
    """A group's place in a query's order; comparable within one query."""

    value: tuple[Any, int]
    descending: bool

    def __lt__(self, other: "Place") -> bool:
        return other.value < self.value if self.descending else self.value < other.value
