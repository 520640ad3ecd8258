"""Writing the snapshot of a store, with a progress bar: what export and publish have in common."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from biofs.cli import stores
from biofs.cli.output import quantities
from biofs.errors import QuietError
from biofs.settings.load import Settings

if TYPE_CHECKING:
    from biofs.store.coverage import Coverage


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
