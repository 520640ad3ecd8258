"""Where a directory of a client is on this machine.

A client in a container or on another machine names directories as it sees them. `PathMap` puts the
place at which this machine sees them in front.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

_LONGEST: Final = 4096
"""PATH_MAX of Linux, in characters here."""

_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")


class PathMap:
    """Directories of a client and what they are here; the longest that fits wins.

    Args:
        pairs: Of an absolute path as the client has it (``C:\\…`` of Windows, too) and one of this
            machine. Without a fitting pair a path means the same on both.

    Raises:
        ValueError: One of the paths is not absolute, leads up with ``..``, or cannot be a name.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        known = [(_parts(remote), Path("/", *_parts(local))) for remote, local in pairs]
        self._pairs = sorted(known, key=lambda pair: len(pair[0]), reverse=True)

    def local(self, remote: str) -> Path:
        """The path on this machine of one that the client names.

        Raises:
            ValueError: It is not absolute, leads up with ``..``, is too long or cannot be a name.
        """
        parts = _parts(remote)
        for prefix, local in self._pairs:
            if parts[: len(prefix)] == prefix:
                return local.joinpath(*parts[len(prefix) :])
        if _WINDOWS.match(remote):
            raise ValueError("a path of Windows, and no entry of path_map fits it")
        return Path("/", *parts)


def _parts(path: str) -> tuple[str, ...]:
    """The components of an absolute path; a drive of Windows is the first of them."""
    if len(path) > _LONGEST or "\0" in path:
        raise ValueError("too long, or with a NUL")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise ValueError("not a name of this machine") from None
    if _WINDOWS.match(path):
        path = "/" + path.replace("\\", "/").lstrip("/")
    pure = PurePosixPath(path)
    if not pure.is_absolute():
        raise ValueError("not an absolute path")
    parts = pure.parts[1:]
    if ".." in parts:
        raise ValueError("a path with `..`")
    return parts
