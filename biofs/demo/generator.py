"""A catalogue of any size, computed when asked for.

Everything about group i but its number and time depends on i modulo a period alone, so that a query
is answered by looking at one period: which of it match, and how often they recur.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import accumulate, groupby

from biofs.demo.generated_groups import AUTHORS, Kind, number_word
from biofs.demo.model import CATEGORIES, Author, Community, Group
from biofs.demo.query import ORDERS, Query
from biofs.demo.source import Totals
from biofs.demo.written.build import moment
from biofs.demo.written.community import community

_PER_CATEGORY = 1008
_CACHED_QUERIES = 64
_SPAN = 10 * 365 * 86_400
_MOST_STEP = 86_400


@dataclass(frozen=True)
class _Bucket:
    """Positions in the period, ascending, whose groups share a value of the order."""

    positions: Sequence[int]
    count: int
    """How many groups of the catalogue stand at these positions."""


@dataclass(frozen=True)
class _Matches:
    """What a query finds, in ascending order: bucket by bucket, within a bucket by number."""

    buckets: Sequence[_Bucket]

    @cached_property
    def ends(self) -> Sequence[int]:
        """For each bucket how many groups there are up to its end."""
        return list(accumulate(bucket.count for bucket in self.buckets))

    @property
    def count(self) -> int:
        return self.ends[-1] if self.ends else 0


class Generated:
    """A Source of `groups` groups, alike but for what a query can tell apart.

    Group ids run from 1, newest last; torrent ids likewise. Categories alternate. A page of any
    query costs no more the further back it is; a query's first page looks at 1,008 kinds of group
    per category. Searching file lists is not supported: `filelist` does not restrict. No torrent
    has contents: the info hashes are made of the ids, and are not those of the .torrent files.
    """

    def __init__(
        self,
        groups: int = 2600,
        torrents_per_group: int = 3,
        files_per_torrent: int = 20,
        categories: Sequence[int] = tuple(CATEGORIES),
        seed: int = 0,
    ) -> None:
        self._count = groups
        self._kind = Kind(torrents_per_group, files_per_torrent, tuple(categories), seed)
        self._period = _PER_CATEGORY * len(categories)
        self._first_time = moment("2010-01-01 00:00:00")
        self._step = min(_MOST_STEP, max(1, _SPAN // max(groups, 1)))
        self._matches = lru_cache(_CACHED_QUERIES)(self._find_matches)

    @property
    def community(self) -> Community:
        return community()

    def count(self, query: Query) -> int:
        return self._matches(self._searched(query)).count

    def page(self, query: Query, offset: int, limit: int) -> Sequence[Group]:
        matches = self._matches(self._searched(query))
        places = range(offset, min(offset + limit, matches.count))
        if query.descending:
            places = range(matches.count - 1 - places.start, matches.count - 1 - places.stop, -1)
        return [self._make(self._index(matches, place)) for place in places]

    def group(self, group_id: int) -> Group | None:
        return self._make(group_id - 1) if 1 <= group_id <= self._count else None

    def group_of_torrent(self, torrent_id: int) -> Group | None:
        return self.group(self._kind.group_of_torrent(torrent_id))

    def group_of_hash(self, info_hash: str) -> Group | None:
        return self.group(self._kind.group_of_hash(info_hash))

    def author(self, author_id: int) -> Author | None:
        return next((author for author in AUTHORS if author.id == author_id), None)

    def author_named(self, name: str) -> Author | None:
        wanted = name.casefold()
        return next((author for author in AUTHORS if author.name.casefold() == wanted), None)

    def tag_uses(self, limit: int) -> Sequence[tuple[str, int]]:
        return self._sums[1].most_common(limit)

    def totals(self) -> Totals:
        return self._sums[0]

    @cached_property
    def _sums(self) -> tuple[Totals, Counter[str]]:
        seeders = leechers = 0
        uses: Counter[str] = Counter()
        authors: set[int] = set()
        for position in range(min(self._period, self._count)):
            group, times = self._make(position), self._recurrences([position])
            seeders += times * sum(torrent.seeders for torrent in group.torrents)
            leechers += times * sum(torrent.leechers for torrent in group.torrents)
            uses.update(dict.fromkeys(group.tags, times))
            authors.update(author.id for author in group.authors)
        torrents = self._count * self._kind.torrents_per_group
        return Totals(self._count, torrents, len(authors), seeders, leechers), uses

    def _make(self, index: int, *, bare: bool = False) -> Group:
        time = self._first_time + index * self._step
        return self._kind.group(index % self._period, index, time, bare=bare)

    def _searched(self, query: Query) -> Query:
        # One cache entry serves both ways and all that is not looked at.
        return replace(query, descending=False, file=frozenset())

    def _find_matches(self, query: Query) -> _Matches:
        if query.unrestricted and query.order_by == "time":
            every = self._positions(query)
            return _Matches([_Bucket(every, self._recurrences(every))])
        numbers = [word for word in query.search | query.name if number_word(word)]
        if numbers:
            return self._numbered(query, int(numbers[0]) - 1)
        order = ORDERS[query.order_by]
        bare = not query.looks_at_torrents
        valued = []
        for position in self._positions(query):
            group = self._make(position, bare=bare)
            if query.matches(group):
                # Time and number ascend together; a name sorts as its part before the number.
                value = "" if query.order_by == "time" else order(group)
                value = value[: value.rindex(" ")] if query.order_by == "name" else value
                valued.append((value, position))
        valued.sort()
        buckets = []
        for _, members in groupby(valued, key=lambda pair: pair[0]):
            positions = [position for _, position in members]
            buckets.append(_Bucket(positions, self._recurrences(positions)))
        return _Matches(buckets)

    def _positions(self, query: Query) -> Sequence[int]:
        every = range(min(self._period, self._count))
        if not query.categories:
            return every
        # Categories alternate, so most positions need not be looked at.
        offsets = [at for at, n in enumerate(self._kind.categories) if n in query.categories]
        return [p for p in every if p % len(self._kind.categories) in offsets]

    def _numbered(self, query: Query, index: int) -> _Matches:
        if not (0 <= index < self._count and query.matches(self._make(index))):
            return _Matches([])
        return _Matches([_Bucket([index], 1)])

    def _recurrences(self, positions: Sequence[int]) -> int:
        """How many groups of the catalogue stand at these ascending positions of the period."""
        periods, rest = divmod(self._count, self._period)
        return periods * len(positions) + bisect_left(positions, rest)

    def _index(self, matches: _Matches, place: int) -> int:
        """The index of the group at this 0-based place of the ascending order."""
        at = bisect_right(matches.ends, place)
        bucket = matches.buckets[at]
        within = place - (matches.ends[at] - bucket.count)
        periods, position = divmod(within, len(bucket.positions))
        return periods * self._period + bucket.positions[position]
