"""Which characters a name, a line or a terminal may hold: every rule in one place.

================  =======================================  ====================================
rule              for                                      what is not allowed becomes
================  =======================================  ====================================
`for_title`       a name made of catalogue text            ``-`` for ``/``; direction marks go,
                  (`biofs.tree.names`)                     the rest is U+FFFD
`for_file_name`   a torrent's own file names, otherwise    ``-`` for ``/``, pictures for C0 and
                  kept byte for byte                       DEL (``␊``), U+FFFD for the rest
                  (`biofs.tree.names`)
`for_value`       one line that a desktop shows            direction marks go, the rest is
                  (`biofs.mount.xattrs`)                   U+FFFD
`for_text`        text of several lines; tab and line      nothing
                  feed stay (`biofs.tree.render`)
`for_terminal`    catalogue text in a line of output       U+FFFD
`for_path`        a path in a line of output: the bytes    U+FFFD
                  of a name stay as they are
`for_json`        JSON in output                           ``\\uXXXX``, which means the same
`is_binary`       bytes that would go to a terminal        (only asked)
================  =======================================  ====================================

All but `for_text`, `for_json` and `is_binary` refuse the control characters C0, DEL and C1;
all but `for_text`, `for_path`, `for_json` and `is_binary` lone surrogates too. In JSON, C0 is
escaped already, and tab and line feed are layout.
"""

import html
import re
from html.entities import codepoint2name
from typing import Final

_C0: Final = "\x00-\x1f"
_C0_BUT_LAYOUT: Final = "\x00-\x08\x0b-\x1f"
_DEL_C1: Final = "\x7f-\x9f"
_SURROGATES: Final = "\ud800-\udfff"
_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Marks and controls of the direction of writing: they reorder what stands around them."""
_SEPARATORS: Final = "\u2028\u2029"

_CONTROLS: Final = f"{_C0}{_DEL_C1}"
_NO_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_NO_COMPONENT: Final = re.compile(f"[/{_CONTROLS}{_SURROGATES}]")
_NO_TITLE: Final = re.compile(f"[/{_CONTROLS}{_SURROGATES}{_DIRECTION}]")
_NO_VALUE: Final = re.compile(f"[{_CONTROLS}{_SURROGATES}]")
_NO_TEXT: Final = re.compile(f"[{_C0_BUT_LAYOUT}{_DEL_C1}]")
_NO_TERMINAL: Final = re.compile(f"[{_CONTROLS}{_SURROGATES}{_DIRECTION}{_SEPARATORS}]")
_NO_JSON: Final = re.compile(f"[{_DEL_C1}{_SURROGATES}{_DIRECTION}{_SEPARATORS}]")
_ANY_DIRECTION: Final = re.compile(f"[{_DIRECTION}]")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")

_UNKNOWN: Final = "\ufffd"
_PICTURES: Final = 0x2400
_DEL: Final = 0x7F
_PICTURE_OF_DEL: Final = "\u2421"


def for_title(text: str) -> str:
    """A part of a path for people to read."""
    return _NO_TITLE.sub(_title_stand_in, text)


def for_file_name(name: str) -> str:
    """A part of a path that stays as it is where a file system and a terminal can hold it."""
    return _NO_COMPONENT.sub(_file_stand_in, name)


def is_file_name(name: str) -> bool:
    """Whether `for_file_name` leaves it as it is."""
    return not _NO_COMPONENT.search(name)


def for_value(text: str) -> str:
    """A text on one line, without anything that could mislead in a dialogue."""
    return _NO_VALUE.sub(_UNKNOWN, _ANY_DIRECTION.sub("", " ".join(text.split())))


def for_text(text: str) -> str:
    """Lines that end in a line feed, without control characters."""
    return _NO_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def for_terminal(text: str) -> str:
    """Text that moves no cursor, ends no line and reverses none."""
    return _NO_TERMINAL.sub(_UNKNOWN, text)


def for_path(path: str) -> str:
    """A path without control characters; what no encoding can hold stays (PEP 383)."""
    return _NO_CONTROL.sub(_UNKNOWN, path)


def for_json(text: str) -> str:
    """JSON that a terminal does not obey, and that means the same."""
    return _NO_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def is_binary(body: bytes) -> bool:
    """Whether a terminal would obey something in these bytes (UTF-8), tab and line feed apart."""
    return _BINARY.search(body) is not None


def cut(text: str, limit: int) -> str:
    """The beginning of a text that fits into `limit` bytes of UTF-8, in whole characters."""
    # "ignore" drops what is left of a character cut in the middle.
    return text.encode()[:limit].decode(errors="ignore")


def _title_stand_in(match: re.Match[str]) -> str:
    if match[0] == "/":
        return "-"
    return "" if _ANY_DIRECTION.match(match[0]) else _UNKNOWN


def _file_stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    if code == _DEL:
        return _PICTURE_OF_DEL
    return "-" if match[0] == "/" else _UNKNOWN


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# html.unescape hands the digits to int(), which refuses long ones (sys.set_int_max_str_digits).
_ABSURD_REFERENCE: Final = re.compile("&#[0-9]{100,};?")
# All but these: a class of a million characters takes milliseconds to compile, at every start.
_TO_ESCAPE: Final = re.compile("[^\x00-!#-%(-;=?-\x7f]")


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
