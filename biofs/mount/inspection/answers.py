"""Everything a mount answers at its socket."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.coverage import Coverage, measure
from biofs.control import messages
from biofs.control.messages import Ask
from biofs.control.server import Handler, Refused, Report
from biofs.mount.families.family import Family
from biofs.mount.inspection.explaining import Explainer
from biofs.mount.inspection.refreshing import Refresher
from biofs.mount.inspection.resolving import Resolver
from biofs.mount.inspection.tables import Tables
from biofs.tree import names
from biofs.tree.inodes import Kind


class Answers:
    """The handlers of a mount's socket. `state` is what status.json shows, `told` returns when the
    kernel was told what has changed."""

    def __init__(
        self,
        catalogue: Catalogue,
        families: Mapping[Kind, Family],
        state: Callable[[], dict[str, object]],
        told: Callable[[], Awaitable[None]],
    ) -> None:
        resolver = Resolver(families)
        self._catalogue: Final = catalogue
        self._explainer: Final = Explainer(catalogue, resolver)
        self._refresher: Final = Refresher(catalogue, resolver)
        self._tables: Final = Tables(catalogue)
        self._state: Final = state
        self._told: Final = told

    def handlers(self) -> Mapping[str, Handler]:
        """By what they do."""
        return {
            "status": self._status,
            "explain": self._explain,
            "refresh": self._refresh,
            "table": self._tables.table,
            "find": self._tables.find,
        }

    async def _status(self, ask: Ask, report: Report) -> dict[str, object]:
        store = self._catalogue.store
        try:
            coverage = await store.scan(measure)
        except sqlite3.DatabaseError as error:
            raise Refused(f"the store cannot be read: {error}") from None
        known = in_numbers(coverage, self._catalogue.clock())
        return {**self._state(), "known": {**known, "bytes": bytes_of(store.path)}}

    async def _refresh(self, ask: Ask, report: Report) -> dict[str, object]:
        answer = await self._refresher.refresh(ask, report)
        # Whoever asked for it looks at it next, and is not to see what the kernel has kept.
        await self._told()
        return answer

    async def _explain(self, ask: Ask, report: Report) -> dict[str, object]:
        facts = await self._explainer.explain(messages.decode_path(ask.path))
        return {**facts, "now": self._catalogue.clock()}


def in_numbers(coverage: Coverage, now: float) -> dict[str, object]:
    """A coverage as JSON; ages are in seconds, None for what is not known."""

    def age(moment: float | None) -> int | None:
        return None if moment is None else max(round(now - moment), 0)

    return {
        "groups": coverage.groups,
        "details": coverage.details,
        "file_lists": coverage.file_lists,
        "oldest_detail_seconds": age(coverage.oldest),
        "newest_detail_seconds": age(coverage.newest),
        "categories": {
            names.category_dirname(category.category): {
                "groups": category.groups,
                "details": category.details,
                "listed": category.checked is not None,
                "listing_seconds": age(category.checked),
            }
            for category in coverage.categories
        },
    }


def bytes_of(store: Path | None) -> int | None:
    """What a store takes on the disk, its log included; None for one in memory."""
    if store is None:
        return None
    total = 0
    for suffix in ("", "-wal", "-shm"):
        try:
            total += store.with_name(store.name + suffix).stat().st_size
        except OSError:
            continue
    return total
