"""Files, mounts and clocks for tests of data directories, and calls that must not wait."""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_LIBC = ctypes.CDLL(None, use_errno=True)
_MS_BIND = 4096
_MNT_DETACH = 2
_PATIENCE = 10.0


@contextmanager
def mounted(source: str, target: Path, fstype: str, flags: int, options: str) -> Iterator[None]:
    """mount(2) while it lasts; the test is skipped if this is not permitted."""
    arguments = [os.fsencode(each) for each in (source, target, fstype)]
    if _LIBC.mount(*arguments, ctypes.c_ulong(flags), options.encode()):
        number = ctypes.get_errno()
        if number in (errno.EPERM, errno.EACCES, errno.ENODEV):
            pytest.skip(f"mounts are not permitted: {os.strerror(number)}")
        raise OSError(number, os.strerror(number))
    try:
        yield
    finally:
        assert _LIBC.umount2(os.fsencode(target), _MNT_DETACH) == 0


@contextmanager
def bind(source: Path, target: Path) -> Iterator[None]:
    with mounted(str(source), target, "none", _MS_BIND, ""):
        yield


@contextmanager
def tmpfs(target: Path) -> Iterator[None]:
    with mounted("tmpfs", target, "tmpfs", 0, "size=1m"):
        yield


@contextmanager
def silent_fuse(target: Path, fstype: str = "fuse.biofs", source: str = "x") -> Iterator[None]:
    """A FUSE mount whose daemon never answers: whatever asks it waits until the mount has gone."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        pytest.skip(f"no /dev/fuse: {error}")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
    try:
        with mounted(source, target, fstype, 0, options):
            try:
                yield
            finally:
                os.close(device)  # ends what waits
                device = -1
    finally:
        if device >= 0:
            os.close(device)


def promptly(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call returns or raises, from a thread; fails if that takes long."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((True, call(*arguments)))
        except Exception as error:
            outcome.append((False, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if not outcome:
        pytest.fail("it waits")
    returned, value = outcome[0]
    if returned:
        return value
    raise value


class Clock:
    """Time that passes when a test says so. For files it is later: no change is a recent one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ahead = 1000.0
        self.fixed: float | None = None

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return time.time() + self.ahead if self.fixed is None else self.fixed


def make(folder: Path, *names: str, size: int = 0) -> None:
    """Sparse files of this size, with the directories above them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(size)
