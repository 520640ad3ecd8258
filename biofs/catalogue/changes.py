"""Changes of the catalogue, and everyone who has to hear of them.

Memory, the kernel's cache, the log for other processes and the handlers of the control socket
subscribe, in whatever order they are made.

How long what was fetched counts as fresh is said here, too: a change is found by looking again.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, fields
from typing import Final, Protocol

from biofs.store.groups import Before


class Observer(Protocol):
    """Hears of changes. None of the methods may wait or raise."""

    def group_changed(self, before: Before, *, gone: bool) -> None:
        """The group's row or detail changed, or it is gone; `before` is how it was."""

    def listing_changed(self, category: int) -> None:
        """Groups came or went, or index.jsonl has other lines."""

    def answer_changed(self, key: str) -> None:
        """The answer under `key` is another one, or there is none any more."""


class Stage(enum.IntEnum):
    """When an observer hears of a change, in this order."""

    MEMORY = 0
    """Drops what is kept in memory."""

    OTHERS = 1
    """Passes the change on. Whoever hears of it reads again, and must not find the old memory."""


class Changes:
    """Passes each change on to all observers: those of an earlier stage first."""

    def __init__(self) -> None:
        self._observers: Final[dict[Stage, list[Observer]]] = {stage: [] for stage in Stage}

    def subscribe(self, observer: Observer, stage: Stage = Stage.OTHERS) -> None:
        """Have the observer hear of every change from now on."""
        self._observers[stage].append(observer)

    def _all_but(self, source: object) -> list[Observer]:
        return [
            observer
            for stage in Stage
            for observer in self._observers[stage]
            if observer is not source
        ]

    def group_changed(self, before: Before, *, gone: bool, source: object = None) -> None:
        """A group looks different from `before`, or is gone. `source`, an observer that brought
        the change, does not hear of it again."""
        for observer in self._all_but(source):
            observer.group_changed(before, gone=gone)

    def listing_changed(self, category: int, *, source: object = None) -> None:
        """Groups of a category came or went, or index.jsonl has other lines."""
        for observer in self._all_but(source):
            observer.listing_changed(category)

    def answer_changed(self, key: str) -> None:
        """The answer under `key` is another one, or there is none any more."""
        for observer in self._all_but(None):
            observer.answer_changed(key)


MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Freshness:
    """Times to live in seconds, by kind. File lists have none: they never change.

    A listing older than `listing` is checked by its first page; one not read whole for `walk` is
    read whole. A detail that its group's browse row shows unchanged is as fresh as that row.
    """

    listing: float = 15 * MINUTE
    walk: float = DAY
    detail: float = DAY
    absence: float = 10.0
    queries: float = HOUR
    author: float = HOUR
    collage: float = HOUR
    top: float = HOUR
    users: float = HOUR
    comments: float = 15 * MINUTE
    account: float = MINUTE

    @classmethod
    def of(cls, ttl: float | None) -> Freshness:
        """The defaults, or one TTL in seconds for all of them but absence."""
        if ttl is None:
            return cls()
        return cls(**{each.name: ttl for each in fields(cls) if each.name != "absence"})


def is_old(stamp: float, ttl: float, now: float) -> bool:
    """Whether what was right at `stamp` (epoch seconds) is to be asked for again at `now`.

    So it is after `ttl` seconds; and if its stamp lies in the future, because the clock was ahead
    then and has been put right since: how old it is nobody knows. Without end for infinity.
    """
    return ttl < math.inf and not 0 <= now - stamp <= ttl
