"""How a process behind a FUSE request waits: as long as there is progress, and interruptibly."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import trio

from biofs.catalogue.caller import Caller
from biofs.catalogue.fetches import Fetch
from biofs.mount.kernel.processes import serves_others

T = TypeVar("T")

MAX_WAITERS: Final = 768
"""Requests that may wait at once. Each holds one of pyfuse3's tasks; the others answer what is
known, however many wait."""

MAX_TASKS: Final = 1024
"""Requests that pyfuse3 may serve at once; its default of 99 would be used up by waiting ones."""

UNSEEN_SECONDS: Final = 3.0
"""How long a caller waits without progress if nobody can see that it is signalled, or that those
are for whom it reads: they sleep uninterruptibly meanwhile. Then it gets EAGAIN, and the fetch
continues."""

_LOOKED_SECONDS: Final = 1.0


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Patience:
    """The rules of waiting: at most `seconds` without progress, UNSEEN_SECONDS for a caller that
    cannot be seen or reads for others, and not more than MAX_WAITERS."""

    def __init__(self, seconds: float, watch: SignalWatch) -> None:
        self.seconds: Final = seconds
        self.watch: Final = watch
        # The kernel numbers callers in this process's PID namespace.
        self._numbers_are_ours: Final = proc_is_ours()
        self._last: tuple[int, float, float] = (-1, 0.0, 0.0)

    def of(self, pid: int, uid: int = -1) -> Waiter:
        """The caller behind a request of the thread `pid`, 0 for one of another PID namespace."""
        return Waiter(self, pid if self._numbers_are_ours else 0, uid)

    def for_reader(self, pid: int) -> float:
        """As `for_thread`, as of at most a second ago for who has just waited: a process that reads
        from a cold disk waits for each read, and to look at it takes as long as many of them."""
        now = time.monotonic()
        last, until, seconds = self._last
        if pid != last or now >= until:
            seconds = self.for_thread(pid)
            self._last = pid, now + _LOOKED_SECONDS, seconds
        return seconds

    def for_thread(self, pid: int) -> float:
        """For how many seconds the thread may wait without progress."""
        if _status(pid) and not serves_others(pid):
            return self.seconds
        return min(self.seconds, UNSEEN_SECONDS)


class Waiter(Caller):
    """A request of the kernel, with the rules of waiting for the process behind it."""

    def __init__(self, patience: Patience, pid: int, uid: int = -1) -> None:
        super().__init__()
        self._patience: Final = patience
        self.pid: Final = pid
        self.uid: Final = uid
        """Its user, -1 if that does not matter."""

    async def wait(self, fetch: Fetch) -> None:
        """See Caller. Raises OSError: EINTR if the process is signalled, EAGAIN after the wait
        without progress."""
        if fetch.done:
            return
        changed = fetch.changed
        # A crawler with many threads is one reader to the queue, however many of them wait.
        reader = process_of(self.pid)
        fetch.join(reader)
        try:
            await self.within(changed.wait)
        finally:
            fetch.leave(reader)

    async def within(self, work: Callable[[], Awaitable[T]]) -> T:
        """See Caller. Raises OSError as `wait`."""
        watch = self._patience.watch
        if len(watch) >= MAX_WAITERS:
            raise _os_error(errno.EAGAIN)
        with (
            trio.move_on_after(self._patience.for_reader(self.pid)) as scope,
            watch.watching(self.pid, scope) as watched,
        ):
            return await work()
        raise _os_error(errno.EINTR if watched.signalled else errno.EAGAIN)


# Whether a process that waits for us has been signalled.
#
# pyfuse3 gets the kernel's interrupts but has no handler for them: a caller that was sent a signal,
# SIGKILL included, stays in uninterruptible sleep until its request is answered. What it is waiting
# for can be read from /proc/PID/status (proc(5)): a signal that is pending there and not blocked
# would have woken it. A caller of another PID namespace, outside the container in which we run, has
# the number 0, and with `hidepid` (proc(5)) those of other users cannot be read.


POLL_SECONDS: Final = 0.1

# Everyday signals that no user means as "stop": children, timers of run-times, window sizes.
_HARMLESS: Final = (
    signal.SIGCHLD,
    signal.SIGURG,
    signal.SIGWINCH,
    signal.SIGCONT,
    signal.SIGIO,
    signal.SIGPROF,
    signal.SIGVTALRM,
)

# Ctrl-Z means "later", not "never", and a program that goes on after `fg` knows nothing of EINTR. A
# process cannot stop in the middle of a request: the kernel keeps the signal pending until the
# request is answered, and drops it at SIGCONT (signal(7)). So it stops with the answer, or when the
# wait has run out. With ERESTARTSYS it could stop now and ask again afterwards, but the kernel
# takes no such error from FUSE (fuse_dev_do_write: none from -512 on).
_STOPS: Final = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_MEANT: Final = ~sum(1 << (number - 1) for number in (*_HARMLESS, *_STOPS))


def proc_is_ours() -> bool:
    """Whether /proc numbers processes as the kernel numbers callers for this process.

    Not with `unshare --pid` alone or a /proc that is bound from elsewhere: there a number is a
    stranger's. NSpid has this process's numbers in the PID namespace of /proc and in each one
    below it, down to its own (proc_pid_status(5)).
    """
    try:
        status = Path("/proc/self/status").read_bytes()
    except OSError:
        return False
    for line in status.splitlines():
        if line.startswith(b"NSpid:"):
            return line.split()[1:] == [b"%d" % os.getpid()]
    return False


def process_of(thread: int) -> int:
    """The process to which a thread belongs; the thread's own id if that cannot be seen."""
    for line in _status(thread).splitlines():
        if line.startswith(b"Tgid:"):
            return int(line[5:])
    return thread


def _status(thread: int) -> bytes:
    """/proc/PID/status, nothing for a thread that is gone, or in another pid name space."""
    try:
        with open(f"/proc/{thread}/status", "rb", buffering=0) as status:  # noqa: PTH123
            return status.read(8192)
    except OSError:
        return b""


def is_signalled(pid: int) -> bool:
    """Whether a signal is pending for the thread `pid` that should end its wait.

    False for a thread that cannot be seen.
    """
    pending = blocked = 0
    for line in _status(pid).splitlines():
        if line.startswith((b"SigPnd:", b"ShdPnd:")):
            pending |= int(line[7:], 16)
        elif line.startswith(b"SigBlk:"):
            blocked = int(line[7:], 16)
            break
    return bool(pending & ~blocked & _MEANT)


@dataclass(slots=True, eq=False)
class Watched:
    """One wait: the thread that waits, and the scope to cancel when it is signalled."""

    pid: int
    scope: trio.CancelScope
    signalled: bool = False


class SignalWatch:
    """Watches all who wait, together: one poll of each ten times a second."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._someone = trio.Event()

    def __len__(self) -> int:
        return len(self._watched)

    @contextmanager
    def watching(self, pid: int, scope: trio.CancelScope) -> Iterator[Watched]:
        """Cancel `scope` when `pid` is signalled; its `signalled` is then true."""
        watched = Watched(pid, scope)
        self._watched.add(watched)
        self._someone.set()
        try:
            yield watched
        finally:
            self._watched.discard(watched)

    async def run(self) -> None:
        """Poll until cancelled; at rest while nobody waits."""
        while True:
            if not self._watched:
                self._someone = trio.Event()
                await self._someone.wait()
            await trio.sleep(POLL_SECONDS)
            for watched in list(self._watched):
                if not watched.signalled and is_signalled(watched.pid):
                    watched.signalled = True
                    watched.scope.cancel()
