"""Runs operations on mounted systems, cold and warm, in turns, and keeps every figure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from biofs.errors import QuietError
from scripts.benchmarks.operations import Operation
from scripts.benchmarks.peers.systems import Mounted

STATES: Final = ("cold", "warm")
_MOMENT: Final = 0.3  # seconds
_MOST_PAIRS: Final = 5
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass
class Series:
    """The figures of one operation on one system in one state, one a repetition.

    `calls` is how many answers the process behind the mount wrote, `cpu` its processor time in
    seconds. `count` of `unit` are handled each time.
    """

    system: str
    operation: str
    state: str
    count: float
    unit: str
    seconds: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For the results file."""
        return asdict(self)


@dataclass(frozen=True)
class Effort:
    """What a process has done since its start: write calls, and seconds of processor time."""

    calls: int
    cpu: float

    @classmethod
    def of(cls, pid: int) -> Effort:
        """That of a process; nothing for 0.

        A FUSE server writes each answer with one call (proc_pid_io(5): syscw), except to FORGET.
        """
        if not pid:
            return cls(0, 0.0)
        fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
        # What follows the name, which may hold blanks (proc_pid_stat(5)).
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return cls(int(fields["syscw"]), (int(stat[11]) + int(stat[12])) / _TICKS)


class Run(NamedTuple):
    """What one run of an operation took: see `Series`."""

    seconds: float
    calls: int
    cpu: float


def drop_caches() -> None:
    """Have the kernel forget names, attributes and pages that nobody uses.

    3 and not 2: an inode whose pages are kept is kept as well. Nothing of what lies on tmpfs goes.
    """
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError as error:
        raise QuietError(f"the kernel's caches cannot be dropped: {error}: be root") from None


def measure(
    systems: Sequence[Mounted],
    operations: Iterable[Operation],
    repetitions: int,
    say: Callable[[str], None],
) -> list[Series]:
    """Every operation on every system, `repetitions` times; systems take turns in changing order.

    Each cold run follows on `drop_caches`, and the warm run follows at once on the cold one. Of
    runs that take but a moment there are several in a repetition, and the one in the middle counts.
    What a process keeps in its own memory it keeps: the first of all runs is not counted.
    """
    found: dict[tuple[str, str, str], Series] = {}
    for operation in operations:
        for system in systems:
            say(f"{operation.name}: {system.name}: once, to begin with")
            operation.run(system.root)
        for repetition in range(repetitions):
            for place in range(len(systems)):
                system = systems[(place + repetition) % len(systems)]
                pairs = _pairs(system, operation)
                for state, runs in zip(STATES, zip(*pairs, strict=True), strict=True):
                    key = (system.name, operation.name, state)
                    count = operation.count - (0 if system.links else operation.links)
                    series = found.setdefault(key, Series(*key, count, operation.unit))
                    run = sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]
                    series.seconds.append(run.seconds)
                    series.calls.append(run.calls)
                    series.cpu.append(run.cpu)
                    say(
                        f"{operation.name}, {state}, {repetition + 1} of {repetitions}:"
                        f" {system.name} {run.seconds:.3f} s,"
                        f" {run.calls:,} calls, {run.cpu:.2f} s of CPU"
                    )
    return list(found.values())


def _pairs(system: Mounted, operation: Operation) -> list[tuple[Run, Run]]:
    """A cold run and a warm one, some times if that takes but a moment: such runs differ much."""
    pairs: list[tuple[Run, Run]] = []
    while len(pairs) < _MOST_PAIRS and sum(pair[0].seconds for pair in pairs) < _MOMENT:
        drop_caches()
        pairs.append((run_once(system, operation), run_once(system, operation)))
    return pairs


def run_once(system: Mounted, operation: Operation) -> Run:
    """Do it, and see what the process behind the mount did for that."""
    before = Effort.of(system.pid)
    outcome = operation.run(system.root)
    after = Effort.of(system.pid)
    return Run(outcome.seconds, after.calls - before.calls, after.cpu - before.cpu)
