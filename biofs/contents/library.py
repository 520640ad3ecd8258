"""The data of torrents on this machine: which torrents' are here, where, and reading them.

Everything here may wait for a disk, so it is for threads. The order in which things are found out
makes sure that little is done for what is not here: by the catalogue's names first, and only for
what may be here by the metainfo, which may have to be asked for.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import trio

from biofs.contents.checking import TorrentCheck
from biofs.contents.disk import mountinfo
from biofs.contents.disk.beneath import DataDirectory
from biofs.contents.disk.last_folder import LastFolder
from biofs.contents.disk.places import Found, Place, first_whole
from biofs.contents.index import Tops
from biofs.contents.ledger import Ledger
from biofs.contents.matching import Indexes, Listed, ListedFiles, Local, MetainfoFiles
from biofs.contents.piece_cache import PieceCache
from biofs.contents.reading import OpenFile, known_now
from biofs.contents.rules import Shared, Unverified
from biofs.contents.soon.short_files import ShortFiles
from biofs.contents.torrent_files import TorrentFiles, hashes_of, is_hash
from biofs.store.memory import Recent
from biofs.tree.metainfo import InvalidMetainfo, Metainfo, has_announce, parse
from biofs.tree.torrentfiles import File

T = TypeVar("T")

_THREADS: Final = 8
"""That may wait for disks at once. One that never answers keeps a thread for each file of it."""

_MOUNT_SECONDS: Final = 1.0

_RECENT: Final = 64
"""Torrents whose metainfo stays in memory."""

_MOST_FILES: Final = 1 << 20
"""Files of all of these together."""

ABSENT_SECONDS: Final = 1.0
"""For so long a torrent that was not found is not there, without a look at the disk."""

_PLACES: Final = 65_536
_CHANGED: Final = re.compile("\ufffd|[\u2400-\u2421]|~[0-9a-f]{8}| \\([0-9]+\\)")
"""What names have in them that were changed (`biofs.tree.names`), and few others."""

LOOK_AGAIN: Final = 30.0
"""Seconds after which something is looked for again that was not found."""


class _Looked(NamedTuple):
    place: Place | None
    generation: int
    at: float
    """When it was looked for, by the clock."""
    others: Sequence[Place] | None = None
    """Where more of it may lie; None if that was not needed so far."""


class Library:
    """See the module. Its methods, for threads but for the cheap ones, may be called from several.

    Data are looked for in `data`, and in `downloads`, where an engine puts what it fetches;
    .torrent files in `torrents`; `ledger` remembers.
    """

    def __init__(
        self,
        data: Sequence[Path],
        torrents: Sequence[Path],
        ledger: Ledger,
        *,
        downloads: Sequence[Path] = (),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._downloads: Final = [DataDirectory(path) for path in downloads]
        self.directories: Final = [*(DataDirectory(path) for path in data), *self._downloads]
        self.ledger: Final = ledger
        self.pieces: Final = PieceCache()
        limiter = trio.CapacityLimiter(_THREADS)
        self._shared: Final = Shared(ledger, self.pieces, limiter, wall)
        self._tops: Final = Tops(self.directories, clock=clock, wall=wall)
        self._torrents: Final = TorrentFiles(torrents, self._hashes_of, clock=clock, wall=wall)
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._mount: tuple[int, float, bool] = (-1, 0.0, False)
        self.last_folder: Final = LastFolder(self._is_local)
        """What `open_now` may keep open."""
        self._short_files: Final = ShortFiles()
        self._parsed: tuple[bytes, Metainfo] | None = None
        self._looked: Final[Recent[str, _Looked]] = Recent(_PLACES, lambda _: 1)
        self._known: Final[Recent[str, Local]] = Recent(
            _MOST_FILES, lambda local: len(local.metainfo.files) + _MOST_FILES // _RECENT
        )

    async def in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """See `Shared.in_thread`; for what is called of this library."""
        return await self._shared.in_thread(work, *arguments)

    def add_downloads(self, path: Path) -> None:
        """Look for data in one more directory of an engine, unless that is known."""
        raw = os.fsencode(path)
        with self._lock:
            if any(each.path == raw for each in self._downloads):
                return
            directory = next((each for each in self.directories if each.path == raw), None)
            if directory is None:
                directory = DataDirectory(path)
                self.directories.append(directory)
                self._tops.add(directory)
            self._downloads.append(directory)

    def look_again(self, info_hash: str) -> None:
        """Something of a torrent has just been fetched: whatever was not found may be there."""
        with self._lock:
            self._looked.pop(info_hash.upper())
        self._tops.look_soon(self._downloads)

    def torrent_file(self, info_hash: str) -> bytes | None:
        """A whole .torrent, with announce URLs, out of the folders; None if there is none."""
        data = self._torrents.find(info_hash)
        return data if data is not None and has_announce(data) else None

    @property
    def tops(self) -> Tops:
        """What finds the torrents' data."""
        return self._tops

    def place(self, listed: Listed) -> Place | None:
        """Where a torrent's data lie, None if they are nowhere.

        By its metainfo's names if that was needed before, else by the catalogue's.
        """
        key = listed.info_hash.upper()
        with self._lock:
            looked = self._looked.get(key)
            local = self._known.get(key)
        if looked is not None and looked.place is None:
            self._tops.check()
        if looked is not None and self._holds(looked):
            return looked.place
        place = self._find(listed, local)
        with self._lock:
            self._looked[key] = _Looked(place, self._tops.generation, self._clock())
        return place

    def is_absent(self, info_hash: str, seconds: float = ABSENT_SECONDS) -> bool:
        """Whether a torrent was looked for so long ago, and not found. Does not wait for a disk."""
        with self._lock:
            looked = self._looked.get(info_hash.upper())
        return (
            looked is not None
            and looked.place is None
            and looked.generation == self._tops.generation
            and self._clock() < looked.at + seconds
        )

    def _holds(self, looked: _Looked) -> bool:
        due = looked.at + LOOK_AGAIN
        return self._clock() < due and looked.generation == self._tops.generation

    def _find(self, listed: Listed, local: Local | None) -> Place | None:
        if local is not None:
            metainfo = local.metainfo
            return self._tops.find(metainfo.name, MetainfoFiles(metainfo), single=metainfo.single)
        return self._tops.find(listed.name, ListedFiles(listed), single=listed.single)

    def candidate(self, listed: Listed, node: int) -> bool:
        """Whether a file lies on a disk that may be this one: only then its metainfo is of use.

        Raises OSError if it could not be looked at.
        """
        if self.place(listed) is None:
            return False
        if self.found(listed, listed.path(node), listed.tree.size(node)) is not None:
            return True
        # What is no UTF-8 on the disk, or cannot be held, has another name in the catalogue.
        return _CHANGED.search(listed.tree.path(node).decode()) is not None

    def open_now(self, listed: Listed, node: int) -> OpenFile | None:
        """As `open`, if nothing has to be waited for; else None. For the event loop.

        So it is with a file of a torrent that is in use, on a file system of this machine, with
        names that the kernel has in memory; a small one also has to be verified already.
        """
        key = listed.info_hash.upper()
        with self._lock:
            looked, local = self._looked.get(key), self._known.get(key)
        if looked is None or looked.place is None or local is None or not self._holds(looked):
            return None
        wanted = local.indexes.with_path_at_once(node)
        if wanted is None:
            return None
        index, path = wanted
        opened = looked.place.open_cached(
            path, local.metainfo.files.length(index), self.last_folder
        )
        if opened is None:
            return None
        descriptor, status = opened
        known = known_now(self._shared, local.metainfo, index, status)
        if known is None:
            os.close(descriptor)
            return None
        return OpenFile(
            self._shared, local.metainfo, looked.place, index, descriptor, local=True, known=known
        )

    def open_here(self, listed: Listed, node: int) -> OpenFile | None:
        """As `open`, with the metainfo that is on this machine; None if there is none.

        All that waits for a disk in one call, because each change of threads takes time as well.
        Looks for metainfo only if the file may be here. Raises as `open`.
        """
        with self._lock:
            local = self._known.get(listed.info_hash.upper())
        if local is None:
            if self.is_absent(listed.info_hash) or not self.candidate(listed, node):
                raise Unverified
            local = self.local(listed)
        return None if local is None else self.open(listed, local, node)

    def local(self, listed: Listed) -> Local | None:
        """The torrent with its metainfo, None if that is nowhere on this machine."""
        key = listed.info_hash.upper()
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            return known
        data = self._torrents.find(key)
        if data is not None and (metainfo := self._checked(data, key)) is not None:
            return self._keep(listed, metainfo, "file")
        data = self.ledger.metainfo(bytes.fromhex(key)) if is_hash(key) else None
        if data is not None and (metainfo := self._checked(data, key)) is not None:
            return self._keep(listed, metainfo, "server")
        return None

    def _hashes_of(self, data: bytes) -> Sequence[str]:
        """The info hashes of a .torrent file. Raises ValueError for what is none."""
        metainfo = parse(data)
        self._parsed = data, metainfo  # of the file that is looked for, more will be asked
        return hashes_of(metainfo)

    def _checked(self, data: bytes, info_hash: str) -> Metainfo | None:
        """The metainfo in a .torrent, if it has this info hash."""
        parsed, self._parsed = self._parsed, None
        if parsed is not None and parsed[0] is data:
            metainfo = parsed[1]
        else:
            try:
                metainfo = parse(data)
            except InvalidMetainfo:
                return None
        return metainfo if metainfo.matches(info_hash) else None

    def add(self, listed: Listed, data: bytes) -> Local:
        """Take a .torrent that was downloaded; of it, only what its hash proves is kept.

        Raises InvalidMetainfo if it is not this torrent's.
        """
        key = listed.info_hash.upper()
        metainfo = parse(data)
        if not metainfo.matches(key):
            raise InvalidMetainfo("it has another info hash")
        self.ledger.keep_metainfo(bytes.fromhex(key), metainfo.kept())
        return self._keep(listed, metainfo, "server")

    def _keep(self, listed: Listed, metainfo: Metainfo, source: str) -> Local:
        local = Local(metainfo, Indexes(listed, metainfo), source)
        key = listed.info_hash.upper()
        with self._lock:
            self._looked.pop(key)  # its own names are better than the catalogue's
            self._known[key] = local
        return local

    def find_file(self, listed: Listed, local: Local, node: int) -> tuple[Place, int, Found]:
        """Where a file lies: the place, its index in the metainfo, and what is there.

        Raises Unverified if it is not there, and OSError if it could not be looked at.
        """
        index, file = local.wanted(node)
        found = self.found(listed, file.path, file.length)
        if found is None:
            raise Unverified
        return found[0], index, found[1]

    def places(self, listed: Listed) -> Iterator[Place]:
        """Where files of a torrent may lie: in its place, then in others with its name. An engine
        puts what it fetches elsewhere, and people divide a torrent between disks.

        The others are looked for when they are asked for: that can take as long as `Tops.find`.
        """
        place = self.place(listed)
        if place is not None:
            yield place
            yield from self._others(listed, place)

    def _others(self, listed: Listed, best: Place) -> Sequence[Place]:
        key = listed.info_hash.upper()
        with self._lock:
            looked, local = self._looked.get(key), self._known.get(key)
        if looked is not None and looked.place == best and looked.others is not None:
            return looked.others
        name = listed.name if local is None else local.metainfo.name
        single = listed.single if local is None else local.metainfo.single
        others = [each for each in self._tops.named(name, single=single) if each != best]
        with self._lock:
            if looked is not None and self._looked.get(key) is looked:
                self._looked[key] = looked._replace(others=others)
        return others

    def found(
        self, listed: Listed, path: Sequence[bytes], length: int
    ) -> tuple[Place, Found] | None:
        """Where a file lies: the first with its true name and size, else the first."""
        each = ((place, place.find_file(path, length)) for place in self.places(listed))
        known = ((place, found) for place, found in each if found is not None)
        return first_whole(known, lambda file: file[1].is_whole(length))

    def open(self, listed: Listed, local: Local, node: int) -> OpenFile:
        """Open a file of which at least something may be right. It has to be closed.

        Raises Unverified if it is not there, or is small and all of it is wrong, and OSError.
        """
        index, wanted = local.wanted(node)
        place, descriptor = self._opened(listed, wanted)
        is_local = self._is_local(mountinfo.of_descriptor(descriptor))
        file = OpenFile(self._shared, local.metainfo, place, index, descriptor, local=is_local)
        try:
            file.check()
            if is_local:
                self._short_files.opened(listed, local, node, place, descriptor)
        except BaseException:
            file.close()
            raise
        return file

    def _opened(self, listed: Listed, wanted: File) -> tuple[Place, int]:
        """As `found`, and open for reading; one that is whole in the first place takes one walk."""
        best = self.place(listed)
        descriptor = best.open_whole(wanted.path, wanted.length) if best is not None else None
        if best is not None and descriptor is not None:
            return best, descriptor
        found = self.found(listed, wanted.path, wanted.length)
        if found is None:
            raise Unverified
        try:
            return found[0], found[0].directory.open(found[1].components)
        except FileNotFoundError:
            raise Unverified from None

    def _is_local(self, mount: int) -> bool:
        """Whether a mount is of this machine, by its number; asked once a second."""
        known, until, local = self._mount
        if mount != known or self._clock() >= until:
            kind = mountinfo.by_id(mount)
            local = kind is not None and kind.is_local
            self._mount = mount, self._clock() + _MOUNT_SECONDS, local
        return local

    def check(self, listed: Listed, local: Local, nodes: Iterable[int]) -> TorrentCheck:
        """A check of the files with these numbers in the catalogue's tree, still to be run.

        For a thread.
        """
        find = partial(self.find_file, listed, local)
        return TorrentCheck(self._shared, local.metainfo, local.indexes, find, nodes)

    def forget(self) -> None:
        """Give memory back."""
        self.last_folder.let_go()
        self.pieces.forget()
        with self._lock:
            self._known.clear()

    def close(self) -> None:
        """Close the ledger."""
        self.last_folder.let_go()
        self.ledger.close()
