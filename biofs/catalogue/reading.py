"""Which answers a task looks at: to be told of their changes, or to have them asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


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
