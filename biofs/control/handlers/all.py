"""Everything a mount answers at its socket."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import trio

from biofs.control import protocol, server
from biofs.control.handlers.explain import Explainer, Resolver
from biofs.control.handlers.refresh import Refresher
from biofs.control.handlers.rows import Tables
from biofs.control.protocol import Ask
from biofs.control.server import Handler, Refused, Report
from biofs.mount.process.run import Mounted
from biofs.store.coverage import Coverage, measure
from biofs.store.database import files
from biofs.tree import names


async def serve(mounted: Mounted, *, task_status: trio.TaskStatus[None]) -> None:
    """Answer at a mount's socket until cancelled: a companion of the mount."""
    handlers = Answers(mounted).handlers()
    await server.serve(str(mounted.mountpoint), handlers, task_status=task_status)


class Answers:
    """The handlers of a mount's socket."""

    def __init__(self, mounted: Mounted) -> None:
        catalogue, resolver = mounted.catalogue, Resolver(mounted.nodes)
        self._catalogue: Final = catalogue
        self._explainer: Final = Explainer(catalogue, resolver)
        self._refresher: Final = Refresher(catalogue, resolver)
        self._tables: Final = Tables(catalogue)
        self._mounted: Final = mounted

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
        return {**self._mounted.state(), "known": {**known, "bytes": bytes_of(store.path)}}

    async def _refresh(self, ask: Ask, report: Report) -> dict[str, object]:
        answer = await self._refresher.refresh(ask, report)
        # Whoever refreshed it reads it next, and must not get what the kernel has cached.
        await self._mounted.flush_kernel()
        return answer

    async def _explain(self, ask: Ask, report: Report) -> dict[str, object]:
        facts = await self._explainer.explain(protocol.decode_path(ask.path))
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
    return None if store is None else files.size(store)
