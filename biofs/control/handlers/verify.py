"""Checking the data of files, torrents and groups against their piece hashes."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

import trio

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.contents.checking import Checked, State, files_below
from biofs.contents.matching import Listed, Local
from biofs.control.handlers.explain import Resolver, in_words
from biofs.control.handlers.jobs import Finder, Job, Paths, Telling, tree_of, where_of
from biofs.control.server import Refused, Report
from biofs.mount.contents import Contents, listed_of
from biofs.store.details import TorrentDetail
from biofs.tree.layout import FileTree

T = TypeVar("T")

HOP_SECONDS: Final = 0.25
"""How long a thread goes on before it looks whether anybody still waits for it."""

REPORT_SECONDS: Final = 0.5

MOST_NAMED: Final = 1000
MOST_NAMED_BYTES: Final = 1 << 20
"""Of the paths of the files that are named, for each of two lists of them."""

_LOOKED_AT: Final = 2000
"""Files that are looked for in one go."""

NO_DATA: Final = "it was mounted without --data: `biofs mount --data DIR` says where data are"
UNKNOWN: Final = "unknown"
_OTHERS: Final = "only files, torrents and groups can be verified"
NO_METAINFO: Final = "no .torrent is here: mount with --torrents DIR, or save a passkey"


class Verifier:
    """Checks what stands at paths."""

    def __init__(self, catalogue: Catalogue, resolver: Resolver, contents: Contents | None) -> None:
        self._catalogue: Final = catalogue
        self._finder: Final = Finder(catalogue, resolver, _OTHERS)
        self._contents: Final = contents
        # Of several who check, one at a time has the disk: who reads is to notice little of it.
        self._turn: Final = trio.Lock()

    async def verify(self, wanted: Paths, report: Report) -> dict[str, object]:
        """Hash what is here of the files; see `Outcome.answer` for what is answered.

        The reports are "DONE of TOTAL FILES": bytes, bytes, and files that are done. Raises Refused
        for a path that leads nowhere or to something else, and if the mount has no data.
        """
        if self._contents is None:
            raise Refused(NO_DATA)
        caller = Telling(report)
        jobs = await self._finder.find(wanted, caller)
        run = _Run(self._catalogue, self._contents, caller, sum(job.size() for job in jobs))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tell, run, report)
            async with self._turn:
                for job in jobs:
                    await run.check(job)
            nursery.cancel_scope.cancel()
        return run.outcome.answer()


class _Files(NamedTuple):
    """Files of a torrent that are checked."""

    torrent: TorrentDetail
    tree: FileTree
    nodes: array[int]
    where: str
    """The torrent's path in the mount."""

    def path(self, node: int) -> str:
        return f"{self.where}/files/{self.tree.path(node).decode()}"


class _Run:
    """Checks torrents for one who asks."""

    def __init__(
        self, catalogue: Catalogue, contents: Contents, caller: Caller, total: int
    ) -> None:
        self._catalogue: Final = catalogue
        self._contents: Final = contents
        self._library: Final = contents.library
        self._caller: Final = caller
        self.outcome: Final = Outcome()
        self._total = total
        self._done = 0
        self._files = 0
        self._current = 0

    def how_far(self) -> str:
        """See `Verifier.verify`."""
        done = self._done + self._current
        return f"{done} of {max(self._total, done)} {self._files}"

    async def check(self, job: Job) -> None:
        """Check what is wanted of a torrent."""
        where = where_of(self._catalogue, job)
        try:
            torrent, tree = await tree_of(self._catalogue, job, self._caller)
        except (ApiError, OSError) as error:
            self._total -= job.size()
            self.outcome.add_unknown(where, 0, in_words(error))
            return
        roots = [node for node in job.sizes if node < len(tree)]
        nodes = await self._in_thread(files_below, tree, roots)
        self._total += sum(map(tree.size, nodes)) - job.size()
        await self._check(_Files(torrent, tree, nodes, where))

    async def _check(self, files: _Files) -> None:
        listed = listed_of(files.torrent, files.tree)
        first = None if listed is None else await self._candidate(listed, files.nodes)
        if listed is None or first is None:
            await self._all_missing(files)
            return
        local = await self._local(files.torrent.id, listed, first)
        if isinstance(local, str):
            self._total -= sum(map(files.tree.size, files.nodes))
            self.outcome.add_unknown(files.where, len(files.nodes), local)
            return
        checking = await self._in_thread(self._library.check, listed, local, files.nodes)
        while not checking.finished:
            for checked in await self._in_thread(checking.step, HOP_SECONDS):
                self._add(files, checked)
            size = 0 if checking.finished else files.tree.size(checking.node)
            self._current = min(checking.current_bytes, size)
        self._current = 0

    async def _all_missing(self, files: _Files) -> None:
        for start in range(0, len(files.nodes), _LOOKED_AT):
            for node in files.nodes[start : start + _LOOKED_AT]:
                self._add(files, Checked(node, State.MISSING))
            await trio.lowlevel.checkpoint()

    async def _candidate(self, listed: Listed, nodes: array[int]) -> int | None:
        """A file that may be here; only then the metainfo is of use."""

        def look(start: int) -> int | None:
            library = self._library
            if library.place(listed) is None:
                return None
            some = nodes[start : start + _LOOKED_AT]
            return next((node for node in some if library.candidate(listed, node)), None)

        for start in range(0, len(nodes), _LOOKED_AT):
            try:
                found = await self._in_thread(look, start)
            except OSError:
                return nodes[start]  # the check finds out what the disk has to say
            if found is not None:
                return found
        return None

    async def _local(self, torrent_id: int, listed: Listed, node: int) -> Local | str:
        """The torrent's metainfo, or why there is none."""
        try:
            local = await self._contents.local(torrent_id, listed, node, self._caller)
        except ApiError as error:
            return str(error)
        except OSError as error:
            return in_words(error)
        return NO_METAINFO if local is None else local

    def _add(self, files: _Files, checked: Checked) -> None:
        size = files.tree.size(checked.node)
        self._files += 1
        if checked.state is State.MISSING:
            self._total -= size
        else:
            self._done += size
        self.outcome.add(checked, size, files)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await self._contents.in_thread(self._caller, work, *arguments)


class Outcome:
    """What was found, in numbers, and the files that are to be named: not too many of them."""

    def __init__(self) -> None:
        self._files: Final[dict[State, int]] = dict.fromkeys(State, 0)
        self._bytes = 0
        self._unknown = 0
        self._named: Final = _Named()
        self._missing: Final = _Named()

    def add(self, checked: Checked, size: int, files: _Files) -> None:
        """A file, of so many bytes."""
        self._files[checked.state] += 1
        if checked.state is State.RIGHT:
            self._bytes += size
            return
        facts = {key: value for key, value in checked._asdict().items() if value and key != "node"}
        named = self._missing if checked.state is State.MISSING else self._named
        named.add(facts, lambda: files.path(checked.node))

    def add_unknown(self, path: str, files: int, reason: str) -> None:
        """A torrent whose hashes are not known, though something of it seems to be here."""
        self._unknown += files
        self._named.add({"state": UNKNOWN, "files": files, "error": reason}, lambda: path)

    def answer(self) -> dict[str, object]:
        """`named` are the files that are neither right nor missing, and torrents whose hashes are
        not known (state "unknown"); `missing` are those that are; each with the number of others
        that there are too many of. `summary` has the number of files in each state, and `bytes`,
        those of the files that are right."""
        summary: dict[str, object] = {state.value: count for state, count in self._files.items()}
        summary |= {UNKNOWN: self._unknown, "bytes": self._bytes}
        return {
            "named": self._named.entries,
            "others": self._named.others,
            "missing": self._missing.entries,
            "others_missing": self._missing.others,
            "summary": summary,
        }


class _Named:
    def __init__(self) -> None:
        self.entries: Final[list[Mapping[str, object]]] = []
        self.others = 0
        self._bytes = 0

    def add(self, facts: Mapping[str, object], where: Callable[[], str]) -> None:
        if len(self.entries) >= MOST_NAMED or self._bytes > MOST_NAMED_BYTES:
            self.others += 1
            return
        path = where()
        self._bytes += len(path.encode())
        self.entries.append({"path": path, **facts})


async def _tell(run: _Run, report: Report) -> None:
    while True:
        report(run.how_far())
        await trio.sleep(REPORT_SECONDS)
