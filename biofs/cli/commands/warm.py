"""`biofs warm`.

What takes half a second to import (trio, httpx, rich) is imported once the command line is known to
be right.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from biofs.cli import options, stores
from biofs.cli.output.quantities import counted, duration
from biofs.errors import USAGE, QuietError
from biofs.settings.load import Settings, load
from biofs.store.database.files import StoreError, store_path
from biofs.tree import names

if TYPE_CHECKING:
    import trio

    from biofs.api.server import Rate
    from biofs.catalogue.warming import Progress, Warming

_REDRAW_SECONDS: Final = 0.25
_BY_SIGNAL: Final = 128  # the exit code of what a signal ended is this and its number: bash(1)


@click.command(
    "warm", epilog=f"Example: biofs warm --details Sequences Images\n\n{options.CREDENTIALS}"
)
@options.options(options.account, options.fetching, options.logging)
@click.option("--demo", is_flag=True, help="Use the embedded catalogue (needs --cache-dir).")
@click.option("--details", is_flag=True, help="Also fetch every group's detail, one request each.")
@click.argument(
    "categories", metavar="[CATEGORY]...", nargs=-1, shell_complete=options.complete_category
)
def command(categories: tuple[str, ...], details: bool, **given: object) -> int:
    """Prefetch what is missing, within the rate limit.

    The listings of each CATEGORY, or of all. Goes on where it was stopped, and can run beside a
    mount: both keep to one pace and share what they know.
    """
    settings = load(given, os.environ)
    if settings.cache_dir is None:
        raise QuietError("--demo: keeps nothing without a place for it: give --cache-dir", USAGE)
    chosen = _chosen(categories)
    with stores.warming(_store_of(settings)):
        click.echo(run(settings, chosen, details=details))
    return 0


def _chosen(given: Iterable[str]) -> list[int]:
    """The ids of categories, named as their directories in any case; all if none is given."""
    chosen: dict[int, None] = {}
    for name in given:
        category = names.category_typed(name)
        if category is None or category not in names.CATEGORIES:
            all_names = ", ".join(names.category_dirname(ident) for ident in names.CATEGORIES)
            raise QuietError(f"{name}: no such category; the categories are {all_names}", USAGE)
        chosen[category] = None
    return list(chosen or names.CATEGORIES)


def _store_of(settings: Settings) -> Path:
    """The file of the settings' server and account."""
    path = store_path(settings)
    if path is None:
        raise QuietError("there is no cache on the disk: give --cache-dir")
    return path


def run(settings: Settings, categories: Sequence[int], *, details: bool) -> str:
    """Warm up, and say in a line how it went.

    Raises QuietError if not all is known afterwards, with how to go on.
    """
    import trio  # noqa: PLC0415

    from biofs.mount.process import daemon  # noqa: PLC0415

    daemon.set_up(settings.log_level, settings.log_file)
    return trio.run(_main, settings, categories, details, strict_exception_groups=True)


async def _main(settings: Settings, categories: Sequence[int], details: bool) -> str:
    from biofs.catalogue.catalogue import open_catalogue  # noqa: PLC0415
    from biofs.catalogue.warming import Warming  # noqa: PLC0415
    from biofs.mount.process import daemon  # noqa: PLC0415

    async with open_catalogue(settings) as catalogue:
        if catalogue.store.path is None:
            raise QuietError("the cache file cannot be used: the log says why")
        daemon.relax_collector()
        warming = Warming(catalogue, categories, details=details, most_bytes=settings.cache_size)
        stopped = await _follow(warming, settings)
        state = warming.progress()
    if stopped is not None:
        _say_where_it_stopped(state, stopped)
    return _in_words(state)


async def _follow(warming: Warming, settings: Settings) -> signal.Signals | None:
    """Run it with its progress shown. Returns the signal that stopped it, if one did."""
    import trio  # noqa: PLC0415

    from biofs.api.errors import ApiError  # noqa: PLC0415
    from biofs.cli.output import progress  # noqa: PLC0415

    stopped: list[signal.Signals] = []
    failed: list[Exception] = []

    async def work(scope: trio.CancelScope) -> None:
        try:
            await warming.run()
        except (ApiError, StoreError) as error:
            failed.append(error)
        scope.cancel()

    async def watch(scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for number in signals:
                stopped.append(signal.Signals(number))
                scope.cancel()

    meter = progress.meter()

    async def show() -> None:
        began = trio.current_time()
        while True:
            elapsed = trio.current_time() - began
            state = warming.progress()
            total = state.sent + state.left
            meter.show(state.sent, total, how_far(state, settings.rate, elapsed), elapsed)
            await trio.sleep(_REDRAW_SECONDS)

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, nursery.cancel_scope)
            nursery.start_soon(show)
            nursery.start_soon(work, nursery.cancel_scope)
    finally:
        meter.close()
    if failed:
        raise QuietError(f"{failed[0]}: what was fetched is kept; run it again to continue")
    return stopped[0] if stopped else None


def how_far(progress: Progress, rate: Rate, elapsed: float) -> str:
    """How many requests were sent, how many are left, and how long they take."""
    from biofs.catalogue.warming import seconds_left  # noqa: PLC0415

    left = duration(seconds_left(progress, rate, elapsed))
    about = "" if progress.exact else "about "
    total = progress.sent + progress.left
    text = f"{progress.sent:,} of {about}{counted(total, 'request')}, {about}{left} left"
    if progress.listed < progress.categories:
        text += f", {progress.listed} of {progress.categories} categories listed"
    return text


def _say_where_it_stopped(state: Progress, by: signal.Signals) -> None:
    about = "" if state.exact else "about "
    raise QuietError(
        f"stopped after {counted(state.sent, 'request')}, {about}{state.left:,} are left: "
        f"run it again to continue",
        _BY_SIGNAL + by,
    )


def _in_words(state: Progress) -> str:
    sent = counted(state.sent, "request")
    if state.failed:
        raise QuietError(
            f"{counted(state.failed, 'answer')} were invalid (see the log): "
            f"everything else is cached, after {sent}"
        )
    gone = f"; {counted(state.gone, 'group')} not there any more" if state.gone else ""
    return f"everything is cached, after {sent}{gone}"
