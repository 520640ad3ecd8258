"""How long it takes until something is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from biofs.errors import QuietError

BIOFS: Final = str(Path(sys.executable).with_name("biofs"))


def starting(base: Path, repetitions: int, say: Callable[[str], None]) -> dict[str, list[float]]:
    """Seconds by what was done; the first of all, which loads from the disk, is not counted."""
    env = {**os.environ, "XDG_CACHE_HOME": str(base), "XDG_STATE_HOME": str(base)}
    mountpoint = base / "demo"
    mountpoint.mkdir()
    found: dict[str, list[float]] = {}
    for number in range(repetitions + 1):
        seconds = {
            "`biofs --help`": _timed([[BIOFS, "--help"]], env),
            **_mounted(mountpoint, env),
        }
        if number:
            for name, value in seconds.items():
                found.setdefault(name, []).append(value)
    for name, values in found.items():
        say(f"{name}: {', '.join(f'{value:.3f}' for value in values)} s")
    return found


def _mounted(mountpoint: Path, env: dict[str, str]) -> dict[str, float]:
    mount = [BIOFS, "mount", "--demo", str(mountpoint)]
    listed = mountpoint / "categories" / "Images"
    try:
        root = _timed([mount, ["ls", str(mountpoint)]], env)
        category = root + _timed([["ls", str(listed)]], env)
    finally:
        subprocess.run([BIOFS, "umount", str(mountpoint)], env=env, check=False)
    return {
        "`biofs mount --demo M; ls M`": root,
        "`biofs mount --demo M; ls M; ls M/categories/Images`": category,
    }


def _timed(commands: list[list[str]], env: dict[str, str]) -> float:
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, env=env, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise QuietError(f"{command[0]} {command[1]} ended with {done.returncode}: {said}")
    return time.perf_counter() - start
