"""Reads a file as a program of its own: one that has listed nothing, and so is no crawler.

`python -m scripts.benchmarks.processes.consuming PATH SIZE PLACE` waits for a line on standard
input, which says since when it counts: a time of time.perf_counter(), which is the same clock in
every process (clock_gettime(2)), or 0 for "from the opening". Then it prints a line of JSON: the
seconds until it had the first byte, from there until it had the one at PLACE, and until it had read
everything.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Final

BLOCK: Final = 128 << 10


def main() -> None:
    """See the module."""
    path, size, place = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    times = [float(sys.stdin.readline()) or time.perf_counter()]
    file = os.open(path, os.O_RDONLY)
    for at in (0, place):
        if len(os.pread(file, 1, at)) != 1:
            sys.exit(f"{path} is short")
        times.append(time.perf_counter())
    at = 0
    while at < size:
        got = len(os.pread(file, BLOCK, at))
        if not got:
            sys.exit(f"{path} ends after {at:,} bytes")
        at += got
    times.append(time.perf_counter())
    begin, first, sought, end = times
    print(json.dumps({"first": first - begin, "seek": sought - first, "whole": end - begin}))


if __name__ == "__main__":
    main()
