"""The socket lies where only its owner can get at it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from biofs.control import protocol
from biofs.control.protocol import NotPrivate, Place


def test_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    found = protocol.places({"XDG_RUNTIME_DIR": "/run/here"}, 1000)
    assert found == [
        Place(Path("/run/here/biofs")),
        Place(Path("/run/user/1000/biofs")),
        Place(Path("/home/ada/.local/state/biofs/run"), at_home=True),
    ]


@pytest.mark.parametrize("given", ["", "relative", "/run/user/1000"])
def test_a_runtime_directory_that_says_nothing_new(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    found = protocol.places({"XDG_RUNTIME_DIR": given}, 1000)
    assert found[0].path == Path("/run/user/1000/biofs")
    assert len(found) == 2


def test_names_differ_and_have_a_length_that_fits() -> None:
    names = [protocol.name(place) for place in ("/a", "/b", "/" + "x" * 4000, "/\udcff")]
    assert len(set(names)) == 4
    assert {len(name) for name in names} == {39}


def test_made_directories_are_private(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        Place(tmp_path / "state" / "run", at_home=True).make()
        (tmp_path / "runtime").mkdir()
        Place(tmp_path / "runtime" / "biofs").make()
    finally:
        os.umask(old)
    for made in ("state/run", "state", "runtime/biofs"):
        assert (tmp_path / made).stat().st_mode & 0o777 == 0o700


def test_a_session_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Place(tmp_path / "no session" / "biofs").make()
    assert list(tmp_path.iterdir()) == []


def test_an_open_directory_stays_what_it_is(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 200)
    directory.mkdir(mode=0o700)
    (directory / "file").write_text("content")
    with protocol.opened(directory) as at:
        directory.rename(tmp_path / "elsewhere")
        assert Path(at, "file").read_text() == "content"
        assert len(at) < 40
    assert not Path(at, "file").exists()


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o770, 0o777])
def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "directory"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(NotPrivate, match="others can enter it: run `chmod 700 "):
        protocol.opened(directory).__enter__()


def test_a_directory_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(NotPrivate, match="belongs to another user"):
        protocol.opened(tmp_path).__enter__()


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("directory")
    with pytest.raises(NotADirectoryError):
        protocol.opened(tmp_path / "link").__enter__()


def test_refusing_leaves_nothing_open(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(NotPrivate):
            protocol.opened(tmp_path).__enter__()
    assert len(os.listdir("/proc/self/fd")) == before
