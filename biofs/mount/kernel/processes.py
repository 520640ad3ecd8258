"""The process behind a request of the kernel, as /proc shows it (proc_pid_status(5))."""

from __future__ import annotations

from typing import NamedTuple


class Process(NamedTuple):
    """A process: its number, the number of its process group, and its name (at most 15 bytes)."""

    number: int
    group: int
    name: str


def process_behind(thread: int) -> Process | None:
    """The process of a thread; None if it is gone or cannot be seen."""
    fields: dict[bytes, bytes] = {}
    for line in _read(f"/proc/{thread}/status").splitlines():
        name, _, value = line.partition(b":")
        fields[name] = value.strip()
    try:
        number, group = int(fields[b"Tgid"]), int(fields[b"NSpgid"].split()[0])
    except (KeyError, IndexError, ValueError):
        return None
    return Process(number, group, _read(f"/proc/{number}/comm").decode(errors="replace").strip())


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(8192)
    except OSError:
        return b""
