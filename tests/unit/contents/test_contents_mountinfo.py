"""mountinfo as the kernel writes it, and as it must not break us."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biofs.contents.disk import mountinfo
from biofs.contents.disk.mountinfo import Mount

ROOT = b"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,discard"
BIOFS = b"97 22 0:51 / /home/me/bio\\040torrents ro,nosuid - fuse.biofs torrents.bio ro,user_id=0"
SSHFS = b"98 22 0:52 / /mnt/a\\134b\\011c rw shared:1 master:2 - fuse.sshfs host:/x rw"


def test_the_documented_form() -> None:
    assert mountinfo.parse(b"\n".join([ROOT, BIOFS, SSHFS, b""])) == [
        Mount(22, 1, "/", "ext4", "/dev/root"),
        Mount(97, 22, "/home/me/bio torrents", "fuse.biofs", "torrents.bio"),
        Mount(98, 22, "/mnt/a\\b\tc", "fuse.sshfs", "host:/x"),
    ]


def test_what_is_fuse_and_what_is_biofs() -> None:
    root, biofs, sshfs = mountinfo.parse(b"\n".join([ROOT, BIOFS, SSHFS]))
    assert [mount.is_biofs for mount in (root, biofs, sshfs)] == [False, True, False]
    assert [mount.is_fuse for mount in (root, biofs, sshfs)] == [False, True, True]
    assert Mount(1, 1, "/", "fuse", "x").is_fuse
    assert not Mount(1, 1, "/", "fusectl", "x").is_fuse


def test_names_that_are_not_utf8_survive() -> None:
    line = b"97 22 0:51 / /mnt/\xff\xfe ro - fuse.biofs x ro"
    assert os.fsencode(mountinfo.parse(line)[0].mountpoint) == b"/mnt/\xff\xfe"


def test_lines_of_another_form_are_passed_over() -> None:
    odd = [b"", b"junk", b"a b c d e f - g h", b"1 2 3:4 / /m - ext4", b"1 2 3:4 / - ext4 /dev/x"]
    assert mountinfo.parse(b"\n".join([*odd, BIOFS])) == mountinfo.parse(BIOFS)


@given(st.binary())
def test_nothing_breaks_it(text: bytes) -> None:
    assert all(mount.id >= 0 for mount in mountinfo.parse(text))


def test_of_stacked_mounts_the_topmost_counts_in_any_order() -> None:
    below = Mount(30, 22, "/m", "ext4", "/dev/a")
    middle = Mount(31, 30, "/m", "fuse.sshfs", "h:")
    top = Mount(32, 31, "/m", "fuse.biofs", "x")
    elsewhere = Mount(33, 32, "/m/sub", "tmpfs", "t")
    for order in ([below, middle, top, elsewhere], [elsewhere, top, below, middle]):
        assert mountinfo.topmost(order, "/m") == top
    assert mountinfo.topmost([below], "/n") is None


def test_this_machine_tells_its_mounts() -> None:
    proc = mountinfo.topmost(mountinfo.read(), "/proc")
    assert proc is not None
    assert proc.fstype == "proc"


@pytest.mark.parametrize("path", ["/", "/proc", "/dev/shm", "."])
def test_the_mount_of_a_descriptor_is_that_of_fdinfo(path: str, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path if path == "." else path, os.O_PATH)
    try:
        told = mountinfo._by_fdinfo(descriptor)
        assert mountinfo._by_handle(descriptor) in {told, None}
        assert mountinfo.of_descriptor(descriptor) == told
    finally:
        os.close(descriptor)


def test_a_descriptor_that_is_closed_is_an_error() -> None:
    descriptor = os.open("/", os.O_PATH)
    os.close(descriptor)
    assert mountinfo._by_handle(descriptor) is None
    with pytest.raises(OSError):
        mountinfo.of_descriptor(descriptor)


def test_where_handles_are_forbidden_fdinfo_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open("/", os.O_PATH)
    try:
        told = mountinfo.of_descriptor(descriptor)
        monkeypatch.setattr(mountinfo, "_name_to_handle_at", lambda *_: -1)
        assert mountinfo.of_descriptor(descriptor) == told
        monkeypatch.setattr(mountinfo, "_name_to_handle_at", None)
        assert mountinfo.of_descriptor(descriptor) == told
    finally:
        os.close(descriptor)
