"""JSON as servers really send it: decoded whatever it is, and found amid what stands around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

MAX_DEPTH = 64
"""Deepest nesting accepted; the API's own answers have eight levels."""

# A parsed answer can take fifty times its bytes (`[[],[],…`), so a large one is counted first. The
# limits allow for a hundred thousand groups or a few million files, and for less than a gigabyte.
_COUNTED_FROM = 8 * 2**20
_MAX_CONTAINERS = 2_000_000
_MAX_COMMAS = 8_000_000

NOT_JSON: Final = "not JSON"
_TOO_DEEP: Final = "too deeply nested"
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONGEST_NUMBER = 300
_LARGEST_INT = 2**63 - 1
_BOM = b"\xef\xbb\xbf"
_ANSWER_STARTS: Final = re.compile(r'\{\s*"(?:status|response|info|error)"\s*:')
_WEB_PAGE: Final = re.compile(r"<(?:!doctype|html|head|body|script)\b", re.IGNORECASE)


class Undecodable(Exception):  # noqa: N818 - internal to biofs.api
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

    What strict JSON does not allow but can be understood is accepted: a byte order mark,
    bytes that are not UTF-8, control characters in texts, NaN and infinite numbers (None).
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
    value, end = _decode_at(text, 0)
    return Decoded(value, trailing=end < len(text))


def _decode_at(text: str, start: int) -> tuple[object, int]:
    """The value that starts there, and where it ends."""
    try:
        value, end = _LENIENT.raw_decode(text, start)
    except RecursionError:
        raise Undecodable(_TOO_DEEP) from None
    except ValueError:
        raise Undecodable(NOT_JSON, html=text.startswith("<")) from None
    _fits(value)
    if _ESCAPED_SURROGATE.search(text, start, end):
        whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")
        value = json.loads(whole.decode("utf-16", "replace"))
    return value, end


class Found(NamedTuple):
    """An answer amid something else. `body` is its JSON alone; `before`: not at the beginning."""

    value: dict[str, object]
    body: bytes
    before: bool


def find_answer(body: bytes) -> Found | None:
    """The one answer of the API in a body that holds something else, too.

    PHP in debug mode writes warnings in front of the JSON, and some sites a comment behind it. An
    answer is an object with `status`, and `response` or `error`. None if there is no such object or
    more than one, if one is cut off, and for web pages, whose scripts may hold anything.
    Raises Undecodable for one that is nested too deeply, or holds too many values.
    """
    body = body.removeprefix(_BOM)
    _refuse_expansion(body)
    text = body.decode(errors="replace").strip()
    found: Found | None = None
    position = 0
    while start := _ANSWER_STARTS.search(text, position):
        if found is None and _WEB_PAGE.search(text, position, start.start()):
            return None
        try:
            value, position = _decode_at(text, start.start())
        except Undecodable as error:
            if error.reason == _TOO_DEEP:
                raise
            return None
        if not isinstance(value, dict) or not _is_answer(value):
            continue
        if found is not None:
            return None
        whole = text[start.start() : position].encode(errors="replace")
        found = Found(value, whole, before=start.start() > 0)
    return found


def _is_answer(value: dict[str, object]) -> bool:
    return isinstance(value.get("status"), str) and ("response" in value or "error" in value)


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
