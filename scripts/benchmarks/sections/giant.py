"""One torrent of very many files: opened, listed, and what each file takes in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from biofs.demo.accounts import DONOR_TOKEN
from biofs.errors import QuietError
from scripts.benchmarks import memory
from scripts.benchmarks.making import sources, trees
from scripts.benchmarks.making.filling import fill
from scripts.benchmarks.making.trees import LARGE
from scripts.benchmarks.measuring import drop_caches
from scripts.benchmarks.operations import program
from scripts.benchmarks.peers import systems
from scripts.benchmarks.peers.systems import Mounted, biofs

_PER_DIRECTORY: Final = 1_000


@dataclass
class Giant:
    """The figures: seconds to open, entries a second of a find, bytes of memory for each file."""

    files: int
    open_seconds: float
    entries_a_second: float
    floor_entries_a_second: float
    bytes_a_file: float
    peak_bytes: int

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def giant(base: Path, files: int, repetitions: int, say: Callable[[str], None]) -> Giant:
    """Measure a torrent of `files` files, a thousand in a directory, beside the floor."""
    cache = base / "giant"
    say(f"storing a torrent of {files:,} files")
    fill(trees.store_of(cache, systems.SERVER, DONOR_TOKEN), [sources.giant_group(files)])
    with biofs(cache, base / "giants") as mounted:
        (top,) = (mounted.root / LARGE).glob("*]/*]/files")
        before = memory.resident(mounted.pid)
        drop_caches()
        start = time.perf_counter()
        os.listdir(top)
        opened = time.perf_counter() - start
        taken = memory.resident(mounted.pid) - before
        say(f"opened in {opened:.2f} s, takes {taken / files:.0f} bytes a file")
        entries = 1 + sum(1 + len(os.listdir(top / name)) for name in os.listdir(top))
        if entries != 1 + files + -(-files // _PER_DIRECTORY):
            raise QuietError(f"the torrent shows {entries} entries")
        rate = _rate(top, entries, repetitions)
        peak = memory.peak(mounted.pid)
    say(f"biofs: {rate:,.0f} entries a second")
    with _floor(base, files) as mounted:
        floor = _rate(mounted.root, entries, repetitions)
    say(f"floor: {floor:,.0f} entries a second")
    return Giant(files, opened, rate, floor, taken / files, peak)


def _rate(top: Path, entries: int, repetitions: int) -> float:
    """The median rate of a find, cold."""
    seconds = []
    for _ in range(repetitions):
        drop_caches()
        seconds.append(program("find", ".")(top).seconds)
    return entries / median(seconds)


@contextmanager
def _floor(base: Path, files: int) -> Iterator[Mounted]:
    tree = base / "giant-tree"
    for number in range(files):
        directory, name = sources.giant_path(number).split("/")
        if number % _PER_DIRECTORY == 0:
            (tree / directory).mkdir(parents=True)
        os.close(os.open(tree / directory / name, os.O_CREAT | os.O_WRONLY))
    mountpoint = base / "giant-floor"
    with systems.served("floor", mountpoint, systems.floor_command(tree, mountpoint)) as mounted:
        yield mounted
