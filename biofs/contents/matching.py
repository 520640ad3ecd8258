"""Which file of a torrent's metainfo each file of the catalogue's tree is.

The catalogue has the names as texts, in an order of its own, some of them damaged; the metainfo has
the bytes. Both are laid out by the same rules and compared. Nothing depends on a match for being
verified: a wrong one would show verified bytes under the wrong name.
"""

from __future__ import annotations

import threading
from abc import abstractmethod
from array import array
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, overload

from biofs.contents.disk import places
from biofs.contents.disk.beneath import Components
from biofs.contents.rules import Unverified
from biofs.tree.filelist import Entry
from biofs.tree.layout import FileTree
from biofs.tree.metainfo import Metainfo
from biofs.tree.torrentfiles import File

NONE: Final = -1
_ROOT: Final = 0
_UNKNOWN: Final = -2
_LOST: Final = "\ufffd".encode()
"""Stands for bytes that were no UTF-8."""


class Listed(NamedTuple):
    """A torrent as the catalogue knows it."""

    info_hash: str
    """In hexadecimal digits."""
    tree: FileTree

    @property
    def single(self) -> bool:
        """Whether it is a single file."""
        return len(self.tree) == 2 and not self.tree.is_dir(1)

    @property
    def name(self) -> bytes:
        """What its data are called on a disk, unless biofs had to change the name; b"" for none."""
        return self.tree.name(1) if len(self.tree.children(_ROOT)) == 1 else b""

    def path(self, node: int) -> tuple[bytes, ...]:
        """Where a file lies below what `name` names; () if that is itself the file."""
        return tuple(self.tree.path(node).split(b"/"))[1:]


class _MadeWhenAsked(Sequence[places.File]):
    """Files of a torrent, each made when it is asked for: there may be a million."""

    @abstractmethod
    def _file(self, index: int) -> places.File: ...

    @overload
    def __getitem__(self, index: int) -> places.File: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[places.File]: ...
    def __getitem__(self, index: int | slice) -> places.File | Sequence[places.File]:
        if isinstance(index, slice):
            return [self._file(each) for each in range(*index.indices(len(self)))]
        return self._file(index)


class ListedFiles(_MadeWhenAsked):
    """The files of a tree with their lengths."""

    def __init__(self, listed: Listed) -> None:
        """Takes a tenth of a second for a million files."""
        self._listed = listed
        tree = listed.tree
        self._nodes = array("I", (node for node in range(len(tree)) if not tree.is_dir(node)))

    def __len__(self) -> int:
        return len(self._nodes)

    def _file(self, index: int) -> places.File:
        node = self._nodes[index]
        return self._listed.path(node), self._listed.tree.size(node)


class MetainfoFiles(_MadeWhenAsked):
    """The same of a metainfo; what must not be opened has a name that is nowhere."""

    def __init__(self, metainfo: Metainfo) -> None:
        self._files = metainfo.files

    def __len__(self) -> int:
        return len(self._files)

    def _file(self, index: int) -> places.File:
        file = self._files[index]
        return (file.path if file.servable else (b"",)), file.length


class Indexes(Sequence[int]):
    """What `match` gives, of each node found out when it is asked for: of few nodes in little time.

    May be used by several threads at once.
    """

    def __init__(self, listed: Listed, metainfo: Metainfo) -> None:
        self._listed: Final = listed
        self._metainfo: Final = metainfo
        self._found = array("i", [_UNKNOWN]) * len(listed.tree)
        self._matched = False
        self._lock: Final = threading.Lock()

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        if isinstance(index, slice):
            return [self._index(each) for each in range(*index.indices(len(self)))]
        return self._index(index)

    def with_path_at_once(self, node: int) -> tuple[int, Components] | None:
        """That of a node, and the path of the file, if it takes no time; None also for a file that
        may not be looked for. For the event loop."""
        index, files = self._found[node], self._metainfo.files
        if index == _UNKNOWN:
            found = _find(self._listed, self._metainfo, node) if files.finds_at_once else None
            if found is not None:
                self._found[node] = found[0]
            return found
        path = files.servable_path(index) if index >= 0 else None
        return None if path is None else (index, path)

    def all(self) -> array[int]:
        """Those of all nodes. For who needs many: takes as long as `match`."""
        with self._lock:
            if not self._matched:
                self._found = match(self._listed, self._metainfo)
                self._matched = True
            return self._found

    def _index(self, node: int) -> int:
        index = self._found[node]
        if index != _UNKNOWN:
            return index
        found = find(self._listed, self._metainfo, node)
        if found is None:
            return self.all()[node]
        self._found[node] = found
        return found


class Local(NamedTuple):
    """A torrent whose metainfo is known."""

    metainfo: Metainfo
    indexes: Indexes
    """For each node of the catalogue's tree, the index of its file in the metainfo; -1 for none.
    To find that out takes a moment, and for odd names a look at all files."""
    source: str
    """Where the metainfo comes from: "file" or "server"."""

    def files_of(self, nodes: Iterable[int]) -> list[int]:
        """Which files of the metainfo some nodes are, without those that are none. For a thread."""
        return [index for index in map(self.indexes.__getitem__, nodes) if index >= 0]

    def wanted(self, node: int) -> tuple[int, File]:
        """Which file of the metainfo a node is. Raises Unverified if it may not be looked for.

        For a thread, unless `indexes` has it at once.
        """
        index = self.indexes[node]
        if index < 0 or not (file := self.metainfo.files[index]).servable:
            raise Unverified
        return index, file


def find(listed: Listed, metainfo: Metainfo, node: int) -> int | None:
    """The index of a file in the metainfo that has its path, byte for byte, and its length; None if
    only `match` can tell.

    For this, nobody has to look at every name of a torrent, of which one file is opened.
    """
    found = _find(listed, metainfo, node)
    return None if found is None else found[0]


def _find(listed: Listed, metainfo: Metainfo, node: int) -> tuple[int, Components] | None:
    """As `find`, with the path."""
    tree = listed.tree
    if metainfo.single or tree.is_dir(node) or len(tree.children(_ROOT)) != 1 or not tree.is_dir(1):
        return None
    whole = tree.path(node)
    if _LOST in whole:
        return None  # several may look like this
    path = tuple(whole.split(b"/")[1:])
    index = metainfo.files.find(path)
    if index is None or metainfo.files.length(index) != tree.size(node):
        return None
    return index, path


def match(listed: Listed, metainfo: Metainfo) -> array[int]:
    """For each node of the tree, the index of its file in the metainfo; -1 if it cannot be told.

    A file is known by its path and length; what is left over by a length that only one has. Takes
    seconds for a million files.
    """
    found = array("i", [NONE]) * len(listed.tree)
    left = _by_path(listed.tree, metainfo, found)
    others = [
        node for node, index in enumerate(found) if index == NONE and not listed.tree.is_dir(node)
    ]
    if others and left:
        _by_length(listed.tree, metainfo, found, others, left)
    return found


def _by_path(tree: FileTree, metainfo: Metainfo, found: array[int]) -> list[int]:
    """Match what has the same path and length; return the files that are left over."""
    # Laid out with indexes for lengths: these do not change the layout.
    same = FileTree.build(_entries(metainfo), "" if metainfo.single else _text((metainfo.name,)))
    left = {index for index, file in enumerate(metainfo.files) if file.servable}
    pairs = deque([(_ROOT, _ROOT)])
    if len(tree.children(_ROOT)) == 1 and not metainfo.single:
        pairs = deque([(1, 1)])  # the top, whose name may be damaged
    while pairs:
        here, there = pairs.popleft()
        for node in tree.children(here):
            other = same.find(there, tree.name(node))
            if other is None or tree.is_dir(node) != same.is_dir(other):
                continue
            if tree.is_dir(node):
                pairs.append((node, other))
                continue
            index = same.size(other)
            if index in left and metainfo.files[index].length == tree.size(node):
                found[node] = index
                left.discard(index)
    return sorted(left)


def _entries(metainfo: Metainfo) -> Iterator[Entry]:
    for index, file in enumerate(metainfo.files):
        if not file.pad:
            yield Entry(_text((metainfo.name,) if metainfo.single else file.path), index)


def _by_length(
    tree: FileTree,
    metainfo: Metainfo,
    found: array[int],
    others: Sequence[int],
    left: Sequence[int],
) -> None:
    files = _only((metainfo.files[index].length, index) for index in left)
    for length, node in _only((tree.size(node), node) for node in others).items():
        found[node] = files.get(length, NONE)


def _only(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Those whose first number no other has."""
    grouped: dict[int, list[int]] = defaultdict(list)
    for number, which in pairs:
        grouped[number].append(which)
    return {number: which[0] for number, which in grouped.items() if len(which) == 1}


def _text(parts: Iterable[bytes]) -> str:
    """A path as the server has it: what is no UTF-8 is lost there."""
    return "/".join(part.decode("utf-8", "replace") for part in parts)
