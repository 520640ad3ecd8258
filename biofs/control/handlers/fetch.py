"""Fetching what is not here: what it would bring, starting it, following it, and giving it up."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple, NoReturn, TypeVar

import trio

from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.contents.checking import files_below
from biofs.contents.engines.choose import NO_ENGINE
from biofs.contents.engines.engine import EngineError, Progress
from biofs.contents.matching import Local
from biofs.contents.wanted import Wanted
from biofs.control.handlers.explain import Resolver
from biofs.control.handlers.follow import Away, Follow, summed
from biofs.control.handlers.jobs import Finder, Job, Paths, Telling, tree_of, where_of
from biofs.control.server import Refused, Report
from biofs.mount.contents import listed_of
from biofs.mount.fetching import FAILURES, Fetching, NotFetched, in_words, info_hash_of
from biofs.store.details import TorrentDetail

T = TypeVar("T")

HOP_SECONDS: Final = 0.25
"""How long a thread goes on before it looks whether anybody still waits for it."""

FOLLOW_SECONDS: Final = 0.5
"""Between two looks at how far the engine is."""

AWAY_SECONDS: Final = 20.0
"""For which a client that has answered may be away: it is being started again."""

MOST_SHOWN: Final = 1000
"""Torrents of an engine that a status has."""

_OTHERS: Final = "only files, torrents and groups can be fetched"
_NOT_FETCHED: Final = "is not being fetched"


class _Found(NamedTuple):
    """A torrent, and what is wanted of it."""

    torrent: TorrentDetail
    wanted: Wanted
    where: str


class Fetcher:
    """Answers for `biofs fetch`. `fetching` is there if an engine is set."""

    def __init__(self, catalogue: Catalogue, resolver: Resolver, fetching: Fetching | None) -> None:
        self._catalogue: Final = catalogue
        self._finder: Final = Finder(catalogue, resolver, _OTHERS)
        self._optional: Final = fetching
        # Of several who look what is here, one at a time has the disk.
        self._turn: Final = trio.Lock()

    @property
    def _fetching(self) -> Fetching:
        if self._optional is None:
            raise Refused(NO_ENGINE)
        return self._optional

    async def plan(self, wanted: Paths, report: Report) -> dict[str, object]:
        """What fetching would bring; sizes are in bytes.

        `torrents` has for each: its `path`; `files`, those that are missing, and `here`, those that
        are here and verified; `wanted`, the size of the missing ones; `coming`, of what has to be
        fetched for them; `verified`, of that part of their pieces which is here; `seeders` as the
        catalogue knows them, None if it does not; or `error`. Of all, `coming`; `room` on the disk,
        None if it is not known; `ask_above` as it is set; `engine`, its name.
        """
        fetching = self._fetching
        found = await self._all(wanted, Telling(report), report)
        plans = [each if isinstance(each, dict) else await self._planned(each) for each in found]
        try:
            room = await fetching.room()
            name = await fetching.ask(lambda engine: engine.name)
        except EngineError as error:
            _refuse(error)
        return {
            "torrents": plans,
            "coming": sum(_number(each.get("coming")) for each in plans),
            "room": room,
            "ask_above": fetching.ask_above,
            "engine": name,
        }

    async def _planned(self, found: _Found) -> dict[str, object]:
        plan = await self._in_thread(found.wanted.plan)
        return {
            "path": found.where,
            "files": len(found.wanted.missing),
            "here": len(found.wanted.right),
            "unlisted": found.wanted.unlisted,
            "wanted": plan.wanted,
            "coming": plan.coming,
            "verified": plan.here,
            "seeders": _seeders(found.torrent),
        }

    async def fetch(self, wanted: Paths, report: Report) -> dict[str, object]:
        """Have the engine fetch what is missing, beside what it fetches already.

        `started` is the number of files, `failed` has a `path` and an `error` for each torrent of
        which nothing can be fetched.
        """
        caller, started = Telling(report), 0
        failed: list[dict[str, object]] = []
        for found in await self._all(wanted, caller, report):
            if isinstance(found, dict):
                failed.append(found)
                continue
            try:
                started += await self._start(found, caller)
            except FAILURES as error:
                failed.append(_failed(found.where, error))
        return {"started": started, "failed": failed}

    async def _start(self, found: _Found, caller: Caller) -> int:
        files = found.wanted
        if files.missing:
            await self._fetching.start(
                found.torrent.id, files.listed, files.local, files.missing, caller
            )
        return len(files.missing)

    async def wait(self, wanted: Paths, report: Report) -> dict[str, object]:
        """Follow what is being fetched until all of it is here and verified, or has failed.

        The reports are JSON: the fields of `Facts`. `verified` is the number of files that
        are, `bytes` their size; `failed` is as of `fetch`.
        """
        follows: list[Follow] = []
        rested: set[bytes] = set()
        failed: list[dict[str, object]] = []
        for found in await self._all(wanted, Telling(report), report, follow=True):
            if isinstance(found, dict):
                failed.append(found)
            else:
                follows.append(Follow(self._fetching, found.wanted, found.where))
        away = Away(AWAY_SECONDS)
        while True:
            try:
                await self._follow(follows)
            except EngineError as error:
                if not away.may_return(trio.current_time()):
                    _refuse(error)
            else:
                away.is_back()
            report(json.dumps(summed(follows)._asdict()))
            if all(each.ended for each in follows):
                break
            await self._rest(follows, rested)
        failed += [{"path": each.where, "error": each.failure} for each in follows if each.failure]
        return {
            "verified": sum(each.files for each in follows),
            "bytes": sum(each.verified for each in follows),
            "failed": failed,
        }

    async def _follow(self, follows: Sequence[Follow]) -> None:
        left = [each for each in follows if not each.ended]
        known = {each.info_hash: each for each in await self._fetching.all()} if left else {}
        for each in left:
            await each.step(known.get(each.info_hash))

    async def _rest(self, follows: Sequence[Follow], rested: set[bytes]) -> None:
        """Until the engine has all of the first one, or it is time for another look.

        `rested` are those that it had once: what is not right then may be later.
        """
        first, began = next(each for each in follows if not each.ended), trio.current_time()
        if first.info_hash in rested:
            await trio.sleep(FOLLOW_SECONDS)
            return
        try:
            await self._fetching.rest(first.info_hash, FOLLOW_SECONDS)
        except EngineError as error:
            _refuse(error)
        if trio.current_time() < began + FOLLOW_SECONDS:
            rested.add(first.info_hash)

    async def status(self, wanted: Paths, report: Report) -> dict[str, object]:
        """What the engine does, with these torrents or with all: `torrents`, and `others`, the
        number of those that are too many to be shown."""
        hashes = None
        if wanted.paths:
            jobs = await self._finder.find(wanted, Telling(report))
            hashes = {await self._hash_of(job, Telling(report)) for job in jobs}
        try:
            found = await self._fetching.all()
        except EngineError as error:
            _refuse(error)
        chosen = [each for each in found if hashes is None or each.info_hash in hashes]
        return {
            "torrents": [self._shown(each) for each in chosen[:MOST_SHOWN]],
            "others": max(len(chosen) - MOST_SHOWN, 0),
        }

    async def _hash_of(self, job: Job, caller: Caller) -> bytes:
        try:
            torrent, tree = await tree_of(self._catalogue, job, caller)
            listed = listed_of(torrent, tree)
            if listed is None:
                return b""
            local = await self._in_thread(partial(self._fetching.contents.library.local, listed))
        except FAILURES as error:
            raise Refused(f"{where_of(self._catalogue, job)}: {in_words(error)}") from None
        return bytes.fromhex(listed.info_hash)[:20] if local is None else info_hash_of(local)

    def _shown(self, progress: Progress) -> dict[str, object]:
        facts: dict[str, object] = {
            "name": progress.name,
            "state": progress.state.value,
            "files": len(progress.wanted),
            "done": sum(progress.done),
            "total": progress.size,
            "rate": progress.rate,
            "peers": progress.peers,
            "seeders": progress.seeders,
            "message": progress.message,
        }
        ident = self._catalogue.browsing.torrent_of(progress.info_hash.hex().upper())
        torrent = None if ident is None else self._catalogue.index.torrent(ident)
        if torrent is not None:
            facts["path"] = where_of(self._catalogue, Job(torrent.group_id, torrent.id, {}))
        return facts

    async def cancel(self, wanted: Paths, report: Report) -> dict[str, object]:
        """Want these files no longer, as far as they are not here; nothing is removed.

        `cancelled` is the number of torrents; `failed` is as of `fetch`.
        """
        caller, cancelled = Telling(report), 0
        failed: list[dict[str, object]] = []
        for job in await self._finder.find(wanted, caller):
            try:
                await self._cancel(job, caller)
                cancelled += 1
            except FAILURES as error:
                failed.append(_failed(where_of(self._catalogue, job), error))
        return {"cancelled": cancelled, "failed": failed}

    async def _cancel(self, job: Job, caller: Caller) -> None:
        fetching = self._fetching
        torrent, tree = await tree_of(self._catalogue, job, caller)
        listed = listed_of(torrent, tree)
        local = None
        if listed is not None:
            local = await self._in_thread(partial(fetching.contents.library.local, listed))
        if local is None or await fetching.progress(info_hash_of(local)) is None:
            raise NotFetched(_NOT_FETCHED)
        indexes = None
        if 0 not in job.sizes:
            nodes = files_below(tree, [node for node in job.sizes if node < len(tree)])
            indexes = await self._in_thread(partial(local.files_of, nodes))
        await fetching.cancel(info_hash_of(local), indexes)

    async def _all(
        self, wanted: Paths, caller: Caller, report: Report, *, follow: bool = False
    ) -> Sequence[_Found | dict[str, object]]:
        """What is wanted of each torrent, or why nothing of it can be fetched, with its `path`.

        To `follow` it, what the engine has not fetched yet need not be hashed.
        """
        fetching = self._fetching
        found: list[_Found | dict[str, object]] = []
        jobs = await self._finder.find(wanted, caller)
        async with self._turn:
            for job in jobs:
                report("looking at what is here")
                try:
                    found.append(await self._found(fetching, job, caller, report, follow=follow))
                except FAILURES as error:
                    found.append(_failed(where_of(self._catalogue, job), error))
        return found

    async def _found(
        self, fetching: Fetching, job: Job, caller: Caller, report: Report, *, follow: bool
    ) -> _Found:
        torrent, tree = await tree_of(self._catalogue, job, caller)
        listed = listed_of(torrent, tree)
        if listed is None:
            raise NotFetched("the catalogue has no info hash for it")
        local = await fetching.metainfo(torrent.id, listed, caller)
        roots = [node for node in job.sizes if node < len(tree)]
        nodes = await self._in_thread(partial(files_below, tree, roots))
        coming = await _coming(fetching, local) if follow else frozenset[int]()
        wanted = Wanted(fetching.contents.library, listed, local, nodes, coming=coming)
        while not wanted.finished:
            await self._in_thread(partial(wanted.step, HOP_SECONDS))
            report("looking at what is here")
        return _Found(torrent, wanted, where_of(self._catalogue, job))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._fetching.contents.library.in_thread(work)


async def _coming(fetching: Fetching, local: Local) -> frozenset[int]:
    """The indexes of files that the engine fetches, and does not have."""
    try:
        progress = await fetching.progress(info_hash_of(local))
    except EngineError:
        return frozenset()  # it will be asked again
    if progress is None:
        return frozenset()
    files = local.metainfo.files
    pairs = zip(progress.wanted, progress.done, strict=False)
    return frozenset(at for at, done in pairs if at < len(files) and done < files[at].length)


def _failed(where: str, error: Exception) -> dict[str, object]:
    return {"path": where, "error": in_words(error)}


def _refuse(error: EngineError) -> NoReturn:
    raise Refused(in_words(error)) from None


def _seeders(torrent: TorrentDetail) -> int | None:
    """As the catalogue has them."""
    try:
        found = json.loads(torrent.json).get("seeders")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, int) else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
