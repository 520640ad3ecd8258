"""`biofs refresh`."""

import sys

import click

from biofs.cli import completers, mount_lookup
from biofs.cli.output.report import one_line


@click.command(
    "refresh",
    epilog="Example: biofs refresh ~/biotorrents/categories/Sequences",
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the answer.")
@click.option("--all", "everything", is_flag=True, help="Refresh every listing, whatever it costs.")
@click.argument("path", metavar="PATH", shell_complete=completers.files)
def command(path: str, wait: bool, everything: bool) -> None:
    """Refresh PATH now.

    A category's listing, a group with all in it, or another document that the server made. Says
    what is new, or "unchanged".
    """
    line = _Line()
    try:
        answer = mount_lookup.ask(
            path, "refresh", everything=everything, wait=wait, progress=line.show
        )
    finally:
        line.clear()
    changed = answer.get("changed")
    if isinstance(changed, list):
        for said in changed or ["unchanged"]:
            click.echo(one_line(str(said)))
    else:
        click.echo(f"started: about {answer.get('started')} requests")


class _Line:
    """A line on the terminal that is written again and again; none where there is no terminal."""

    def __init__(self) -> None:
        self._shown = 0
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def show(self, text: str) -> None:
        if self._terminal:
            text = one_line(text)[:79]
            sys.stderr.write(f"\r{text:<{self._shown}}")
            sys.stderr.flush()
            self._shown = len(text)

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write(f"\r{'':<{self._shown}}\r")
            sys.stderr.flush()
