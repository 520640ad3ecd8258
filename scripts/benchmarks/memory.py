"""What a process holds in memory."""

from __future__ import annotations

from pathlib import Path


def _field(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {name} in the status of process {pid}")


def resident(pid: int) -> int:
    """Bytes that it holds now: VmRSS (proc_pid_status(5))."""
    return _field(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most it ever held, in bytes: VmHWM."""
    return _field(pid, "VmHWM")
