"""From a path to what stands there, how old it is, and what reading it would cost."""

from __future__ import annotations

import errno
import math
import stat
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import trio

from biofs.api.errors import ApiError
from biofs.api.requests import PAGE_SIZE
from biofs.catalogue.caller import Caller, DryRun, WouldFetch
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.changes import is_old
from biofs.catalogue.fetches import Fetch
from biofs.control.server import Refused
from biofs.mount import surveys
from biofs.mount.contents import Contents
from biofs.mount.errnos import errno_of
from biofs.mount.nodes.base import Nodes, failure
from biofs.store.coverage import EVER, Gaps
from biofs.tree import names
from biofs.tree.inodes import Address, Kind, unpack
from biofs.tree.names import NAME_MAX

_MOST_LINKS: Final = 40  # path_resolution(7)
_ROOT: Final = Address(Kind.ROOT, 0, 0)


class Found(NamedTuple):
    """What a path leads to, links followed."""

    address: Address
    is_directory: bool


class Walked(NamedTuple):
    """Where a path leads: `path` is the names from the root, without links.

    `out` is what is left of a path that leads out of the mount, from the directory above its root.
    """

    found: Found
    path: Sequence[bytes]
    out: Sequence[bytes] | None = None


class Resolver:
    """Walks the tree of a mount. `nodes` has who answers for each kind of node."""

    def __init__(self, nodes: Mapping[Kind, Nodes]) -> None:
        self._nodes: Final = nodes

    def nodes_at(self, address: Address) -> Nodes:
        """Who answers for a node. Raises OSError (ESTALE) if nobody does."""
        nodes = self._nodes.get(address.kind)
        if nodes is None:
            raise failure(errno.ESTALE)
        return nodes

    async def touch(self, found: Found, caller: Caller) -> None:
        """Have a file's content, or a directory's names, fetched if they are not known."""
        nodes = self.nodes_at(found.address)
        if found.is_directory:
            await nodes.opendir(found.address, caller)
        else:
            await nodes.getattr(found.address, caller)

    async def resolve(self, parts: Sequence[bytes], caller: Caller) -> Found:
        """Walk down from the root by names; `..` is the directory above.

        Raises OSError with the errno that open(2) would give, EXDEV where the path leads out of
        the mount, ApiError, and what the caller raises for what is not known.
        """
        walked = await self.walk(parts, caller)
        if walked.out is not None:
            raise failure(errno.EXDEV)
        return walked.found

    async def walk(self, parts: Sequence[bytes], caller: Caller) -> Walked:
        """As `resolve`; a path that leads out of the mount is walked up to there."""
        left = deque(parts)
        here, links = Found(_ROOT, is_directory=True), 0
        path: list[bytes] = []
        while left:
            name = left.popleft()
            if not here.is_directory:
                raise failure(errno.ENOTDIR)
            if name == b"..":
                if here.address == _ROOT:
                    return Walked(here, path, tuple(left))
                here = Found(await self._above(here.address), is_directory=True)
                del path[-1:]
                continue
            if len(name) > NAME_MAX:
                raise failure(errno.ENAMETOOLONG)
            found = await self.nodes_at(here.address).lookup(here.address, name, caller)
            if found is None:
                raise failure(errno.ENOENT)
            if not stat.S_ISLNK(found.mode):
                here = Found(unpack(found.inode), stat.S_ISDIR(found.mode))
                path.append(name)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise failure(errno.ELOOP)
            left.extendleft(reversed(await self._target(unpack(found.inode), caller)))
        return Walked(here, path)

    async def _above(self, address: Address) -> Address:
        return unpack(await self.nodes_at(address).parent(address))

    async def _target(self, link: Address, caller: Caller) -> list[bytes]:
        target = await self.nodes_at(link).readlink(link, caller)
        if target.startswith(b"/"):
            raise failure(errno.EXDEV)
        return [part for part in target.split(b"/") if part not in {b"", b"."}]


# Waiting for a fetch for a client at the socket, which gets reports of how it goes.


REPORT_SECONDS: Final = 5.0
"""How often a client gets a report while it waits."""

_READER: Final = 0  # the id of a reader that is no process (`Fetch.join`)


async def step(fetch: Fetch, report: Callable[[], None], every: float = REPORT_SECONDS) -> None:
    """Wait for the fetch's next progress as a reader does, so that it goes first.

    `report` is called at once and then every so many seconds.
    """
    changed = fetch.changed
    fetch.join(_READER)
    try:
        while not changed.is_set():
            report()
            with trio.move_on_after(every):
                await changed.wait()
    finally:
        fetch.leave(_READER)


# What stands at a path, how old it is, and what reading it would cost.


FacetValues = dict[str, object]

_WHAT: Final = {
    Kind.ROOT: "the catalogue",
    Kind.README: "what is where in the catalogue",
    Kind.IGNORE: "keeps ripgrep and fd out of files/",
    Kind.BIOFS: "about this mount",
    Kind.STATUS: "what this mount is doing now",
    Kind.CATEGORIES: "the categories",
    Kind.CATEGORY: "a category",
    Kind.INDEX: "the browse rows of a category",
    Kind.GROUP: "a group",
    Kind.GROUP_JSON: "a group's document",
    Kind.DESCRIPTION: "a group's description as plain text",
    Kind.TORRENT: "a torrent",
    Kind.TORRENT_JSON: "a torrent's document",
    Kind.FILELIST: "a torrent's file list",
    Kind.MAGNET: "a torrent's magnet link",
    Kind.CONTENTS: "how much of a torrent is on this machine",
    Kind.FILES: "the files of a torrent",
    Kind.VIEW: "a view of the catalogue",
    Kind.VIEW_ENTRY: "a directory in a view of the catalogue",
    Kind.VIEW_DOCUMENT: "a document in a view of the catalogue",
}
IN_CATEGORY: Final = {Kind.CATEGORY, Kind.INDEX}
IN_GROUP: Final = {Kind.GROUP, Kind.GROUP_JSON, Kind.DESCRIPTION, Kind.COMMENTS_LINK}
IN_TORRENT: Final = {
    *(Kind.TORRENT, Kind.TORRENT_JSON, Kind.FILELIST, Kind.MAGNET, Kind.FILES),
    Kind.CONTENTS,
}


def in_words(error: OSError | ApiError) -> str:
    """Why a path leads nowhere."""
    number = errno_of(error) if isinstance(error, ApiError) else error.errno
    if number == errno.ENOENT:
        return "there is no such name"
    if number == errno.EXDEV:
        return "leads out of the mount"
    return (failure(number or errno.EIO).strerror or "cannot be looked at").lower()


class Explainer:
    """Explains paths. Nothing here sends a request."""

    def __init__(
        self,
        catalogue: Catalogue,
        resolver: Resolver,
        contents: Contents | None = None,
        *,
        fetches: bool = False,
    ) -> None:
        """`fetches` says whether an engine is set."""
        self._fetches: Final = fetches
        self._catalogue: Final = catalogue
        self._contents: Final = contents
        self._resolver: Final = resolver
        self._gaps: Final = Gaps(catalogue.store)

    async def explain(self, parts: Sequence[bytes]) -> FacetValues:
        """The facts about a path (names, its components from the mountpoint).

        `requests` is what reading it costs before it is answered, None if that is not known, and
        `refresh_requests` what is refreshed in the background because it is old; times are in
        epoch seconds. Raises Refused if the path leads nowhere.
        """
        caller = DryRun()
        try:
            found = await self._resolver.resolve(parts, caller)
            missing = await self._missing(found, caller)
            facts = self._facts(found, caller)
        except WouldFetch as would:
            return {"what": "a name that was never looked up", **self._cost(would.key, [])}
        except (OSError, ApiError) as error:
            raise Refused(in_words(error)) from None
        if caller.used_answers:
            facts |= self._fetched(sorted(caller.used_answers), caller)
        cost = self._cost(missing, caller.would_refresh)
        if found.address.kind is Kind.FILES and not found.is_directory:
            facts |= await surveys.facts_of(self._contents, found.address)
            facts["engine"] = self._fetches
            if missing is None and facts["downloads"]:
                cost["requests"] = 1
        return {**facts, **await self._below(found), **cost}

    async def _missing(self, found: Found, caller: DryRun) -> Hashable | None:
        """What reading it would wait for: a file's content, all of a directory's names."""
        kind, ident, _ = found.address
        if kind is Kind.CATEGORY and not self._catalogue.listings.is_complete(ident):
            return ("listing", ident)  # its first names may be there already
        try:
            if kind is Kind.VIEW_DOCUMENT:
                # Some are fetched when they are opened and not before: reading them has an effect.
                nodes = self._resolver.nodes_at(found.address)
                (await nodes.open(found.address, caller)).close()
            else:
                await self._resolver.touch(found, caller)
        except WouldFetch as would:
            return would.key
        return None

    def _fetched(self, keys: Iterable[str], caller: Caller) -> FacetValues:
        """How old answers are that something is made of."""
        answers = [self._catalogue.answers.known(key, caller) for key in keys]
        times = [answer.fetched for answer in answers if answer is not None]
        return {"confirmed": min(times)} if times else {}

    def _cost(self, key: Hashable | None, refreshed: Sequence[Hashable]) -> FacetValues:
        offline = self._catalogue.queue.offline
        facts: FacetValues = {"known": key is None, "requests": 0, "offline": offline}
        if key is not None:
            facts["requests"] = None if offline else self._requests(key)
            facts["being_fetched"] = self._catalogue.fetches.active(key) is not None
        if refreshed and not offline:
            facts["refresh_requests"] = sum(self._checks(key) for key in set(refreshed))
        return facts

    def _requests(self, key: Hashable) -> int | None:
        """How many requests a fetch takes, None if only the server knows."""
        match key:
            case ("listing" | "walk", int(category)):
                read, pages = self._gaps.pages(category)
                return None if pages is None else max(pages - read, 1)
            case ("group", _) | str():
                return 1
        return None

    def _checks(self, key: Hashable) -> int:
        """How many requests it takes at least to refresh something."""
        match key:
            case ("listing", int(category)):
                listing, now = self._catalogue.index.listing(category), self._catalogue.clock()
                walk = self._catalogue.freshness.walk
                if listing is not None and is_old(listing.walked, walk, now):
                    return pages_of(self._catalogue, category)
        return 1

    def _facts(self, found: Found, caller: Caller) -> FacetValues:
        address = found.address
        kind = address.kind
        facts: FacetValues = {"what": _WHAT.get(kind, kind.name.lower().replace("_", " "))}
        if kind is Kind.FILES and address.part:
            a = "a directory in" if found.is_directory else "one of"
            facts["what"] = f"{a} the files of a torrent"
            facts["content"] = found.is_directory  # of a file see `data`
        if kind in IN_CATEGORY:
            facts |= self._category(address.ident)
        elif kind in IN_GROUP:
            facts |= self._group(address.ident, caller)
        elif kind in IN_TORRENT:
            facts |= self._torrent(address, caller)
        return facts

    def _category(self, category: int) -> FacetValues:
        facts: FacetValues = {
            "category": names.category_dirname(category),
            "groups": self._catalogue.index.summary(category)[0],
        }
        listing, freshness = self._catalogue.index.listing(category), self._catalogue.freshness
        if listing is not None:
            facts["confirmed"] = listing.checked
            now = self._catalogue.clock()
            ahead = max(listing.checked, listing.walked) > now  # the clock was, so nobody knows
            facts["fresh_until"] = min(
                now if ahead else math.inf,
                listing.checked + freshness.listing,
                listing.walked + freshness.walk,
            )
        return facts

    def _group(self, group_id: int, caller: Caller) -> FacetValues:
        group = self._catalogue.index.group(group_id)
        facts: FacetValues = {"group": group_id}
        if group is not None:
            facts["group_name"] = group.name
            facts["category"] = names.category_dirname(group.category)
        detail = self._catalogue.groups.known(group_id, caller)
        if detail is not None:
            now = self._catalogue.clock()
            until = detail.good_until(self._catalogue.freshness.detail, now)
            facts["confirmed"] = detail.confirmed
            facts["fresh_until"] = None if detail.outdated else max(until, 0.0)
            facts["torrents"] = len(detail.torrents)
        return facts

    def _torrent(self, address: Address, caller: Caller) -> FacetValues:
        torrent = self._catalogue.index.torrent(address.ident)
        facts: FacetValues = {"torrent": address.ident}
        if torrent is None:
            return facts
        facts = {**self._group(torrent.group_id, caller), **facts, "torrent_name": torrent.name}
        detail = self._catalogue.groups.known(torrent.group_id, caller)
        known = detail.torrents.get(torrent.id) if detail else None
        if known is not None:
            facts |= {"files": known.file_count, "bytes": known.size}
        if address.kind in {Kind.FILELIST, Kind.FILES}:
            facts.pop("fresh_until", None)
            facts["never_changes"] = True
        return facts

    async def _below(self, found: Found) -> FacetValues:
        """What it costs to read everything in a directory whose names are known."""
        kind, ident, _ = found.address
        if kind is Kind.CATEGORY and self._catalogue.listings.is_complete(ident):
            return {"requests_for_all": await self._gaps.count(ident, EVER)}
        if kind is Kind.TORRENT:
            torrent = self._catalogue.index.torrent(ident)
            kind, ident = Kind.GROUP, torrent.group_id if torrent else 0
        if kind is Kind.GROUP:
            known = self._catalogue.groups.known(ident, DryRun()) is not None
            return {"requests_for_all": 0 if known else 1}
        return {}


def pages_of(catalogue: Catalogue, category: int) -> int:
    """How many requests it takes to list what is known of a category."""
    return max(-(-catalogue.index.summary(category)[0] // PAGE_SIZE), 1)
