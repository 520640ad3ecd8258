"""Processes that open a directory only to count what is in it.

A file manager that shows a directory watches it, with inotify, to learn of changes. Some also open
each directory in it, one after another, only to say "300 items" below its name (Nautilus and its
kin, Dolphin); where those are not known, that would cost requests for every directory in sight.
What a process watches stands in /proc/PID/fdinfo (proc(5)): who watches the directory above, or one
whose links lead elsewhere, and not the one that it opens, does not show it.
"""

from __future__ import annotations

import itertools
import os
import re
from contextlib import suppress
from typing import Final

import trio
from cachetools import TTLCache

from biofs.tree.inodes import Kind, unpack

GRACE_SECONDS: Final = 0.2
"""Some programs open first and watch then: for how long they may take between the two."""

_LOOKS: Final = 4
_MOST_DESCRIPTORS: Final = 1024
_REMEMBERED: Final = 256
_REMEMBERED_SECONDS: Final = 2.0
_HOLD_LINKS: Final = frozenset({Kind.GROUP, Kind.VIEW, Kind.VIEW_ENTRY})
_MARK: Final = re.compile(rb"^inotify wd:[0-9a-f]+ ino:([0-9a-f]+) ", re.MULTILINE)


def marks(fdinfo: bytes) -> set[int]:
    """The inode numbers that an inotify descriptor watches, from its fdinfo."""
    return {int(number, 16) for number in _MARK.findall(fdinfo)}


def watched_by(thread: int) -> set[int] | None:
    """The inode numbers that the process of a thread watches. It reads files, so not in the loop.

    None if it has no descriptor for it, or if that cannot be seen.
    """
    found: set[int] | None = None
    with suppress(OSError), os.scandir(f"/proc/{thread}/fd") as descriptors:
        for each in itertools.islice(descriptors, _MOST_DESCRIPTORS):
            with suppress(OSError):
                if os.readlink(each.path).startswith("anon_inode:inotify"):  # noqa: PTH115
                    with open(f"/proc/{thread}/fdinfo/{each.name}", "rb") as info:  # noqa: PTH123
                        found = (found or set()) | marks(info.read())
    return found


def _holds_links(inode: int) -> bool:
    try:
        return unpack(inode).kind in _HOLD_LINKS
    except ValueError:
        return False  # of another file system


class CountOnly:
    """Tells which processes open a directory only to count its entries; reads /proc in a thread."""

    def __init__(self) -> None:
        # Hardly any process watches anything: this is checked once, however much it opens.
        self._watching: Final[TTLCache[int, bool]] = TTLCache(
            _REMEMBERED, _REMEMBERED_SECONDS, timer=trio.current_time
        )

    async def may_count(self, thread: int) -> bool:
        """Whether the process of a thread is one that watches at all."""
        known = self._watching.get(thread)
        if known is None:
            known = await trio.to_thread.run_sync(watched_by, thread) is not None
            self._watching[thread] = known
        return known

    async def only_counts(self, thread: int, inode: int, parent: int) -> bool:
        """Whether it watches where `inode` can be seen, and even a moment later not `inode`.

        That is `parent`, or any directory that holds links.
        """
        for left in reversed(range(_LOOKS)):
            watched = await trio.to_thread.run_sync(watched_by, thread) or set()
            if inode in watched or not (parent in watched or any(map(_holds_links, watched))):
                return False
            if left:
                await trio.sleep(GRACE_SECONDS / (_LOOKS - 1))
        return True
