"""The process behind a request of the kernel, as /proc shows it (proc_pid_status(5))."""

from __future__ import annotations

import os
from typing import Final, NamedTuple

_KERNEL_THREAD: Final = 0x00200000
"""PF_KTHREAD, of the flags in /proc/PID/stat (include/linux/sched.h)."""

_DEVICE: Final = "/dev/fuse"


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


def serves_others(thread: int) -> bool:
    """Whether a thread reads for processes whose signals it neither gets nor passes on: one of the
    kernel's NFS server, or of another FUSE file system that stands above this one. False if it
    cannot be seen.

    What such a thread waits for, all wait for whom it serves: there are few of them, nfsd has eight
    and mergerfs one for each processor. To the kernel's NFS server EAGAIN means that its client is
    to try again later (nfserr_jukebox, fs/nfsd/vfs.c; RFC 8881, 15.1.1.3), and the client does.
    """
    name = _read(f"/proc/{thread}/comm").decode(errors="replace").strip()
    if name == "nfsd" and _is_of_the_kernel(thread):
        return True
    try:
        numbers = os.listdir(f"/proc/{thread}/fd")  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return False
    except OSError:
        # Another user's. libfuse calls a file system as the program is called that serves it.
        return bool(name) and f" fuse.{name} ".encode() in _read_whole("/proc/self/mountinfo")
    return any(_leads_to(f"/proc/{thread}/fd/{number}") == _DEVICE for number in numbers)


def _is_of_the_kernel(thread: int) -> bool:
    # The name, which may hold anything, is in parentheses (proc_pid_stat(5)).
    fields = _read(f"/proc/{thread}/stat").rpartition(b")")[2].split()
    return len(fields) > 6 and bool(int(fields[6]) & _KERNEL_THREAD)


def _leads_to(link: str) -> str:
    try:
        return os.readlink(link)  # noqa: PTH115 - one of many
    except OSError:
        return ""


def _read_whole(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read(8192)
    except OSError:
        return b""
