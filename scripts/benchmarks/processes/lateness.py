"""What it costs a reader when each answer comes some microseconds later.

`python -m scripts.benchmarks.processes.lateness` mounts the floor, waiting as biofs does, with a
tree of small files, and prints how long one of them takes that is found, opened, read and closed
while the kernel knows nothing of it: as it is, and with answers that come later. As root.

A reader sleeps until it has its answer. A processor with nothing else to do halts, and on a virtual
machine to wake it takes the host. An answer that comes before that costs less.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Final

from scripts.benchmarks.measuring import drop_caches
from scripts.benchmarks.operations import compile_driver, driven
from scripts.benchmarks.peers.systems import floor_command, served

_DIRECTORIES: Final = 1_000
_LATER: Final = (0, 1, 2, 3, 6, 12, 24)
_REPETITIONS: Final = 5


def main() -> None:
    """The program."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as base:
        files, driver = _make(Path(base, "tree")), compile_driver(Path(base))
        read = driven(driver, "read", files, "read")
        print("microseconds later  microseconds a file")
        for later in _LATER:
            options = ("--closely", *([f"--late={later}"] if later else []))
            mountpoint = Path(base, "mount")
            command = floor_command(Path(base, "tree"), mountpoint, *options)
            with served("floor", mountpoint, command) as mounted:
                taken = []
                for _ in range(_REPETITIONS):
                    drop_caches()
                    taken.append(read(mounted.root).seconds / len(files) * 1e6)
            print(f"{later:18}  {statistics.median(taken):19.0f}", flush=True)


def _make(root: Path) -> list[str]:
    """Directories with a file of 4 KB in each; the paths of the files."""
    names = [f"{number}/group.json" for number in range(_DIRECTORIES)]
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 4_000)
    return names


if __name__ == "__main__":
    main()
