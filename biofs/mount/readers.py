"""Who may have something fetched by reading it, and who only looks around.

A person reads one file: `samtools view`, `zcat`, `head`. What reads all there is, a `grep -r`, an
indexer, a file manager's thumbnails, comes by another way: it lists directories itself before it
opens what is in them, or opens many files. So a process that has listed a directory is refused, and
a process group that has opened several missing files in a row. A shell that completes a name is
another process than the one that it starts then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from biofs.mount.kernel.processes import Process

WALK_SECONDS: Final = 30.0
"""For so long after it has listed a directory, or opened something, a process goes through all."""

MOST_FILES: Final = 4
"""Missing files that a process group may open within `FILES_SECONDS`; also how many are fetched at
a time."""
FILES_SECONDS: Final = 10.0

BUSY_SECONDS: Final = 10.0
"""After so long without a new piece a file is not one of those that are fetched any more."""

_REMEMBERED: Final = 4096

# The second line of defence: these mean nobody's wish to read, whatever they do first.
_NAMES: Final = ("tracker-", "localsearch", "baloo", "updatedb", "plocate", "mlocate", "tumbler")
_NAMES_WITHIN: Final = ("thumbnail", "gvfsd", "recollindex", "clamscan", "clamd")


def is_indexer(name: str) -> bool:
    """Whether a process of this name looks at files by itself."""
    name = name.lower()
    return name.startswith(_NAMES) or any(each in name for each in _NAMES_WITHIN)


class Readers:
    """What processes have done lately. Times are those of one clock, in seconds, and not before
    those of earlier calls."""

    def __init__(self) -> None:
        self._walking: Final[OrderedDict[int, float]] = OrderedDict()
        self._opened: Final[OrderedDict[int, OrderedDict[Hashable, float]]] = OrderedDict()
        self._busy: Final[dict[Hashable, float]] = {}

    def lists(self, process: int, now: float) -> None:
        """A process lists a directory."""
        self._walking[process] = now
        self._walking.move_to_end(process)
        if len(self._walking) > _REMEMBERED:
            self._walking.popitem(last=False)

    def opens(self, process: Process, file: Hashable, now: float) -> str | None:
        """A process opens a missing file. Why nothing would be fetched for it; None if it may."""
        opened: OrderedDict[Hashable, float] = OrderedDict()
        opened = self._opened.setdefault(process.group, opened)
        self._opened.move_to_end(process.group)
        opened[file] = now
        opened.move_to_end(file)
        if len(opened) > MOST_FILES + 1:
            opened.popitem(last=False)
        if len(self._opened) > _REMEMBERED:
            self._opened.popitem(last=False)
        refused = self.refused(process, now)
        if process.number in self._walking and refused is not None:
            self.lists(process.number, now)  # it goes on
        return refused

    def refused(self, process: Process, now: float) -> str | None:
        """Why nothing is fetched for a process now; None if it may."""
        if is_indexer(process.name):
            return "it is known to look at files by itself"
        walked = self._walking.get(process.number)
        if walked is not None and now < walked + WALK_SECONDS:
            return "it has listed a directory"
        opened = self._opened.get(process.group, OrderedDict())
        if sum(now < at + FILES_SECONDS for at in opened.values()) > MOST_FILES:
            return "it opens many files"
        return None

    def takes_turn(self, file: Hashable, now: float) -> bool:
        """Count a file among those that are fetched. False if there are too many."""
        for each in [each for each, at in self._busy.items() if now >= at + BUSY_SECONDS]:
            del self._busy[each]
        if file not in self._busy and len(self._busy) >= MOST_FILES:
            return False
        self._busy[file] = now
        return True

    def leaves(self, file: Hashable) -> None:
        """Nobody reads it any more."""
        self._busy.pop(file, None)
