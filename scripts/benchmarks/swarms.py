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
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from biofs.contents.engines.engine import EngineError
from biofs.contents.engines.libtorrent_engine import LibtorrentEngine
from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.model import Entry
from biofs.errors import QuietError
from biofs.settings.table import SETTINGS
from scripts.benchmarks import programs, systems, trees
from scripts.benchmarks.filling import fill
from scripts.benchmarks.laying import Laid, lay_out
from scripts.benchmarks.leeching import SOUGHT
from scripts.benchmarks.measuring import Effort
from scripts.benchmarks.reading import files_of
from scripts.benchmarks.systems import Mounted
from tests.support.swarm import Seeder, Tracker

MB: Final = 1_000_000
PIECE: Final = 1 << 20
SYSTEMS: Final = ("engine", "biofs, read", "biofs fetch", "btfs")
RATES: Final = (0, 5)
"""MB/s of the seeder; 0 for as many as it can."""
ON_READ: Final = "--fetch-on-read"
_BLOCK: Final = 128 << 10
_PATIENCE: Final = 30.0
"""Seconds after which what is read is taken as not coming."""
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
    reads = on_read()
    if not reads:
        found.without.append(f"biofs, read: this biofs has no {ON_READ}")
    names = [name for name in SYSTEMS if reads or name != "biofs, read"]
    tracker = Tracker(base / "tracker")
    say("making files of torrents")
    bench = _Bench(base, tracker.announce, repetitions, quick=quick)
    tracker.allow([bytes.fromhex(each.info_hash) for each in bench.everything()])
    with tracker, bench.biofs(reads=reads) as mounted:
        bench.begin(mounted)
        for rate in RATES:
            for repetition in range(repetitions):
                turn = repetition % len(names)
                for name in [*names[turn:], *names[:turn]]:
                    _measured(found, bench, mounted, (name, rate, repetition), say)
    return found


def on_read() -> bool:
    """Whether this biofs fetches what is read."""
    return any(ON_READ in setting.flags for setting in SETTINGS)


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
        with bench.seeder(laid, rate):
            took = bench.run(name, mounted, laid)
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
            for rate in RATES
            for name in SYSTEMS
            for number in range(repetitions)
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
    def seeder(self, laid: Laid, rate: int) -> Iterator[None]:
        """A seeder that the tracker knows of."""
        with Seeder(self._seeds, self._torrent(laid).read_bytes(), rate=rate * MB):
            time.sleep(_ANNOUNCED)
            yield

    @property
    def _env(self) -> dict[str, str]:
        home = {"HOME": str(self._base), "XDG_STATE_HOME": str(self._base / ".local/state")}
        return {**systems.BIOFS_ENV, **home, "XDG_RUNTIME_DIR": str(self._base / "run")}

    @contextmanager
    def biofs(self, *, reads: bool) -> Iterator[Mounted]:
        """A mount with an engine, which is stopped at the end."""
        options = ["--torrents", str(self._torrents), "--engine", "libtorrent"]
        options += ["--download-dir", str(self._downloads), *([ON_READ] if reads else [])]
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

    def run(self, name: str, mounted: Mounted, laid: Laid) -> Took:
        """Fetch a file once."""
        if name == "engine":
            return self._engine(laid)
        if name == "btfs":
            return self._btfs(laid)
        if name == "biofs fetch":
            return self._fetch(mounted, laid)
        path = files_of(mounted.root, laid) / laid.paths[0]
        pid = _served_by(self._state / "socket")
        return _read(path, laid.size, time.perf_counter(), mounted.pid, pid)

    def _engine(self, laid: Laid) -> Took:
        place = self._base / "leech"
        place.mkdir()
        module = "scripts.benchmarks.leeching"
        command = [sys.executable, "-m", module, str(self._torrent(laid)), str(place)]
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
        start = time.perf_counter()
        try:
            with systems.served("btfs", mountpoint, [*command, str(mountpoint)]) as mounted:
                path = mounted.root / laid.paths[0]
                while not path.exists():
                    time.sleep(0.005)
                return _read(path, laid.size, start, mounted.pid, 0)
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
            time.sleep(0.005)
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


def _readable(path: Path) -> bool:
    try:
        with path.open("rb", buffering=0) as file:
            return len(file.read(1)) == 1
    except OSError:
        return False


def _read(path: Path, size: int, start: float, mount: int, engine: int) -> Took:
    """Read a byte, one further on, and everything. `start`: when it was begun (perf_counter)."""
    mounted, fetching = Effort.of(mount).cpu, Effort.of(engine).cpu
    pool = ThreadPoolExecutor(1)
    file = pool.submit(os.open, path, os.O_RDONLY).result(_PATIENCE)
    try:
        times = [start]
        for at in (0, int(size * SOUGHT)):
            if len(pool.submit(os.pread, file, 1, at).result(_PATIENCE)) != 1:
                raise QuietError(f"{path} is short")
            times.append(time.perf_counter())
        at = 0
        while at < size:
            got = len(pool.submit(os.pread, file, _BLOCK, at).result(_PATIENCE))
            if not got:
                raise QuietError(f"{path} ends after {at:,} bytes")
            at += got
        times.append(time.perf_counter())
    except TimeoutError:
        raise QuietError(f"{path}: nothing came in {_PATIENCE:.0f} s") from None
    finally:
        pool.submit(os.close, file)  # which waits as well, for one that does not answer
        pool.shutdown(wait=False)
    first, seek, _ = (after - before for before, after in pairwise(times))
    fetching = Effort.of(engine).cpu - fetching
    return Took(first, seek, times[-1] - start, fetching, Effort.of(mount).cpu - mounted)


def _served_by(path: Path) -> int:
    """The process that listens at a socket (SO_PEERCRED, unix(7)); 0 for none."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.fspath(path))
        except OSError:
            return 0
        said = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", said)[0])
