"""Finding one's way in bencode (BEP 3) without decoding all of it.

bencode2 decodes, but what it makes can take thirty times the memory of the text (``le`` is two
bytes, the empty list of it 56), and the texts are strangers'. So a text is walked here, token by
token, and only small parts of it are decoded, when they are reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeVar

from bencode2 import bdecode

MOST_DEPTH: Final = 100
"""Lists and dictionaries inside each other; libtorrent's limit, too."""

MOST_TOKENS: Final = 20_000_000
"""Strings, integers, beginnings and ends in what is skipped or decoded: twenty for each of a
million files. They take some seconds."""

# Canonical forms only. A length of more than ten digits is more than any text has.
_STRING: Final = re.compile(rb"(0|[1-9][0-9]{0,9}):")
_INTEGER: Final = re.compile(rb"i(?:0|-?[1-9][0-9]*)e")
_TOKEN: Final = re.compile(rb"(0|[1-9][0-9]{0,9}):|[ld]|(e)|(i(?:0|-?[1-9][0-9]*)e)")
# The groups of a token; the beginning of a list or dictionary has none.
_LENGTH: Final = 1
_END: Final = 2

_T = TypeVar("_T")


class Malformed(ValueError):  # noqa: N818 - says what the text is
    """A text is not bencode, or not of the wanted shape. The message is one printable line."""


class Reader:
    """A place in a text.

    Attributes:
        data: The text.
        at: The offset in bytes of the next value.
        origin: The offset that `offset` counts from.
    """

    __slots__ = ("_left", "at", "data", "origin")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self.origin = 0
        self._left = MOST_TOKENS

    @property
    def offset(self) -> int:
        """The place, in bytes from the origin."""
        return self.at - self.origin

    def took(self, token: bytes) -> bool:
        """Whether the text goes on with `token`; if so, go past it."""
        if not self.data.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def members(self) -> Iterator[bytes]:
        """Each key of the dictionary here, the place being at its value.

        Who iterates may read that value; otherwise it is skipped. At the end, the place is behind
        the dictionary.

        Raises:
            Malformed: There is no dictionary, a key is no string, comes twice or out of order.
        """
        if not self.took(b"d"):
            raise self.wrong("no dictionary")
        last: bytes | None = None
        while not self.took(b"e"):
            key = self.string()
            if last is not None and key <= last:
                raise self.wrong("keys twice or not in order")
            last = key
            yield from self._one(key)

    def items(self) -> Iterator[None]:
        """Go through the list here, the place being at each item in turn, as with `members`.

        Raises:
            Malformed: There is no list.
        """
        if not self.took(b"l"):
            raise self.wrong("no list")
        while not self.took(b"e"):
            yield from self._one(None)

    def _one(self, what: _T) -> Iterator[_T]:
        before = self.at
        yield what
        if self.at == before:
            self.skip()

    def string(self) -> bytes:
        """Read a byte string. Raises `Malformed` if there is none."""
        length = self.length()
        self.at += length
        return self.data[self.at - length : self.at]

    def length(self) -> int:
        """Go past the length of a byte string, to its first byte, and say how many bytes it has.

        Raises:
            Malformed: There is no byte string, or less of it than it says.
        """
        found = _STRING.match(self.data, self.at)
        if found is None:
            raise self.wrong("no byte string")
        length = int(found[1])
        if found.end() + length > len(self.data):
            raise self.wrong("a byte string longer than the text")
        self.at = found.end()
        return length

    def integer(self) -> int:
        """Read an integer. Raises `Malformed` if there is none of at most 20 characters."""
        found = _INTEGER.match(self.data, self.at)
        if found is None or found.end() - self.at > 22:
            raise self.wrong("no integer of a sane size")
        self.at = found.end()
        return int(found[0][1:-1])

    def decoded(self, most: int) -> object:
        """Decode a value of at most `most` bytes.

        Raises:
            Malformed: There is no value, it is longer, nested deeper than `MOST_DEPTH`, or not
                canonical.
        """
        before = self.at
        self.skip()
        if self.at - before > most:
            raise self.wrong(f"a value of more than {most} bytes")
        return decoded(self.data[before : self.at])

    def skip(self) -> None:
        """Go past a value, whatever it is.

        Raises:
            Malformed: There is no whole value, it is nested deeper than `MOST_DEPTH`, or more
                than `MOST_TOKENS` were read of the text.
        """
        data, at, depth = self.data, self.at, 0
        match = _TOKEN.match
        for tokens in range(1, self._left + 1):
            found = match(data, at)
            if found is None:
                raise self.wrong("no whole value")
            at = found.end()
            group = found.lastindex
            if group == _LENGTH:
                at += int(found[_LENGTH])
            elif group is None:
                depth += 1
                if depth > MOST_DEPTH:
                    raise self.wrong(f"nested deeper than {MOST_DEPTH}")
            elif group == _END:
                depth -= 1
            if depth <= 0:
                self._left -= tokens
                break
        else:
            raise self.wrong("too many values")
        if depth < 0 or at > len(data):
            raise self.wrong("no whole value")
        self.at = at

    def spend(self, tokens: int) -> None:
        """Count what another has read of the text. Raises `Malformed` as `skip` does."""
        if tokens > self._left:
            raise self.wrong("too many values")
        self._left -= tokens

    def wrong(self, what: str) -> Malformed:
        """The error for what is at this place."""
        return Malformed(f"{what}, at or behind byte {self.at}")


def decoded(value: bytes) -> object:
    """Decode one value, which should be small.

    Raises:
        Malformed: It is not canonical bencode.
    """
    try:
        result: object = bdecode(value)
    except (ValueError, RecursionError):
        # bencode2's own words may quote the text.
        raise Malformed("bencode that is not canonical") from None
    return result
