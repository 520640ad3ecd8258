"""The directory in which the last file was opened, kept open for a moment.

Who reads many small files opens one after another in the same directory, and the walk to it takes
longer than to open a file in it. So while files are opened closely after each other, the directory
is walked to once for all of a moment. Not for longer: what is moved away or mounted over has to be
missed, and a disk that is in use cannot be unmounted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from biofs.contents.disk.beneath import Components, DataDirectory, Handle, Opened

CLOSELY_SECONDS: Final = 0.01
"""Who opens another file in the same directory within this time may go on like this."""

KEPT_SECONDS: Final = 0.025
"""After so long the directory is walked to again, however many are opened: some 200 by then."""


class LastFolder:
    """See the module. For one thread: the event loop's."""

    def __init__(
        self, is_local: Callable[[int], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`is_local` as for `DataDirectory.open_cached`."""
        self._is_local: Final = is_local
        self._clock: Final = clock
        self._directory: DataDirectory | None = None
        self._path: Components = ()
        """Of the folder in which a file was asked for last, beneath `_directory`."""
        self._asked = float("-inf")
        """When that was."""
        self._handle: Handle | None = None
        """The same folder's."""
        self._until = 0.0

    def open(self, directory: DataDirectory, components: Components) -> Opened | None:
        """See `DataDirectory.open_cached`."""
        if not components:
            return None
        path, now = components[:-1], self._clock()
        if directory is self._directory and path == self._path:
            handle = self._now(now, followed=now < self._asked + CLOSELY_SECONDS)
        else:
            handle = None
            self.let_go()
            self._directory, self._path = directory, path
        self._asked = now
        if handle is None:
            return directory.open_cached(components, self._is_local)
        return handle.open_cached(components[-1])

    def _now(self, now: float, *, followed: bool) -> Handle | None:
        if self._handle is not None and now >= self._until:
            self.let_go()
        if self._handle is None and followed and self._directory is not None:
            self._handle = self._directory.folder_cached(self._path, self._is_local)
            self._until = now + KEPT_SECONDS
        return self._handle

    @property
    def is_open(self) -> bool:
        """Whether the directory is kept open: then `let_go_if_idle` is to be called soon."""
        return self._handle is not None

    def let_go_if_idle(self) -> None:
        """Close the directory if it was kept long enough."""
        if self._clock() >= self._until:
            self.let_go()

    def let_go(self) -> None:
        """Close the directory, if it is kept open."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()
