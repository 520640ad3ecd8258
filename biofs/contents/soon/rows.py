"""The ledger's rows of files, read one by one, or many with one statement.

Who reads small files opens them in their order, and a statement takes longer than all the rest of
an `open`. So who asks for a file just after the one before gets the rows of those that follow, too.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final

_NEAR: Final = 8
"""Files in a torrent: who asks for one this close behind the last will ask for the next ones."""

_TOGETHER: Final = 64
"""Files whose rows are read with one statement, which takes as long as three by themselves."""

_SECONDS: Final = 1.0
"""For so long what was read for later is good: other processes write to the file as well."""

_LONG: Final = 4096
"""Bytes. What is longer is read when it is asked for."""

Row = tuple[Any, ...]
"""Size, mtime_ns, ctime_ns and pieces, as they are in the table."""


class Rows:
    """See the module; for the table `verified`. For one thread at a time.

    Raises sqlite3.DatabaseError.
    """

    def __init__(
        self, connection: sqlite3.Connection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection: Final = connection
        self._clock: Final = clock
        self._info_hash = b""
        """Of the file that was asked for last, which is `_file`."""
        self._file = 0
        self._read: dict[tuple[int, int, int], Row] = {}
        """By device, inode and file: of `_info_hash`, those that `_files` are."""
        self._files = range(0)
        self._until = 0.0

    def of(self, device: int, inode: int, info_hash: bytes, file: int) -> Row | None:
        """The row of a file of a torrent, None if there is none.

        Device and inode as the table has them.
        """
        if info_hash != self._info_hash:
            self.forget()
            self._info_hash = info_hash
        elif file in self._files and self._clock() < self._until:
            self._file = file
            return self._found(device, inode, file)
        elif 0 < file - self._file <= _NEAR:
            self._file = file
            self._read_from(file)
            return self._found(device, inode, file)
        self._file = file
        return self._one(device, inode, file)

    def forget(self) -> None:
        """What is in the table may be something else now."""
        self._files = range(0)
        self._read = {}

    def _found(self, device: int, inode: int, file: int) -> Row | None:
        row = self._read.get((device, inode, file))
        return self._one(device, inode, file) if row is not None and row[3] is None else row

    def _one(self, device: int, inode: int, file: int) -> Row | None:
        row: Row | None = self._connection.execute(
            "SELECT size, mtime_ns, ctime_ns, pieces FROM verified"
            " WHERE (device, inode, info_hash, file) = (?, ?, ?, ?)",
            (device, inode, self._info_hash, file),
        ).fetchone()
        return row

    def _read_from(self, file: int) -> None:
        files = range(file, file + _TOGETHER)
        self._until = self._clock() + _SECONDS
        rows = self._connection.execute(
            "SELECT device, inode, file, size, mtime_ns, ctime_ns,"
            " CASE WHEN length(pieces) <= ? THEN pieces END"
            " FROM verified WHERE info_hash = ? AND file BETWEEN ? AND ?",
            (_LONG, self._info_hash, files.start, files.stop - 1),
        )
        self._read = {row[:3]: row[3:] for row in rows}
        self._files = files
