"""`biofs torrent`."""

import os
import sys
from pathlib import Path

import click

from biofs.api.actions import Api
from biofs.api.values import LARGEST_ID
from biofs.cli import options
from biofs.errors import USAGE, QuietError
from biofs.settings import private_files
from biofs.settings.load import load


@click.command(
    "torrent",
    epilog=f"Example: biofs torrent 1 -o adh1.torrent\n\n{options.CREDENTIALS}",
)
@options.options(options.account, options.rate)
@click.option("--demo", is_flag=True, help="Ask the embedded catalogue; needs no cookie.")
@click.option("-o", "--output", metavar="FILE", help="Where to write it, for you alone to read.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.argument("ident", metavar="ID", type=click.IntRange(0, LARGEST_ID))
def command(ident: int, output: str | None, force: bool, **given: object) -> None:
    """Fetch the .torrent file of the torrent ID.

    ID is the number in its directory's name. It needs a cookie. The file holds your passkey:
    whoever has it can download in your name. It is never in the mount, and never printed to a
    terminal.
    """
    target = None if output in (None, "-") else Path(str(output))
    if target is None and sys.stdout.isatty():
        raise QuietError("it holds your passkey, and is no text: give -o FILE", USAGE)
    if target is not None and os.path.lexists(target) and not force:
        raise QuietError(f"{target}: already exists; --force overwrites it")
    settings = load(given, os.environ)
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.cli import asking  # noqa: PLC0415

    body = asking.send(settings, Api.download.request(ident)).body
    if target is None:
        click.echo(body, nl=False)
        return
    _write(target, body, force=force)
    click.echo(f"{target}: {len(body):,} bytes; it holds your passkey: keep it to yourself")


def _write(target: Path, body: bytes, *, force: bool) -> None:
    try:
        private_files.write(target, body, replace=force)
    except OSError as error:
        raise QuietError(f"{target}: {error.strerror}") from None
