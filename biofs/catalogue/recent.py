"""What was looked at lately, bounded by bytes."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(LRUCache[K, V]):
    """An LRUCache that leaves out what alone is too large for it, where that raises ValueError."""

    def __setitem__(self, key: K, value: V) -> None:
        try:
            super().__setitem__(key, value)
        except ValueError:
            self.pop(key, None)  # what was there before is not right any more
