"""Publishing: the newest snapshot, a delta to it from the one before, and the description last.

Files are named after their checksums: a name never gets another content, so caches may keep them
for ever. Only the description changes. What it does not name any more stays for a day, for who has
begun to fetch it; the description says since when (`former`). Files that nothing names, of a
publisher that was killed, go when they are a day old. Files of other names are never touched.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from biofs.errors import QuietError
from biofs.store.database.files import StoreError
from biofs.store.database.read_only import open_read_only
from biofs.store.snapshots import delta, description, identity, packing
from biofs.store.snapshots.description import (
    DeltaFile,
    Description,
    DescriptionError,
    FormerFile,
    SnapshotFile,
)
from biofs.store.snapshots.files import digest
from biofs.store.snapshots.places import Place
from biofs.store.snapshots.signing import Signer

KEPT_DELTAS: Final = 30
"""Publications back from which a subscriber needs no whole snapshot."""
KEPT_SECONDS: Final = 86_400
"""For how long a file stays that the description does not name any more."""

_OURS: Final = re.compile(r"(snapshot-[0-9a-f]{16}\.sqlite|delta-[0-9a-f]{16})\.zst")
_NAMED: Final = 16  # hexadecimal digits


class Published(NamedTuple):
    """What was published. `delta` is None if none leads to it; `notes` say why, and what else."""

    description: Description
    is_new: bool
    delta: DeltaFile | None
    notes: list[str]


class Publication:
    """One publication of the snapshot `fresh` (plain, of `biofs export`) to a place; for a thread.

    `work` is a directory with room for two snapshots. Methods raise QuietError, StoreError,
    OSError.
    """

    def __init__(self, place: Place, work: Path, signer: Signer | None, now: float) -> None:
        self._place = place
        self._work = work
        self._signer = signer
        self._now = int(now)
        self._notes: list[str] = []

    def publish(self, fresh: Path) -> Published:
        """Do it. If the place has this snapshot already, only the description's time changes."""
        began = self._place.read(description.FILE, description.LARGEST + 1)
        old = self._old(began)
        made = _facts(fresh)
        if old is not None and old.catalogue != made.server:
            raise QuietError(f"there is a snapshot of {old.catalogue}: publish to another place")
        now = self._now if old is None else max(self._now, old.made)  # a clock may go back
        if old is not None and old.snapshot.id == made.id and self._has(old.snapshot.file):
            new = msgspec.structs.replace(old, made=now, former=self._former(old, old, now))
            self._write(new, began)
            self._remove(new)
            return Published(new, False, None, self._notes)
        snapshot = self._snapshot(fresh, made.id)
        step = None if old is None else self._delta(old, fresh, snapshot)
        new = Description(
            format=description.FORMAT,
            catalogue=made.server,
            made=now,
            groups=made.groups,
            torrents=made.torrents,
            snapshot=snapshot,
            deltas=_steps(old, step),
        )
        new = msgspec.structs.replace(new, former=self._former(old, new, now))
        self._write(new, began)
        self._remove(new)
        return Published(new, True, step, self._notes)

    def _old(self, text: bytes | None) -> Description | None:
        """What is there, if it can be built upon."""
        if text is None:
            return None
        try:
            old = description.parse(text)
            if self._signer is not None:
                # What is carried on is signed again: it has to be what was signed before.
                beside = self._place.read(
                    description.SIGNATURE_FILE, description.LARGEST_SIGNATURE + 1
                )
                description.verify(text, beside or b"", self._signer.public_key)
        except DescriptionError as error:
            self._notes.append(f"begun anew: {description.FILE} there: {error}")
            return None
        return old

    def _has(self, name: str) -> bool:
        return name in self._place.times()

    def _snapshot(self, fresh: Path, ident: str) -> SnapshotFile:
        packed = self._work / "packed"
        with packed.open("wb") as target:
            packing.pack(fresh, target)
        checksum = digest(packed)
        found = SnapshotFile(
            id=ident,
            file=f"snapshot-{checksum[:_NAMED]}.sqlite.zst",
            size=packed.stat().st_size,
            sha256=checksum,
            unpacked_size=fresh.stat().st_size,
            unpacked_sha256=digest(fresh),
        )
        self._place.put(found.file, packed)
        packed.unlink()
        return found

    def _delta(self, old: Description, fresh: Path, new: SnapshotFile) -> DeltaFile | None:
        """The delta from what is there; None, with a note, if none is of use."""
        packed, base, step = self._work / "old.zst", self._work / "old", self._work / "delta"
        try:
            self._place.fetch(old.snapshot.file, packed)
            packing.unpack(packed, base, old.snapshot)
            with step.open("wb") as target:
                made = delta.make(base, fresh, target)
        except (OSError, StoreError, sqlite3.Error) as error:
            self._notes.append(f"without a delta from the one before: {error}")
            return None
        finally:
            packed.unlink(missing_ok=True)
            base.unlink(missing_ok=True)
        size = step.stat().st_size
        if made.from_id != old.snapshot.id or size >= new.size:
            self._notes.append("without a delta: it would be as large as the snapshot")
            return None
        checksum = digest(step)
        found = DeltaFile(
            from_id=made.from_id,
            to_id=made.to_id,
            file=f"delta-{checksum[:_NAMED]}.zst",
            size=size,
            sha256=checksum,
            unpacked_size=made.unpacked_size,
        )
        self._place.put(found.file, step)
        return found

    def _former(
        self, old: Description | None, new: Description, now: int
    ) -> tuple[FormerFile, ...]:
        """What is not needed any more, but was within the last day."""
        if old is None:
            return ()
        needed = set(_needed(new))
        since = {former.file: former.since for former in old.former}
        for name in _needed(old):
            since.setdefault(name, now)
        return tuple(
            FormerFile(file=name, since=time)
            for name, time in sorted(since.items())
            if name not in needed and now - time < KEPT_SECONDS
        )

    def _write(self, new: Description, began: bytes | None) -> None:
        """The signature first: without its description it is not looked at for long."""
        if self._place.read(description.FILE, description.LARGEST + 1) != began:
            raise QuietError("somebody else has published there meanwhile: nothing is changed")
        text = description.encode(new)
        if self._signer is not None:
            comment = f"timestamp:{new.made}\tfile:{description.FILE}"
            self._put(description.SIGNATURE_FILE, self._signer.sign(text, comment))
        self._put(description.FILE, text)
        if self._signer is None:
            self._place.remove(description.SIGNATURE_FILE)  # it is of another text

    def _put(self, name: str, text: bytes) -> None:
        file = self._work / "text"
        file.write_bytes(text)
        self._place.put(name, file)

    def _remove(self, new: Description) -> None:
        kept = {*_needed(new), *(former.file for former in new.former)}
        for name, written in self._place.times().items():
            if _OURS.fullmatch(name) and name not in kept and self._is_old(written):
                self._place.remove(name)

    def _is_old(self, written: float) -> bool:
        return time.time() - written >= KEPT_SECONDS


def _steps(old: Description | None, step: DeltaFile | None) -> tuple[DeltaFile, ...]:
    """The deltas that lead to the newest snapshot. Without the last one, none of them does."""
    if old is None or step is None:
        return ()
    # What went back and forth comes to the same delta again.
    before = [each for each in old.deltas if each.file != step.file]
    return (*before, step)[-KEPT_DELTAS:]


class _Facts(NamedTuple):
    id: str
    server: str
    groups: int
    torrents: int


def _facts(fresh: Path) -> _Facts:
    with closing(open_read_only(fresh, foreign=True)) as connection:
        sums = identity.known(connection)
        if sums is None:
            raise StoreError(f"{fresh}: has no identity: export it again")
        groups, torrents = (sums.tables[name].rows for name in ("groups", "torrents"))
        return _Facts(sums.id, sums.server, groups, torrents)


def _needed(named: Description) -> Iterator[str]:
    yield named.snapshot.file
    for step in named.deltas:
        yield step.file
