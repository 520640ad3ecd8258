"""What an operation costs when a catalogue has a thousand groups, and when it has a million."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from biofs.demo.accounts import DONOR_TOKEN
from biofs.errors import QuietError
from scripts.benchmarks import memory
from scripts.benchmarks.making import cloning, trees
from scripts.benchmarks.making.trees import CATEGORY
from scripts.benchmarks.measuring import Effort, drop_caches
from scripts.benchmarks.operations import Outcome, compile_driver, driven, program
from scripts.benchmarks.peers import systems
from scripts.benchmarks.peers.systems import Mounted, biofs

STEPS: Final = (1_000, 10_000, 100_000, 1_000_000)
SAMPLE: Final = 500
"""Groups, evenly spread over the category, on which the cost of an operation is measured."""

BYTES_A_GROUP: Final = 12_000
_SETTLED_SECONDS: Final = 30


@dataclass
class Scale:
    """One size's figures: medians, in seconds or units a second; memory in bytes.

    `first` is the time to the category's first entry after a mount, `names` the rate of listing
    it. `rates` are those of operations within the sample, cold, and `cpu` the microseconds of the
    daemon's processor time for each entry or file. `walked` is how many entries a find over
    everything met, 0 if none was done; `after` is the memory held then, `settled` some time later.
    """

    groups: int
    store_bytes: int
    mount: float
    first: float
    names: float
    rates: dict[str, float]
    cpu: dict[str, float]
    walked: int
    walk_seconds: float
    before: int
    after: int
    peak: int
    settled: int

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


def scale(
    base: Path, most: int, walk_up_to: int, repetitions: int, say: Callable[[str], None]
) -> list[Scale]:
    """Measure at each of STEPS up to `most` groups, in one store that grows."""
    _check_space(base, most)
    cache = base / "scale"
    path = trees.store_of(cache, systems.SERVER, DONOR_TOKEN)
    driver = compile_driver(base)
    known, found = 0, []
    for groups in (step for step in STEPS if step <= most):
        say(f"growing the store to {groups:,} groups")
        cloning.grow(path, known, groups, lambda done: say(f"{done:,} groups"))
        known = groups
        found.append(
            _measure(base, cache, path, driver, groups, groups <= walk_up_to, repetitions, say)
        )
    return found


def _check_space(base: Path, groups: int) -> None:
    needed, free = groups * BYTES_A_GROUP, shutil.disk_usage(base).free
    if needed > free:
        raise QuietError(
            f"{base} has {free >> 30} GB left, and {groups:,} groups need {needed >> 30}:"
            " give another --scratch, or a smaller --scale"
        )


def _measure(
    base: Path,
    cache: Path,
    path: Path,
    driver: Path,
    groups: int,
    walk: bool,
    repetitions: int,
    say: Callable[[str], None],
) -> Scale:
    mounts, firsts, names = [], [], []
    for _ in range(repetitions):
        drop_caches()
        start = time.perf_counter()
        with biofs(cache, base / "scaled") as mounted:
            os.listdir(mounted.root)
            mounts.append(time.perf_counter() - start)
            first, rate, listed = _listing(mounted.root / CATEGORY)
            firsts.append(first)
            names.append(rate)
    if len(listed) != groups + 1:  # and index.jsonl
        raise QuietError(f"{len(listed)} entries are listed, not {groups + 1}")
    say(f"{groups:,} groups: mounted in {mounts[-1]:.2f} s, first entry {firsts[-1] * 1000:.1f} ms")
    with biofs(cache, base / "scaled") as mounted:
        rates, cpu = _sampled(mounted, driver, listed, repetitions, say)
    with biofs(cache, base / "scaled") as mounted:
        before, (walked, seconds) = memory.resident(mounted.pid), (0, 0.0)
        after = settled = before
        if walk:
            say(f"{groups:,} groups: a find over everything")
            walked, seconds = _walk(mounted.root / CATEGORY)
            after = memory.resident(mounted.pid)
            time.sleep(_SETTLED_SECONDS)
            settled = memory.resident(mounted.pid)
            say(f"met {walked:,} entries in {seconds:.0f} s, holds {settled >> 20} MiB")
        peak = memory.peak(mounted.pid)
    return Scale(
        groups,
        path.stat().st_size,
        statistics.median(mounts),
        statistics.median(firsts),
        statistics.median(names),
        rates,
        cpu,
        walked,
        seconds,
        before,
        after,
        peak,
        settled,
    )


def _listing(category: Path) -> tuple[float, float, list[str]]:
    """Seconds to the first entry, entries a second for the rest, and all names."""
    start = time.perf_counter()
    with os.scandir(category) as entries:
        names = [next(entries).name]
        first = time.perf_counter() - start
        names += [entry.name for entry in entries]
    return first, len(names) / (time.perf_counter() - start), names


def _sampled(
    mounted: Mounted,
    driver: Path,
    listed: Sequence[str],
    repetitions: int,
    say: Callable[[str], None],
) -> tuple[dict[str, float], dict[str, float]]:
    """Rates of find, ls -lR, stat and read in the sample, and microseconds of CPU for each unit."""
    groups = sorted(name for name in listed if name.endswith("]"))
    chosen = [groups[at * len(groups) // SAMPLE] for at in range(SAMPLE)]
    tops = [f"{CATEGORY}/{name}" for name in chosen]
    paths = [
        str(path.relative_to(mounted.root))
        for top in tops
        for path in trees.walk(mounted.root / top)
    ]
    documents = [path for path in paths if path.endswith(".json") and "/files/" not in path]
    rates, cpu = {}, {}
    for name, count, run in (
        ("find", len(paths), program("find", *tops)),
        ("ls -lR", len(paths), program("ls", "-lR", *tops)),
        ("stat", len(paths), driven(driver, "stat", paths, "sample")),
        ("read", len(documents), driven(driver, "read", documents, "documents")),
    ):
        seconds, effort = _repeated(mounted, run, repetitions)
        rates[name] = count / seconds
        cpu[name] = effort / count * 1e6
        say(f"{name} in {SAMPLE} groups: {rates[name]:,.0f}/s, {cpu[name]:.1f} µs of CPU each")
    return rates, cpu


def _repeated(
    mounted: Mounted, run: Callable[[Path], Outcome], repetitions: int
) -> tuple[float, float]:
    """Medians of the seconds, and of the daemon's CPU seconds, cold."""
    seconds, efforts = [], []
    for _ in range(repetitions):
        drop_caches()
        before = Effort.of(mounted.pid)
        seconds.append(run(mounted.root).seconds)
        efforts.append(Effort.of(mounted.pid).cpu - before.cpu)
    return statistics.median(seconds), statistics.median(efforts)


def _walk(directory: Path) -> tuple[int, float]:
    """How many entries find meets, and in how many seconds."""
    start, entries = time.perf_counter(), 0
    for line in _lines("find", str(directory), "-printf", "\\n"):
        entries += line.count(b"\n")
    return entries, time.perf_counter() - start


def _lines(*command: str) -> Iterator[bytes]:
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while block := running.stdout.read(1 << 16):
            yield block
    if running.returncode:
        raise QuietError(f"{command[0]} ended with {running.returncode}")
