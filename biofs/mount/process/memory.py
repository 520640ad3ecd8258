"""Memory: a mount gives it back when it is idle, and ends when its process can get no more.

A request that meets the end of memory is answered ENOMEM (`biofs.mount.errnos`) wherever Python can
still do that. It cannot in pyfuse3's own callbacks, which can raise to nobody, nor in trio's; then
a request would never be answered, and its reader would sleep uninterruptibly until the process
ends. The kernel ends such requests itself, with ENOTCONN, when /dev/fuse is closed.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NoReturn

import trio

IDLE_SECONDS: Final = 20.0
"""After so long without a request the mount is idle."""
EXIT_CODE: Final = 1
GRACE_SECONDS: Final = 3
"""How long a mount whose tasks have failed may take for its end."""
_RESERVE: Final = 32 << 20
"""Bytes, of a limit such as `ulimit -v`. With less than that left (a thread takes 8 MiB), libraries
fail at places from which nobody hears of it: with 4, 8 and 20 MiB readers were seen to hang."""
_LOOKS: Final = 3
"""So often in a row there has to be too little memory."""
_LOOK_SECONDS: Final = 2.0
_SPIN_SECONDS: Final = 5.0 * (os.cpu_count() or 1)
"""Of processor time in which the thread that looks has not had its turn. That of all threads is
counted together (setitimer(2)), and some hash on every processor: so there is more with more."""
_SAID: Final = b"biofs: there is no more memory: the mount ended\n"


def is_exhausted(error: BaseException | None) -> bool:
    """Whether the error, one in its group, or one that led to it is a MemoryError."""
    met: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in met:
            continue
        if isinstance(each, MemoryError):
            return True
        met.add(id(each))
        if isinstance(each, BaseExceptionGroup):
            left.extend(each.exceptions)
        left += (each.__cause__, each.__context__)
    return False


def end() -> NoReturn:
    """End the process without anything that needs memory: no clean-up, no log."""
    with suppress(OSError):
        os.write(2, _SAID)
    os._exit(EXIT_CODE)


def end_when_exhausted() -> None:
    """From now on, end where a MemoryError can be raised to nobody: in C's callbacks, in threads.

    For any other error, what was there before is called.
    """
    unraisable, of_thread = sys.unraisablehook, threading.excepthook

    def look(args: sys.UnraisableHookArgs) -> None:
        if args.exc_type is MemoryError:
            end()
        unraisable(args)

    def look_at_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is MemoryError:
            end()
        of_thread(args)

    sys.unraisablehook = look
    threading.excepthook = look_at_thread


def end_without_reserve() -> None:
    """From now on, end the process if it could get no memory for some seconds.

    What met the end of memory may be gone without a word, be it a thread or the event loop, and
    whoever waits for what it was to do would wait for ever. So this is looked at in a thread of its
    own, which needs nobody else. Time in which the process is stopped does not count.
    """
    threading.Thread(target=_watch_reserve, name="biofs memory", daemon=True).start()


def _watch_reserve() -> None:
    missed = 0
    try:
        while missed < _LOOKS:
            # Without memory Python was seen to raise one MemoryError upon another in C, for ever
            # and with its lock held: then this thread cannot run either, and SIGPROF, which
            # nobody handles, ends the process (setitimer(2), signal(7)).
            signal.setitimer(signal.ITIMER_PROF, _SPIN_SECONDS)
            time.sleep(_LOOK_SECONDS)
            missed = 0 if _has_reserve() else missed + 1
    except BaseException:  # noqa: S110 - of which there can be but one reason
        pass
    end()


def _has_reserve() -> bool:
    try:
        mmap.mmap(-1, _RESERVE).close()
    except (OSError, MemoryError, ValueError):
        return False
    return True


async def end_soon_after_failure(ends_well: Callable[[], bool]) -> None:
    """Until cancelled, do nothing; then see to it that a mount that failed ends within seconds.

    For a task beside those that serve. They are cancelled when one of them fails, and a thread that
    met the end of memory may never tell the task that waits for it that it is done. SIGALRM ends
    the process without its help (signal(7)).
    """
    try:
        await trio.sleep_forever()
    finally:
        if not ends_well():
            signal.alarm(GRACE_SECONDS)


async def give_back(served: Callable[[], int], forget: Callable[[], None]) -> None:
    """Call `forget` once whenever the mount becomes idle, until cancelled.

    `served` is the number of requests served so far. What was forgotten is in the store.
    """
    before, idle = served(), True
    while True:
        await trio.sleep(IDLE_SECONDS)
        now = served()
        if now != before:
            before, idle = now, False
        elif not idle:
            idle = True
            forget()
            gc.collect()
            await trio.to_thread.run_sync(_trim)


def _trim() -> None:
    """Have the C library give free memory back to the system (malloc_trim(3); glibc has it)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
