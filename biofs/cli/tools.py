"""Running other programs, which get neither our secrets nor for ever."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from biofs.variables import COOKIE_VARIABLE, TOKEN_VARIABLE

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
    kept = {k: v for k, v in os.environ.items() if k not in (TOKEN_VARIABLE, COOKIE_VARIABLE)}
    return {**kept, "LC_ALL": "C"}
