"""Who keeps a mount busy, as far as /proc tells it cheaply."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


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
