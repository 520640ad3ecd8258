"""What trackers and clients say, as one line in which no announce URL and no passkey stands.

A tracker may repeat its own URL in its answer, and a client the URL that it asked, whole or in
parts. `told` takes out every URL, every part of the announce URLs that are known, and every other
text that could be a key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import unquote

from biofs.api.secrets import MASK
from biofs.tree.printable import for_terminal

LONGEST: Final = 200
"""Characters of a message."""

_CONSIDERED: Final = 4000
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/\S*|\bwww\.\S+|\bmagnet:\S*")
_PATH_OR_QUERY: Final = re.compile(
    r"\S*/announce\S*|\S*\b(?:pass_?key|auth_?key|torrent_pass)\S*", re.IGNORECASE
)
_KEY: Final = re.compile(r"[A-Za-z0-9_=+~-]{16,}")
_PARTS: Final = re.compile(r"[/?&=;:@]+")
_SHORTEST_PART: Final = 6
_MOST_ANNOUNCES: Final = 100


def told(text: object, announces: Iterable[object] = ()) -> str:
    """The message in at most `LONGEST` printable characters; empty if it is none.

    `announces` are the torrent's announce URLs, whatever else is among them is left out.
    """
    if not isinstance(text, str):
        return ""
    text = " ".join(text[:_CONSIDERED].split())
    for part in _parts_of(announces):
        text = re.sub(re.escape(part), MASK, text, flags=re.IGNORECASE)
    text = _URL.sub(MASK, text)
    text = _PATH_OR_QUERY.sub(MASK, text)
    text = _KEY.sub(_masked_key, text)
    text = for_terminal(text).strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _masked_key(found: re.Match[str]) -> str:
    text = found.group()
    # A long word, and no key: it has neither digits nor capitals inside.
    is_word = text.isalpha() and text[1:].islower()
    return text if is_word else MASK


def _parts_of(announces: Iterable[object]) -> Collection[str]:
    """Parts of announce URLs that may be a key, the longest first."""
    parts: set[str] = set()
    for number, url in enumerate(announces):
        if number == _MOST_ANNOUNCES:
            break
        if isinstance(url, str):
            for form in (url[:_CONSIDERED], unquote(url[:_CONSIDERED])):
                parts.update(part for part in _PARTS.split(form) if _may_be_key(part))
    return sorted(parts, key=len, reverse=True)


def _may_be_key(part: str) -> bool:
    return len(part) >= _SHORTEST_PART and part.lower() not in {"announce", "passkey", "tracker"}
