"""`biofs mount`."""

import os
from pathlib import Path

import click

from biofs.cli import completers, options
from biofs.cli.system import fuse
from biofs.cli.system.mountpoint import prepare
from biofs.errors import QuietError
from biofs.settings import load


@click.command(
    "mount",
    epilog="\b\nExamples:\n"
    "  biofs mount --demo ~/biotorrents     a first look, without an account\n"
    "  biofs mount ~/biotorrents            after `biofs login`\n\n"
    f"{options.CREDENTIALS}",
)
@options.options(options.account, options.fetching)
@click.option(
    "--wait",
    type=float,
    metavar="SECONDS",
    help="How long a caller waits without progress: 60.",
)
@click.option("--offline/--no-offline", default=None, help="Serve what is known, send nothing.")
@click.option("--account/--no-account", default=None, help="Show your account in me/.")
@click.option("-f", "--foreground", is_flag=True, help="Stay in the foreground.")
@click.option(
    "-o",
    "--options",
    multiple=True,
    metavar="OPTIONS",
    help="Mount options, such as noatime,allow_other.",
)
@options.options(options.logging)
@click.option("--demo", is_flag=True, help="Mount the embedded catalogue: no token needed.")
@click.option(
    "--snapshot",
    metavar="FILE",
    help="Mount what `biofs export` wrote.",
    shell_complete=completers.files,
)
@click.argument("mountpoint", metavar="MOUNTPOINT", shell_complete=completers.directories)
def command(mountpoint: str, options: tuple[str, ...], **given: object) -> int:
    """Mount the catalogue at MOUNTPOINT.

    MOUNTPOINT is an empty directory. Returns once the mount answers.
    """
    settings = load.load({**given, "options": list(options) or None}, os.environ)
    for name in (load.TOKEN_VARIABLE, load.COOKIE_VARIABLE):
        # What the mount starts, fusermount3 for one, need not inherit them.
        os.environ.pop(name, None)
    fuse.check(settings.fuse_options)
    if settings.demo:
        _make_at_home(Path(mountpoint))
    place = prepare(mountpoint, nonempty="nonempty" in settings.fuse_options)
    return _run(settings, place)


def _make_at_home(place: Path) -> None:
    """Make a missing directory directly in the home directory: a first look takes one command.

    Anywhere else a missing mountpoint is more likely a slip of the pen than a wish.
    """
    home = os.environ.get("HOME")
    if home and place.absolute().parent == Path(home):
        try:
            # Not looked at before: a mount there may be dead, or hang.
            place.mkdir()
        except FileExistsError:
            return
        except OSError as error:
            raise QuietError(f"{place}: cannot be made: {error.strerror}") from None
        click.echo(f"made {place}")


def _run(settings: load.Settings, place: Path) -> int:
    # pyfuse3, trio and httpx take half a second: not before all is known to be right.
    try:
        from biofs.mount.process import run  # noqa: PLC0415
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] == "biofs":
            raise
        raise QuietError(
            f"a library is missing: {error}: install biofs anew, on Debian after "
            f"`apt-get install fuse3 libfuse3-dev`"
        ) from None
    from biofs.cli.output import live  # noqa: PLC0415 - as above
    from biofs.control.handlers import all as handlers  # noqa: PLC0415 - as above

    companions: list[run.Companion] = [handlers.serve]
    if live.is_of_use(settings):
        companions.append(live.following(settings))
    return run.run(settings, place, companions)
