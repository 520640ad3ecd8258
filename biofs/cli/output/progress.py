"""How something that takes long goes: on a terminal a bar, elsewhere a line now and then.

Honours NO_COLOR (no-color.org) and TERM=dumb, as rich does. What is said goes to stderr.

rich takes a third as long to load as all else that a command needs: it is loaded when something is
shown, and by then the work has begun.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol, TextIO

if TYPE_CHECKING:  # it takes a tenth of a second, and what is no terminal needs none
    from rich.console import Console

LINE_SECONDS: Final = 30.0
LINE_SHARE: Final = 0.05
AT_ONCE: Final = 0.5
"""What takes fewer seconds shows nothing."""

_TAKEN_FOR_A_TERMINAL: Final = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
"""Variables by which rich may take for a terminal what is none."""


class Meter(Protocol):
    """Shows how it goes."""

    def show(self, done: float, total: float | None, said: str, elapsed: float) -> None:
        """Show it, if it is time to. `total` None: nobody knows; `elapsed` is in seconds."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Bar:
    """A bar that is drawn again and again, and what is said behind it, cut to the terminal."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
        )
        from rich.table import Column  # noqa: PLC0415

        # Not redrawn by a thread of its own: this one has nothing to wait for.
        self._bar = Progress(
            BarColumn(bar_width=max(8, min(40, console.width - 50))),
            TaskProgressColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=console,
            auto_refresh=False,
            transient=True,
            expand=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def show(self, done: float, total: float | None, said: str, elapsed: float) -> None:
        self._bar.update(self._task, completed=done, total=total, description=said)
        self._bar.refresh()

    def close(self) -> None:
        self._bar.stop()


class Lines:
    """A line every half minute, and at every twentieth of the way."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._at = 0.0
        self._share = 0.0

    def show(self, done: float, total: float | None, said: str, elapsed: float) -> None:
        share = done / max(total, 1) if total is not None else 0.0
        if elapsed - self._at < LINE_SECONDS and share - self._share < LINE_SHARE:
            return
        self._at, self._share = elapsed, share
        with suppress(OSError):  # nobody can be told; the work goes on
            print(f"biofs: {share:.0%}: {said}", file=self._out, flush=True)

    def close(self) -> None:
        """Nothing to do."""


def meter() -> Meter:
    """What fits stderr."""
    if sys.stderr.isatty() or os.environ.keys() & _TAKEN_FOR_A_TERMINAL:
        from rich.console import Console  # noqa: PLC0415

        console = Console(stderr=True)
        if console.is_terminal and not console.is_dumb_terminal:
            return Bar(console)
    return Lines(sys.stderr)


@contextmanager
def shown(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[..., None]]:
    """A function that shows how it goes (done, total, what is said), from its first call on."""
    opened: list[Meter] = []
    began = clock()

    def show(done: float, total: float | None, said: str) -> None:
        elapsed = clock() - began
        if elapsed < AT_ONCE:
            return
        if not opened:
            opened.append(meter())
        opened[0].show(done, total, said, elapsed)

    try:
        yield show
    finally:
        for each in opened:
            each.close()
