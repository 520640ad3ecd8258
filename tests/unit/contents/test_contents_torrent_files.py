"""A .torrent file is found by the info hash, whatever its name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from biofs.contents import torrent_files
from biofs.contents.torrent_files import TorrentFiles, default_folders
from tests.unit.contents.contents_support import Clock, promptly


class Parser:
    """Takes a file for a torrent if it begins with "d"; its hash is that of its bytes."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, data: bytes) -> Sequence[str]:
        self.calls += 1
        if not data.startswith(b"d"):
            raise ValueError("not a torrent")
        return [hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest()]


def torrent(number: int) -> bytes:
    return b"d torrent %d" % number


def hash_of(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def parser() -> Parser:
    return Parser()


def files_in(parser: Parser, clock: Clock, *folders: Path) -> TorrentFiles:
    return TorrentFiles(folders, parser, clock=clock.monotonic, wall=clock.wall)


@pytest.mark.parametrize(
    "name", ["{hash}.torrent", "a name.{hash:.16}.torrent", "x {hash}.TORRENT"]
)
def test_a_name_that_tells_of_the_hash_is_enough(
    tmp_path: Path, parser: Parser, clock: Clock, name: str
) -> None:
    for number in range(50):
        data = torrent(number)
        (tmp_path / name.format(hash=hash_of(data))).write_bytes(data)
    files = files_in(parser, clock, tmp_path)
    assert files.find(hash_of(torrent(7))) == torrent(7)
    assert files.find(hash_of(torrent(8)).upper()) == torrent(8)
    assert parser.calls == 2


def test_a_name_that_lies_is_not_believed(tmp_path: Path, parser: Parser, clock: Clock) -> None:
    wanted = hash_of(torrent(1))
    (tmp_path / f"{wanted}.torrent").write_bytes(torrent(2))
    files = files_in(parser, clock, tmp_path)
    assert files.find(wanted) is None
    (tmp_path / "other.torrent").write_bytes(torrent(1))
    clock.now = 1
    assert files.find(wanted) == torrent(1)
    assert files.find(hash_of(torrent(2))) == torrent(2)


def test_other_names_are_read_once(tmp_path: Path, parser: Parser, clock: Clock) -> None:
    for number in range(50):
        (tmp_path / f"{number}.torrent").write_bytes(torrent(number))
    (tmp_path / "notes.txt").write_bytes(torrent(99))
    files = files_in(parser, clock, tmp_path)
    assert files.find(hash_of(torrent(7))) == torrent(7)
    assert parser.calls == 51
    for seconds in (1, 29, 31, 62):
        clock.now = seconds
        assert files.find(hash_of(torrent(99))) is None
    assert parser.calls == 51
    assert files.find(hashlib.sha256(torrent(8)).hexdigest()) == torrent(8)


def test_new_changed_and_removed_files_are_noticed(
    tmp_path: Path, parser: Parser, clock: Clock
) -> None:
    path = tmp_path / "x.torrent"
    path.write_bytes(torrent(1))
    files = files_in(parser, clock, tmp_path)
    assert files.find(hash_of(torrent(1))) == torrent(1)
    path.write_bytes(torrent(22))
    assert files.find(hash_of(torrent(1))) is None
    clock.now = 30
    assert files.find(hash_of(torrent(22))) == torrent(22)
    (tmp_path / "y.torrent").write_bytes(torrent(3))
    clock.now = 31
    assert files.find(hash_of(torrent(3))) == torrent(3)
    path.unlink()
    clock.now = 32
    assert files.find(hash_of(torrent(22))) is None


def test_what_is_no_torrent_is_passed_over(
    tmp_path: Path, parser: Parser, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    folder = tmp_path / "folder"
    folder.mkdir()
    outside.write_bytes(torrent(1))
    (folder / "link.torrent").symlink_to(outside)
    os.mkfifo(folder / "pipe.torrent")
    (folder / "folder.torrent").mkdir()
    (folder / "junk.torrent").write_bytes(b"junk")
    (folder / "empty.torrent").write_bytes(b"")
    (folder / "large.torrent").write_bytes(torrent(123456))
    (folder / "\udcff.torrent").write_bytes(torrent(2))
    monkeypatch.setattr(torrent_files, "MOST_BYTES", 12)
    files = files_in(parser, clock, folder, tmp_path / "missing")
    for number in (1, 123456):
        assert promptly(files.find, hash_of(torrent(number))) is None
    assert files.find(hash_of(torrent(2))) == torrent(2)


@pytest.mark.parametrize("odd", ["", "x" * 40, "ab", "../../etc/passwd", "a" * 41, "é" * 40])
def test_what_is_no_hash_is_not_found(
    tmp_path: Path, parser: Parser, clock: Clock, odd: str
) -> None:
    (tmp_path / "x.torrent").write_bytes(torrent(1))
    assert files_in(parser, clock, tmp_path).find(odd) is None
    assert parser.calls == 0


def test_a_parser_that_gives_odd_hashes_is_survived(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "x.torrent").write_bytes(torrent(1))
    assert TorrentFiles([tmp_path], lambda _data: ["odd"]).find("a" * 40) is None


def test_the_reading_is_limited_and_that_is_said_once(
    tmp_path: Path,
    parser: Parser,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for number in range(10, 60):
        (tmp_path / f"{number}.torrent").write_bytes(torrent(number))
    monkeypatch.setattr(torrent_files, "MOST_FILES", 20)
    files = files_in(parser, clock, tmp_path)
    for turn in range(3):
        clock.now = turn * 30
        assert files.find("a" * 40) is None
    assert parser.calls == 20
    assert len(caplog.messages) == 1
    monkeypatch.setattr(torrent_files, "MOST_READ", 10 * len(torrent(10)))
    parser.calls = 0
    assert files_in(parser, clock, tmp_path).find("a" * 40) is None
    assert parser.calls == 10
    assert len(caplog.messages) == 2


def test_the_folders_of_clients_that_exist(tmp_path: Path) -> None:
    home = tmp_path / "home"
    root = tmp_path / "root"
    assert default_folders(home, {}, root) == []
    expected = [
        home / ".config/transmission/torrents",
        home / ".config/transmission-daemon/torrents",
        root / "var/lib/transmission-daemon/.config/transmission-daemon/torrents",
        home / ".local/share/qBittorrent/BT_backup",
        home / ".local/share/data/qBittorrent/BT_backup",
        home / ".config/deluge/state",
        root / "var/lib/deluged/.config/deluge/state",
    ]
    for folder in expected:
        folder.mkdir(parents=True)
    assert default_folders(home, {"XDG_CONFIG_HOME": "relative"}, root) == expected
    moved = tmp_path / "moved"
    (moved / "deluge/state").mkdir(parents=True)
    (moved / "torrents").mkdir()
    environ = {"XDG_CONFIG_HOME": str(moved), "TRANSMISSION_HOME": str(moved)}
    found = default_folders(home, environ, root)
    assert found[0] == moved / "torrents"
    assert moved / "deluge/state" in found
    assert home / ".config/deluge/state" not in found
