"""What is measured: programs as people use them, and a small driver where they would hide much."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from biofs.errors import QuietError
from scripts.benchmarks.making.trees import CATEGORY, Tree
from scripts.benchmarks.peers import programs

NAMES: Final = (
    *("find", "ls", "ls -l", "ls -l, large", "ls -lR"),
    *("stat", "read", "pages", "grep -r", "large file"),
)

NOWHERE: Final = "zqxjkvbpyg zqxjkvbpyg"
"""A pattern that stands in no file: grep reads everything and prints nothing."""

_DRIVER_SOURCE: Final = Path(__file__).with_name("driver.c")
_ENVIRONMENT: Final = {**os.environ, "LC_ALL": "C.UTF-8"}


class Outcome(NamedTuple):
    """How long it took, in seconds, and how many bytes the driver read (0 for programs)."""

    seconds: float
    size: int


@dataclass(frozen=True)
class Operation:
    """Something to do to a tree at its root.

    It handles `count` of `unit`, of which `links` are symbolic links.
    """

    name: str
    count: float
    unit: str
    run: Callable[[Path], Outcome]
    links: int = 0


def program(*command: str, code: int = 0) -> Callable[[Path], Outcome]:
    """A program, run in the tree's root, which has to end with `code`; its output goes nowhere."""

    def run(root: Path) -> Outcome:
        start = time.perf_counter()
        done = subprocess.run(
            command,
            cwd=root,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        seconds = time.perf_counter() - start
        if done.returncode != code or done.stderr:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise QuietError(f"{command[0]} in {root} ended with {done.returncode}: {said[:1]}")
        return Outcome(seconds, 0)

    return run


def compile_driver(base: Path) -> Path:
    """The driver, compiled."""
    target = base / "driver"
    programs.run("cc", "-O2", "-Wall", "-o", str(target), str(_DRIVER_SOURCE))
    return target


def driven(
    driver: Path, verb: str, paths: Sequence[str], name: str, size: int | None = None
) -> Callable[[Path], Outcome]:
    """The driver, doing `verb` to each of the paths; it has to read `size` bytes, if told."""
    listed = driver.with_name(f"{name}.list")
    listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))

    def run(root: Path) -> Outcome:
        done = subprocess.run(
            [str(driver), verb, str(root), str(listed)],
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise QuietError(f"{root}: {done.stderr.strip()}")
        count, found, nanoseconds = map(int, done.stdout.split())
        if count != len(paths) or (size is not None and found != size):
            raise QuietError(f"{root}: {verb} met {count} paths with {found} bytes")
        return Outcome(nanoseconds / 1e9, found)

    return run


def all_operations(tree: Tree) -> list[Operation]:
    """Every operation, in the order in which they are measured."""
    driver = compile_driver(tree.base)
    entries = list(tree.entries())
    paths = [path for path, _ in entries]
    files = {
        path: about.st_size
        for path, about in entries
        if stat.S_ISREG(about.st_mode) and "/files/" not in path
    }
    links = [path for path, about in entries if stat.S_ISLNK(about.st_mode)]
    named = [path for path, about in entries if not stat.S_ISLNK(about.st_mode)]
    documents = [path for path in files if path.endswith(".json")]
    size = sum(files[path] for path in documents)
    groups = len(os.listdir(tree.root / CATEGORY))
    directory, large = tree.large_directory, tree.large_file
    large_entries = len(os.listdir(tree.root / directory))
    large_size = (tree.root / large).stat().st_size
    grep = ("grep", "-r", "--exclude-dir=files", NOWHERE, CATEGORY)
    return [
        Operation("find", len(paths), "entries", program("find", CATEGORY), len(links)),
        Operation("ls", groups, "entries", program("ls", CATEGORY)),
        Operation("ls -l", groups, "entries", program("ls", "-l", CATEGORY)),
        Operation("ls -l, large", large_entries, "entries", program("ls", "-l", directory)),
        Operation("ls -lR", len(paths), "entries", program("ls", "-lR", CATEGORY), len(links)),
        Operation("stat", len(named), "entries", driven(driver, "stat", named, "stat")),
        Operation("read", len(documents), "files", driven(driver, "read", documents, "read", size)),
        Operation(
            "pages", len(documents), "files", driven(driver, "pages", documents, "pages", size)
        ),
        Operation("grep -r", len(files), "files", program(*grep, code=1)),
        Operation(
            "large file",
            large_size / 1e6,
            "MB",
            driven(driver, "read", [large], "large", large_size),
        ),
    ]
