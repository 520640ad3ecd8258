"""The figures as tables: plain for a terminal, and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from scripts.benchmarks.measuring import STATES, Series

FLOOR = "floor"


def plain(rows: Sequence[Sequence[str]]) -> str:
    """Rows under one another; the first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table, of which the first is the head."""
    head, *body = rows
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *body))


def rate(value: float) -> str:
    """A rate with three digits that mean something."""
    if value < 1000:
        return f"{value:.3g}"
    digits = len(str(int(value))) - 3
    return f"{round(value, -digits):,.0f}"


def rates(series: Iterable[Series], systems: Sequence[str]) -> list[list[str]]:
    """A row for each operation and state: medians a second, and their ratio to the floor's."""
    found = {(each.operation, each.state, each.system): each for each in series}
    rows = [["", "unit/s", *systems]]
    for operation in dict.fromkeys(key[0] for key in found):
        for state in STATES:
            here = {
                s: found[operation, state, s] for s in systems if (operation, state, s) in found
            }
            if not here:
                continue
            floor = here.get(FLOOR)
            cells = []
            for system in systems:
                each = here.get(system)
                ratio = f" ({each.rate / floor.rate:.2f})" if each and floor else ""
                cells.append(f"{rate(each.rate)}{ratio}" if each else "")
            unit = next(iter(here.values())).unit
            rows.append([f"{operation}, {state}", unit, *cells])
    return rows


def calls(series: Iterable[Series], systems: Sequence[str]) -> list[list[str]]:
    """Likewise: median answers that the daemon wrote, and its processor time in seconds."""
    found = {(each.operation, each.state, each.system): each for each in series}
    rows = [["", *[f"{system} {what}" for system in systems for what in ("calls", "CPU")]]]
    for operation, state in dict.fromkeys(key[:2] for key in found):
        cells = []
        for system in systems:
            each = found.get((operation, state, system))
            cells.append(f"{statistics.median(each.calls):,.0f}" if each else "")
            cells.append(f"{statistics.median(each.cpu):.2f}" if each else "")
        rows.append([f"{operation}, {state}", *cells])
    return rows
