"""`biofs mount`."""

import errno
import os
from pathlib import Path

import click

from biofs.cli import options, stores
from biofs.cli.output.report import complain
from biofs.cli.system import fuse
from biofs.cli.system.fuse import look, prepare
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings, check_demo, load
from biofs.settings.table import SECRET_VARIABLES
from biofs.store.database.files import store_path


@click.command(
    "mount",
    epilog="\b\nExamples:\n"
    "  biofs mount --demo ~/biotorrents     a first look, without an account\n"
    "  biofs mount ~/biotorrents            after `biofs login`\n\n"
    f"{options.CREDENTIALS}",
)
@options.options(options.every)
@click.argument("mountpoint", metavar="MOUNTPOINT", shell_complete=options.complete_directory)
def command(mountpoint: str, **given: object) -> int:
    """Mount the catalogue at MOUNTPOINT.

    MOUNTPOINT is an empty directory. Returns once the mount answers.
    """
    settings = load(given, os.environ)
    for name in SECRET_VARIABLES:
        # What the mount starts, fusermount3 for one, need not inherit them.
        os.environ.pop(name, None)
    fuse.check(settings.fuse_options)
    if settings.demo:
        check_demo()
        _make_at_home(Path(mountpoint))
    place = prepare(mountpoint, nonempty="nonempty" in settings.fuse_options)
    _check_own(settings.cache_dir, "--cache-dir", place)
    _check_own(settings.log_file, "--log-file", place)
    for data in (*settings.data, *settings.torrents):
        _check_data(data, place)
    _check_own(settings.download_dir, "--download-dir", place)
    _say_unfit(settings)
    if settings.snapshot_url is not None:
        from biofs.cli import first_fetch  # noqa: PLC0415 - trio and httpx take half a second

        first_fetch.have(settings)
    stores.snapshot_of(settings)  # unpacked now, where somebody sees how it goes
    return _run(settings, place)


def _say_unfit(settings: Settings) -> None:
    """A mount asks nothing at its start; what the last one was told of the server, it says."""
    # The store needs a tenth of a second: only if there is one.
    path = store_path(settings)
    if settings.snapshot or settings.snapshot_url or path is None or not path.exists():
        return
    from biofs.store.database import pace_log  # noqa: PLC0415

    why = pace_log.unfit_reason_of(path)
    if why:
        complain(f"{settings.url}: {why}")


def _is_inside(path: str | Path, mountpoint: Path) -> bool:
    return Path(path).is_relative_to(mountpoint)


def _check_own(path: Path | None, option: str, mountpoint: Path) -> None:
    """What a mount writes would wait for the mount itself if it lay there."""
    if path is not None and _is_inside(os.path.realpath(path), mountpoint):
        raise QuietError(f"{path}: is inside the mountpoint: name another with {option}", USAGE)


def _check_data(data: Path, mountpoint: Path) -> None:
    """A data directory may come later; in the mount itself it would wait for itself."""
    seen = look(str(data))  # it follows links in a child, which a dead network may hold up
    if _is_inside(seen.path if seen else data, mountpoint):
        raise QuietError(f"{data}: lies in the mount itself: name a directory elsewhere", USAGE)
    if seen is None:
        complain(f"{data}: does not answer: its files open when it does")
    elif seen.error == errno.ENOTDIR:
        raise QuietError(f"{data}: not a directory", USAGE)
    elif seen.error not in (0, errno.ENOTEMPTY):
        complain(f"{data}: {os.strerror(seen.error).lower()}: its files open when that changes")


def _make_at_home(place: Path) -> None:
    """Make a missing directory directly in the home directory: a first look takes one command.

    Anywhere else a missing mountpoint is more likely a typo than intended.
    """
    home = os.environ.get("HOME")
    if home and place.absolute().parent == Path(home):
        try:
            # Not looked at before: a mount there may be dead, or hang.
            place.mkdir()
        except FileExistsError:
            return
        except OSError as error:
            raise QuietError(f"{place}: cannot be created: {error.strerror}") from None
        click.echo(f"created {place}")


def _run(settings: Settings, place: Path) -> int:
    # pyfuse3, trio and httpx take half a second: not before all is known to be right.
    try:
        from biofs.mount.process import run  # noqa: PLC0415
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] == "biofs":
            raise
        raise QuietError(
            f"a library is missing: {error}: install biofs again, on Debian after "
            f"`apt-get install fuse3 libfuse3-dev`"
        ) from None
    from biofs.cli.output import status_text  # noqa: PLC0415 - as above
    from biofs.control.handlers import all as handlers  # noqa: PLC0415 - as above

    companions: list[run.Companion] = [handlers.serve]
    if status_text.is_of_use(settings):
        companions.append(status_text.following(settings))
    return run.run(settings, place, companions)
