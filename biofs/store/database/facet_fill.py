"""Filling in facets of a new kind for groups that a store already has, from what it has of them.

Facets are written with a group's browse row or detail, so a kind that a later version adds would
stay empty until every group has changed. The table `facet_kinds` says which kinds are behind; they
are filled in portions, in a thread, without a request, and once. What is filled is written down
with each portion, so a restart goes on there, and several processes share the work.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Final

import msgspec

from biofs.api.models import GroupAnswer, GroupRow
from biofs.store import facets
from biofs.store.database.files import StoreError
from biofs.store.database.store import Store
from biofs.store.detail_rows import decode
from biofs.store.facets import FacetValues, Found

log = logging.getLogger(__name__)

PORTION: Final = 128
"""Groups that one transaction fills: other writers wait for it, some hundredths of a second."""

_BEHIND: Final = "SELECT kind, filled_to FROM facet_kinds WHERE filled_to IS NOT NULL"
_decode: Final = msgspec.json.Decoder().decode

# Whether the row has changed since the detail was fetched, as in `Details.load`.
_GROUPS: Final = """
    SELECT id, mtime, line, answer,
        ifnull(seen > fetched AND details.stable IS NOT groups.stable, 1)
    FROM groups LEFT JOIN details ON group_id = id WHERE id > ? ORDER BY id LIMIT ?
"""


async def fill(store: Store) -> None:
    """Fill in every kind that is behind. A snapshot stays as it is.

    What fails is left for the next opening, with a line in the log.
    """
    if store.read_only:
        return
    kinds = [str(row[0]) for row in store.rows(_BEHIND)]
    if not kinds:
        return
    log.info("facets of a new kind are filled in: %s", ", ".join(kinds))
    try:
        while await store.write(_fill_portion):
            pass
    except sqlite3.DatabaseError as error:
        log.warning("facets of a new kind are not filled in: %s", error)


def _fill_portion(connection: sqlite3.Connection) -> bool:
    """Fill the next groups. Returns whether there may be more."""
    behind = dict(connection.execute(_BEHIND).fetchall())
    if not behind:
        return False
    rows = connection.execute(_GROUPS, (min(behind.values()), PORTION)).fetchall()
    found = [
        Found(group_id, mtime, _stored(group_id, line, answer, row_is_newer=bool(newer)))
        for group_id, mtime, line, answer, newer in rows
    ]
    facets.add(connection, found, behind.keys())
    more = len(rows) == PORTION
    connection.executemany(
        "UPDATE facet_kinds SET filled_to = ? WHERE kind = ?",
        [(rows[-1][0] if more else None, kind) for kind in behind],
    )
    return more


def _stored(
    group_id: int, line: bytes | None, answer: bytes | None, *, row_is_newer: bool
) -> FacetValues:
    """What a group is found by, as if its row or its detail, whichever is newer, came now."""
    nothing = FacetValues([], None)
    try:
        row = _of_line(line) if line is not None else None
        detail = _of_answer(answer) if answer is not None else None
    except (StoreError, msgspec.MsgspecError, ValueError, TypeError) as error:
        log.warning("group %d: what the store has of it is damaged: %s", group_id, error)
        return nothing
    newer, older = (row, detail) if row_is_newer else (detail, row)
    if newer is None:
        return older or nothing
    if newer.authors is None and older is not None and older.authors is not None:
        people = [value for value in older.values if value[0] == facets.AUTHOR]
        return FacetValues([*newer.values, *people], older.authors)
    return newer


def _of_line(line: bytes) -> FacetValues:
    return facets.of_row(GroupRow.from_json(_decode(line)), decoded=True)


def _of_answer(stored: bytes) -> FacetValues:
    kept = decode(stored)
    answer = GroupAnswer.from_json({"group": kept.group, "torrents": kept.torrents})
    return facets.of_group(answer.group, answer.torrents, decoded=True)
