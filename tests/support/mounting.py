"""A real mount, served by a real process, for tests that go through the kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.starting import Forked, Process

START_SECONDS = 30.0


@dataclass
class Mount:
    """A mounted catalogue and the process behind it."""

    path: Path
    process: Process
    log: Path

    def status(self) -> Any:
        """What .biofs/status.json says."""
        return json.loads((self.path / ".biofs/status.json").read_bytes())

    def run(self, *command: str, timeout: float = 60, **options: Any) -> str:
        """A command's output, run in the mount; fails the test if the command fails."""
        done = subprocess.run(
            command, cwd=self.path, capture_output=True, timeout=timeout, check=False, **options
        )
        assert done.returncode == 0, (command, done.returncode, done.stderr[-2000:])
        return done.stdout.decode(errors="surrogateescape")


def is_mounted(path: Path) -> bool:
    """Whether something is mounted at `path`, dead mounts included."""
    return any(
        line.split()[4] == os.fspath(path)
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
    )


def environment(home: Path, **extra: str) -> dict[str, str]:
    """An environment of a user who has nothing but a home directory."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
    kept.setdefault("LANG", "C.UTF-8")
    return {**kept, "HOME": str(home), "PYTHONWARNINGS": "error", **extra}


@contextmanager
def mounted(
    base: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    name: str = "mnt",
    module: str | None = None,
) -> Iterator[Mount]:
    """Mount in the foreground at `base/name`; unmount, and check that the process ends well.

    `module` is what a Python of its own runs as the `biofs` command: for what is another command,
    or if command line and environment of the process are looked at.
    """
    mountpoint = base / name
    mountpoint.mkdir(exist_ok=True)
    home = base / "home"
    home.mkdir(exist_ok=True)
    log = base / f"{name}.log"
    before = os.stat(mountpoint).st_dev
    arguments = ["mount", "-f", *options, str(mountpoint)]
    process = _started(arguments, environment(home, **(env or {})), log, module)
    mount = Mount(mountpoint, process, log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while os.stat(mountpoint).st_dev == before:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the mount does not answer"
            time.sleep(0.01)
        yield mount
    finally:
        end(mount)
    problems = [line for line in log.read_text().splitlines() if "Traceback" in line]
    assert not problems, log.read_text()


def _started(
    arguments: Sequence[str], env: Mapping[str, str], log: Path, module: str | None
) -> Process:
    with log.open("wb") as stderr:
        if module is None:
            return Forked(arguments, env, stderr=stderr)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )


def end(mount: Mount) -> None:
    """End the mount's process with SIGTERM; whatever happens, nothing stays mounted."""
    mount.process.send_signal(signal.SIGTERM)
    try:
        code = mount.process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        mount.process.kill()
        mount.process.wait()
        code = -9
    clean = not is_mounted(mount.path)
    if not clean:
        subprocess.run(["fusermount3", "-u", "-z", str(mount.path)], check=False)
    assert clean, f"still mounted: {mount.log.read_text()[-2000:]}"
    assert code == 0, f"exit code {code}: {mount.log.read_text()[-2000:]}"
