"""Having what is known asked for again, because its owner wishes so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_current: Final[ContextVar[set[str] | None]] = ContextVar("renewed", default=None)


@contextmanager
def renewing() -> Iterator[set[str]]:
    """Answers that this task looks at are asked for again, each once; yields those keys."""
    keys: set[str] = set()
    token = _current.set(keys)
    try:
        yield keys
    finally:
        _current.reset(token)


def is_due(key: str) -> bool:
    """Whether the answer under `key` is to be asked for although it is known."""
    keys = _current.get()
    return keys is not None and key not in keys


def note(key: str) -> None:
    """The answer under `key` is new."""
    keys = _current.get()
    if keys is not None:
        keys.add(key)
