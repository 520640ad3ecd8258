"""Files that are fetched while they are read, if the user has switched that on.

Opening such a file costs nothing. A read waits until the pieces it needs are in the engine's
directory and biofs itself has verified them; who reads in a row gets some fetched ahead. The file
changes with every piece, so its reads go past the kernel's page cache (direct I/O): what a read
returns was verified for that read, and nothing stays that could become stale.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Collection, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import trio
from cachetools import TTLCache

from biofs.api.errors import ApiError
from biofs.catalogue.caller import Caller
from biofs.contents.engines.engine import EngineError, OverLimitError
from biofs.contents.matching import Listed, Local
from biofs.contents.read_budget import ReadBudget
from biofs.contents.reading import OpenFile
from biofs.contents.rules import Unverified
from biofs.mount.arriving import WAIT_SECONDS, Arrivals, NeverRight
from biofs.mount.contents import Contents, Data, LocalData
from biofs.mount.errnos import errno_of
from biofs.mount.fetching import FAILURES, Fetching, NotFetched, in_words, info_hash_of, why_never
from biofs.mount.kernel.processes import Process, process_behind
from biofs.mount.kernel.waiting import Waiter, process_of
from biofs.mount.nodes.base import failure
from biofs.mount.read_ahead import ReadAhead
from biofs.mount.readers import Readers
from biofs.tree import printable

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.03
"""The first read of a file waits so long: who reads many opens them at the same time."""
_ASK_AGAIN_SECONDS: Final = 5.0
"""A killed engine does not know any longer which pieces were to be read."""
_QUIET_SECONDS: Final = 1.0
"""After nothing could be fetched ahead, it is not tried again for so long."""
_LOG_SECONDS: Final = 60.0


class Streams:
    """Makes files that are fetched while they are read, for the user `owner`."""

    def __init__(self, fetching: Fetching, budget: ReadBudget, owner: int) -> None:
        self.fetching: Final = fetching
        self.contents: Final[Contents] = fetching.contents
        self.budget: Final = budget
        self.readers: Final = Readers()
        self._owner: Final = owner
        self._said: Final[TTLCache[str, None]] = TTLCache(256, _LOG_SECONDS)

    def lists(self, thread: int) -> None:
        """The thread reads a directory."""
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
            self.say_refused(process, refused)
            return None
        return Streamed(self, torrent_id, listed, node, caller, process, data)

    def say(self, text: str) -> None:
        """Log something, once a minute."""
        if text not in self._said:
            self._said[text] = None
            log.warning("%s", printable.for_path(text))

    def say_refused(self, process: Process, why: str) -> None:
        """Log that nothing is fetched for a process."""
        self.say(f"nothing is fetched for {process.name} ({process.number}): {why}")

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
        self._arrivals: Final = Arrivals(self._contents.start, self._wait, self._verify)
        self._row: Final = ReadAhead()
        self._asking: Final = trio.Lock()
        self._asks_ahead = False
        self._quiet_until = float("-inf")
        self._decided_until = 0
        """Who reads in a row up to this byte has had fetched and verified what follows."""
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
        found = None if file is None else file.at_hand(offset, size)
        if found is not None:
            self._count(offset, offset + len(found))
        return found

    def _count(self, offset: int, stop: int) -> None:
        """Somebody reads."""
        goes_on = self._row.read(offset, stop)
        if goes_on and stop <= self._decided_until:
            return
        if self._local is not None and self._admitted and offset < stop:
            self._go_on(self._local, self._pieces(self._local, stop - 1, stop).start)

    def _go_on(self, local: Local, piece: int) -> None:
        """Have what follows on a piece fetched and verified in the background, if it is time to."""
        length, end = local.metainfo.piece_length, self._end(local)
        busy = self._asks_ahead or trio.current_time() < self._quiet_until
        if not busy and self._row.is_due(piece, end, length):
            following = range(piece + 1, min(piece + 1 + self._row.pieces(length), end))
            if not self._arrivals.verified(following):
                self._asks_ahead = True
                self._contents.start(partial(self._ask_ahead, local, piece))
        self._arrivals.reads(self._row.to_verify(piece, length))
        # Who reads in a row for long needs no other decision before the next piece.
        end = (piece + 1 - self._pieces(local, 0, 1).start) * length
        before = local.metainfo.before(local.indexes[self._node])
        self._decided_until = end - before if self._row.is_long else 0

    def _pieces(self, local: Local, start: int, stop: int) -> range:
        """The numbers in the torrent of the pieces with these bytes of the file."""
        return local.metainfo.pieces(local.indexes[self._node], start, stop).indexes

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
        file, looked = self._file, False
        if file is not None and not self._comes(offset, min(offset + size, file.length)):
            looked = True
            try:
                data = await self._caller.within(partial(file.read, offset, size))
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
        _, wanted = local.wanted(self._node)
        stop = min(offset + size, wanted.length)
        if offset >= stop:
            return b""
        span = self._pieces(local, offset, stop)
        self._row.read(offset, stop)
        if self._arrivals.expects(span):
            self._go_on(local, span[-1])
        look = not looked or len(span) > 1
        for piece in span:
            left = range(piece, span.stop)
            await self._caller.within(partial(self._bring, local, left, look=look))
        self._go_on(local, span[-1])
        return await self._brought(offset, stop)

    def _comes(self, start: int, stop: int) -> bool:
        """Whether bytes of the file have been asked for, or are about to be."""
        local = self._local
        if local is None or start >= stop:
            return False
        return self._asks_ahead or self._arrivals.expects(self._pieces(local, start, stop))

    async def _brought(self, start: int, stop: int) -> bytes:
        """What is verified by now, of a file that may be found to be another one meanwhile."""
        while (file := self._file) is not None:
            try:
                found = file.at_hand(start, stop - start)
                if found is not None:
                    return bytes(found)
                return await self._caller.within(partial(file.read, start, stop - start))
            except OSError:
                if self._file is file or self._closed:
                    raise
        raise Unverified

    async def _admit(self) -> None:
        """Raises OSError unless something may be fetched for who reads it."""
        readers = self._streams.readers
        if not self._admitted:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._prepare)
                await trio.sleep(_LOOK_SECONDS)
            refused = readers.refused(self._process, trio.current_time())
            if refused is not None:
                self._streams.say_refused(self._process, refused)
                raise Unverified
            self._admitted = True
        if not readers.takes_turn(self._key, trio.current_time()):
            self._streams.say("too many files are read at a time that have to be fetched")
            raise failure(errno.EAGAIN)

    async def _prepare(self) -> None:
        """Find out what costs nobody but us, while it is not known whether it may be fetched."""
        library = self._contents.library
        with suppress(OSError):
            self._local = self._local or await library.in_thread(library.local, self._listed)

    async def _bring(self, local: Local, needed: range, *, look: bool) -> None:
        """Return when a piece is here and verified: the first of `needed`, which are all that the
        read needs. `look`: it may be here already."""
        piece, began = needed.start, trio.current_time()
        coming = self._arrivals.expects([piece])
        async with self._asking:  # it may be asked for just now, ahead
            if not self._arrivals.expects([piece]):
                if coming and self._arrivals.verified([piece]):  # meanwhile
                    return
                if look and await self._is_here(local, piece):
                    return
                await self._ask(local, needed)
        asked, info_hash = trio.current_time(), info_hash_of(local)
        try:
            while not await self._arrivals.wait(piece, WAIT_SECONDS):
                await self._check(info_hash, trio.current_time() - began)
                if trio.current_time() >= asked + _ASK_AGAIN_SECONDS:
                    async with self._asking:
                        await self._ask(local, needed)
                    asked = trio.current_time()
        except NeverRight:
            raise failure(errno.EIO) from None

    async def _wait(self, pieces: Sequence[int]) -> Collection[int]:
        """See `Arrivals`."""
        local = self._local
        assert local is not None  # noqa: S101 - something was asked for
        return await self._fetching.wait_for_pieces(info_hash_of(local), pieces, WAIT_SECONDS)

    async def _verify(self, piece: int) -> bool:
        """See `Arrivals`."""
        local = self._local
        assert local is not None  # noqa: S101 - something was asked for
        if self._file is None:
            self._contents.library.look_again(self._listed.info_hash)
        if await self._is_here(local, piece):
            return True
        await self._fetching.look_where_it_is(self._listed, local)
        await self._open(local)
        return await self._is_here(local, piece)

    async def _is_here(self, local: Local, piece: int) -> bool:
        if self._file is None:
            await self._open(local)
        file, number = self._file, piece - self._pieces(local, 0, 1).start
        return file is not None and await self._contents.library.in_thread(file.verify, number)

    async def _open(self, local: Local) -> None:
        """Open what is here of the file, again if it was opened before."""
        before = self._file
        opening = partial(self._contents.library.open, self._listed, local, self._node)
        try:
            file = await self._contents.opened_by(opening, self._caller)
        except Unverified:
            return
        if file is None:
            return
        if self._file is not before or self._closed:  # another read was first
            self._contents.close_later(file)
            return
        self._let_go()
        self._file = file
        self._contents.hold(file)

    def _end(self, local: Local) -> int:
        """The number behind the file's last piece."""
        return self._pieces(local, 0, local.metainfo.files[local.indexes[self._node]].length).stop

    async def _ask_ahead(self, local: Local, piece: int) -> None:
        """Behind this one, in the background: who needs the pieces is told what goes wrong."""
        length, end = local.metainfo.piece_length, self._end(local)
        try:
            async with self._asking:
                turn = self._streams.readers.takes_turn(self._key, trio.current_time())
                if turn and self._row.is_due(piece, end, length):
                    await self._ask(local, range(piece + 1, piece + 1))
        except FAILURES:
            self._quiet_until = trio.current_time() + _QUIET_SECONDS
        finally:
            self._asks_ahead = False

    async def _ask(self, local: Local, needed: range) -> None:
        """Have the engine fetch pieces, and some behind them, as far as the budget goes."""
        ahead = self._row.pieces(local.metainfo.piece_length)
        pieces = range(needed.start, min(needed.stop + ahead, self._end(local)))
        sizes = [local.metainfo.piece_length_of(piece) for piece in pieces]
        key = info_hash_of(local), local.indexes[self._node]
        charge = partial(self._streams.budget.charge_once, *key, pieces, sizes, time.time())
        pieces = pieces[: await trio.to_thread.run_sync(charge)]
        if not pieces:
            self._streams.say("the budget of what reads may fetch is used up: see docs/fetch.md")
            raise failure(errno.EDQUOT)
        stream = partial(self._fetching.stream, self._torrent_id, self._listed, local)
        try:
            await stream(pieces, self._caller)
        except OverLimitError:  # perhaps there is room for what is needed
            if not 0 < len(needed) < len(pieces):
                raise
            pieces = needed
            await stream(pieces, self._caller)
        self._row.asked = pieces
        self._arrivals.asked(pieces, needed)

    async def _check(self, info_hash: bytes, waited: float) -> None:
        """A piece does not come: raises OSError if the engine knows why it never will."""
        progress = await self._fetching.progress(info_hash)
        never = None if progress is None else why_never(progress, waited)
        if never is not None:
            self._streams.say(f"torrent {self._torrent_id}: {never.reason}")
            raise Unverified if never.errno == errno.ENODATA else failure(never.errno)

    def _let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._contents.close_later(file)

    def close(self) -> None:
        """Let go of it, and have what was verified written down."""
        self._closed = True
        self._arrivals.close()
        self._streams.readers.leaves(self._key)
        self._let_go()
