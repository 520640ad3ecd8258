"""openat2(2), which Python has not: a path is walked in one call, and never leaves a directory."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Final

_NUMBER: Final = 437
"""Of the system call, the same on every architecture (Linux 5.6)."""

_NO_XDEV: Final = 0x01
_NO_MAGICLINKS: Final = 0x02
_NO_SYMLINKS: Final = 0x04
_BENEATH: Final = 0x08
_CACHED: Final = 0x20
"""Fail with EAGAIN where a disk or a server would have to be asked for a name (Linux 5.12)."""

_WORKING_DIRECTORY: Final = -100  # AT_FDCWD


class _How(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_SIZE: Final = ctypes.c_size_t(ctypes.sizeof(_How))

_syscall: Final = ctypes.CDLL(None, use_errno=True).syscall


def open_beneath(directory: int, path: bytes, flags: int, *, cached: bool = False) -> int:
    """A descriptor of what `path` leads to from an open directory, on the same mount and through no
    link.

    Raises OSError: ELOOP for a link, EXDEV for what is on another mount, and ENOSYS or EPERM where
    there is no such call. If `cached`, EAGAIN (or EINVAL) for what may have to be waited for.
    """
    resolve = _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH
    return _open(directory, path, flags, resolve | _CACHED if cached else resolve)


def open_cached(path: bytes, flags: int) -> int:
    """A descriptor of what any path leads to, if the kernel knows all its names.

    Raises OSError as open(2), and EAGAIN, EINVAL, ENOSYS or EPERM if it cannot tell.
    """
    return _open(_WORKING_DIRECTORY, path, flags, _CACHED)


@cache
def _how(flags: int, resolve: int) -> object:
    """A pointer to what the kernel is given, which it only reads; there are few of these."""
    return ctypes.byref(_How(flags | os.O_CLOEXEC, 0, resolve))


def _open(directory: int, path: bytes, flags: int, resolve: int) -> int:
    how = _how(flags, resolve)
    while True:
        found = _syscall(_NUMBER, directory, path, how, _SIZE)
        if found >= 0:
            return int(found)
        number = ctypes.get_errno()
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
