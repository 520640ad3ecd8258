"""Which answers somebody has looked at, so that whoever shows them can be told when they change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_current: Final[ContextVar[set[str] | None]] = ContextVar("reading", default=None)


@contextmanager
def reading() -> Iterator[set[str]]:
    """The keys of the answers that this task looks at while the context is open."""
    keys: set[str] = set()
    token = _current.set(keys)
    try:
        yield keys
    finally:
        _current.reset(token)


def note(key: str) -> None:
    """The running task looks at the answer under `key`."""
    keys = _current.get()
    if keys is not None:
        keys.add(key)
