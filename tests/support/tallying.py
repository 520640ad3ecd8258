"""The `biofs` command, with each call of the kernel counted by name in the file $BIOFS_TALLY."""

from __future__ import annotations

import json
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
    """How often each handler was called, as the process behind a mount writes it down."""

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
        return Counter(json.loads(self.path.read_bytes()))


def _write(path: Path, calls: Counter[str]) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(calls))
    new.replace(path)  # never seen half written


def _tallied(handler: Any, calls: Counter[str], path: Path) -> Any:
    async def tallied(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls[handler.__name__] += 1
        # Before the kernel has its answer, so that who has seen that sees the call, too.
        _write(path, calls)
        return await handler(self, *args, **kwargs)

    return tallied


def main() -> int:
    """Run the command."""
    from biofs.cli import main as command
    from biofs.mount.operations import Operations

    path, calls = Path(os.environ["BIOFS_TALLY"]), Counter[str]()
    _write(path, calls)
    for name in HANDLERS:
        setattr(Operations, name, _tallied(getattr(Operations, name), calls, path))
    return command()


if __name__ == "__main__":
    sys.exit(main())
