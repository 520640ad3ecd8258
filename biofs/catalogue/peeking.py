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
