"""Every request that would write is refused with EROFS.

The kernel refuses them itself as long as the mount is read-only, which it is from the start. These
are for the day on which root says `mount -o remount,rw` (docs/system-calls.md).
"""

from __future__ import annotations

import errno
from typing import Any, NoReturn

import pyfuse3


async def _refuse(_operations: object, *_arguments: Any, **_named: Any) -> NoReturn:
    raise pyfuse3.FUSEError(errno.EROFS)


class ReadOnly(pyfuse3.Operations):
    """Operations that write nothing."""

    create = _refuse
    link = _refuse
    mkdir = _refuse
    mknod = _refuse
    removexattr = _refuse
    rename = _refuse
    rmdir = _refuse
    setattr = _refuse
    setxattr = _refuse
    symlink = _refuse
    unlink = _refuse
    write = _refuse
