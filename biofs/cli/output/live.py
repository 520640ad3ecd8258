"""A mount in the foreground shows in one line, the terminal's last, how it goes.

Lines of the log stand above it. Nothing of it is coloured, so NO_COLOR changes nothing.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from typing import Final, TextIO

import trio
from rich.cells import set_cell_size

from biofs.cli.output import status_text
from biofs.cli.output.terminal import safe
from biofs.mount.process.run import Companion, Mounted
from biofs.settings.load import Settings
from biofs.store.database import files
from biofs.store.database.location import store_path

SECONDS: Final = 1.0
_CLEAR: Final = "\r\x1b[K"  # back to the line's start, and erase to its end: ECMA-48, EL


class Line:
    """A line that stays the terminal's last one. What else is written goes through `write`."""

    def __init__(self, out: TextIO) -> None:
        self._out: Final = out
        self._text = ""

    def show(self, text: str) -> None:
        """Show it in place of what was shown."""
        width = shutil.get_terminal_size().columns - 1
        text = set_cell_size(safe(text), width).rstrip()
        if text != self._text:
            self._text = text
            self._put(f"{_CLEAR}{text}")

    def write(self, text: str) -> int:
        """Write lines above it."""
        self._put(f"{_CLEAR}{text}{self._text if text.endswith(os.linesep) else ''}")
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Take it away."""
        self._text = ""
        self._put(_CLEAR)

    def _put(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            self._text = ""  # the terminal has gone; the mount goes on


def is_of_use(settings: Settings) -> bool:
    """Whether there is a terminal on which a line can be drawn again and again."""
    return (
        settings.foreground
        and settings.log_file is None
        and sys.stderr is not None
        and sys.stderr.isatty()
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def following(settings: Settings) -> Companion:
    """A companion of a mount that shows the mount's state."""

    async def follow(mounted: Mounted, *, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        line = Line(sys.stderr)
        handlers = [
            handler
            for handler in logging.getLogger().handlers
            if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr
        ]
        for handler in handlers:
            handler.setStream(line)
        try:
            while True:
                line.show(status_text.in_one_line(mounted.state(), _kept(settings)))
                await trio.sleep(SECONDS)
        finally:
            for handler in handlers:
                handler.setStream(sys.stderr)
            line.close()

    return follow


def _kept(settings: Settings) -> int | None:
    path = store_path(settings)
    return None if path is None else files.size(path)
