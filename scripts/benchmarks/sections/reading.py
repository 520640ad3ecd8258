"""Contents: reading files of torrents through biofs, and through what people read files with."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.model import Entry
from biofs.errors import QuietError
from scripts.benchmarks.making import trees
from scripts.benchmarks.making.filling import fill
from scripts.benchmarks.making.laying import Laid, lay_out
from scripts.benchmarks.making.trees import LARGE, Tree
from scripts.benchmarks.measuring import Run, Series, drop_caches, run_once
from scripts.benchmarks.operations import Operation, compile_driver, driven
from scripts.benchmarks.peers import sftp, systems
from scripts.benchmarks.peers.systems import Mounted

MIB: Final = 1 << 20
PIECE: Final = MIB
SYSTEMS: Final = ("disk", "hash", "floor", "floor+", "biofs", "sshfs", "ratarmount")
STATES: Final = ("first, cold", "first", "later, cold", "later", "pages")
"""Of biofs. To the others, a first time is like any other: see `state_of`."""

OPENED: Final = (MIB // 4, MIB, 16 * MIB)
_OPENED_PIECES: Final = 4
_SMALL_BYTES: Final = 20 << 10
_SETTLED: Final = 3.0
"""Seconds. Of a file that has just changed biofs does not remember that it was right."""

Mount = Callable[[], AbstractContextManager[Mounted]]


@dataclass
class Contents:
    """The figures: of reading; seconds of an `open` and to the first byte, by what is opened; and
    why something was not measured."""

    series: list[Series] = field(default_factory=list)
    opened: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def state_of(system: str, state: str) -> str:
    """Under which state a system's figures for one of STATES are kept."""
    if system == "hash":
        return "pages"
    if system == "disk" and state in {"first", "later"}:
        return "pages"
    return state if system == "biofs" else state.replace("first", "later")


class _Bench:
    """What is laid out in a directory, and how each system is mounted on it."""

    def __init__(self, base: Path, *, quick: bool) -> None:
        self.tree: Final = Tree(base)
        self._torrents: Final = base / "torrents"
        large = 256 * MIB if quick else 1024 * MIB
        small = 500 if quick else 2_000
        names = [f"measurements/{number:05}.csv" for number in range(small)]
        self.laid: Final = {
            "large file": self._lay(1, [Entry("reads.bam", large)], PIECE),
            "small files": self._lay(2, [Entry(name, _SMALL_BYTES) for name in names], PIECE),
        }
        self.opened: Final = {
            f"pieces of {_bytes(length)}": self._lay(
                3 + number, [Entry(f"reads-{number}.bam", _OPENED_PIECES * length)], length
            )
            for number, length in enumerate(OPENED)
        }
        everything = [*self.laid.values(), *self.opened.values()]
        store = trees.store_of(self.tree.cache, systems.SERVER, DONOR_TOKEN)
        fill(store, [each.group for each in everything])
        self.opened[f"a small file, pieces of {_bytes(PIECE)}"] = self.laid["small files"]

    def _lay(self, number: int, files: list[Entry], piece_length: int) -> Laid:
        return lay_out(self.tree.root, self._torrents, number, files, piece_length)

    def forget(self) -> None:
        """Have biofs not know that anything was verified."""
        for path in self.tree.cache.rglob("contents.sqlite*"):
            path.unlink()

    @contextmanager
    def biofs(self) -> Iterator[Mounted]:
        """biofs; its root is that of the category."""
        mountpoint = self.tree.base / "biofs"
        given = ("--data", str(self.tree.root), "--torrents", str(self._torrents))
        command = systems.biofs_command(self.tree.cache, mountpoint, *given)
        env = {**systems.BIOFS_ENV, "HOME": str(self.tree.base)}
        with systems.served("biofs", mountpoint, command, below="categories", env=env) as mounted:
            yield mounted

    @contextmanager
    def disk(self) -> Iterator[Mounted]:
        """The files themselves."""
        yield Mounted("disk", self.tree.root, 0)

    @contextmanager
    def floor(self, name: str, *options: str) -> Iterator[Mounted]:
        """A bare file system that reads from the files."""
        mountpoint = self.tree.base / name
        command = systems.floor_command(self.tree.root, mountpoint, "--through", *options)
        with systems.served(name, mountpoint, command) as mounted:
            yield mounted

    def mounts(self, stack: ExitStack, found: Contents) -> Mapping[str, Mount]:
        """How each system is mounted; why one is not goes into `found`."""
        base, tree = self.tree.base, self.tree
        mounts: dict[str, Mount] = {
            "disk": self.disk,
            "floor": lambda: self.floor("floor"),
            "floor+": lambda: self.floor("floor+", "--closely"),
            "biofs": self.biofs,
        }
        try:
            options = stack.enter_context(sftp.server(base / "sshd"))
            with sftp.mounted(tree.root, options, base / "sshfs"):
                pass
        except QuietError as error:
            found.without.append(f"sshfs: {error}")
        else:
            mounts["sshfs"] = lambda: sftp.mounted(tree.root, options, base / "sshfs")
        trees.make_tar(tree)
        mounts["ratarmount"] = lambda: systems.SYSTEMS["ratarmount"](tree, base / "ratarmount")
        return mounts


def contents(base: Path, repetitions: int, say: Callable[[str], None], *, quick: bool) -> Contents:
    """Measure reading and opening in an empty directory, which is on the disk to be measured."""
    say("making files of torrents")
    bench = _Bench(base, quick=quick)
    driver = compile_driver(base)
    found = Contents()
    with ExitStack() as stack:
        mounts = bench.mounts(stack, found)
        for reason in found.without:
            say(f"not measured: {reason}")
        time.sleep(_SETTLED)
        series: dict[tuple[str, str, str], Series] = {}
        for what, laid in bench.laid.items():
            reading = _Reading(bench, driver, what, laid)
            for repetition in range(repetitions):
                for name in [*list(mounts)[repetition:], *list(mounts)[:repetition], "hash"]:
                    runs = reading.hashed() if name == "hash" else reading.runs(name, mounts[name])
                    for state, run in runs:
                        key = (name, what, state)
                        fresh = Series(*key, reading.count, reading.unit)
                        _note(series.setdefault(key, fresh), run)
                        rate = f"{reading.count / run.seconds:,.0f} {reading.unit}/s"
                        say(f"{what}: {name}, {state}: {rate}, {run.cpu:.2f} s of CPU")
        found.series = list(series.values())
    for what, laid in bench.opened.items():
        found.opened[what] = [_opened(bench, laid) for _ in range(repetitions)]
        say(f"{what}: opened, first byte: {found.opened[what]}")
    return found


def _note(series: Series, run: Run) -> None:
    series.seconds.append(run.seconds)
    series.calls.append(run.calls)
    series.cpu.append(run.cpu)


class _Reading:
    """Reads the files of a torrent whole, one after another: the names are known by then."""

    def __init__(self, bench: _Bench, driver: Path, what: str, laid: Laid) -> None:
        self._bench: Final = bench
        self._laid: Final = laid
        single = len(laid.paths) == 1
        self.count: Final = laid.size / 1e6 if single else len(laid.paths)
        self.unit: Final = "MB" if single else "files"
        name = what.replace(" ", "-")
        read = driven(driver, "read", laid.paths, name, laid.size)
        self._operation: Final = Operation(what, self.count, self.unit, read)
        self._look: Final = driven(driver, "stat", laid.paths, name)

    def runs(self, name: str, mount: Mount) -> Iterator[tuple[str, Run]]:
        """One run for each state, mounted anew where the kernel must have no pages of it."""
        if name == "biofs":
            self._bench.forget()
            with mount() as mounted:
                yield "first, cold", self._run(mounted, cold=True)
            self._bench.forget()
            with mount() as mounted:
                yield "first", self._run(mounted)
        with mount() as mounted:
            yield "later, cold", self._run(mounted, cold=True)
        if name != "disk":
            with mount() as mounted:
                yield "later", self._run(mounted)
                yield "pages", self._run(mounted)
        else:
            with mount() as mounted:
                yield "pages", self._run(mounted)

    def _run(self, mounted: Mounted, *, cold: bool = False) -> Run:
        if mounted.name == "biofs":
            mounted = Mounted("biofs", files_of(mounted.root, self._laid), mounted.pid)
        if cold:
            drop_caches()
        self._look(mounted.root)
        return run_once(mounted, self._operation)

    def hashed(self) -> Iterator[tuple[str, Run]]:
        """SHA-1 of the same bytes in pieces, in one thread, without reading them."""
        seconds, left = 0.0, self._laid.size
        piece = os.urandom(PIECE)
        while left:
            data = piece[:left]
            start = time.perf_counter()
            hashlib.sha1(data, usedforsecurity=False).digest()
            seconds += time.perf_counter() - start
            left -= len(data)
        yield "pages", Run(seconds, 0, seconds)


def files_of(categories: Path, laid: Laid) -> Path:
    """`files/` of a torrent in a mount."""
    (found,) = (categories / LARGE).glob(f"*[[]{laid.group.id}]/*/files")
    return found


def _opened(bench: _Bench, laid: Laid) -> tuple[float, float]:
    """Seconds of an `open`, and until there is a byte; of a fresh mount and from a cold disk."""
    bench.forget()
    with bench.biofs() as mounted:
        path = files_of(mounted.root, laid) / laid.paths[len(laid.paths) // 2]
        drop_caches()
        path.stat()
        start = time.perf_counter()
        file = os.open(path, os.O_RDONLY)
        opened = time.perf_counter() - start
        if len(os.pread(file, 1, 0)) != 1:
            raise QuietError(f"{path} is empty")
        first = time.perf_counter() - start
        os.close(file)
    return opened, first


def _bytes(size: int) -> str:
    return f"{size // MIB} MiB" if size >= MIB else f"{size >> 10} KiB"
