"""Files with secrets: who may own them, and what is no file to read them from."""

import os
from pathlib import Path

import pytest

from biofs.errors import ConfigError
from biofs.settings import private_files


def test_its_content_does_not_show(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"hidden-content")
    path.chmod(0o600)
    file = private_files.read(path)
    assert file.content == b"hidden-content"
    assert (file.mode, file.owner) == (0o600, os.geteuid())
    assert "hidden" not in repr(file)


@pytest.mark.parametrize(("me", "owner"), [(1000, 1000), (1000, 0), (0, 0)])
def test_own_files_and_those_of_root_are_trusted(
    monkeypatch: pytest.MonkeyPatch, me: int, owner: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: me)
    file = private_files.PrivateFile(Path("/f"), b"", 0o600, owner)
    file.check(private_files.SECRET)
    assert file.owner == owner


@pytest.mark.parametrize(("me", "owner"), [(1000, 1001), (0, 1000)])
def test_those_of_others_are_not(monkeypatch: pytest.MonkeyPatch, me: int, owner: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: me)
    file = private_files.PrivateFile(Path("/f"), b"", 0o600, owner)
    with pytest.raises(ConfigError, match="belongs to another user"):
        file.check(private_files.SECRET)


@pytest.mark.parametrize(
    ("mode", "forbidden", "message"),
    [
        (0o640, private_files.SECRET, "/a b: others can read it: run `chmod 600 '/a b'`"),
        (0o662, private_files.SECRET, "/a b: others can write it: run `chmod 600 '/a b'`"),
        (0o442, private_files.WRITABLE, "/a b: others can write it: run `chmod 400 '/a b'`"),
    ],
)
def test_the_command_to_run_is_said(mode: int, forbidden: int, message: str) -> None:
    file = private_files.PrivateFile(Path("/a b"), b"", mode, 0)
    with pytest.raises(ConfigError) as caught:
        file.check(forbidden)
    assert caught.value.message == message


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        private_files.read(tmp_path / "absent")
    with pytest.raises(ConfigError, match="a directory, not a file"):
        private_files.read(tmp_path)
    with pytest.raises(ConfigError, match="not a regular file"):
        private_files.read(Path("/dev/zero"))
    with pytest.raises(ConfigError, match="cannot be read: File name too long"):
        private_files.read(tmp_path / ("n" * 300))
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        private_files.read(Path("/dev/null/f"))
    with pytest.raises(ConfigError, match="cannot be read: not the path of a file"):
        private_files.read(tmp_path / "a\0b")


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        private_files.read(path)


@pytest.mark.parametrize("replace", [True, False])
def test_what_is_written_is_private(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "f"
    private_files.write(path, b"content", replace=replace)
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_only_if_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with pytest.raises(FileExistsError):
        private_files.write(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    private_files.write(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), private_files.replacing(path) as fresh:
        fresh.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_for_everybody_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with private_files.replacing(path, 0o644) as fresh:
        assert fresh.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_mode & 0o777 == 0o644
