"""What is kept for a while beside the store: in memory, bounded by bytes, or in temporary files.

`Recent` holds what was used lately. `Spooled` is a document that is too long for memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Hashable, Iterable
from typing import Final, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


_BUFFER: Final = 1 << 20  # bytes


class Recent(LRUCache[K, V]):
    """An LRUCache that leaves out what alone is too large for it, where that raises ValueError."""

    def __setitem__(self, key: K, value: V) -> None:
        try:
            super().__setitem__(key, value)
        except ValueError:
            self.pop(key, None)  # what was there before is not right any more


class Spooled:
    """A document in a temporary file without a name.

    Its maker holds it, and each caller of `hold` does; each calls `let_go` once. With the last of
    these the file is gone.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Write the lines to the file; call it in a thread. Raises OSError."""
        self._holders = 1
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed by `let_go`
            prefix="biofs-", buffering=_BUFFER
        )
        try:
            self._file.writelines(lines)
            self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset`."""
        return os.pread(self._file.fileno(), size, offset)

    def hold(self) -> Spooled:
        """It is needed once more. Returns itself."""
        self._holders += 1
        return self

    def let_go(self) -> None:
        """It is needed once less."""
        self._holders -= 1
        if self._holders == 0:
            self._file.close()
