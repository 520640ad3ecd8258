"""Text between the server's HTML and Unicode.

The server escapes its texts once, with PHP's HTML 4.01 entities (``tests/data/recordings``:
``&eacute;``, ``&#26085;``, ``&#39;``), a literal ``&`` included. One pass of decoding is therefore
exact: ``&amp;eacute;`` is the text ``&eacute;``.
"""

import html
import re
from html.entities import codepoint2name
from typing import Final

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# html.unescape hands the digits to int(), which refuses long ones (sys.set_int_max_str_digits).
_ABSURD_REFERENCE: Final = re.compile("&#[0-9]{100,};?")
_TO_ESCAPE: Final = re.compile("[\"&'<>\x80-\U0010ffff]")


def unescape(text: str) -> str:
    """Decode HTML character references, once.

    References to what is no character (``&#0;``, ``&#xD800;``, numbers without end) become U+FFFD
    or nothing, as in a browser. Never raises.
    """
    if "&" not in text:
        return text
    # HTML 5 moved these two names to other characters; the server still writes HTML 4.
    if "ang;" in text:
        text = text.replace("&lang;", "\u2329").replace("&rang;", "\u232a")
    try:
        return html.unescape(text)
    except ValueError:
        return html.unescape(_ABSURD_REFERENCE.sub("\ufffd", text))


def escape(text: str) -> str:
    """Escape as the server does: the inverse of `unescape` for ordinary text.

    Every non-ASCII character becomes a reference, named where HTML 4.01 has a name for it.
    """
    return _TO_ESCAPE.sub(_reference, text)


def _reference(match: re.Match[str]) -> str:
    code = ord(match[0])
    name = codepoint2name.get(code)
    return f"&{name};" if name else f"&#{code};"


def scalar(text: str) -> str:
    """Replace lone surrogates, which no encoding can hold, by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text
