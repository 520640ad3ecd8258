"""Looking at what is known without asking for anything: what would be asked for is told instead.

Whoever reads the catalogue starts wants as a matter of course. Within `peeking` nothing is started,
in this task and the threads it runs: a want that would have to be waited for becomes WouldAsk, and
a refresh behind the reader's back is noted.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class WouldAsk(Exception):  # noqa: N818 - it is an answer, not an error
    """What is looked at is not known. `key` is the want that would fetch it."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(key)
        self.key = key


class Peek:
    """What was noted: `refreshed` holds the wants that would look again at something known."""

    def __init__(self) -> None:
        self.refreshed: list[Hashable] = []


_current: Final[ContextVar[Peek | None]] = ContextVar("peek", default=None)


@contextmanager
def peeking() -> Iterator[Peek]:
    """Start nothing while the context is open; see the module."""
    peek = Peek()
    token = _current.set(peek)
    try:
        yield peek
    finally:
        _current.reset(token)


def peek() -> Peek | None:
    """What the running task is peeking for, None if it may ask."""
    return _current.get()


# Which answers a task looks at: to be told of their changes, or to have them asked for again.


class Keys:
    """Keys of answers that the running task collects while a context is open."""

    def __init__(self, name: str) -> None:
        self._current: Final[ContextVar[set[str] | None]] = ContextVar(name, default=None)

    @contextmanager
    def collecting(self) -> Iterator[set[str]]:
        """The keys that this task notes while the context is open."""
        keys: set[str] = set()
        token = self._current.set(keys)
        try:
            yield keys
        finally:
            self._current.reset(token)

    def note(self, key: str) -> None:
        """Add a key, if somebody collects them."""
        keys = self._current.get()
        if keys is not None:
            keys.add(key)

    def lacks(self, key: str) -> bool:
        """Whether somebody collects keys and does not have this one yet."""
        keys = self._current.get()
        return keys is not None and key not in keys


looked_at: Final = Keys("looked at")
"""Answers that the running task looks at, so that whoever shows them can be told of a change."""

renewed: Final = Keys("renewed")
"""Answers asked for again, each once, because their owner wishes so."""
