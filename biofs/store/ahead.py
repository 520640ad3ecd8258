"""What a walk over a category comes to next, read from the store for some groups at once.

Each read takes a lock of the file and a descent of its own, which is most of what a small row
costs. Who walks over a category looks into one group after another, in the order of their ids or
the newest first, so what its next groups are made of can come with one statement each, as a kernel
reads ahead in a file: twice as many each time that they were needed, none when they were not.

Only what is there is taken from here. What is not, another process may have written since: whoever
needs it asks the store.
"""

from __future__ import annotations

from typing import Final

from biofs.store.database.store import Store
from biofs.store.group_rows import KnownGroup, KnownTorrent

MOST_GROUPS: Final = 16
"""What these take (200 KB) is read in a tenth of a millisecond; more is not read any faster."""

_MOST_ROWS: Final = 1024

_COLUMNS: Final = """
    answer, description, fetched, details.stable, groups.stable, seen,
        CASE WHEN seen > fetched THEN line END
"""
_ONE: Final = f"SELECT {_COLUMNS} FROM details LEFT JOIN groups ON id = group_id WHERE group_id = ?"  # noqa: S608
# A longer answer, description or file list is read when it is needed, and so are the torrents of
# groups that have very many. So no more than a few MB are ever held.
_SOME: Final = """
    SELECT id, name, mtime, category, {columns}
    FROM groups JOIN details ON group_id = id
    WHERE id IN (
            SELECT id FROM groups
            WHERE category = (SELECT category FROM groups WHERE id = ?) AND id {after} ?
            ORDER BY id {way} LIMIT ?)
        AND length(answer) < 65536 AND length(description) < 65536
    ORDER BY id
"""
_ONWARDS: Final = _SOME.format(columns=_COLUMNS, after=">=", way="ASC")
_BACKWARDS: Final = _SOME.format(columns=_COLUMNS, after="<=", way="DESC")
_TORRENTS: Final = """
    SELECT torrents.id, torrents.name, torrents.mtime, group_id
    FROM groups JOIN torrents ON group_id = groups.id
    WHERE category = ? AND groups.id BETWEEN ? AND ? ORDER BY groups.id, torrents.id LIMIT 1024
"""
_LISTS: Final = """
    SELECT info_hash, file_path, file_count, list
    FROM groups JOIN file_lists ON group_id = groups.id
    WHERE category = ? AND groups.id BETWEEN ? AND ? AND length(list) < 2048 LIMIT 1024
"""

Row = tuple[object, ...]


class Ahead:
    """What was read ahead of a store, good as long as nothing in it has changed."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._changes = -1
        self._number = 0  # of groups that are read the next time
        # The group that was looked into last, and whether the one before has a lower id.
        self._last, self._onwards = -1, True
        self._forget()

    def clear(self) -> None:
        """Forget everything."""
        self._number = 0
        self._forget()

    def _forget(self) -> None:
        self._read = 0  # groups at once, the last time
        self._groups: dict[object, Row] = {}
        self._details: dict[object, Row] = {}
        self._torrents: dict[object, list[KnownTorrent]] | None = None
        self._lists: dict[object, Row] | None = None

    def _is_right(self) -> bool:
        changes = self._store.changes
        if self._changes != changes:
            self._forget()
            self._changes = changes
        return self._read > 0

    def detail(self, group_id: int) -> Row | None:
        """What of a group makes a `details.Detail`, None if it has none.

        The columns are the answer and the description; when it was fetched; the digest of the row
        then, and now; when the row was seen; the row, if that was later.
        """
        self._is_right()
        onwards = group_id > self._last
        turned = onwards is not self._onwards or group_id == self._last
        self._last, self._onwards = group_id, onwards
        row = self._details.pop(group_id, None)
        if row is None and not turned and self._walks():
            self._read_on(group_id)
            row = self._details.pop(group_id, None)
            if row is None:  # it is long, and so may be the next ones
                self._number = 0
        if row is None:
            row = self._store.one(_ONE, group_id)
        if row is None:  # there may be few details: nobody looks for the next one
            self._number = 0
        return row

    def _walks(self) -> bool:
        """Whether what was read ahead was needed, so that more is worth reading."""
        needed = 2 * len(self._details) <= self._read
        self._number = min(2 * self._number or 1, MOST_GROUPS) if needed else 0
        self._forget()
        return self._number > 1

    def _read_on(self, group_id: int) -> None:
        query = _ONWARDS if self._onwards else _BACKWARDS
        rows = self._store.early(query, group_id, group_id, self._number)
        self._read = len(rows)
        self._groups = {row[0]: row[:4] for row in rows}
        self._details = {row[0]: row[4:] for row in rows}

    def group(self, group_id: int) -> KnownGroup | None:
        """A group that was read ahead."""
        row = self._groups.get(group_id) if self._is_right() else None
        return KnownGroup(*row) if row else None  # type: ignore[arg-type]  # see Store.record

    def torrents(self, group_id: int) -> list[KnownTorrent] | None:
        """The torrents of a group that was read ahead, in the order of their ids."""
        if not self._is_right() or group_id not in self._groups:
            return None
        if self._torrents is None:
            rows = self._of_these(_TORRENTS)
            whole = len(rows) < _MOST_ROWS
            self._torrents = {group: [] for group in self._groups} if whole else {}
            for torrent in map(KnownTorrent._make, rows) if whole else ():
                self._torrents.setdefault(torrent.group_id, []).append(torrent)
        return self._torrents.get(group_id)

    def file_list(self, key: str) -> Row | None:
        """A file list of a group that was read ahead, as `file_lists.QUERY` has it."""
        if not self._is_right():
            return None
        if self._lists is None:
            self._lists = {row[0]: row[1:] for row in self._of_these(_LISTS)}
        return self._lists.get(key)

    def _of_these(self, query: str) -> list[Row]:
        """Rows of all groups that were read ahead."""
        _, _, _, category = first = next(iter(self._groups.values()))
        *_, last = self._groups
        return self._store.early(query, category, first[0], last)
