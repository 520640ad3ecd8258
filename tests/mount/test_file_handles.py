"""File handles outlive what the kernel remembers, as servers of NFS and SMB expect."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.counting import Counted, counted
from tests.support.mounting import Mount

GROUP = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"
TORRENT = f"{GROUP}/FASTA, Sanger, Contig [1]"
TOP = f"{TORRENT}/files/ADH1 - YOL086C"
PATHS = (
    "",
    "README.txt",
    ".biofs/status.json",
    "categories",
    "categories/Sequences",
    "categories/Sequences/index.jsonl",
    GROUP,
    f"{GROUP}/group.json",
    f"{GROUP}/description.txt",
    f"{GROUP}/comments",
    TORRENT,
    f"{TORRENT}/filelist.jsonl",
    f"{TORRENT}/files",
    TOP,
    f"{TOP}/S288C_YOL086C_ADH1_coding.fsa",
    "tags",
    "tags/one.shot",
    "groups/1",
    "search",
    "comments/1/comments.json",
)
_LARGEST = 128
_AT_FDCWD = -100
_MS_RDONLY, _MS_REMOUNT = 1, 32

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="opening by handle and dropping caches need root"
)

libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    """struct file_handle of open_by_handle_at(2)."""

    _fields_ = (
        ("bytes", ctypes.c_uint),
        ("type", ctypes.c_int),
        ("data", ctypes.c_ubyte * _LARGEST),
    )


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def handle_of(path: Path) -> Handle:
    """The handle of a path; a link's own."""
    handle, mount_id = Handle(bytes=_LARGEST), ctypes.c_int()
    where = os.fsencode(path)
    _checked(
        libc.name_to_handle_at(_AT_FDCWD, where, ctypes.byref(handle), ctypes.byref(mount_id), 0)
    )
    return handle


def open_handle(mount: Mount, handle: Handle, flags: int) -> int:
    """A descriptor for a handle."""
    root = os.open(mount.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _checked(libc.open_by_handle_at(root, ctypes.byref(handle), flags))
    finally:
        os.close(root)


def drop_caches(mount: Mount) -> None:
    """Have the kernel forget the inodes that nobody holds.

    As /proc/sys/vm/drop_caches does, but of this mount alone: a remount drops all names.
    """
    where = os.fsencode(mount.path)
    _checked(libc.mount(b"none", where, None, _MS_REMOUNT | _MS_RDONLY, None))


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Counted]:
    with counted(tmp_path) as case:
        yield case


def seen(descriptor: int) -> object:
    """What a re-export's server shows of an open node: attributes, and entries or content."""
    status = os.fstat(descriptor)
    shown: object = None
    if stat.S_ISDIR(status.st_mode):
        shown = sorted(os.listdir(descriptor))
    elif stat.S_ISLNK(status.st_mode):
        shown = os.readlink("", dir_fd=descriptor)
    return status.st_ino, status.st_mode, status.st_size, shown


def flags_for(path: Path) -> int:
    """How a server opens what is there."""
    if path.is_symlink():
        return os.O_PATH | os.O_NOFOLLOW
    return os.O_RDONLY if path.is_dir() else os.O_PATH


def test_a_handle_opens_after_the_kernel_has_forgotten_the_inode(case: Counted) -> None:
    with case.mount("mnt") as mount:
        found = {}
        for name in PATHS:
            path = mount.path / name
            descriptor = os.open(path, flags_for(path))
            found[name] = handle_of(path), flags_for(path), seen(descriptor)
            os.close(descriptor)
        mount.path.joinpath(f"{GROUP}/group.json").read_bytes()
        drop_caches(mount)
        before = case.server.log.count()
        for name, (handle, flags, shown) in found.items():
            descriptor = open_handle(mount, handle, flags)
            try:
                if not name.endswith("status.json"):
                    assert seen(descriptor) == shown, name
            finally:
                os.close(descriptor)
            drop_caches(mount)
        assert case.server.log.count() == before, "all of it is known"


def test_what_a_handle_opens_can_be_read_and_left_upwards(case: Counted) -> None:
    with case.mount("mnt") as mount:
        document = mount.path / GROUP / "group.json"
        content = document.read_bytes()
        handles = [handle_of(document), handle_of(mount.path / TOP)]
        drop_caches(mount)
        descriptor = open_handle(mount, handles[0], os.O_RDONLY)
        with open(descriptor, "rb") as file:
            assert file.read() == content
        drop_caches(mount)
        descriptor = open_handle(mount, handles[1], os.O_RDONLY | os.O_DIRECTORY)
        try:
            # The kernel finds the way to the root by `..` and the names in the directories above.
            where = os.readlink(f"/proc/self/fd/{descriptor}")
            assert where == os.fspath(mount.path / TOP)
            above = os.open("../..", os.O_RDONLY, dir_fd=descriptor)
            assert "torrent.json" in os.listdir(above)
            os.close(above)
        finally:
            os.close(descriptor)


@pytest.mark.parametrize("kind", [8, 9, 12, 13, 15, 16, 17, 18, 19, 20, 31])
@pytest.mark.parametrize("ident", [0, 4711, (1 << 32) - 1])
def test_a_handle_of_what_is_not_there_is_stale(shared: Mount, kind: int, ident: int) -> None:
    handle = handle_of(shared.path / "categories")
    inode = kind << 58 | ident << 26 | 0x3FFFFFF
    # fuse_encode_fh: the upper and the lower half of the inode number, then the generation.
    words = ctypes.cast(handle.data, ctypes.POINTER(ctypes.c_uint32))
    words[0], words[1] = inode >> 32, inode & 0xFFFFFFFF
    if kind == 20:  # a link to what is not known is found out by who follows it
        os.close(open_handle(shared, handle, os.O_PATH))
        return
    with pytest.raises(OSError, match=os.strerror(errno.ESTALE)):
        open_handle(shared, handle, os.O_PATH)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    with counted(tmp_path_factory.mktemp("handles")) as case, case.mount("mnt") as mount:
        yield mount
