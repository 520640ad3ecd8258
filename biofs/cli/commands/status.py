"""`biofs status`."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

from biofs.cli import mount_lookup, options
from biofs.cli.output import quantities, status_text
from biofs.cli.output.report import one_line
from biofs.errors import USAGE, QuietError

if TYPE_CHECKING:
    from rich.console import Console

SECONDS: Final = 2.0
"""Between two looks of --watch."""


@click.command(
    "status",
    epilog="Example: biofs status --json ~/biotorrents | jq .requests.sent",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.argument(
    "mountpoint",
    metavar="[MOUNTPOINT]",
    required=False,
    shell_complete=options.complete_mountpoint,
)
def command(mountpoint: str | None, as_json: bool, watch: bool) -> None:
    """Show a mount's activity and how much is cached.

    Without MOUNTPOINT: your only mount, or a list of your mounts.
    """
    if mountpoint is None:
        mounts = mount_lookup.mine()
        if not mounts:
            raise QuietError("you have no biofs mount; `biofs mount` makes one")
        if len(mounts) > 1 and watch:
            raise QuietError("you have several mounts: say which one to watch", USAGE)
        if len(mounts) > 1:
            rows = [(one_line(mount.mountpoint), mount.source) for mount in mounts]
            shown = [{"mountpoint": mount.mountpoint, "server": mount.source} for mount in mounts]
            click.echo(json.dumps(shown, indent=2) if as_json else quantities.table(rows))
            return
        mountpoint = mounts[0].mountpoint
    if watch:
        _watch(mountpoint, as_json=as_json)
    elif as_json:
        click.echo(json.dumps(_ask(mountpoint), indent=2))
    else:
        click.echo(_described(mountpoint, status_text.as_table)[1])


def _ask(mountpoint: str) -> dict[str, Any]:
    return {"mountpoint": mountpoint, **mount_lookup.ask(mountpoint, "status")}


def _described(
    mountpoint: str, describe: Callable[[Mapping[str, Any]], str]
) -> tuple[Mapping[str, Any], str]:
    """What the mount answers, and its description. Raises QuietError if there is none."""
    answer = _ask(mountpoint)
    try:
        return answer, describe(answer)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise QuietError(
            f"{mountpoint}: this mount runs a different biofs version; use --json"
        ) from None


def _watch(mountpoint: str, *, as_json: bool) -> None:
    """Show what a mount is doing until Ctrl-C, or until it ends: on a terminal a table that is
    drawn again, elsewhere a line at a time. Raises QuietError.
    """
    from rich.console import Console  # noqa: PLC0415 - rich takes a tenth of a second

    console = Console(highlight=False)
    with suppress(KeyboardInterrupt):
        if as_json or not console.is_terminal or console.is_dumb_terminal:
            _watch_in_lines(mountpoint, as_json=as_json)
        else:
            _watch_as_table(mountpoint, console)


def _watch_as_table(mountpoint: str, console: "Console") -> None:
    from rich.live import Live  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            table = _described(mountpoint, status_text.as_table)[1]
            live.update(Text(table, no_wrap=True, overflow="ellipsis"), refresh=True)
            time.sleep(SECONDS)


def _watch_in_lines(mountpoint: str, *, as_json: bool) -> None:
    while True:
        answer, line = _described(mountpoint, status_text.in_one_line)
        click.echo(json.dumps(answer) if as_json else line)
        time.sleep(SECONDS)
