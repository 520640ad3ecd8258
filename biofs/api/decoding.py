"""From the bytes of an answer to plain objects, whatever the bytes are."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

MAX_DEPTH = 64
"""Deepest nesting accepted; the API's own answers have eight levels."""

# A parsed answer can take fifty times its bytes (`[[],[],…`), so a large one is counted first. The
# limits allow for a hundred thousand groups or a few million files, and for less than a gigabyte.
_COUNTED_FROM = 8 * 2**20
_MAX_CONTAINERS = 2_000_000
_MAX_COMMAS = 8_000_000

_TOO_DEEP = "too deeply nested"
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONGEST_NUMBER = 300
_LARGEST_INT = 2**63 - 1
_BOM = b"\xef\xbb\xbf"


class Undecodable(Exception):  # noqa: N818 - never leaves this room
    """Not JSON, too deep, or too large; `html` tells a web page from other things."""

    def __init__(self, reason: str, *, html: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.html = html


class Decoded(NamedTuple):
    """`value`, and whether something other than white space came after it."""

    value: object
    trailing: bool


def decode(body: bytes) -> Decoded:
    """Decode JSON as servers really send it; raises Undecodable and nothing else.

    What strict JSON does not allow but a reader can make sense of is accepted: a byte order mark,
    bytes that are no UTF-8, control characters in texts, NaN and infinite numbers (None).
    Whatever was sent, texts have a UTF-8 form (U+FFFD in place of lone surrogates), integers fit 64
    bits with a sign (the nearest that does), and nothing is nested deeper than MAX_DEPTH.
    """
    body = body.removeprefix(_BOM)
    _refuse_expansion(body)
    try:
        decoded = Decoded(msgspec.json.decode(body), trailing=False)
        fits = _fits(decoded.value)
    except RecursionError:
        raise Undecodable(_TOO_DEEP) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        fits = False
    return decoded if fits else _decode_leniently(body.decode(errors="replace").strip())


def _decode_leniently(text: str) -> Decoded:
    try:
        value, end = _LENIENT.raw_decode(text)
    except RecursionError:
        raise Undecodable(_TOO_DEEP) from None
    except ValueError:
        raise Undecodable("not JSON", html=text.startswith("<")) from None
    _fits(value)
    if _ESCAPED_SURROGATE.search(text):
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        value = json.loads(whole.decode("utf-16", "replace"))
    return Decoded(value, trailing=end < len(text))


def _refuse_expansion(body: bytes) -> None:
    if len(body) < _COUNTED_FROM:
        return
    # `{{{` is in every entry of a fileList, and nowhere in JSON outside a text.
    containers = body.count(b"[") + body.count(b"{") - 3 * body.count(b"{{{")
    if containers > _MAX_CONTAINERS or body.count(b",") > _MAX_COMMAS:
        raise Undecodable("too many values")


def _fits(value: object) -> bool:
    """Whether every integer fits 64 bits; raises Undecodable if it is nested too deeply."""
    fits = True
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        for container in level:
            if type(container) is dict:
                members: Iterable[object] = container.values()
            elif type(container) is list:
                members = container
            else:
                members = (container,)
            for member in members:
                kind = type(member)
                if kind is int:
                    fits = fits and -_LARGEST_INT <= member <= _LARGEST_INT  # type: ignore[operator]
                elif kind is dict or kind is list:
                    below.append(member)
        if not below:
            return fits
        level = below
    raise Undecodable(_TOO_DEEP)


def _int(digits: str) -> int:
    if len(digits) < len(str(_LARGEST_INT)):
        return int(digits)
    if len(digits) > _LONGEST_NUMBER:
        return -_LARGEST_INT if digits.startswith("-") else _LARGEST_INT
    return max(-_LARGEST_INT, min(int(digits), _LARGEST_INT))


def _float(digits: str) -> float | None:
    number = float(digits)
    return number if abs(number) < float("inf") else None


_LENIENT = json.JSONDecoder(
    strict=False, parse_int=_int, parse_float=_float, parse_constant=lambda _: None
)
