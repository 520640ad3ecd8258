"""A mount whose process can get no more memory answers with an error or ends; nobody hangs."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biofs.demo.accounts import DONOR_TOKEN
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from tests.support.mounting import environment
from tests.support.server import running

MIB = 1 << 20


def address_space(pid: int) -> int:
    """How many bytes of it a process uses (VmSize, proc_pid_status(5))."""
    found = re.search(r"^VmSize:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.parametrize("left", [0, 2, 3, 8, 20])
def test_without_memory_readers_get_errors_or_the_mount_ends(tmp_path: Path, left: int) -> None:
    """Not EAGAIN or EINTR after a wait: the wait of ten minutes would not end in time."""
    mountpoint, log = tmp_path / "mnt", tmp_path / "log"
    mountpoint.mkdir()
    sequences = mountpoint / "categories/Sequences"
    with running(create_app(Generated(400, 2, 300, categories=(1, 2)))) as server:
        with log.open("wb") as said:
            daemon = subprocess.Popen(
                [
                    *(sys.executable, "-m", "biofs", "mount", "-f", "--url", server.url),
                    *("--rate", "unlimited", "--wait", "600", os.fspath(mountpoint)),
                ],
                env=environment(tmp_path, BIOFS_TOKEN=DONOR_TOKEN),
                stderr=said,
            )
        try:
            deadline = time.monotonic() + 30
            while "mounted on" not in log.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            most = address_space(daemon.pid) + left * MIB
            resource.prlimit(daemon.pid, resource.RLIMIT_AS, (most, most))
            failed = 0
            for command in (
                f"ls {mountpoint} {sequences}",
                f"ls -l {mountpoint}/categories/Graphs",
                f"find {sequences}",
                f"cat {sequences}/*1]/*/filelist.json",
                f"cat {mountpoint}/README.txt",
            ):
                done = subprocess.run(
                    ["/bin/sh", "-c", f"{command}; exit $?"],  # no exec: it can be killed
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    check=False,
                    timeout=120,
                )
                failed += done.returncode != 0
            assert failed, "there was less memory than this needs"
        finally:
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            finally:
                daemon.kill()
                subprocess.run(["umount", "-l", mountpoint], check=False, capture_output=True)
