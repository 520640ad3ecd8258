"""`biofs export`."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import click

from biofs.cli import options, stores
from biofs.cli.output import quantities
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
@click.argument("file", metavar="FILE", shell_complete=options.complete_file)
def command(file: str, force: bool, **given: object) -> None:
    """Export the cache to FILE as a mountable snapshot.

    Sends nothing. `biofs mount --snapshot FILE` mounts it without network and without a token.
    """
    # Offline: what is known can be exported without a token, if it is clear whose it is.
    settings = load({**given, "offline": True}, os.environ)
    target = Path(file).absolute()
    if target.is_dir():
        raise QuietError(f"{file}: a directory: give a file in it")
    if os.path.lexists(target) and not force:
        raise QuietError(f"{file}: already exists; --force overwrites it")
    click.echo(_exported(settings, target, file))


def _exported(settings: Settings, target: Path, shown: str) -> str:
    # These import trio and httpx, which take half a second.
    from biofs.cli.output import progress  # noqa: PLC0415
    from biofs.store.database import snapshot  # noqa: PLC0415
    from biofs.store.database.files import StoreError  # noqa: PLC0415

    source = stores.known_of(settings)
    try:
        with (
            private_files.replacing(target, _READABLE & ~_umask()) as fresh,
            progress.shown() as show,
        ):
            tick = _ticking(source, fresh, show)
            coverage = snapshot.write(source, fresh, time.time(), settings.url, tick)
    except StoreError as error:
        raise QuietError(str(error)) from None
    except OSError as error:
        raise QuietError(f"{shown}: {error.strerror}") from None
    listed = sum(category.checked is not None for category in coverage.categories)
    size = quantities.size(target.stat().st_size)
    return (
        f"{size}: {quantities.counted(listed, 'category', 'categories')} listed, "
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


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
