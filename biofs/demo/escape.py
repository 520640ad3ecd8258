"""Texts and file lists as the server writes them into its answers.

Sources: the recordings torrentgroup_id_3, torrent_id_6 (entities), torrentgroup_odd_row_id_30
(fileList).
"""

import re
from collections.abc import Iterable
from html.entities import codepoint2name

from biofs.demo.model import Entry

_ESCAPED = re.compile(r"[&<>\"'\u0080-\U0010ffff]")
_TRIMMED = " \t\n\r\0\x0b"  # what PHP's trim takes off


def _entity(match: re.Match[str]) -> str:
    code = ord(match[0])
    name = codepoint2name.get(code)
    return f"&{name};" if name else f"&#{code};"


def htmlentities(text: str) -> str:
    """Escape like PHP's htmlentities: HTML 4's named entities, decimal references for the rest.

    An ampersand that already starts an entity is escaped again; control characters pass.
    """
    return _ESCAPED.sub(_entity, text)


def file_entry(entry: Entry) -> str:
    """One `PATH{{{SIZE}}}` of a fileList, with the server's own damage.

    The server stores `.EXTENSION sSIZEs PATH` and splits it at the first two spaces, so a path with
    a space after its last dot loses its size and the start of its name.
    """
    _, dot, extension = entry.path.rpartition(".")
    stored = f".{extension.strip(_TRIMMED) if dot else ''} s{entry.length}s {entry.path}"
    _, size, name = stored.split(" ", 2)
    spaces = len(name) - len(name.lstrip(" "))
    return f"{'&nbsp;' * spaces}{htmlentities(name[spaces:])}{{{{{{{htmlentities(size[1:-1])}}}}}}}"


def file_list(entries: Iterable[Entry]) -> str:
    """The fileList field: entries joined by `|||`; `{{{}}}` where there is none."""
    return "|||".join(map(file_entry, entries)) or "{{{}}}"
