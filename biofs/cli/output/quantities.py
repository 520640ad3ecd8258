"""Numbers as people say them."""

import math
import os
import sys
from typing import Final

import humanize

_LEAST_ROOM: Final = 16
_WIDEST: Final = 2
"""Columns that a character takes at most."""
_NO_END: Final = 1 << 30
_SECONDS_UNTIL: Final = 90
_DAYS_FROM: Final = 48 * 60


def age(seconds: float) -> str:
    """How long ago, in one unit: `3 minutes`, `an hour`, `a moment` for less than a second."""
    if seconds < 1:
        return "a moment"  # some versions of humanize say "0 seconds"
    return humanize.naturaldelta(seconds)


def ages(newest: float, oldest: float) -> str:
    """How old the newest and the oldest of things are: `a minute to 3 days old`."""
    first, last = age(newest), age(oldest)
    return f"{first} old" if first == last else f"{first} to {last} old"


def duration(seconds: float) -> str:
    """How long it takes, in two units at most: `1 hour and 8 minutes`; `unknown` for infinity."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < _SECONDS_UNTIL:
        return counted(math.ceil(seconds), "second")
    minutes = round(seconds / 60)
    suppress = ("days", "months") if minutes < _DAYS_FROM else ("minutes", "months")
    return humanize.precisedelta(minutes * 60, "minutes", suppress, format="%d")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 group`, `2 groups`, `12,000 groups`; `plural` for one that does not end in s alone."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def size(number: int) -> str:
    """Bytes in powers of 1,024: `3.2 MiB`."""
    if number < 1024:
        return counted(number, "byte")
    return humanize.naturalsize(number, binary=True)


def short_size(number: int) -> str:
    """Bytes in four characters or a few more, as `ls -h` has them: `5.6K`, `123M`, `1,000T`.

    humanize keeps the decimal of `123.0M`, which a table has no room for.
    """
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
