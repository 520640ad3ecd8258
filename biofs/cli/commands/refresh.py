"""`biofs refresh`."""

import sys

import click

from biofs.cli import mount_lookup, options
from biofs.cli.output.report import one_line
from biofs.cli.output.terminal import Line, can_redraw


@click.command(
    "refresh",
    epilog="Example: biofs refresh ~/biotorrents/categories/Sequences",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the answer.")
@click.option("--all", "everything", is_flag=True, help="Refresh every listing, whatever it costs.")
@click.argument("path", metavar="PATH", shell_complete=options.complete_file)
def command(path: str, wait: bool, everything: bool) -> None:
    """Refresh PATH now.

    PATH is a category's listing, a group with everything in it, or another document of the server.
    Prints what has changed, or "unchanged".
    """
    line = Line(sys.stderr) if can_redraw(sys.stderr) else None
    show = line.show if line is not None else _ignore
    try:
        answer = mount_lookup.ask(path, "refresh", everything=everything, wait=wait, progress=show)
    finally:
        if line is not None:
            line.close()
    changed = answer.get("changed")
    if isinstance(changed, list):
        for change in changed or ["unchanged"]:
            click.echo(one_line(str(change)))
    else:
        click.echo(f"started: about {answer.get('started')} requests")


def _ignore(_text: str) -> None:
    """Progress where there is no terminal to show it on."""
