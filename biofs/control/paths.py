"""Where the socket of a mount is: in a directory that only its owner can enter."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import platformdirs

_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotPrivate(Exception):  # noqa: N818 - says what the directory is
    """The directory is not ours alone; the message says why."""


class Place(NamedTuple):
    """A directory for sockets. A login session makes the `parent` of all but the one at home."""

    path: Path
    at_home: bool = False

    def make(self) -> None:
        """Make the directory, if it is not there. Raises OSError."""
        if self.at_home:
            self.path.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        self.path.mkdir(mode=stat.S_IRWXU, exist_ok=True)


def places(environ: Mapping[str, str], uid: int) -> list[Place]:
    """Where to put the socket, the best place first, and where to look for it.

    Whoever asks may have another environment than the mount: all of them are looked through.
    """
    found = [
        Place(Path(environ.get("XDG_RUNTIME_DIR", "")) / "biofs"),
        Place(Path(f"/run/user/{uid}/biofs")),
        Place(platformdirs.user_state_path("biofs") / "run", at_home=True),
    ]
    # XDG Base Directory Specification: a relative path is invalid and to be ignored.
    return list(dict.fromkeys(place for place in found if place.path.is_absolute()))


def name(mountpoint: str) -> str:
    """The socket's name: a digest, because a mountpoint may be longer than a name can be."""
    digest = hashlib.blake2b(os.fsencode(mountpoint), digest_size=16, person=b"biofs control")
    return f"{digest.hexdigest()}.socket"


@contextmanager
def opened(directory: Path) -> Iterator[str]:
    """The directory as a path that stays the same directory, whatever its name leads to later.

    It is short, too: a socket's address holds 107 bytes (unix(7)). Raises OSError, and NotPrivate
    unless the directory is no link, belongs to this user, and nobody else can enter it.
    """
    descriptor = os.open(directory, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            raise NotPrivate(f"{directory}: belongs to another user")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NotPrivate(f"{directory}: others can enter it: run `chmod 700 {directory}`")
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
