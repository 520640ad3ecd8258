"""`biofs find`: what is known, searched at once and without asking anybody."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from biofs import config
from biofs.cli import mountinfo, shared, stores
from biofs.control import client
from biofs.errors import USAGE, QuietError

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOST_GROUPS = 1000  # whose file names are looked through


@click.command(
    "find",
    epilog='Example: biofs find kratom genome\n\nExample: biofs find --files "S288C_YOL086C"',
)
@shared.options(shared.account)
@click.option("--snapshot", metavar="FILE", help="Search a file made by `biofs export`.")
@click.option("--demo", is_flag=True, help="Search the embedded catalogue; needs --cache-dir.")
@click.option("--files", is_flag=True, help="Search the names of files only, and print files.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    metavar="N",
    help="Print the best N at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print an object a line, for programs.")
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
def command(words: tuple[str, ...], files: bool, limit: int, as_json: bool, **given: object) -> int:
    """The groups in which every WORD occurs, the best first, out of what is known.

    Titles, organisms, strains, accessions, authors, tags, descriptions, formats and names of files
    are searched; case and accents make no difference. A WORD with blanks has to occur as it
    stands. If no group has the words, those are printed that have words beginning so. Nothing is
    asked of the server; `biofs warm --details` has everything known.

    Prints paths: in your mount, if one is running, else from a mount's root.
    """
    if not any(character.isalnum() for word in words for character in word):
        raise QuietError("there is no word to search for", USAGE)
    # Offline: what is known can be searched without a token, if it is clear whose it is.
    settings = config.load({**given, "offline": True}, os.environ)
    root = _root(settings)
    found = 0
    for facts in _search(settings, words, limit, files=files):
        found += 1
        facts["path"] = f"{root}{facts['path']}"
        _print(json.dumps(facts, ensure_ascii=False) if as_json else str(facts["path"]))
    if not found:
        raise QuietError("nothing of what is known has that: `biofs warm --details` fetches more")
    return 0


def _print(line: str) -> None:
    # Paths are bytes; what their bytes are does not hang on the terminal's encoding. No name has a
    # control character, but a snapshot may come from anybody.
    click.echo(_CONTROLS.sub("\ufffd", line).encode(errors="surrogateescape"))


def _root(settings: config.Settings) -> str:
    """The mountpoint, if exactly one mount of this user shows what is searched."""
    from biofs.catalogue.location import source_name  # noqa: PLC0415

    source = source_name(settings)
    mounts = {mount.mountpoint for mount in mountinfo.read() if _shows(mount, source)}
    return f"{mounts.pop().rstrip('/')}/" if len(mounts) == 1 else ""


def _shows(mount: mountinfo.Mount, source: str) -> bool:
    return mount.is_biofs and mount.source == source and client.is_there(mount.mountpoint)


def _store(settings: config.Settings) -> Path:
    return stores.known_of(settings) if settings.snapshot is None else settings.snapshot


def _search(
    settings: config.Settings, words: Sequence[str], limit: int, *, files: bool
) -> Iterator[dict[str, Any]]:
    from biofs.catalogue import fulltext  # noqa: PLC0415
    from biofs.catalogue.foreign import foreign_in  # noqa: PLC0415

    # A snapshot may come from anybody (sqlite.org/security.html).
    store, strange = _store(settings), settings.snapshot is not None
    try:
        with closing(sqlite3.connect(f"file:{quote(bytes(store))}?mode=ro", uri=True)) as opened:
            opened.execute("PRAGMA trusted_schema = OFF")
            opened.execute("PRAGMA cell_size_check = ON")
            if strange and (foreign := foreign_in(opened)):
                raise QuietError(f"{store}: not a snapshot: holds {foreign!r}")
            if not fulltext.is_there(opened):
                raise QuietError(f"{store}: has nothing to search in: {_why(opened)}")
            results = _files(opened, words) if files else _groups(opened, words, limit)
            yield from islice(results, limit)
    except sqlite3.DatabaseError as error:
        raise QuietError(f"{store}: {error}") from None


def _why(opened: sqlite3.Connection) -> str:
    options = {name for (name,) in opened.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options:
        return "the SQLite of this Python has no FTS5"
    return "not a store of this biofs"


def _groups(
    opened: sqlite3.Connection, words: Sequence[str], limit: int
) -> Iterator[dict[str, Any]]:
    from biofs.catalogue import fulltext  # noqa: PLC0415

    for hit in fulltext.find(opened, words, limit):
        yield {"path": hit.path, "group": hit.group_id}


def _files(opened: sqlite3.Connection, words: Sequence[str]) -> Iterator[dict[str, Any]]:
    from biofs.catalogue import fulltext  # noqa: PLC0415
    from biofs.catalogue.file_search import files_in  # noqa: PLC0415 - imports trio
    from biofs.catalogue.store import StoreError  # noqa: PLC0415

    for hit in fulltext.find(opened, words, _MOST_GROUPS, files=True):
        try:
            for file in files_in(opened, hit.group_id, words):
                yield {
                    "path": f"{hit.path}/{file.path}",
                    "group": hit.group_id,
                    "torrent": file.torrent_id,
                    "size": file.size,
                }
        except StoreError as error:
            raise QuietError(f"{hit.path}: {error}") from None
