"""`biofs mount`."""

import os
from pathlib import Path
from typing import get_args

import click

from biofs import config
from biofs.cli import machine
from biofs.cli.mountpoint import prepare
from biofs.errors import QuietError


@click.command(
    "mount",
    epilog="The token comes from --token-file, BIOFS_TOKEN, or the settings file, never from the "
    "command line. The address and a browser's cookie can also be set with BIOFS_URL and "
    "BIOFS_COOKIE, everything in config.toml under $XDG_CONFIG_HOME/biofs.",
)
@click.option("--url", metavar="URL", help="The server; https://torrents.bio unless told.")
@click.option("--token-file", metavar="FILE", help="Holds the API token; only you can read it.")
@click.option("--cache-dir", metavar="DIR", help="Where what was fetched is kept.")
@click.option(
    "--rate",
    metavar="N/SECONDS|unlimited",
    help="Requests in how many seconds; 1/6 unless told. Donors may ask for unlimited.",
)
@click.option(
    "--wait",
    type=float,
    metavar="SECONDS",
    help="How long a caller waits without progress before it gets EAGAIN; 60 unless told.",
)
@click.option(
    "--ttl",
    type=float,
    metavar="SECONDS",
    help="How long what was fetched counts as fresh; by its kind unless told.",
)
@click.option("--offline/--no-offline", default=None, help="Serve what is known, send nothing.")
@click.option("--account/--no-account", default=None, help="Show your account in me/.")
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground.")
@click.option(
    "-o",
    "--options",
    multiple=True,
    metavar="OPTIONS",
    help=f"Mount options with commas between them: {', '.join(config.FUSE_OPTIONS)}.",
)
@click.option("--log-file", metavar="FILE", help="Where to log, in place of the usual file.")
@click.option(
    "--log-level",
    type=click.Choice(get_args(config.LogLevel), case_sensitive=False),
    help="How much to log; info unless told.",
)
@click.option("--demo", is_flag=True, help="Mount the embedded catalogue; needs no token.")
@click.argument("mountpoint", metavar="MOUNTPOINT")
def command(mountpoint: str, options: tuple[str, ...], **given: object) -> int:
    """Mount the catalogue at MOUNTPOINT.

    Returns once the mount answers. MOUNTPOINT is an empty directory.
    """
    settings = config.load({**given, "options": list(options) or None}, os.environ)
    for name in (config.TOKEN_VARIABLE, config.COOKIE_VARIABLE):
        # What the mount starts, fusermount3 for one, need not inherit them.
        os.environ.pop(name, None)
    machine.check(settings.fuse_options)
    if settings.demo:
        _make_at_home(Path(mountpoint))
    place = prepare(mountpoint, nonempty="nonempty" in settings.fuse_options)
    return _run(settings, place)


def _make_at_home(place: Path) -> None:
    """Make a missing directory directly in the home directory: a first look takes one command.

    Anywhere else a missing mountpoint is more likely a slip of the pen than a wish.
    """
    home = os.environ.get("HOME")
    if home and place.absolute().parent == Path(home) and not os.path.lexists(place):
        try:
            place.mkdir()
        except OSError as error:
            raise QuietError(f"{place}: cannot be made: {error.strerror}") from None
        click.echo(f"made {place}")


def _run(settings: config.Settings, place: Path) -> int:
    # pyfuse3, trio and httpx take half a second: not before all is known to be right.
    try:
        from biofs.mount import lifecycle  # noqa: PLC0415
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] == "biofs":
            raise
        raise QuietError(
            f"a library is missing: {error}: install biofs anew, on Debian after "
            f"`apt-get install fuse3 libfuse3-dev`"
        ) from None
    return lifecycle.run(settings, place)
