"""How a warm-up goes, on a terminal as a bar, elsewhere in a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, TextIO

import trio
from rich.console import Console

from biofs.api.rate import Rate
from biofs.catalogue import warming
from biofs.cli.output import meter, quantities

_REDRAW_SECONDS = 0.25


def in_words(progress: warming.Progress, rate: Rate, elapsed: float) -> str:
    """How far it is and how long it takes from here."""
    left = quantities.duration(warming.seconds_left(progress, rate, elapsed))
    about = "" if progress.exact else "about "
    total = progress.sent + progress.left
    said = f"{progress.sent:,} of {about}{quantities.counted(total, 'request')}, {about}{left} left"
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
    """A bar that is drawn again and again."""

    def __init__(self, rate: Rate, console: Console) -> None:
        self._rate = rate
        self._meter: meter.Meter = meter.Bar(console)

    def show(self, progress: warming.Progress, elapsed: float) -> None:
        """See Display."""
        total = progress.sent + progress.left
        self._meter.show(progress.sent, total, in_words(progress, self._rate, elapsed), elapsed)

    def close(self) -> None:
        """See Display."""
        self._meter.close()


class Lines(Bar):
    """A line every half minute, and at every twentieth of the way."""

    def __init__(self, rate: Rate, out: TextIO) -> None:
        self._rate = rate
        self._meter = meter.Lines(out)


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
