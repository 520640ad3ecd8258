"""The `biofs` command, with each call of the kernel counted by name in the file $BIOFS_TALLY."""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

HANDLERS = (
    *("lookup", "getattr", "readlink", "opendir", "readdir", "releasedir", "open", "read"),
    *("release", "flush", "statfs", "getxattr", "listxattr"),
)


SETTLED_SECONDS = 0.2


class Tally:
    """How often each handler was called, as the process behind a mount counts it in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, action: Callable[[], object]) -> Counter[str]:
        """The calls while `action` runs."""
        before = self._settled()
        action()
        return self._settled() - before

    def fewest(self, action: Callable[[], object]) -> Counter[str]:
        """The calls of the least of three runs: the kernel may drop what it keeps at any time."""
        return min((self.of(action) for _ in range(3)), key=Counter.total)

    def _settled(self) -> Counter[str]:
        """What it is when no more comes: the kernel releases what was open without waiting."""
        now = self._now()
        while True:
            time.sleep(SETTLED_SECONDS)
            before, now = now, self._now()
            if now == before:
                return now

    def _now(self) -> Counter[str]:
        numbers = memoryview(self.path.read_bytes()).cast("Q")
        return Counter(dict(zip(HANDLERS, numbers, strict=True)))


def _tallied(handler: Any, numbers: memoryview, place: int) -> Any:
    async def tallied(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Before the kernel has its answer, so that who has seen that sees the call, too.
        numbers[place] += 1
        return await handler(self, *args, **kwargs)

    return tallied


def main() -> int:
    """Run the command."""
    from biofs.cli import main as command
    from biofs.mount.operations import Operations

    path = Path(os.environ["BIOFS_TALLY"])
    path.write_bytes(bytes(8 * len(HANDLERS)))
    with path.open("r+b") as file:
        numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
    for place, name in enumerate(HANDLERS):
        setattr(Operations, name, _tallied(getattr(Operations, name), numbers, place))
    return command()


if __name__ == "__main__":
    sys.exit(main())
