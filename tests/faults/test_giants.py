"""Answers of any size: what a server sends decides neither memory nor the life of the mount."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biofs.demo.app import create_app
from biofs.demo.embedded import embedded
from tests.faults.faults_support import CATEGORY, GROUP, failing, groups, mounting
from tests.support.misbehaving import Behaviour, Endless, Misbehaving, bomb, misbehaving
from tests.support.mounting import Mount

GIGABYTE = 1 << 30
MIB = 1 << 20
MOST = 400 * MIB
"""What the process may take at any time: an answer of the largest size that is read, and itself."""


@pytest.fixture
def server() -> Iterator[Misbehaving]:
    with misbehaving(create_app(embedded())) as server:
        yield server


def peak(mount: Mount) -> int:
    """The most memory the mount's process ever held, in bytes: VmHWM in proc_pid_status(5)."""
    status = Path(f"/proc/{mount.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("behaviour", [Endless(GIGABYTE), bomb(GIGABYTE)], ids=["plain", "bomb"])
def test_a_gigabyte_is_not_taken(tmp_path: Path, server: Misbehaving, behaviour: Behaviour) -> None:
    with mounting(tmp_path, server.url) as mount:
        os.listdir(mount.path / CATEGORY)
        server.behave(behaviour)
        assert failing((mount.path / GROUP / "group.json").read_bytes) == errno.EIO
        assert failing(lambda: os.listdir(mount.path / "categories/Images")) == errno.EIO
        assert peak(mount) < MOST
        if isinstance(behaviour, Endless):
            assert behaviour.sent < GIGABYTE / 2, "the rest was not even read"
        server.behave()
        assert (mount.path / GROUP / "group.json").stat().st_size > 0
        assert "the answer is too large" in mount.log.read_text()


def test_many_giants_at_once_are_taken_one_by_one(tmp_path: Path, server: Misbehaving) -> None:
    with mounting(tmp_path, server.url) as mount:
        documents = [group / "group.json" for group in groups(mount)[:8]]
        assert len(documents) > 5
        server.behave(bomb(GIGABYTE))
        with ThreadPoolExecutor(len(documents)) as pool:
            errnos = list(pool.map(lambda path: failing(path.read_bytes), documents))
        assert set(errnos) == {errno.EIO}
        assert peak(mount) < MOST
