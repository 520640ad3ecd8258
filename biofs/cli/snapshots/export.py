"""`biofs export`."""

import os
import sqlite3
from pathlib import Path

import click

from biofs.cli import options
from biofs.cli.output import quantities
from biofs.cli.snapshots import writing
from biofs.errors import QuietError
from biofs.settings import private_files
from biofs.settings.load import Settings, load

_READABLE = 0o666
"""What the umask leaves of it: a snapshot holds nothing that is the account's."""


@click.command(
    "export",
    epilog="Example: biofs warm --details && biofs export catalogue.biofs, then anywhere: "
    "biofs mount --snapshot catalogue.biofs MOUNTPOINT",
)
@options.options(options.account)
@click.option(
    "--demo", is_flag=True, help="Export the embedded catalogue's cache (needs --cache-dir)."
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--plain", is_flag=True, help="Do not compress it: a mount reads it where it lies.")
@click.argument("file", metavar="FILE", shell_complete=options.complete_file)
def command(file: str, force: bool, plain: bool, **given: object) -> None:
    """Export the cache to FILE as a mountable snapshot.

    Sends nothing. `biofs mount --snapshot FILE` mounts it without network and without a token.
    The same knowledge gives the same bytes.
    """
    # Offline: what is known can be exported without a token, if it is clear whose it is.
    settings = load({**given, "offline": True}, os.environ)
    target = Path(file).absolute()
    if target.is_dir():
        raise QuietError(f"{file}: a directory: give a file in it")
    if os.path.lexists(target) and not force:
        raise QuietError(f"{file}: already exists; --force overwrites it")
    click.echo(_exported(settings, target, file, plain=plain))


def _exported(settings: Settings, target: Path, shown: str, *, plain: bool) -> str:
    # These import trio and httpx, which take half a second.
    from biofs.cli.output import progress  # noqa: PLC0415
    from biofs.store.database.files import StoreError  # noqa: PLC0415
    from biofs.store.snapshots import packing  # noqa: PLC0415
    from biofs.store.snapshots.files import sync_directory  # noqa: PLC0415

    try:
        with (
            private_files.replacing(target, _READABLE & ~_umask()) as fresh,
            progress.shown() as show,
        ):
            coverage = writing.write(settings, fresh, show)
            if not plain:

                def tell(done: int, total: int) -> None:
                    show(done, total, f"{quantities.size(total)} to compress")

                packing.pack_in_place(fresh, tell)
        sync_directory(target.parent)
    except (StoreError, sqlite3.DatabaseError) as error:
        raise QuietError(str(error)) from None
    except OSError as error:
        raise QuietError(f"{shown}: {error.strerror}") from None
    return f"{quantities.size(target.stat().st_size)}: {writing.described(coverage)}"


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
