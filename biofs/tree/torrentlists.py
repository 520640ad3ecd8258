"""Reading the files of an info dictionary: `files` or `length` in v1, `file tree` in v2.

BEP 3, BEP 47 (attributes) and BEP 52. What is kept is in `biofs/tree/torrentfiles.py`.
"""

from __future__ import annotations

import re
from array import array
from typing import Final

from biofs.tree.bencoded import MOST_DEPTH, Malformed, Reader, decoded
from biofs.tree.pieces import NOWHERE
from biofs.tree.torrentfiles import (
    LINK,
    MOST_FILES,
    MOST_LENGTH,
    PAD,
    PROGRAM,
    Listing,
    Path,
    mark_of,
    no_path,
)

_MOST_ENTRY: Final = 1 << 20
"""The bytes that say something of one file, its whole path included."""

_MOST_PATH: Final = 1 << 15
"""The bytes of a path in a `file tree`, where many share their beginning. Linux has 4,096."""

_PLAIN: Final = re.compile(rb"d6:lengthi(0|[1-9][0-9]{0,17})e4:pathl([1-9][0-9]{0,2}):")
_NEXT_NAME: Final = re.compile(rb"([1-9][0-9]{0,2}):")
_PLAIN_NAMES: Final = 16
"""The beginning of an entry that has a length and a path and nothing else, up to the first name,
the beginning of each other name, and the most of these. Nearly all entries are such."""
_PLAIN_TOKENS: Final = 7
"""Of such an entry, without its names."""

_LETTERS: Final = ((b"p", PAD), (b"l", LINK), (b"x", PROGRAM))
_TOP: Final = -1


def one_file(length: int, attributes: object) -> Listing:
    """The file of a single-file torrent, from `length` and `attr`."""
    listing = Listing(no_path)
    flags = _flags(attributes)
    if flags & (PAD | LINK):
        raise Malformed("a single file without content")
    listing.add(_length({b"length": length}, flags), flags, mark_of(()))
    return listing


def read_list(reader: Reader) -> Listing:
    """Read `files` of an info dictionary of v1.

    Raises:
        Malformed: Also if there is a file without a path or length, or a link with a length.
    """
    starts = array("Q")

    def path(info: bytes, index: int) -> Path:
        entry = decoded(info[starts[index] : starts[index + 1]])
        assert isinstance(entry, dict)  # noqa: S101 - as it was when it was read
        return tuple(entry.get(b"path", ()))

    listing = Listing(path)
    for _ in reader.items():
        if _read_plain(reader, listing, starts):
            continue
        starts.append(reader.offset)
        entry = reader.decoded(_MOST_ENTRY)
        if not isinstance(entry, dict):
            raise reader.wrong("a file that is no dictionary")
        flags = _flags(entry.get(b"attr", b""))
        listing.add(_length(entry, flags), flags, mark_of(_path(entry, flags)))
    starts.append(reader.offset - 1)
    return listing


def _read_plain(reader: Reader, listing: Listing, starts: array[int]) -> bool:
    """Go past the plain entries that follow, if any; whether there were some.

    Keeps the same of them as decoding each would, in a fifth of the time: whoever opens a first
    file of a torrent waits for all its entries.
    """
    data, at, origin = reader.data, reader.at, reader.origin
    plain, next_name = _PLAIN.match, _NEXT_NAME.match
    tokens = 0
    while found := plain(data, at):
        start = found.end()
        stop = start + int(found[2])
        mark = hash((0, data[start:stop]))
        names = 1
        while not data.startswith(b"ee", stop):
            name = next_name(data, stop) if names < _PLAIN_NAMES else None
            if name is None:
                break
            names += 1
            start = name.end()
            stop = start + int(name[1])
            mark = hash((mark, data[start:stop]))
        else:
            starts.append(at - origin)
            listing.add(int(found[1]), 0, mark)
            at = stop + 2
            tokens += _PLAIN_TOKENS + names
            continue
        break
    reader.at = at
    reader.spend(tokens)
    return tokens > 0


def _path(entry: dict[bytes, object], flags: int) -> list[bytes]:
    path = entry.get(b"path")
    if path is None and flags & PAD:
        return []  # nobody writes it, so some leave it out
    if not isinstance(path, list) or not path or set(map(type, path)) != {bytes}:
        raise Malformed("a path that is no list of byte strings")
    return path


def _length(entry: dict[bytes, object], flags: int) -> int:
    length = entry.get(b"length", 0 if flags & LINK else None)
    if type(length) is not int or not 0 <= length <= MOST_LENGTH:
        raise Malformed("a length that is none")
    if length and flags & LINK:
        # Some clients would count it and others not: every piece behind it would be in two places.
        raise Malformed("a symbolic link with a length")
    return length


def _flags(attributes: object) -> int:
    if type(attributes) is not bytes:
        raise Malformed("attributes that are no byte string")
    if not attributes:
        return 0
    return sum(flag for letter, flag in _LETTERS if letter in attributes)


class _Names:
    """Where names stand in the info dictionary, how long they are, and the directory of each."""

    __slots__ = ("lengths", "parents", "starts")

    def __init__(self) -> None:
        self.starts = array("Q")
        self.lengths = array("Q")
        self.parents = array("q")

    def add(self, start: int, length: int, parent: int) -> int:
        """Append one; its index."""
        self.starts.append(start)
        self.lengths.append(length)
        self.parents.append(parent)
        return len(self.starts) - 1


class _Tree:
    """The names in a `file tree`."""

    def __init__(self) -> None:
        self.dirs = _Names()
        self.files = _Names()

    def path(self, info: bytes, index: int) -> Path:
        """The path of a file."""
        components = []
        names = self.files
        while index != _TOP:
            start = names.starts[index]
            components.append(info[start : start + names.lengths[index]])
            index = names.parents[index]
            names = self.dirs
        return tuple(reversed(components))


def read_tree(reader: Reader) -> Listing:
    """Read `file tree` of an info dictionary of v2.

    Raises:
        Malformed: Also if something is file and directory at once, a file has no length, or
            one that is not empty no root.
    """
    tree = _Tree()
    listing = Listing(tree.path)
    if not reader.took(b"d"):
        raise reader.wrong("a file tree that is no dictionary")
    # Of each directory that is open: its number, its mark, and the last name read in it.
    open_dirs: list[tuple[int, int, bytes]] = [(_TOP, 0, b"")]
    # The bytes of the path down to it.
    sizes = [0]
    while open_dirs:
        if reader.took(b"e"):
            open_dirs.pop()
            sizes.pop()
            continue
        parent, mark, last = open_dirs[-1]
        length = reader.length()
        named = (reader.offset, length, parent)
        name = reader.data[reader.at : reader.at + length]
        reader.at += length
        if sizes[-1] + length > _MOST_PATH:
            raise reader.wrong(f"a path of more than {_MOST_PATH} bytes")
        if name <= last:
            raise reader.wrong("names empty, twice or not in order")
        open_dirs[-1] = (parent, mark, name)
        below = hash((mark, name))
        if reader.took(b"d0:"):
            _read_leaf(reader, listing, below)
            tree.files.add(*named)
        elif not reader.took(b"d"):
            raise reader.wrong("a name in the file tree that is neither file nor directory")
        else:
            number = tree.dirs.add(*named)
            open_dirs.append((number, below, b""))
            sizes.append(sizes[-1] + length)
            if number >= MOST_FILES or len(open_dirs) > MOST_DEPTH:
                raise reader.wrong("too many directories")
    return listing


def _read_leaf(reader: Reader, listing: Listing, mark: int) -> None:
    at_root = NOWHERE
    values: dict[bytes, object] = {}
    for key in reader.members():
        if key == b"pieces root":
            if reader.length() != 32:
                raise reader.wrong("a root that is none")
            at_root = reader.offset
            reader.at += 32
        elif key == b"length":
            values[key] = reader.integer()
        elif key == b"attr":
            values[key] = reader.string()
    if not reader.took(b"e"):
        raise reader.wrong("both file and directory")
    flags = _flags(values.get(b"attr", b""))
    length = _length(values, flags)
    if length and at_root == NOWHERE:
        raise reader.wrong("a file without a root")
    listing.add(length, flags, mark)
    listing.roots.append(at_root if length else NOWHERE)


def roots_for(listed: Listing, tree: Listing, info: bytes, top: Path) -> array[int]:
    """For each file of `listed`, which is v1, the root that `tree` has for it; pad files have none.

    Args:
        top: What paths of `listed` begin with in `tree`: the name, in a single-file torrent.

    Raises:
        Malformed: The two do not list the same files, in the same order (BEP 52).
    """
    others = iter([i for i, flags in enumerate(tree.flags) if not flags & PAD])
    roots = array("Q")
    for index, flags in enumerate(listed.flags):
        if flags & PAD:
            roots.append(NOWHERE)
            continue
        other = next(others, None)
        if (
            other is None
            or listed.lengths[index] != tree.lengths[other]
            or top + listed.path(info, index) != tree.path(info, other)
        ):
            raise Malformed("files of v1 and of v2 that are not the same")
        roots.append(tree.roots[other])
    if next(others, None) is not None:
        raise Malformed("files of v1 and of v2 that are not the same")
    return roots
