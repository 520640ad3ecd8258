"""What `--data` adds to a mount: files whose data are on this machine open.

Between the catalogue, which knows names, and `biofs.contents`, which knows bytes. What waits for a
disk runs in threads, so that a disk that does not answer stops nobody but who reads from it.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import trio

from biofs.api.actions import Api
from biofs.api.errors import ApiError, BadAnswer
from biofs.api.requests import Request
from biofs.api.secrets import Secret
from biofs.catalogue.caller import Caller
from biofs.catalogue.catalogue import Catalogue
from biofs.catalogue.fetches import Fetch
from biofs.contents.ledger import Identity
from biofs.contents.library import Library
from biofs.contents.matching import Listed, Local
from biofs.contents.reading import OpenFile
from biofs.contents.rules import Unverified
from biofs.contents.torrent_files import is_hash
from biofs.mount.surveys import Surveys
from biofs.store.details import TorrentDetail
from biofs.store.memory import Recent
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import InvalidMetainfo

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOG_SECONDS: Final = 60.0
_MOST_OPENED: Final = 65_536
_FLUSH_SECONDS: Final = 1.0
"""For so long what was verified may be in memory alone."""
_IDLE_SECONDS: Final = 0.1
"""How often it is looked whether files are still opened in the directory that is kept open."""
_AHEAD_THREADS: Final = 4
"""That verify what readers will read. One more is used for each read that waits."""
_ANY_AUTHKEY: Final = Secret("authkey-of-biofs")
"""The server takes any (recording download_passkey)."""


class Data(ABC):
    """An open file of a torrent, as the kernel reads it."""

    direct = False
    """Whether reads go past the kernel's page cache."""

    @abstractmethod
    def read(self, offset: int, size: int) -> bytes | memoryview | None:
        """What is verified and in memory; else None, and `read_from_disk` has it.

        It is good until something is read again, of any file: pyfuse3 has sent it by then.
        """

    @abstractmethod
    async def read_from_disk(self, offset: int, size: int) -> bytes:
        """At most `size` bytes, verified. Raises OSError."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it, and have what was verified written down."""


class LocalData(Data):
    """One whose data are on this machine, or are not to be had."""

    def __init__(self, contents: Contents, file: OpenFile, caller: Caller) -> None:
        self._contents: Final = contents
        self._caller: Final = caller
        self.file: Final = file

    def read(self, offset: int, size: int) -> bytes | memoryview | None:
        """What is verified and in memory; else None, and `read_from_disk` has it.

        It is good until something is read again, of any file.
        """
        if self.file.to_verify(offset, size):
            self._contents.verify_later(self.file)
        return self.file.read_now(offset, size)

    async def read_from_disk(self, offset: int, size: int) -> bytes:
        """See `OpenFile.read`. Raises also what ends the caller's wait."""
        try:
            return await self._caller.within(lambda: self.file.read(offset, size))
        except OSError as error:
            self._contents.report(error)
            raise

    def close(self) -> None:
        """Let go of it, and have what was verified written down."""
        self._contents.close_later(self.file)


Stream = Callable[[int, Listed, int, Caller, LocalData | None], Data | None]
"""Given a torrent's number, the torrent, the file's number, who opens it, and what is here."""


class Contents:
    """Opens files of torrents. `passkey` is for .torrent files that are nowhere on this machine."""

    def __init__(self, catalogue: Catalogue, library: Library, passkey: Secret | None) -> None:
        self.library: Final = library
        self.surveys: Final = Surveys(catalogue, library)
        self._catalogue: Final = catalogue
        self._passkey: Final = passkey
        self._unclosed: Final[set[OpenFile]] = set()
        self._opened: Final[Recent[int, Identity]] = Recent(_MOST_OPENED, lambda _: 1)
        self._logged: dict[int, float] = {}
        self._nursery: trio.Nursery | None = None
        self._flushing = False
        self._letting_go = False
        self._listed: Listed | None = None
        self.downloaded: Callable[[str, bytes], None] = lambda _info_hash, _torrent: None
        """Called with the info hash and the whole of each .torrent that was downloaded."""
        self.stream: Stream | None = None
        """If set: makes a file of which something is not here one that is fetched while it is read
        (`biofs.mount.streaming`), unless nothing is fetched for the caller."""
        self._ahead: Final = threading.Semaphore(_AHEAD_THREADS)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the nursery in which files are closed, until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            await trio.sleep_forever()

    def start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run what must not raise, until it ends or the mount does, whoever waits for it."""
        if self._nursery is None:
            raise RuntimeError("`run` is not running")
        self._nursery.start_soon(work)

    async def open(self, torrent: TorrentDetail, tree: FileTree, node: int, caller: Caller) -> Data:
        """Open a file of a torrent, whose .torrent is downloaded if that is of use.

        Raises OSError: ENODATA if the data are not here or wrong, and those of the disk.
        """
        listed = self._listed
        if listed is None or listed.tree is not tree or listed.info_hash != torrent.list_key:
            listed = self._listed = listed_of(torrent, tree)
        if listed is None:
            raise Unverified
        here: LocalData | None = None
        try:
            file = await self._open(torrent.id, listed, node, caller)
            self.hold(file)
            here = LocalData(self, file, caller)
        except Unverified:
            if self.stream is None:
                raise
        except OSError as error:
            self.report(error)
            raise
        data: Data | None = here
        if self.stream is not None and (here is None or not here.file.is_verified):
            data = self.stream(torrent.id, listed, node, caller, here) or here
        if data is None:
            raise Unverified
        return data

    async def _open(self, torrent_id: int, listed: Listed, node: int, caller: Caller) -> OpenFile:
        file = self.library.open_now(listed, node)
        if self.library.last_folder.is_open and not self._letting_go:
            self._let_go_when_idle()
        if file is None:
            here = partial(self.library.open_here, listed, node)
            file = await self.opened_by(here, caller)
        if file is None and self.can_download:
            local = await self.download(torrent_id, listed, caller)
            if local is not None:
                open_file = partial(self.library.open, listed, local, node)
                file = await self.opened_by(open_file, caller)
        if file is None:
            raise Unverified
        return file

    def _let_go_when_idle(self) -> None:
        nursery = self._nursery
        if nursery is None or nursery.cancel_scope.cancel_called:
            self.library.last_folder.let_go()
            return
        self._letting_go = True
        nursery.start_soon(self._look_whether_idle)

    async def _look_whether_idle(self) -> None:
        try:
            while self.library.last_folder.is_open:
                await trio.sleep(_IDLE_SECONDS)
                self.library.last_folder.let_go_if_idle()
        finally:
            self._letting_go = False

    def hold(self, file: OpenFile) -> None:
        """Have an open file closed at the latest when the mount ends."""
        self._unclosed.add(file)

    async def local(
        self, torrent_id: int, listed: Listed, node: int, caller: Caller
    ) -> Local | None:
        """The torrent's metainfo, if a file that may be this one is on a disk; else None.

        Costs a request if no .torrent is on this machine and there is a way to download it. Raises
        OSError of the disk, and WouldFetch.
        """
        if self.library.is_absent(listed.info_hash):
            return None
        if not await self.in_thread(caller, self.library.candidate, listed, node):
            return None
        local = await self.in_thread(caller, self.library.local, listed)
        if local is None and self.can_download:
            local = await self.download(torrent_id, listed, caller)
        return local

    @property
    def is_offline(self) -> bool:
        """Whether nothing may be sent."""
        return self._catalogue.queue.offline

    @property
    def can_download(self) -> bool:
        """Whether a .torrent can be had from the server."""
        if self._catalogue.queue.offline:
            return False
        try:
            self._catalogue.queue.check(self._request(1))
        except ApiError:
            return False
        return True

    def _request(self, torrent_id: int) -> Request:
        if self._passkey is None:
            return Api.download.request(torrent_id)
        return Api.download.request(torrent_id, authkey=_ANY_AUTHKEY, passkey=self._passkey)

    async def download(self, torrent_id: int, listed: Listed, caller: Caller) -> Local | None:
        """The torrent's metainfo out of its .torrent, which is asked for: once for all who wait.

        Raises ApiError, OSError of the disk, and what ends the caller's wait.
        """
        catalogue = self._catalogue

        async def work(fetch: Fetch) -> None:
            answer = await catalogue.queue.sender(fetch)(self._request(torrent_id))
            try:
                await trio.to_thread.run_sync(self.library.add, listed, answer.body)
            except InvalidMetainfo as error:
                raise BadAnswer("download", f"torrent {torrent_id}: {error}") from None
            self.downloaded(listed.info_hash, answer.body)

        await caller.result(catalogue.fetches.start(("download", torrent_id), work, caller))
        return await self.in_thread(caller, self.library.local, listed)

    async def opened_by(
        self, work: Callable[[], OpenFile | None], caller: Caller
    ) -> OpenFile | None:
        """A file that is opened in a thread, and closed if nobody waits for it any more."""
        opening = _Opening(work)
        try:
            return await self.in_thread(caller, opening.run)
        except BaseException:
            opening.abandon()
            raise

    async def in_thread(self, caller: Caller, work: Callable[..., T], *arguments: object) -> T:
        """Run work that may wait for a disk. Raises what it raises, and what ends the wait."""
        return await caller.within(lambda: self.library.in_thread(work, *arguments))

    def keeps_pages(self, inode: int, data: LocalData) -> bool:
        """Whether the kernel may keep what it has of a file: if it is as when it was last opened.

        What it has was verified; but what is not there any more should not seem to be.
        """
        before, now = self._opened.get(inode), data.file.identity
        if before is None:
            self._opened[inode] = now
            return True
        self._opened[inode] = now
        return before == now

    def close_later(self, file: OpenFile) -> None:
        """Close a file, in a thread if that may wait; what was verified is written down later."""
        nursery = self._nursery
        if file.closes_at_once or nursery is None or nursery.cancel_scope.cancel_called:
            self._close(file)
        else:
            nursery.start_soon(trio.to_thread.run_sync, self._close, file)
        if not self.library.ledger.unwritten or self._flushing or nursery is None:
            return
        if not nursery.cancel_scope.cancel_called:
            self._flushing = True
            nursery.start_soon(self._flush_soon)

    async def _flush_soon(self) -> None:
        try:
            await trio.sleep(_FLUSH_SECONDS)
            await trio.to_thread.run_sync(self.library.ledger.flush)
        finally:
            self._flushing = False

    def _close(self, file: OpenFile) -> None:
        file.close()
        self._unclosed.discard(file)

    def verify_later(self, file: OpenFile) -> None:
        """Verify what a reader will read in a thread, unless enough are at that already.

        The thread is started at once: what a nursery starts has its turn only when requests cease
        to follow closely (`biofs.mount.kernel.busy_poll`), and by then the pieces are needed.
        """
        if self._ahead.acquire(blocking=False):
            trio.lowlevel.start_thread_soon(file.verify_soon, lambda _: self._ahead.release())
        else:
            file.not_now()

    def report(self, error: OSError) -> None:
        """Log what a disk answers, once a minute for each kind."""
        number = error.errno or errno.EIO
        now = time.monotonic()
        if isinstance(error, Unverified) or number in {errno.EINTR, errno.EAGAIN}:
            return
        if now >= self._logged.get(number, 0.0):
            self._logged[number] = now + _LOG_SECONDS
            log.warning("data cannot be read: %s", os.strerror(number))

    def forget_all(self) -> None:
        """Forget what is in memory only to be found sooner."""
        self._listed = None
        self.library.forget()
        self.surveys.forget()

    def close(self) -> None:
        """Close what is still open, or was about to be closed: it was verified; then the ledger."""
        for file in list(self._unclosed):
            self._close(file)
        self.library.close()


class _Opening:
    """Opens a file in a thread that may be abandoned: then the file is closed at once."""

    def __init__(self, work: Callable[[], OpenFile | None]) -> None:
        self._work: Final = work
        self._lock: Final = threading.Lock()
        self._abandoned = False
        self._file: OpenFile | None = None

    def run(self) -> OpenFile | None:
        file = self._work()
        with self._lock:
            self._file = file
            if self._abandoned and file is not None:
                file.close()
        return file

    def abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            if self._file is not None:
                self._file.close()


def listed_of(torrent: TorrentDetail, tree: FileTree) -> Listed | None:
    """The torrent for `biofs.contents`; None if the catalogue has no info hash for it."""
    return Listed(torrent.list_key, tree) if is_hash(torrent.list_key) else None
