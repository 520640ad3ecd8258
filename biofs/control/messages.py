"""The lines that go through the socket.

The asker sends one `Ask`. The mount answers with any number of lines whose `progress` says how it
goes, and a last one with an `answer` or an `error`.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

LONGEST_ASK: Final = 64 << 10
"""Bytes. Fifteen bytes for each of a path's 4,096 would fit."""

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
