"""What biofs asks of a BitTorrent client, whichever it is.

An engine only fetches: it is told which files of a torrent are wanted, and says how far it is. What
it has fetched is read as all data are (`biofs.contents.library`): from its download directory, and
not before the piece hashes are right. It removes neither data nor torrents by itself, and a torrent
that was there before biofs wanted anything of it keeps all that its owner wanted.

The methods wait for a process or a network, so they are for threads. An info hash is the one the
catalogue has: that of v1 if the torrent has one, else that of v2 cut to 20 bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, Protocol, runtime_checkable


class EngineError(Exception):
    """An engine cannot be used. The text is one line: what is wrong, and what to do about it."""


WRONG_DATA: Final = "what a peer sent did not have the right hashes"
"""The message of a progress, until something right comes from another peer."""


class OverLimitError(EngineError):
    """A limit that the user has set forbids it: to ask again later is of no use."""


class State(StrEnum):
    """What an engine does with a torrent."""

    CHECKING = "checking"
    """It hashes what lies on the disk already."""
    FETCHING = "fetching"
    FINISHED = "finished"
    """All that is wanted is there; it seeds."""
    STOPPED = "stopped"
    """Its owner, or a limit, has stopped it."""
    FAILED = "failed"
    """It cannot go on: `Progress.message` says why."""


class Progress(NamedTuple):
    """How far an engine is with a torrent. Sizes are in bytes, rates in bytes a second."""

    info_hash: bytes
    name: str
    state: State
    wanted: Sequence[int]
    """Indexes of the wanted files in the metainfo, pad files counted, in order."""
    done: Sequence[int]
    """For each of `wanted`, how much of the file is there, in bytes."""
    size: int
    """Of all wanted files."""
    rate: int
    """Down."""
    peers: int
    """Connected ones."""
    seeders: int
    """That the engine knows of; -1 if it does not know."""
    message: str
    """What the tracker or the disk says that is wrong, without announce URLs; else empty."""


class Finding(NamedTuple):
    """What `biofs doctor` says of an engine."""

    good: bool
    text: str
    """One line: what was found and, if it is not good, what to do."""


class Engine(Protocol):
    """A BitTorrent client. Every method raises EngineError if it cannot be reached or refuses."""

    @property
    def name(self) -> str:
        """As in the setting `engine`."""
        ...

    def fetch(self, torrent: bytes, indexes: Collection[int]) -> None:
        """Want these files of a torrent, beside those already wanted.

        `torrent` is a whole .torrent file, with its announce URLs: these hold a passkey, so it is
        given to the engine over its socket and written nowhere by biofs.
        """
        ...

    def cancel(self, info_hash: bytes, indexes: Collection[int] | None = None) -> None:
        """Want these files no longer, or none, as far as they are not there. Removes nothing."""
        ...

    def progress(self, info_hash: bytes) -> Progress | None:
        """How far it is; None if it does not have the torrent."""
        ...

    def all(self) -> Sequence[Progress]:
        """Every torrent of which biofs wanted something."""
        ...

    def directory(self, info_hash: bytes) -> Path | None:
        """The directory in which its top name lies on this machine; None if it has no such torrent.

        It need not be `download_directory()`.
        """
        ...

    def download_directory(self) -> Path:
        """Where it puts new torrents, as a path of this machine."""
        ...

    def check(self) -> Sequence[Finding]:
        """What can be found out about it: reachable, version, directory, space, settings."""
        ...

    def close(self) -> None:
        """Let go of the connection. The client goes on."""
        ...


@runtime_checkable
class WaitingEngine(Engine, Protocol):
    """An engine that need not be asked again and again how far it is."""

    def wait_for_all(self, info_hash: bytes, timeout: float) -> None:
        """Return once all that is wanted of a torrent is in the files, or it cannot go on, or it is
        not had; or after `timeout` seconds."""
        ...


class StreamingEngine(Engine, Protocol):
    """An engine that fetches pieces in the order in which they are read."""

    def fetch_pieces(self, torrent: bytes, pieces: Sequence[int]) -> None:
        """Fetch these pieces first, the first of them soonest, and no file beside them."""
        ...

    def fetch_more(self, info_hash: bytes, pieces: Sequence[int]) -> bool:
        """As `fetch_pieces`, of a torrent that the engine has; False if it does not have it."""
        ...

    def wait_for_pieces(
        self, info_hash: bytes, pieces: Sequence[int], timeout: float
    ) -> Collection[int]:
        """Those of the pieces that are in the files, once that is at least one, or after `timeout`.

        In seconds. What is in the files is right by the engine's word; biofs verifies it itself.
        """
        ...
