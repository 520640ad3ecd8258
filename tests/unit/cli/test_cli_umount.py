"""What `biofs umount` runs, waits for and says."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from biofs.cli import main
from biofs.cli.commands import umount
from biofs.cli.system import fuse, processes
from biofs.cli.system.fuse import Look
from biofs.cli.system.processes import Holder
from biofs.contents.disk import mountinfo
from biofs.contents.disk.mountinfo import Mount


class Machine:
    """A machine on which the mounts and fusermount3 are played."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mounts: list[Mount] = []
        self.ran: list[tuple[str, ...]] = []
        self.outcome: processes.Ended | None = processes.Ended(0, b"", "")
        self.holders: list[Holder] = []
        self.resolved = "/nowhere"
        monkeypatch.setattr(mountinfo, "read", lambda: list(self.mounts))
        monkeypatch.setattr(fuse, "fusermount", lambda: "fusermount3")
        monkeypatch.setattr(processes, "run", self.run)
        monkeypatch.setattr(umount, "holders", lambda _mountpoint: self.holders)
        monkeypatch.setattr(umount, "look", lambda _path: Look(self.resolved, 0))

    def run(self, arguments: Sequence[str], seconds: float) -> processes.Ended | None:
        self.ran.append(tuple(arguments))
        if self.outcome is not None and self.outcome.code == 0:
            self.mounts.pop()
        return self.outcome


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def biofs_at(path: Path | str) -> Mount:
    return Mount(9, 1, str(path), "fuse.biofs", "torrents.bio")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["umount", *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_it_ends_the_mount(played: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    played.mounts = [biofs_at("/m")]
    assert main(["umount", "/m/"]) == 0
    assert played.ran == [("fusermount3", "-u", "--", "/m")]
    assert capsys.readouterr() == ("", "")


def test_only_the_topmost_of_two(played: Machine) -> None:
    played.mounts = [biofs_at("/m"), Mount(10, 9, "/m", "fuse.biofs", "demo")]
    assert main(["umount", "/m"]) == 0
    assert played.mounts == [biofs_at("/m")]


def test_by_a_relative_name_or_a_link_above_it(
    played: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real/m").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path)
    for name in ("real/m", "link/m", "./link/m//"):
        played.mounts = [biofs_at(tmp_path / "real/m")]
        assert main(["umount", name]) == 0
    assert len(played.ran) == 3


def test_by_a_link_to_it(played: Machine) -> None:
    played.mounts = [biofs_at("/m")]
    played.resolved = "/m"
    assert main(["umount", "/a/link"]) == 0
    assert played.mounts == []


def test_lazily(played: Machine) -> None:
    played.mounts = [biofs_at("/m")]
    assert main(["umount", "--lazy", "/m"]) == 0
    assert played.ran == [("fusermount3", "-u", "-z", "--", "/m")]


def test_nothing_mounted(played: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "/m") == "biofs: /m: not mounted: nothing to do\n"
    assert played.ran == []


def test_mounts_of_others_are_left_alone(
    played: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    played.mounts = [Mount(1, 0, "/", "ext4", "/dev/a\nb")]
    said = "biofs: /: not a mount of biofs but of /dev/a b (ext4): left alone\n"
    assert refused(capsys, "/") == said
    assert played.ran == []


def test_in_use(played: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    played.mounts = [biofs_at("/a b")]
    played.outcome = processes.Ended(1, b"", "fusermount3: failed: Device or resource busy\n")
    lazily = "`biofs umount --lazy '/a b'` detaches it all the same\n"
    assert refused(capsys, "/a b") == f"biofs: /a b: in use: {lazily}"

    played.holders = [Holder(7, "bash")]
    assert refused(capsys, "/a b") == f"biofs: /a b: in use by bash (pid 7): {lazily}"

    played.holders = [Holder(pid, "less") for pid in range(1, 6)]
    assert refused(capsys, "/a b") == (
        "biofs: /a b: in use by less (pid 1), less (pid 2), less (pid 3) and 2 more: " + lazily
    )


def test_other_failures(played: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    played.mounts = [biofs_at("/m")]
    played.outcome = processes.Ended(1, b"", "fusermount3: entry for /m not found in /etc/mtab\n")
    assert refused(capsys, "/m") == "biofs: /m: fusermount3: entry for /m not found in /etc/mtab\n"
    played.outcome = processes.Ended(1, b"", "")
    assert refused(capsys, "/m") == "biofs: /m: fusermount3 failed without a word\n"
    played.outcome = None
    assert refused(capsys, "/m").startswith("biofs: /m: the mount does not answer: `biofs umount")


def test_who_holds_it(tmp_path: Path) -> None:
    def process(pid: int, name: str | None, cwd: str, *files: str) -> None:
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "cwd").symlink_to(cwd)
        (tmp_path / str(pid) / "root").symlink_to("/")
        for number, file in enumerate(files):
            (tmp_path / str(pid) / "fd" / str(number)).symlink_to(file)
        if name is not None:
            (tmp_path / str(pid) / "comm").write_text(f"{name}\n")

    process(30, "less", "/", "/dev/pts/0", "/m/categories/x")
    process(4, "bash", "/m")
    process(5, "other", "/mm", "/m2/x")
    process(6, None, "/m/users")
    process(os.getpid(), "biofs", "/m")
    (tmp_path / "7").mkdir()
    (tmp_path / "self").mkdir()
    found = processes.holders("/m", tmp_path)
    assert found == [Holder(4, "bash"), Holder(6, "a process"), Holder(30, "less")]
