"""Where the programs are that scripts/bench installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from biofs.errors import QuietError


def installed(name: str) -> str:
    """A program of the system."""
    path = shutil.which(name)
    if path is None:
        raise QuietError(f"{name}: not installed: scripts/bench installs it")
    return path


def peer(path: str) -> str:
    """A program of the environment that scripts/bench makes for the peers."""
    found = Path(os.environ.get("BIOFS_BENCH_VENV", ".venv-bench")) / path
    if not found.exists():
        raise QuietError(f"{found}: not installed: scripts/bench installs it")
    return str(found)


def run(*command: str) -> None:
    """Run a program whose output nobody needs. Raises QuietError if it fails."""
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no word"]
        raise QuietError(f"{command[0]} ended with {done.returncode}: {said[-1]}")


def nginx() -> str:
    """nginx, the system's or the one that scripts/bench unpacked."""
    return shutil.which("nginx", path="/usr/sbin:/usr/bin") or peer("nginx/usr/sbin/nginx")


def sshd() -> tuple[str, dict[str, str]]:
    """sshd, the system's or the one that scripts/bench unpacked, and what its environment needs.

    Its path is absolute: sshd runs itself again.
    """
    own = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    if own is not None:
        return own, {}
    unpacked = Path(peer("sshd/usr/sbin/sshd")).absolute()
    libraries = unpacked.parents[1].glob("lib/*-linux-gnu")
    return str(unpacked), {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}
