"""Verified pieces in memory, and which were wrong a moment ago; one for all open files."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from cachetools import LRUCache

from biofs.contents.ledger import Identity

CACHE_BYTES: Final = 32 << 20
"""A piece is larger than a read, and of files that still change nothing else is remembered."""

_WRONG_SECONDS: Final = 2.0
"""For so long a piece that is wrong is not hashed again: of a read that fails, the kernel asks for
each page by itself."""
_MOST_WRONG: Final = 4096


class PieceKey(NamedTuple):
    """A piece by its torrent's info hash and its number."""

    info_hash: bytes
    piece: int


class PieceCache:
    """See the module. Its methods may be called from several threads at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._right: LRUCache[PieceKey, bytes] = LRUCache(CACHE_BYTES, getsizeof=len)
        self._wrong: LRUCache[tuple[PieceKey, Identity], float] = LRUCache(_MOST_WRONG)
        self.large: Final = threading.Lock()
        """Held while a large piece is in memory."""

    def right(self, key: PieceKey) -> bytes | None:
        """The bytes of a piece, None if they are not here."""
        with self._lock:
            return self._right.get(key)

    def bytes_of(
        self, keys: Iterable[PieceKey], length: int, first: int, size: int
    ) -> bytes | memoryview | None:
        """`size` bytes from `first` on of pieces that follow each other and have `length` bytes
        each, but for the last; None if one of them is not here."""
        parts: list[memoryview] = []
        for number, key in enumerate(keys):
            piece, begin = self.right(key), first - number * length
            if piece is None:
                return None
            parts.append(memoryview(piece)[max(begin, 0) : begin + size])
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def keep(self, key: PieceKey, data: bytes) -> None:
        """Keep the bytes of a piece, if there is room for them."""
        with self._lock, suppress(ValueError):
            self._right[key] = data

    def was_wrong(self, key: PieceKey, identity: Identity) -> bool:
        """Whether a piece was wrong a moment ago, in a file as it is now."""
        with self._lock:
            return self._wrong.get((key, identity), 0.0) > self._clock()

    def wrong_in(self, info_hash: bytes, identity: Identity) -> list[int]:
        """The numbers of pieces that were wrong when they were last hashed for a file as it is now,
        as far as that is still known."""
        with self._lock:
            found = list(self._wrong)
        return [key.piece for key, seen in found if seen == identity and key.info_hash == info_hash]

    def is_wrong(self, key: PieceKey, identity: Identity) -> None:
        """A piece is wrong, or not whole."""
        with self._lock:
            self._wrong[key, identity] = self._clock() + _WRONG_SECONDS

    def forget(self) -> None:
        """Give the memory back."""
        with self._lock:
            self._right.clear()
            self._wrong.clear()
