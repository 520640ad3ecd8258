"""Directories beneath a data directory, of which the last one stays open while more is asked for.

Of files that are looked at one after another, most lie in the same directory.
"""

from __future__ import annotations

from typing import Final, Self

from biofs.contents.disk.beneath import Components, DataDirectory, Handle, Opened


class Walk:
    """See the module. For a thread, and for a moment: closed on leaving `with`."""

    def __init__(self, directory: DataDirectory) -> None:
        self._directory: Final = directory
        self._path: Components = ()
        self._folder: Handle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def folder(self, path: Components) -> Handle:
        """See `DataDirectory.folder`; not to be closed, and good until another one is asked for."""
        if self._folder is None or path != self._path:
            self.close()
            self._folder = self._directory.folder(path)
            self._path = path
        return self._folder

    def open(self, components: Components) -> Opened:
        """See `DataDirectory.open`."""
        return self.folder(components[:-1]).open(components[-1])

    def close(self) -> None:
        """Nothing more is asked for, or only elsewhere."""
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.close()
