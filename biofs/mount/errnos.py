"""Which errno a caller sees for what went wrong."""

from __future__ import annotations

import errno
import functools
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar

import pyfuse3

from biofs.api.errors import (
    AccessDenied,
    ApiError,
    Barred,
    NotFound,
    TimedOut,
    TryAgain,
    Unreachable,
)
from biofs.store.database.files import StoreError

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

_ERRNO: tuple[tuple[type[ApiError], int], ...] = (
    (NotFound, errno.ENOENT),
    (AccessDenied, errno.EACCES),
    (Barred, errno.EACCES),
    (TimedOut, errno.ETIMEDOUT),
    (Unreachable, errno.EHOSTUNREACH),
    (TryAgain, errno.EAGAIN),
)


_NO_MEMORY: Final = pyfuse3.FUSEError(errno.ENOMEM)


def errno_of(error: ApiError) -> int:
    """The errno for a failed fetch; EIO for an invalid answer."""
    return next((number for kind, number in _ERRNO if isinstance(error, kind)), errno.EIO)


def guarded(
    handler: Callable[Concatenate[S, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """Make whatever a handler raises an errno.

    An exception other than FUSEError would end the whole mount, so the unexpected becomes a line
    in the log and EIO, and the end of memory ENOMEM. Cancellation passes.
    """

    async def wrapper(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await handler(self, *args, **kwargs)
        except pyfuse3.FUSEError:
            raise
        except ApiError as error:
            raise pyfuse3.FUSEError(errno_of(error)) from None
        except StoreError as error:
            log.warning("%s: %s", handler.__name__, error)
            raise pyfuse3.FUSEError(errno.EIO) from None
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno or errno.EIO) from None
        except MemoryError:
            # Nothing is made here: there may be no memory for it. What is raised nevertheless
            # ends the mount, and with it the request.
            raise _NO_MEMORY from None
        except Exception:
            log.exception("%s failed: unexpected error", handler.__name__)
            raise pyfuse3.FUSEError(errno.EIO) from None

    # Not functools.wraps: its type would hide that this is a method.
    functools.update_wrapper(wrapper, handler)
    return wrapper


# Every request that would write is refused with EROFS.
#
# The kernel refuses them itself as long as the mount is read-only, which it is from the start.
# These are for the day on which root says `mount -o remount,rw` (docs/system-calls.md).


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
