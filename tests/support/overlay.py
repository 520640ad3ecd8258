"""A catalogue that changes while the server runs."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from biofs.demo.model import Author, Community, Entry, Group, Torrent
from biofs.demo.query import Query
from biofs.demo.source import Source, Totals

_FIRST_NEW_ID = 2_000_000_000
_STEP = 60


class Overlay:
    """A Source like another one, but for the groups added, changed and removed through it.

    Made for few changes: each costs a little with every page. `tag_uses` stays the other's.
    """

    def __init__(self, base: Source) -> None:
        self._base = base
        self._hidden: dict[int, Group] = {}
        """Groups of the base that were removed or changed, as they were."""
        self._own: dict[int, Group] = {}
        """Groups that were added, or changed, as they are."""
        self._next_id = _FIRST_NEW_ID
        newest = base.page(Query(), 0, 1)
        self._time = newest[0].time if newest else 0

    def insert(self, name: str = "A new group", torrents: int = 1, **fields: Any) -> Group:
        """Add a group, the newest of all, with made-up torrents; `fields` as in Group."""
        made_up: dict[str, Any] = {"category": 1, "year": 2024, "tags": ("genomics",)}
        new = Group(**(made_up | {"id": self._new_id(), "name": name, "time": 0} | fields))
        made = tuple(_torrent(self._new_id()) for _ in range(torrents))
        self._own[new.id] = self._touched(replace(new, torrents=new.torrents or made))
        return self._own[new.id]

    def bump(self, group_id: int, **changes: Any) -> Group:
        """Change a group and make it the newest of all; `changes` as in Group.

        Raises KeyError where there is no such group.
        """
        old = self._take(group_id)
        self._own[group_id] = self._touched(replace(old, **changes))
        return self._own[group_id]

    def remove(self, group_id: int) -> None:
        """Remove a group. Raises KeyError where there is no such group."""
        self._take(group_id)

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _take(self, group_id: int) -> Group:
        group = self.group(group_id)
        if group is None:
            raise KeyError(group_id)
        if self._own.pop(group_id, None) is None:
            self._hidden[group_id] = group
        return group

    def _touched(self, group: Group) -> Group:
        self._time += _STEP
        *older, newest = group.torrents or (None,)
        torrents = (*older, replace(newest, time=self._time)) if newest else ()
        return replace(group, time=self._time, torrents=torrents)

    @property
    def community(self) -> Community:
        return self._base.community

    def count(self, query: Query) -> int:
        hidden = sum(map(query.matches, self._hidden.values()))
        return self._base.count(query) - hidden + sum(map(query.matches, self._own.values()))

    def page(self, query: Query, offset: int, limit: int) -> Sequence[Group]:
        own, hidden = query.sorted(self._own.values()), query.sorted(self._hidden.values())
        # A window of the base that holds all of its groups that can be on the page.
        first = max(0, offset - len(own))
        window = self._base.page(query, first, offset - first + limit + len(hidden))
        start = 0
        if first:
            if not window:
                return []
            edge = query.place(window[0])
            passed = sum(query.place(group) < edge for group in own)
            start = first - sum(query.place(group) < edge for group in hidden) + passed
            own = own[passed:]
        kept = [group for group in window if group.id not in self._hidden]
        return sorted([*kept, *own], key=query.place)[offset - start : offset - start + limit]

    def group(self, group_id: int) -> Group | None:
        if group_id in self._own:
            return self._own[group_id]
        return None if group_id in self._hidden else self._base.group(group_id)

    def group_of_torrent(self, torrent_id: int) -> Group | None:
        own = (g for g in self._own.values() if any(t.id == torrent_id for t in g.torrents))
        return next(own, None) or self._still_there(self._base.group_of_torrent(torrent_id))

    def group_of_hash(self, info_hash: str) -> Group | None:
        own = (g for g in self._own.values() if any(t.info_hash == info_hash for t in g.torrents))
        return next(own, None) or self._still_there(self._base.group_of_hash(info_hash))

    def _still_there(self, group: Group | None) -> Group | None:
        return None if group is None or group.id in self._hidden else group

    def author(self, author_id: int) -> Author | None:
        own = (author for group in self._own.values() for author in group.authors)
        found = next((author for author in own if author.id == author_id), None)
        return found or self._base.author(author_id)

    def author_named(self, name: str) -> Author | None:
        own = (author for group in self._own.values() for author in group.authors)
        found = next((a for a in own if a.name.casefold() == name.casefold()), None)
        return found or self._base.author_named(name)

    def tag_uses(self, limit: int) -> Sequence[tuple[str, int]]:
        return self._base.tag_uses(limit)

    def totals(self) -> Totals:
        total = self._base.totals()
        for sign, groups in ((1, self._own), (-1, self._hidden)):
            torrents = [t for group in groups.values() for t in group.torrents]
            total = Totals(
                total.groups + sign * len(groups),
                total.torrents + sign * len(torrents),
                total.authors,
                total.seeders + sign * sum(t.seeders for t in torrents),
                total.leechers + sign * sum(t.leechers for t in torrents),
            )
        return total


def _torrent(torrent_id: int) -> Torrent:
    files = (Entry("data.csv", torrent_id % 1000), Entry("notes/readme.txt", 42))
    return Torrent(
        id=torrent_id,
        files=files,
        size=sum(entry.length for entry in files),
        file_count=len(files),
        time=0,
        file_path=f"new {torrent_id}",
        platform="Other",
        format="CSV",
        license="CC BY",
        scope="Other",
    )
