"""`biofs status --watch`: on a terminal a table that is drawn again, elsewhere line after line."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from biofs.cli import mount_lookup
from biofs.cli.commands import status
from biofs.errors import QuietError

SECONDS: Final = 2.0


def watch(mountpoint: str, *, as_json: bool) -> None:
    """Show what a mount is doing until Ctrl-C, or until it ends. Raises QuietError."""
    console = Console(highlight=False)
    with suppress(KeyboardInterrupt):
        if as_json or not console.is_terminal or console.is_dumb_terminal:
            _lines(mountpoint, as_json=as_json)
        else:
            _table(mountpoint, console)


def _table(mountpoint: str, console: Console) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            shown = Text(_shown(mountpoint), no_wrap=True, overflow="ellipsis")
            live.update(shown, refresh=True)
            time.sleep(SECONDS)


def _lines(mountpoint: str, *, as_json: bool) -> None:
    while True:
        answer = _asked(mountpoint)
        click.echo(json.dumps(answer) if as_json else status.in_a_line(answer))
        time.sleep(SECONDS)


def _shown(mountpoint: str) -> str:
    return status.shown_for_people(_asked(mountpoint))


def _asked(mountpoint: str) -> Mapping[str, Any]:
    answer = {"mountpoint": mountpoint, **mount_lookup.ask(mountpoint, "status")}
    try:
        status.in_a_line(answer)
        status.shown_for_people(answer)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise QuietError(f"{mountpoint}: a mount of another biofs: --json shows it") from None
    return answer
