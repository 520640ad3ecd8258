"""What an engine adds to a mount: data that are not here are fetched, if the user says so.

Between the catalogue, the engine, and the library that reads what was fetched. The engine is made
when it is first needed, and asked in threads: it is a process or a network away.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, cast
from weakref import WeakValueDictionary

import trio
from cachetools import LRUCache

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.contents.engines.engine import (
    WRONG_DATA,
    Engine,
    EngineError,
    Progress,
    State,
    StreamingEngine,
    WaitingEngine,
)
from biofs.contents.matching import Listed, Local
from biofs.mount.contents import Contents
from biofs.tree import printable

log = logging.getLogger(__name__)

T = TypeVar("T")

_TORRENT_BYTES: Final = 64 << 20
"""Of .torrent files that were downloaded and not given to the engine yet; others are asked for
again."""
_THREADS: Final = 4
"""That may wait for the engine at once."""
_WAITING_THREADS: Final = 16
"""That may wait for pieces at once, beside those."""
_RETRY_SECONDS: Final = 60.0
"""Between two attempts to learn where a client puts what it fetches."""

_NOBODY_SECONDS: Final = 5.0
"""For so long a tracker and peers may take to show that somebody has it."""

NO_TORRENT: Final = (
    "its .torrent has to be downloaded, which takes your passkey or a session's cookie: "
    "`biofs login --passkey`, and mount again"
)
OFFLINE: Final = "its .torrent has to be downloaded, and the mount is offline"


class NotFetched(Exception):  # noqa: N818 - says what became of it
    """Something cannot be fetched. The text is one line: why, and what to do about it."""


class Fetching:
    """See the module. `make` makes the engine that is set; it raises EngineError."""

    def __init__(self, contents: Contents, make: Callable[[], Engine], *, ask_above: int) -> None:
        self.contents: Final = contents
        self.ask_above: Final = ask_above
        """Bytes above which the user is to be asked."""
        self._make: Final = make
        self._engine: Engine | None = None
        self._lock: Final = threading.Lock()
        self._limiter: Final = trio.CapacityLimiter(_THREADS)
        self._waiting: Final = trio.CapacityLimiter(_WAITING_THREADS)
        self._torrents: LRUCache[str, bytes] = LRUCache(_TORRENT_BYTES, getsizeof=len)
        self._starting: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()
        self._downloads = 0
        contents.downloaded = self._keep

    def _keep(self, info_hash: str, torrent: bytes) -> None:
        """Keep a .torrent in memory, and nowhere else: it holds the passkey."""
        self._downloads += 1
        with suppress(ValueError):  # larger than all that may be kept
            self._torrents[info_hash.upper()] = torrent

    async def ask(
        self, work: Callable[[Engine], T], limiter: trio.CapacityLimiter | None = None
    ) -> T:
        """Ask the engine something in a thread. Raises EngineError."""

        def run() -> T:
            with self._lock:
                if self._engine is None:
                    self._engine = self._make()
                engine = self._engine
            return work(engine)

        return await trio.to_thread.run_sync(
            run, limiter=limiter or self._limiter, abandon_on_cancel=True
        )

    async def metainfo(self, torrent_id: int, listed: Listed, caller: Caller) -> Local:
        """A torrent's metainfo, whose .torrent is downloaded if there is none on this machine.

        Raises NotFetched, ApiError, OSError of the disk, and what ends the caller's wait.
        """
        contents = self.contents
        while True:
            before = self._downloads
            local = await contents.in_thread(caller, contents.library.local, listed)
            if local is not None:
                return local
            if self._downloads == before:  # else it may have come while this looked
                return await self._downloaded(torrent_id, listed, caller)

    async def _downloaded(self, torrent_id: int, listed: Listed, caller: Caller) -> Local:
        if not self.contents.can_download:
            raise NotFetched(OFFLINE if self.contents.is_offline else NO_TORRENT)
        local = await self.contents.download(torrent_id, listed, caller)
        if local is None:
            raise NotFetched("its .torrent cannot be kept")
        return local

    async def start(
        self, torrent_id: int, listed: Listed, local: Local, nodes: Collection[int], caller: Caller
    ) -> None:
        """Have the engine fetch these files of a torrent, beside those it fetches already.

        Costs a request if the engine does not have the torrent and no .torrent with announce URLs
        is at hand. Raises as `metainfo`, and EngineError.
        """
        key = listed.info_hash.upper()
        async with self._turn(key):
            torrent = await self._torrent(torrent_id, listed, local, caller)
            indexes = await self.contents.in_thread(caller, local.files_of, nodes)
            await self.ask(lambda engine: engine.fetch(torrent, indexes))
            self._torrents.pop(key, None)
        await self.look_where_it_is(listed, local)

    async def stream(
        self, torrent_id: int, listed: Listed, local: Local, pieces: Sequence[int], caller: Caller
    ) -> None:
        """Have the engine fetch these pieces first. Costs and raises as `start`."""
        key, info_hash = listed.info_hash.upper(), info_hash_of(local)
        async with self._turn(key):
            if await self.ask(lambda engine: _streaming(engine).fetch_more(info_hash, pieces)):
                return
            torrent = await self._whole_torrent(torrent_id, listed, caller)
            await self.ask(lambda engine: _streaming(engine).fetch_pieces(torrent, pieces))
            self._torrents.pop(key, None)

    async def wait_for_pieces(
        self, info_hash: bytes, pieces: Sequence[int], seconds: float
    ) -> Collection[int]:
        """See `StreamingEngine.wait_for_pieces`."""

        def wait(engine: Engine) -> Collection[int]:
            return _streaming(engine).wait_for_pieces(info_hash, pieces, seconds)

        return await self.ask(wait, self._waiting)

    def _turn(self, key: str) -> trio.Lock:
        """One at a time gives the engine a torrent."""
        lock = self._starting.get(key)
        if lock is None:
            lock = self._starting[key] = trio.Lock()
        return lock

    async def _torrent(
        self, torrent_id: int, listed: Listed, local: Local, caller: Caller
    ) -> bytes:
        progress = await self.progress(info_hash_of(local))
        if progress is not None:
            return local.metainfo.kept()  # it knows the torrent, and its trackers
        return await self._whole_torrent(torrent_id, listed, caller)

    async def _whole_torrent(self, torrent_id: int, listed: Listed, caller: Caller) -> bytes:
        """A .torrent with announce URLs."""
        key = listed.info_hash.upper()
        if (torrent := self._torrents.get(key)) is not None:
            return torrent
        found = await self.contents.in_thread(caller, self.contents.library.torrent_file, key)
        if found is not None:
            return found
        await self._downloaded(torrent_id, listed, caller)
        torrent = self._torrents.get(key)
        if torrent is None:
            raise NotFetched("its .torrent is too large")
        return torrent

    async def look_where_it_is(self, listed: Listed, local: Local) -> None:
        """Have the library look again for a torrent, and where the engine says that it is.

        A client that has just been given a torrent may not know yet where it puts it.
        """
        info_hash = info_hash_of(local)
        with suppress(EngineError):
            directory = await self.ask(lambda engine: engine.directory(info_hash))
            if directory is not None:
                self.contents.library.add_downloads(directory)
        self.contents.library.look_again(listed.info_hash)

    async def progress(self, info_hash: bytes) -> Progress | None:
        """See `Engine.progress`."""
        return await self.ask(lambda engine: engine.progress(info_hash))

    async def rest(self, info_hash: bytes, seconds: float) -> None:
        """Return after so many seconds, or sooner if the engine has all that is wanted of a torrent
        and says so by itself. Raises EngineError."""
        began = trio.current_time()

        def wait(engine: Engine) -> bool:
            if not isinstance(engine, WaitingEngine):
                return False
            engine.wait_for_all(info_hash, seconds)
            return True

        if not await self.ask(wait, self._waiting):
            await trio.sleep_until(began + seconds)

    async def all(self) -> Sequence[Progress]:
        """See `Engine.all`."""
        return await self.ask(lambda engine: engine.all())

    async def cancel(self, info_hash: bytes, indexes: Collection[int] | None) -> None:
        """See `Engine.cancel`."""
        await self.ask(lambda engine: engine.cancel(info_hash, indexes))

    async def directory(self) -> Path:
        """Where the engine puts new torrents. Raises EngineError."""
        return await self.ask(lambda engine: engine.download_directory())

    async def room(self) -> int | None:
        """Bytes that are free there; None if this machine does not see the directory."""
        directory = await self.directory()
        return await trio.to_thread.run_sync(
            _room, directory, limiter=self._limiter, abandon_on_cancel=True
        )

    async def learn_directory(self) -> None:
        """Have the library look where a client puts what it fetches, once that is known."""
        said = False
        while True:
            try:
                directory = await self.directory()
            except EngineError as error:
                if not said:
                    log.warning("%s", printable.for_path(str(error)))
                said = True
                await trio.sleep(_RETRY_SECONDS)
            else:
                self.contents.library.add_downloads(directory)
                return

    def close(self) -> None:
        """Let go of the engine, which goes on."""
        if self._engine is not None:
            with suppress(EngineError):
                self._engine.close()


def _streaming(engine: Engine) -> StreamingEngine:
    """An engine that streams, which only libtorrent does."""
    return cast(StreamingEngine, engine)


def info_hash_of(local: Local) -> bytes:
    """A torrent's info hash as engines know it."""
    metainfo = local.metainfo
    return metainfo.info_hash_v1 or (metainfo.info_hash_v2 or b"")[:20]


def in_words(error: Exception) -> str:
    """Why something cannot be fetched, in one line."""
    if isinstance(error, OSError):
        return os.strerror(error.errno or 0).lower()
    return " ".join(str(error).split())


FAILURES: Final = (NotFetched, EngineError, ApiError, OSError)
"""What can go wrong with one torrent, and is said of it."""


def _room(directory: Path) -> int | None:
    """What is free where a directory is or will be made."""
    for place in (directory, *directory.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


class Never(NamedTuple):
    """Why a piece will not come, for the log, and what its reader gets."""

    reason: str
    errno: int


def why_never(progress: Progress, waited: float) -> Never | None:
    """Whether the engine knows that what somebody has waited for will not come; in seconds."""
    message = progress.message
    if progress.state is State.FAILED:
        full = message == os.strerror(errno.ENOSPC).lower()
        return Never(message, errno.ENOSPC if full else errno.EIO)
    if waited < _NOBODY_SECONDS or progress.peers:
        return None
    if message == WRONG_DATA:
        return Never(f"{WRONG_DATA}, and nobody else has it", errno.EIO)
    if progress.seeders <= 0:
        said = f"; {message}" if message else ""
        return Never(f"nobody is known to have it{said}", errno.ENODATA)
    return None
