"""Browse rows that tell no name: what the group's detail tells is filled in.

Release 0.1.3 of the server answers `browse` with NULL for names, accessions and laboratories, 0 for
years, and without tags. What a detail tells of these is written into the group's line of
index.jsonl, and stays there when a newer row comes that tells nothing again; so everything that
reads lines (listings, facets, `biofs ls`) need not know of it.
"""

from __future__ import annotations

import html
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from biofs.api.errors import BadAnswer
from biofs.api.models import Group, GroupRow
from biofs.api.values import to_object
from biofs.tree import render

Told = Mapping[str, object]
"""Fields of a browse row that tell something, texts decoded."""

_FIELDS: Final = ("groupName", "groupYear", "tags", "accession", "lab", "location")


class _Detail(msgspec.Struct):
    """Of a stored answer (`detail_rows.StoredAnswer`) what matters here."""

    group: Any


_decode_detail: Final = msgspec.json.Decoder(_Detail).decode


def is_bare(row: GroupRow) -> bool:
    """Whether a row tells no name."""
    return not row.name.strip()


def of_detail(group: Group) -> Told:
    """What a detail tells of these fields. The texts of `group` are decoded."""
    values = (group.name, group.year, list(group.tags), group.accession, group.lab, group.location)
    return {key: value for key, value in zip(_FIELDS, values, strict=True) if value}


def of_line(line: bytes) -> Told:
    """What a line tells of these fields; nothing if it has no name itself."""
    row = _row(line)
    if row is None or is_bare(row):
        return {}
    values = (row.name, row.year, list(row.tags), row.accession, row.lab, row.location)
    return {key: value for key, value in zip(_FIELDS, values, strict=True) if value}


def told_of(connection: sqlite3.Connection, group_id: int) -> Told:
    """What the store knows of a group for its browse row: from its line, else from its detail."""
    found = connection.execute(
        "SELECT line, answer FROM groups LEFT JOIN details ON group_id = id WHERE id = ?",
        (group_id,),
    ).fetchone()
    line, answer = found or (None, None)
    told = of_line(line) if line is not None else {}
    if told or answer is None:
        return told
    try:
        return of_detail(Group.from_json(_decode_detail(answer).group))
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


def write_detail(connection: sqlite3.Connection, group: Group) -> None:
    """Fill a group's line, if that is one of a bare row, from its detail.

    `group` is as the server sent it. A line that was filled before is not told from a row that has
    a name; so a server that uses 0.1.3's names is taken at its detail's word.
    """
    found = connection.execute("SELECT line FROM groups WHERE id = ?", (group.id,)).fetchone()
    row = _row(found[0]) if found and found[0] is not None else None
    if row is None or not (is_bare(row) or "title" in group.raw):
        return
    told = render.decode_texts(dict(of_detail(group)))
    fields = to_object(told)
    if not fields or all(row.raw.get(key) == value for key, value in fields.items()):
        return
    line = render.json_line({**row.raw, **fields})
    connection.execute("UPDATE groups SET line = ? WHERE id = ?", (line, group.id))


def _tells(raw: Mapping[str, object], key: str) -> bool:
    value = raw.get(key)
    return any(value) if isinstance(value, list) else bool(value)


def _escaped(value: object) -> object:
    if isinstance(value, str):
        return html.escape(value, quote=False)
    return [_escaped(each) for each in value] if isinstance(value, list) else value


def _row(line: bytes) -> GroupRow | None:
    try:
        return GroupRow.from_json(orjson.loads(line))
    except (BadAnswer, orjson.JSONDecodeError):
        return None  # a damaged one, or one that only the standard library could write
