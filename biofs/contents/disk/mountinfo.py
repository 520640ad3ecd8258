"""What is mounted where, as the kernel tells it: proc_pid_mountinfo(5)."""

import ctypes
import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FSTYPE = "fuse.biofs"
"""What a biofs mount is called there: FUSE's `subtype=biofs` makes it so."""

_LOCAL = frozenset(
    ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "overlay", "tmpfs", "ramfs"]
)

_READ = 1 << 16

_name_to_handle_at = getattr(ctypes.CDLL(None, use_errno=True), "name_to_handle_at", None)
_EMPTY_PATH = 0x1000  # AT_EMPTY_PATH
_MOUNT_ID = re.compile(rb"^mnt_id:\s*(\d+)$", re.MULTILINE)
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
    def may_be_biofs(self) -> bool:
        """Also if what mounted it knew no subtypes, and only the source has the name."""
        return self.is_biofs or (self.fstype == "fuse" and self.source == "biofs")

    @property
    def is_local(self) -> bool:
        """Whether its files lie in this machine, so that reading a cached page never waits long.

        False for network file systems, for FUSE, and for every type that is not known here.
        """
        return self.fstype in _LOCAL

    @property
    def is_fuse(self) -> bool:
        return self.fstype in ("fuse", "fuseblk") or self.fstype.startswith(("fuse.", "fuseblk."))


def read() -> list[Mount]:
    """All mounts this process can see."""
    return parse(Path("/proc/self/mountinfo").read_bytes())


def parse(text: bytes) -> list[Mount]:
    """Each line that has the documented form; others are passed over."""
    return [mount for line in text.split(b"\n") if (mount := _mount(line)) is not None]


def of_descriptor(descriptor: int) -> int:
    """The id of the mount that an open file is on, as in the first field of mountinfo.

    Unlike fstat it asks no server, so it is safe for a descriptor on a mount of this process.
    Raises OSError.
    """
    found = _by_handle(descriptor)
    return _by_fdinfo(descriptor) if found is None else found


class _NoRoom(ctypes.Structure):
    """A struct file_handle that has no room for the handle itself."""

    _fields_ = (("handle_bytes", ctypes.c_uint), ("handle_type", ctypes.c_int))


def _by_handle(descriptor: int) -> int | None:
    """By name_to_handle_at(2), in a fifth of the time that /proc takes; None if it does not say.

    It says which mount it is even if it has no room for the handle, for which it asks nobody.
    """
    handle, mount = _NoRoom(), ctypes.c_int(-1)
    if _name_to_handle_at is None:
        return None
    done = _name_to_handle_at(
        descriptor, b"", ctypes.byref(handle), ctypes.byref(mount), _EMPTY_PATH
    )
    if (not done or ctypes.get_errno() == errno.EOVERFLOW) and mount.value >= 0:
        return mount.value
    return None


def _by_fdinfo(descriptor: int) -> int:
    """By `mnt_id` in proc_pid_fdinfo(5)."""
    info = os.open(f"/proc/self/fdinfo/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = os.read(info, _READ)  # a page at most, and in one piece
    finally:
        os.close(info)
    found = _MOUNT_ID.search(text)
    if found is None:
        raise OSError(errno.ENOSYS, "the kernel does not say which mount a file is on")
    return int(found[1])


def by_id(mount_id: int) -> Mount | None:
    """The mount of that number; None if this process cannot see it. Raises OSError.

    Read anew each time: the kernel gives the number of a mount that has gone to the next one.
    """
    text = b"\n" + _all_of("/proc/self/mountinfo")
    start = text.find(b"\n%d " % mount_id)
    return None if start < 0 else _mount(text[start + 1 :].partition(b"\n")[0])


def _all_of(path: str) -> bytes:
    """A file of /proc, in a third of the time that a file object takes: it is asked for often."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = [os.read(descriptor, _READ)]
        while parts[-1]:
            parts.append(os.read(descriptor, _READ))
    finally:
        os.close(descriptor)
    return b"".join(parts)


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
