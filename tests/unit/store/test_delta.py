"""A delta leads from one snapshot to another, costs what changed, and comes from anybody."""

from __future__ import annotations

import io
import sqlite3
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.demo.model import Author, Group
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.database.snapshot import LEFT, Snapshot
from biofs.store.snapshots import delta, identity, packing
from biofs.store.snapshots.description import DeltaFile
from biofs.store.snapshots.files import digest
from biofs.store.snapshots.tables import TABLES, TEXTS
from tests.support.publishing import exported, id_of, made_up, revised, rows_of, stepped

PLAIN = [table.name for table in TABLES]
_encode = msgspec.msgpack.encode


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, DeltaFile]:
    """Two snapshots, the delta between them, and its description."""
    place = tmp_path_factory.mktemp("pair")
    groups = made_up(40)
    later = [revised(groups[0]), *groups[2:], *made_up(43)[40:]]
    old, new = exported(groups, place / "old"), exported(later, place / "new")
    return old, new, place / "delta", stepped(old, new, place / "delta")


def test_it_leads_to_the_same_knowledge(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path
) -> None:
    old, new, file, wanted = pair
    before = old.read_bytes()
    into = tmp_path / "into"
    delta.apply(old, file, into, wanted)
    assert old.read_bytes() == before
    assert rows_of(into, PLAIN) == rows_of(new, PLAIN)
    assert identity.verify(into) == id_of(into) == id_of(new) == wanted.to_id
    with closing(Snapshot(into)) as opened:
        assert opened.about.made == 1_800_000_000.0
    with closing(open_read_only(into, foreign=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    # What an index of the full text finds is no row: it is asked.
    for found in (into, new):
        with closing(sqlite3.connect(found)) as connection:
            query = "SELECT rowid FROM texts WHERE texts MATCH 'revised' ORDER BY rowid"
            assert connection.execute(query).fetchall() == [(3,)]


def test_it_is_reproducible(pair: tuple[Path, Path, Path, DeltaFile]) -> None:
    again = io.BytesIO()
    delta.make(pair[0], pair[1], again)
    assert again.getvalue() == pair[2].read_bytes()


CHANGES: list[Callable[[Group], Group | None]] = [
    lambda _: None,
    revised,
    lambda group: replace(group, tags=(), year=0),
    lambda group: replace(group, tags=("new & old", *group.tags), name=f"{group.name}!"),
    lambda group: replace(group, category=group.category % 12 + 1),
    lambda group: replace(group, torrents=group.torrents[:1]),
    lambda group: replace(group, torrents=()),
    lambda group: replace(group, authors=(Author(77, "Somebody"),)),
    lambda group: group,
]


def _changed(kinds: list[int]) -> list[Group]:
    groups = made_up(len(kinds))
    found = [CHANGES[kind](group) for kind, group in zip(kinds, groups, strict=True)]
    return [group for group in found if group is not None]


_kinds = st.lists(st.integers(0, len(CHANGES) - 1), min_size=1, max_size=12)


@settings(max_examples=25, deadline=None)
@given(_kinds, _kinds)
def test_any_knowledge_leads_to_any_other(
    tmp_path_factory: pytest.TempPathFactory, first: list[int], last: list[int]
) -> None:
    place = tmp_path_factory.mktemp("any")
    old, new = exported(_changed(first), place / "old"), exported(_changed(last), place / "new")
    wanted = stepped(old, new, place / "delta")
    delta.apply(old, place / "delta", place / "into", wanted)
    assert identity.verify(place / "into") == id_of(new)
    assert rows_of(place / "into", PLAIN) == rows_of(new, PLAIN)


@pytest.mark.parametrize("count", [300, 3000])
@pytest.mark.long
def test_a_day_costs_what_changed(tmp_path: Path, count: int) -> None:
    groups = made_up(count, torrents=3, files=20)
    later = [revised(group) for group in groups if group.id % 100 == 1]
    old = exported(groups, tmp_path / "old")
    new = exported(later, tmp_path / "new", over=old)
    wanted = stepped(old, new, tmp_path / "delta")
    whole = io.BytesIO()
    packing.pack(new, whole)
    documents = _documents(new, [group.id for group in later])
    # Of the documents as they are compressed in the snapshot, a fraction of what they are.
    packed = documents * len(whole.getvalue()) // new.stat().st_size
    assert wanted.size <= 2 * packed + len(whole.getvalue()) // 100
    assert wanted.size <= documents


def _documents(file: Path, groups: list[int]) -> int:
    with closing(sqlite3.connect(file)) as connection:
        sizes = [
            connection.execute(
                "SELECT length(answer) + length(description) FROM details WHERE group_id = ?",
                (group,),
            ).fetchone()[0]
            for group in groups
        ]
    return sum(sizes)


# What comes from anybody.


def written(file: Path, wanted: DeltaFile, records: list[Any], raw: bytes = b"") -> DeltaFile:
    """Write a delta of these records; the description that fits it."""
    content = b"".join(
        struct.pack(">I", len(text)) + text for text in (_encode(record) for record in records)
    )
    content += raw
    with file.open("wb") as target:
        packer = packing.Packer(target, len(content))
        packer.write(content)
        packer.end()
    return msgspec.structs.replace(
        wanted, size=file.stat().st_size, sha256=digest(file), unpacked_size=len(content)
    )


def refused(base: Path, file: Path, into: Path, wanted: DeltaFile) -> str:
    before = base.read_bytes()
    with pytest.raises(StoreError) as caught:
        delta.apply(base, file, into, wanted)
    assert list(into.parent.glob(".into*")) == []
    assert not into.exists()
    assert base.read_bytes() == before
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{file}: ")


def test_one_that_does_not_fit_is_refused(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path
) -> None:
    old, new, file, wanted = pair
    into = tmp_path / "into"
    assert "from another snapshot" in refused(new, file, into, wanted)
    for change, problem in (
        ({"from_id": "0" * 64}, "from another snapshot"),
        ({"to_id": "0" * 64}, "not between the snapshots"),
        ({"sha256": "0" * 64}, "not the checksum"),
        ({"unpacked_size": 9}, "where 9 are allowed"),
    ):
        assert problem in refused(old, file, into, msgspec.structs.replace(wanted, **change))
    with pytest.raises(OSError, match="No such file"):
        delta.apply(tmp_path / "nothing", file, into, wanted)
    assert refused(file, file, into, wanted)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_one_that_is_cut_off_is_refused(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path, share: float
) -> None:
    content = pair[2].read_bytes()
    file = tmp_path / "cut"
    file.write_bytes(content[: int(share * len(content))])
    assert "cut off" in refused(pair[0], file, tmp_path / "into", pair[3])


HEADER: list[Any] = ["biofs delta", 1, "from", "to", "https://torrents.bio", 1.8e9]
FACETS = PLAIN.index("facets")


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([], "not a delta of a snapshot"),
        ([["biofs delta", 2, *HEADER[2:]]], "format 2"),
        ([["another", *HEADER[1:]]], "not a delta of a snapshot"),
        ([[*HEADER[:4], "https://elsewhere", 1.0]], "of another catalogue"),
        ([HEADER], "cut off"),
        ([HEADER, []], "does not lead to"),
        ([HEADER, [], []], "goes on behind its end"),
        ([HEADER, {}], "what is no record"),
        ([HEADER, [1, 2, 3]], "a row of no table"),
        ([HEADER, [99]], "of a table that this snapshot does not have"),
        ([HEADER, [-1]], "of a table that this snapshot does not have"),
        ([HEADER, [0], [1, 2]], "a row that groups cannot have"),
        ([HEADER, [0], [[1, 2]]], "a key that groups cannot have"),
        ([HEADER, [0], [[99]]], "removes a row that is not there"),
        ([HEADER, [0], [[{}]]], "a key that groups cannot have"),
        ([HEADER, [0], [1, 1, [], 0, None, None, 0.0]], "a row that groups cannot have"),
        ([HEADER, [0], [1, 1, "x", 0, None, {"a": 1}, 0.0]], "a row that groups cannot have"),
        ([HEADER, [0], [2**64 - 1, 1, "x", 0, None, None, 0.0]], "damaged: "),
        ([HEADER, [0], [[], 1, "x", 0, None, None, 0.0]], "a row that groups cannot have"),
        ([HEADER, [0], ["no id", 1, "x", 0, None, None, 0.0]], "does not fit"),
        ([HEADER, [0], [5000, 1, None, 0, None, None, 0.0]], "does not fit"),
        ([HEADER, [0], [5000, 1, "x", 0, None, None, 0.0], []], "does not lead to"),
        ([HEADER, [FACETS], [5, "tag", "a", 1], [6, "tag", "a", 1], []], "does not fit"),
    ],
)
def test_what_anybody_may_write_is_refused(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path, records: list[Any], problem: str
) -> None:
    wanted = pair[3]
    ids = {"from": wanted.from_id, "to": wanted.to_id}
    told = [
        [ids.get(value, value) if isinstance(value, str) else value for value in record]
        if isinstance(record, list)
        else record
        for record in records
    ]
    file = tmp_path / "hostile"
    assert problem in refused(pair[0], file, tmp_path / "into", written(file, wanted, told))


def test_a_record_cannot_be_large_nor_reach_over_the_end(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path
) -> None:
    wanted, file = pair[3], tmp_path / "hostile"
    head = [[*HEADER[:2], wanted.from_id, wanted.to_id, *HEADER[4:]]]
    for raw, problem in (
        (b"\xff" * 8, "a record that is too large"),
        (struct.pack(">I", 100) + b"x", "cut off"),
        (b"\0\0", "cut off"),
        (struct.pack(">I", 1) + b"\xc1", "what is no record"),
        (struct.pack(">I", 5000) + b"\x91" * 5000, "what is no record"),
    ):
        fitting = written(file, wanted, head, raw)
        assert problem in refused(pair[0], file, tmp_path / "into", fitting)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300))
def test_any_records_are_refused(
    pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path, raw: bytes
) -> None:
    wanted, file = pair[3], tmp_path / "hostile"
    head = [[*HEADER[:2], wanted.from_id, wanted.to_id, *HEADER[4:]], [0]]
    framed = struct.pack(">I", len(raw)) + raw
    for more in (raw, framed):
        assert refused(pair[0], file, tmp_path / "into", written(file, wanted, head, more))


def test_a_bomb_takes_no_memory(pair: tuple[Path, Path, Path, DeltaFile], tmp_path: Path) -> None:
    wanted, file = pair[3], tmp_path / "bomb"
    head = [[*HEADER[:2], wanted.from_id, wanted.to_id, *HEADER[4:]], *([[0]] * 20)]
    fitting = written(file, wanted, head, bytes(64 << 20))
    tracemalloc.start()
    try:
        assert refused(pair[0], file, tmp_path / "into", fitting)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


def test_a_snapshot_of_before_has_no_identity(tmp_path: Path) -> None:
    new, old = exported(made_up(3), tmp_path / "new"), exported(made_up(3), tmp_path / "old")
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("DELETE FROM meta WHERE key = ?", (identity.KEY,))
        connection.commit()
    with pytest.raises(StoreError, match="has no identity: export it again"):
        delta.make(old, new, io.BytesIO())
    with pytest.raises(StoreError, match="says nothing of its identity"):
        identity.verify(old)


def test_what_says_to_be_another_is_found_out(tmp_path: Path) -> None:
    file = exported(made_up(3), tmp_path / "file")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE groups SET name = 'x' WHERE id = 1")
        connection.commit()
    with pytest.raises(StoreError, match="holds something else than it says"):
        identity.verify(file)


def test_the_tables_are_those_of_the_schema(tmp_path: Path) -> None:
    file = exported(made_up(1), tmp_path / "file")
    with closing(sqlite3.connect(file)) as connection:
        for table in TABLES:
            about = connection.execute(f"PRAGMA table_info({table.name})").fetchall()
            columns = [row[1] for row in about]
            assert sorted(table.columns) == sorted([*columns, *["rowid"] * (table is TEXTS)])
            keys = {row[1] for row in about if row[5]} or {"rowid"}
            assert keys == set(table.key)
        names = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            if not name.startswith(("texts_", "sqlite_"))
        }
    assert names == {*PLAIN, *LEFT}
