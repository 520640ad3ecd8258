"""Changes of a store that are written together.

A transaction costs more than what one answer changes: a change of threads, pages that the next
answer changes again, a part of the text index that is merged with others later. So what comes
while a transaction is being written is written by the next one, all at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import trio

T = TypeVar("T")
Change = Callable[[sqlite3.Connection], T]

MOST_TOGETHER: Final = 16
"""Changes of one transaction: others wait for it, with their own in the event loop."""


class _Write(Generic[T]):
    """A change that waits. `result` or `error` is there once it is `written`."""

    def __init__(self, change: Change[T]) -> None:
        self.change: Final = change
        self.woken: Final = trio.Event()
        self.written = False
        self.result: T | None = None
        self.error: Exception | None = None

    def run(self, write_now: Callable[[Change[T]], T]) -> None:
        """Write it alone."""
        try:
            self.result = write_now(self.change)
        except Exception as error:
            self.error = error
        self.written = True

    def outcome(self) -> Any:
        """What the change returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result


class Writes:
    """Runs changes in threads, one transaction after the other, in the order in which they came.

    `write_now` runs a change in a transaction; it may run it again. Each change happens or does
    not, whatever becomes of those that are written with it.
    """

    def __init__(self, write_now: Callable[[Change[Any]], Any]) -> None:
        self._write_now: Final = write_now
        self._waiting: list[_Write[Any]] = []
        self._busy = False

    async def write(self, change: Change[T]) -> T:
        """Run a change; it is on the disk as a transaction is when this returns what it returned.

        Raises what it raises. Who is cancelled meanwhile learns of it afterwards.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        mine = _Write(change)
        self._waiting.append(mine)
        with trio.CancelScope(shield=True):
            if self._busy:
                await mine.woken.wait()
            if not mine.written:
                await self._write_waiting()
        outcome: T = mine.outcome()
        return outcome

    async def _write_waiting(self) -> None:
        """Write what waits, from the first on; then the first that came meanwhile has its turn."""
        self._busy = True
        together = self._waiting[:MOST_TOGETHER]
        del self._waiting[:MOST_TOGETHER]
        try:
            await trio.to_thread.run_sync(self._write, together)
        except Exception as error:  # there is no thread to be had
            for each in together:
                each.error, each.written = error, True
        finally:
            self._busy = bool(self._waiting)
            for each in [*together, *self._waiting[:1]]:
                each.woken.set()

    def _write(self, together: Sequence[_Write[Any]]) -> None:
        if len(together) > 1 and self._write_as_one(together):
            return
        for each in together:
            each.run(self._write_now)

    def _write_as_one(self, together: Sequence[_Write[Any]]) -> bool:
        """Write them in one transaction; False if one of them cannot be, and so none was."""
        try:
            results = self._write_now(
                lambda connection: [each.change(connection) for each in together]
            )
        except Exception:
            return False
        for each, result in zip(together, results, strict=True):
            each.result, each.written = result, True
        return True
