"""The one tree that every system serves, and the forms in which the peers want it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from biofs.settings.load import load
from biofs.store.database.files import store_path
from scripts.benchmarks.making import sources
from scripts.benchmarks.making.filling import fill
from scripts.benchmarks.peers import programs

CATEGORY: Final = "Sequences"
LARGE: Final = "Graphs"


@dataclass(frozen=True)
class Size:
    """How large it is: groups of two directories each; entries of the large directory; lines of
    the large file."""

    groups: int
    directory_entries: int
    file_entries: int


@dataclass(frozen=True)
class Tree:
    """Where everything lies: `root` is the tree itself, on tmpfs; `cache` biofs's store."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "tree"

    @property
    def cache(self) -> Path:
        return self.base / "cache"

    @property
    def tar(self) -> Path:
        return self.base / "tree.tar"

    @property
    def squashfs(self) -> Path:
        return self.base / "tree.squashfs"

    @property
    def large_directory(self) -> str:
        """The large directory's path in the tree."""
        return next(path for path in self._large() if path.endswith("/files"))

    @property
    def large_file(self) -> str:
        """The large file's path in the tree."""
        paths = [path for path in self._large() if path.endswith("/filelist.jsonl")]
        return max(paths, key=lambda path: (self.root / path).stat().st_size)

    def _large(self) -> Iterator[str]:
        for path in sorted((self.root / LARGE).glob("*/*/*")):
            yield str(path.relative_to(self.root))

    def entries(self) -> Iterator[tuple[str, os.stat_result]]:
        """The paths in the category, in the order in which a walk meets them, and their stats."""
        for path in walk(self.root / CATEGORY):
            yield str(path.relative_to(self.root)), path.lstat()


def walk(directory: Path) -> Iterator[Path]:
    """A directory and all in it, a directory before what it holds; links are not followed."""
    yield directory
    with os.scandir(directory) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in found:
        if is_directory:
            yield from walk(directory / name)
        else:
            yield directory / name


def store_of(cache: Path, url: str, token: str) -> Path:
    """The store that a mount of `url` with `token` finds in `cache`."""
    settings = load(
        {"url": url, "cache_dir": str(cache)}, {"BIOFS_TOKEN": token}, Path("/nonexistent")
    )
    path = store_path(settings)
    assert path is not None
    return path


def fill_store(cache: Path, url: str, token: str, size: Size, say: Callable[[int], None]) -> Path:
    """Make the store that a mount of `url` with `token` finds in `cache`; its path."""
    path = store_of(cache, url, token)
    large = sources.large_groups(size.directory_entries, size.file_entries)
    fill(path, chain(sources.tree_groups(size.groups), large), say)
    return path


def copy_out(mounted: Path, tree: Tree) -> None:
    """Copy biofs's tree from its mount, names, bytes, links and times; read-only, as it is there.

    In `files/` there are files without content, as large as they say. The `files/` that goes with
    the large file is left empty: it is not measured.
    """
    for category in (CATEGORY, LARGE):
        for path, directories, names in os.walk(mounted / category):
            target = tree.root / os.path.relpath(path, mounted)
            target.mkdir(parents=True, exist_ok=True)
            if target.name == "files" and sources.LARGE_FILE_NAME in path:
                directories.clear()
                continue
            for name in chain(names, directories):
                _copy(Path(path, name), target / name)
    _copy_times(mounted, tree.root)


def _copy(source: Path, target: Path) -> None:
    about = source.lstat()
    if stat.S_ISLNK(about.st_mode):
        target.symlink_to(source.readlink())
    elif stat.S_ISDIR(about.st_mode):
        target.mkdir()
    elif "/files/" in str(source):
        target.touch()
        os.truncate(target, about.st_size)
    else:
        target.write_bytes(source.read_bytes())


def _copy_times(mounted: Path, root: Path) -> None:
    """Last of all and from below: making what a directory holds changes its own time."""
    for path, directories, names in os.walk(root, topdown=False):
        for name in chain(directories, names):
            target = Path(path, name)
            about = (mounted / target.relative_to(root)).lstat()
            os.utime(target, ns=(about.st_mtime_ns, about.st_mtime_ns), follow_symlinks=False)
            if not stat.S_ISLNK(about.st_mode):
                target.chmod(stat.S_IMODE(about.st_mode), follow_symlinks=True)


def make_tar(tree: Tree) -> None:
    """The tree as a tar archive, uncompressed."""
    programs.run("tar", "-C", str(tree.root), "-cf", str(tree.tar), ".")


def make_squashfs(tree: Tree) -> None:
    """The tree as an image, as mksquashfs makes it by default."""
    programs.run("mksquashfs", str(tree.root), str(tree.squashfs), "-quiet", "-no-progress")
