"""Catalogue text on a terminal: whatever it holds, it moves no cursor and reverses no line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

# C0, DEL and C1; line and paragraph separators; marks and controls of direction; surrogates.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe(text: str) -> str:
    """The text with U+FFFD in place of what a terminal would obey."""
    return _UNSAFE.sub("\ufffd", text)


def json_line(facts: Mapping[str, object]) -> str:
    """An object as a line of JSON; what a terminal would obey is escaped, and means the same."""
    text = json.dumps(facts, ensure_ascii=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
