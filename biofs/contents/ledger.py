"""The ledger: which pieces of which files were verified, and metainfo that was downloaded.

One SQLite file for all mounts of a user, beside the stores: what lies on a disk depends neither on
the server nor on the account, and a snapshot can be written to by nobody. A file is known by its
device and inode, and stands for what it was as long as its size, mtime and ctime stay the same:
anything that writes to it changes these (inode(7)).

It is a cache: without it everything is verified again. If it cannot be used, memory serves.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from weakref import WeakValueDictionary

from biofs.contents.soon.rows import Rows
from biofs.store.database.files import make_private
from biofs.store.database.store import BUSY_TIMEOUT, enter_wal
from biofs.store.memory import Recent

log = logging.getLogger(__name__)

FILE_NAME: Final = "contents.sqlite"

_VERSION: Final = 1
_MOST_FILES: Final = 200_000
"""So many files are remembered, those that were verified last."""
_MOST_PIECES: Final = 1 << 24
"""More pieces than any torrent has (`biofs.tree.metainfo.MOST_PIECES`)."""
_IN_MEMORY: Final = 16 << 20
"""Bytes, one for each piece of a file."""
_BATCH: Final = 256
"""Files that are written down together: each by itself takes longer than to verify it."""
_MOST_HELD: Final = 4096
"""With so many torrents in memory, those of which nothing is held any more are dropped."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS verified (
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    info_hash BLOB NOT NULL,
    file INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    pieces BLOB NOT NULL,
    PRIMARY KEY (device, inode, info_hash, file)
);
CREATE INDEX IF NOT EXISTS verified_by_file ON verified (info_hash, file);
DROP INDEX IF EXISTS verified_by_torrent;
CREATE TABLE IF NOT EXISTS metainfo (
    info_hash BLOB PRIMARY KEY,
    data BLOB NOT NULL
);
"""


class Identity(NamedTuple):
    """What a file on a disk is known by. Times are in nanoseconds."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """That of the file with this status."""
        return cls(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )

    @property
    def changed_ns(self) -> int:
        """When the file last changed in any way."""
        return max(self.mtime_ns, self.ctime_ns)


class Verified:
    """Which pieces of a file were verified: of each one byte, 1 if it was. The first is the file's
    first piece, which it may share with its neighbours."""

    __slots__ = ("__weakref__", "changed", "pieces")

    def __init__(self, pieces: bytearray) -> None:
        self.pieces: Final = pieces
        self.changed = False
        """Whether the ledger's file does not have all of it yet."""

    def mark(self, number: int) -> None:
        """The piece is the right one."""
        self.pieces[number] = 1
        self.changed = True

    def unmark(self, number: int) -> None:
        """The piece is not the right one any more, if it ever was."""
        if self.pieces[number]:
            self.pieces[number] = 0
            self.changed = True

    def has(self, start: int, stop: int) -> bool:
        """Whether all pieces from `start` up to `stop` were verified."""
        return self.pieces.find(0, start, stop) < 0


_Key = tuple[Identity, bytes, int]
_Held = WeakValueDictionary[tuple[Identity, int], Verified]


class Ledger:
    """See the module. Its methods may be called from several threads at once."""

    def __init__(self, path: Path | None) -> None:
        """`path` is that of the file; None for memory."""
        self._lock: Final = threading.Lock()
        self._recent: Final[Recent[_Key, Verified]] = Recent(
            _IN_MEMORY, lambda verified: len(verified.pieces) + 200
        )
        # What is not written down yet is known to who holds it, and here by its torrent.
        self._held: Final[dict[bytes, _Held]] = {}
        self._connection: Final = _opened(path)
        self._stored_rows: Final = Rows(self._connection)
        # Of what is still to be written; its lock is never held while something is waited for.
        self._unwritten: dict[_Key, Verified] = {}
        self._unwritten_lock: Final = threading.Lock()

    def verified(self, identity: Identity, info_hash: bytes, file: int, count: int) -> Verified:
        """What was verified of a file, the same object for all who ask.

        `file` is its index in the torrent, `count` the number of its pieces.
        """
        with self._lock:
            return self._verified(identity, info_hash, file, count)

    def verified_now(
        self, identity: Identity, info_hash: bytes, file: int, count: int
    ) -> Verified | None:
        """As `verified`; None if the ledger is busy and would have to be waited for."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self._verified(identity, info_hash, file, count)
        finally:
            self._lock.release()

    def _verified(self, identity: Identity, info_hash: bytes, file: int, count: int) -> Verified:
        key = (identity, info_hash, file)
        found = self._recent.get(key)
        if found is None:
            found = self._held_by(info_hash).get((identity, file))
        if found is None or len(found.pieces) != count:
            found = Verified(self._stored(identity, info_hash, file, count))
            self._held_by(info_hash)[identity, file] = found
            self._recent[key] = found
        return found

    def _stored(self, identity: Identity, info_hash: bytes, file: int, count: int) -> bytearray:
        try:
            row = self._stored_rows.of(*_place(identity), info_hash, file)
        except sqlite3.DatabaseError as error:
            _warn(error)
            row = None
        if row is None or row[:3] != identity[2:]:
            return bytearray(count)
        pieces = _unpacked(row[3])
        return pieces if len(pieces) == count else bytearray(count)

    def save_later(
        self, identity: Identity, info_hash: bytes, file: int, verified: Verified
    ) -> None:
        """Have `flush` write down what was verified. Waits for nothing."""
        with self._unwritten_lock:
            self._unwritten[identity, info_hash, file] = verified

    @property
    def unwritten(self) -> int:
        """How many files `flush` would write down."""
        return len(self._unwritten)

    def save(self, identity: Identity, info_hash: bytes, file: int, verified: Verified) -> None:
        """Write down what was verified, soon if there is more to come. For a thread."""
        self.save_later(identity, info_hash, file, verified)
        if len(self._unwritten) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write down what was to be saved. May wait for the disk."""
        if self._unwritten:
            with self._lock:
                self._write_all()

    def _write_all(self) -> None:
        with self._unwritten_lock:
            unwritten, self._unwritten = self._unwritten, {}
        rows = []
        for (identity, info_hash, file), verified in unwritten.items():
            if verified.changed:
                verified.changed = False
                pieces = _packed(verified.pieces)
                rows.append((*_place(identity), info_hash, file, *identity[2:], pieces))
        if not rows:
            return
        self._stored_rows.forget()
        with self._writing() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO verified VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            connection.execute(
                "DELETE FROM verified WHERE rowid <= (SELECT max(rowid) FROM verified) - ?",
                (_MOST_FILES,),
            )

    def of_torrent(self, info_hash: bytes) -> Iterator[tuple[Identity, int, int]]:
        """The files of a torrent of which something was verified: identity, index, and how many
        of its pieces. What is not written down yet comes last, and stands for what was before."""
        with self._lock:
            held = [(key, found.pieces.count(1)) for key, found in self._held_of(info_hash)]
            try:
                rows = self._connection.execute(
                    "SELECT device, inode, size, mtime_ns, ctime_ns, file, pieces FROM verified"
                    " WHERE info_hash = ?",
                    (info_hash,),
                ).fetchall()
            except sqlite3.DatabaseError as error:
                _warn(error)
                rows = []
        counts: dict[object, int] = {}  # of many files all pieces were verified: they look alike
        for device, inode, size, mtime_ns, ctime_ns, file, pieces in rows:
            count = counts.get(pieces)
            if count is None:
                count = counts[pieces] = _unpacked(pieces).count(1)
            yield Identity(device % 2**64, inode % 2**64, size, mtime_ns, ctime_ns), file, count
        for (identity, file), count in held:
            yield identity, file, count

    def _held_by(self, info_hash: bytes) -> _Held:
        found = self._held.get(info_hash)
        if found is None:
            if len(self._held) >= _MOST_HELD:
                for key in [key for key, held in self._held.items() if not held]:
                    del self._held[key]
            found = self._held[info_hash] = WeakValueDictionary()
        return found

    def _held_of(self, info_hash: bytes) -> list[tuple[tuple[Identity, int], Verified]]:
        held = self._held.get(info_hash)
        return [(key, each) for key, each in held.items() if each.changed] if held else []

    def metainfo(self, info_hash: bytes) -> bytes | None:
        """Metainfo that was downloaded; its hash is still to be checked."""
        rows = self._rows("SELECT data FROM metainfo WHERE info_hash = ?", info_hash)
        return rows[0][0] if rows and isinstance(rows[0][0], bytes) else None

    def keep_metainfo(self, info_hash: bytes, data: bytes) -> None:
        """Keep metainfo, of which nothing but the info dictionary and its layers may be left."""
        with self._lock, self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO metainfo VALUES (?, ?)", (info_hash, data))

    @property
    def written(self) -> int:
        """A number that is another one when something was written down since."""
        self.flush()
        rows = self._rows("SELECT max(rowid) FROM verified")
        return rows[0][0] or 0 if rows else 0

    def torrents(self, most: int) -> list[bytes]:
        """The info hashes of torrents of which something was verified, the last ones first."""
        self.flush()
        query = "SELECT info_hash FROM verified GROUP BY 1 ORDER BY max(rowid) DESC LIMIT ?"
        return [row[0] for row in self._rows(query, most) if isinstance(row[0], bytes)]

    def _rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return self._connection.execute(query, parameters).fetchall()
            except sqlite3.DatabaseError as error:
                _warn(error)
                return []

    def close(self) -> None:
        """Write down what is left, and close the file."""
        with self._lock:
            self._write_all()
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """What fails is logged, and costs no more than verifying again."""
        try:
            yield self._connection
        except sqlite3.DatabaseError as error:
            _warn(error)


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        try:
            make_private(path)
            return _prepared(path)
        except (OSError, sqlite3.DatabaseError) as error:
            log.warning("%s cannot be used, what is verified is not kept: %s", path, error)
    return _prepared(None)


def _prepared(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=BUSY_TIMEOUT,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        _check(version)
        # Else each file that is closed waits for the disk, three times.
        enter_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version={_VERSION};COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(version: object) -> None:
    if version not in {0, _VERSION}:
        raise sqlite3.DatabaseError(f"it has version {version}, and this biofs {_VERSION}")


def _place(identity: Identity) -> tuple[int, int]:
    """Device and inode as SQLite can hold them: its integers have a sign."""
    return _signed(identity.device), _signed(identity.inode)


def _signed(number: int) -> int:
    return number - 2**64 if number >= 2**63 else number


def _packed(pieces: bytearray) -> bytes:
    return zlib.compress(pieces, 1)


_SHORT: Final[dict[object, bytes]] = {_packed(bytearray(each)): each for each in (b"\1", b"\1\1")}
"""What nearly all small files have, all of it verified."""


def _unpacked(packed: object) -> bytearray:
    """Nothing for what is damaged, or is more than any file can have."""
    if packed in _SHORT:
        return bytearray(_SHORT[packed])
    if not isinstance(packed, bytes):
        return bytearray()
    inflater = zlib.decompressobj()
    try:
        pieces = bytearray(inflater.decompress(packed, _MOST_PIECES))
    except zlib.error:
        return bytearray()
    return pieces if inflater.eof and not pieces.strip(b"\0\1") else bytearray()


def _warn(error: object) -> None:
    log.warning("what was verified cannot be kept: %s", error)
