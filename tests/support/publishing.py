"""Stores and snapshots of made-up groups, for tests of what is published."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from biofs.demo.generator import Generated
from biofs.demo.model import Group
from biofs.store.database import snapshot
from biofs.store.snapshots import delta, identity
from biofs.store.snapshots.description import DeltaFile
from biofs.store.snapshots.files import digest
from scripts.benchmarks.making.filling import fill

SERVER = "https://torrents.bio"
MADE = 1_800_000_000.0


def made_up(count: int, torrents: int = 2, files: int = 3) -> list[Group]:
    """So many groups, by their ids."""
    source = Generated(count, torrents, files)
    found = [source.group(number) for number in range(1, count + 1)]
    return [group for group in found if group is not None]


def revised(group: Group, text: str = "Revised.") -> Group:
    """The group with another description."""
    return replace(group, description=f"{group.description}<p>{text}</p>")


def exported(
    groups: Iterable[Group], file: Path, *, made: float = MADE, over: Path | None = None
) -> Path:
    """A plain snapshot of a store that learnt these groups in this order.

    `over` is a snapshot that was made here: what it has was learnt before them.
    """
    store = file.with_name(f"{file.name}.store")
    if over is not None:
        shutil.copyfile(over.with_name(f"{over.name}.store"), store)
    fill(store, groups)
    snapshot.write(store, file, made, SERVER)
    return file


def id_of(file: Path) -> str:
    """What a snapshot says it is."""
    with closing(sqlite3.connect(file)) as connection:
        sums = identity.known(connection)
    assert sums is not None
    return sums.id


def stepped(old: Path, new: Path, file: Path) -> DeltaFile:
    """Write the delta between two snapshots; what a description would say of it."""
    with file.open("wb") as target:
        made = delta.make(old, new, target)
    return described(made, file)


def described(made: delta.Made, file: Path) -> DeltaFile:
    """What a description says of a delta."""
    return DeltaFile(
        from_id=made.from_id,
        to_id=made.to_id,
        file="delta.zst",
        size=file.stat().st_size,
        sha256=digest(file),
        unpacked_size=made.unpacked_size,
    )


def rows_of(file: Path, tables: Sequence[str]) -> dict[str, list[tuple[object, ...]]]:
    """All rows of some tables, in the order of their columns."""
    with closing(sqlite3.connect(file)) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
            for table in tables
        }
