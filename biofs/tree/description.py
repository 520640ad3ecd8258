"""A group's description as plain text: HTML in, something to read in a terminal out."""

import re
from typing import Final

from biofs.tree import printable
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
