"""A mount whose process is stopped (SIGSTOP) is said to be, soon: nobody waits for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.mounting import environment, mounted


def test_commands_give_up_on_a_stopped_mount_and_say_so(tmp_path: Path) -> None:
    with mounted(tmp_path, "--demo") as mount:
        pid = mount.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            for command in ("status", "explain", "refresh"):
                start = time.monotonic()
                done = subprocess.run(
                    [sys.executable, "-m", "biofs", command, str(mount.path)],
                    env=environment(tmp_path / "home"),
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=60,
                )
                assert done.returncode == 1
                assert f"its process is stopped: `kill -CONT {pid}` continues it" in done.stderr
                assert time.monotonic() - start < 10, "long before the silence of a busy one ends"
            start = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "biofs", "doctor", "--offline"],
                env=environment(tmp_path / "home"),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == 1
            [line] = [line for line in done.stdout.splitlines() if str(mount.path) in line]
            assert f"DO  mount        {mount.path}: its process is stopped" in line
            assert time.monotonic() - start < 10
        finally:
            os.kill(pid, signal.SIGCONT)
