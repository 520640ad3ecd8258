"""Nothing can be written: every call of docs/system-calls.md answers what the table says."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.faults.faults_support import GROUP
from tests.support.mounting import Mount, mounted

TABLE = Path("docs/system-calls.md").absolute()
ROW = re.compile(r"^\| (`.+) \| (\S+) \| ([\w ]+) \|$", re.MULTILINE)
FILE, DIRECTORY, NEW = "README.txt", "categories", "new"
VIRTUAL = f"{GROUP}/FASTA, Sanger, Contig [1]/files/ADH1 - YOL086C/S288C_YOL086C_ADH1_coding.fsa"
AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FICLONE = 0x80086601, 0x40086602, 0x40049409
MS_REMOUNT = 32

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    """A function of the C library that has none in Python."""
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


class Calls:
    """The calls, by the words of the table. The current directory is the mount."""

    def __init__(self, other: IO[bytes]) -> None:
        self._other = other.fileno()

    def _open(self, flags: int, path: str = FILE) -> Callable[[], None]:
        return lambda: os.close(os.open(path, flags))

    def _on_file(self, use: Callable[[int], object]) -> Callable[[], object]:
        def run() -> object:
            descriptor = os.open(FILE, os.O_RDONLY)
            try:
                return use(descriptor)
            finally:
                os.close(descriptor)

        return run

    def by_name(self) -> dict[str, Callable[[], object]]:
        """All of them."""
        return {**self._by_path(), **self._by_descriptor()}

    def _by_path(self) -> dict[str, Callable[[], object]]:
        def renameat2(flags: int) -> None:
            call("renameat2", AT_FDCWD, FILE.encode(), AT_FDCWD, DIRECTORY.encode(), flags)

        def bind() -> None:
            with socket.socket(socket.AF_UNIX) as unbound:
                unbound.bind(NEW)

        return {
            "`open(O_WRONLY)`": self._open(os.O_WRONLY),
            "`open(O_RDWR)`": self._open(os.O_RDWR),
            r"`open(O_RDONLY \| O_TRUNC)`": self._open(os.O_TRUNC),
            r"`open(O_WRONLY \| O_APPEND)`": self._open(os.O_WRONLY | os.O_APPEND),
            "`open(O_CREAT)`": self._open(os.O_CREAT, NEW),
            r"`open(O_CREAT \| O_EXCL)` of what is there": self._open(os.O_CREAT | os.O_EXCL),
            "`open(O_TMPFILE)`": self._open(os.O_TMPFILE | os.O_RDWR, "."),
            "`open` below `files/`": self._open(os.O_RDONLY, VIRTUAL),
            "`creat`": self._open(os.O_CREAT | os.O_WRONLY | os.O_TRUNC, NEW),
            "`mkdir`": lambda: os.mkdir(NEW),
            "`mknod`": lambda: os.mknod(NEW),
            "`mkfifo`": lambda: os.mkfifo(NEW),
            "`bind` of a socket": bind,
            "`symlink`": lambda: os.symlink(FILE, NEW),
            "`link`": lambda: os.link(FILE, NEW),
            "`unlink`": lambda: os.unlink(FILE),
            "`rmdir`": lambda: os.rmdir(DIRECTORY),
            "`rename`": lambda: os.rename(FILE, NEW),
            "`renameat2(RENAME_NOREPLACE)`": lambda: call(
                "renameat2", AT_FDCWD, FILE.encode(), AT_FDCWD, NEW.encode(), RENAME_NOREPLACE
            ),
            "`renameat2(RENAME_EXCHANGE)`": lambda: renameat2(RENAME_EXCHANGE),
            "`truncate`": lambda: os.truncate(FILE, 0),
            "`chmod`": lambda: os.chmod(FILE, 0o666),
            "`chown`": lambda: os.chown(FILE, 1, 1),
            "`utimensat`": lambda: os.utime(FILE),
            "`setxattr`": lambda: os.setxattr(FILE, "user.x", b""),
            "`removexattr`": lambda: os.removexattr(FILE, "user.x"),
            "`getxattr`": lambda: os.getxattr(FILE, "user.x"),
            "`listxattr`": lambda: os.listxattr(FILE),
            "`readlink` of a file": lambda: os.readlink(FILE),
            "`access(W_OK)`": lambda: call("access", FILE.encode(), os.W_OK),
            "`acct`": lambda: call("acct", FILE.encode()),
            "`swapon`": lambda: call("swapon", FILE.encode(), 0),
        }

    def _by_descriptor(self) -> dict[str, Callable[[], object]]:
        def mapped(flags: int) -> Callable[[int], None]:
            return lambda fd: mmap.mmap(fd, 10, flags, mmap.PROT_READ | mmap.PROT_WRITE).close()

        def flags(request: int) -> Callable[[int], object]:
            return lambda fd: fcntl.ioctl(fd, request, b"\0" * 8)

        def spliced(descriptor: int) -> None:
            reading, writing = os.pipe()
            try:
                os.write(writing, b"x")
                os.splice(reading, descriptor, 1)
            finally:
                os.close(reading)
                os.close(writing)

        uses: dict[str, Callable[[int], object]] = {
            "`fchmod`": lambda fd: os.fchmod(fd, 0o666),
            "`futimens`": os.utime,
            "`ioctl(FS_IOC_SETFLAGS)`": flags(FS_IOC_SETFLAGS),
            "`ioctl(FS_IOC_GETFLAGS)`": flags(FS_IOC_GETFLAGS),
            "`write`": lambda fd: os.write(fd, b"x"),
            "`pwrite`": lambda fd: os.pwrite(fd, b"x", 0),
            "`ftruncate`": lambda fd: os.ftruncate(fd, 0),
            "`fallocate`": lambda fd: os.posix_fallocate(fd, 0, 10),
            "`copy_file_range` into it": lambda fd: os.copy_file_range(self._other, fd, 3, 0),
            "`sendfile` into it": lambda fd: os.sendfile(fd, self._other, 0, 3),
            "`splice` into it": spliced,
            "`mmap(MAP_SHARED, PROT_WRITE)`": mapped(mmap.MAP_SHARED),
            "`mmap(MAP_PRIVATE, PROT_WRITE)`": mapped(mmap.MAP_PRIVATE),
            "`ioctl(FICLONE)` into it": lambda fd: fcntl.ioctl(fd, FICLONE, self._other),
            "`fsync`": os.fsync,
            "`syncfs`": lambda fd: call("syncfs", fd),
            "`flock`": lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
            "`fcntl(F_SETLK, F_RDLCK)`": lambda fd: fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB),
        }
        return {name: self._on_file(use) for name, use in uses.items()}


def answers() -> dict[str, str]:
    """What each call answers."""
    with tempfile.TemporaryFile() as other:
        other.write(b"abc")
        other.flush()
        return {name: answer(run) for name, run in Calls(other).by_name().items()}


def answer(run: Callable[[], object]) -> str:
    """The name of the errno with which a call fails."""
    try:
        run()
    except OSError as error:
        # Two names for one number: Python's table has the other one.
        return errno.errorcode[error.errno or 0].replace("ENOTSUP", "EOPNOTSUPP")
    return "success"


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    with mounted(tmp_path, "--demo") as mount:
        yield mount


def state(mount: Mount) -> list[object]:
    """What a write would have changed."""
    file = os.stat(mount.path / FILE)
    names = sorted(os.listdir(mount.path))
    return [names, file.st_size, file.st_mode, file.st_uid, file.st_mtime_ns]


def rows() -> list[tuple[str, str, str]]:
    found = ROW.findall(TABLE.read_text())
    assert len(found) > 40
    return found


def test_every_call_answers_what_the_table_says(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(mount)
    with monkeypatch.context() as here:
        here.chdir(mount.path)
        assert answers() == {name: expected for name, expected, _ in rows()}
    assert state(mount) == before
    assert os.statvfs(mount.path).f_flag & os.ST_RDONLY


def test_remounted_writable_by_root_it_stays_as_it_is(
    mount: Mount, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(mount)
    call("mount", b"none", os.fsencode(mount.path), None, MS_REMOUNT, None)
    with monkeypatch.context() as here:
        here.chdir(mount.path)
        found = answers()
    assert found == {name: expected.removesuffix(" for root") for name, _, expected in rows()}
    assert state(mount) == before
