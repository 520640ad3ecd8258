"""Catalogue text on a terminal: whatever it holds, it moves no cursor and reverses no line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from typing import Final, TextIO

from biofs.tree import printable

_CLEAR: Final = "\r\x1b[K"  # back to the line's start, and erase to its end: ECMA-48, EL


def safe(text: str) -> str:
    """The text with U+FFFD in place of what a terminal would obey."""
    return printable.for_terminal(text)


def json_line(facts: Mapping[str, object]) -> str:
    """An object as a line of JSON; what a terminal would obey is escaped, and means the same."""
    text = json.dumps(facts, ensure_ascii=False)
    return printable.for_json(text)


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a line on this stream can be drawn again: a terminal that is not dumb."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class Line:
    """A line that stays the terminal's last one. What else is written goes through `write`."""

    def __init__(self, out: TextIO) -> None:
        self._out: Final = out
        self._text = ""

    def show(self, text: str) -> None:
        """Show it in place of what was shown."""
        from rich.cells import set_cell_size  # noqa: PLC0415

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
        """Flush the stream, which a logging handler asks for."""
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
