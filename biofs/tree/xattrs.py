"""Extended attributes of groups and torrents, made from what is known of them.

``user.xdg.tags``, ``user.xdg.comment`` and ``user.xdg.origin.url`` are what desktops show
(freedesktop.org, CommonExtendedAttributes; tags are separated by commas as KDE writes them). The
others are biofs's own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_VALUE: Final = 65536
"""Bytes that Linux takes for a value (XATTR_SIZE_MAX, limits.h)."""

LONGEST_TEXT: Final = 4096
"""Bytes of a comment or an address: desktops show them in a line or a small box."""

_PREFIX: Final = "user.biofs."
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What attributes tell of a group or a torrent. Texts are decoded, and may be hostile.

    Of a group, counts and sizes are the sums of its torrents. None and empty: not known.
    """

    ident: int
    url: str = ""
    info_hashes: Sequence[str] = ()
    licenses: Sequence[str] = ()
    tags: Sequence[str] = ()
    size: int | None = None
    """In bytes."""
    seeders: int | None = None
    leechers: int | None = None
    comment: str = ""
    complete: bool = False
    """Whether the detail is known, and not only what a listing tells."""


def attributes(traits: Traits) -> dict[bytes, bytes]:
    """The attributes by their names: UTF-8 without control characters, none of them empty."""
    tags = _joined(traits.tags)
    url = _cut(_plain(traits.url[:LONGEST_TEXT]), LONGEST_TEXT)
    texts = {
        f"{_PREFIX}id": str(traits.ident),
        f"{_PREFIX}info_hash": _joined(traits.info_hashes),
        f"{_PREFIX}leechers": _number(traits.leechers),
        f"{_PREFIX}license": _joined(traits.licenses),
        f"{_PREFIX}seeders": _number(traits.seeders),
        f"{_PREFIX}size": _number(traits.size),
        f"{_PREFIX}tags": tags,
        f"{_PREFIX}url": url,
        "user.xdg.comment": _cut(_plain(traits.comment[:LONGEST_TEXT]), LONGEST_TEXT),
        "user.xdg.origin.url": url,
        "user.xdg.tags": tags,
    }
    return {name.encode(): text.encode() for name, text in texts.items() if text}


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _plain(text: str) -> str:
    """The text on one line, without what a terminal or a dialogue could be led astray by."""
    text = " ".join(text.split())
    return _CONTROL.sub("\ufffd", _BIDI.sub("", text))


def _joined(texts: Sequence[str]) -> str:
    """Texts with commas between them, each once, and whole ones only: as many as fit."""
    joined: dict[str, None] = {}
    left = LONGEST_VALUE
    for text in texts:
        one = _plain(text[:LONGEST_VALUE].replace(",", " "))
        if not one or one in joined:
            continue
        left -= len(one.encode()) + len(",")
        if left < 0:
            break
        joined[one] = None
    return ",".join(joined)


def _cut(text: str, limit: int) -> str:
    # "ignore" drops what is left of a character cut in the middle.
    return text.encode()[:limit].decode(errors="ignore")
