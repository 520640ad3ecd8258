"""Refreshing something now, at the user's wish, and reporting what is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import trio

from biofs.api.errors import ApiError, NotFound
from biofs.catalogue.answers import KnownAnswer
from biofs.catalogue.caller import Caller, DryRun, NoWait, WouldFetch, WouldWait
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.fetches import Fetch, Priority
from biofs.catalogue.subscription.following import Following
from biofs.control import protocol
from biofs.control.handlers import explain
from biofs.control.handlers.explain import (
    IN_CATEGORY,
    IN_GROUP,
    IN_TORRENT,
    Found,
    Resolver,
    pages_of,
    step,
)
from biofs.control.protocol import Ask
from biofs.control.server import Refused, Report
from biofs.store.details import Detail
from biofs.store.groups import Before
from biofs.tree import names
from biofs.tree.inodes import Address, Kind

TELLS_SECONDS: Final = 2.0
_UNKNOWN: Final = "not known yet: reading it fetches it"


class _Seen(NamedTuple):
    """Groups of a category that were seen to be different, or gone."""

    changed: set[int]
    gone: set[int]


class Watcher:
    """An observer that collects the changes in categories that are being refreshed."""

    def __init__(self) -> None:
        self._watched: Final[defaultdict[int, list[_Seen]]] = defaultdict(list)

    @contextmanager
    def watching(self, category: int) -> Iterator[_Seen]:
        """Collect what changes in a category while the context is open."""
        seen = _Seen(set(), set())
        self._watched[category].append(seen)
        try:
            yield seen
        finally:
            self._watched[category] = [
                other for other in self._watched[category] if other is not seen
            ]

    def group_changed(self, before: Before, *, gone: bool) -> None:
        for seen in self._watched.get(before.group.category, ()):
            (seen.gone if gone else seen.changed).add(before.group.id)

    def listing_changed(self, category: int) -> None:
        """See Observer: which groups changed is what counts."""

    def answer_changed(self, key: str) -> None:
        """See Observer: no category shows answers."""


class Refresher:
    """Refreshes what stands at a path."""

    def __init__(
        self, catalogue: Catalogue, resolver: Resolver, following: Following | None = None
    ) -> None:
        self._catalogue: Final = catalogue
        self._following: Final = following
        self._resolver: Final = resolver
        self._watcher: Final = Watcher()
        catalogue.changes.subscribe(self._watcher)

    async def refresh(self, ask: Ask, report: Report) -> dict[str, object]:
        """Fetch it again; `changed` of the answer says in words what is new.

        Raises Refused for what cannot be refreshed, is not known yet, or would cost very much and
        was not confirmed with `everything`.
        """
        if self._following is not None:
            return await _published(self._following, ask, report)
        found = await self._found(ask)
        address = found.address
        if self._catalogue.queue.offline:
            raise Refused("the mount is offline: nothing is asked")
        if address.kind in IN_CATEGORY:
            if address.ident not in names.CATEGORIES:
                raise Refused("no query lists this category: refresh a group in it")
            return await self._categories([address.ident], ask, report)
        if address.kind in {Kind.ROOT, Kind.CATEGORIES}:
            return await self._everything(ask, report)
        group_id = self._group_of(address)
        if group_id is not None:
            return await self._group(group_id, ask, report)
        return await self._answers(found, ask, report)

    async def _found(self, ask: Ask) -> Found:
        try:
            return await self._resolver.resolve(protocol.decode_path(ask.path), DryRun())
        except WouldFetch:
            raise Refused(_UNKNOWN) from None
        except (OSError, ApiError) as error:
            raise Refused(explain.in_words(error)) from None

    def _group_of(self, address: Address) -> int | None:
        if address.kind in IN_GROUP:
            return address.ident
        if address.kind in IN_TORRENT:
            torrent = self._catalogue.index.torrent(address.ident)
            return None if torrent is None else torrent.group_id
        return None

    async def _answers(self, found: Found, ask: Ask, report: Report) -> dict[str, object]:
        """Whatever else is shown in the mount is made of answers, or there is nothing to it."""
        dry_run = DryRun()
        try:
            await self._resolver.touch(found, dry_run)
        except WouldFetch:
            raise Refused(_UNKNOWN) from None
        except (OSError, ApiError) as error:
            raise Refused(explain.in_words(error)) from None
        known = self._catalogue.answers.known
        before = {key: known(key, dry_run) for key in sorted(dry_run.used_answers)}
        if not any(before.values()):
            raise Refused("there is nothing to refresh: biofs makes it of what it knows")
        fresh = _Reporting(report) if ask.wait else NoWait(wants_fresh=True)
        try:
            await self._resolver.touch(found, fresh)
        except WouldWait:
            return {"started": 1}
        except ApiError as error:
            raise Refused(str(error)) from None
        except OSError as error:
            raise Refused(explain.in_words(error)) from None
        after = {key: known(key, dry_run) for key in before}
        different = [key for key in before if _body(before[key]) != _body(after[key])]
        return {"changed": [f"{key} is different" for key in different]}

    async def _everything(self, ask: Ask, report: Report) -> dict[str, object]:
        listed = [c for c in names.CATEGORIES if self._catalogue.listings.is_complete(c)]
        if not listed:
            raise Refused(_UNKNOWN)
        if not ask.everything:
            requests = sum(pages_of(self._catalogue, category) for category in listed)
            raise Refused(
                f"that would cost {requests} request{'' if requests == 1 else 's'}: "
                f"name a category or a group, or give --all"
            )
        return await self._categories(listed, ask, report)

    async def _categories(
        self, categories: list[int], ask: Ask, report: Report
    ) -> dict[str, object]:
        fetches = [self._start(category) for category in categories]
        if not ask.wait:
            return {"started": sum(pages_of(self._catalogue, category) for category in categories)}
        news: dict[int, list[str]] = {}
        async with trio.open_nursery() as nursery:
            for category, fetch in zip(categories, fetches, strict=True):
                nursery.start_soon(self._category, category, fetch, report, news)
        for category, fetch in zip(categories, fetches, strict=True):
            _check(fetch, names.category_dirname(category))
        return {"changed": [line for category in categories for line in news[category]]}

    def _start(self, category: int) -> Fetch:
        known = self._catalogue.listings.is_complete(category)
        return self._catalogue.listings.start(category, NoWait(), Priority.REFRESH, walk=known)

    async def _category(
        self, category: int, fetch: Fetch, report: Report, news: dict[int, list[str]]
    ) -> None:
        name = names.category_dirname(category)
        before = self._catalogue.index.summary(category)[0]
        with self._watcher.watching(category) as seen:
            await self._wait(fetch, report, name, "pages read")
        after = self._catalogue.index.summary(category)[0]
        counts = {
            "new": after - before + len(seen.gone),
            "changed": len(seen.changed - seen.gone),
            "gone": len(seen.gone),
        }
        news[category] = [
            f"{name}: {count} {'group' if count == 1 else 'groups'} {what}"
            for what, count in counts.items()
            if count > 0
        ]

    async def _group(self, group_id: int, ask: Ask, report: Report) -> dict[str, object]:
        before = _documents(self._catalogue.groups.known(group_id, DryRun()))
        fetch = self._catalogue.groups.start(group_id, NoWait(), Priority.REFRESH)
        if not ask.wait:
            return {"started": 1}
        name = f"group {group_id}"
        await self._wait(fetch, report, name, "answers")
        if isinstance(fetch.error, NotFound):
            return {"changed": [f"{name} is not there any more"]}
        _check(fetch, name)
        after = _documents(self._catalogue.groups.known(group_id, DryRun()))
        if not before:
            return {"changed": ["fetched for the first time"]}
        return {"changed": list(_differences(before, after))}

    async def _wait(self, fetch: Fetch, report: Report, name: str, steps: str) -> None:
        while not fetch.done:
            await step(fetch, lambda: report(f"{name}: {fetch.steps} {steps}, {self._next()}"))

    def _next(self) -> str:
        seconds = self._catalogue.queue.pace.delay()
        waiting = len(self._catalogue.queue)
        return f"{waiting} waiting, next request in {seconds:.0f} s" if waiting else "being asked"


async def _published(following: Following, ask: Ask, report: Report) -> dict[str, object]:
    """Look at the URL: whatever the path is, what is published is published as a whole.

    A large snapshot takes minutes, of which the asker is told.
    """
    if following.offline:
        raise Refused("the mount is offline: nothing is asked")
    if not ask.wait:
        following.ask()
        return {"started": 1}
    done, found = following.ask()
    while not done.is_set():
        with trio.move_on_after(TELLS_SECONDS):
            await done.wait()
        if not done.is_set():
            report(following.stage())
    looked = found[0]
    if looked.problem:
        raise Refused(looked.problem)
    if looked.difference is None:
        return {"changed": []}
    counts = {
        "new": looked.difference.added,
        "changed": len(looked.difference.changed),
        "gone": len(looked.difference.gone),
    }
    return {
        "changed": [
            f"{count} {'group' if count == 1 else 'groups'} {what}"
            for what, count in counts.items()
            if count
        ]
        or ["another snapshot with the same groups"]
    }


class _Reporting(Caller):
    """Waits for fresh answers and reports that it does."""

    def __init__(self, report: Report) -> None:
        super().__init__(wants_fresh=True)
        self._report: Final = report

    async def wait(self, fetch: Fetch) -> None:
        if not fetch.done:
            await step(fetch, lambda: self._report("being asked"))


def _body(answer: KnownAnswer | None) -> bytes | None:
    return None if answer is None else answer.body


def _check(fetch: Fetch, name: str) -> None:
    """Raises Refused if the fetch failed."""
    if fetch.error is not None:
        raise Refused(f"{name}: {fetch.error}")


def _documents(detail: Detail | None) -> Mapping[str, bytes]:
    """What a group's documents hold, by their paths in its directory but for torrents' names."""
    if detail is None:
        return {}
    found = {"group.json": detail.json, "description.txt": detail.description}
    for torrent in detail.torrents.values():
        found[f"torrent.json of torrent {torrent.id}"] = torrent.json
        found[f"filelist.jsonl of torrent {torrent.id}"] = torrent.list_key.encode()
    return found


def _differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield f"{name} is gone"
        elif name not in before:
            yield f"{name} is new"
        elif before[name] != after[name]:
            yield f"{name} is different"
