"""A catalogue small enough to be kept in memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from biofs.demo.model import Author, Community, Group
from biofs.demo.query import Query
from biofs.demo.source import Totals


class Memory:
    """A Source over groups held in memory; every query looks at each of them.

    `load` is called when the first group is needed, and once.
    """

    def __init__(self, load: Callable[[], Iterable[Group]], community: Community) -> None:
        self._load = load
        self.community = community

    @cached_property
    def _groups(self) -> Mapping[int, Group]:
        return {group.id: group for group in self._load()}

    @cached_property
    def _by_torrent(self) -> Mapping[int, Group]:
        return {t.id: group for group in self._groups.values() for t in group.torrents}

    @cached_property
    def _authors(self) -> Mapping[int, Author]:
        return {a.id: a for group in self._groups.values() for a in group.authors}

    @cached_property
    def _by_hash(self) -> Mapping[str, Group]:
        # Hashing every file list takes a while, and few ask by hash.
        return {t.info_hash: group for group in self._groups.values() for t in group.torrents}

    def count(self, query: Query) -> int:
        return sum(map(query.matches, self._groups.values()))

    def page(self, query: Query, offset: int, limit: int) -> Sequence[Group]:
        return query.sorted(self._groups.values())[offset : offset + limit]

    def group(self, group_id: int) -> Group | None:
        return self._groups.get(group_id)

    def group_of_torrent(self, torrent_id: int) -> Group | None:
        return self._by_torrent.get(torrent_id)

    def group_of_hash(self, info_hash: str) -> Group | None:
        return self._by_hash.get(info_hash)

    def author(self, author_id: int) -> Author | None:
        return self._authors.get(author_id)

    def author_named(self, name: str) -> Author | None:
        wanted = name.casefold()
        return next((a for a in self._authors.values() if a.name.casefold() == wanted), None)

    def tag_uses(self, limit: int) -> Sequence[tuple[str, int]]:
        uses = Counter(tag for group in self._groups.values() for tag in group.tags)
        return uses.most_common(limit)

    def totals(self) -> Totals:
        torrents = [t for group in self._groups.values() for t in group.torrents]
        return Totals(
            groups=len(self._groups),
            torrents=len(torrents),
            authors=len(self._authors),
            seeders=sum(t.seeders for t in torrents),
            leechers=sum(t.leechers for t in torrents),
        )
