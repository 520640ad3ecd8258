"""How a warm-up goes, on a terminal as a bar, elsewhere in a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, TextIO

import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from biofs.api.rate import Rate
from biofs.catalogue import warming
from biofs.cli import words

_REDRAW_SECONDS = 0.25
LINE_SECONDS = 30.0
LINE_SHARE = 0.05


def in_words(progress: warming.Progress, rate: Rate, elapsed: float) -> str:
    """How far it is and how long it takes from here."""
    left = words.duration(warming.seconds_left(progress, rate, elapsed))
    about = "" if progress.exact else "about "
    total = progress.sent + progress.left
    said = f"{progress.sent:,} of {about}{words.counted(total, 'request')}, {about}{left} left"
    if progress.listed < progress.categories:
        said += f", {progress.listed} of {progress.categories} categories listed"
    return said


class Display(Protocol):
    """Shows how it goes."""

    def show(self, progress: warming.Progress, elapsed: float) -> None:
        """Show it, if it is time to."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class Bar:
    """A bar that is drawn again and again. Heeds NO_COLOR (no-color.org), as rich does."""

    def __init__(self, rate: Rate, console: Console) -> None:
        self._rate = rate
        # Not redrawn by a thread of its own: this one has nothing to wait for.
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()

    def show(self, progress: warming.Progress, elapsed: float) -> None:
        """See Display."""
        self._bar.update(
            self._task,
            completed=progress.sent,
            total=progress.sent + progress.left,
            description=in_words(progress, self._rate, elapsed),
        )
        self._bar.refresh()

    def close(self) -> None:
        """See Display."""
        self._bar.stop()


class Lines:
    """A line every half minute, and at every twentieth of the way."""

    def __init__(self, rate: Rate, out: TextIO) -> None:
        self._rate = rate
        self._out = out
        self._at = 0.0
        self._share = 0.0

    def show(self, progress: warming.Progress, elapsed: float) -> None:
        """See Display."""
        share = progress.sent / max(progress.sent + progress.left, 1)
        if elapsed - self._at < LINE_SECONDS and share - self._share < LINE_SHARE:
            return
        self._at, self._share = elapsed, share
        said = in_words(progress, self._rate, elapsed)
        print(f"biofs: {share:.0%}: {said}", file=self._out, flush=True)

    def close(self) -> None:
        """See Display."""


def display(rate: Rate) -> Display:
    """What fits stderr."""
    console = Console(stderr=True)
    if console.is_terminal and not console.is_dumb_terminal:
        return Bar(rate, console)
    return Lines(rate, sys.stderr)


async def follow(shown: Display, progress: Callable[[], warming.Progress]) -> None:
    """Show it until cancelled."""
    began = trio.current_time()
    while True:
        shown.show(progress(), trio.current_time() - began)
        await trio.sleep(_REDRAW_SECONDS)
