"""The engine that biofs brings along: a process with a libtorrent session, started on demand.

This is its client. It does not load libtorrent, and all who use one state directory share one
process (`biofs.contents.engines.daemon`), whichever of them starts it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from biofs.contents.engines.daemon import messages
from biofs.contents.engines.daemon.connection import Connection, Gone, start
from biofs.contents.engines.engine import EngineError, Finding, OverLimitError, Progress

INSTALL: Final = "libtorrent is not installed: run `pip install 'biofs[fetch]'`"
_MOST_KEPT: Final = 8
"""Idle connections."""
_MOST_STREAMS: Final = 32
"""Torrents of which it is known what to ask for again, should the process be killed."""
_PAUSES: Final = (0.0, 0.0, 0.2)
"""Seconds before each attempt. A process that was killed takes connections until the last of its
descriptors is closed."""
_LITTLE_ROOM: Final = 1 << 30


class LibtorrentEngine:
    """A `StreamingEngine`. Any number of threads can use it.

    Args:
        directory: Where new torrents are put.
        state: The directory of the process, private, at most one process in it.
        down, up: Bytes a second; 0 for no limit.
        ratio: Until what multiple of its size a torrent is seeded; None for as long as it runs.
        disk: Bytes that all its torrents may take; 0 for no limit.
        at_once: How many torrents fetch at the same time; 0 for no limit.
        listen: As libtorrent's setting `listen_interfaces`: addresses with ports.
        user_agent, fingerprint: What trackers and peers are told; empty for libtorrent's own.
        discovery: Use DHT, PEX and local discovery for torrents that are not private.
        idle: Seconds with nothing to fetch and nothing to seed after which the process ends.
        retry: Seconds after which what failed, because of a full disk for instance, is tried again.
    """

    name = "libtorrent"

    def __init__(
        self,
        directory: Path,
        state: Path,
        *,
        down: int = 0,
        up: int = 0,
        ratio: float | None = None,
        disk: int = 0,
        at_once: int = 0,
        listen: str = "0.0.0.0:0,[::]:0",
        user_agent: str = "",
        fingerprint: str = "",
        discovery: bool = False,
        idle: float = 600.0,
        retry: float = 30.0,
    ) -> None:
        self._directory = directory.absolute()
        self._state = state.absolute()
        self._settings = messages.Configure(
            directory=messages.quoted(self._directory),
            down=down,
            up=up,
            ratio=ratio,
            disk=disk,
            at_once=at_once,
            listen=listen,
            user_agent=user_agent,
            fingerprint=fingerprint,
            discovery=discovery,
            idle=idle,
            retry=retry,
        )
        self._lock = threading.Lock()
        self._free: list[Connection] = []
        self._streams: OrderedDict[bytes, messages.Pieces] = OrderedDict()

    # What an engine does.

    def fetch(self, torrent: bytes, indexes: Collection[int]) -> None:
        self._ask(messages.Fetch(torrent=torrent, indexes=list(indexes)), object)

    def cancel(self, info_hash: bytes, indexes: Collection[int] | None = None) -> None:
        chosen = None if indexes is None else list(indexes)
        self._ask(messages.Cancel(info_hash=info_hash, indexes=chosen), object)
        if indexes is None:
            with self._lock:
                self._streams.pop(info_hash, None)

    def progress(self, info_hash: bytes) -> Progress | None:
        request = messages.Progress(info_hash=info_hash)
        found: Progress | None = self._ask(request, Progress | None)
        return found

    def all(self) -> Sequence[Progress]:
        found: list[Progress] = self._ask(messages.Progress(), list[Progress])
        return found

    def directory(self, info_hash: bytes) -> Path | None:
        found = self._ask(messages.Directory(info_hash=info_hash), str | None)
        return None if found is None else messages.unquoted(found)

    def download_directory(self) -> Path:
        return self._directory

    def fetch_pieces(self, torrent: bytes, pieces: Sequence[int]) -> None:
        self._stream(messages.Pieces(torrent=torrent, pieces=list(pieces)))

    def fetch_more(self, info_hash: bytes, pieces: Sequence[int]) -> bool:
        return self._stream(messages.Pieces(info_hash=info_hash, pieces=list(pieces)))

    def _stream(self, request: messages.Pieces) -> bool:
        info_hash: bytes | None = self._ask(request, bytes | None)
        if info_hash is None:
            return False
        # The torrent is written down by the process, what is to be read of it is not.
        again = messages.Pieces(info_hash=info_hash, pieces=request.pieces)
        with self._lock:
            self._streams[info_hash] = again
            self._streams.move_to_end(info_hash)
            while len(self._streams) > _MOST_STREAMS:
                self._streams.popitem(last=False)
        return True

    def wait_for_pieces(
        self, info_hash: bytes, pieces: Sequence[int], timeout: float
    ) -> Collection[int]:
        request = messages.Wait(info_hash=info_hash, pieces=list(pieces), timeout=timeout)
        try:
            found = self._once(self._connected(), request, list[int], timeout)
        except Gone:
            # Which pieces are to be read is not written down by the process.
            with self._lock:
                stream = self._streams.get(info_hash)
            if stream is not None:
                self._ask(stream, object)
            found = self._ask(request, list[int], timeout)
        return frozenset(found)

    def wait_for_all(self, info_hash: bytes, timeout: float) -> None:
        request = messages.WaitForAll(info_hash=info_hash, timeout=timeout)
        self._ask(request, object, timeout)

    def check(self) -> Sequence[Finding]:
        return [*self._check_process(), *self._check_directory()]

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def stop(self) -> None:
        """End the process, if it runs. It writes down how far it is, and goes on when started."""
        try:
            connection = Connection(self._state)
        except (OSError, Gone):
            return
        try:
            connection.ask(messages.Stop())
            connection.wait_for_end()
        except Gone:
            pass
        finally:
            connection.close()
            self.close()

    # The process.

    def _ask(self, request: messages.Request, kind: Any, patience: float = 0.0) -> Any:
        """Raises EngineError. All requests can be sent again, so one that was lost is."""
        for pause in _PAUSES:
            time.sleep(pause)
            try:
                return self._once(self._connected(), request, kind, patience)
            except Gone:
                self.close()
        raise EngineError(f"the libtorrent process ends at once: see {self._state / 'log'}")

    def _once(
        self, connection: Connection, request: messages.Request, kind: Any, patience: float
    ) -> Any:
        try:
            said = connection.ask(request, patience)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if len(self._free) < _MOST_KEPT:
                self._free.append(connection)
            else:
                connection.close()
        return _value(said, kind)

    def _connected(self) -> Connection:
        """A connection that nobody uses. Starts the process. Raises EngineError and Gone."""
        with self._lock:
            if self._free:
                return self._free.pop()
        connection = start(self._state, INSTALL)
        try:
            _value(connection.ask(self._settings), object)
        except BaseException:
            connection.close()
            raise
        return connection

    # What `biofs doctor` says.

    def _check_process(self) -> list[Finding]:
        if importlib.util.find_spec("libtorrent") is None:
            return [Finding(False, INSTALL)]
        try:
            with Connection(self._state) as connection:
                _value(connection.ask(self._settings), object)
                version, trackers = _value(
                    connection.ask(messages.Check()), tuple[str, list[tuple[str, bool, str]]]
                )
        except (OSError, Gone):
            return [Finding(True, "libtorrent: not running; it is started when it is needed")]
        except EngineError as error:
            return [Finding(False, str(error))]
        found = [Finding(True, f"libtorrent {version}: running")]
        for name, answered, says in trackers:
            text = says or ("the tracker answered" if answered else "the tracker has yet to answer")
            found.append(Finding(not says, f"{name}: {text}"))
        return found

    def _check_directory(self) -> list[Finding]:
        place = self._directory
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir() or not os.access(place, os.R_OK | os.W_OK | os.X_OK):
            return [Finding(False, f"{place}: no directory that can be read and written")]
        room = shutil.disk_usage(place).free
        text = f"{self._directory}: {room:,} bytes are free"
        if room < _LITTLE_ROOM:
            return [Finding(False, f"{text}: make room, or set another directory")]
        return [Finding(True, text)]


def _value(said: messages.Answer, kind: Any) -> Any:
    """What was answered. Raises EngineError if it is an error."""
    if said.error is not None:
        raise (OverLimitError if said.limit else EngineError)(said.error)
    try:
        return msgspec.json.decode(said.value, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise EngineError("the libtorrent process is of another version of biofs") from None
