"""What is mounted where, as the kernel tells it: proc_pid_mountinfo(5)."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FSTYPE = "fuse.biofs"
"""What a biofs mount is called there: FUSE's `subtype=biofs` makes it so."""

_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    id: int
    parent: int
    mountpoint: str
    fstype: str
    source: str

    @property
    def is_biofs(self) -> bool:
        return self.fstype == FSTYPE

    @property
    def is_fuse(self) -> bool:
        return self.fstype in ("fuse", "fuseblk") or self.fstype.startswith(("fuse.", "fuseblk."))


def read() -> list[Mount]:
    """All mounts this process can see."""
    return parse(Path("/proc/self/mountinfo").read_bytes())


def parse(text: bytes) -> list[Mount]:
    """Each line that has the documented form; others are passed over."""
    return [mount for line in text.split(b"\n") if (mount := _mount(line)) is not None]


def topmost(mounts: Iterable[Mount], mountpoint: str) -> Mount | None:
    """What a path leads into: of the mounts stacked at it, the one on top."""
    here = [mount for mount in mounts if mount.mountpoint == mountpoint]
    covered = {mount.parent for mount in here}
    on_top = [mount for mount in here if mount.id not in covered]
    return on_top[-1] if on_top else None


def _mount(line: bytes) -> Mount | None:
    before, dash, after = line.partition(b" - ")
    fields, kind = before.split(b" "), after.split(b" ")
    if not dash or len(fields) < 6 or len(kind) < 2:
        return None
    if not (fields[0].isdigit() and fields[1].isdigit()):
        return None
    return Mount(int(fields[0]), int(fields[1]), _text(fields[4]), _text(kind[0]), _text(kind[1]))


def _text(field: bytes) -> str:
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field))
