"""A torrent's file list in the server's form: ``PATH{{{SIZE}}}`` joined by ``|||``.

The server keeps each file as the text ``.EXT sSIZEs NAME ÷``, EXT being what stands after the
name's last dot, trimmed, and HTML-escapes it. To answer, it splits that text at its first two
spaces and shows the third part as the path and the second, less its first and last character, as
the size. A name whose EXT has a space is therefore answered in parts: ``Dr. Smith lab notes`` of
2,048 bytes becomes ``notes s2048s Dr. Smith lab notes{{{a}}}``. All of EXT that gets lost is in the
name as well, so such an entry is mended exactly: the name it holds must have the very EXT that
breaks into the parts seen. A whole entry never looks like that, since its own EXT has no space.

Sources: the API as recorded, and the storage form that Gazelle, the server's software, documents.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from biofs.tree.printable import escape, unescape

MAX_LENGTH: Final = 2**63 - 1
"""The largest length in bytes: what ``off_t`` holds."""

_OPEN: Final = "{{{"
_CLOSE: Final = "}}}"
_JOIN: Final = "|||"
_END: Final = _CLOSE + _JOIN
_NULL_LIST: Final = "{{{}}}"
_NBSP: Final = "&nbsp;"
_PHP_TRIM: Final = " \t\n\r\0\x0b"
_TO_SPACES: Final = str.maketrans("\n\r\t", "   ")

# A list is taken in blocks, so that neither a million parts are held at once nor one odd entry
# slows all the others down.
_BLOCK: Final = 1 << 18
_ODD_ENTRY: Final = re.compile(r"\{\{\{(?![0-9]{1,18}\}\}\}\|\|\|)")
_STORED_SIZE: Final = re.compile(r"s(-?[0-9]+)s ")
_FIRST_STORED_SIZE: Final = re.compile(r"(?:^| )s(-?[0-9]+)s ")
_NUMBER: Final = re.compile(r"-?[0-9]+")


class Entry(NamedTuple):
    """A file in a torrent.

    Attributes:
        path: The path below the torrent's top directory, HTML decoded, otherwise as the server
            gives it: nothing in it is safe to use as a path.
        length: The size in bytes, 0 to 2**63 - 1.
    """

    path: str
    length: int


def parse(file_list: str, file_count: int | None = None) -> list[Entry]:
    """Read a whole file list. See `iterate`."""
    return list(iterate(file_list, file_count))


def iterate(file_list: str, file_count: int | None = None) -> Iterator[Entry]:
    """Read a file list entry by entry, in its order.

    ``""`` and ``{{{}}}``, the server's NULL, are empty lists. An entry ends at ``{{{…}}}`` followed
    by ``|||`` or the end, so names may hold either. Leading ``&nbsp;`` of a path are leading
    spaces. Entries broken by the server are mended; a size that is no number and cannot be mended
    is looked for as the first ``sSIZEs`` in the text, and without one the text is the name and the
    length 0. Text after the last entry counts as such a name. Negative sizes become 0, sizes beyond
    2**63 - 1 become that.

    A name holding ``{{{…}}}|||`` reads as two entries. It is put together again if there are more
    entries than ``file_count`` and the size it seems to have is no number, or if ``file_count`` is
    1; otherwise the entries stay as they are, however many.

    Args:
        file_list: The API's ``fileList``.
        file_count: The API's ``fileCount``, if known.
    """
    for portion in portions(file_list, file_count):
        pairs = zip(portion.paths, portion.lengths, strict=True)
        yield from map(partial(tuple.__new__, Entry), pairs)


class Portion(NamedTuple):
    """Some entries of a file list, one at least: their paths, and the length of each."""

    paths: Sequence[str]
    lengths: Sequence[int]


def portions(file_list: str, file_count: int | None = None) -> Iterator[Portion]:
    """As `iterate`, many entries at a time: for who needs no `Entry` of each."""
    if not file_list or file_list == _NULL_LIST:
        return
    if file_count is not None and 0 < file_count < count(file_list):
        for path, size in _regroup(_parts(file_list), file_count, count(file_list)):
            yield _portion(path, size)
        return
    held: list[str] = []
    for block in _blocks(file_list):
        if held or not _is_regular(block):
            for path, size in _split(block, held):
                yield _portion(path, size)
        else:
            *parts, _ = block.replace(_END, _OPEN).split(_OPEN)
            yield Portion(_all_decoded(parts[::2]), list(map(int, parts[1::2])))
    if held:
        yield _portion(_END.join(held), "")


def count(file_list: str) -> int:
    """Count the entries, without reading them.

    Exact unless a name holds ``}}}|||``: each of those counts one more.
    """
    if not file_list or file_list == _NULL_LIST:
        return 0
    return file_list.count(_END) + (not file_list.endswith(_END))


def render(entries: Iterable[Entry]) -> str:
    """Write a file list as the server does, breaking the names that it breaks.

    `parse` gives back the same entries, but for what the server's form loses: line breaks and tabs
    become spaces, as do leading no-break spaces; C1 controls and noncharacters have no reference;
    ``{{{…}}}|||`` in a name, and a brace where it breaks one, are taken for its own.
    """
    return _JOIN.join(map(_written, entries)) or _NULL_LIST


def _blocks(file_list: str) -> Iterator[str]:
    """Cut at entry ends; every block ends with one, the last perhaps not."""
    start = 0
    while start < len(file_list):
        end = file_list.find(_END, start + _BLOCK)
        if end < 0:
            tail = file_list[start:]
            yield tail + _JOIN if tail.endswith(_CLOSE) else tail
            return
        end += len(_END)
        yield file_list[start:end]
        start = end


def _is_regular(block: str) -> bool:
    """Say if every ``{{{`` begins a sound size, ``}}}|||`` ends one, and nothing is broken."""
    return (
        block.endswith(_END)
        and block.count(_OPEN) == block.count(_END)
        and not _ODD_ENTRY.search(block)
        and not _STORED_SIZE.search(block)
    )


def _split(block: str, held: list[str]) -> Iterator[tuple[str, str]]:
    """Split into escaped paths and sizes.

    Parts without ``{{{`` ended inside a name: they are held for the part that follows, in this
    block or the next.
    """
    *parts, rest = block.split(_END)
    for part in parts:
        path, brace, size = part.rpartition(_OPEN)
        if not brace:
            held.append(part)
            continue
        if held:
            path = _END.join([*held, path])
            held.clear()
        yield path, size
    if rest:
        held.append(rest)


def _parts(file_list: str) -> Iterator[tuple[str, str]]:
    held: list[str] = []
    for block in _blocks(file_list):
        yield from _split(block, held)
    if held:
        yield _END.join(held), ""


def _regroup(
    parts: Iterable[tuple[str, str]], file_count: int, found: int
) -> Iterator[tuple[str, str]]:
    """Join surplus parts that cannot be entries to the ones after them."""
    surplus = found - file_count
    held: list[str] = []
    for path, size in parts:
        if surplus and (file_count == 1 or not (_NUMBER.fullmatch(size) or _mended(path, size))):
            held.append(f"{path}{_OPEN}{size}{_END}")
            surplus -= 1
        else:
            yield "".join([*held, path]), size
            held.clear()
    if held:
        yield "".join(held).removesuffix(_END), ""


def _entry(path: str, size: str) -> Entry:
    mended = _mended(path, size)
    if mended is None and not _NUMBER.fullmatch(size):
        stored = _FIRST_STORED_SIZE.search(path)
        mended = (path[stored.end() :], stored[1]) if stored else (path, "0")
    path, size = mended or (path, size)
    return Entry(_decoded(path), _length(size))


def _portion(path: str, size: str) -> Portion:
    path, length = _entry(path, size)
    return Portion((path,), (length,))


def _mended(path: str, size: str) -> tuple[str, str] | None:
    """Undo the server's split of ``.EXT sSIZEs NAME`` inside EXT, if that is what happened.

    EXT is known: it ends the name, which ends the path. So is how it was split, which leaves one
    place where the stored size must stand.
    """
    dot = path.rfind(".")
    extension = path[dot + 1 :].strip(_PHP_TRIM)
    first_space = extension.find(" ")
    if dot < 0 or first_space < 0:
        return None
    second, space, third = extension[first_space + 1 :].partition(" ")
    if second[1:-1] != size:
        return None
    before = _with_nbsp(third + space)
    stored = _STORED_SIZE.match(path, len(before))
    if stored is None or not path.startswith(before) or dot <= stored.end():
        return None
    return path[stored.end() :], stored[1]


def _with_nbsp(text: str) -> str:
    spaces = len(text) - len(text.lstrip(" "))
    return _NBSP * spaces + text[spaces:]


def _decoded(path: str) -> str:
    if "&" not in path:
        return path
    spaces = 0
    while path.startswith(_NBSP, spaces * len(_NBSP)):
        spaces += 1
    return " " * spaces + unescape(path[spaces * len(_NBSP) :])


def _all_decoded(paths: list[str]) -> list[str]:
    # A reference never reaches across a line break, so all paths decode at once: several times
    # faster. Those where that would show are decoded one by one.
    text = "\n".join(["", *paths])
    if "&" not in text:
        return paths
    if "\n&nbsp;" not in text:
        _, *decoded = unescape(text).split("\n")
        if len(decoded) == len(paths):
            return decoded
    return list(map(_decoded, paths))


def _length(size: str) -> int:
    digits = size.lstrip("0")
    if not digits or digits.startswith("-"):
        return 0
    # int() refuses thousands of digits.
    return min(int(digits), MAX_LENGTH) if len(digits) < 20 else MAX_LENGTH


def _written(entry: Entry) -> str:
    name = entry.path.translate(_TO_SPACES)
    dot = name.rfind(".")
    extension = name[dot + 1 :].strip(_PHP_TRIM) if dot > 0 else ""
    _, size, path = escape(f".{extension} s{entry.length}s {name}").split(" ", 2)
    return f"{_with_nbsp(path)}{_OPEN}{size[1:-1]}{_CLOSE}"
