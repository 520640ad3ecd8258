"""Changes of the catalogue, and everyone who has to hear of them.

Memory, the kernel's cache, the log for other processes and the handlers of the control socket
subscribe, in whatever order they are made.
"""

from __future__ import annotations

import enum
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
