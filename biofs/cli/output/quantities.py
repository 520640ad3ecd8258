"""Numbers as people say them."""

import math
import os
import sys
from typing import Final

_LEAST_ROOM: Final = 16
_WIDEST: Final = 2
"""Columns that a character takes at most."""
_NO_END: Final = 1 << 30


def age(seconds: float) -> str:
    """How long ago, in one unit: `3 minutes`."""
    for unit, length, until in (
        ("second", 1, 90),
        ("minute", 60, 90 * 60),
        ("hour", 3600, 36 * 3600),
    ):
        if seconds < until:
            return counted(max(round(seconds / length), 0), unit)
    return counted(round(seconds / 86_400), "day")


def duration(seconds: float) -> str:
    """How long it takes, in two units at most: `1 h 8 min`."""
    if not math.isfinite(seconds):
        return "unknown"
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h" if hours % 24 else f"{hours // 24} d"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 group`, `2 groups`, `12,000 groups`; `plural` for one that does not end in s alone."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def size(number: int) -> str:
    """Bytes in powers of 1,024: `3.2 MiB`."""
    if number < 1024:
        return counted(number, "byte")
    value, units = float(number), iter(("KiB", "MiB", "GiB", "TiB"))
    unit = "bytes"
    while value >= 1023.95 and (following := next(units, None)) is not None:
        value, unit = value / 1024, following
    return f"{value:,.1f} {unit}"


def short_size(number: int) -> str:
    """Bytes in four characters or a few more, as `ls -h` has them: `5.6K`, `123M`, `1,000T`."""
    value, unit = float(number), ""
    for following in ("K", "M", "G", "T", "P"):
        if value < 1023.5:
            break
        value, unit = value / 1024, following
    return f"{value:.1f}{unit}" if unit and value < 9.95 else f"{value:,.0f}{unit}"


def table(rows: list[tuple[str, str]]) -> str:
    """Lines of names and what they say, the latter one below the other; on a terminal that is too
    narrow for a line, the rest of it stands below, too.
    """
    width = max((len(name) for name, _ in rows), default=0) + 2
    room = _columns() - width
    lines = []
    for name, said in rows:
        first, *others = wrapped(said, room) if room >= _LEAST_ROOM else [said]
        lines.append(f"{name:<{width}}{first}".rstrip())
        lines += [f"{'':<{width}}{other}" for other in others]
    return "\n".join(lines)


def wrapped(text: str, columns: int) -> list[str]:
    """A text in lines of so many columns of a terminal, broken at blanks where that can be."""
    if len(text) * _WIDEST <= columns:
        return [text]
    from rich.cells import cell_len, chop_cells  # noqa: PLC0415 - seldom needed

    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= columns:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = chop_cells(word, columns) or [""]
        lines += whole
    return [*lines, line]


def _columns() -> int:
    """The width of the terminal to which stdout goes; without one, no line is too long."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _NO_END
    except (OSError, ValueError, AttributeError):
        return _NO_END
