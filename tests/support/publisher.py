"""A publisher of snapshots whose catalogue changes, and what a mount shows of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import trio

from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.store.database import snapshot
from biofs.store.snapshots import delta, identity, packing
from biofs.store.snapshots.description import (
    FILE,
    DeltaFile,
    Description,
    SnapshotFile,
    encode,
)
from tests.support.catalogues import Patient, running
from tests.support.mounting import Mount
from tests.support.overlay import Overlay

CATALOGUE = "https://catalogue.example"
CATEGORY = 1
NAME = "Sequences"
_DAY = 86_400


class Publisher:
    """Publishes what it fetched from a catalogue into `root`, in process.

    `made` is what the newest description says; each publication is a day later than the last.
    """

    def __init__(self, base: Path, groups: int = 30, *, details: bool = True) -> None:
        self._details = details
        self.root = base / "www"
        self.root.mkdir()
        self.source = Overlay(Generated(groups, 2, 3, categories=(CATEGORY,)))
        self.made = 1_764_000_000
        self._base = base
        self._number = 0
        self._last: tuple[str, Path] | None = None
        self._deltas: list[DeltaFile] = []

    def rename(self, name: str, group: int = 1) -> None:
        """Change a group in the catalogue."""
        self.source.bump(group, name=name)

    def fresh(self) -> Path:
        """A snapshot of the catalogue as it is now."""
        self._number += 1
        store = self._base / f"store-{self._number}.sqlite"
        trio.run(self._fill, store)
        target = self._base / f"snapshot-{self._number}.sqlite"
        snapshot.write(store, target, float(self.made), CATALOGUE)
        return target

    async def _fill(self, store: Path) -> None:
        async with running(create_app(self.source), store) as catalogue:
            await catalogue.listings.listed(CATEGORY, Patient())
            for group in catalogue.index.group_ids(CATEGORY) if self._details else ():
                await catalogue.groups.get(group, Patient())

    def publish(self, file: Path | None = None, *, deltas: bool = True) -> Description:
        """Publish the catalogue as it is now, or a given snapshot."""
        self.made += _DAY
        file = file or self.fresh()
        ident = self._id(file)
        packed = self.root / f"snapshot-{ident[:16]}.sqlite.zst"
        with packed.open("wb") as opened:
            packing.pack(file, opened)
        if self._last is not None and deltas and self._last[0] != ident:
            self._deltas.append(self._delta(file, ident))
        self._last = ident, file
        return self.describe(
            SnapshotFile(
                id=ident,
                file=packed.name,
                size=packed.stat().st_size,
                sha256=digest(packed),
                unpacked_size=file.stat().st_size,
                unpacked_sha256=digest(file),
            )
        )

    def _id(self, file: Path) -> str:
        with closing(sqlite3.connect(file)) as connection:
            found = identity.known(connection)
        return digest(file) if found is None else found.id

    def _delta(self, file: Path, ident: str) -> DeltaFile:
        assert self._last is not None
        target = self.root / f"delta-{self._last[0][:16]}-{ident[:16]}.zst"
        with target.open("wb") as opened:
            made = delta.make(self._last[1], file, opened)
        return DeltaFile(
            from_id=made.from_id,
            to_id=made.to_id,
            file=target.name,
            size=target.stat().st_size,
            sha256=digest(target),
            unpacked_size=made.unpacked_size,
        )

    def describe(self, whole: SnapshotFile, **others: object) -> Description:
        """Write a description of this snapshot."""
        fields: dict[str, object] = {
            "format": 1,
            "catalogue": CATALOGUE,
            "made": self.made,
            "groups": 30,
            "torrents": 60,
            "snapshot": whole,
            "deltas": tuple(self._deltas),
        }
        found = Description(**(fields | others))  # type: ignore[arg-type]
        fresh = self.root / "fresh"
        fresh.write_bytes(encode(found))
        # nginx makes entity tags of whole seconds and the size: a day has to look like one.
        os.utime(fresh, (self.made, self.made))
        fresh.replace(self.root / FILE)
        return found


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def altered(file: Path, target: Path, *statements: str) -> Path:
    """A snapshot that somebody has changed by hand."""
    shutil.copy(file, target)
    with closing(sqlite3.connect(target, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return target


def names(mount: Mount) -> set[str]:
    """The groups that a mount lists."""
    return {path.name for path in (mount.path / "categories" / NAME).iterdir()}


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for what is bound to happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def kept_files(home: Path) -> Iterator[Path]:
    """What is kept of published snapshots in a home directory."""
    return (home / ".cache" / "biofs" / "published").glob("*/*")
