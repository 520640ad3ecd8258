"""The floor: a bare pyfuse3 file system of a directory's tree, held in memory.

`python -m scripts.benchmarks.processes.floor [OPTION]... DIRECTORY MOUNTPOINT`. It does what
pyfuse3 asks of a file system and nothing else: one EntryAttributes is filled again and again,
offsets in a listing are places in a list, extended attributes are ENOSYS, the kernel may keep
everything for an hour. With --closely it waits for requests as biofs does
(`biofs.mount.kernel.busy_poll`), and not as pyfuse3 does by itself. With --through it holds no
contents: it reads from the directory what it is asked for. With --late=MICROSECONDS it takes so
long for each lookup, open and read.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pyfuse3
import trio
from pyfuse3 import FileHandleT, FileNameT, FlagT, InodeT

from biofs.mount.kernel import busy_poll

KEEP: Final = 3600.0  # seconds


_NONE: Final[list[tuple[bytes, int]]] = []
_NOBODY: Final[dict[bytes, int]] = {}


class Node(NamedTuple):
    """A file, directory or link: what stat tells, and what it holds, or a file's path."""

    inode: int
    mode: int
    size: int
    mtime_ns: int
    content: bytes
    entries: list[tuple[bytes, int]]
    names: dict[bytes, int]


class Tree:
    """A directory's tree, each node at its inode number minus 1; with the paths of files in place
    of their contents if it is for `Through`."""

    def __init__(self, root: Path, *, through: bool = False) -> None:
        self.nodes: list[Node] = []
        self._through: Final = through
        self._add(os.fsencode(root), pyfuse3.ROOT_INODE, pyfuse3.ROOT_INODE)

    def _add(self, path: bytes, inode: int, parent: int) -> None:
        about = os.lstat(path)
        content = b""
        if stat.S_ISREG(about.st_mode) and self._through:
            content = path
        elif stat.S_ISREG(about.st_mode) and about.st_size:
            content = Path(os.fsdecode(path)).read_bytes()
        elif stat.S_ISLNK(about.st_mode):
            content = os.readlink(path)
        directory = stat.S_ISDIR(about.st_mode)
        # Bits of writing would be lies; and a directory's own size is the other's affair.
        mode = about.st_mode & ~0o222
        size = 0 if directory else about.st_size
        if not directory:
            self.nodes.append(Node(inode, mode, size, about.st_mtime_ns, content, _NONE, _NOBODY))
            return
        node = Node(inode, mode, size, about.st_mtime_ns, content, [], {})
        self.nodes.append(node)
        node.entries.extend([(b".", inode), (b"..", parent)])
        # In the directory's own order.
        for name in os.listdir(path):
            child = len(self.nodes) + 1
            self._add(os.path.join(path, name), child, inode)
            node.entries.append((name, child))
            node.names[name] = child


class Floor(pyfuse3.Operations):
    """See the module."""

    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self._nodes: Final = tree.nodes
        self._file: Final = pyfuse3.FileInfo(fh=FileHandleT(0), keep_cache=True)
        entry = self._entry = pyfuse3.EntryAttributes()
        entry.generation = 0
        entry.st_uid, entry.st_gid = os.getuid(), os.getgid()
        entry.st_blksize, entry.st_rdev, entry.st_nlink = 4096, 0, 1
        entry.entry_timeout = entry.attr_timeout = KEEP

    def _fill(self, inode: int) -> pyfuse3.EntryAttributes:
        entry = self._entry
        number, mode, size, mtime_ns, _, _, _ = self._nodes[inode - 1]
        entry.st_ino = InodeT(number)
        entry.st_mode = pyfuse3.ModeT(mode)
        entry.st_size = size
        entry.st_blocks = (size + 511) // 512
        entry.st_mtime_ns = entry.st_ctime_ns = entry.st_atime_ns = mtime_ns
        return entry

    async def lookup(
        self, parent_inode: InodeT, name: FileNameT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        return self._fill(self._nodes[parent_inode - 1].names.get(name) or self._absent())

    def _absent(self) -> int:
        raise pyfuse3.FUSEError(errno.ENOENT)

    async def getattr(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        return self._fill(inode)

    async def readlink(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> FileNameT:
        return FileNameT(self._nodes[inode - 1].content)

    async def opendir(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> FileHandleT:
        return FileHandleT(inode)

    async def readdir(self, fh: FileHandleT, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        entries, fill, reply = self._nodes[fh - 1].entries, self._fill, pyfuse3.readdir_reply
        for place in range(start_id, len(entries)):
            name, inode = entries[place]
            if not reply(token, FileNameT(name), fill(inode), place + 1):
                return

    async def releasedir(self, fh: FileHandleT) -> None:
        return

    async def open(
        self, inode: InodeT, flags: FlagT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.FileInfo:
        self._file.fh = FileHandleT(inode)
        return self._file

    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        return self._nodes[fh - 1].content[off : off + size]

    async def flush(self, fh: FileHandleT) -> None:
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def release(self, fh: FileHandleT) -> None:
        return

    def forget(self, inode_list: Sequence[tuple[InodeT, int]]) -> None:  # type: ignore[override]
        return

    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        data = pyfuse3.StatvfsData()
        data.f_namemax = 255
        return data

    async def getxattr(self, inode: InodeT, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def listxattr(self, inode: InodeT, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        raise pyfuse3.FUSEError(errno.ENOSYS)


class Through(Floor):
    """Reads what it is asked for from the files themselves."""

    async def open(
        self, inode: InodeT, flags: FlagT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.FileInfo:
        self._file.fh = FileHandleT(os.open(self._nodes[inode - 1].content, os.O_RDONLY))
        return self._file

    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        return os.pread(fh, size, off)

    async def release(self, fh: FileHandleT) -> None:
        os.close(fh)


class Late(Floor):
    """Answers after `seconds` at the soonest, as if it had something to do."""

    def __init__(self, tree: Tree, seconds: float) -> None:
        super().__init__(tree)
        self._seconds: Final = seconds

    async def lookup(
        self, parent_inode: InodeT, name: FileNameT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.EntryAttributes:
        self._wait()
        return await super().lookup(parent_inode, name, ctx)

    async def open(
        self, inode: InodeT, flags: FlagT, ctx: pyfuse3.RequestContext
    ) -> pyfuse3.FileInfo:
        self._wait()
        return await super().open(inode, flags, ctx)

    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        self._wait()
        return await super().read(fh, off, size)

    def _wait(self) -> None:
        end = time.perf_counter() + self._seconds
        while time.perf_counter() < end:
            pass


def main() -> None:
    """The program; ends when it is unmounted."""
    *options_given, directory, mountpoint = sys.argv[1:]
    through = "--through" in options_given
    late = [float(each[7:]) for each in options_given if each.startswith("--late=")]
    tree = Tree(Path(directory), through=through)
    if late:
        operations: Floor = Late(tree, late[-1] / 1e6)
    else:
        operations = Through(tree) if through else Floor(tree)
    gc.collect()
    gc.freeze()
    options = set(pyfuse3.default_options) | {"ro", "default_permissions", "fsname=floor"}
    pyfuse3.init(operations, mountpoint, options)
    if "--closely" in options_given:
        busy_poll.look_closely()
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close()


if __name__ == "__main__":
    main()
