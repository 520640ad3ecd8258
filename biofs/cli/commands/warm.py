"""`biofs warm`."""

import os
from collections.abc import Iterable

import click

from biofs.cli import completers, options
from biofs.cli.system import locks
from biofs.errors import USAGE, QuietError
from biofs.settings.load import load
from biofs.tree import names


@click.command(
    "warm", epilog=f"Example: biofs warm --details Sequences Images\n\n{options.CREDENTIALS}"
)
@options.options(options.account, options.fetching, options.logging)
@click.option("--demo", is_flag=True, help="The embedded catalogue's; needs --cache-dir.")
@click.option("--details", is_flag=True, help="Every group's detail, too: a request each.")
@click.argument(
    "categories", metavar="[CATEGORY]...", nargs=-1, shell_complete=completers.categories
)
def command(categories: tuple[str, ...], details: bool, **given: object) -> int:
    """Fetch what is not known yet, at the pace.

    The listings of each CATEGORY, or of all. Goes on where it was stopped, and can run beside a
    mount: both keep to one pace and share what they know.
    """
    settings = load(given, os.environ)
    if settings.cache_dir is None:
        raise QuietError("--demo: keeps nothing without a place for it: give --cache-dir", USAGE)
    chosen = _chosen(categories)
    # trio and httpx take half a second: not before all is known to be right.
    from biofs.cli import warming  # noqa: PLC0415

    with locks.warming(warming.store_of(settings)):
        click.echo(warming.run(settings, chosen, details=details))
    return 0


def _chosen(given: Iterable[str]) -> list[int]:
    """The ids of categories, named as their directories in any case; all if none is given."""
    known = {names.category_dirname(ident).lower(): ident for ident in names.CATEGORIES}
    for name in given:
        if name.lower() not in known:
            all_names = ", ".join(names.category_dirname(ident) for ident in names.CATEGORIES)
            raise QuietError(f"{name}: no such category: there are {all_names}", USAGE)
    return list(dict.fromkeys(known[name.lower()] for name in given)) or list(names.CATEGORIES)
