"""How a process behind a FUSE request waits: as long as there is progress, and interruptibly."""

from __future__ import annotations

import errno
import os
from typing import Final

import trio

from biofs.catalogue.wants import Want
from biofs.mount.signals import SignalWatch, process_of

MAX_WAITERS: Final = 768
"""Requests that may wait at once. Each holds one of pyfuse3's tasks; the others answer what is
known, however many wait."""

MAX_TASKS: Final = 1024
"""Requests that pyfuse3 may serve at once; its default of 99 would be used up by waiting ones."""


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Patience:
    """The rules of waiting: at most `seconds` without progress, and not more than MAX_WAITERS."""

    def __init__(self, seconds: float, watch: SignalWatch) -> None:
        self.seconds: Final = seconds
        self.watch: Final = watch

    def of(self, pid: int) -> Waiter:
        """The caller behind a request of the thread `pid`."""
        return Waiter(self, pid)


class Waiter:
    """A caller of the catalogue (`catalogue.Caller`) that is a process."""

    __slots__ = ("_patience", "pid")

    def __init__(self, patience: Patience, pid: int) -> None:
        self._patience = patience
        self.pid = pid

    async def wait(self, want: Want) -> None:
        """Return at the next progress of `want`.

        Raises OSError: EINTR if the process is signalled, EAGAIN after the wait without progress.
        The want goes on either way.
        """
        if want.done:
            return
        watch = self._patience.watch
        if len(watch) >= MAX_WAITERS:
            raise _os_error(errno.EAGAIN)
        changed = want.changed
        # A crawler with many threads is one reader to the queue, however many of them wait.
        reader = process_of(self.pid)
        want.join(reader)
        try:
            with (
                trio.move_on_after(self._patience.seconds) as scope,
                watch.watching(self.pid, scope) as watched,
            ):
                await changed.wait()
                return
        finally:
            want.leave(reader)
        raise _os_error(errno.EINTR if watched.signalled else errno.EAGAIN)
