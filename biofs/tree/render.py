"""What the tree's files contain, rendered from the API's answers."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import orjson

from biofs.tree import printable
from biofs.tree.filelist import Entry, Portion
from biofs.tree.printable import scalar, unescape

# What inscriptis is trusted with. Its work and the indentation it writes grow with the nesting, and
# lxml stops reading where that gets absurd.
_MAX_CHARACTERS: Final = 1 << 17
_MAX_DEPTH: Final = 64
_MAX_GROWTH: Final = 8

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>")
_VOID: Final = frozenset({"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_LINE_ENDS: Final = frozenset(
    {"blockquote", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre"}
    | {"table", "tr", "ul"}
)
# Table cells are padded to the widest of their column: one long and many short ones take far more
# memory than they have text. A row as a line loses little.
_CELLS: Final = frozenset({"td", "th"})
_PLAINER: Final = {
    **dict.fromkeys(("caption", "table", "tbody", "tfoot", "thead", "tr"), "div"),
    **dict.fromkeys(("col", "colgroup", "td", "th"), "span"),
}
_GAP: Final = " "

# inscriptis decodes what lxml has decoded already.
_AMPERSAND: Final = re.compile(r"&(?:amp|AMP|#0{0,8}38|#[xX]0{0,8}26);")

_MARKUP: Final = re.compile(r"<[!?/a-zA-Z][^<>]*>")
_BLANKS: Final = re.compile(r"[^\S\n]+(?=\n|\Z)")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_SPACES: Final = re.compile(r"[^\S\n]+")
_INDENT: Final = re.compile("\n (?! )")


def description_text(html: str) -> bytes:
    """Turn HTML into plain text, with a newline at the end.

    ``<br />`` and blocks are line breaks, lists have bullets, table rows are lines, links are their
    text. Character references are decoded. The only control characters left are line feed and tab.

    HTML that is too large (131,072 characters), too deep (64 elements open at once) or too broken
    for inscriptis has its tags taken out instead, with line breaks and bullets where they were.
    Never raises, and takes time and memory in proportion to ``html``.

    Returns:
        UTF-8; ``b""`` if there is no text.
    """
    html = printable.for_text(scalar(html))
    text = _tidy(_laid_out(html) or _without_tags(html))
    return f"{text}\n".encode() if text else b""


def _laid_out(html: str) -> str | None:
    if len(html) > _MAX_CHARACTERS or _depth(html) > _MAX_DEPTH:
        return None
    # Imported here: lxml takes longer to start than the rest of the program.
    from inscriptis import get_text  # type: ignore[import-untyped]  # noqa: PLC0415
    from inscriptis.css_profiles import (  # type: ignore[import-untyped]  # noqa: PLC0415
        STRICT_CSS_PROFILE,
    )
    from inscriptis.model.config import (  # type: ignore[import-untyped]  # noqa: PLC0415
        ParserConfig,
    )

    plain = _AMPERSAND.sub("&amp;amp;", _TAG.sub(_plainer, html))
    try:
        text: str = get_text(plain, ParserConfig(css=STRICT_CSS_PROFILE))
    except Exception:
        # Broken HTML breaks parsers in ways no list of exceptions tells.
        return None
    return text if len(text) <= _MAX_GROWTH * len(html) else None


def _depth(html: str) -> int:
    depth = deepest = 0
    for tag in _TAG.finditer(html):
        if tag[1]:
            depth = max(depth - 1, 0)
        elif tag[2].lower() not in _VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _plainer(tag: re.Match[str]) -> str:
    """Drop attributes, of which some cost memory and none show, and tables."""
    name = tag[2].lower()
    return f"<{tag[1]}{_PLAINER.get(name, name)}>{_GAP if name in _CELLS else ''}"


def _without_tags(html: str) -> str:
    html = _SPACES.sub(" ", html.replace("\n", " "))
    return unescape(_INDENT.sub("\n", "\n" + _MARKUP.sub(_line_break, html)))


def _line_break(markup: re.Match[str]) -> str:
    tag = _TAG.fullmatch(markup[0])
    name = tag[2].lower() if tag else ""
    if name == "li":
        return "\n  * " if tag and not tag[1] else ""
    if name in _CELLS:
        return _GAP
    return "\n" if name in _LINE_ENDS else ""


def _tidy(text: str) -> str:
    # References to control characters and line separators are decoded by now.
    text = printable.for_text(text).replace("\u2028", "\n").replace("\u2029", "\n\n")
    return _BLANK_LINES.sub("\n\n", _BLANKS.sub("", text)).strip("\n")


__all__ = [
    "MAX_DEPTH",
    "api_time",
    "decode_texts",
    "description_text",
    "document",
    "filelist_lines",
    "filelist_size",
    "group_shown",
    "index_line",
    "json_line",
    "magnet",
    "torrent_shown",
    "with_lists",
]

MAX_DEPTH: Final = 100
"""The deepest nesting of lists and objects that is rendered; the API's own goes to 5."""

# Author names are the one text that the server does not escape.
_AUTHORS: Final = frozenset({"author", "authors"})
_GROUP_KEEPS: Final = _AUTHORS | {"description"}

_LISTS: Final = ("authors", "tags", "tagList", "torrents")
"""What is a list in a group, a torrent or a browse row, whatever PHP has made of it."""

# Python prints no integer of more than some thousand digits; nor does anyone read it.
_MAX_INTEGER_BITS: Final = 2048
_INDENTED: Final = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE

_PLAIN_TYPES: Final = frozenset({int, float, bool, type(None)})
_CONTAINERS: Final = (dict, list, tuple, Mapping)

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_TIME_LENGTH: Final = len("YYYY-MM-DD HH:MM:SS")


def decode_texts(value: object, keep: frozenset[str] = frozenset()) -> object:
    """Decode the HTML character references in every string of a JSON value, once.

    Keys and their order stay. Lone surrogates become U+FFFD, everywhere.

    Args:
        value: What a JSON decoder gives.
        keep: Keys of objects whose values, with all that is in them, are not escaped.

    Raises:
        ValueError: The value is nested deeper than `MAX_DEPTH`.
    """
    return _decoded(value, keep, escaped=True, depth=0)


def _decoded(value: object, keep: frozenset[str], *, escaped: bool, depth: int) -> object:
    if isinstance(value, str):
        return _decoded_text(value, escaped=escaped)
    # Half of what there is. To ask for a Mapping takes ten times as long.
    if type(value) in _PLAIN_TYPES or not isinstance(value, _CONTAINERS):
        return value
    if depth >= MAX_DEPTH:
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH} levels")
    if not isinstance(value, (dict, Mapping)):
        return [_decoded(inner, keep, escaped=escaped, depth=depth + 1) for inner in value]
    decoded: dict[object, object] = {}
    for key, inner in value.items():
        kind = type(inner)
        if kind is str:  # here as well: most values are texts
            decoded[key] = _decoded_text(inner, escaped=escaped and key not in keep)
        elif kind in _PLAIN_TYPES:
            decoded[key] = inner
        else:
            inner_escaped = escaped and key not in keep
            decoded[key] = _decoded(inner, keep, escaped=inner_escaped, depth=depth + 1)
    return decoded


def _decoded_text(text: str, *, escaped: bool) -> str:
    if text.isascii() and "&" not in text:
        return text
    return scalar(unescape(text) if escaped else text)


def document(value: object) -> bytes:
    """Write a JSON document: UTF-8, indented by 2, a newline at the end.

    Numbers that JSON cannot hold, and integers of more than 2,048 bits, are null.

    Raises:
        ValueError: The value is nested too deeply; up to `MAX_DEPTH` it never is.
        TypeError: The value is not what a JSON decoder gives.
    """
    try:
        return orjson.dumps(value, option=_INDENTED)
    except orjson.JSONEncodeError:
        return json.dumps(_plain(value), ensure_ascii=False, indent=2).encode() + b"\n"


def json_line(value: object) -> bytes:
    """Write a line of a ``.jsonl`` document from decoded texts.

    Raises:
        ValueError: As `document`.
        TypeError: As `document`.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        plain = _plain(value)
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: object, depth: int = 0) -> object:
    """Make what orjson refuses fit for the standard library, which takes larger integers."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if value.bit_length() <= _MAX_INTEGER_BITS else None
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth >= MAX_DEPTH:
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {scalar(str(key)): _plain(inner, depth + 1) for key, inner in value.items()}
    return [_plain(inner, depth + 1) for inner in value]


def group_shown(group: Mapping[str, object]) -> object:
    """Give what ``group.json`` shows: the API's ``group``, texts decoded, ``description`` not.

    Raises:
        ValueError: As `decode_texts`.
    """
    return with_lists(decode_texts(group, _GROUP_KEEPS))


def torrent_shown(torrent: Mapping[str, object]) -> object:
    """Give what ``torrent.json`` shows: the API's ``torrent`` but for its ``fileList``, decoded.

    Raises:
        ValueError: As `decode_texts`.
    """
    shown = {key: value for key, value in torrent.items() if key != "fileList"}
    return with_lists(decode_texts(shown, _AUTHORS))


def with_lists(value: object) -> object:
    """Give an object with its lists as lists, where the server has sent objects.

    PHP writes a list whose keys have gaps as ``{"1": …, "7": …}``, and readers expect one shape.
    The order stays; so does all else, NULL and texts included.
    """
    # Objects of JSON are dicts; to ask for a Mapping takes longer than to write the document.
    if not isinstance(value, dict):
        return value
    shown = value
    for name in _LISTS:
        found = value.get(name)
        if isinstance(found, dict) and all(map(str.isdecimal, found)):
            shown = {**shown, name: list(found.values())}
    return shown


def index_line(row: Mapping[str, object]) -> bytes:
    """Write a line of ``index.jsonl``: a browse row, texts decoded, lists as lists.

    Raises:
        ValueError: As `document`.
        TypeError: As `document`.
    """
    shown = with_lists(decode_texts(row, _AUTHORS))
    if isinstance(shown, Mapping) and isinstance(torrents := shown.get("torrents"), list):
        shown = {**shown, "torrents": [with_lists(torrent) for torrent in torrents]}
    return json_line(shown)


def filelist_lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Write ``filelist.jsonl``: an object a line, none for no entries."""
    dumps = orjson.dumps
    for path, length in entries:
        try:
            shown = dumps(path)
        except orjson.JSONEncodeError:
            shown = dumps(scalar(path))
        yield b'{"path":%b,"length":%d}\n' % (shown, length)


_LINE_LENGTH: Final = len('{"path":,"length":}\n')


def filelist_size(portions: Iterable[Portion]) -> int:
    """Count the bytes of ``filelist.jsonl``, without writing it."""
    size = 0
    for paths, lengths in portions:
        try:
            shown = len(orjson.dumps(paths)) - len(paths) - 1  # brackets and commas
        except orjson.JSONEncodeError:
            shown = sum(len(orjson.dumps(scalar(path))) for path in paths)
        size += shown + sum(map(len, map(str, lengths))) + len(paths) * _LINE_LENGTH
    return size


def magnet(info_hash: str, name: str, size: int) -> bytes:
    """Write ``magnet.txt``: a magnet link without a tracker, and a newline.

    The announce URL has the user's passkey in it, so it is left out: a client finds peers by other
    means or is given the ``.torrent`` file.

    Args:
        info_hash: The info hash in hex; its case stays.
        name: The name to show, HTML decoded; none for ``""``.
        size: The size in bytes; none if it is negative.
    """
    parts = [f"xt=urn:btih:{quote(scalar(info_hash), safe='')}"]
    if name:
        parts.append(f"dn={quote(scalar(name), safe='')}")
    if size >= 0:
        parts.append(f"xl={size}")
    return f"magnet:?{'&'.join(parts)}\n".encode()


def api_time(text: str) -> int | None:
    """Read a time of the API, ``YYYY-MM-DD HH:MM:SS`` in UTC, as seconds since 1970.

    Returns:
        A number that fits any ``st_mtime``; None for ``""``, ``0000-00-00 00:00:00``, what is no
        time, and years before 1970.
    """
    # Looked at first, so that nothing long is kept in the cache.
    return _epoch(text) if len(text) == _TIME_LENGTH else None


@lru_cache(maxsize=4096)
def _epoch(text: str) -> int | None:
    if not _TIME.fullmatch(text):
        return None
    try:
        seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
    return seconds if seconds >= 0 else None
