"""Snapshots published at a URL: what a mount takes at first, later, and when one changes."""

from __future__ import annotations

import compileall
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import biofs
from biofs.errors import QuietError
from biofs.store.snapshots.places import Directory
from biofs.store.snapshots.publication import Publication
from scripts.benchmarks import memory
from scripts.benchmarks.making import publishing
from scripts.benchmarks.peers import systems, web
from scripts.benchmarks.peers.systems import Mounted
from scripts.benchmarks.processes import subscribers
from scripts.benchmarks.processes.subscribers import Subscribers

WHOLE: Final = (300, 10_000, 100_000)
QUICK: Final = (300, 10_000)
SUBSCRIBERS: Final = 1_000
_LARGE: Final = 100_000
"""From so many groups on, each thing is done once."""
_DAY: Final = 86_400
_SHOWN_SECONDS: Final = 60.0
_READ: Final = 200
"""Groups whose documents are read, over and over, while a snapshot is exchanged."""
_NO_EXCHANGE: Final = 3.0
"""Seconds."""


@dataclass
class Size:
    """The figures of one size of the catalogue; see `publishing.measure` for `figures`.

    Seconds: `first` from nothing until `ls` answers, `again` likewise with the snapshot at hand,
    `refresh` from the command until the new state is read, `longest` a reader's longest wait
    meanwhile and `undisturbed` in as long without an exchange. Bytes: `whole` and `changed` on the
    wire for the first time and for a day's change; `before` and `peak` are resident memory.
    """

    groups: int
    figures: dict[str, float] = field(default_factory=dict)
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    refresh: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)
    undisturbed: list[float] = field(default_factory=list)
    whole: int = 0
    changed: int = 0
    before: list[int] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)


@dataclass
class Snapshots:
    """The figures of all sizes, and of a thousand subscribers."""

    sizes: list[Size]
    subscribers: Subscribers

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def snapshots(
    base: Path, repetitions: int, say: Callable[[str], None], *, quick: bool
) -> Snapshots:
    """Measure in an empty directory. A quick run has fewer subscribers, and a shorter interval."""
    # As an installed biofs is: without this, each mount compiles its modules again.
    compileall.compile_dir(Path(biofs.__file__).parent, quiet=1)
    sizes = []
    for groups in QUICK if quick else WHOLE:
        place = base / str(groups)
        place.mkdir()
        sizes.append(_Bench(place, groups, say).measure(1 if groups >= _LARGE else repetitions))
        for left in place.rglob("*.sqlite"):
            left.unlink()
    number, interval = (SUBSCRIBERS // 5, 30.0) if quick else (SUBSCRIBERS, 240.0)
    place = base / "subscribers"
    place.mkdir()
    return Snapshots(sizes, subscribers.subscribers(place, number, interval, say))


class Published:
    """A directory in which one of two snapshots is published, each a day after the other."""

    def __init__(self, directory: Path) -> None:
        self.root: Final = directory / "www"
        self.root.mkdir()
        self._work: Final = directory / "work"
        self._made = int(time.time()) - 30 * _DAY

    def publish(self, snapshot: Path) -> None:
        """Have it published."""
        self._made += _DAY
        self._work.mkdir(exist_ok=True)
        Publication(Directory(self.root), self._work, None, self._made).publish(snapshot)


class _Bench:
    """Two days of a catalogue, a web server, and mounts of what it serves."""

    def __init__(self, base: Path, groups: int, say: Callable[[str], None]) -> None:
        self._base: Final = base
        self._say: Final = say
        self._found: Final = Size(groups)
        self._published: Final = Published(base)
        (base / "run").mkdir(mode=0o700)
        self._env: Final = {
            **systems.BIOFS_ENV,
            "HOME": str(base),
            "XDG_RUNTIME_DIR": str(base / "run"),
            "TMPDIR": str(base),
        }

    def measure(self, repetitions: int) -> Size:
        found, base = self._found, self._base
        found.figures = publishing.measure(found.groups, base, self._say)
        days = [base / publishing.YESTERDAY, base / publishing.TODAYS]
        self._published.publish(days[0])
        with web.counted(self._published.root, base / "nginx") as (url, log):
            for number in range(repetitions):
                found.first.append(self._until_listed(url, f"cache{number}"))
            found.whole = sum(each.sent for each in web.answers(log)) // repetitions
            for _ in range(repetitions):
                found.again.append(self._until_listed(url, "cache0"))
            before = len(web.answers(log))
            with self._mounted(url, "cache0") as mounted:
                for number in range(repetitions):
                    self._published.publish(days[(number + 1) % 2])
                    self._exchange(mounted, revised=number % 2 == 0)
                    if number == 0:
                        found.changed = sum(each.sent for each in web.answers(log)[before:])
        self._tell()
        return found

    @contextmanager
    def _mounted(self, url: str, cache: str) -> Iterator[Mounted]:
        mountpoint = self._base / "mount"
        command = [
            *(sys.executable, "-m", "biofs", "mount", "-f", "--snapshot", url),
            *("--cache-dir", str(self._base / cache), str(mountpoint)),
        ]
        with systems.served("biofs", mountpoint, command, env=self._env) as mounted:
            yield mounted

    def _until_listed(self, url: str, cache: str) -> float:
        start = time.perf_counter()
        with self._mounted(url, cache) as mounted:
            os.listdir(mounted.root / "categories")
            return time.perf_counter() - start

    def _exchange(self, mounted: Mounted, *, revised: bool) -> None:
        """Have the mount show what is published now, under a reader."""
        found = self._found
        paths = _documents(mounted.root)
        read = [path / "group.json" for path in paths.values()]
        for path in read:  # once before it counts
            path.read_bytes()
        with _Reader(read) as reader:
            time.sleep(_NO_EXCHANGE)
            found.undisturbed.append(reader.longest())
            Path(f"/proc/{mounted.pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM
            found.before.append(memory.resident(mounted.pid))
            start = time.perf_counter()
            self._refresh(mounted.root)
            _until_shown(paths[1] / "description.txt", revised=revised)
            found.refresh.append(time.perf_counter() - start)
            found.longest.append(reader.longest())
            found.peak.append(memory.peak(mounted.pid))

    def _refresh(self, mountpoint: Path) -> None:
        command = [sys.executable, "-m", "biofs", "refresh", str(mountpoint)]
        env = {**os.environ, **self._env}
        done = subprocess.run(command, env=env, capture_output=True, check=False, text=True)
        if done.returncode:
            raise QuietError(f"biofs refresh ended with {done.returncode}: {done.stderr.strip()}")

    def _tell(self) -> None:
        found = self._found
        self._say(
            f"{found.groups:,} groups: until `ls` {found.first[0]:.2f} s, from what is at hand"
            f" {found.again[0]:.2f} s, to the next day's {found.refresh[0]:.2f} s, a reader waited"
            f" {max(found.longest) * 1000:.0f} ms, {found.changed:,} bytes on the wire"
        )


class _Reader(threading.Thread):
    """Opens and reads files one after the other, and knows how long the longest took."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(daemon=True)
        self._paths = paths
        self._longest = 0.0
        self._ends = False
        self._error: OSError | None = None

    def run(self) -> None:
        """Until the context ends, or a file cannot be read."""
        turn = random.Random(1)
        while not self._ends:
            path = turn.choice(self._paths)
            start = time.perf_counter()
            try:
                path.read_bytes()
            except OSError as error:
                self._error = error
                return
            self._longest = max(self._longest, time.perf_counter() - start)

    def longest(self) -> float:
        """Seconds that the longest read took since this was asked last."""
        if self._error is not None:
            raise QuietError(f"a reader failed: {self._error}")
        longest, self._longest = self._longest, 0.0
        return longest

    def __enter__(self) -> _Reader:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends = True
        self.join()


def _documents(root: Path) -> Mapping[int, Path]:
    """Some groups' directories by id, spread over everything; that of 1, which changes, as well."""
    known: dict[int, Path] = {}
    for category in sorted((root / "categories").iterdir()):
        for entry in os.scandir(category):
            name, _, ident = entry.name.rpartition(" [")
            if name and ident.rstrip("]").isdecimal():
                known[int(ident.rstrip("]"))] = Path(entry.path)
    step = max(len(known) // _READ, 1)
    return {ident: known[ident] for ident in {1, *sorted(known)[::step]}}


def _until_shown(path: Path, *, revised: bool) -> None:
    deadline = time.monotonic() + _SHOWN_SECONDS
    while ("Revised 7919" in path.read_text()) != revised:
        if time.monotonic() > deadline:
            raise QuietError(f"{path} does not show what is published")
        time.sleep(0.005)
