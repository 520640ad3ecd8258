"""The asker's end of the socket, without an event loop: commands have to start fast."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from biofs.control import protocol
from biofs.control.protocol import Ask, Malformed, Said

CONNECT_SECONDS: Final = 5.0
SILENCE_SECONDS: Final = 30.0
"""How long a mount may say nothing. It tells of its progress more often."""


class NoMount(Exception):  # noqa: N818 - says what is found
    """No mount of this user answers there."""


class Failed(Exception):  # noqa: N818 - says what became of it
    """The mount says, in a line for people, that it cannot do that, or does not answer."""


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
        connection.settimeout(SILENCE_SECONDS)
        return connection
    raise NoMount


def _lines(connection: socket.socket) -> Iterator[Said]:
    received = bytearray()
    while chunk := connection.recv(65536):
        received += chunk
        while (end := received.find(b"\n")) >= 0:
            text = bytes(received[:end])
            del received[: end + 1]
            yield protocol.read_said(text)
        if len(received) > protocol.LONGEST_ANSWER:
            raise Malformed
