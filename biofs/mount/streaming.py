"""Files that are fetched while they are read, if the user has switched that on.

Opening such a file costs nothing. A read waits until the pieces it needs are in the engine's
directory and biofs itself has verified them; who reads in a row gets some fetched ahead. The file
changes with every piece, so its reads go past the kernel's page cache (direct I/O): what a read
returns was verified for that read, and nothing stays that could become stale.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Hashable
from functools import partial
from typing import Final

import trio
from cachetools import LRUCache, TTLCache

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.contents.engines.engine import WRONG_DATA, EngineError, OverLimitError, State
from biofs.contents.matching import Listed, Local
from biofs.contents.read_budget import ReadBudget
from biofs.contents.reading import OpenFile
from biofs.contents.rules import Unverified
from biofs.mount.contents import Contents, Data, LocalData
from biofs.mount.errnos import errno_of
from biofs.mount.fetching import Fetching, NotFetched, in_words, info_hash_of
from biofs.mount.kernel.processes import Process, process_behind
from biofs.mount.kernel.waiting import Waiter, process_of
from biofs.mount.nodes.base import failure
from biofs.mount.readers import Readers
from biofs.tree import printable

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.03
"""The first read of a file waits so long: who reads many opens them at the same time."""
_WAIT_SECONDS: Final = 1.0
_ASK_AGAIN_SECONDS: Final = 5.0
"""A killed engine does not know any longer which pieces were to be read."""
_NOBODY_SECONDS: Final = 5.0
"""For so long a tracker and peers may take to show that somebody has it."""
_MOST_AHEAD: Final = 16 << 20
"""Bytes. Who has read as much in a row has as much fetched ahead; others less."""
_MOST_WRONG: Final = 40
_LOG_SECONDS: Final = 60.0


class Streams:
    """Makes files that are fetched while they are read, for the user `owner`."""

    def __init__(self, fetching: Fetching, budget: ReadBudget, owner: int) -> None:
        self.fetching: Final = fetching
        self.contents: Final[Contents] = fetching.contents
        self.budget: Final = budget
        self.readers: Final = Readers()
        self.charged: Final[LRUCache[tuple[bytes, int], None]] = LRUCache(1 << 20)
        """Pieces that were charged already."""
        self._owner: Final = owner
        self._said: Final[TTLCache[str, None]] = TTLCache(256, _LOG_SECONDS)

    def lists(self, thread: int) -> None:
        """The thread opens a directory."""
        self.readers.lists(process_of(thread), trio.current_time())

    def open(
        self, torrent_id: int, listed: Listed, node: int, caller: Caller, data: LocalData | None
    ) -> Streamed | None:
        """A file of which something is not here; None if nothing is fetched for the caller.

        `data` is what is here of it.
        """
        if not isinstance(caller, Waiter) or caller.uid != self._owner:
            return None
        process = process_behind(caller.pid) if caller.pid else None
        if process is None or not listed.tree.size(node):
            return None
        refused = self.readers.opens(process, (torrent_id, node), trio.current_time())
        if refused is not None:
            self.say(f"nothing is fetched for {process.name} ({process.number}): {refused}")
            return None
        return Streamed(self, torrent_id, listed, node, caller, process, data)

    def say(self, text: str) -> None:
        """Log something, once a minute."""
        if text not in self._said:
            self._said[text] = None
            log.warning("%s", printable.for_path(text))

    def close(self) -> None:
        """Let go of the budget."""
        self.budget.close()


class Streamed(Data):
    """A file that is fetched while it is read."""

    direct = True

    def __init__(
        self,
        streams: Streams,
        torrent_id: int,
        listed: Listed,
        node: int,
        caller: Caller,
        process: Process,
        data: LocalData | None,
    ) -> None:
        self._contents: Final = streams.contents
        self._caller: Final = caller
        self._streams: Final = streams
        self._fetching: Final = streams.fetching
        self._torrent_id: Final = torrent_id
        self._listed: Final = listed
        self._node: Final = node
        self._process: Final = process
        self._file: OpenFile | None = None if data is None else data.file
        self._local: Local | None = None
        self._next = 0
        self._in_a_row = 0
        self._asked = range(0)
        """The numbers of pieces that the engine was last asked for."""
        self._admitted = False
        self._closed = False

    @property
    def _key(self) -> Hashable:
        return self._torrent_id, self._node

    def read(self, offset: int, size: int) -> bytes | memoryview | None:
        """What is verified and in memory; else None, and `read_from_disk` has it.

        It is good until something is read again, of any file.
        """
        file = self._file
        found = None if file is None else file.read_now(offset, size)
        if found is not None:
            self._count(offset, offset + len(found))
        return found

    def _count(self, offset: int, stop: int) -> None:
        self._in_a_row = self._in_a_row + stop - offset if offset == self._next else 0
        self._next = stop

    async def read_from_disk(self, offset: int, size: int) -> bytes:
        """At most `size` bytes, fetched and verified. Raises OSError, as docs/fetch.md lists."""
        try:
            return await self._read(offset, size)
        except Unverified:
            raise
        except OSError as error:
            self._contents.report(error)
            raise
        except NotFetched as error:
            self._streams.say(f"torrent {self._torrent_id}: {error}")
            offline = self._contents.is_offline
            raise failure(errno.ENODATA if offline else errno.EACCES) from None
        except ApiError as error:
            self._streams.say(f"torrent {self._torrent_id}: {in_words(error)}")
            raise failure(errno_of(error)) from None
        except EngineError as error:
            self._streams.say(f"torrent {self._torrent_id}: {error}")
            over = isinstance(error, OverLimitError)
            raise failure(errno.EDQUOT if over else errno.EIO) from None

    async def _read(self, offset: int, size: int) -> bytes:
        if self._file is not None:
            try:
                data = await self._caller.within(partial(self._file.read, offset, size))
            except Unverified:
                pass
            else:
                self._count(offset, offset + len(data))
                return data
        await self._admit()
        local = self._local
        if local is None:
            local = await self._fetching.metainfo(self._torrent_id, self._listed, self._caller)
            # It may have to be found out; later it is known.
            await self._fetching.contents.in_thread(self._caller, local.wanted, self._node)
            self._local = local
        index, wanted = local.wanted(self._node)
        stop = min(offset + size, wanted.length)
        if offset >= stop:
            return b""
        self._count(offset, stop)
        first = local.metainfo.pieces(index, 0, stop).indexes.start
        span = local.metainfo.pieces(index, offset, stop).indexes
        for piece in span:
            left = range(piece, span.stop)
            await self._caller.within(partial(self._bring, local, piece - first, left))
        file = self._file
        if file is None:
            raise Unverified
        return await self._caller.within(partial(file.read, offset, stop - offset))

    async def _admit(self) -> None:
        """Raises OSError unless something may be fetched for who reads it."""
        readers = self._streams.readers
        if not self._admitted:
            await trio.sleep(_LOOK_SECONDS)
            refused = readers.refused(self._process, trio.current_time())
            if refused is not None:
                process = self._process
                self._streams.say(
                    f"nothing is fetched for {process.name} ({process.number}): {refused}"
                )
                raise Unverified
            self._admitted = True
        if not readers.takes_turn(self._key, trio.current_time()):
            self._streams.say("too many files are read at a time that have to be fetched")
            raise failure(errno.EAGAIN)

    async def _bring(self, local: Local, number: int, needed: range) -> None:
        """Return when a piece is here and verified.

        `number` counts from the file's first piece, `needed` in the torrent: the piece and the
        others that the read needs.
        """
        piece, began, asked, wrong = needed.start, trio.current_time(), float("-inf"), 0
        if await self._is_here(local, number):
            if self._follows(local, piece):
                await self._ask(local, needed)
            return
        info_hash = info_hash_of(local)
        while True:
            now = trio.current_time()
            if now >= asked + _ASK_AGAIN_SECONDS:
                await self._ask(local, needed)
                asked = now
            if await self._fetching.wait_for_piece(info_hash, piece, _WAIT_SECONDS):
                if await self._is_here(local, number):
                    return
                wrong += 1
                if wrong > _MOST_WRONG:
                    raise failure(errno.EIO)
                await self._fetching.look_where_it_is(self._listed, local)
                self._let_go()
                if await self._is_here(local, number):
                    return
                await trio.sleep(_LOOK_SECONDS)
            else:
                await self._check(info_hash, trio.current_time() - began)

    async def _is_here(self, local: Local, number: int) -> bool:
        library = self._contents.library
        if self._file is None:
            opening = partial(library.open, self._listed, local, self._node)
            try:
                file = await self._contents.opened_by(opening, self._caller)
            except Unverified:
                return False
            if file is None:
                return False
            self._take(file)
        file = self._file
        return file is not None and await library.in_thread(file.verify, number)

    def _take(self, file: OpenFile) -> None:
        if self._file is not None or self._closed:  # another read was first
            self._contents.close_later(file)
            return
        self._file = file
        self._contents.hold(file)

    def _follows(self, local: Local, piece: int) -> bool:
        """Whether who reads in a row has used up half of what was fetched ahead."""
        ahead = self._ahead(local)
        return ahead > 0 and self._asked.stop - piece <= ahead // 2

    def _ahead(self, local: Local) -> int:
        return min(self._in_a_row, _MOST_AHEAD) // local.metainfo.piece_length

    async def _ask(self, local: Local, needed: range) -> None:
        """Have the engine fetch pieces, and some behind them, as far as the budget goes."""
        metainfo, index = local.metainfo, local.indexes[self._node]
        end = metainfo.pieces(index, 0, metainfo.files[index].length).indexes.stop
        pieces = range(needed.start, min(needed.stop + self._ahead(local), end))
        pieces = pieces[: await self._paid(local, index, pieces)]
        if not pieces:
            self._streams.say("the budget of what reads may fetch is used up: see docs/fetch.md")
            raise failure(errno.EDQUOT)
        await self._fetching.stream(self._torrent_id, self._listed, local, pieces, self._caller)
        self._asked = pieces

    async def _paid(self, local: Local, index: int, pieces: range) -> int:
        """How many of the pieces, from the first on, the budget has room for."""
        charged, info_hash = self._streams.charged, info_hash_of(local)
        new = [piece for piece in pieces if (info_hash, piece) not in charged]
        if not new:
            return len(pieces)
        for piece in new:  # before anybody else asks for the same
            charged[info_hash, piece] = None
        sizes = [local.metainfo.piece_length_of(piece) for piece in new]
        charge = partial(self._streams.budget.charge, info_hash, index, sizes, time.time())
        count = 0
        try:
            count = await trio.to_thread.run_sync(charge)
        finally:
            for piece in new[count:]:
                charged.pop((info_hash, piece), None)
        return len(pieces) if count == len(new) else pieces.index(new[count])

    async def _check(self, info_hash: bytes, waited: float) -> None:
        """A piece does not come: raises OSError if the engine knows why it never will."""
        progress = await self._fetching.progress(info_hash)
        if progress is None:
            return
        if progress.state is State.FAILED:
            self._streams.say(f"torrent {self._torrent_id}: {progress.message}")
            full = progress.message == os.strerror(errno.ENOSPC).lower()
            raise failure(errno.ENOSPC if full else errno.EIO)
        if waited < _NOBODY_SECONDS or progress.peers:
            return
        if progress.message == WRONG_DATA:
            self._streams.say(f"torrent {self._torrent_id}: {WRONG_DATA}, and nobody else has it")
            raise failure(errno.EIO)
        if progress.seeders <= 0:
            said = f"; {progress.message}" if progress.message else ""
            self._streams.say(f"torrent {self._torrent_id}: nobody is known to have it{said}")
            raise Unverified

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._contents.close_later(file)

    def close(self) -> None:
        """Let go of it, and have what was verified written down."""
        self._closed = True
        self._streams.readers.leaves(self._key)
        self._let_go()
