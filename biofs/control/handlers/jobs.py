"""From paths to the torrents and files that stand there: for what is done with many at once."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.fetches import Fetch
from biofs.control import protocol
from biofs.control.handlers.explain import Resolver, in_words, step
from biofs.control.server import Refused, Report
from biofs.mount.nodes.base import failure
from biofs.store.details import TorrentDetail
from biofs.tree import names
from biofs.tree.inodes import Kind
from biofs.tree.layout import FileTree


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """What is meant: paths as `Ask.path` has them."""

    paths: tuple[str, ...]


class Job(NamedTuple):
    """What is meant of one torrent."""

    group_id: int
    torrent_id: int
    sizes: dict[int, int]
    """Nodes of the torrent's tree, each standing for all below it, and their bytes."""

    def size(self) -> int:
        """Bytes; more if some of the nodes are below others."""
        return self.sizes.get(0, sum(self.sizes.values()))


class Finder:
    """Finds what stands at paths. `others` is said of what is neither file, torrent nor group."""

    def __init__(self, catalogue: Catalogue, resolver: Resolver, others: str) -> None:
        self._catalogue: Final = catalogue
        self._resolver: Final = resolver
        self._others: Final = others

    async def find(self, wanted: Paths, caller: Caller) -> Sequence[Job]:
        """What stands at the paths, each torrent once. Raises Refused for one without any."""
        jobs: dict[int, Job] = {}
        for path in wanted.paths:
            parts = protocol.decode_path(path)
            try:
                await self._add(parts, jobs, caller)
            except Refused as error:
                raise Refused(f"{_shown(parts)}: {error}") from None
            except (OSError, ApiError) as error:
                raise Refused(f"{_shown(parts)}: {in_words(error)}") from None
        return list(jobs.values())

    async def _add(self, parts: Sequence[bytes], jobs: dict[int, Job], caller: Caller) -> None:
        """Add what stands at a path; raises also Refused if that has no data."""
        kind, ident, part = (await self._resolver.resolve(parts, caller)).address
        if kind is Kind.GROUP:
            detail = await self._catalogue.groups.get(ident, caller)
            for each in detail.torrents.values():
                _job(jobs, ident, each.id).sizes[0] = each.size
            return
        torrent = self._catalogue.index.torrent(ident)
        if kind not in {Kind.TORRENT, Kind.FILES} or torrent is None:
            raise Refused(self._others)
        job = _job(jobs, torrent.group_id, ident)
        node = part if kind is Kind.FILES else 0
        _, tree = await tree_of(self._catalogue, job, caller)
        if node >= len(tree):
            raise Refused("its list of files has changed: try again")
        job.sizes[node] = tree.size(node)


def _job(jobs: dict[int, Job], group_id: int, torrent_id: int) -> Job:
    return jobs.setdefault(torrent_id, Job(group_id, torrent_id, {}))


async def tree_of(catalogue: Catalogue, job: Job, caller: Caller) -> tuple[TorrentDetail, FileTree]:
    """A torrent's detail and tree, fetched again if the store has given up its list of files.

    Raises OSError (ENOENT) if there is no such torrent any more, and EIO without a list; ApiError.
    """
    torrent = (await catalogue.groups.get(job.group_id, caller)).torrents.get(job.torrent_id)
    if torrent is None:
        raise failure(errno.ENOENT)
    tree = await catalogue.trees.tree(torrent)
    if tree is None:
        await catalogue.groups.fetch(job.group_id, caller)
        tree = await catalogue.trees.tree(torrent)
    if tree is None:
        raise failure(errno.EIO)
    return torrent, tree


def where_of(catalogue: Catalogue, job: Job) -> str:
    """Where a torrent is in the mount."""
    index = catalogue.index
    group, torrent = index.group(job.group_id), index.torrent(job.torrent_id)
    if group is None or torrent is None:  # deleted meanwhile
        return f"torrents/{job.torrent_id}"
    category = names.category_dirname(group.category)
    return f"categories/{category}/{group.name}/{torrent.name}"


class Telling(Caller):
    """Waits for what is asked and reports that it does."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report: Final = report

    async def wait(self, fetch: Fetch) -> None:
        if not fetch.done:
            await step(fetch, lambda: self._report("the server is asked"))


def _shown(parts: Sequence[bytes]) -> str:
    return b"/".join(parts).decode(errors="replace") or "/"
