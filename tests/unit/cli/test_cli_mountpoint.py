"""What makes a directory unfit to mount at, and what a dead mount there leads to."""

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from biofs.cli.system import fuse, processes
from biofs.cli.system.fuse import Look
from biofs.contents.disk import mountinfo
from biofs.contents.disk.mountinfo import Mount
from biofs.errors import QuietError


def refused(path: Path | str, *, nonempty: bool = False) -> str:
    with pytest.raises(QuietError) as caught:
        fuse.prepare(str(path), nonempty=nonempty)
    return caught.value.message


def test_an_empty_directory_is_fit(tmp_path: Path) -> None:
    assert fuse.prepare(str(tmp_path)) == tmp_path


def test_links_are_followed_and_the_path_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    assert fuse.prepare("link/") == tmp_path / "real"


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff \n")
    path.mkdir()
    assert fuse.prepare(str(path)) == path


def test_unfit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    absent = tmp_path / "not there"
    assert refused(absent) == f"{absent}: no such directory: make it with `mkdir -p '{absent}'`"
    assert refused(file) == f"{file}: not a directory: choose an empty directory"
    assert refused(file / "x") == f"{file / 'x'}: not a directory: choose an empty directory"
    assert refused(tmp_path) == (
        f"{tmp_path}: not empty: choose an empty directory, or hide what is in it with -o nonempty"
    )
    assert refused("") == "the mountpoint is empty: name a directory"
    assert refused(tmp_path / ("n" * 300)).endswith(": File name too long")


def test_nonempty_has_to_be_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert fuse.prepare(str(tmp_path), nonempty=True) == tmp_path


def test_a_user_needs_leave_to_write_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert refused(tmp_path).startswith(f"{tmp_path}: you cannot write there")


class Machine:
    """A machine on which looking, the mounts, and fusermount3 are played."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks: list[Look | None] = []
        self.mounts: list[Mount] = []
        self.ran: list[tuple[str, ...]] = []
        self.outcome: processes.Ended | None = processes.Ended(0, b"", "")
        monkeypatch.setattr(fuse, "look", lambda _path, _patience: self.looks.pop(0))
        monkeypatch.setattr(mountinfo, "read", lambda: list(self.mounts))
        monkeypatch.setattr(fuse, "fusermount", lambda: "/bin/fusermount3")
        monkeypatch.setattr(processes, "run", self.run)
        monkeypatch.setattr(os, "access", lambda _path, _mode: True)

    def run(self, arguments: Sequence[str], seconds: float) -> processes.Ended | None:
        self.ran.append(tuple(arguments))
        if self.outcome is not None and self.outcome.code == 0:
            self.mounts.clear()
        return self.outcome


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_live_mount_is_refused(played: Machine) -> None:
    played.looks = [Look("/m", errno.ENOTEMPTY)]
    played.mounts = [Mount(9, 1, "/m", "fuse.biofs", "x")]
    assert refused("m", nonempty=True) == "m: already mounted: `biofs umount m` ends that mount"
    assert played.ran == []


def test_a_dead_mount_is_removed_and_its_directory_reused(played: Machine) -> None:
    played.looks = [Look("/m", errno.ENOTCONN), Look("/m", 0)]
    played.mounts = [Mount(9, 1, "/m", "fuse.biofs", "x")]
    assert fuse.prepare("/m") == Path("/m")
    assert played.ran == [("/bin/fusermount3", "-u", "-z", "--", "/m")]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (processes.Ended(1, b"", "fusermount3: not permitted"), "fusermount3: not permitted"),
        (None, "fusermount3 does not end"),
    ],
)
def test_a_dead_mount_that_cannot_be_removed(
    played: Machine, outcome: processes.Ended | None, reason: str
) -> None:
    played.looks = [Look("/m", errno.ENOTCONN)]
    played.mounts = [Mount(9, 1, "/m", "fuse.biofs", "x")]
    played.outcome = outcome
    assert refused("/m") == f"/m: the mount that ended there cannot be removed: {reason}"


@pytest.mark.parametrize(
    ("error", "state"), [(errno.ENOTCONN, "a dead mount"), (0, "busy with a mount")]
)
def test_mounts_of_others_are_left_alone(played: Machine, error: int, state: str) -> None:
    played.looks = [Look("/m", error)]
    played.mounts = [Mount(9, 1, "/m", "fuse.sshfs", "host:")]
    assert refused("/m") == f"/m: {state} of host: (fuse.sshfs): `fusermount3 -u /m` ends it"
    assert played.ran == []


def test_an_empty_disk_can_be_mounted_over(played: Machine) -> None:
    played.looks = [Look("/m", 0)]
    played.mounts = [Mount(9, 1, "/m", "tmpfs", "tmpfs")]
    assert fuse.prepare("/m") == Path("/m")


def test_what_hangs_is_not_waited_for(played: Machine) -> None:
    played.looks = [None]
    assert refused("/m").startswith("/m: does not answer: what is mounted there hangs")


def test_a_look_that_takes_too_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forked: list[int] = []
    fork = os.fork

    def forking() -> int:
        forked.append(fork())
        return forked[0]

    monkeypatch.setattr(os, "fork", forking)
    monkeypatch.setattr(os, "scandir", lambda _: time.sleep(3600))
    assert fuse.look(str(tmp_path), patience=0.0) is None
    with pytest.raises(ChildProcessError):  # the child that looked is gone
        os.waitpid(forked[0], os.WNOHANG)


def test_a_mount_that_is_dying_this_moment_is_looked_at_again(
    played: Machine, tmp_path: Path
) -> None:
    path = str(tmp_path)
    played.mounts = [Mount(9, 1, path, "fuse.biofs", "torrents.bio")]
    looks = (errno.ECONNABORTED, errno.ENOTCONN, 0)
    played.looks = [Look(path, error) for error in looks]
    assert fuse.prepare(path) == tmp_path
    assert len(played.ran) == 1
