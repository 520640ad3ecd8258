"""Who keeps a mount busy, as far as /proc tells it cheaply."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from biofs.settings.table import SECRET_VARIABLES


@dataclass(frozen=True, slots=True)
class Holder:
    """A process with its directory, its root or an open file in a mount."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holders(mountpoint: str, proc: Path = Path("/proc")) -> list[Holder]:
    """Those this user may see, by process id; this one, which is about to end, left out.

    Reads links only and never follows one, so nothing here waits for the mount.
    """
    found = []
    for pid in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()):
        process = proc / str(pid)
        if pid != os.getpid() and any(
            _is_within(target, mountpoint) for target in _targets(process)
        ):
            found.append(Holder(pid, _name(process)))
    return found


def _targets(process: Path) -> Iterator[str]:
    links = [process / "cwd", process / "root"]
    # Processes end while they are looked at, and those of others may not be looked at.
    with suppress(OSError):
        links.extend((process / "fd").iterdir())
    for link in links:
        with suppress(OSError):
            yield str(link.readlink())


def _is_within(target: str, directory: str) -> bool:
    return target == directory or target.startswith(f"{directory.rstrip('/')}/")


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text("utf-8", "replace").strip()
    return "a process"


# Running other programs, which get neither our secrets nor for ever.


DYING = 1.0
"""Seconds for a killed program to die, if it can."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What a program wrote and its exit code."""

    code: int
    output: bytes
    errors: str


def run(arguments: Sequence[str], seconds: float) -> Ended | None:
    """Run a program in the C locale; None if it does not end in time.

    It is killed then, but hardly waited for: what hangs on a file system does not even die.
    Raises OSError if it cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - no shell; every caller gives absolute paths
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _abandon(process)
        return None
    return Ended(process.returncode, output, errors.decode("utf-8", "backslashreplace"))


def _abandon(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(DYING)


def kill(pid: int) -> None:
    """Kill a forked child, without waiting longer than it needs to die, if it can."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + DYING
    while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
        time.sleep(0.01)


def _environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in SECRET_VARIABLES}
    return {**kept, "LC_ALL": "C"}
