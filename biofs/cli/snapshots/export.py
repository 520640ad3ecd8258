"""`biofs export`: writing the snapshot of a store, as `biofs publish` does, too."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofs.cli import options, stores
from biofs.cli.output import quantities
from biofs.errors import QuietError
from biofs.settings import private_files
from biofs.settings.load import Settings, load

if TYPE_CHECKING:
    from biofs.store.coverage import Coverage

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
            coverage = write(settings, fresh, show)
            if not plain:

                def tell(done: int, total: int) -> None:
                    show(done, total, f"{quantities.size(total)} to compress")

                packing.pack_in_place(fresh, tell)
        sync_directory(target.parent)
    except (StoreError, sqlite3.DatabaseError) as error:
        raise QuietError(str(error)) from None
    except OSError as error:
        raise QuietError(f"{shown}: {error.strerror}") from None
    return f"{quantities.size(target.stat().st_size)}: {described(coverage)}"


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write(settings: Settings, target: Path, show: Callable[..., None]) -> Coverage:
    """Write what is known to `target`, an empty file. It says when the server was last asked.

    Raises QuietError if nothing is known or it cannot be read, StoreError, OSError.
    """
    from biofs.store.database import normal_form, snapshot  # noqa: PLC0415 - trio and httpx
    from biofs.store.database.read_only import open_read_only  # noqa: PLC0415

    source = stores.known_of(settings)
    try:
        with closing(open_read_only(source, foreign=False)) as connection:
            made = normal_form.newest(connection, time.time())
    except sqlite3.DatabaseError as error:
        raise QuietError(f"{source}: {error}") from None
    return snapshot.write(source, target, made, settings.url, _ticking(source, target, show))


def described(coverage: Coverage) -> str:
    """How much of the catalogue is in it."""
    listed = sum(category.checked is not None for category in coverage.categories)
    return (
        f"{quantities.counted(listed, 'category', 'categories')} listed, "
        f"details of {coverage.details:,} of {quantities.counted(coverage.groups, 'group')}"
    )


def _ticking(source: Path, target: Path, show: Callable[..., None]) -> Callable[[], None]:
    """Shows how much is written: about as much as the store has."""
    began, total = time.monotonic(), max(source.stat().st_size, 1)

    def tick() -> None:
        done = min(target.stat().st_size, total)
        elapsed = time.monotonic() - began
        left = quantities.duration(elapsed * (total - done) / done) if done else "unknown"
        show(done, total, f"{quantities.size(done)} of about {quantities.size(total)}, {left} left")

    return tick
