"""Rows of groups and torrents: how they are written, changed and forgotten.

Everything here but `add` runs inside the transaction of the caller. What was known before a change
is returned, so that others can learn what looks different now.

A `Stub` is a group known by title only, because another answer names it.

A collage or a top list names groups with title and category. That is enough for a link to lead
to its place under `categories/`; what is in the group is asked for when somebody looks into it.

A bare row is one that tells no name: what the group's detail tells is filled in. Release 0.1.3 of
the server answers `browse` with NULL for names, accessions and laboratories, 0 for years, and
without tags. What a detail tells of these is written into the group's line of index.jsonl, and
stays there when a newer row comes that tells nothing again; so everything that reads lines
(listings, facets, `biofs ls`) need not know of it.
"""

from __future__ import annotations

import hashlib
import html
import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import orjson

from biofs.api.errors import BadAnswer
from biofs.api.models import Group, GroupRow
from biofs.api.values import to_object
from biofs.store import facets, fulltext
from biofs.tree import names, render

if TYPE_CHECKING:  # a store loads trio, and `biofs find` needs none
    from biofs.store.database.store import Store

# What changes in a row from hour to hour and says nothing about the group's detail.
_VOLATILE: Final = frozenset({"bookmarked", "totalSnatched", "totalSeeders", "totalLeechers"})
_VOLATILE_TORRENT: Final = frozenset(
    {"snatches", "seeders", "leechers", "hasSnatched", "canUseToken", "isPersonalFreeleech"}
)

CLOCK_SLACK: Final = 60.0
"""Seconds by which a stamp may be later than a time that was read just before it was written."""

_LAST_MTIME: Final = 2**33 - 1  # pyfuse3 counts nanoseconds in 64 bits, which end in 2262


class KnownGroup(NamedTuple):
    """A group as a directory needs it. `name` is its directory's name, `mtime` epoch seconds."""

    id: int
    name: str
    mtime: int
    category: int


class KnownTorrent(NamedTuple):
    """A torrent as a directory needs it. `name` is its directory's name, `mtime` epoch seconds."""

    id: int
    name: str
    mtime: int
    group_id: int


class Before(NamedTuple):
    """How a group and its torrents looked before something changed."""

    group: KnownGroup
    torrents: list[KnownTorrent]


class PageChanges(NamedTuple):
    """What a page changed: groups as they were before they changed, and ids of new groups."""

    different: list[Before]
    added: set[int]


class WrittenRow(NamedTuple):
    """A browse row as what is written of it: rows of the tables, facets, texts to search."""

    group: tuple[object, ...]
    torrents: list[tuple[object, ...]]
    found: facets.Found
    texts: Sequence[str]


def stable_digest(row: GroupRow) -> bytes:
    """A digest of what in a browse row cannot change without the group's detail changing."""
    kept = {key: value for key, value in row.raw.items() if key not in _VOLATILE | {"torrents"}}
    torrents = [
        {key: value for key, value in torrent.raw.items() if key not in _VOLATILE_TORRENT}
        for torrent in row.torrents
    ]
    text = orjson.dumps([kept, torrents], option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.blake2b(text, digest_size=16).digest()


def before_of(connection: sqlite3.Connection, group_id: object) -> list[Before]:
    """How a group looks before it is changed; none if it is not known."""
    group = connection.execute(
        "SELECT id, name, mtime, category FROM groups WHERE id = ?", (group_id,)
    ).fetchone()
    if group is None:
        return []
    return [Before(KnownGroup(*group), torrents_of(connection, group_id))]


def torrents_of(connection: sqlite3.Connection, group_id: object) -> list[KnownTorrent]:
    """The torrents that are known of a group."""
    rows = connection.execute(
        "SELECT id, name, mtime, group_id FROM torrents WHERE group_id = ?", (group_id,)
    )
    return [KnownTorrent(*row) for row in rows]


def forget_group(connection: sqlite3.Connection, group_id: int) -> None:
    """Forget a group that the server has no more. Its file lists may stay: they stay true."""
    facets.forget(connection, group_id)
    fulltext.forget(connection, group_id)
    connection.execute("DELETE FROM groups WHERE id = ?", (group_id,))
    connection.execute("DELETE FROM torrents WHERE group_id = ?", (group_id,))
    connection.execute("DELETE FROM details WHERE group_id = ?", (group_id,))


def mtime_of(seconds: int) -> int:
    """A time that every file system interface can hold: from 1970 to the year 2242."""
    return min(max(seconds, 0), _LAST_MTIME)


def row_mtime(row: GroupRow) -> int:
    """The newest time in a browse row, of the group or of a torrent in it (epoch seconds)."""
    times = [render.api_time(torrent.time) or row.time for torrent in row.torrents]
    return mtime_of(max(row.time, *times) if times else row.time)


def replace_torrents(
    connection: sqlite3.Connection,
    group_id: object,
    torrents: Sequence[tuple[object, ...]],
    known: Sequence[KnownTorrent],
) -> bool:
    """Make `torrents` (rows of the table) the torrents of a group, in place of those `known`.

    Returns whether they are others.
    """
    if {(each.id, each.group_id, each.name, each.mtime) for each in known} == set(torrents):
        return False
    if known:
        facets.keep_hashes(connection, group_id, [torrent[0] for torrent in torrents])
        connection.execute("DELETE FROM torrents WHERE group_id = ?", (group_id,))
    connection.executemany(
        "INSERT OR REPLACE INTO torrents (id, group_id, name, mtime) VALUES (?, ?, ?, ?)",
        torrents,
    )
    return True


def written_of(category: int, row: GroupRow, now: float, stable: object = None) -> WrittenRow:
    """What is to be written of a browse row, read at `now` (epoch seconds).

    `stable` is its digest if it is another than the row's own.

    Raises ValueError or TypeError for one that no JSON document can hold.
    """
    torrents: list[tuple[object, ...]] = []
    for torrent in row.torrents:
        mtime = mtime_of(render.api_time(torrent.time) or row.time)
        name = names.torrent_dirname(torrent.format, torrent.platform, torrent.scope, torrent.id)
        torrents.append((torrent.id, row.id, name, mtime))
    line = render.index_line(row.raw)
    name = names.group_dirname(row.name, row.id)
    newest = row_mtime(row)
    # Of the row as it came, whatever `fill` adds.
    group = (row.id, category, name, newest, line, stable or stable_digest(row), now)
    found = facets.Found(row.id, newest, facets.of_row(row))
    return WrittenRow(group, torrents, found, fulltext.of_row(row))


def fill(
    connection: sqlite3.Connection, row: GroupRow, written: WrittenRow, now: float
) -> WrittenRow:
    """`written`, of a row that tells no name, with what the store knows of the group.

    A name that is known from elsewhere (a title in a list, the answer about a torrent) stays.
    """
    told = told_of(connection, row.id)
    _, category, name, _, _, stable, _ = written.group
    if told:
        return written_of(int(str(category)), filled(row, told), now, stable)
    known = before_of(connection, row.id)
    name = known[0].group.name if known else name
    group = (*written.group[:2], name, *written.group[3:])
    return written._replace(group=group)


def write_row(connection: sqlite3.Connection, row: WrittenRow, changes: PageChanges) -> bool:
    """Write a browse row and its torrents, and add to `changes` what that changes.

    Returns whether more is new in it than its counts.
    """
    group_id, category, _, _, line, stable, now = row.group
    known = connection.execute(
        "SELECT line, category, stable FROM groups WHERE id = ?", (group_id,)
    ).fetchone()
    if known is not None and known[:2] == (line, category):
        connection.execute("UPDATE groups SET seen = ? WHERE id = ?", (now, group_id))
        return False
    if known is None:
        changes.added.add(row.found.id)
        torrents = torrents_of(connection, group_id)
    else:
        before = before_of(connection, group_id)
        changes.different.extend(before)
        torrents = before[0].torrents
    connection.execute(
        "INSERT INTO groups (id, category, name, mtime, line, stable, seen)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " category = excluded.category, name = excluded.name, mtime = excluded.mtime,"
        " line = excluded.line, stable = excluded.stable, seen = excluded.seen",
        row.group,
    )
    replace_torrents(connection, group_id, row.torrents, torrents)
    return known is None or bool(known[2] != stable)


class Stub(NamedTuple):
    """A group's id, category, title (HTML-escaped) and time (epoch seconds, 0 if unknown)."""

    group_id: int
    category: int
    name: str
    time: int


async def add(store: Store, stubs: Sequence[Stub], now: float) -> None:
    """Add groups that are not known; what is known of others stays as it is.

    `now` is when the answer came (epoch seconds). Its own transaction; none in a snapshot.
    """
    rows = [
        (_row(each, now), fulltext.of_title(each.name))
        for each in stubs
        if each.category in names.CATEGORIES
    ]

    def change(connection: sqlite3.Connection) -> None:
        for row, texts in rows:
            new = connection.execute(
                "INSERT OR IGNORE INTO groups (id, category, name, mtime, seen)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )
            if new.rowcount:
                fulltext.write_row(connection, row[0], texts)

    if rows and not store.read_only:
        await store.write(change)


def _row(each: Stub, now: float) -> tuple[int, int, str, int, float]:
    name = names.group_dirname(each.name, each.group_id)
    return each.group_id, each.category, name, mtime_of(each.time), now


Told = Mapping[str, object]
"""Fields of a browse row that tell something, texts decoded."""

_TOLD: Final = ("groupName", "groupYear", "tags", "accession", "lab", "location")


class _Detail(msgspec.Struct):
    """Of a stored answer (`detail_rows.StoredAnswer`) what matters here."""

    group: Any


_decode_detail: Final = msgspec.json.Decoder(_Detail).decode


def is_bare(row: GroupRow) -> bool:
    """Whether a row tells no name."""
    return not row.name.strip()


def told_by_detail(group: Group) -> Told:
    """What a detail tells of these fields. The texts of `group` are decoded."""
    values = (group.name, group.year, list(group.tags), group.accession, group.lab, group.location)
    return {key: value for key, value in zip(_TOLD, values, strict=True) if value}


def told_by_line(line: bytes) -> Told:
    """What a line tells of these fields; nothing if it has no name itself."""
    row = _row_of(line)
    if row is None or is_bare(row):
        return {}
    values = (row.name, row.year, list(row.tags), row.accession, row.lab, row.location)
    return {key: value for key, value in zip(_TOLD, values, strict=True) if value}


def told_of(connection: sqlite3.Connection, group_id: int) -> Told:
    """What the store knows of a group for its browse row: from its line, else from its detail."""
    found = connection.execute(
        "SELECT line, answer FROM groups LEFT JOIN details ON group_id = id WHERE id = ?",
        (group_id,),
    ).fetchone()
    line, answer = found or (None, None)
    told = told_by_line(line) if line is not None else {}
    if told or answer is None:
        return told
    try:
        return told_by_detail(Group.from_json(_decode_detail(answer).group))
    except (msgspec.MsgspecError, ValueError, BadAnswer):
        return {}  # a damaged one is found out by who reads it


def filled(row: GroupRow, told: Told) -> GroupRow:
    """The row with what is told in place of what it lacks.

    Texts are escaped as the server's are, but for characters that need it not.
    """
    if not told:
        return row
    known = {key: _escaped(value) for key, value in told.items() if not _tells(row.raw, key)}
    return GroupRow.from_json({**row.raw, **known})


def fill_bare_line(connection: sqlite3.Connection, group: Group) -> bool:
    """Fill a group's line, if that is one of a bare row, from its detail. Whether that changed it.

    `group` is as the server sent it. A line that was filled before is not told from a row that has
    a name; so a server that uses 0.1.3's names is taken at its detail's word.
    """
    found = connection.execute("SELECT line FROM groups WHERE id = ?", (group.id,)).fetchone()
    line = found[0] if found else None
    if line is None or ("title" not in group.raw and _tells_name(line)):
        return False  # as almost always, and to read all of a row takes long
    row = _row_of(line)
    if row is None or not (is_bare(row) or "title" in group.raw):
        return False
    told = render.decode_texts(dict(told_by_detail(group)))
    fields = to_object(told)
    if not fields or all(row.raw.get(key) == value for key, value in fields.items()):
        return False
    line = render.json_line({**row.raw, **fields})
    connection.execute("UPDATE groups SET line = ? WHERE id = ?", (line, group.id))
    return True


def _tells(raw: Mapping[str, object], key: str) -> bool:
    value = raw.get(key)
    return any(value) if isinstance(value, list) else bool(value)


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return html.escape(value, quote=False)
    return [_escaped(each) for each in value] if isinstance(value, list) else value


class _Named(msgspec.Struct):
    name: Any = msgspec.field(default=None, name="groupName")


_decode_named: Final = msgspec.json.Decoder(_Named).decode


def _tells_name(line: bytes) -> bool:
    """Whether a line tells a name for sure."""
    try:
        name = _decode_named(line).name
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(name, str) and bool(name.strip())


def _row_of(line: bytes) -> GroupRow | None:
    try:
        return GroupRow.from_json(orjson.loads(line))
    except (BadAnswer, orjson.JSONDecodeError):
        return None  # a damaged one, or one that only the standard library could write
