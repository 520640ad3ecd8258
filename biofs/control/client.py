"""The asker's end of the socket, without an event loop: commands have to start fast."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from biofs.control import protocol
from biofs.control.protocol import Ask, Malformed, Said

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 30.0
"""How long a mount may say nothing. It tells of its progress more often."""
LOOK_SECONDS: Final = 1.0
"""Seconds of silence after which it is looked whether the mount's process is stopped."""


class NoMount(Exception):  # noqa: N818 - says what is found
    """No mount of this user answers there."""


class Failed(Exception):  # noqa: N818 - says what became of it
    """The mount says, in a line for people, that it cannot do that, or does not answer."""


class Stopped(Failed):
    """The mount's process is stopped, which the line says."""


def is_there(mountpoint: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a socket of this user stands for the mountpoint; its mount may be dead."""
    name = protocol.name(mountpoint)
    for place in protocol.places(environ, os.geteuid()):
        with suppress(OSError, protocol.NotPrivate), protocol.opened(place.path) as at:
            os.lstat(f"{at}/{name}")
            return True
    return False


def ask(
    mountpoint: str,
    what: Ask,
    progress: Callable[[str], None] = lambda _text: None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, object]:
    """Ask the mount at an absolute path without links, and return what it answers.

    `progress` is called with each line that tells how it goes. Raises NoMount and Failed.
    """
    with _connected(mountpoint, environ) as connection:
        try:
            connection.sendall(protocol.line(what))
            for said in _lines(connection):
                if said.progress is not None:
                    progress(said.progress)
                elif said.answer is not None:
                    return said.answer
                else:
                    raise Failed(said.error or "the mount answers nothing")
        except TimeoutError:
            raise Failed("the mount does not answer") from None
        except (Malformed, OSError):
            raise Failed("the mount ended or sent an invalid reply") from None
    raise Failed("the mount ended before it answered")


def _connected(mountpoint: str, environ: Mapping[str, str]) -> socket.socket:
    name = protocol.name(mountpoint)
    for place in protocol.places(environ, os.geteuid()):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        connection.settimeout(CONNECT_SECONDS)
        try:
            with protocol.opened(place.path) as at:
                connection.connect(f"{at}/{name}")
        except (OSError, protocol.NotPrivate):
            connection.close()
            continue
        connection.settimeout(LOOK_SECONDS)
        return connection
    raise NoMount


def _received(connection: socket.socket) -> bytes:
    """What comes next. Raises TimeoutError after SILENCE_SECONDS; Stopped, soon, for a mount whose
    process is stopped: a busy one answers late, that one never."""
    deadline = time.monotonic() + SILENCE_SECONDS
    while True:
        try:
            return connection.recv(65536)
        except TimeoutError:
            pid = _stopped(connection)
            if pid:
                raise Stopped(f"its process is stopped: `kill -CONT {pid}` continues it") from None
            if time.monotonic() >= deadline:
                raise


def _stopped(connection: socket.socket) -> int:
    """The process at the other end (SO_PEERCRED, unix(7)) if it is stopped or traced, else 0."""
    size = struct.calcsize("3i")
    pid, _, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    try:
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    return pid if pid and status.rpartition(b") ")[2][:1] in b"Tt" else 0


def _lines(connection: socket.socket) -> Iterator[Said]:
    received = bytearray()
    while chunk := _received(connection):
        received += chunk
        while (end := received.find(b"\n")) >= 0:
            text = bytes(received[:end])
            del received[: end + 1]
            yield protocol.read_said(text)
        if len(received) > protocol.LONGEST_ANSWER:
            raise Malformed
