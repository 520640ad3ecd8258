"""`biofs cache`: what was fetched and is kept."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click

from biofs.cli import stores
from biofs.cli.output import quantities
from biofs.cli.output.report import confirm, one_line
from biofs.cli.system.processes import holders
from biofs.errors import QuietError
from biofs.settings.load import load
from biofs.store.database import files
from biofs.store.database.files import StoreError

cache_dir = click.option(
    "--cache-dir", metavar="DIR", help="Cache directory, in place of the default."
)


@click.group("cache")
def command() -> None:
    """Inspect or clear the cache."""


@command.command("info", epilog="Example: biofs cache info")
@cache_dir
def info(cache_dir: str | None) -> None:
    """Say what is kept: for each server and account how much, how old, and who uses it."""
    directory, found = _stores(cache_dir)
    if not found:
        click.echo(f"nothing is kept in {one_line(str(directory))}")
    for number, store in enumerate(found):
        click.echo(("\n" if number else "") + _described(store))


@command.command("clear", epilog="Example: biofs cache clear --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@cache_dir
def clear(yes: bool, cache_dir: str | None) -> int:
    """Remove everything that is kept. What a mount or a warm-up uses stays."""
    directory, found = _stores(cache_dir)
    used = {store: users for store in found if (users := _users(store))}
    free = [store for store in found if store not in used]
    size = quantities.size(sum(files.size(store) for store in free))
    if free and not yes:
        confirm(f"Remove {size} from {one_line(str(directory))}, fetched at the pace?")
    for store in free:
        stores.remove(store)
    if used:
        store, users = next(iter(used.items()))
        raise QuietError(f"{store.name}: in use by {users}: end that first, then clear again")
    click.echo(f"removed {size}")
    return 0


def _stores(cache_dir: str | None) -> tuple[Path, list[Path]]:
    # Offline: whose account it is does not matter here, so no token is needed.
    settings = load({"cache_dir": cache_dir, "offline": True}, os.environ)
    directory = settings.cache_dir
    if directory is None:
        raise QuietError("there is no cache on the disk")
    try:
        found = sorted(path for path in directory.iterdir() if files.SUFFIX in path.suffixes)
    except FileNotFoundError:
        found = []
    except OSError as error:
        raise QuietError(f"{directory}: {error.strerror}") from None
    return directory, [path for path in found if not path.name.endswith(files.BESIDE)]


def _users(store: Path) -> str:
    return ", ".join(map(str, holders(os.path.realpath(store))))


def _described(store: Path) -> str:
    from biofs.store.coverage import measure  # noqa: PLC0415 - imports trio
    from biofs.store.database.read_only import open_read_only  # noqa: PLC0415

    rows = [("store", one_line(store.name)), ("size", quantities.size(files.size(store)))]
    try:
        with closing(open_read_only(store, foreign=False)) as opened:
            coverage = measure(opened)
    except sqlite3.DatabaseError as error:
        return quantities.table([*rows, ("damaged", one_line(str(error)))])
    except StoreError as error:
        return quantities.table([*rows, ("unusable", one_line(str(error)))])
    known = (
        f"{quantities.counted(coverage.groups, 'group')}, "
        f"{coverage.details:,} of them with details, "
        f"{quantities.counted(coverage.file_lists, 'file list')}"
    )
    rows.append(("known", known))
    if coverage.newest is not None and coverage.oldest is not None:
        now = time.time()
        rows.append(("details", quantities.ages(now - coverage.newest, now - coverage.oldest)))
    users = _users(store)
    if users:
        rows.append(("in use by", users))
    return quantities.table(rows)
