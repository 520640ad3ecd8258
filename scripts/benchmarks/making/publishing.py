"""What snapshots and deltas take: `python -m scripts.benchmarks.making.publishing [GROUPS …]`.

Without numbers, of the embedded catalogue; else of so many made-up groups. One group of a hundred
changes: its description has one word more. Prints one line a measure; sizes in bytes.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from biofs.demo.generator import Generated
from biofs.demo.model import Group
from biofs.demo.query import Query
from biofs.demo.written.embedded import embedded
from biofs.store.database import snapshot
from biofs.store.snapshots import delta, identity, packing
from biofs.store.snapshots.description import DeltaFile
from biofs.store.snapshots.files import digest
from scripts.benchmarks.making.filling import fill

SERVER = "https://torrents.bio"
TODAY = 1_800_000_000.0
PAGE = 1000
YESTERDAY = "yesterday.sqlite"
TODAYS = "today.sqlite"

T = TypeVar("T")


def groups_of(count: int) -> Iterator[Group]:
    """The embedded catalogue's groups (0), or so many made-up ones."""
    source = Generated(count) if count else embedded()
    for number in range(0, source.count(Query()), PAGE):
        yield from source.page(Query(), number, PAGE)


def changed(groups: Iterable[Group]) -> Iterator[Group]:
    """Those of the groups that are another a day later, as they are then."""
    for group in groups:
        if group.id % 100 == 1:
            more = f"<p>Revised {group.id * 7919}.</p>"
            yield replace(group, description=group.description + more)


class Figures:
    """What was measured, by what it is of; each is told when it is known."""

    def __init__(self, name: str, tell: Callable[[str], None]) -> None:
        self.values: dict[str, float] = {}
        self._name = name
        self._tell = tell

    def note(self, what: str, value: float, unit: str = "bytes") -> None:
        """Keep a figure, and tell it."""
        self.values[what] = value
        self._tell(f"{self._name}: {what}: {value:,.{2 if unit == 's' else 0}f} {unit}")

    def timed(self, what: str, act: Callable[[], T]) -> T:
        """Do it, and keep the seconds that it took."""
        began = time.perf_counter()
        done = act()
        self.note(what, time.perf_counter() - began, "s")
        return done


def measure(count: int, directory: Path, tell: Callable[[str], None]) -> dict[str, float]:
    """What a catalogue of this size takes: sizes in bytes, and seconds.

    Yesterday's snapshot and today's are in the directory then, as YESTERDAY and TODAYS.
    """
    figures = Figures(f"{count or 'embedded'}", tell)
    old, new = directory / YESTERDAY, directory / TODAYS
    number = two_days(count, directory, figures)
    packed = directory / "packed.zst"
    with packed.open("wb") as target:
        figures.timed("compress", lambda: packing.pack(new, target))
    raw, small = new.stat().st_size, packed.stat().st_size
    figures.note("snapshot", raw)
    figures.note("compressed", small)
    figures.note("per group, raw", raw / number)
    figures.note("per group, compressed", small / number)
    unpacked = directory / "unpacked.sqlite"
    figures.timed("unpack", lambda: packing.unpack(packed, unpacked))
    figures.timed("identity of all", lambda: identity.verify(new))
    figures.note("changed documents, compressed", documents(new, directory / "documents.zst"))
    _delta(old, new, directory, number, figures)
    _patch(old, new, directory / "patch.zst", figures)
    _rsync(old, new, directory / "synced.sqlite", figures)
    for left in (packed, unpacked):
        left.unlink()
    return figures.values


def two_days(count: int, directory: Path, figures: Figures) -> int:
    """Write the snapshots of two days; how many groups are in each."""
    store = directory / "store.sqlite"
    number = fill(store, groups_of(count))
    for name in (YESTERDAY, TODAYS):
        if name == TODAYS:
            fill(store, changed(groups_of(count)))
        write = partial(snapshot.write, store, directory / name, TODAY, SERVER)
        figures.timed("export", write)
    for left in directory.glob(f"{store.name}*"):
        left.unlink()
    return number


def documents(file: Path, target: Path) -> int:
    """Bytes of the changed groups' documents, compressed in one: no day can cost much less."""
    query = "SELECT answer, description FROM details WHERE group_id % 100 = 1 ORDER BY group_id"
    with closing(sqlite3.connect(file)) as connection:
        texts = [_bytes(value) for row in connection.execute(query) for value in row]
    content = b"".join(texts)
    with target.open("wb") as opened:
        packer = packing.Packer(opened, len(content))
        packer.write(content)
        packer.end()
    return target.stat().st_size


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _delta(old: Path, new: Path, directory: Path, number: int, figures: Figures) -> None:
    file, applied = directory / "delta.zst", directory / "applied.sqlite"
    with file.open("wb") as target:
        made = figures.timed("make a delta", lambda: delta.make(old, new, target))
    size = file.stat().st_size
    figures.note("delta, 1 % changed", size)
    figures.note("delta, unpacked: the changed rows", made.unpacked_size)
    figures.note("delta per changed group", size / -(-number // 100))
    wanted = DeltaFile(
        from_id=made.from_id,
        to_id=made.to_id,
        unpacked_size=made.unpacked_size,
        file=file.name,
        size=size,
        sha256=digest(file),
    )
    figures.timed("apply it", lambda: delta.apply(old, file, applied, wanted))
    applied.unlink()


def _patch(old: Path, new: Path, target: Path, figures: Figures) -> None:
    if not shutil.which("zstd"):
        return
    command = ["zstd", "-q", "-12", "--long=31", "--patch-from", str(old), str(new)]
    run = partial(subprocess.run, [*command, "-o", str(target)], check=True)
    figures.timed("zstd --patch-from, time", run)
    figures.note("zstd --patch-from, size", target.stat().st_size)


def _rsync(old: Path, new: Path, copy: Path, figures: Figures) -> None:
    if not shutil.which("rsync"):
        return
    shutil.copy(old, copy)
    command = ["rsync", "--ignore-times", "--no-whole-file", "-z", "--stats", str(new), str(copy)]
    run = partial(subprocess.run, command, check=True, capture_output=True, text=True)
    told = figures.timed("rsync -z, time", run).stdout
    copy.unlink()
    figures.note("rsync -z, both ways", on_the_wire(told))


def on_the_wire(told: str) -> int:
    """The bytes that rsync sent and received, of what `--stats` tells."""
    lines = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
    return sum(int(lines[f"Total bytes {way}"].replace(",", "")) for way in ("sent", "received"))


def main() -> None:
    """Measure each size that is asked for."""
    for count in [int(text) for text in sys.argv[1:]] or [0]:
        with tempfile.TemporaryDirectory(prefix="biofs-publishing-") as directory:
            measure(count, Path(directory), partial(print, flush=True))


if __name__ == "__main__":
    main()
