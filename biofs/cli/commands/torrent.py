"""`biofs torrent`."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from biofs.api.actions import Api
from biofs.api.values import LARGEST_ID
from biofs.cli import options
from biofs.errors import USAGE, QuietError
from biofs.settings import load


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
        raise QuietError(f"{target}: is there already: --force replaces it")
    settings = load.load(given, os.environ)
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.cli import asking  # noqa: PLC0415

    body = asking.send(settings, Api.download.request(ident)).body
    if target is None:
        click.echo(body, nl=False)
        return
    _write(target, body, force=force)
    click.echo(f"{target}: {len(body):,} bytes; it holds your passkey: keep it to yourself")


def _write(target: Path, body: bytes, *, force: bool) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    fresh = target.with_name(f".{target.name[:64]}.{os.getpid()}") if force else target
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(fresh, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            if force:
                fresh.replace(target)
        except OSError:
            with suppress(OSError):
                fresh.unlink()
            raise
    except OSError as error:
        raise QuietError(f"{target}: {error.strerror}") from None
