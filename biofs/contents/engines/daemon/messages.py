"""What goes through the engine's socket: a JSON object a line, from either side.

The client sends one request and waits for its `Answer` before it sends the next. Paths are
percent-encoded (RFC 3986), because they are bytes; bytes are in base64, as msgspec has them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

LONGEST_LINE: Final = 96 << 20
"""Bytes. The largest .torrent file that is taken (64 MiB) fits, in base64."""

LARGEST_TORRENT: Final = 64 << 20


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag=str.lower):
    pass


class Configure(_Message, frozen=True, kw_only=True):
    """How the session is to be. The first request of every connection; the last one counts."""

    directory: str
    """Where new torrents are put, percent-encoded."""
    down: int = 0
    """Bytes a second; 0 for no limit."""
    up: int = 0
    ratio: float | None = None
    """A torrent that has sent this many times what it is large is no longer seeded."""
    disk: int = 0
    """Bytes that all torrents together may take; 0 for no limit."""
    at_once: int = 0
    """How many torrents fetch at the same time; 0 for no limit."""
    listen: str = "0.0.0.0:0,[::]:0"
    """As libtorrent's setting `listen_interfaces`."""
    user_agent: str = ""
    fingerprint: str = ""
    """The start of the peer ID, as `-LT2110-`; empty for libtorrent's own, as `user_agent`."""
    discovery: bool = False
    """Find peers by DHT, PEX and local discovery too, for torrents that are not private."""
    idle: float = 600.0
    """Seconds with nothing to do, after which the process ends."""
    retry: float = 30.0
    """Seconds after which a torrent that failed is tried again."""


class Fetch(_Message, frozen=True, kw_only=True):
    torrent: bytes
    indexes: list[int]


class Cancel(_Message, frozen=True, kw_only=True):
    info_hash: bytes
    indexes: list[int] | None = None


class Progress(_Message, frozen=True, kw_only=True):
    """Of one torrent; of all of which something is wanted, without `info_hash`."""

    info_hash: bytes | None = None


class Directory(_Message, frozen=True, kw_only=True):
    info_hash: bytes


class Pieces(_Message, frozen=True, kw_only=True):
    """`torrent` is empty if the process is thought to have one with this `info_hash`."""

    torrent: bytes = b""
    info_hash: bytes = b""
    pieces: list[int]


class Wait(_Message, frozen=True, kw_only=True):
    info_hash: bytes
    pieces: list[int]
    timeout: float


class WaitForAll(_Message, frozen=True, kw_only=True):
    """Until all that is wanted of a torrent is in the files, or it cannot go on."""

    info_hash: bytes
    timeout: float


class Check(_Message, frozen=True, kw_only=True):
    pass


class Stop(_Message, frozen=True, kw_only=True):
    pass


Request: TypeAlias = (
    Configure | Fetch | Cancel | Progress | Directory | Pieces | Wait | WaitForAll | Check | Stop
)


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`error` is one line for people; `limit` says that a limit is what forbids it."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str | None = None
    limit: bool = False


class Malformed(Exception):  # noqa: N818 - says what the line is
    """The line is none that either side sends."""


_encode: Final = msgspec.json.Encoder().encode
_decode_request: Final = msgspec.json.Decoder(Request).decode
_decode_answer: Final = msgspec.json.Decoder(Answer).decode


def line(message: Request | Answer) -> bytes:
    """A message as it is sent."""
    return _encode(message) + b"\n"


def answer(value: object = None) -> Answer:
    """What is asked for is `value`."""
    return Answer(value=msgspec.Raw(_encode(value)))


def read_request(text: bytes) -> Request:
    """Raises Malformed."""
    try:
        request: Request = _decode_request(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed from None
    return request


def read_answer(text: bytes) -> Answer:
    """Raises Malformed."""
    try:
        return _decode_answer(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed from None


def quoted(path: Path | str) -> str:
    """A path as it is sent."""
    return quote_from_bytes(os.fsencode(path))


def unquoted(text: str) -> Path:
    """A path that was sent."""
    return Path(os.fsdecode(unquote_to_bytes(text)))
