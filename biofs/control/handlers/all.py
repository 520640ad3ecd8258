"""Everything a mount answers at its socket, tables for `biofs ls` and `biofs find` among it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import trio

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Background, Caller, DryRun, WouldFetch
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.fetches import Fetch
from biofs.control import protocol, server
from biofs.control.handlers.explain import Explainer, Resolver, step
from biofs.control.handlers.fetch import Fetcher
from biofs.control.handlers.jobs import Paths
from biofs.control.handlers.refresh import Refresher
from biofs.control.handlers.verify import Verifier
from biofs.control.protocol import Ask
from biofs.control.server import Handler, Refused, Report
from biofs.mount.contents import Contents
from biofs.mount.process.run import Mounted
from biofs.mount.surveys import Surveys
from biofs.store import fulltext
from biofs.store.coverage import Coverage, Gaps, measure
from biofs.store.database import files
from biofs.store.rows import Entry, Wanted, page
from biofs.store.search import Damaged, hits
from biofs.tree import names

T = TypeVar("T")

REPORT_SECONDS: Final = 1.0
SURVEY_SECONDS: Final = 5.0
"""For so long a page of a table waits for disks."""

_LARGEST: Final = 2**63 - 1

MOST_HITS: Final = 1000
"""What fits an answer: a path has up to 4,096 bytes."""


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What `find` searches for: words that all have to occur, in names of files with `files`."""

    words: tuple[str, ...]
    limit: int = 50
    files: bool = False


class Tables:
    """Answers for the rows that people want to see."""

    def __init__(self, catalogue: Catalogue, contents: Contents | None = None) -> None:
        self._catalogue: Final = catalogue
        self._contents: Final = contents
        self._gaps: Final = Gaps(catalogue.store)

    async def table(self, ask: Ask, report: Report) -> dict[str, object]:
        """A page of a table (`Wanted` in the arguments). With `wait`, a category that was never
        listed is listed first, as if somebody had looked into it.

        `contents` is there for the torrents of a group if the mount has data directories: then the
        rows say what is here of them.
        """
        wanted = _arguments(ask, Wanted)
        facts: dict[str, object] = {}
        if wanted.what == "category":
            if not names.has_place(wanted.ident):
                raise Refused("there is no such category")
            if ask.wait and wanted.after < 0:
                await self._list(wanted.ident, report)
            facts["complete"] = self._catalogue.listings.is_complete(wanted.ident)
        found = await self._read(partial(page, wanted=wanted))
        if wanted.what == "group" and self._contents is not None:
            facts["contents"] = True
            found = msgspec.structs.replace(
                found, entries=await _with_contents(self._contents.surveys, found.entries)
            )
        return {**facts, **msgspec.to_builtins(found)}

    async def find(self, ask: Ask, report: Report) -> dict[str, object]:
        """What the words of `Sought` are found in, the best first."""
        sought = _arguments(ask, Sought)
        limit = min(sought.limit, MOST_HITS)

        def read(connection: sqlite3.Connection) -> list[dict[str, object]]:
            if not fulltext.is_there(connection):
                raise Refused("the SQLite of the mount's Python has no FTS5")
            return list(hits(connection, sought.words, limit, files=sought.files))

        return {"hits": await self._read(read)}

    async def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._catalogue.store.scan(read)
        except sqlite3.DatabaseError as error:
            raise Refused(f"the store cannot be read: {error}") from None
        except Damaged as error:
            raise Refused(str(error)) from None

    async def _list(self, category: int, report: Report) -> None:
        try:
            await self._catalogue.listings.listed(category, _Waiting(self, category, report))
        except ApiError as error:
            raise Refused(f"{names.category_dirname(category)}: {error}") from None

    def how_far(self, category: int) -> str:
        """How far the listing of a category is, and how long it takes from here, in seconds."""
        read, pages = self._gaps.pages(category)
        pace = self._catalogue.queue.pace
        if pages is None:
            return f"0 of ? {pace.delay():.0f}"
        left = max(pages - read, 0)
        seconds = 0.0 if pace.rate.unlimited else left * pace.rate.seconds / pace.rate.requests
        return f"{read} of {pages} {seconds:.0f}"


async def _with_contents(surveys: Surveys, entries: Sequence[Entry]) -> list[Entry]:
    """The torrents with what is here of each, as far as that can be told in SURVEY_SECONDS."""
    found = list(entries)
    with trio.move_on_after(SURVEY_SECONDS):
        for number, entry in enumerate(entries):
            with suppress(OSError):  # of its disk
                known = await surveys.known(entry.id, Background())
                if known is not None:
                    here = min(known.survey.here.bytes, _LARGEST)
                    found[number] = msgspec.structs.replace(entry, here=here)
    return found


class _Waiting(Caller):
    """Waits for the listing of a category and reports how far it is."""

    def __init__(self, tables: Tables, category: int, report: Report) -> None:
        super().__init__()
        self._tables: Final = tables
        self._category: Final = category
        self._report: Final = report

    async def wait(self, fetch: Fetch) -> None:
        if not fetch.done:
            await step(
                fetch, lambda: self._report(self._tables.how_far(self._category)), REPORT_SECONDS
            )


def _arguments(ask: Ask, kind: type[T]) -> T:
    try:
        return msgspec.convert(ask.arguments, kind)
    except msgspec.ValidationError:
        raise Refused("no such request: is the mount of another version?") from None


async def serve(mounted: Mounted, *, task_status: trio.TaskStatus[None]) -> None:
    """Answer at a mount's socket until cancelled: a companion of the mount."""
    handlers = Answers(mounted).handlers()
    await server.serve(str(mounted.mountpoint), handlers, task_status=task_status)


class Answers:
    """The handlers of a mount's socket."""

    def __init__(self, mounted: Mounted) -> None:
        catalogue, resolver = mounted.catalogue, Resolver(mounted.nodes)
        self._catalogue: Final = catalogue
        self._resolver: Final = resolver
        fetching = mounted.fetching
        self._explainer: Final = Explainer(
            catalogue, resolver, mounted.contents, fetches=fetching is not None
        )
        self._refresher: Final = Refresher(catalogue, resolver, mounted.following)
        self._tables: Final = Tables(catalogue, mounted.contents)
        self._verifier: Final = Verifier(catalogue, resolver, mounted.contents)
        self._fetcher: Final = Fetcher(catalogue, resolver, fetching)
        self._mounted: Final = mounted

    def handlers(self) -> Mapping[str, Handler]:
        """By what they do."""
        return {
            "status": self._status,
            "explain": self._explain,
            "where": self._where,
            "refresh": self._refresh,
            "table": self._tables.table,
            "find": self._tables.find,
            "verify": partial(self._of_paths, self._verifier.verify),
            "fetch-plan": partial(self._of_paths, self._fetcher.plan),
            "fetch": partial(self._of_paths, self._fetcher.fetch),
            "fetch-wait": partial(self._of_paths, self._fetcher.wait),
            "fetch-status": partial(self._of_paths, self._fetcher.status),
            "fetch-cancel": partial(self._of_paths, self._fetcher.cancel),
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

    async def _of_paths(
        self,
        work: Callable[[Paths, Report], Awaitable[dict[str, object]]],
        ask: Ask,
        report: Report,
    ) -> dict[str, object]:
        return await work(_arguments(ask, Paths), report)

    async def _explain(self, ask: Ask, report: Report) -> dict[str, object]:
        facts = await self._explainer.explain(protocol.decode_path(ask.path))
        return {**facts, "now": self._catalogue.clock()}

    async def _where(self, ask: Ask, report: Report) -> dict[str, object]:
        """Where a path leads, which only the mount knows below a link; asks the server nothing."""
        try:
            walked = await self._resolver.walk(protocol.decode_path(ask.path), DryRun())
        except (WouldFetch, OSError, ApiError):
            raise Refused("not known") from None
        at = walked.path if walked.out is None else walked.out
        path = protocol.encode_path(os.fsdecode(b"/".join(at)))
        return {"out" if walked.out is not None else "path": path}


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
