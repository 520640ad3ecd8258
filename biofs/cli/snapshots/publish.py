"""`biofs publish`."""

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biofs.cli import options, stores
from biofs.cli.output import quantities
from biofs.cli.output.report import complain
from biofs.cli.snapshots import export
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings, load

if TYPE_CHECKING:
    from biofs.store.snapshots.places import Place
    from biofs.store.snapshots.publication import Published
    from biofs.store.snapshots.signing import Signer

_BUCKET = "s3://"


@click.command(
    "publish",
    epilog="Example: biofs warm --details && biofs publish --key biofs.key /srv/www/catalogue",
)
@options.options(options.account)
@click.option(
    "--demo", is_flag=True, help="Publish the embedded catalogue's cache (needs --cache-dir)."
)
@click.option(
    "--key",
    metavar="FILE",
    shell_complete=options.complete_file,
    help="Sign with the secret key in FILE, which `minisign -G` made; a password is asked for, "
    "or taken from BIOFS_SIGNING_PASSWORD.",
)
@click.option(
    "--endpoint",
    metavar="URL",
    help="Where the bucket is, if not at AWS [default: AWS_ENDPOINT_URL].",
)
@click.argument("place", metavar="DIR", shell_complete=options.complete_directory)
def command(place: str, key: str | None, endpoint: str | None, **given: object) -> None:
    """Publish the cache to DIR or s3://BUCKET/PREFIX, for mounts elsewhere.

    DIR is served by a web server; a bucket needs biofs[publish] and the variables of AWS. Writes
    the snapshot, what has changed since the last one, and a description. Sends nothing to the
    catalogue's server.
    """
    settings = load({**given, "offline": True}, os.environ)
    if endpoint is not None and not place.startswith(_BUCKET):
        raise QuietError("--endpoint: only a bucket has one", USAGE)
    # These import trio, httpx and cryptography, which take half a second.
    from biofs.store.database.files import StoreError  # noqa: PLC0415

    try:
        published = _published(settings, place, key, endpoint)
    except (StoreError, sqlite3.DatabaseError) as error:
        raise QuietError(str(error)) from None
    except OSError as error:
        raise QuietError(f"{error.filename or place}: {error.strerror}") from None
    for note in published.notes:
        complain(note)
    click.echo(_said(published))


def _published(
    settings: Settings, place: str, key: str | None, endpoint: str | None
) -> "Published":
    from biofs.cli.output import progress  # noqa: PLC0415 - as above
    from biofs.store.snapshots.publication import Publication  # noqa: PLC0415

    stores.known_of(settings)  # before a password is asked for
    signer = _signer(key)
    with (
        _opened(settings, place, endpoint) as there,
        _work(settings) as work,
        progress.shown() as show,
    ):
        fresh = work / "fresh"
        export.write(settings, fresh, show)
        return Publication(there, work, signer, time.time()).publish(fresh)


def _signer(key: str | None) -> "Signer | None":
    if key is None:
        return None
    from biofs.store.snapshots import signing  # noqa: PLC0415 - as above

    def password() -> str:
        given = os.environ.get(signing.PASSWORD_VARIABLE)
        if given is None and sys.stdin.isatty():
            return str(click.prompt(f"Password of {key}", hide_input=True, err=True))
        if given is None:
            raise QuietError(f"{key}: has a password: put it into {signing.PASSWORD_VARIABLE}")
        return given

    return signing.load(Path(key).absolute(), password)


@contextmanager
def _opened(settings: Settings, place: str, endpoint: str | None) -> Iterator["Place"]:
    """The place, which nobody else on this machine publishes to meanwhile."""
    from biofs.store.snapshots import places  # noqa: PLC0415 - as above

    if not place.startswith(_BUCKET):
        directory = Path(place).absolute()
        if not directory.is_dir():
            raise QuietError(f"{place}: no such directory: make it with `mkdir`")
        with places.alone(directory / places.LOCK, place):
            yield places.Directory(directory)
        return
    from biofs.cli.snapshots.bucket import open_bucket  # noqa: PLC0415 - as above

    bucket = open_bucket(place, endpoint, os.environ)
    name = hashlib.blake2b(f"{endpoint}\0{place}".encode(), digest_size=8).hexdigest()
    lock = stores.known_of(settings).with_name(f"publish-{name}.lock")
    with places.alone(lock, place):
        yield bucket


@contextmanager
def _work(settings: Settings) -> Iterator[Path]:
    """A directory for files as large as the store, where the store has room, too."""
    import tempfile  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(
        prefix=".publishing-", dir=stores.known_of(settings).parent
    ) as directory:
        yield Path(directory)


def _said(published: "Published") -> str:
    snapshot = published.description.snapshot
    if not published.is_new:
        return f"{snapshot.file}: nothing has changed"
    groups = quantities.counted(published.description.groups, "group")
    change = f", change {quantities.size(published.delta.size)}" if published.delta else ""
    return f"{snapshot.file}: {groups}, {quantities.size(snapshot.size)}{change}"
