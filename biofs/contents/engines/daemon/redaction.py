"""What trackers and libtorrent say, without announce URLs and the passkeys in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S*")
_APART: Final = re.compile(r"[/?&=;#:@]+")
_SHORTEST: Final = 8
"""Characters. A shorter part of a URL's path is a word, as `announce`, rather than a secret."""
_WORDS: Final = {"announce", "announce.php", "passkey", "info_hash"}
_LONGEST: Final = 200


def secrets(urls: Iterable[str]) -> frozenset[str]:
    """The parts of announce URLs that may be a passkey."""
    found: set[str] = set()
    for url in urls:
        _, _, rest = url.partition("://")
        host, *parts = _APART.split(rest)
        found |= {part for part in parts if len(part) >= _SHORTEST and part not in _WORDS}
        if "@" in rest.partition("/")[0]:
            found.add(host)
    return frozenset(found)


def redacted(text: str, hidden: Iterable[str] = ()) -> str:
    """One line of at most 200 printable characters, without URLs and what is `hidden`."""
    text = _URL.sub("[URL]", text)
    for secret in sorted(hidden, key=len, reverse=True):
        text = re.sub(re.escape(secret), "[hidden]", text, flags=re.IGNORECASE)
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
