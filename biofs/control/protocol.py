"""What both ends of the socket agree on: the lines that go through it, and where it is.

The asker sends one `Ask`. The mount answers with any number of lines whose `progress` says how it
goes, and a last one with an `answer` or an `error`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec
import platformdirs

LONGEST_ASK: Final = 1 << 20
"""Bytes. What a shell makes of a directory's 10,000 names fits."""

LONGEST_ANSWER: Final = 4 << 20


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. `path` is relative to the mountpoint, percent-encoded (RFC 3986).

    `everything` says that a refresh of very much is meant so, `wait` that the answer is to be given
    when it has been done. `arguments` is what else there is to say, as who answers understands it.
    """

    do: str
    path: str = ""
    everything: bool = False
    wait: bool = True
    arguments: dict[str, object] = {}


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of an answer: one of the three is there. `error` is one line for people."""

    progress: str | None = None
    answer: dict[str, object] | None = None
    error: str | None = None


_encode: Final = msgspec.json.Encoder().encode
_decode_ask: Final = msgspec.json.Decoder(Ask).decode
_decode_said: Final = msgspec.json.Decoder(Said).decode


class Malformed(Exception):  # noqa: N818 - says what the line is
    """The line is none that either side sends."""


def line(message: Ask | Said) -> bytes:
    """A message as it is sent."""
    return _encode(message) + b"\n"


def read_ask(text: bytes) -> Ask:
    """Raises Malformed."""
    try:
        return _decode_ask(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed from None


def read_said(text: bytes) -> Said:
    """Raises Malformed."""
    try:
        return _decode_said(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed from None


def encode_path(path: str) -> str:
    """A path of this system as it is sent."""
    return quote_from_bytes(os.fsencode(path))


def decode_path(path: str) -> list[bytes]:
    """The components of a path that was sent; empty ones and `.` say nothing and are left out."""
    return [part for part in unquote_to_bytes(path).split(b"/") if part not in {b"", b"."}]


# Where the socket of a mount is: in a directory that only its owner can enter.


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
