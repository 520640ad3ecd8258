"""What mounting a snapshot at hand takes until `categories` is listed, in processor time too.

`python -m scripts.benchmarks.processes.at_hand FILE|URL [REPETITIONS]` prints seconds. The first
mount, which fetches or unpacks, is not counted. Processor time says more than the clock where
others use the machine as well.
"""

from __future__ import annotations

import compileall
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import biofs
from scripts.benchmarks.peers import systems


class Taken(NamedTuple):
    """Seconds by the clock, and of a processor: of the mount and of what it has waited for."""

    clock: float
    processor: float


def mounted(snapshot: str, base: Path) -> Taken:
    """Mount it once, with `base` as the home."""
    command = [sys.executable, "-m", "biofs", "mount", "-f", "--snapshot", snapshot]
    mountpoint = base / "mount"
    env = {
        **systems.BIOFS_ENV,
        "HOME": str(base),
        "XDG_CACHE_HOME": str(base / "cache"),
        "PYTHONDONTWRITEBYTECODE": "",
    }
    start = time.perf_counter()
    with systems.served("biofs", mountpoint, [*command, str(mountpoint)], env=env) as found:
        os.listdir(found.root / "categories")
        clock = time.perf_counter() - start
        return Taken(clock, processor(found.pid))


def processor(pid: int) -> float:
    """Seconds of a process and of its children that it has waited for (proc(5): 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print."""
    snapshot, repetitions = sys.argv[1], int((*sys.argv[2:], "7")[0])
    compileall.compile_dir(Path(biofs.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory(prefix="biofs-at-hand-") as base:
        mounted(snapshot, Path(base))
        found = [mounted(snapshot, Path(base)) for _ in range(repetitions)]
    for name in Taken._fields:
        values = [getattr(each, name) for each in found]
        print(f"{name}: least {min(values):.2f} s, median {median(values):.2f} s")


if __name__ == "__main__":
    main()
