"""The bare file system that biofs is measured against shows what it is given."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from scripts.benchmarks.measuring import Effort
from scripts.benchmarks.operations import compile_driver, driven
from scripts.benchmarks.peers import systems
from tests.support.mounting import is_mounted


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "a/b").mkdir(parents=True)
    (root / "a/one.json").write_bytes(b"{}\n" * 1000)
    (root / "a/b/large").write_bytes(os.urandom(300_000))
    (root / "a/b/empty").touch()
    (root / "a/link").symlink_to("../nowhere/é")
    for number in range(1500):
        (root / f"a/b/{number:040}").touch()
    os.utime(root / "a/one.json", ns=(1_000_000_007, 1_000_000_007))
    return root


def test_it_shows_the_tree(tree: Path, tmp_path: Path) -> None:
    mountpoint = tmp_path / "mnt"
    command = systems.floor_command(tree, mountpoint)
    assert command[0] == sys.executable
    with systems.served("floor", mountpoint, command) as mounted:
        shown = sorted(os.walk(mounted.root))
        assert [(path, sorted(names)) for path, _, names in shown] == [
            (path.replace(str(tree), str(mountpoint)), sorted(names))
            for path, _, names in sorted(os.walk(tree))
        ]
        for path, _, names in os.walk(tree):
            for name in names:
                real = Path(path, name)
                seen = mountpoint / real.relative_to(tree)
                about, expected = seen.lstat(), real.lstat()
                assert (about.st_size, about.st_mtime_ns) == (
                    expected.st_size,
                    expected.st_mtime_ns,
                )
                assert stat.S_IFMT(about.st_mode) == stat.S_IFMT(expected.st_mode)
                if seen.is_symlink():
                    assert seen.readlink() == real.readlink()
                else:
                    assert seen.read_bytes() == real.read_bytes()
        with pytest.raises(FileNotFoundError):
            (mountpoint / "a/nothing").stat()
        with pytest.raises(OSError, match="Read-only"):
            (mountpoint / "new").touch()
    assert not is_mounted(mountpoint)


def test_calls_and_bytes_are_counted(tree: Path, tmp_path: Path) -> None:
    mountpoint = tmp_path / "mnt"
    driver = compile_driver(tmp_path)
    paths = ["a/one.json", "a/b/large"]
    run = driven(driver, "read", paths, "read", 303_000)
    with systems.served("floor", mountpoint, systems.floor_command(tree, mountpoint)) as mounted:
        before = Effort.of(mounted.pid).calls
        assert run(mounted.root).size == 303_000
        first = Effort.of(mounted.pid).calls
        assert run(mounted.root).size == 303_000
        second = Effort.of(mounted.pid).calls
    # Warm: names, attributes and pages are the kernel's; open and release are not to be had less.
    # A release is answered after close has returned, so the last may not be counted yet.
    assert first - before > 2 * len(paths) + 3
    assert second - first in {2 * len(paths), 2 * len(paths) - 1, 2 * len(paths) + 1}
