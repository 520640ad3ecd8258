"""A mount in the foreground shows its state in the last line of the terminal.

Lines of the log stand above it. Nothing of it is coloured, so NO_COLOR changes nothing.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

import trio

from biofs.cli.output import status_text
from biofs.cli.output.terminal import Line, can_redraw
from biofs.mount.process.run import Companion, Mounted
from biofs.settings.load import Settings
from biofs.store.database import files
from biofs.store.database.files import store_path

SECONDS: Final = 1.0


def is_of_use(settings: Settings) -> bool:
    """Whether there is a terminal on which a line can be drawn again and again."""
    return settings.foreground and settings.log_file is None and can_redraw(sys.stderr)


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
