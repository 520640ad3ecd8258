"""What `biofs warm` does once its command line is known to be right."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import trio

from biofs.api.errors import ApiError
from biofs.catalogue import assembly
from biofs.catalogue.warming import Progress, Warming
from biofs.cli.output import progress
from biofs.cli.output.quantities import counted
from biofs.errors import QuietError
from biofs.mount.process import logs
from biofs.settings.load import Settings
from biofs.store.errors import StoreError
from biofs.store.location import store_path

_BY_SIGNAL = 128  # the exit code of what a signal ended is this and its number: bash(1)


def store_of(settings: Settings) -> Path:
    """The file of the settings' server and account."""
    path = store_path(settings)
    if path is None:
        raise QuietError("there is no cache on the disk: give --cache-dir")
    return path


def run(settings: Settings, categories: Sequence[int], *, details: bool) -> str:
    """Warm up, and say in a line how it went.

    Raises QuietError if not all is known afterwards, with how to go on.
    """
    logs.set_up(settings.log_level, settings.log_file)
    return trio.run(_main, settings, categories, details, strict_exception_groups=True)


async def _main(settings: Settings, categories: Sequence[int], details: bool) -> str:
    async with assembly.open_catalogue(settings) as catalogue:
        if catalogue.store.path is None:
            raise QuietError("the cache file cannot be used: the log says why")
        warming = Warming(catalogue, categories, details=details, most_bytes=settings.cache_size)
        stopped = await _shown(warming, settings)
        state = warming.progress()
    if stopped is not None:
        _say_where_it_stopped(state, stopped)
    return _in_words(state)


async def _shown(warming: Warming, settings: Settings) -> signal.Signals | None:
    """Run it with its progress shown. Returns the signal that stopped it, if one did."""
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

    display = progress.display(settings.rate)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, nursery.cancel_scope)
            nursery.start_soon(progress.follow, display, warming.progress)
            nursery.start_soon(work, nursery.cancel_scope)
    finally:
        display.close()
    if failed:
        raise QuietError(f"{failed[0]}: what was fetched is kept: run it again to go on")
    return stopped[0] if stopped else None


def _say_where_it_stopped(state: Progress, by: signal.Signals) -> None:
    about = "" if state.exact else "about "
    raise QuietError(
        f"stopped after {counted(state.sent, 'request')}, {about}{state.left:,} are left: "
        f"run it again to go on",
        _BY_SIGNAL + by,
    )


def _in_words(state: Progress) -> str:
    sent = counted(state.sent, "request")
    if state.failed:
        raise QuietError(
            f"{counted(state.failed, 'answer')} made no sense, as the log says: "
            f"all else is known now, after {sent}"
        )
    gone = f"; {counted(state.gone, 'group')} not there any more" if state.gone else ""
    return f"all is known now, after {sent}{gone}"
