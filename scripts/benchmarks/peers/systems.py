"""The file systems that are compared: how each is mounted, and the process behind it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from biofs.demo.accounts import DONOR_TOKEN
from biofs.errors import QuietError
from scripts.benchmarks.making.trees import Tree
from scripts.benchmarks.peers import programs, web

START_SECONDS: Final = 120.0
SERVER: Final = "http://127.0.0.1:9"
"""Nobody serves there, and nobody is asked: biofs is mounted with --offline."""


@dataclass(frozen=True)
class Mounted:
    """A mounted system: `root` holds what the tree's root holds; `pid` serves it, 0 for none.

    `links` False: it knows no symbolic links and shows nothing in their place.
    """

    name: str
    root: Path
    pid: int
    links: bool = True


@contextmanager
def served(
    name: str,
    mountpoint: Path,
    command: Sequence[str],
    *,
    below: str = "",
    env: Mapping[str, str] | None = None,
) -> Iterator[Mounted]:
    """Run a file system in the foreground until the context ends; it is mounted when it begins."""
    mountpoint.mkdir(exist_ok=True)
    before = os.stat(mountpoint).st_dev
    log = mountpoint.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while _device(mountpoint) in {before, None}:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip().splitlines()
                raise QuietError(f"{name} did not mount: {said[-1] if said else 'no word'}")
            time.sleep(0.005)
        yield Mounted(name, mountpoint / below, process.pid)
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(mountpoint)], check=False)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        if process.poll() is None:
            process.kill()
            process.wait()


def _device(mountpoint: Path) -> int | None:
    """The device that is mounted there; None while its process is about to end, or has ended."""
    try:
        return os.stat(mountpoint).st_dev
    except OSError:
        return None


def biofs_command(cache: Path, mountpoint: Path, *options: str) -> list[str]:
    """The command that mounts a filled store; it needs BIOFS_ENV."""
    return [
        *(sys.executable, "-m", "biofs", "mount", "-f", "--url", SERVER),
        *("--cache-dir", str(cache), "--cache-size", "1000G", "--offline", *options),
        str(mountpoint),
    ]


def floor_command(directory: Path, mountpoint: Path, *options: str) -> list[str]:
    """The command that mounts a bare file system of a directory's tree."""
    module = ("-m", "scripts.benchmarks.processes.floor")
    return [sys.executable, *module, *options, str(directory), str(mountpoint)]


BIOFS_ENV: Final = {"BIOFS_TOKEN": DONOR_TOKEN, "XDG_CONFIG_HOME": "/nonexistent"}
"""A token, which nobody gets to see, and no settings of whoever measures."""


@contextmanager
def _tmpfs(tree: Tree, _mountpoint: Path) -> Iterator[Mounted]:
    yield Mounted("tmpfs", tree.root, 0)


@contextmanager
def _floor(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    with served("floor", mountpoint, floor_command(tree.root, mountpoint)) as mounted:
        yield mounted


@contextmanager
def _close_floor(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    command = floor_command(tree.root, mountpoint, "--closely")
    with served("floor+", mountpoint, command) as mounted:
        yield mounted


@contextmanager
def biofs(cache: Path, mountpoint: Path) -> Iterator[Mounted]:
    """biofs on a filled store; its temporary files are made where the mountpoint is."""
    env = {**BIOFS_ENV, "TMPDIR": str(mountpoint.parent)}
    command = biofs_command(cache, mountpoint)
    with served("biofs", mountpoint, command, below="categories", env=env) as mounted:
        yield mounted


@contextmanager
def _biofs(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    with biofs(tree.cache, mountpoint) as mounted:
        yield mounted


@contextmanager
def _ratarmount(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    index = tree.tar.with_suffix(".index.sqlite")
    command = [programs.peer("bin/ratarmount"), "-f", "--index-file", str(index), str(tree.tar)]
    if not index.exists():  # it is made by the first mount, which is not measured
        with served("ratarmount", mountpoint, [*command, str(mountpoint)]):
            pass
    with served("ratarmount", mountpoint, [*command, str(mountpoint)]) as mounted:
        yield mounted


@contextmanager
def _squashfuse(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    command = [programs.installed("squashfuse"), "-f", str(tree.squashfs), str(mountpoint)]
    with served("squashfuse", mountpoint, command) as mounted:
        yield mounted


@contextmanager
def _rclone(tree: Tree, mountpoint: Path) -> Iterator[Mounted]:
    with ExitStack() as stack:
        url = stack.enter_context(web.files(tree.root, mountpoint.with_name("nginx")))
        command = [
            *(programs.installed("rclone"), "mount", ":http:", str(mountpoint), "--http-url", url),
            # What its documentation offers for a tree that does not change.
            *("--read-only", "--dir-cache-time", "24h", "--attr-timeout", "1h"),
            *("--poll-interval", "0", "--config", "/dev/null"),
        ]
        yield replace(stack.enter_context(served("rclone", mountpoint, command)), links=False)


SYSTEMS: Final[dict[str, Callable[[Tree, Path], AbstractContextManager[Mounted]]]] = {
    "tmpfs": _tmpfs,
    "floor": _floor,
    "floor+": _close_floor,
    "biofs": _biofs,
    "ratarmount": _ratarmount,
    "squashfuse": _squashfuse,
    "rclone": _rclone,
}
"""Context managers by name: of a tree and a mountpoint of one's own."""
