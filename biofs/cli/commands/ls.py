"""`biofs ls`: a category, a group, a view as a table for people, or as JSON for programs."""

from __future__ import annotations

import os

import click

from biofs.cli import mount_lookup, options
from biofs.cli.ls import ORDERS, Place, place_of
from biofs.errors import USAGE, QuietError
from biofs.settings.load import load
from biofs.tree.names import category_dirname


@click.command(
    "ls",
    epilog="\b\nExamples:\n"
    "  biofs ls Sequences --sort seeders --limit 20\n"
    "  biofs ls tags/fungi --year 2000- --min-size 1G\n"
    "  biofs ls Images --json | jq -r .path",
)
@click.option(
    "--sort",
    "order",
    type=click.Choice(ORDERS),
    metavar="KEY",
    default="name",
    help="By name, time, year, size, files, seeders, groups …",
)
@click.option("-r", "--reverse", is_flag=True, help="Reverse the order.")
@click.option("--match", metavar="TEXT", help="Only names with TEXT in them.")
@click.option("--year", metavar="YEARS", help="Only groups of these years: 2005, 2000-2005, 2000-.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only groups with this tag.")
@click.option(
    "--format", "formats", multiple=True, metavar="NAME", help="Only groups in this format."
)
@click.option("--min-size", metavar="SIZE", help="Only groups of at least SIZE, e.g. 500M.")
@click.option("--max-size", metavar="SIZE", help="Only groups of at most SIZE.")
@click.option(
    "--min-seeders",
    type=click.IntRange(0),
    metavar="N",
    help="Only groups with at least N seeders.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show the first N.")
@click.option("--json", "as_json", is_flag=True, help="Print an object a line, for programs.")
@click.option("--known", is_flag=True, help="Cached rows only; send no request.")
@options.options(options.account)
@click.option(
    "--snapshot",
    metavar="FILE|URL",
    help="Look into a file made by `biofs export`, or what a mount of URL fetched.",
    shell_complete=options.complete_file,
)
@click.option("--demo", is_flag=True, help="Use the embedded catalogue (needs --cache-dir).")
@click.argument("path", metavar="[PATH]", required=False, shell_complete=options.complete_place)
def command(path: str | None, as_json: bool, known: bool, year: str | None, **given: object) -> int:
    """Show a category, a tag, a group … as a table.

    PATH is a category, such as Sequences, or a path in a mount. In a running mount it costs what
    `ls` of PATH does; without one, what is known is shown. A pipe gets columns with tabs.
    """
    from biofs.cli.ls import listing  # noqa: PLC0415 - rich and msgspec take a tenth of a second

    selection = listing.selection(year=year, **{k: given.pop(k) for k in listing.SELECTED})
    where = None if any(given.get(name) for name in options.OF_THE_STORE) else _in_mount(path)
    if where is not None:
        return listing.of_mount(*where, selection, known=known, as_json=as_json)
    place = place_of(path or "")
    if place is None:
        raise QuietError(f"{path}: not a category, and not a path in a biofs mount", USAGE)
    settings = load({**given, "offline": True}, os.environ)
    return listing.of_store(settings, place, selection, as_json=as_json)


def _in_mount(path: str | None) -> tuple[str, str, Place] | None:
    """The mount that is meant, the path in it, and the place; None if there is no mount for it.

    A path that leads into a mount means what stands there; any other is the name of a category or
    a path from the root of the only mount there is.
    """
    found = _located(path)
    if found is not None:
        mountpoint, rest = found
        place = place_of(rest)
        if place is not None:
            return mountpoint, rest, place
    else:
        mounts = mount_lookup.mine()
        if len(mounts) != 1:
            return None
        mountpoint = mounts[0].mountpoint
    place = place_of(path or "")
    if place is None or (path or "").startswith("/"):
        raise QuietError(f"{path or '.'}: nothing to make a table of: `ls` shows it")
    return mountpoint, path_of(place, path or ""), place


def _located(path: str | None) -> tuple[str, str] | None:
    try:
        return mount_lookup.locate("." if path is None else path)
    except QuietError:
        return None


def path_of(place: Place, typed: str) -> str:
    """The path of a place from a mount's root; `typed` may have been a category's name alone."""
    if place.what == "category":
        return f"categories/{category_dirname(place.ident)}"
    return "" if place.what == "categories" else typed.strip("/")
