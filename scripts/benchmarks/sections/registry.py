"""The parts of the benchmark: how each is measured, and how it is shown on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.benchmarks.figures import table, targets
from scripts.benchmarks.figures.results import Results
from scripts.benchmarks.peers.systems import SYSTEMS
from scripts.benchmarks.sections import (
    comparing,
    giant,
    network,
    reading,
    scaling,
    snapshots,
    starting,
    swarms,
)

NAMES: Final = (
    *("tree", "scale", "giant", "network", "start", "contents"),
    *("snapshot", "swarm"),
)
ON_DISK: Final = frozenset({"contents", "swarm"})
"""What is measured on a disk: of what lies on tmpfs, no page is ever dropped."""


@dataclass(frozen=True)
class Plan:
    """What was asked for: see the command's options."""

    quick: bool
    repetitions: int
    only: tuple[str, ...]
    most: int
    walk: int


def measure(name: str, base: Path, plan: Plan, say: Callable[[str], None]) -> object:
    """Measure one section in an empty directory; what goes into the results file."""
    if name == "tree":
        systems = [each for each in plan.only if each in SYSTEMS] or list(SYSTEMS)
        operations = [each for each in plan.only if each not in SYSTEMS]
        size = comparing.QUICK if plan.quick else comparing.WHOLE
        series = comparing.compare(base, size, systems, operations, plan.repetitions, say)
        return [each.as_json() for each in series]
    if name == "scale":
        repetitions = min(plan.repetitions, 3)
        scales = scaling.scale(base, plan.most, plan.walk, repetitions, say)
        return [each.as_json() for each in scales]
    if name == "giant":
        files = 100_000 if plan.quick else 1_000_000
        return giant.giant(base, files, min(plan.repetitions, 3), say).as_json()
    if name == "network":
        clients = network.network(base, 200 if plan.quick else 2_000, plan.repetitions, say)
        return [each.as_json() for each in clients]
    if name == "start":
        return starting.starting(base, plan.repetitions, say)
    return _on_files(name, base, plan, say)


def _on_files(name: str, base: Path, plan: Plan, say: Callable[[str], None]) -> object:
    """The sections about files of torrents and of catalogues: large, so repeated less often."""
    repetitions, quick = min(plan.repetitions, 3), plan.quick
    if name == "contents":
        return reading.contents(base, repetitions, say, quick=quick).as_json()
    if name == "snapshot":
        return snapshots.snapshots(base, repetitions, say, quick=quick).as_json()
    return swarms.swarms(base, repetitions, say, quick=quick).as_json()


def shown(name: str, results: Results) -> str:
    """One section's tables for a terminal."""
    tables = table.TABLES[name](results)
    if name == "tree":
        tables = [*tables, table.calls(results)]
    wanted = targets.all_of({name: results[name]})
    missed = [str(target) for target in wanted if not target.held]
    said = f"Targets held: {len(wanted) - len(missed)} of {len(wanted)}."
    return "\n".join(
        [
            "",
            *[f"{table.plain(rows)}\n" for rows in tables],
            said,
            *[f"  {each}" for each in missed],
        ]
    )
