"""Which file goes into which directory: the first half of laying out a torrent."""

from collections.abc import Iterable
from itertools import repeat
from typing import Final, NamedTuple

from biofs.tree.components import all_holdable, free_stand_in, is_holdable
from biofs.tree.filelist import MAX_LENGTH, Entry

MAX_DEPTH: Final = 128
"""The most components of a path below the top directory. What is deeper becomes one name."""


class Settled(NamedTuple):
    """A directory's children in the order of their names' bytes.

    Attributes:
        names: Their names: holdable and different.
        sizes: Their sizes in bytes, 0 to 2**63 - 1; 0 for a directory.
        directories: Those that are directories, with their index in ``names``.
    """

    names: list[str]
    sizes: list[int]
    directories: list[tuple[int, "Directory"]]


class Directory:
    """What a directory of a torrent is to hold, by the names the torrent gives."""

    __slots__ = ("directories", "extras", "files")

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        """The files' sizes in bytes by name."""
        self.extras: list[tuple[str, int]] = []
        """Further files with a name that is in ``files`` already."""
        self.directories: dict[str, Directory] = {}

    def settled(self) -> Settled:
        """Give every child a name that can be held and that no other has.

        Names that can be held come first: they are kept, a directory's before a file's. Stand-ins
        then take what is free, for directories, then for files, in the order of the file list.
        """
        files, directories = self.files, self.directories
        if self.extras or not all_holdable(files) or not self._directories_fit():
            files, directories = self._renamed()
        # UTF-8 sorts as its code points do.
        names = sorted([*files, *directories] if directories else files)
        sizes = list(map(files.get, names, repeat(0)))
        if sizes and (min(sizes) < 0 or max(sizes) > MAX_LENGTH):
            sizes = [min(max(size, 0), MAX_LENGTH) for size in sizes]
        inner: list[tuple[int, Directory]] = []
        if directories:
            inner = [(i, directories[name]) for i, name in enumerate(names) if name in directories]
        return Settled(names, sizes, inner)

    def _directories_fit(self) -> bool:
        return not self.directories or (
            all_holdable(self.directories) and self.files.keys().isdisjoint(self.directories)
        )

    def _renamed(self) -> tuple[dict[str, int], dict[str, "Directory"]]:
        directories = {name: inner for name, inner in self.directories.items() if is_holdable(name)}
        files = {
            name: size
            for name, size in self.files.items()
            if name not in directories and is_holdable(name)
        }
        odd_directories = [item for item in self.directories.items() if item[0] not in directories]
        odd_files = [item for item in self.files.items() if item[0] not in files]
        taken = {*directories, *files}
        numbers: dict[tuple[str, str], int] = {}
        for name, directory in odd_directories:
            free = free_stand_in(name, taken, numbers)
            taken.add(free)
            directories[free] = directory
        for name, size in (*odd_files, *self.extras):
            free = free_stand_in(name, taken, numbers)
            taken.add(free)
            files[free] = size
        return files, directories


def plan(entries: Iterable[Entry], file_path: str, max_nodes: int) -> tuple[Directory, bool]:
    """Put every file into its directory.

    Leading slashes of a path count for nothing. ``file_path`` is one name, whatever is in it; it
    becomes a directory if there is a file to put into it.

    Args:
        entries: The files.
        file_path: The torrent's top directory, HTML decoded; ``""`` for none.
        max_nodes: The most directories and files to plan, with the ``files`` directory.

    Returns:
        The ``files`` directory, and whether entries had to be left out.
    """
    top = Directory()
    known = {"": top}
    room = max_nodes - (2 if file_path else 1)
    truncated = False
    for index, (path, length) in enumerate(entries):
        head, _, name = path.rpartition("/")
        directory = known.get(head)
        if directory is None:
            *parents, name = path.lstrip("/").split("/", MAX_DEPTH - 1)
            missing = _missing(top, parents)
            if index + missing >= room:
                truncated = True
                break
            room -= missing
            directory = top
            for parent in parents:
                directory = directory.directories.setdefault(parent, Directory())
            if "/" not in name:
                known[head] = directory
        if index >= room:
            truncated = True
            break
        files = directory.files
        if name in files:
            directory.extras.append((name, length))
        else:
            files[name] = length
    if not file_path or not (top.files or top.directories):
        return top, truncated
    root = Directory()
    root.directories[file_path] = top
    return root, truncated


def _missing(directory: Directory, parents: list[str]) -> int:
    for depth, parent in enumerate(parents):
        child = directory.directories.get(parent)
        if child is None:
            return len(parents) - depth
        directory = child
    return 0
