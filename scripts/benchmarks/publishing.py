"""What snapshots and deltas take: `python -m scripts.benchmarks.publishing [GROUPS …]`.

Without numbers, of the embedded catalogue; else of so many made-up groups. One group of a hundred
changes: its description has one word more. Prints one line a measure; sizes in bytes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from biofs.demo.embedded import embedded
from biofs.demo.generator import Generated
from biofs.demo.model import Group
from biofs.demo.query import Query
from biofs.store.database import snapshot
from biofs.store.snapshots import delta, identity, packing
from biofs.store.snapshots.description import DeltaFile
from biofs.store.snapshots.files import digest
from scripts.benchmarks.filling import fill

SERVER = "https://torrents.bio"
TODAY = 1_800_000_000.0
PAGE = 1000


def groups_of(count: int) -> Iterator[Group]:
    """The embedded catalogue's groups (0), or so many made-up ones."""
    source = Generated(count) if count else embedded()
    for number in range(0, source.count(Query()), PAGE):
        yield from source.page(Query(), number, PAGE)


def changed(groups: Iterable[Group]) -> Iterator[Group]:
    """The same groups a day later."""
    for group in groups:
        more = f"<p>Revised {group.id * 7919}.</p>" if group.id % 100 == 1 else ""
        yield replace(group, description=group.description + more)


def measure(count: int, directory: Path) -> None:
    """Print what a catalogue of this size takes."""
    name = f"{count or 'embedded'}"

    def say(what: str, value: float, unit: str) -> None:
        print(f"{name}: {what}: {value:,.{2 if unit == 's' else 0}f} {unit}", flush=True)

    def timed(what: str, act: Callable[[], object]) -> None:
        began = time.perf_counter()
        act()
        say(what, time.perf_counter() - began, "s")

    plain, packed = [directory / "a.sqlite", directory / "b.sqlite"], directory / "b.zst"
    for file, groups in zip(plain, (groups_of(count), changed(groups_of(count))), strict=True):
        store = directory / f"{file.name}.store"
        number = fill(store, groups)
        timed("export", partial(snapshot.write, store, file, TODAY, SERVER))
    with packed.open("wb") as target:
        timed("compress", lambda: packing.pack(plain[1], target))
    raw, small = plain[1].stat().st_size, packed.stat().st_size
    say("snapshot", raw, "bytes")
    say("compressed", small, "bytes")
    say("per group, raw", raw / number, "bytes")
    say("per group, compressed", small / number, "bytes")
    timed("unpack", lambda: packing.unpack(packed, directory / "c.sqlite"))
    timed("identity of all", lambda: identity.verify(plain[1]))
    _deltas(plain, directory, number, say, timed)


def _deltas(
    plain: list[Path],
    directory: Path,
    number: int,
    say: Callable[[str, float, str], None],
    timed: Callable[[str, Callable[[], object]], None],
) -> None:
    old, new = plain
    file = directory / "delta.zst"
    made: list[delta.Made] = []
    with file.open("wb") as target:
        timed("make a delta", lambda: made.append(delta.make(old, new, target)))
    size = file.stat().st_size
    say("delta, 1 % changed", size, "bytes")
    say("delta, unpacked: the changed rows", made[0].unpacked_size, "bytes")
    say("delta per changed group", size / -(-number // 100), "bytes")
    wanted = DeltaFile(
        **{name: getattr(made[0], name) for name in ("from_id", "to_id", "unpacked_size")},
        file=file.name,
        size=size,
        sha256=digest(file),
    )
    timed("apply it", lambda: delta.apply(plain[0], file, directory / "d.sqlite", wanted))
    if shutil.which("zstd"):
        patch = directory / "patch.zst"
        command = ["zstd", "-q", "-12", "--long=31", "--patch-from", str(plain[0]), str(plain[1])]
        timed("zstd --patch-from", lambda: subprocess.run([*command, "-o", str(patch)], check=True))
        say("zstd --patch-from", patch.stat().st_size, "bytes")
    if shutil.which("rsync"):
        old = directory / "old.sqlite"
        shutil.copy(plain[0], old)
        command = [
            "rsync",
            "--ignore-times",
            "--no-whole-file",
            "-z",
            "--stats",
            str(plain[1]),
            str(old),
        ]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        lines = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)
        wire = [lines[f"Total bytes {way}"].replace(",", "") for way in ("sent", "received")]
        say("rsync -z", sum(map(int, wire)), "bytes")


def main() -> None:
    """Measure each size that is asked for."""
    for count in [int(text) for text in sys.argv[1:]] or [0]:
        with tempfile.TemporaryDirectory(prefix="biofs-publishing-") as directory:
            measure(count, Path(directory))


if __name__ == "__main__":
    main()
