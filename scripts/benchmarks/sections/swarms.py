"""A file that is not here, from one seeder on this machine: through biofs, btfs, and libtorrent.

The tracker is Debian's opentracker, the seeder a process of libtorrent (tests/support/swarm.py).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from biofs.contents.engines.engine import EngineError
from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.model import Entry
from biofs.errors import QuietError
from scripts.benchmarks.making import trees
from scripts.benchmarks.making.filling import fill
from scripts.benchmarks.making.laying import Laid, lay_out
from scripts.benchmarks.measuring import Effort
from scripts.benchmarks.peers import programs, systems
from scripts.benchmarks.peers.systems import Mounted
from scripts.benchmarks.processes.leeching import SOUGHT
from scripts.benchmarks.sections.reading import files_of
from tests.support.swarm import CHECKOUT, Seeder, Tracker

MB: Final = 1_000_000
PIECE: Final = 1 << 20
SYSTEMS: Final = ("engine", "biofs, read", "biofs fetch", "btfs")
RATES: Final = {0: 3, 5: 1}
"""MB/s of the seeder, 0 for as many as it can, and how often each repetition is run: at full rate
luck decides more."""
_PATIENCE: Final = 30.0
"""Seconds after which what is read is taken as not coming."""
_BETWEEN: Final = 0.1
"""Seconds between two attempts to open what is fetched: each is work for the mount."""
_ANNOUNCED: Final = 1.0
"""Seconds in which a seeder has told the tracker of itself."""


@dataclass
class Fetched:
    """The figures of one system with the seeder at one rate, one each repetition.

    Seconds to the first byte, from there to a byte after three quarters (`seek`; none for `biofs
    fetch`), and from the beginning until all bytes are read (`whole`); processor seconds of the
    engine and of what is mounted, for a file of `megabytes`. btfs is both in one process, which
    counts as mounted, and with the engine alone nothing is mounted.
    """

    system: str
    rate: int
    megabytes: float
    first: list[float] = field(default_factory=list)
    seek: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    engine_cpu: list[float] = field(default_factory=list)
    mount_cpu: list[float] = field(default_factory=list)


class Took(NamedTuple):
    """One run: see `Fetched`."""

    first: float
    seek: float | None
    whole: float
    engine_cpu: float
    mount_cpu: float


@dataclass
class Swarms:
    """The figures, and why something was not measured."""

    series: list[Fetched] = field(default_factory=list)
    without: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def swarms(base: Path, repetitions: int, say: Callable[[str], None], *, quick: bool) -> Swarms:
    """Measure in an empty directory; systems take turns with each repetition."""
    found = Swarms()
    names = list(SYSTEMS)
    tracker = Tracker(base / "tracker")
    say("making files of torrents")
    bench = _Bench(base, tracker.announce, repetitions, quick=quick)
    tracker.allow([bytes.fromhex(each.info_hash) for each in bench.everything()])
    with tracker, bench.biofs() as mounted:
        bench.begin(mounted)
        for rate, often in RATES.items():
            for repetition in range(repetitions * often):
                turn = repetition % len(names)
                for name in [*names[turn:], *names[:turn]]:
                    _measured(found, bench, mounted, (name, rate, repetition), say)
    return found


def _measured(
    found: Swarms,
    bench: _Bench,
    mounted: Mounted,
    run: tuple[str, int, int],
    say: Callable[[str], None],
) -> None:
    name, rate, repetition = run
    laid = bench.laid[rate, name, repetition]
    named = f"{name}, {f'{rate} MB/s' if rate else 'unlimited'}"
    try:
        with bench.seeder(laid, rate, repetition):
            took = bench.run(name, mounted, laid, repetition)
    except (QuietError, OSError) as error:
        found.without.append(f"{named}: {error}")
        say(f"not measured: {named}: {error}")
        return
    _series(found, name, rate, laid.size / MB, took)
    said = f"{named}: first byte {took.first * 1000:.0f} ms"
    if took.seek is not None:
        said += f", seek {took.seek * 1000:.0f} ms"
    say(f"{said}, {laid.size / MB / took.whole:.1f} MB/s")


def _series(found: Swarms, name: str, rate: int, megabytes: float, took: Took) -> None:
    for series in found.series:
        if (series.system, series.rate) == (name, rate):
            break
    else:
        series = Fetched(name, rate, megabytes)
        found.series.append(series)
    series.first.append(took.first)
    series.whole.append(took.whole)
    series.engine_cpu.append(took.engine_cpu)
    series.mount_cpu.append(took.mount_cpu)
    if took.seek is not None:
        series.seek.append(took.seek)


class _Bench:
    """Torrents, each for one run: who has fetched one would be a second seeder."""

    def __init__(self, base: Path, announce: str, repetitions: int, *, quick: bool) -> None:
        self._base: Final = base
        self._torrents: Final = base / "torrents"
        self._seeds: Final = base / "seeds"
        self._state: Final = base / ".local/state/biofs/engine"
        self._downloads: Final = base / "downloads"
        self._cache: Final = base / "cache"
        for made in (self._seeds, self._downloads, self._cache):
            made.mkdir()
        (base / "run").mkdir(mode=0o700)
        sizes = {0: (32 if quick else 128) << 20, 5: (16 if quick else 40) << 20}
        keys = [
            (rate, name, number)
            for rate, often in RATES.items()
            for name in SYSTEMS
            for number in range(repetitions * often)
        ]
        self._small: Final = self._lay(0, PIECE, announce)
        self.laid: Final = {
            key: self._lay(1 + number, sizes[key[0]], announce) for number, key in enumerate(keys)
        }
        store = trees.store_of(self._cache, systems.SERVER, DONOR_TOKEN)
        fill(store, [each.group for each in self.everything()])

    def _lay(self, number: int, size: int, announce: str) -> Laid:
        files = [Entry(f"reads-{number}.bam", size)]
        return lay_out(self._seeds, self._torrents, number, files, PIECE, announce)

    def everything(self) -> list[Laid]:
        """All torrents."""
        return [self._small, *self.laid.values()]

    def _torrent(self, laid: Laid) -> Path:
        [found] = [path for path in self._torrents.iterdir() if path.stem.lower() == laid.info_hash]
        return found

    @contextmanager
    def seeder(self, laid: Laid, rate: int, repetition: int = 0) -> Iterator[None]:
        """A seeder that the tracker knows of."""
        with Seeder(self._seeds, self._torrent(laid).read_bytes(), rate=rate * MB):
            time.sleep(_ANNOUNCED + moment(repetition))
            yield

    @property
    def _env(self) -> dict[str, str]:
        home = {"HOME": str(self._base), "XDG_STATE_HOME": str(self._base / ".local/state")}
        return {**systems.BIOFS_ENV, **home, "XDG_RUNTIME_DIR": str(self._base / "run")}

    @contextmanager
    def biofs(self) -> Iterator[Mounted]:
        """A mount with an engine, which is stopped at the end."""
        options = ["--torrents", str(self._torrents), "--engine", "libtorrent"]
        options += ["--download-dir", str(self._downloads), "--fetch-on-read"]
        mountpoint = self._base / "biofs"
        command = systems.biofs_command(self._cache, mountpoint, *options)
        try:
            with systems.served(
                "biofs", mountpoint, command, below="categories", env=self._env
            ) as mounted:
                yield mounted
        finally:
            engine = LibtorrentEngine(self._downloads, self._state)
            with suppress(EngineError):
                engine.stop()
            engine.close()

    def begin(self, mounted: Mounted) -> None:
        """Have the engine's process run, as it does for whoever has fetched before."""
        with self.seeder(self._small, 0):
            self._fetch(mounted, self._small)

    def run(self, name: str, mounted: Mounted, laid: Laid, repetition: int) -> Took:
        """Fetch a file once."""
        if name == "engine":
            return self._engine(laid, repetition)
        if name == "btfs":
            return self._btfs(laid)
        if name == "biofs fetch":
            return self._fetch(mounted, laid)
        path = files_of(mounted.root, laid) / laid.paths[0]
        pid = _served_by(self._state / "socket")
        return Reader(path, laid.size).read(0.0, mounted.pid, pid)

    def _engine(self, laid: Laid, repetition: int) -> Took:
        place = self._base / "leech"
        place.mkdir()
        module = "scripts.benchmarks.processes.leeching"
        waits = str(moment(repetition))  # biofs's engine has begun at any moment of a second, too
        command = [sys.executable, "-m", module, str(self._torrent(laid)), str(place), waits]
        done = subprocess.run(command, capture_output=True, check=False, text=True)
        shutil.rmtree(place)
        if done.returncode:
            raise QuietError(f"libtorrent: {done.stderr.strip().splitlines()[-1]}")
        found = json.loads(done.stdout)
        whole = sum(found[step] for step in ("first", "seek", "sequential"))
        return Took(found["first"], found["seek"], whole, found["cpu"], 0.0)

    def _btfs(self, laid: Laid) -> Took:
        place, mountpoint = self._base / "btfs-data", self._base / "btfs"
        place.mkdir()
        program = programs.installed("btfs")
        command = [program, "-f", f"--data-directory={place}", str(self._torrent(laid))]
        path = mountpoint / laid.paths[0]
        reader = Reader(path, laid.size)
        start = time.perf_counter()
        try:
            with systems.served("btfs", mountpoint, [*command, str(mountpoint)]) as mounted:
                while not path.exists():
                    time.sleep(0.005)
                return reader.read(start, mounted.pid, 0)
        finally:
            shutil.rmtree(place)

    def _fetch(self, mounted: Mounted, laid: Laid) -> Took:
        """`biofs fetch`, from the command on until the file opens, and until the command ends."""
        path = files_of(mounted.root, laid) / laid.paths[0]
        command = [sys.executable, "-m", "biofs", "fetch", "--yes", str(path)]
        engine = _served_by(self._state / "socket")
        before = Effort.of(mounted.pid).cpu, Effort.of(engine).cpu
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            env={**os.environ, **self._env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        first: float | None = None
        while process.poll() is None:
            if first is None and _readable(path):
                first = time.perf_counter() - start
            with suppress(subprocess.TimeoutExpired):
                process.wait(_BETWEEN)
        whole = time.perf_counter() - start
        assert process.stderr is not None
        said = process.stderr.read().strip().splitlines()
        process.stderr.close()
        if process.returncode or not _readable(path):
            raise QuietError(f"biofs fetch ended with {process.returncode}: {said[-1:]}")
        engine = engine or _served_by(self._state / "socket")
        mount_cpu, engine_cpu = Effort.of(mounted.pid).cpu, Effort.of(engine).cpu
        first = whole if first is None else first
        return Took(first, None, whole, engine_cpu - before[1], mount_cpu - before[0])


def moment(repetition: int) -> float:
    """When in a second a run begins: spread evenly, however many repetitions there are.

    libtorrent measures rates once a second, and sends at a limited one on ticks of half a second.
    """
    return repetition * 0.618 % 1


def _readable(path: Path) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            return len(file.read(1)) == 1
    except OSError:
        return False


class Reader:
    """A process that reads a file. It is ready before the time counts."""

    def __init__(self, path: Path, size: int) -> None:
        self._size: Final = size
        where = [os.fspath(path), str(size), str(int(size * SOUGHT))]
        self._process: Final = subprocess.Popen(
            [sys.executable, "-m", "scripts.benchmarks.processes.consuming", *where],
            cwd=CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            text=True,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def read(self, start: float, mount: int, engine: int) -> Took:
        """Read a byte, one further on, and everything. `start`: see `consuming`."""
        mounted, fetching = Effort.of(mount).cpu, Effort.of(engine).cpu
        try:
            said, wrong = self._process.communicate(f"{start}\n", _PATIENCE + self._size / MB)
        except subprocess.TimeoutExpired:
            raise QuietError("what is read does not come") from None
        finally:
            self._process.kill()
        if self._process.returncode:
            raise QuietError(wrong.strip().splitlines()[-1])
        took = json.loads(said)
        fetching = Effort.of(engine).cpu - fetching
        mounted = Effort.of(mount).cpu - mounted
        return Took(took["first"], took["seek"], took["whole"], fetching, mounted)


def _served_by(path: Path) -> int:
    """The process that listens at a socket (SO_PEERCRED, unix(7)); 0 for none."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.fspath(path))
        except OSError:
            return 0
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", said)[0])
