"""Which mount a path lies in is found without looking into the mount."""

import os
from pathlib import Path

import pytest

from biofs.cli import mount_lookup
from biofs.contents.disk.mountinfo import FSTYPE, Mount
from biofs.control import client
from biofs.control.protocol import Ask
from biofs.errors import QuietError


def mount(mountpoint: str | Path, number: int = 10, parent: int = 1, fstype: str = FSTYPE) -> Mount:
    return Mount(number, parent, str(mountpoint), fstype, "demo")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mountpoint into which nobody looks."""
    found = tmp_path / "mnt"
    found.mkdir()
    readlink = os.readlink

    def watched(path: str) -> str:
        assert not os.fspath(path).startswith(f"{found}/"), "looked into the mount"
        assert os.fspath(path) != str(found), "looked at the mount"
        return readlink(path)

    monkeypatch.setattr(os, "readlink", watched)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("{mnt}", ""),
        ("{mnt}/", ""),
        ("mnt", ""),
        ("./mnt/categories//Images", "categories//Images"),
        ("mnt/groups/1/../2", "groups/1/../2"),
        ("{mnt}/../mnt/x", "x"),
        ("{mnt}/categories/../../mnt/x", "x"),
        ("{mnt}/groups/1/../../../mnt", "groups/1/../../../mnt"),
        ("nothing/../mnt/x", "x"),
        ("link/x", "x"),
        ("far/link/x", "x"),
        ("deep/x", "sub/x"),
        ("absolute/x", "x"),
        ("mnt/\udcff/\n", "\udcff/\n"),
    ],
)
def test_paths_in_a_mount(place: Path, path: str, rest: str) -> None:
    home = place.parent
    (home / "link").symlink_to("mnt")
    (home / "far").symlink_to(home)
    (home / "deep").symlink_to("link/sub")
    (home / "absolute").symlink_to(place)
    found = mount_lookup.locate(path.replace("{mnt}", str(place)), [mount(place)])
    assert found == (str(place), rest)


@pytest.mark.parametrize("path", ["{mnt}/..", "/", "elsewhere", "mntx", "loop"])
def test_paths_elsewhere(place: Path, path: str) -> None:
    (place.parent / "loop").symlink_to("loop")
    path = path.replace("{mnt}", str(place))
    with pytest.raises(QuietError) as caught:
        mount_lookup.locate(path, [mount(place)])
    assert caught.value.message.startswith(f"{path}: ")


def test_the_mount_on_top_counts(tmp_path: Path) -> None:
    below, above = mount(tmp_path), mount(tmp_path, number=11, parent=10, fstype="tmpfs")
    with pytest.raises(QuietError, match="not in a mount of biofs"):
        mount_lookup.locate(str(tmp_path), [below, above])
    assert mount_lookup.locate(str(tmp_path), [below])


def test_no_path_at_all() -> None:
    with pytest.raises(QuietError) as caught:
        mount_lookup.locate("", [])
    assert caught.value.exitcode == 2


def test_a_current_directory_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(QuietError, match="relative to a current directory that is gone"):
        mount_lookup.locate("x", [])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (client.NoMount(), "{mnt}: no answer: that mount is another user's, or of an older biofs"),
        (client.Failed("not known yet"), "{mnt}/x: not known yet"),
    ],
)
def test_what_a_mount_does_not_answer(
    place: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    asked: list[tuple[str, Ask]] = []

    def ask(mountpoint: str, what: Ask, _progress: object) -> dict[str, object]:
        asked.append((mountpoint, what))
        raise error

    monkeypatch.setattr(client, "ask", ask)
    monkeypatch.setattr("biofs.contents.disk.mountinfo.read", lambda: [mount(place)])
    with pytest.raises(QuietError) as caught:
        mount_lookup.ask(f"{place}/x", "explain", wait=False)
    assert caught.value.message == said.replace("{mnt}", str(place))
    assert asked == [(str(place), Ask(do="explain", path="x", wait=False))]
