"""Files are opened beneath a data directory, and nothing else is."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofs.contents.disk import beneath
from biofs.contents.disk.beneath import DataDirectory
from tests.unit.contents.contents_support import bind, promptly, silent_fuse, tmpfs

SECRET = b"outside"


def _no_openat2(_directory: int, _path: bytes, _flags: int, *, cached: bool = False) -> int:
    raise OSError(errno.ENOSYS, "no such call")


@pytest.fixture(autouse=True, params=["in one call", "step by step"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "step by step":
        monkeypatch.setattr(beneath, "open_beneath", _no_openat2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "reads.bam").write_bytes(b"bam")
    (folder / "top.bin").write_bytes(b"top")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "reads.bam").write_bytes(SECRET)
    return folder


def read(directory: DataDirectory, *components: bytes) -> bytes:
    descriptor = promptly(directory.open, components)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


def assert_not_there(directory: DataDirectory, *components: bytes) -> None:
    for method in (directory.open, directory.status):
        with pytest.raises(FileNotFoundError):
            promptly(method, components)


def test_a_file_is_opened_for_reading_only(data: Path) -> None:
    directory = DataDirectory(data)
    assert read(directory, b"a", b"b", b"reads.bam") == b"bam"
    assert read(directory, b"top.bin") == b"top"
    descriptor = directory.open([b"top.bin"])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(descriptor, b"x")
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_its_status_is_that_of_the_file(data: Path) -> None:
    status = DataDirectory(os.fsencode(data)).status([b"a", b"b", b"reads.bam"])
    assert os.path.samestat(status, os.stat(data / "a" / "b" / "reads.bam"))
    assert status.st_size == 3


def test_reading_leaves_the_time_of_access(data: Path) -> None:
    os.utime(data / "top.bin", (1, 2))
    read(DataDirectory(data), b"top.bin")
    assert os.stat(data / "top.bin").st_atime == 1


def test_a_link_is_not_there_wherever_it_stands(data: Path, tmp_path: Path) -> None:
    directory = DataDirectory(data)
    for target in (tmp_path / "outside", data / "a" / "b", Path("../../outside"), Path("b")):
        link = data / "a" / "link"
        link.symlink_to(target)
        assert_not_there(directory, b"a", b"link", b"reads.bam")
        link.unlink()
    (data / "first").symlink_to(data / "a")
    assert_not_there(directory, b"first", b"b", b"reads.bam")
    for target in ("top.bin", "../outside/reads.bam", "/etc/passwd", "missing", "last"):
        (data / "last").symlink_to(target)
        assert_not_there(directory, b"last")
        (data / "last").unlink()


def test_the_data_directory_itself_may_be_a_link(data: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(data)
    assert read(DataDirectory(tmp_path / "current"), b"top.bin") == b"top"


@pytest.mark.parametrize(
    "components",
    [
        [],
        [b""],
        [b"."],
        [b".."],
        [b"..", b"outside", b"reads.bam"],
        [b"a", b"..", b"top.bin"],
        [b"a", b".", b"b", b"reads.bam"],
        [b"a", b"", b"b", b"reads.bam"],
        [b"a/b/reads.bam"],
        [b"a", b"b/reads.bam"],
        [b"/etc/passwd"],
        [b"top.bin\0"],
        [b"top.bin", b"x"],
        [b"top.bin", b""],
        [b"x" * 5000],
        [b"x" * 5000, b"y"],
        [b"missing"],
        [b"missing", b"y"],
        [b"a"],
        [b"a", b"b"],
    ],
)
def test_what_is_no_file_is_not_there(data: Path, components: list[bytes]) -> None:
    assert_not_there(DataDirectory(data), *components)


def test_pipes_and_sockets_are_never_opened(data: Path) -> None:
    os.mkfifo(data / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(data)  # the path of a socket has at most 107 bytes
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
        assert_not_there(DataDirectory(data), b"pipe")
        assert_not_there(DataDirectory(data), b"socket")


def test_a_device_is_never_opened(data: Path) -> None:
    try:
        os.mknod(data / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices cannot be made here")
    assert_not_there(DataDirectory(data), b"zero")


def test_a_file_that_becomes_a_pipe_or_a_link_meanwhile_is_not_followed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fstat
    path = data / "top.bin"

    def swapping(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        path.unlink()
        os.mkfifo(path)
        monkeypatch.setattr(os, "fstat", real)
        return status

    monkeypatch.setattr(os, "fstat", swapping)
    assert read(DataDirectory(data), b"top.bin") == b"top"  # the file that was found
    assert_not_there(DataDirectory(data), b"top.bin")


def test_a_directory_replaced_by_a_link_while_in_it_leads_nowhere_else(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def swapping(path: object, flags: int, **more: int) -> int:
        descriptor = real(path, flags, **more)  # type: ignore[arg-type, call-overload]
        if path == b"b":
            (data / "a" / "b").rename(tmp_path / "moved")
            (data / "a" / "b").symlink_to(tmp_path / "outside")
        return int(descriptor)

    monkeypatch.setattr(beneath, "open_beneath", _no_openat2)
    monkeypatch.setattr(os, "open", swapping)
    assert read(DataDirectory(data), b"a", b"b", b"reads.bam") == b"bam"
    monkeypatch.setattr(os, "open", real)
    assert_not_there(DataDirectory(data), b"a", b"b", b"reads.bam")


def test_a_data_directory_may_vanish_and_return(data: Path, tmp_path: Path) -> None:
    directory = DataDirectory(data)
    assert read(directory, b"top.bin") == b"top"
    data.rename(tmp_path / "away")
    assert_not_there(directory, b"top.bin")
    data.write_bytes(b"a file in its place")
    with pytest.raises(NotADirectoryError):
        directory.open([b"top.bin"])
    data.unlink()
    data.mkdir()
    (data / "top.bin").write_bytes(b"another")
    assert read(directory, b"top.bin") == b"another"
    shutil.rmtree(data)
    (tmp_path / "away").rename(data)
    assert read(directory, b"top.bin") == b"top"


def test_a_data_directory_can_be_unmounted_at_any_time(data: Path) -> None:
    (data / "disk").mkdir()
    with tmpfs(data / "disk"):
        (data / "disk" / "x").write_bytes(b"x")
        directory = DataDirectory(data / "disk")
        assert read(directory, b"x") == b"x"
        subprocess.run(["umount", data / "disk"], check=True)  # not lazily: refused if in use
        assert_not_there(directory, b"x")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", data / "disk"], check=True)


_UNPRIVILEGED = """
import os, sys
from biofs.contents.disk import beneath
from biofs.contents.disk.beneath import DataDirectory
os.setgroups([]); os.setgid(65534); os.setuid(65534)
directory = DataDirectory(os.fsencode(sys.argv[1]))
for path in ([b"secret"], [b"closed", b"x"], [b"open"]):
    try:
        descriptor = directory.open(path)
        print(os.read(descriptor, 10).decode())
    except PermissionError:
        print("refused", directory.status(path).st_size if len(path) == 1 else "")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become someone else")
def test_what_is_not_permitted_is_said_to_be_so() -> None:
    where = Path("/tmp") / f"contents-{os.getpid()}"
    where.mkdir(mode=0o755)
    try:
        (where / "secret").write_bytes(b"12345")
        (where / "secret").chmod(0o600)
        (where / "closed").mkdir(mode=0o700)
        (where / "closed" / "x").write_bytes(b"x")
        (where / "open").write_bytes(b"for all")
        (where / "open").chmod(0o644)
        command = [sys.executable, "-c", _UNPRIVILEGED, where]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.splitlines() == ["refused 5", "refused ", "for all"], done.stderr
    finally:
        shutil.rmtree(where)


def test_other_mounts_beneath_are_read(data: Path, tmp_path: Path) -> None:
    (data / "bound").mkdir()
    (data / "memory").mkdir()
    with bind(tmp_path / "outside", data / "bound"), tmpfs(data / "memory"):
        (data / "memory" / "x").write_bytes(b"in memory")
        directory = DataDirectory(data)
        assert read(directory, b"bound", b"reads.bam") == SECRET
        assert read(directory, b"memory", b"x") == b"in memory"


@pytest.mark.parametrize(("fstype", "source"), [("fuse.biofs", "t"), ("fuse", "biofs")])
def test_a_mount_of_biofs_beneath_is_refused_without_asking_it(
    data: Path, fstype: str, source: str
) -> None:
    (data / "mnt").mkdir()
    directory = DataDirectory(data)
    with silent_fuse(data / "mnt", fstype, source):
        for path in ([b"mnt"], [b"mnt", b"x"], [b"mnt", b"x", b"y"]):
            for method in (directory.open, directory.status):
                with pytest.raises(OSError) as caught:
                    promptly(method, path)
                assert caught.value.errno == errno.ELOOP
        with pytest.raises(OSError) as caught:
            promptly(DataDirectory(data / "mnt").open, [b"x"])
        assert caught.value.errno == errno.ELOOP
        assert read(directory, b"top.bin") == b"top"


def test_the_kind_is_that_of_the_mount_it_lies_on(data: Path) -> None:
    (data / "memory").mkdir()
    with tmpfs(data / "memory"):
        kind = DataDirectory(data / "memory").kind
        assert kind is not None
        assert (kind.fstype, kind.is_local) == ("tmpfs", True)
    with pytest.raises(FileNotFoundError):
        _ = DataDirectory(data / "missing").kind


ODD = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"..", b".", b"", b"/", b"a", b"b", b"up", b"root", b"reads.bam", b"../..\0"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(components=st.lists(ODD, max_size=5))
def test_no_component_leads_out(data: Path, components: list[bytes]) -> None:
    for name, target in (("up", ".."), ("root", "/")):
        if not (data / name).is_symlink():
            (data / name).symlink_to(target)
    try:
        descriptor = DataDirectory(data).open(components)
    except OSError:
        return
    try:
        found = os.fsencode(os.readlink(f"/proc/self/fd/{descriptor}"))
        assert found == b"/".join([os.fsencode(os.path.realpath(data)), *components])
    finally:
        os.close(descriptor)
