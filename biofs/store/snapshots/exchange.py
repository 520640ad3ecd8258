"""A mounted snapshot that another one can take the place of, while it is being read.

What reads in one go (a lookup, a file when it is opened) reads the newest. What goes on later, a
directory handle in the middle of its listing, holds the generation with which it began: that one's
connection is closed, and its file let go, with its last reader.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TypeVar

from biofs.store.database.snapshot import Snapshot, opened
from biofs.store.snapshots.kept import Held

T = TypeVar("T")

ENDING: Final = "old snapshot"
"""The name of a thread that removes a file."""

_WORDS: Final = "SELECT id, kind, text FROM words WHERE id > ? ORDER BY id"
_TAKE_WORDS: Final = "INSERT OR IGNORE INTO words (id, kind, text) VALUES (?, ?, ?)"

_reading: Final[ContextVar[Generation | None]] = ContextVar("reading", default=None)


class Generation:
    """One snapshot's file, open. Its maker holds it, and so does each caller of `hold`.

    Raises StoreError for a file that is not a snapshot, OSError for one that cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._held: Final = Held(path)
        try:
            self.connection, self.about = opened(path)
        except BaseException:
            self._held.let_go()
            raise
        self.path: Final = path
        self.changes = 0
        """The store's number of changes when another one took its place."""
        self._lock: Final = threading.Lock()
        self._readers = 1
        self._superseded = False

    def hold(self) -> Generation:
        """It is needed once more. Returns itself."""
        with self._lock:
            self._readers += 1
        return self

    def let_go(self) -> None:
        """It is needed once less.

        The file of one that was superseded goes in a thread: a disk takes tenths of a second to
        give back a gigabyte, and whoever lets go may be the event loop.
        """
        with self._lock:
            self._readers -= 1
            last = self._readers == 0
        if not last:
            return
        if self._superseded:
            with suppress(RuntimeError):  # no thread can be had
                threading.Thread(target=self._end, name=ENDING, daemon=True).start()
                return
        self._end()

    def _end(self) -> None:
        self.connection.close()
        self._held.let_go(remove=self._superseded)

    def supersede(self) -> None:
        """Another one has taken its place: its file goes with its last reader."""
        self._superseded = True

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See `store.Version`."""
        token = _reading.set(self)
        try:
            yield
        finally:
            _reading.reset(token)


class Exchangeable(Snapshot):
    """The store in the file of a snapshot, until `exchange` puts another file in its place."""

    def __init__(self, file: Path) -> None:
        self._changes = 0
        super().__init__(file)

    def _open(self, path: Path | None) -> None:
        self._take(Generation(self._file))

    def _take(self, generation: Generation) -> None:
        self._newest = generation
        self._reader = self._writer = generation.connection
        self.about = generation.about

    @property
    def changes(self) -> int:
        """See Store; for who reads an older generation, the number that was its last."""
        generation = _reading.get()
        if generation is None or generation is self._newest:
            return self._changes
        return generation.changes

    @changes.setter
    def changes(self, value: int) -> None:
        self._changes = value

    @property
    def file(self) -> Path:
        """The newest file."""
        return self._newest.path

    def hold(self) -> Generation:
        return self._newest.hold()

    def _in_use(self) -> sqlite3.Connection:
        return (_reading.get() or self._newest).connection

    def one(self, query: str, *parameters: object) -> tuple[object, ...] | None:
        row: tuple[object, ...] | None = self._in_use().execute(query, parameters).fetchone()
        return row

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        return self._in_use().execute(query, parameters).fetchall()

    def _scan(self, read: Callable[[sqlite3.Connection], T]) -> T:
        generation = (_reading.get() or self._newest).hold()
        try:
            connection, _ = opened(generation.path)
            with closing(connection):
                return read(connection)
        finally:
            generation.let_go()

    def prepare(self, file: Path) -> Generation:
        """Open a file that is to take the place of the one at hand (for a thread).

        Raises what Generation does.
        """
        fresh = Generation(file)
        try:
            _carry_words(self._newest.connection, fresh.connection)
        except BaseException:
            fresh.let_go()
            raise
        return fresh

    def exchange(self, fresh: Generation) -> Generation:
        """Put what `prepare` made in the place of the file at hand, in the event loop.

        Returns the old one, which the caller lets go. Microseconds: nothing is read but numbers
        that were given since `prepare`.
        """
        old = self._newest
        with self._write_lock:
            _carry_words(old.connection, fresh.connection)
            old.changes = self._changes
            old.supersede()
            self._take(fresh)
            self._changes += 1
        return old

    def close(self) -> None:
        with self._write_lock:
            self._newest.let_go()


def _carry_words(old: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    """Have numbers that stand in inode numbers mean what they meant: see `text_ids`."""
    (last,) = fresh.execute("SELECT ifnull(max(id), 0) FROM words").fetchone()
    with closing(old.execute(_WORDS, (last,))) as words:
        fresh.executemany(_TAKE_WORDS, words)
