"""`biofs find`: what is known, searched at once and without asking anybody."""

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import click

from biofs.cli import mount_lookup, options, stores
from biofs.contents.disk import mountinfo
from biofs.control import client
from biofs.control.protocol import Ask
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings, load
from biofs.store.database.files import StoreError
from biofs.tree import printable

_MOST_OF_A_MOUNT = 1000  # as biofs.control.handlers.all has it


@click.command(
    "find",
    epilog='\b\nExamples:\n  cd "$(biofs find adh1 | head -1)"\n  biofs find --files S288C_YOL086C',
)
@options.options(options.account)
@click.option(
    "--snapshot",
    metavar="FILE|URL",
    help="Search a file made by `biofs export`, or what a mount of URL fetched.",
    shell_complete=options.complete_file,
)
@options.setting("snapshot_key")
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
    """Search the cache and print paths, the best first.

    Every WORD has to occur. Titles, organisms, strains, accessions, authors, tags, descriptions,
    formats and names of files are searched; case and accents make no difference. A WORD with blanks
    has to occur as it stands. If nothing has the words, what has words that begin so is printed.
    Nothing is asked of the server; `biofs warm --details` has everything known.

    Prints paths: in your mount, if one is running, else from a mount's root.
    """
    if not any(character.isalnum() for word in words for character in word):
        raise QuietError("there is no word to search for", USAGE)
    found = 0
    asked = any(given.get(name) for name in options.OF_THE_STORE)
    for facts in _in_store(given, words, limit, files) if asked else _anywhere(words, limit, files):
        found += 1
        _print(json.dumps(facts, ensure_ascii=False) if as_json else str(facts["path"]))
    if not found:
        raise QuietError("no match in the cache; `biofs warm --details` fetches more")
    return 0


def _anywhere(words: Sequence[str], limit: int, files: bool) -> Iterator[dict[str, Any]]:
    """In what your only mount knows, or else in your store."""
    mounts = mount_lookup.mine()
    if len(mounts) != 1 or limit > _MOST_OF_A_MOUNT:
        yield from _in_store({}, words, limit, files)
        return
    mountpoint = mounts[0].mountpoint
    arguments = {"words": list(words), "limit": limit, "files": files}
    answer = mount_lookup.ask_mount(mountpoint, Ask(do="find", arguments=arguments), mountpoint)
    hits = answer.get("hits")
    for hit in hits if isinstance(hits, list) else ():
        yield {**hit, "path": f"{mountpoint.rstrip('/')}/{hit['path']}"}


def _in_store(
    given: Mapping[str, object], words: Sequence[str], limit: int, files: bool
) -> Iterator[dict[str, Any]]:
    # Offline: what is known can be searched without a token, if it is clear whose it is.
    settings = load({**given, "offline": True}, os.environ)
    root = _root(settings)
    for facts in _search(settings, words, limit, files=files):
        yield {**facts, "path": f"{root}{facts['path']}"}


def _print(line: str) -> None:
    # Paths are bytes, whatever the terminal's encoding. No name has a
    # control character, but a snapshot may come from anybody.
    click.echo(printable.for_path(line).encode(errors="surrogateescape"))


def _root(settings: Settings) -> str:
    """The mountpoint, if exactly one mount of this user shows what is searched."""
    from biofs.store.database.files import source_name  # noqa: PLC0415

    source = source_name(settings)
    mounts = {mount.mountpoint for mount in mountinfo.read() if _shows(mount, source)}
    return f"{mounts.pop().rstrip('/')}/" if len(mounts) == 1 else ""


def _shows(mount: mountinfo.Mount, source: str) -> bool:
    return mount.is_biofs and mount.source == source and client.is_there(mount.mountpoint)


def _search(
    settings: Settings, words: Sequence[str], limit: int, *, files: bool
) -> Iterator[dict[str, Any]]:
    from biofs.store import fulltext  # noqa: PLC0415
    from biofs.store.database.read_only import open_read_only  # noqa: PLC0415
    from biofs.store.search import Damaged, hits  # noqa: PLC0415

    store = stores.known_of(settings)
    foreign = settings.snapshot is not None or settings.snapshot_url is not None
    try:
        with closing(open_read_only(store, foreign=foreign)) as opened:
            if not fulltext.is_there(opened):
                raise QuietError(f"{store}: has nothing to search in: {_why(opened)}")
            yield from hits(opened, words, limit, files=files)
    except sqlite3.DatabaseError as error:
        raise QuietError(f"{store}: {error}") from None
    except (Damaged, StoreError) as error:
        raise QuietError(str(error)) from None


def _why(opened: sqlite3.Connection) -> str:
    options = {name for (name,) in opened.execute("PRAGMA compile_options")}
    if "ENABLE_FTS5" not in options:
        return "the SQLite of this Python has no FTS5"
    return "not a store of this biofs"
